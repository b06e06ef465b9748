# {
#   "description": "State of the first processor after reset, seen from real mode",
#   "spec": "SDM 3A 9.1, table 9-1",
#   "mode": "real"
# }
main:
  EXPECT "CR0: CD, NW and ET", "cr0", 0x60000010
  EXPECT "CR2", "cr2", 0
  EXPECT "CR3", "cr3", 0
  EXPECT "CR4", "cr4", 0
  EXPECT "DR6", "dr6", 0xffff0ff0
  EXPECT "DR7", "dr7", 0x400
  sgdt [scratch]
  movzx eax, word ptr [scratch]
  EXPECT "GDT limit", eax, 0xffff
  EXPECT "GDT base", [scratch + 2], 0
  sidt [scratch]
  movzx eax, word ptr [scratch]
  EXPECT "IDT limit", eax, 0xffff
  mov ecx, 0x1b
  rdmsr
  EXPECT "IA32_APIC_BASE: enabled, bootstrap processor", eax, 0xfee00900
  mov ecx, MSR_EFER
  rdmsr
  EXPECT "EFER", eax, 0
  mov ecx, 0x277
  rdmsr
  EXPECT "PAT, low", eax, 0x00070406
  EXPECT "PAT, high", edx, 0x00070406
  fnstcw [scratch]
  movzx eax, word ptr [scratch]
  EXPECT "x87 control word", eax, 0x40
  fnstsw ax
  movzx eax, ax
  EXPECT "x87 status word", eax, 0
  PASS
