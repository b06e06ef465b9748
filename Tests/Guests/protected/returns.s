# {
#   "description": "RETF and IRETD to outer levels: data segments dropped, checks of CS and SS, flags by privilege; 16-bit code and stacks",
#   "spec": "SDM 3A 5.8.6, SDM 2A IRET",
#   "mode": "protected"
# }
.set stack_top_low, 0x7000
main:
  # RETF to CPL 3 drops data segments that CPL 3 may not use.
  mov eax, SEL_UDATA
  mov fs, eax
  mov eax, SEL_DATA
  mov gs, eax
  mov dword ptr [recover], offset 1f
  mov [saved_sp], esp
  push SEL_UDATA
  push offset user_stack_top
  push SEL_UCODE32
  push offset user_look
  retf
1: EXPECT "RETF to CPL 3", [exc_vector], 0x80
  mov eax, [exc_ax]
  and eax, 0xffff
  EXPECT "GS (DPL 0) became null, FS (DPL 3) stays", eax, "(SEL_UDATA)"
  mov eax, [exc_ax]
  shr eax, 16
  EXPECT "GS null", eax, 0
  # Checks
  push 0
  push offset user_stack_top
  push SEL_UCODE32
  push offset user_look
  FAULTS "RETF to CPL 3 with a null SS", 13, 0, "retf"
  mov dword ptr [esp + 12], SEL_DATA
  FAULTS "RETF to CPL 3 with an inner SS", 13, SEL_DATA, "retf"
  mov dword ptr [esp + 4], 0
  FAULTS "RETF with a null CS", 13, 0, "retf"
  mov dword ptr [esp + 4], SEL_DATA
  FAULTS "RETF to data", 13, SEL_DATA, "retf"
  mov dword ptr [esp + 4], 0x3f8
  FAULTS "RETF beyond the GDT", 13, 0x3f8, "retf"
  mov dword ptr [esp + 4], SEL_UCODE32 & ~3
  FAULTS "RETF: DPL and RPL differ", 13, SEL_UCODE32 & ~3, "retf"
  add esp, 16
  # IRETD at CPL 0 loads IOPL, IF, VM...; at CPL 3 not.
  push 0x3202
  push SEL_CODE32
  push offset 1f
  iretd
1: pushfd
  pop eax
  cli
  and eax, 0x3200
  EXPECT "IRETD at CPL 0 loads IOPL and IF", eax, 0x3200
  push 2
  popfd
  CALL_USER user_iret
  EXPECT "IRETD at CPL 3", [exc_vector], 0x80
  mov eax, [exc_flags]
  and eax, 0x3200
  EXPECT "IRETD at CPL 3 leaves IOPL and IF", eax, 0
  CALL_USER user_inner
  EXPECT "IRETD to an inner level: vector", [exc_vector], 13
  EXPECT "IRETD to an inner level: error code", [exc_code], SEL_CODE32
  # NT: IRETD with a bad back link
  push 0x4002
  popfd
  FAULTS "IRETD with NT and no back link", 10, 0, "iretd"
  push 2
  popfd
  # 16-bit code: IP wraps at 64 KiB limit, stack pointer SP only
  mov ebx, esp
  jmp SEL_CODE16:1f
.code16
1: mov ax, SEL_DATA16
  mov ss, ax
  mov esp, 0x12347000
  push ax
  jmp SEL_CODE32:2f
.code32
2: mov edx, esp
  mov ax, SEL_DATA
  mov ss, ax
  mov esp, ebx
  sub edx, 0x12340000
  EXPECT "16-bit stack: upper half of ESP untouched", edx, "stack_top_low - 2"
  PASS
user_look:
  mov eax, gs
  shl eax, 16
  mov ax, fs
  int 0x80
user_inner:
  push 2
  push SEL_CODE32
  push 0
  iretd
user_iret:
  push 0x3202
  push SEL_UCODE32
  push offset 1f
  iretd
1: int 0x80
