# {
#   "description": "Call gates: 16 and 32 bits, parameters copied to the inner stack, RETF n; checks and error codes; conforming code",
#   "spec": "SDM 3A 5.8.3 to 5.8.6",
#   "mode": "protected"
# }
.set GATE32, SEL_FREE
.set GATE16, SEL_FREE + 8
.set GATE0, SEL_FREE + 0x10
.set CONFORMING, SEL_FREE + 0x18
.set GATENP, SEL_FREE + 0x20
.set GATENULL, SEL_FREE + 0x28
.set GATEDATA, SEL_FREE + 0x30
.set CODENP, SEL_FREE + 0x38
.set GATETOUSER, SEL_FREE + 0x40
.set GATESAME, SEL_FREE + 0x48
main:
  GATE "gdt + GATE32", SEL_CODE32, "offset inner32", 0xec, 2
  GATE "gdt + GATE16", SEL_CODE32, "offset inner16", 0xe4, 3
  GATE "gdt + GATE0", SEL_CODE32, "offset inner32", 0x8c, 0
  GATE "gdt + GATENP", SEL_CODE32, "offset inner32", 0x6c, 0
  GATE "gdt + GATENULL", 0, "offset inner32", 0xec, 0
  GATE "gdt + GATEDATA", SEL_DATA, "offset inner32", 0xec, 0
  GATE "gdt + GATETOUSER", SEL_UCODE32, "offset inner32", 0xec, 0
  GATE "gdt + GATESAME", SEL_CODE32, "offset same_level", 0xec, 5
  DESC CONFORMING, 0, 0xfffff, 0x9f, 0xc
  DESC CODENP, 0, 0xfffff, 0x1b, 0xc
  CALL_USER call32
  EXPECT "32-bit gate: back in user code", [exc_vector], 0x80
  EXPECT "32-bit gate: CS of the return", [exc_cs], "(SEL_UCODE32)"
  EXPECT "32-bit gate: ESP after RETF 8", [exc_sp], "offset user_stack_top"
  EXPECT "32-bit gate: first parameter on the inner stack", [seen], 0x1111
  EXPECT "32-bit gate: second parameter", [seen + 4], 0x2222
  EXPECT "32-bit gate: caller's CS", [seen + 8], "(SEL_UCODE32)"
  EXPECT "32-bit gate: caller's ESP", [seen + 12], "offset user_stack_top - 8"
  EXPECT "32-bit gate: caller's SS", [seen + 16], "(SEL_UDATA)"
  EXPECT "32-bit gate: inner ESP", [seen + 20], "offset inner_stack_top - 24"
  EXPECT "32-bit gate: CS RPL is the new CPL", [seen + 24], SEL_CODE32
  EXPECT "32-bit gate: SS from the TSS", [seen + 28], SEL_DATA
  CALL_USER call16
  EXPECT "16-bit gate: back", [exc_vector], 0x80
  EXPECT "16-bit gate: words copied", [seen], 0x22223333
  EXPECT "16-bit gate: third word", [seen + 4], 0x1111
  EXPECT "16-bit gate: frame of ten bytes and three words", [seen + 8], "offset inner_stack_top - 14"
  # Same level: nothing is copied, no stack switch.
  mov ebx, esp
  call GATESAME:0
  sub ebx, edx
  EXPECT "gate to the same level pushes CS and EIP only", ebx, 8
  # Refusals
  USER_FAULTS "gate with DPL 0", 13, GATE0, "call 0x90:0"
  USER_FAULTS "gate not present", 11, GATENP, "call 0xa0:0"
  USER_FAULTS "gate with a null selector", 13, 0, "call 0xa8:0"
  USER_FAULTS "gate to data", 13, SEL_DATA, "call 0xb0:0"
  USER_FAULTS "JMP through a gate to an inner level", 13, SEL_CODE32, "jmp 0x80:0"
  USER_FAULTS "direct CALL to inner code", 13, SEL_CODE32, "call 0x08:0"
  USER_FAULTS "CALL to data", 13, SEL_DATA, "call 0x10:0"
  USER_FAULTS "CALL to the null selector", 13, 0, "call 0:0"
  FAULTS "gate to an outer level", 13, SEL_UCODE32 & ~3, "call 0xc0:0"
  FAULTS "CALL to code not present", 11, CODENP, "call 0xb8:0"
  FAULTS "JMP to user code at CPL 0", 13, SEL_UCODE32 & ~3, "jmp 0x38:0"
  FAULTS "offset beyond the limit", 13, 0, "jmp 0x18:0x10000"
  # Conforming code keeps CPL.
  CALL_USER call_conforming
  EXPECT "conforming: reached user code", [exc_vector], 0x80
  EXPECT "conforming: CS has RPL 3", [exc_cs], CONFORMING | 3
  PASS
call32:
  push 0x2222
  push 0x1111
  call GATE32:0xdead
  int 0x80
inner32:
  # EIP, CS, two parameters, ESP, SS
  mov eax, [esp + 8]
  mov ss:[seen], eax
  mov eax, [esp + 12]
  mov ss:[seen + 4], eax
  mov eax, [esp + 4]
  mov ss:[seen + 8], eax
  mov eax, [esp + 16]
  mov ss:[seen + 12], eax
  mov eax, [esp + 20]
  mov ss:[seen + 16], eax
  mov ss:[seen + 20], esp
  mov eax, cs
  mov ss:[seen + 24], eax
  mov eax, ss
  mov ss:[seen + 28], eax
  retf 8
call16:
  push 0x33331111
  pushw 0x3333
  pushw 0x2222
  call GATE16:0
  int 0x80
inner16:
  # IP, CS, three words, SP, SS, sixteen bits each: the parameters lie at the top of the caller's stack.
  mov eax, [esp + 4]
  rol eax, 16
  mov ss:[seen], eax
  movzx eax, word ptr [esp + 8]
  mov ss:[seen + 4], eax
  mov ss:[seen + 8], esp
  data16 retf 6
same_level:
  mov edx, esp
  retf
call_conforming:
  jmp CONFORMING:1f
1: int 0x80
.section .bss
seen: .skip 64
