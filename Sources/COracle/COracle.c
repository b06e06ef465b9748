#define _GNU_SOURCE
#include "COracle.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
  CODE_SELECTOR_16 = 0x07,
  DATA_SELECTOR_16 = 0x0f,
  CODE_SELECTOR_32 = 0x23,
  CODE_SELECTOR_64 = 0x33,
  DATA_SELECTOR = 0x2b,
  PAGE = 4096,
  ALTERNATE_STACK = 256 * 1024,
};

// Layout of the shared memory file.
typedef struct {
  _Atomic uint32_t submitted;
  uint8_t pad0[60];
  _Atomic uint32_t completed;
  _Atomic uint32_t has_16_bit;
  uint8_t pad1[PAGE - 72];
  uint8_t data[ORACLE_DATA_BYTES];
  uint8_t read_only[PAGE];
  uint8_t code[ORACLE_CODE_SIZE];
  uint8_t templates[ORACLE_TEMPLATES][ORACLE_DATA_BYTES];
  oracle_slot slots[ORACLE_SLOTS];
} oracle_shared;

void oracle_restorer(void);

// The child's own state. After set-up the child's FS base is the guest's: nothing here may use thread-local storage.
static struct {
  oracle_shared *shared;
  uint32_t next;
  bool running;
  // Which template the data pages hold unchanged, or all ones.
  uint32_t resident;
  // Offsets of state components in the XSAVE area, by number; 0 when absent.
  uint32_t offset[8];
  uint64_t components;
} child;

static long system_call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}

// MARK: Cases

static void place_code(const oracle_slot *slot, bool remove) {
  uint32_t at = slot->input.code_offset, length = slot->code_length;
  if (at > ORACLE_CODE_SIZE || length > ORACLE_CODE_BYTES) return;
  if (at + length > ORACLE_CODE_SIZE) length = ORACLE_CODE_SIZE - at;
  if (remove) {
    memset(child.shared->code + at, 0xcc, length);
  } else {
    memcpy(child.shared->code + at, slot->code, length);
  }
}

static void copy_vectors(uint8_t *area, oracle_state *state, bool load, uint64_t present) {
  for (int n = 0; n < 32; n++) {
    uint8_t *low = area + 160 + n * 16, *high = area + child.offset[2] + n * 16, *top = area + child.offset[6] + n * 32;
    uint64_t *vector = state->vectors[n];
    if (n >= 16) {
      if (!child.offset[7]) continue;
      uint8_t *whole = area + child.offset[7] + (n - 16) * 64;
      if (load) {
        memcpy(whole, vector, 64);
      } else if (present >> 7 & 1) {
        memcpy(vector, whole, 64);
      } else {
        memset(vector, 0, 64);
      }
      continue;
    }
    if (load) {
      memcpy(low, vector, 16);
      if (child.offset[2]) memcpy(high, vector + 2, 16);
      if (child.offset[6]) memcpy(top, vector + 4, 32);
      continue;
    }
    memcpy(vector, low, 16);
    memset(vector + 2, 0, 48);
    if (child.offset[2] && present >> 2 & 1) memcpy(vector + 2, high, 16);
    if (child.offset[6] && present >> 6 & 1) memcpy(vector + 4, top, 32);
  }
}

