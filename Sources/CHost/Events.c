#define _GNU_SOURCE
#include "CHostEvents.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

int rb_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int rb_signalfd(const sigset_t *set) { return signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC); }

int rb_signalfd_next(int descriptor) {
  struct signalfd_siginfo info;
  return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int rb_pseudo_terminal(char *path, size_t size) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (master < 0) return -1;
  if (grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, path, size) == 0) return master;
  int error = errno;
  close(master);
  errno = error;
  return -1;
}

static int same(const struct termios *a, const struct termios *b) {
  return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
         a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

int rb_terminal_guard(int tty, const struct termios *raw, const struct termios *sane) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  pid_t child = fork();
  if (child != 0) {
    int error = errno;
    close(ends[0]);
    // The write end stays open on purpose: the kernel closes it when this process ends.
    if (child < 0) close(ends[1]);
    errno = error;
    return child < 0 ? -1 : 0;
  }
  sigset_t all;
  sigfillset(&all);
  // SIGTTOU among them: the settings can be put back from the background.
  sigprocmask(SIG_SETMASK, &all, NULL);
  prctl(PR_SET_NAME, "ringbox-guard");
  if (dup2(tty, 0) < 0 || dup2(ends[0], 1) < 0) _exit(1);
  close_range(2, ~0U, 0);
  char byte;
  while (read(1, &byte, 1) < 0 && errno == EINTR) {
  }
  struct termios now;
  if (tcgetattr(0, &now) == 0 && same(&now, raw)) tcsetattr(0, TCSANOW, sane);
  _exit(0);
}
