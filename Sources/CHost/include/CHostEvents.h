// Descriptors for wake-ups and signals, and putting a terminal back when its process no longer can.
#ifndef RINGBOX_CHOST_EVENTS_H
#define RINGBOX_CHOST_EVENTS_H

#include <signal.h>
#include <stddef.h>
#include <termios.h>

/// eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); -1 and errno on failure.
int rb_eventfd(void);
/// signalfd for `set`, non-blocking and close-on-exec; -1 and errno on failure.
int rb_signalfd(const sigset_t *set);
/// The number of the next signal of a signalfd, or 0.
int rb_signalfd_next(int descriptor);

/// Opens a new pseudo-terminal, non-blocking and close-on-exec, and stores the other end's path; -1 and errno on failure.
int rb_pseudo_terminal(char *path, size_t size);

/// Starts a child that waits for the end of this process, however it comes, and then gives terminal `tty` the settings
/// `sane` if it still has the settings `raw`. The child keeps nothing else open. Call it while there is one thread only.
/// Returns 0, or -1 and errno.
int rb_terminal_guard(int tty, const struct termios *raw, const struct termios *sane);

#endif