static const int register_places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void collect(oracle_slot *slot, const ucontext_t *context) {
  const greg_t *registers = context->uc_mcontext.gregs;
  oracle_state *out = &slot->output;
  for (int n = 0; n < 16; n++) out->general[n] = (uint64_t)registers[register_places[n]];
  out->rip = (uint64_t)registers[REG_RIP];
  out->rflags = (uint64_t)registers[REG_EFL];
  slot->trap = (uint32_t)registers[REG_TRAPNO];
  slot->error_code = (uint32_t)registers[REG_ERR];
  slot->fault_address = (uint64_t)registers[REG_CR2];
  uint8_t *area = (uint8_t *)context->uc_mcontext.fpregs;
  uint64_t present;
  memcpy(&present, area + 512, 8);
  memcpy(&out->mxcsr, area + 24, 4);
  memcpy(out->x87, area, 24);
  out->x87[3] = 0;
  memcpy(out->x87 + 4, area + 32, 128);
  memset(out->opmasks, 0, sizeof out->opmasks);
  if (child.offset[5] && present >> 5 & 1) memcpy(out->opmasks, area + child.offset[5], 64);
  copy_vectors(area, out, false, present);
  const uint8_t *initial = child.shared->templates[slot->input.memory_template % ORACLE_TEMPLATES];
  bool patched = slot->patch_count != 0;
  slot->memory_changed = patched || memcmp((void *)(uintptr_t)ORACLE_DATA, initial, ORACLE_DATA_BYTES) != 0;
  if (slot->memory_changed) {
    memcpy(slot->memory, (void *)(uintptr_t)ORACLE_DATA, ORACLE_DATA_BYTES);
    child.resident = UINT32_MAX;
  }
}

static void load(const oracle_slot *slot, ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  const oracle_state *in = &slot->input;
  uint32_t source = in->memory_template % ORACLE_TEMPLATES;
  if (child.resident != source) {
    memcpy((void *)(uintptr_t)ORACLE_DATA, child.shared->templates[source], ORACLE_DATA_BYTES);
    child.resident = source;
  }
  for (uint32_t n = 0; n < slot->patch_count && n < ORACLE_PATCHES; n++) {
    const oracle_patch *patch = &slot->patches[n];
    if (patch->length <= ORACLE_PATCH_BYTES && patch->offset <= ORACLE_DATA_BYTES - patch->length)
      memcpy((uint8_t *)(uintptr_t)ORACLE_DATA + patch->offset, patch->bytes, patch->length);
  }
  for (int n = 0; n < 16; n++) registers[register_places[n]] = (greg_t)in->general[n];
  registers[REG_RIP] = (greg_t)in->rip;
  // Interrupts stay on; TF single-steps.
  registers[REG_EFL] = (greg_t)((in->rflags & 0xcd5) | 0x202 | (in->mode & ORACLE_SINGLE_STEP ? 0x100 : 0));
  uint64_t code = CODE_SELECTOR_64, data = DATA_SELECTOR;
  if ((in->mode & 3) == ORACLE_MODE_32) code = CODE_SELECTOR_32;
  if ((in->mode & 3) == ORACLE_MODE_16) {
    code = CODE_SELECTOR_16;
    data = DATA_SELECTOR_16;
  }
  // CS in bits 15:0, SS in bits 63:48.
  registers[REG_CSGSFS] = (greg_t)(code | data << 48);
  __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"((uint32_t)data));
  uint8_t *area = (uint8_t *)context->uc_mcontext.fpregs;
  memcpy(area + 512, &child.components, 8);
  memcpy(area, in->x87, 24);
  memcpy(area + 32, in->x87 + 4, 128);
  memcpy(area + 24, &in->mxcsr, 4);
  if (child.offset[5]) memcpy(area + child.offset[5], in->opmasks, 64);
  copy_vectors(area, (oracle_state *)in, true, 0);
  place_code(slot, false);
}

static void on_signal(int number, siginfo_t *info, void *raw) {
  (void)number;
  (void)info;
  ucontext_t *context = raw;
  if (child.running) {
    oracle_slot *slot = &child.shared->slots[child.next % ORACLE_SLOTS];
    collect(slot, context);
    place_code(slot, true);
    child.next++;
    atomic_store_explicit(&child.shared->completed, child.next, memory_order_seq_cst);
    if (child.next % ORACLE_BATCH == 0)
      system_call(SYS_futex, (long)&child.shared->completed, FUTEX_WAKE, INT_MAX, 0);
  }
  child.running = true;
  for (;;) {
    uint32_t submitted = atomic_load_explicit(&child.shared->submitted, memory_order_acquire);
    if (submitted != child.next) break;
    system_call(SYS_futex, (long)&child.shared->completed, FUTEX_WAKE, INT_MAX, 0);
    system_call(SYS_futex, (long)&child.shared->submitted, FUTEX_WAIT, (long)submitted, 0);
  }
  // What POPF left in flags that sigreturn keeps (NT, ID) goes.
  __asm__ volatile("pushq $0x202; popfq" : : : "cc", "memory");
  load(&child.shared->slots[child.next % ORACLE_SLOTS], context);
}

