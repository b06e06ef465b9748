# {
#   "description": "Compatibility mode and 64-bit mode: switching, 64-bit call gates, what 64-bit mode removes, segment limits there",
#   "spec": "SDM 3A 5.2.1, 5.8.3.1, SDM 1 3.2",
#   "mode": "long"
# }
.set GATE64, SEL_FREE
.set GATE64NP, SEL_FREE + 0x10
.set TINY, SEL_FREE + 0x20
.set BOTH, SEL_FREE + 0x28
main:
  GATE "gdt + GATE64", SEL_CODE64, "offset inner", 0xec
  mov qword ptr [gdt + GATE64 + 8], 0
  GATE "gdt + GATE64NP", SEL_CODE64, "offset inner", 0x6c
  mov qword ptr [gdt + GATE64NP + 8], 0
  DESC TINY, 0x200000, 0, 0x93, 4
  DESC BOTH, 0, 0xfffff, 0x9b, 0xe
  # Far call to compatibility mode and back
  mov dword ptr [scratch], offset compat
  mov word ptr [scratch + 4], SEL_CODE32
  mov rbx, 0x123456789abcdef0
  mov rdi, rsp
  call fword ptr [scratch]
  EXPECT "in compatibility mode 48h is DEC EAX", rax, 0xfffffffe
  EXPECT "registers survive, upper halves of untouched ones too", rbx, [wide]
  EXPECT "32-bit address size: wraps at 4 GiB", rcx, 0xc0de
  EXPECT "segment limit in compatibility mode", [exc_vector], 13
  # 64-bit call gate
  USER_FAULTS "gate not present", 11, GATE64NP, "call fword ptr [rip + far_np]"
  CALL_USER user_gate
  EXPECT "64-bit gate: back", [exc_vector], 0x80
  EXPECT "64-bit gate: RSP from the TSS, 32 bytes pushed", [seen], "offset inner_stack_top - 32"
  EXPECT "64-bit gate: caller's SS", [seen + 8], "(SEL_UDATA)"
  EXPECT "64-bit gate: caller's RSP", [seen + 16], "offset user_stack_top + USER"
  EXPECT "64-bit gate: SS null", [seen + 24], 0
  # Limits and types mean nothing in 64-bit mode, bases of DS, ES, SS neither.
  mov eax, TINY
  mov ds, eax
  mov ebx, LAB + 0x1000
  WORKS "DS with limit 0", "mov eax, [rbx]"
  mov eax, SEL_DATA
  mov ds, eax
  xor eax, eax
  WORKS "null DS", "mov ds, eax; mov eax, [rbx]"
  mov eax, SEL_DATA
  mov ds, eax
  mov fs, eax
  mov eax, TINY
  mov fs, eax
  mov dword ptr [LAB + 0x1008], 0xf5
  mov eax, fs:[0x1008]
  EXPECT "FS base of a descriptor counts, its limit does not", rax, 0xf5
  # Gone instructions
  FAULTS "PUSH ES", 6, 0, ".byte 0x06"
  FAULTS "POP DS", 6, 0, ".byte 0x1f"
  FAULTS "DAA", 6, 0, ".byte 0x27"
  FAULTS "AAM", 6, 0, ".byte 0xd4, 10"
  FAULTS "INTO", 6, 0, ".byte 0xce"
  FAULTS "BOUND / LDS / LES", 6, 0, ".byte 0xc5, 0x00"
  FAULTS "JMP far direct", 6, 0, ".byte 0xea, 0, 0, 0, 0, 0, 0"
  FAULTS "PUSHA", 6, 0, ".byte 0x60"
  FAULTS "SALC", 6, 0, ".byte 0xd6"
  FAULTS "82h group", 6, 0, ".byte 0x82, 0xc0, 0"
  mov dword ptr [scratch], 0
  mov word ptr [scratch + 4], BOTH
  FAULTS "code with L and D", 13, BOTH, "jmp fword ptr [scratch]"
  mov word ptr [scratch + 4], SEL_TSS
  FAULTS "JMP to a TSS", 13, SEL_TSS, "jmp fword ptr [scratch]"
  # Near transfers to non-canonical addresses
  mov rbx, 0x0000800000000000
  FAULTS "JMP to a non-canonical address", 13, 0, "jmp rbx"
  FAULTS "CALL to a non-canonical address", 13, 0, "call rbx"
  mov rsi, rsp
  push rbx
  mov qword ptr [recover], offset 1f
  mov [saved_sp], rsi
  ret
1: EXPECT "RET to a non-canonical address", [exc_vector], 13
  PASS
user_gate:
  call fword ptr [rip + far_gate]
  int 0x80
inner:
  mov [seen], rsp
  mov rax, [rsp + 24]
  mov [seen + 8], rax
  mov rax, [rsp + 16]
  mov [seen + 16], rax
  mov eax, ss
  mov [seen + 24], rax
  rex.w retf
.code32
compat:
  mov eax, -1
  .byte 0x48
  nop
  mov esi, 0xffffffff
  mov dword ptr [LAB], 0xc0de
  mov ecx, [esi + LAB + 1]
  # Limits work here. The 64-bit recorder comes back to 64-bit code, so leave by that.
  push eax
  mov edx, TINY
  mov fs, edx
  mov dword ptr [recover], offset compat_back
  mov dword ptr [recover + 4], 0
  mov [saved_sp], esp
  mov dword ptr [saved_sp + 4], 0
  mov edx, fs:[1]
.code64
compat_back:
  mov eax, [rsp]
  add rsp, 4
  retfd
.section .data
wide: .quad 0x123456789abcdef0
far_gate: .long 0
  .word GATE64
far_np: .long 0
  .word GATE64NP
.section .bss
seen: .skip 64
