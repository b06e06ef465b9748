# {
#   "description": "64-bit interrupt delivery: frame, alignment, RSP0, IST, gate checks and error codes, double fault, IRETQ forms, CR8",
#   "spec": "SDM 3A 6.14",
#   "mode": "long"
# }
main:
  # Same level: stack aligned to 16, SS:RSP pushed always.
  mov rdi, rsp
  sub rsp, 4
  mov rbx, rsp
  TRY "int 0x55"
  mov rsi, rsp
  mov rsp, rdi
  EXPECT "saved RSP", [exc_sp], rbx
  EXPECT "saved SS", [exc_ss], SEL_DATA
  EXPECT "saved CS", [exc_cs], SEL_CODE64
  mov rax, [exc_entry_sp]
  and eax, 15
  # five pushed by the processor, two by the stub
  EXPECT "frame alignment", rax, 8
  EXPECT "RSP after return", rsi, rbx
  # From CPL 3: RSP0, SS null
  USER_FAULTS "UD2", 6, 0, "ud2"
  EXPECT "user SS", [exc_ss], "(SEL_UDATA)"
  EXPECT "user CS", [exc_cs], "(SEL_UCODE64)"
  EXPECT "SS null at CPL 0", [exc_entry_ss], 0
  EXPECT "RSP0", [exc_entry_sp], "offset inner_stack_top - 56"
  # IST
  mov byte ptr [idt + 0x56 * 16 + 4], 1
  TRY "int 0x56"
  EXPECT "IST1", [exc_entry_sp], "offset ist_stack_top - 56"
  mov qword ptr [tss + 0x24], offset ist_stack_top - 4
  TRY "int 0x56"
  EXPECT "IST1 is aligned", [exc_entry_sp], "offset ist_stack_top - 16 - 56"
  mov qword ptr [tss + 0x24], offset ist_stack_top
  # Gate checks
  mov byte ptr [idt + 0x57 * 16 + 5], 0x0e
  FAULTS "gate not present", 11, (0x57 << 3) | 2, "int 0x57"
  mov byte ptr [idt + 0x57 * 16 + 5], 0x85
  FAULTS "task gate in 64-bit mode", 13, (0x57 << 3) | 2, "int 0x57"
  mov byte ptr [idt + 0x57 * 16 + 5], 0x86
  FAULTS "16-bit gate", 13, (0x57 << 3) | 2, "int 0x57"
  mov byte ptr [idt + 0x57 * 16 + 5], 0x8e
  mov word ptr [idt + 0x57 * 16 + 2], SEL_CODE32
  FAULTS "gate to 32-bit code", 13, SEL_CODE32, "int 0x57"
  mov word ptr [idt + 0x57 * 16 + 2], 0
  FAULTS "gate to null", 13, 0, "int 0x57"
  mov word ptr [idt + 0x57 * 16 + 2], SEL_DATA
  FAULTS "gate to data", 13, SEL_DATA, "int 0x57"
  mov word ptr [idt + 0x57 * 16 + 2], SEL_UCODE64
  FAULTS "gate to an outer level", 13, SEL_UCODE64 & ~3, "int 0x57"
  mov word ptr [idt + 0x57 * 16 + 2], SEL_CODE64
  mov dword ptr [idt + 0x57 * 16 + 8], 0x00008000
  TRY "int 0x57"
  EXPECT "handler at a non-canonical address", [exc_vector], 13
  USER_FAULTS "INT n, DPL 0", 13, (0x58 << 3) | 2, "int 0x58"
  # Double fault: #NP while delivering #UD's #GP...: #GP gate absent, then #DF.
  mov byte ptr [idt + 13 * 16 + 5], 0x0e
  mov rbx, 0x0000800000000000
  TRY "mov eax, [rbx]"
  EXPECT "#NP while delivering #GP is #DF", [exc_vector], 8
  EXPECT "#DF error code", [exc_code], 0
  mov byte ptr [idt + 13 * 16 + 5], 0x8e
  mov byte ptr [idt + 6 * 16 + 5], 0x0e
  FAULTS "#NP while delivering #UD is delivered as such, EXT set", 11, (6 << 3) | 3, "ud2"
  mov byte ptr [idt + 6 * 16 + 5], 0x8e
  mov rax, 0x100000000
  mov [tss + 4], rax
  mov byte ptr [idt + 8 * 16 + 4], 1
  CALL_USER user_ud
  EXPECT "#PF on RSP0 while delivering #UD: is delivered itself on the same stack, so #DF by IST", [exc_vector], 8
  mov byte ptr [idt + 8 * 16 + 4], 0
  mov qword ptr [tss + 4], offset inner_stack_top
  # #GP for a non-canonical RSP0
  mov rax, 0x0000800000000000
  mov [tss + 4], rax
  mov byte ptr [idt + 12 * 16 + 4], 1
  CALL_USER user_ud
  EXPECT "non-canonical RSP0 is #SS", [exc_vector], 12
  mov byte ptr [idt + 12 * 16 + 4], 0
  mov qword ptr [tss + 4], offset inner_stack_top
  # IRETQ
  push SEL_DATA
  push offset stack_top
  push 0x2
  push SEL_CODE64
  mov rax, 0x0000800000000000
  push rax
  TRY "iretq"
  EXPECT "IRETQ to a non-canonical address", [exc_vector], 13
  add rsp, 40
  push 0
  push offset stack_top - 64
  push 2
  push SEL_CODE64
  push offset 1f
  iretq
1: mov eax, ss
  mov rbx, rsp
  EXPECT "IRETQ to CPL 0 with a null SS", rax, 0
  EXPECT "IRETQ pops RSP always", rbx, "offset stack_top - 64"
  mov eax, SEL_DATA
  mov ss, eax
  mov rsp, offset stack_top
  push SEL_UDATA
  push 0x1000
  push 2
  push 0
  push 0
  FAULTS "IRETQ with a null CS", 13, 0, "iretq"
  mov qword ptr [rsp + 8], SEL_DATA
  FAULTS "IRETQ to data", 13, SEL_DATA, "iretq"
  mov qword ptr [rsp + 8], SEL_UCODE64
  mov qword ptr [rsp + 32], SEL_DATA
  FAULTS "IRETQ to CPL 3 with an SS of DPL 0", 13, SEL_DATA, "iretq"
  mov qword ptr [rsp + 16], 0x4002
  pushfq
  or qword ptr [rsp], FL_NT
  popfq
  FAULTS "IRETQ with NT in IA-32e mode", 13, 0, "iretq"
  pushfq
  and qword ptr [rsp], ~FL_NT
  popfq
  # CR8
  mov eax, 5
  mov cr8, rax
  mov rbx, cr8
  EXPECT "CR8", rbx, 5
  mov eax, 16
  FAULTS "CR8 above 15", 13, 0, "mov cr8, rax"
  USER_FAULTS "CR8 at CPL 3", 13, 0, "mov rax, cr8"
  PASS
user_ud:
  ud2