// MARK: Set-up of the child

static bool map_fixed(uint32_t address, size_t size, int protection, int fd, size_t offset) {
  void *at = (void *)(uintptr_t)address;
  if (mmap(at, size, protection, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, (off_t)offset) != at) return false;
  // In the page table from now on: error codes tell present pages from others.
  for (size_t page = 0; page < size; page += PAGE) {
    volatile uint8_t *byte = (uint8_t *)at + page;
    uint8_t value = *byte;
    if (protection & PROT_WRITE) *byte = value;
  }
  return true;
}

static bool make_segments(void) {
  struct user_desc code = {.entry_number = 0, .base_addr = ORACLE_BASE, .limit = 0xffff, .contents = 2, .useable = 1};
  struct user_desc data = {.entry_number = 1, .base_addr = ORACLE_BASE, .limit = 0xffff, .contents = 0, .useable = 1};
  return syscall(SYS_modify_ldt, 1, &code, sizeof code) == 0 && syscall(SYS_modify_ldt, 1, &data, sizeof data) == 0;
}

static void find_components(void) {
  unsigned a, b, c, d;
  child.components = 3;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  for (unsigned n = 2; n < 8; n++) {
    if (n == 3 || n == 4 || !(low >> n & 1)) continue;
    __cpuid_count(0xd, n, a, b, c, d);
    child.offset[n] = b;
    child.components |= 1ull << n;
  }
}

// Shared memory of the parent that is not ours must be out of the guest code's reach.
static void drop_shared_mappings(oracle_shared *ours) {
  static char text[256 * 1024];
  int fd = open("/proc/self/maps", O_RDONLY);
  if (fd < 0) _exit(20);
  size_t size = 0;
  for (ssize_t got; size < sizeof text && (got = read(fd, text + size, sizeof text - size)) > 0;) size += (size_t)got;
  close(fd);
  for (size_t at = 0; at < size;) {
    uint64_t bounds[2] = {0, 0};
    for (int part = 0; part < 2; part++, at++)
      for (; at < size && text[at] != '-' && text[at] != ' '; at++)
        bounds[part] = bounds[part] << 4 | (uint64_t)(text[at] <= '9' ? text[at] - '0' : text[at] - 'a' + 10);
    bool is_shared = at + 3 < size && text[at + 3] == 's';
    uint64_t own = (uint64_t)(uintptr_t)ours;
    bool is_ours = bounds[0] >= own && bounds[1] <= own + sizeof(oracle_shared) + PAGE;
    if (is_shared && !is_ours) munmap((void *)(uintptr_t)bounds[0], bounds[1] - bounds[0]);
    while (at < size && text[at] != '\n') at++;
    at++;
  }
}

// The last step: from here on FS and GS have the guest's bases, and only these two calls are left.
static bool lock_down(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  system_call(SYS_arch_prctl, ARCH_SET_GS, ORACLE_GS_BASE, 0, 0);
  system_call(SYS_arch_prctl, ARCH_SET_FS, ORACLE_FS_BASE, 0, 0);
  return system_call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&program, 0) == 0;
}

static void install_handlers(void) {
  // As the kernel reads it; libc's own wrapper would bring its restorer.
  struct {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
  } action = {on_signal, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000, oracle_restorer, 0};
  int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (size_t n = 0; n < sizeof signals / sizeof *signals; n++)
    system_call(SYS_rt_sigaction, signals[n], (long)&action, 0, 8);
  uint64_t none = 0;
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8);
}

