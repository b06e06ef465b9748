# {
#   "description": "Virtual-8086 mode without VME: entry by IRETD, IOPL-sensitive instructions, frame of a fault, segment rules",
#   "spec": "SDM 3A 20.2, 20.3",
#   "mode": "protected"
# }
main:
  .include "v86.inc"
  V86 "CLI with IOPL 0", 13, 0, 0, "cli"
  V86 "STI with IOPL 0", 13, 0, 0, "sti"
  V86 "PUSHF with IOPL 0", 13, 0, 0, "pushf"
  V86 "POPF with IOPL 0", 13, 0, 0, "popf"
  V86 "IRET with IOPL 0", 13, 0, 0, "iret"
  V86 "INT n with IOPL 0", 13, 0, 0, "int 0x21"
  V86 "INT3 goes by the gate's DPL, not IOPL", 13, (3 << 3) | 2, 0, "int3"
  V86 "HLT", 13, 0, FL_IOPL3, "hlt"
  V86 "CLTS", 13, 0, FL_IOPL3, "clts"
  V86 "LGDT", 13, 0, FL_IOPL3, "lgdt [0]"
  V86 "MOV CR0", 13, 0, FL_IOPL3, "mov eax, cr0"
  V86 "LMSW", 13, 0, FL_IOPL3, "lmsw ax"
  V86 "SLDT", 6, 0, FL_IOPL3, "sldt ax"
  V86 "LAR", 6, 0, FL_IOPL3, "lar ax, ax"
  V86 "ARPL", 6, 0, FL_IOPL3, "arpl ax, ax"
  V86 "RDMSR", 13, 0, FL_IOPL3, "rdmsr"
  V86 "INT n with IOPL 3 and a gate with DPL 0", 13, (0x21 << 3) | 2, FL_IOPL3, "int 0x21"
  V86 "limit of 64 KiB", 13, 0, 0, "mov eax, [0xfffe]"
  V86 "limit through SS", 12, 0, 0, "mov eax, ss:[0xfffe]"
  V86 "IN with IOPL 3 still needs the bitmap", 13, 0, FL_IOPL3, "in al, 0x60"
  mov word ptr [tss + 0x66], 0x68
  V86_END "IN allowed by the bitmap", 0, "in al, 0x60"
  mov word ptr [tss + 0x66], tss_end - tss
  # The gate with DPL 3 is reached with IOPL 3.
  V86_END "INT 80h with IOPL 3", 0, "nop"
  EXPECT "CS pushed", [exc_cs], 0
  mov eax, [exc_flags]
  and eax, FL_VM
  EXPECT "VM in the pushed EFLAGS", eax, FL_VM
  mov eax, [exc_entry_flags]
  and eax, FL_VM
  EXPECT "VM clear in the handler", eax, 0
  EXPECT "DS null in the handler", [exc_entry_ds], 0
  EXPECT "pushed SS", [exc_ss], 0x1800
  EXPECT "pushed SP", [exc_sp], 0x1000
  EXPECT "handler's ESP: nine doublewords and the stub's two", [exc_entry_sp], "offset inner_stack_top - 44"
  EXPECT "pushed ES", [inner_stack_top - 16], 0x1111
  EXPECT "pushed DS", [inner_stack_top - 12], 0x1000
  EXPECT "pushed FS", [inner_stack_top - 8], 0x3333
  EXPECT "pushed GS", [inner_stack_top - 4], 0x4444
  # IF and IOPL-3 flags work.
  V86_END "CLI and STI with IOPL 3", FL_IOPL3, "cli; sti"
  mov eax, [exc_flags]
  and eax, FL_IF
  EXPECT "STI has set IF", eax, FL_IF
  V86_END "PUSHF and POPF with IOPL 3", FL_IOPL3, "pushf; popf"
  V86_END "segment = selector * 16", FL_IOPL3, "mov ax, 0x1234; mov ds, ax; mov byte ptr [0x10], 0x77"
  movzx eax, byte ptr [0x12350]
  EXPECT "store through 1234:0010", eax, 0x77
  PASS
