// Sequentially consistent atomics on plain (guest) memory: Swift's Atomic cannot be laid over memory it does not own.
// Any alignment is accepted: x86 LOCK works across cache lines.
#ifndef RINGBOX_CHOST_ATOMICS_H
#define RINGBOX_CHOST_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>


static inline uint8_t rb_xchg8(void *p, uint8_t v) {
  __asm__ volatile("xchgb %0, %1" : "+q"(v), "+m"(*(uint8_t *)p) : : "memory");
  return v;
}
static inline uint8_t rb_xadd8(void *p, uint8_t v) {
  __asm__ volatile("lock xaddb %0, %1" : "+q"(v), "+m"(*(uint8_t *)p) : : "memory", "cc");
  return v;
}
/// Compare-and-exchange: `*expected` receives the old value; true when the exchange happened.
static inline bool rb_cas8(void *p, uint8_t *expected, uint8_t desired) {
  bool ok;
  uint8_t old = *expected;
  __asm__ volatile("lock cmpxchgb %3, %1" : "+a"(old), "+m"(*(uint8_t *)p), "=@ccz"(ok) : "q"(desired) : "memory", "cc");
  *expected = old;
  return ok;
}

static inline uint16_t rb_xchg16(void *p, uint16_t v) {
  __asm__ volatile("xchgw %0, %1" : "+r"(v), "+m"(*(uint16_t *)p) : : "memory");
  return v;
}
static inline uint16_t rb_xadd16(void *p, uint16_t v) {
  __asm__ volatile("lock xaddw %0, %1" : "+r"(v), "+m"(*(uint16_t *)p) : : "memory", "cc");
  return v;
}
/// Compare-and-exchange: `*expected` receives the old value; true when the exchange happened.
static inline bool rb_cas16(void *p, uint16_t *expected, uint16_t desired) {
  bool ok;
  uint16_t old = *expected;
  __asm__ volatile("lock cmpxchgw %3, %1" : "+a"(old), "+m"(*(uint16_t *)p), "=@ccz"(ok) : "r"(desired) : "memory", "cc");
  *expected = old;
  return ok;
}

static inline uint32_t rb_xchg32(void *p, uint32_t v) {
  __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(*(uint32_t *)p) : : "memory");
  return v;
}
static inline uint32_t rb_xadd32(void *p, uint32_t v) {
  __asm__ volatile("lock xaddl %0, %1" : "+r"(v), "+m"(*(uint32_t *)p) : : "memory", "cc");
  return v;
}
/// Compare-and-exchange: `*expected` receives the old value; true when the exchange happened.
static inline bool rb_cas32(void *p, uint32_t *expected, uint32_t desired) {
  bool ok;
  uint32_t old = *expected;
  __asm__ volatile("lock cmpxchgl %3, %1" : "+a"(old), "+m"(*(uint32_t *)p), "=@ccz"(ok) : "r"(desired) : "memory", "cc");
  *expected = old;
  return ok;
}

static inline uint64_t rb_xchg64(void *p, uint64_t v) {
  __asm__ volatile("xchgq %0, %1" : "+r"(v), "+m"(*(uint64_t *)p) : : "memory");
  return v;
}
static inline uint64_t rb_xadd64(void *p, uint64_t v) {
  __asm__ volatile("lock xaddq %0, %1" : "+r"(v), "+m"(*(uint64_t *)p) : : "memory", "cc");
  return v;
}
/// Compare-and-exchange: `*expected` receives the old value; true when the exchange happened.
static inline bool rb_cas64(void *p, uint64_t *expected, uint64_t desired) {
  bool ok;
  uint64_t old = *expected;
  __asm__ volatile("lock cmpxchgq %3, %1" : "+a"(old), "+m"(*(uint64_t *)p), "=@ccz"(ok) : "r"(desired) : "memory", "cc");
  *expected = old;
  return ok;
}

/// 16-byte compare-and-exchange; `p` must be 16-byte aligned (CMPXCHG16B checks it before).
static inline bool rb_cas128(void *p, uint64_t *expectedLow, uint64_t *expectedHigh, uint64_t low, uint64_t high) {
  bool ok;
  uint64_t a = *expectedLow, d = *expectedHigh;
  __asm__ volatile("lock cmpxchg16b %1" : "+a"(a), "+m"(*(unsigned __int128 *)p), "=@ccz"(ok), "+d"(d) : "b"(low), "c"(high) : "memory", "cc");
  *expectedLow = a;
  *expectedHigh = d;
  return ok;
}
static inline uint8_t rb_or8(void *p, uint8_t v) { return __atomic_fetch_or((uint8_t *)p, v, __ATOMIC_SEQ_CST); }
static inline uint8_t rb_and8(void *p, uint8_t v) { return __atomic_fetch_and((uint8_t *)p, v, __ATOMIC_SEQ_CST); }
static inline uint64_t rb_or64(void *p, uint64_t v) { return __atomic_fetch_or((uint64_t *)p, v, __ATOMIC_SEQ_CST); }
static inline uint64_t rb_and64(void *p, uint64_t v) { return __atomic_fetch_and((uint64_t *)p, v, __ATOMIC_SEQ_CST); }
static inline uint64_t rb_load64(const void *p) { return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED); }
static inline uint8_t rb_load8(const void *p) { return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED); }
static inline uint32_t rb_load32(const void *p) { return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED); }
static inline void rb_store32(void *p, uint32_t v) { __atomic_store_n((uint32_t *)p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t rb_load32_acquire(const void *p) { return __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE); }
static inline uint32_t rb_or32(void *p, uint32_t v) { return __atomic_fetch_or((uint32_t *)p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t rb_and32(void *p, uint32_t v) { return __atomic_fetch_and((uint32_t *)p, v, __ATOMIC_SEQ_CST); }
static inline void rb_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline uint64_t rb_rdtsc(void) { return __builtin_ia32_rdtsc(); }
static inline void rb_pause(void) { __builtin_ia32_pause(); }

#endif
