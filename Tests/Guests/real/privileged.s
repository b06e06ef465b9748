# {
#   "description": "Instructions that do not exist in real mode, and system instructions that do",
#   "spec": "SDM 2, real-address mode exceptions",
#   "mode": "real"
# }
main:
  FAULTS "SLDT", 6, 0, "sldt ax"
  FAULTS "STR", 6, 0, "str ax"
  FAULTS "LLDT", 6, 0, "lldt ax"
  FAULTS "LTR", 6, 0, "ltr ax"
  FAULTS "LAR", 6, 0, "lar ax, bx"
  FAULTS "LSL", 6, 0, "lsl ax, bx"
  FAULTS "VERR", 6, 0, "verr ax"
  FAULTS "VERW", 6, 0, "verw ax"
  FAULTS "ARPL", 6, 0, "arpl ax, bx"
  FAULTS "SYSENTER", 13, 0, "sysenter"
  FAULTS "SYSEXIT", 13, 0, "sysexit"
  FAULTS "MOV CS", 6, 0, ".byte 0x8e, 0xc8"
  FAULTS "LOCK on a register", 6, 0, ".byte 0xf0, 0x01, 0xc0"
  FAULTS "LEA of a register", 6, 0, ".byte 0x8d, 0xc0"
  WORKS "LGDT", "lgdt [gdtr]"
  WORKS "SMSW", "smsw bx"
  and ebx, 1
  EXPECT "SMSW shows PE = 0", ebx, 0
  WORKS "CLTS", "clts"
  WORKS "INVD", "invd"
  mov eax, 0x80000000
  mov edx, cr0
  FAULTS "CR0 with PG but no PE", 13, 0, "mov cr0, eax"
  mov ebx, cr0
  EXPECT "CR0 unchanged", ebx, edx
  mov eax, 0x20000000
  FAULTS "CR0 with NW but no CD", 13, 0, "mov cr0, eax"
  FAULTS "MOV CR1", 6, 0, ".byte 0x0f, 0x20, 0xc8"
  FAULTS "MOV CR5", 6, 0, ".byte 0x0f, 0x22, 0xe8"
  # LMSW cannot clear PE, but sets MP, EM, TS.
  mov ax, 0xe
  lmsw ax
  mov eax, cr0
  and eax, 0xf
  EXPECT "LMSW sets MP, EM, TS", eax, 0xe
  FAULTS "FPU instruction with EM", 7, 0, "fnop"
  xor ax, ax
  lmsw ax
  mov eax, cr0
  and eax, 0xf
  EXPECT "LMSW clears MP, EM, TS", eax, 0
  # 16-byte instruction: prefixes
  TRY ".byte 0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x89,0xc0"
  EXPECT "instruction of 16 bytes", [exc_vector], 13
  WORKS "instruction of 15 bytes", ".byte 0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x26,0x89,0xc0"
  PASS
