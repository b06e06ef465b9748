#define _GNU_SOURCE
#include "CHost.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

int rb_thunk_enter(const void *code, void *state, void *memory, uint64_t *rsp_slot);
void rb_thunk_abort(void);

// Stack pointer to return to while generated code runs on this thread, else 0. Initial-exec, so that reading it in a
// signal handler never calls the dynamic linker.
static __thread uint64_t return_stack __attribute__((tls_model("initial-exec")));

static __thread rb_thunk_fault last_fault __attribute__((tls_model("initial-exec")));

rb_thunk_fault rb_thunk_last_fault(void) { return last_fault; }

// Where this thread's generated code is, and where its faults continue.
static __thread uintptr_t generated_start __attribute__((tls_model("initial-exec")));
static __thread uintptr_t generated_end __attribute__((tls_model("initial-exec")));
static __thread uintptr_t generated_entry __attribute__((tls_model("initial-exec")));

void rb_generated_code(uintptr_t start, uintptr_t end, uintptr_t entry) {
  generated_start = start;
  generated_end = end;
  generated_entry = entry;
}

void rb_set_gs_base(void *base) { syscall(SYS_arch_prctl, ARCH_SET_GS, base); }

static void resume_after_fault(int signal, siginfo_t *info, void *context) {
  ucontext_t *frame = context;
  uintptr_t pc = (uintptr_t)frame->uc_mcontext.gregs[REG_RIP];
  bool generated = info->si_code > 0 && pc >= generated_start && pc < generated_end;
  if (return_stack == 0 && !generated) {
    // Not ours: die as the process would have died without us.
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(signal, &standard, NULL);
    // A fault comes again by itself; a signal that somebody sent does not.
    if (info->si_code <= 0) raise(signal);
    return;
  }
  if (frame->uc_mcontext.fpregs) last_fault.mxcsr = frame->uc_mcontext.fpregs->mxcsr;
  last_fault.pc = pc;
  last_fault.vector = (uint32_t)frame->uc_mcontext.gregs[REG_TRAPNO];
  last_fault.error_code = (uint32_t)frame->uc_mcontext.gregs[REG_ERR];
  last_fault.address = (uint64_t)frame->uc_mcontext.gregs[REG_CR2];
  if (generated) {
    frame->uc_mcontext.gregs[REG_RIP] = (greg_t)generated_entry;
    return;
  }
  frame->uc_mcontext.gregs[REG_RSP] = (greg_t)return_stack;
  frame->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)rb_thunk_abort;
  frame->uc_mcontext.gregs[REG_RAX] = signal;
}

static void install_once(void) {
  struct sigaction action = {.sa_sigaction = resume_after_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
}

void rb_thunk_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install_once);
}

static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
enum { ALTERNATE_STACK_SIZE = 64 * 1024 };

static void free_stack(void *memory) {
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  munmap(memory, ALTERNATE_STACK_SIZE);
}
static void make_stack_key(void) { pthread_key_create(&stack_key, free_stack); }

void rb_thunk_prepare_thread(void) {
  pthread_once(&stack_once, make_stack_key);
  if (pthread_getspecific(stack_key)) return;
  void *memory = mmap(NULL, ALTERNATE_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  // Disarmed while a handler runs: whatever the guest has in RSP, the kernel never takes it for this stack.
  stack_t stack = {.ss_sp = memory, .ss_size = ALTERNATE_STACK_SIZE, .ss_flags = (int)SS_AUTODISARM};
  sigaltstack(&stack, NULL);
  pthread_setspecific(stack_key, memory);
}

int rb_thunk_call(const void *code, void *state, void *memory) {
  return rb_thunk_enter(code, state, memory, &return_stack);
}

// FXSAVE and FXRSTOR carry SSE state too; the image's SSE part is kept as it was, and the host's registers survive.
typedef struct {
  uint8_t bytes[512];
} __attribute__((aligned(16))) fx_image;

void rb_x87_save(void *image) {
  fx_image now;
  __asm__ volatile("fxsave64 %0" : "=m"(now));
  // Control, status, tag, opcode, pointers; then the eight registers. MXCSR (bytes 24..31) stays out.
  memcpy(image, now.bytes, 24);
  memcpy((uint8_t *)image + 32, now.bytes + 32, 128);
}

void rb_x87_load(const void *image) {
  fx_image next;
  __asm__ volatile("fxsave64 %0" : "=m"(next));
  memcpy(next.bytes, image, 24);
  memcpy(next.bytes + 32, (const uint8_t *)image + 32, 128);
  __asm__ volatile("fxrstor64 %0" : : "m"(next));
}

// Shared anonymous memory, doubled by mremap: profilers take it for generated code, which a memfd's name keeps them from.
static bool anonymous_code_memory(size_t size, void **write, void **execute) {
  void *w = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (w == MAP_FAILED) return false;
  void *x = mremap(w, 0, size, MREMAP_MAYMOVE);
  if (x != MAP_FAILED && mprotect(x, size, PROT_READ | PROT_EXEC) == 0) {
    *write = w;
    *execute = x;
    return true;
  }
  if (x != MAP_FAILED) munmap(x, size);
  munmap(w, size);
  return false;
}

bool rb_code_memory(size_t size, void **write, void **execute) {
  if (anonymous_code_memory(size, write, execute)) return true;
  int fd = memfd_create("ringbox-code", MFD_CLOEXEC);
  if (fd < 0) return false;
  void *w = MAP_FAILED, *x = MAP_FAILED;
  if (ftruncate(fd, (off_t)size) == 0) {
    w = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    x = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (w == MAP_FAILED || x == MAP_FAILED) {
    if (w != MAP_FAILED) munmap(w, size);
    if (x != MAP_FAILED) munmap(x, size);
    return false;
  }
  *write = w;
  *execute = x;
  return true;
}

void rb_code_free(void *write, void *execute, size_t size) {
  munmap(write, size);
  munmap(execute, size);
}

bool rb_guarded_memory(void **window, void **alias) {
  // No access, read, write: every ordered pair of the three is somewhere side by side.
  static const int order[RB_GUARDED_PAGES] = {0, 0, 1, 1, 3, 3, 0, 3, 1, 0};
  size_t size = RB_GUARDED_PAGES * 4096;
  int fd = memfd_create("ringbox-scratch", MFD_CLOEXEC);
  if (fd < 0) return false;
  void *w = MAP_FAILED, *a = MAP_FAILED;
  if (ftruncate(fd, (off_t)size) == 0) {
    w = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);
    a = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  bool good = w != MAP_FAILED && a != MAP_FAILED;
  for (int page = 0; good && page < RB_GUARDED_PAGES; page++)
    good = mprotect((char *)w + page * 4096, 4096, (order[page] & 1 ? PROT_READ : 0) | (order[page] & 2 ? PROT_WRITE : 0)) == 0;
  if (!good) {
    if (w != MAP_FAILED) munmap(w, size);
    if (a != MAP_FAILED) munmap(a, size);
    return false;
  }
  *window = w;
  *alias = a;
  return true;
}
