# {
#   "description": "Single step in 64-bit mode: across SYSCALL with and without TF in FMASK, SYSRET, IRETQ to CPL 3; breakpoints in user code",
#   "spec": "SDM 3B 17.3.1.4, SDM 2B SYSCALL",
#   "mode": "long"
# }
main:
  GATE "idt + 16", SEL_CODE64, "offset on_debug", 0x8e
  READ_MSR MSR_EFER
  or eax, EFER_SCE
  WRITE_MSR MSR_EFER, rax
  WRITE_MSR 0xc0000081, 0x003b002800000000
  WRITE_MSR 0xc0000082, "offset entry_syscall"
  WRITE_MSR 0xc0000084, FL_TF
  mov rbp, offset trace
  CALL_USER user_code, FL_TF | 2
  EXPECT "TF masked: back", [exc_vector], 0x80
  EXPECT "traps: MOV, NOP behind SYSRET", [count], 2
  EXPECT "trap behind MOV", [trace], "offset user_syscall + USER"
  EXPECT "no trap in the handler; the next is behind the NOP", [trace + 8], "offset user_end + USER"
  # TF not masked: the first trap in the kernel is at the entry point itself.
  WRITE_MSR 0xc0000084, 0
  mov qword ptr [count], 0
  mov rbp, offset trace
  CALL_USER user_code, FL_TF | 2
  EXPECT "TF not masked: trap at the kernel's entry", [trace + 8], "offset entry_syscall"
  # Execution breakpoint in user code, on its linear address
  mov rax, offset user_syscall + USER
  mov dr0, rax
  mov eax, 0x402
  mov dr7, rax
  mov qword ptr [count], 0
  mov rbp, offset trace
  CALL_USER user_code
  EXPECT "breakpoint in user code: one", [count], 1
  EXPECT "breakpoint in user code: where", [trace], "offset user_syscall + USER"
  mov eax, 0x400
  mov dr7, rax
  PASS
user_code:
  mov eax, 5
user_syscall:
  syscall
  nop
user_end:
  int 0x80
entry_syscall:
  nop
  sysretq
on_debug:
  push rax
  mov rax, [rsp + 8]
  mov [rbp], rax
  add rbp, 8
  inc qword ptr [count]
  mov rax, dr6
  test eax, 1
  jz 1f
  # Let the instruction pass.
  or dword ptr [rsp + 24], FL_RF
1: mov eax, 0xffff0ff0
  mov dr6, rax
  pop rax
  iretq
.section .bss
trace: .skip 256
count: .skip 8