static _Noreturn void run_child(oracle_shared *shared, int fd, uint32_t first, int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(21);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  drop_shared_mappings(shared);
  void *stack = mmap(NULL, ALTERNATE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t alternate = {.ss_sp = stack, .ss_size = ALTERNATE_STACK};
  if (stack == MAP_FAILED || sigaltstack(&alternate, NULL) != 0) _exit(22);
  if (!map_fixed(ORACLE_DATA, ORACLE_DATA_BYTES, PROT_READ | PROT_WRITE, fd, offsetof(oracle_shared, data)) ||
      !map_fixed(ORACLE_READ_ONLY, PAGE, PROT_READ, fd, offsetof(oracle_shared, read_only)) ||
      !map_fixed(ORACLE_CODE, ORACLE_CODE_SIZE, PROT_READ | PROT_EXEC, fd, offsetof(oracle_shared, code)))
    _exit(23);
  shared->has_16_bit = make_segments();
  memset(&child, 0, sizeof child);
  child.shared = shared;
  child.next = first;
  child.resident = UINT32_MAX;
  find_components();
  // Case code left by a predecessor that died.
  memset(shared->code, 0xcc, ORACLE_CODE_SIZE);
  syscall(SYS_close_range, 0, ~0u, 0);
  install_handlers();
  if (!lock_down()) system_call(SYS_exit_group, 24, 0, 0, 0);
  // Into the handler, which never comes back here.
  __builtin_trap();
}

// MARK: Parent

bool oracle_map(oracle_process *process) {
  memset(process, 0, sizeof *process);
  process->descriptor = memfd_create("ringbox-oracle", MFD_CLOEXEC);
  if (process->descriptor < 0) return false;
  void *memory = MAP_FAILED;
  if (ftruncate(process->descriptor, sizeof(oracle_shared)) == 0)
    memory = mmap(NULL, sizeof(oracle_shared), PROT_READ | PROT_WRITE, MAP_SHARED, process->descriptor, 0);
  if (memory == MAP_FAILED) {
    close(process->descriptor);
    return false;
  }
  oracle_shared *shared = memory;
  process->shared = shared;
  process->slots = shared->slots;
  process->templates = shared->templates[0];
  process->read_only = shared->read_only;
  return true;
}

bool oracle_start(oracle_process *process, uint32_t first) {
  oracle_shared *shared = process->shared;
  atomic_store(&shared->submitted, first);
  atomic_store(&shared->completed, first);
  // Bound now, in case the dynamic linker is lazy: the child has no thread-local storage.
  uint8_t bytes[64] = {0};
  if (memcmp(memcpy(bytes, shared->read_only, sizeof bytes), shared->read_only, sizeof bytes) != 0) return false;
  memset(bytes, 0, sizeof bytes);
  int parent = getpid();
  pid_t pid = fork();
  if (pid == 0) run_child(shared, process->descriptor, first, parent);
  process->pid = pid;
  return pid > 0;
}

void oracle_submit(oracle_process *process, uint32_t end) {
  oracle_shared *shared = process->shared;
  atomic_store(&shared->submitted, end);
  syscall(SYS_futex, &shared->submitted, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t oracle_wait(oracle_process *process, uint32_t end, int milliseconds) {
  oracle_shared *shared = process->shared;
  struct timespec step = {.tv_nsec = 20 * 1000 * 1000};
  uint32_t seen = atomic_load(&shared->completed);
  for (int waited = 0; (int32_t)(end - seen) > 0 && waited < milliseconds;) {
    long slept = syscall(SYS_futex, &shared->completed, FUTEX_WAIT, seen, &step, NULL, 0);
    uint32_t now = atomic_load(&shared->completed);
    if (now != seen) {
      waited = 0;
    } else if (slept != 0 && errno == ETIMEDOUT) {
      siginfo_t info = {0};
      if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) break;
      waited += 20;
    }
    seen = now;
  }
  return seen;
}

int oracle_stop(oracle_process *process) {
  int status = 0;
  if (process->pid <= 0) return 0;
  kill(process->pid, SIGKILL);
  waitpid(process->pid, &status, 0);
  process->pid = 0;
  return status;
}

void oracle_unmap(oracle_process *process) {
  munmap(process->shared, sizeof(oracle_shared));
  close(process->descriptor);
}

bool oracle_has_16_bit(const oracle_process *process) {
  const oracle_shared *shared = process->shared;
  return atomic_load(&shared->has_16_bit) != 0;
}
