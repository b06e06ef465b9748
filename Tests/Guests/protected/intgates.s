# {
#   "description": "Interrupt and trap gates of 16 and 32 bits at CPL 0 and from CPL 3: frame size, IF, NT, error code; conforming handler",
#   "spec": "SDM 3A 6.12",
#   "mode": "protected"
# }
.set CONFORMING, SEL_FREE
main:
  DESC CONFORMING, 0, 0xfffff, 0x9f, 0xc
  GATE "idt + 0x60 * 8", SEL_CODE32, "offset look", 0xef       # trap gate
  GATE "idt + 0x61 * 8", SEL_CODE32, "offset look", 0xee       # interrupt gate
  GATE "idt + 0x62 * 8", SEL_CODE32, "offset look16", 0xe6     # 16-bit interrupt gate
  GATE "idt + 0x63 * 8", SEL_CODE32, "offset look16", 0xe7     # 16-bit trap gate
  GATE "idt + 0x64 * 8", CONFORMING, "offset look", 0xee
  push FL_IF | FL_NT | 2
  popfd
  int 0x60
  mov eax, [flags]
  and eax, FL_IF | FL_NT | FL_TF
  EXPECT "trap gate keeps IF, clears NT", eax, FL_IF
  mov ebx, esp
  sub ebx, [sp_seen]
  EXPECT "32-bit frame: 12 bytes", ebx, 12
  push FL_IF | 2
  popfd
  int 0x61
  mov eax, [flags]
  and eax, FL_IF
  EXPECT "interrupt gate clears IF", eax, 0
  pushfd
  pop eax
  and eax, FL_IF
  EXPECT "IRETD brings IF back", eax, FL_IF
  int 0x62
  mov eax, [flags]
  and eax, FL_IF
  EXPECT "16-bit interrupt gate clears IF", eax, 0
  mov ebx, esp
  sub ebx, [sp_seen]
  EXPECT "16-bit frame: 6 bytes", ebx, 6
  int 0x63
  mov eax, [flags]
  and eax, FL_IF
  EXPECT "16-bit trap gate keeps IF", eax, FL_IF
  cli
  # From CPL 3: ten bytes with 16-bit gates
  CALL_USER user16
  EXPECT "from CPL 3: back", [exc_vector], 0x80
  EXPECT "from CPL 3, 16-bit gate: ten bytes", [sp_seen], "offset inner_stack_top - 10"
  CALL_USER user32
  EXPECT "from CPL 3, 32-bit gate: twenty bytes", [sp_seen], "offset inner_stack_top - 20"
  CALL_USER user_conforming
  EXPECT "conforming handler stays at CPL 3", [cs_seen], CONFORMING | 3
  EXPECT "conforming handler stays on the stack", [sp_seen], "offset user_stack_top - 12"
  # Error code on a 16-bit frame is a word.
  GATE "idt + 13 * 8", SEL_CODE32, "offset fault16", 0x86
  mov dword ptr [recover], offset 1f
  mov [saved_sp], esp
  mov ax, 0x3f8
  mov fs, ax
1: EXPECT "16-bit gate with error code: frame of 8 bytes", [sp_seen], 8
  EXPECT "16-bit error code", [code_seen], 0x3f8
  PASS
look:
  mov ss:[sp_seen], esp
  push eax
  mov eax, cs
  mov ss:[cs_seen], eax
  pushfd
  pop dword ptr ss:[flags]
  pop eax
  iretd
look16:
  mov ss:[sp_seen], esp
  pushfd
  pop dword ptr ss:[flags]
  .byte 0x66, 0xcf
fault16:
  mov eax, [saved_sp]
  sub eax, esp
  mov [sp_seen], eax
  movzx eax, word ptr [esp]
  mov [code_seen], eax
  mov esp, [saved_sp]
  jmp dword ptr [recover]
user16:
  int 0x62
  int 0x80
user32:
  int 0x61
  int 0x80
user_conforming:
  int 0x64
  int 0x80
.section .bss
flags: .skip 4
sp_seen: .skip 4
cs_seen: .skip 4
code_seen: .skip 4
