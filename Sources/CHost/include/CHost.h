// Thin shims for what Swift cannot reach: atomics on raw guest memory, signal frames, system calls without a
// wrapper. No logic lives here.
#ifndef RINGBOX_CHOST_H
#define RINGBOX_CHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CHostAtomics.h"
#include "CHostSystem.h"
#include "CHostEvents.h"
#include "CHostThunk.h"
#include "CHostSampler.h"

#endif
