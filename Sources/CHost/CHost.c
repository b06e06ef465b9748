#define _GNU_SOURCE
#include "CHost.h"

#include <sys/mman.h>

int rb_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }
