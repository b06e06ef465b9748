# {
#   "description": "SYSCALL and SYSRET, SWAPGS, FSGSBASE, MSR checks",
#   "spec": "SDM 3A 5.8.7, 5.8.8, SDM 2",
#   "mode": "long"
# }
.set MSR_STAR, 0xc0000081
.set MSR_LSTAR, 0xc0000082
.set MSR_CSTAR, 0xc0000083
.set MSR_FMASK, 0xc0000084
.set MSR_FSBASE, 0xc0000100
.set MSR_GSBASE, 0xc0000101
.set MSR_KGSBASE, 0xc0000102
main:
  FAULTS "SYSCALL without EFER.SCE", 6, 0, "syscall"
  FAULTS "SYSRET without EFER.SCE", 6, 0, "sysretq"
  READ_MSR MSR_EFER
  or eax, EFER_SCE
  WRITE_MSR MSR_EFER, rax
  WRITE_MSR MSR_STAR, 0x003b002800000000
  WRITE_MSR MSR_LSTAR, "offset entry_syscall"
  WRITE_MSR MSR_FMASK, 0x300
  mov rax, 0x0000800000000000
  mov rdx, rax
  shr rdx, 32
  mov ecx, MSR_LSTAR
  FAULTS "non-canonical LSTAR", 13, 0, "wrmsr"
  mov ecx, MSR_KGSBASE
  FAULTS "non-canonical KernelGSBase", 13, 0, "wrmsr"
  CALL_USER user_syscall, 0x202 | FL_CF
  EXPECT "SYSCALL and SYSRET: back in user code", [exc_vector], 0x80
  EXPECT "user CS after SYSRET", [exc_cs], "(SEL_UCODE64)"
  EXPECT "user SS after SYSRET", [exc_ss], "(SEL_UDATA)"
  EXPECT "SYSCALL: RCX is the return address", [seen], "offset user_after + USER"
  mov rax, [seen + 8]
  and eax, 0x303
  EXPECT "SYSCALL: R11 is RFLAGS", rax, 0x203
  mov rax, [seen + 16]
  and eax, 0x303
  EXPECT "SYSCALL: FMASK clears IF", rax, 3
  EXPECT "SYSCALL: CS", [seen + 24], SEL_CODE64
  EXPECT "SYSCALL: SS", [seen + 32], SEL_DATA64
  EXPECT "SYSCALL: RSP unchanged", [seen + 40], "offset user_stack_top + USER"
  mov rax, [exc_flags]
  and eax, 0x203
  EXPECT "SYSRET: RFLAGS from R11", rax, 0x203
  USER_FAULTS "SYSRET at CPL 3", 13, 0, "sysretq"
  # SYSRET to a non-canonical RCX: Intel faults at CPL 0; AMD in user mode. Either way #GP.
  # SYSRETL to compatibility mode
  mov ecx, offset compat_user + USER
  mov r11d, 2
  mov qword ptr [recover], offset 1f
  mov [saved_sp], rsp
  sysretd
1: EXPECT "SYSRETL: vector", [exc_vector], 0x80
  EXPECT "SYSRETL: 32-bit user CS", [exc_cs], "(SEL_UCODE32)"
  EXPECT "SYSRETL: ran as 32-bit code", [exc_ax], 0x48
  # GS bases
  WRITE_MSR MSR_GSBASE, 0x1111
  WRITE_MSR MSR_KGSBASE, 0xffff800000002222
  swapgs
  READ_MSR MSR_GSBASE
  mov rbx, 0xffff800000002222
  EXPECT "SWAPGS: GS base", rax, rbx
  READ_MSR MSR_KGSBASE
  EXPECT "SWAPGS: kernel GS base", rax, 0x1111
  USER_FAULTS "SWAPGS at CPL 3", 13, 0, "swapgs"
  FAULTS "RDFSBASE without CR4.FSGSBASE", 6, 0, "rdfsbase rax"
  SET_CR4 CR4_FSGSBASE
  mov rbx, 0xffff900000000000
  wrfsbase rbx
  rdfsbase rcx
  EXPECT "WRFSBASE, RDFSBASE", rcx, rbx
  READ_MSR MSR_FSBASE
  EXPECT "the MSR shows it", rax, rbx
  mov rbx, 0x0000800000000000
  FAULTS "non-canonical WRGSBASE", 13, 0, "wrgsbase rbx"
  mov rbx, 0xfffffffff0000000
  wrfsbase ebx
  rdfsbase rcx
  mov ebx, 0xf0000000
  EXPECT "32-bit WRFSBASE zero-extends", rcx, rbx
  USER_WORKS "WRGSBASE at CPL 3", "wrgsbase rax"
  # Accesses use the base; a selector load replaces it.
  mov dword ptr [LAB + 0x100], 0xf5f5
  mov ebx, LAB
  wrfsbase rbx
  mov eax, fs:[0x100]
  EXPECT "through FS", rax, 0xf5f5
  mov eax, SEL_DATA
  mov fs, eax
  rdfsbase rax
  EXPECT "loading FS sets its base", rax, 0
  mov eax, ds:[0x200100]
  PASS
user_syscall:
  syscall
user_after:
  int 0x80
entry_syscall:
  mov [seen], rcx
  mov [seen + 8], r11
  mov [seen + 40], rsp
  mov rsp, offset inner_stack_top
  pushfq
  pop rax
  mov [seen + 16], rax
  mov eax, cs
  mov [seen + 24], rax
  mov eax, ss
  mov [seen + 32], rax
  mov rsp, [seen + 40]
  sysretq
.code32
compat_user:
  xor eax, eax
  # 48h is DEC EAX here, and REX.W in 64-bit mode.
  mov eax, 0x49
  .byte 0x48
  nop
  int 0x80
.code64
.section .bss
seen: .skip 64
