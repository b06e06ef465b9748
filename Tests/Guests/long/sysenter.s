# {
#   "description": "SYSENTER and SYSEXIT in 64-bit mode (processors that call themselves GenuineIntel)",
#   "spec": "SDM 3A 5.8.7, SDM 2B",
#   "mode": "long",
#   "cpu": "host,0.ebx=0x756e6547,0.edx=0x49656e69,0.ecx=0x6c65746e"
# }
main:
  FAULTS "SYSENTER with CS = 0", 13, 0, "sysenter"
  WRITE_MSR 0x174, SEL_CODE64
  WRITE_MSR 0x175, "offset inner_stack_top"
  WRITE_MSR 0x176, "offset entry_sysenter"
  CALL_USER user_sysenter, 0x202
  EXPECT "SYSENTER and SYSEXIT: back", [exc_vector], 0x80
  EXPECT "SYSENTER: RSP", [seen], "offset inner_stack_top"
  EXPECT "SYSENTER: CS", [seen + 8], SEL_CODE64
  EXPECT "SYSENTER: SS", [seen + 16], SEL_CODE64 + 8
  mov rax, [seen + 24]
  and eax, 0x200
  EXPECT "SYSENTER clears IF", rax, 0
  EXPECT "SYSEXIT: CS = base + 32, RPL 3", [exc_cs], "(SEL_UCODE64)"
  EXPECT "SYSEXIT: SS = base + 40, RPL 3", [exc_ss], "(SEL_UDATA64)"
  EXPECT "SYSEXIT: RSP from RCX", [exc_sp], 0x40001000
  USER_FAULTS "SYSEXIT at CPL 3", 13, 0, "sysexitd"
  PASS
user_sysenter:
  sysenter
  int 0x80
after_sysexit:
  int 0x80
entry_sysenter:
  mov [seen], rsp
  mov eax, cs
  mov [seen + 8], rax
  mov eax, ss
  mov [seen + 16], rax
  pushfq
  pop rax
  mov [seen + 24], rax
  mov edx, offset after_sysexit + USER
  mov ecx, 0x40001000
  sysexitq
.section .bss
seen: .skip 64
