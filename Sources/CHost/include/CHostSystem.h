// Calls whose C form Swift cannot import: variadics, macros.
#ifndef RINGBOX_CHOST_SYSTEM_H
#define RINGBOX_CHOST_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// memfd_create(name, MFD_CLOEXEC); -1 and errno on failure.
int rb_memfd(const char *name);

/// fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, ...); -1 and errno on failure.
int rb_punch_hole(int fd, int64_t offset, int64_t count);
/// preadv2 with RWF_NOWAIT: what the page cache holds, without waiting for a disk; -1 and errno on failure.
ssize_t rb_read_cached(int fd, const struct iovec *vectors, int count, int64_t offset);
/// fallocate without flags from the start of the file: takes the space of `count` bytes.
int rb_allocate(int fd, int64_t count);

/// Opens `path` (/dev/net/tun, or the /dev/tapN of a macvtap) as the tap interface `name`, which must be there, for
/// plain frames without headers of any kind; -1 and errno on failure.
int rb_tap_open(const char *path, const char *name);
/// Gives the macvtap behind `fd` the Ethernet address of six bytes; -1 and errno on failure.
int rb_macvtap_address(int fd, const uint8_t *address);

/// Sleeps while `*word == expected`, until woken, a signal, or `nanoseconds` have passed (negative: no limit).
void rb_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds);
/// Wakes every thread that sleeps on `word`.
void rb_futex_wake(const uint32_t *word);

/// The calling thread's sleeps end when they are to: without the 50 microseconds by which Linux may put them off to wake
/// several threads at once.
void rb_wake_on_time(void);

/// CPUID of the host.
static inline void rb_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
  __asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(subleaf));
}
/// XGETBV of the host.
static inline uint64_t rb_xgetbv(uint32_t index) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
  return (uint64_t)high << 32 | low;
}

#endif
