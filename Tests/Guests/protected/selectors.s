# {
#   "description": "LAR, LSL, VERR, VERW, ARPL, LLDT, LTR, SLDT, STR",
#   "spec": "SDM 3A 5.10, SDM 2",
#   "mode": "protected"
# }
.set RO, SEL_FREE
.set XO, SEL_FREE + 8
.set GATE3, SEL_FREE + 0x10
.set ABSENTLDT, SEL_FREE + 0x18
.set BUSY, SEL_FREE + 0x20
.set CONFORMING, SEL_FREE + 0x28
.set TASKGATE, SEL_FREE + 0x30
.set INTGATE, SEL_FREE + 0x38
main:
  DESC RO, 0x1000, 0x12345, 0x91, 0xc
  DESC XO, 0, 0xfff, 0x98, 4
  GATE "gdt + GATE3", SEL_CODE32, 0, 0xec
  DESC ABSENTLDT, 0, 0xff, 0x02, 0
  DESC BUSY, "offset tss", 0x67, 0x8b, 0
  DESC CONFORMING, 0, 0xfffff, 0x9f, 0xc
  DESC TASKGATE, 0, 0, 0xe5, 0
  DESC INTGATE, 0, 0, 0xee, 0
  xor ebx, ebx
  mov ecx, RO
  lar ebx, ecx
  setz dl
  and ebx, 0xf0ffff
  EXPECT "LAR: rights", ebx, 0x00c09100
  movzx edx, dl
  EXPECT "LAR: ZF", edx, 1
  mov ebx, 0x55555555
  lar bx, cx
  EXPECT "16-bit LAR", ebx, 0x55559100
  lsl ebx, ecx
  EXPECT "LSL: limit in bytes", ebx, 0x12345fff
  mov ebx, 9
  mov ecx, 0x3f8
  lsl ebx, ecx
  setz dl
  movzx edx, dl
  EXPECT "LSL beyond the table: ZF", edx, 0
  EXPECT "LSL beyond the table: register unchanged", ebx, 9
  xor ecx, ecx
  lar ebx, ecx
  setz dl
  movzx edx, dl
  EXPECT "LAR of null: ZF", edx, 0
  mov ecx, GATE3
  lar ebx, ecx
  setz dl
  movzx edx, dl
  EXPECT "LAR of a call gate: ZF", edx, 1
  lsl ebx, ecx
  setz dl
  movzx edx, dl
  EXPECT "LSL of a call gate: ZF", edx, 0
  mov ecx, INTGATE
  lar ebx, ecx
  setz dl
  movzx edx, dl
  EXPECT "LAR of an interrupt gate: ZF", edx, 0
  mov ecx, TASKGATE
  lar ebx, ecx
  setz dl
  movzx edx, dl
  EXPECT "LAR of a task gate: ZF", edx, 1
  mov ecx, SEL_TSS
  lsl ebx, ecx
  EXPECT "LSL of the TSS", ebx, "tss_end - tss - 1"
  # Privilege hides descriptors.
  CALL_USER lar_user
  EXPECT "at CPL 3: LAR of DPL 0 fails, of conforming and DPL 3 works", [exc_ax], 0b0110
  mov ecx, RO
  xor eax, eax
  verr cx
  setz al
  verw cx
  setz ah
  mov ecx, XO
  EXPECT "read-only: VERR yes, VERW no", eax, 1
  xor eax, eax
  verr cx
  setz al
  verw cx
  setz ah
  EXPECT "execute-only: neither", eax, 0
  mov ecx, SEL_DATA
  xor eax, eax
  verr cx
  setz al
  verw cx
  setz ah
  EXPECT "data: both", eax, 0x101
  mov ecx, SEL_DATA | 3
  verr cx
  setz al
  movzx eax, al
  EXPECT "VERR obeys RPL", eax, 0
  # ARPL
  mov eax, 0x10
  mov ebx, 3
  arpl ax, bx
  setz bl
  EXPECT "ARPL raises RPL", eax, 0x13
  movzx ebx, bl
  EXPECT "ARPL: ZF", ebx, 1
  mov ebx, 1
  arpl ax, bx
  setz bl
  movzx ebx, bl
  EXPECT "ARPL leaves a higher RPL: ZF", ebx, 0
  EXPECT "ARPL leaves a higher RPL", eax, 0x13
  # LDT
  DESC SEL_LDT, "offset ldt", 15, 0x82, 0
  mov ax, SEL_LDT
  WORKS "LLDT", "lldt ax"
  sldt ebx
  EXPECT "SLDT", ebx, SEL_LDT
  mov ax, 0xc
  WORKS "data of the LDT", "mov fs, ax"
  mov eax, fs:[0]
  EXPECT "through the LDT", eax, 0x600d
  mov ax, 0x14
  FAULTS "beyond the LDT", 13, 0x14, "mov fs, ax"
  mov ax, SEL_TSS
  FAULTS "LLDT of a TSS", 13, SEL_TSS, "lldt ax"
  mov ax, ABSENTLDT
  FAULTS "LLDT of an absent LDT", 11, ABSENTLDT, "lldt ax"
  mov ax, 0xc
  FAULTS "LLDT from the LDT", 13, 0xc, "lldt ax"
  xor eax, eax
  WORKS "LLDT of null", "lldt ax"
  mov ax, 0xc
  FAULTS "after LLDT of null", 13, 0xc, "mov fs, ax"
  # LTR
  str eax
  EXPECT "STR", eax, SEL_TSS
  movzx eax, byte ptr [gdt + SEL_TSS + 5]
  EXPECT "LTR has set the busy bit", eax, 0x8b
  mov ax, SEL_TSS
  FAULTS "LTR of a busy TSS", 13, SEL_TSS, "ltr ax"
  xor eax, eax
  FAULTS "LTR of null", 13, 0, "ltr ax"
  mov ax, SEL_DATA
  FAULTS "LTR of data", 13, SEL_DATA, "ltr ax"
  PASS
lar_user:
  xor eax, eax
  mov ecx, RO
  lar ebx, ecx
  setz dl
  or al, dl
  mov ecx, CONFORMING
  lar ebx, ecx
  setz dl
  shl dl, 1
  or al, dl
  mov ecx, SEL_UDATA
  lar ebx, ecx
  setz dl
  shl dl, 2
  or al, dl
  int 0x80
.section .data
.balign 8
ldt: .quad 0
  .word 0xfff, ldt_data, 0x9300, 0x40
ldt_data: .long 0x600d
