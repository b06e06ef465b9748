#define _GNU_SOURCE
#include "CHost.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int rb_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int rb_punch_hole(int fd, int64_t offset, int64_t count) {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count);
}

ssize_t rb_read_cached(int fd, const struct iovec *vectors, int count, int64_t offset) {
  return preadv2(fd, vectors, count, offset, RWF_NOWAIT);
}

int rb_allocate(int fd, int64_t count) { return fallocate(fd, 0, 0, count); }

int rb_tap_open(const char *path, const char *name) {
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  // Whoever used it before may have left offloads on: frames would come larger than wires carry them.
  if (ioctl(fd, TUNSETIFF, &request) != 0 || ioctl(fd, TUNSETOFFLOAD, 0) != 0) {
    int code = errno;
    close(fd);
    errno = code;
    return -1;
  }
  return fd;
}

int rb_macvtap_address(int fd, const uint8_t *address) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  memcpy(request.ifr_hwaddr.sa_data, address, 6);
  return ioctl(fd, SIOCSIFHWADDR, &request);
}

void rb_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds) {
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nanoseconds < 0 ? NULL : &limit, NULL, 0);
}

void rb_futex_wake(const uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0); }

void rb_wake_on_time(void) { prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); }
