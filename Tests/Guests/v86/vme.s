# {
#   "description": "Virtual-8086 mode with VME: VIF and VIP, redirected INT n, PUSHF, POPF, IRET; PVI",
#   "spec": "SDM 3A 20.3, 20.4",
#   "mode": "protected"
# }
main:
  .include "v86.inc"
  SET_CR4 CR4_VME
  # Redirection bitmap: the 32 bytes below the I/O bitmap, clear = 8086 handler.
  mov word ptr [tss + 0x66], 0x68 + 32
  # 8086 handlers in the IVT
  mov word ptr [0x21 * 4], offset handler21
  mov word ptr [0x21 * 4 + 2], 0
  V86_END "CLI clears VIF", FL_VIF | FL_IF, "cli"
  mov eax, [exc_flags]
  and eax, FL_VIF | FL_IF
  EXPECT "CLI: VIF clear, IF kept", eax, FL_IF
  V86_END "STI sets VIF", 0, "sti"
  mov eax, [exc_flags]
  and eax, FL_VIF | FL_IF
  EXPECT "STI: VIF", eax, FL_VIF
  V86 "STI with VIP", 13, 0, FL_VIP, "sti"
  V86_END "CLI with VIP", FL_VIP | FL_VIF, "cli"
  V86_END "PUSHF shows VIF as IF, and IOPL 3", FL_VIF, "pushf; pop ax; mov [0x500], ax"
  movzx eax, word ptr [0x10500]
  and eax, 0x3200
  EXPECT "PUSHF image", eax, 0x3200
  V86_END "PUSHF with VIF clear", FL_IF, "pushf; pop ax; mov [0x500], ax"
  movzx eax, word ptr [0x10500]
  and eax, 0x3200
  EXPECT "PUSHF image without VIF", eax, 0x3000
  V86 "PUSHFD is not virtualised", 13, 0, FL_VIF, "pushfd"
  V86 "POPFD is not virtualised", 13, 0, FL_VIF, "popfd"
  V86_END "POPF puts IF into VIF", 0, "push 0x0202; popf"
  mov eax, [exc_flags]
  and eax, FL_VIF | FL_IF
  EXPECT "POPF: VIF", eax, FL_VIF
  V86_END "INT 21h through the 8086 vector table", FL_VIF, "mov bx, 0; int 0x21; mov [0x502], bx"
  movzx eax, word ptr [0x10502]
  EXPECT "handler ran", eax, 0x2121
  mov eax, [exc_flags]
  and eax, FL_VIF
  EXPECT "IRET restored VIF", eax, FL_VIF
  movzx eax, word ptr [0x10504]
  and eax, 0x3200
  EXPECT "image pushed by INT: IF = VIF, IOPL 3", eax, 0x3200
  mov eax, [0x10508]
  EXPECT "VIF clear in the 8086 handler (PUSHF image)", eax, 0x3000
  # Not redirected: bit set
  mov byte ptr [tss + 0x68 + (0x21 >> 3)], 1 << (0x21 & 7)
  V86 "INT 21h with its bit set and IOPL 0", 13, 0, 0, "int 0x21"
  V86 "INT 21h with its bit set and IOPL 3 goes to the gate", 13, (0x21 << 3) | 2, FL_IOPL3, "int 0x21"
  mov byte ptr [tss + 0x68 + (0x21 >> 3)], 0
  V86_END "INT 21h redirected with IOPL 3 too", FL_IOPL3 | FL_IF, "mov bx, 0; int 0x21; mov [0x502], bx"
  # PVI: CLI and STI at CPL 3 with IOPL 0 work on VIF.
  SET_CR4 CR4_PVI
  USER_WORKS "PVI: STI", "sti"
  mov eax, [exc_flags]
  and eax, FL_VIF | FL_IF
  EXPECT "PVI: VIF set", eax, FL_VIF
  USER_WORKS "PVI: CLI", "cli"
  CALL_USER pvi_sti, FL_VIP | 2
  EXPECT "PVI: STI with VIP", [exc_vector], 13
  CLEAR_CR4 CR4_PVI
  USER_FAULTS "without PVI: STI", 13, 0, "sti"
  PASS
pvi_sti:
  sti
  int 0x80
.code16
handler21:
  mov bx, 0x2121
  push bp
  mov bp, sp
  mov ax, [bp + 6]
  mov [0x504], ax
  pushf
  pop ax
  and eax, 0x3200
  mov [0x508], eax
  pop bp
  iret
.code32
