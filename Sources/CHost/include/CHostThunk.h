// Calling small pieces of generated host code that may raise SIGFPE, SIGILL, SIGSEGV or SIGBUS, and getting control
// back when they do.
#ifndef RINGBOX_CHOST_THUNK_H
#define RINGBOX_CHOST_THUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Installs the process-wide signal handlers. Idempotent.
void rb_thunk_install(void);
/// Gives the calling thread an alternate signal stack of its own. Idempotent.
void rb_thunk_prepare_thread(void);
/// Calls `code(state in rsi, memory in rdi)`; returns 0, or the number of the signal that ended it.
/// `code` may use rax, rcx, rdx, rsi, rdi and vector registers, and must leave MXCSR at its default of 1F80h.
int rb_thunk_call(const void *code, void *state, void *memory);

/// What the last signal inside a thunk or in generated code found on this thread: exception vector, its error code, CR2,
/// MXCSR, the address of the instruction.
typedef struct {
  uint64_t pc;
  uint32_t vector;
  uint32_t error_code;
  uint64_t address;
  uint32_t mxcsr;
} rb_thunk_fault;
rb_thunk_fault rb_thunk_last_fault(void);

/// Points GS of the calling thread at `base`.
void rb_set_gs_base(void *base);
/// Faults of this thread between `start` and `end` continue at `entry`, with every register as it was. Nothing when
/// `start` is 0. Code there may use the stack pointer as it likes.
void rb_generated_code(uintptr_t start, uintptr_t end, uintptr_t entry);

/// Whether an unmasked x87 exception is pending (ES of the thread's status word).
static inline bool rb_x87_pending(void) {
  uint16_t status;
  __asm__ volatile("fnstsw %0" : "=a"(status));
  return status & 0x80;
}

/// Stores the thread's x87 and MMX state as a 512-byte FXSAVE image (16-byte aligned), and loads it; SSE state untouched.
void rb_x87_save(void *image);
void rb_x87_load(const void *image);
/// FNINIT: leaves no guest state behind.
static inline void rb_x87_reset(void) { __asm__ volatile("fninit"); }

/// Pages with rights none, none, read, read, write, write, none, write, read, none at `*window`, all of them writable
/// at `*alias`. False and errno on failure.
enum { RB_GUARDED_PAGES = 10 };
bool rb_guarded_memory(void **window, void **alias);

/// A piece of memory mapped twice: writable at `*write`, executable at `*execute`. False and errno on failure.
bool rb_code_memory(size_t size, void **write, void **execute);
void rb_code_free(void *write, void *execute, size_t size);

#endif
