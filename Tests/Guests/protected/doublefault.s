# {
#   "description": "Which pairs of exceptions make a double fault: contributory, page fault, benign; error codes with EXT and IDT bits",
#   "spec": "SDM 3A 6.15, table 6-5",
#   "mode": "protected"
# }
.macro ABSENT_GATE vector
  mov byte ptr [idt + \vector * 8 + 5], 0x0e
.endm
.macro PRESENT_GATE vector
  mov byte ptr [idt + \vector * 8 + 5], 0x8e
.endm
main:
  mov ax, 0x3f8
  ABSENT_GATE 13
  FAULTS "contributory after contributory: #GP then #NP", 8, 0, "mov fs, ax"
  PRESENT_GATE 13
  ABSENT_GATE 6
  FAULTS "benign then contributory is delivered in series", 11, (6 << 3) | 3, "ud2"
  PRESENT_GATE 6
  ABSENT_GATE 1
  FAULTS "#NP while delivering #DB", 11, (1 << 3) | 3, ".byte 0xf1"
  PRESENT_GATE 1
  ABSENT_GATE 0x44
  FAULTS "INT n: no EXT", 11, (0x44 << 3) | 2, "int 0x44"
  PRESENT_GATE 0x44
  mov word ptr [idt + 6 * 8 + 2], 0x3f8
  FAULTS "handler's selector beyond the GDT: EXT", 13, 0x3f9, "ud2"
  mov word ptr [idt + 6 * 8 + 2], SEL_CODE32
  lidt [short_idt]
  FAULTS "INT n beyond the IDT limit", 13, (0x90 << 3) | 2, "int 0x90"
  lidt [idtr]
  PASS
.section .data
short_idt: .word 0x8f * 8 + 7
  .long idt
