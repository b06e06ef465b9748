# {
#   "description": "Hardware breakpoints: execution with RF, write, read or write, I/O with CR4.DE; lengths; general detect; reserved bits of DR6 and DR7; DR4 and DR5",
#   "spec": "SDM 3B 17.2, 17.3.1",
#   "mode": "protected"
# }
.macro DR number:req, value:req
  push eax
  mov eax, \value
  mov dr\number, eax
  pop eax
.endm
.macro DR6_IS what:req, value:req
  mov eax, dr6
  EXPECT "\what: DR6", eax, \value
  mov eax, 0xffff0ff0
  mov dr6, eax
.endm
main:
  mov eax, dr6
  EXPECT "DR6 after reset", eax, 0xffff0ff0
  mov eax, dr7
  EXPECT "DR7 after reset", eax, 0x400
  # Execution: a fault, before the instruction
  DR 0, "offset target"
  DR 7, 0x402
  xor ebx, ebx
  mov dword ptr [recover], offset 1f
  mov [saved_sp], esp
  mov dword ptr [exc_vector], -1
target: inc ebx
1: EXPECT "execution breakpoint", [exc_vector], 1
  EXPECT "saved IP is the instruction", [exc_ip], "offset target"
  EXPECT "instruction not executed", ebx, 0
  mov eax, [exc_flags]
  and eax, FL_RF
  EXPECT "RF clear in the saved image: the handler must set it", eax, 0
  DR6_IS "execution", 0xffff0ff1
  # RF lets it pass once.
  mov dword ptr [exc_vector], -1
  mov dword ptr [recover], offset after_target2
  push FL_RF | 2
  push SEL_CODE32
  push offset target2
  DR 0, "offset target2"
  iretd
target2: inc ebx
after_target2:
  EXPECT "RF suppresses the breakpoint", [exc_vector], -1
  EXPECT "instruction executed", ebx, 1
  # Data writes: a trap, after the instruction
  DR 0, "offset scratch"
  DR 7, 0x000d0402                            # write, 4 bytes
  TRY "mov dword ptr [scratch], 0x1234"
  EXPECT "write breakpoint", [exc_vector], 1
  EXPECT "done before the trap", [scratch], 0x1234
  mov eax, [exc_ip]
  sub eax, [tried]
  EXPECT "saved IP is behind", eax, 10
  DR6_IS "write", 0xffff0ff1
  WORKS "read does not hit a write breakpoint", "mov eax, [scratch]"
  WORKS "write next to it", "mov byte ptr [scratch + 4], 1"
  TRY "mov word ptr [scratch + 3], 1"
  EXPECT "write that overlaps", [exc_vector], 1
  TRY "inc byte ptr [scratch + 2]"
  EXPECT "read-modify-write", [exc_vector], 1
  mov eax, 0xffff0ff0
  mov dr6, eax
  TRY "push dword ptr [scratch]"
  EXPECT "PUSH from it", [exc_vector], -1
  pop eax
  # Read or write
  DR 1, "offset scratch + 8"
  DR 7, 0x00f00408                            # DR1, 4 bytes, read or write
  TRY "mov eax, [scratch + 8]"
  EXPECT "read breakpoint", [exc_vector], 1
  DR6_IS "read", 0xffff0ff2
  TRY "mov [scratch + 8], al"
  EXPECT "write hits it too", [exc_vector], 1
  mov eax, 0xffff0ff0
  mov dr6, eax
  # REP MOVS stops behind the iteration that hits.
  mov esi, offset gdt
  mov edi, offset scratch + 4
  mov ecx, 4
  TRY "rep movsd"
  EXPECT "REP MOVS: vector", [exc_vector], 1
  EXPECT "REP MOVS: one left after the hit in the second iteration", ecx, 2
  mov eax, 0xffff0ff0
  mov dr6, eax
  # I/O
  DR 7, 0x400
  DR 2, 0x300
  SET_CR4 CR4_DE
  DR 7, 0x02000420                            # DR2: I/O, one byte
  mov dx, 0x300
  TRY "in al, dx"
  EXPECT "I/O breakpoint", [exc_vector], 1
  DR6_IS "I/O", 0xffff0ff4
  mov dx, 0x301
  WORKS "port next to it", "out dx, al"
  mov dx, 0x2ff
  TRY "out dx, ax"
  EXPECT "word that overlaps", [exc_vector], 1
  mov eax, 0xffff0ff0
  mov dr6, eax
  # DR4 and DR5: aliases without DE, #UD with it
  FAULTS "DR4 with CR4.DE", 6, 0, "mov eax, dr4"
  DR 7, 0x400
  CLEAR_CR4 CR4_DE
  WORKS "DR4 without CR4.DE", "mov eax, dr4"
  EXPECT "DR4 is DR6", eax, 0xffff0ff0
  mov eax, dr5
  EXPECT "DR5 is DR7", eax, 0x400
  # General detect
  DR 7, 0x2400
  FAULTS "DR7.GD: MOV from DR0", 1, 0, "mov eax, dr0"
  mov eax, dr7
  EXPECT "GD cleared on entry to the handler", eax, 0x400
  DR6_IS "general detect", 0xffff2ff0
  # Fixed bits
  mov eax, -1
  mov dr6, eax
  mov ebx, dr6
  and ebx, 0x1000
  EXPECT "DR6 bit 12 is always zero", ebx, 0
  mov eax, 0xd800
  mov dr7, eax
  mov ebx, dr7
  EXPECT "DR7 bits 15, 14, 12 zero, 10 one; 11 zero", ebx, 0x400
  DR 7, 0x400
  # Several at once: the DR6 bits of breakpoints that are not enabled may be set; ours are enabled.
  mov eax, 0xffff0ff0
  mov dr6, eax
  DR 0, "offset scratch"
  DR 1, "offset scratch"
  DR 7, 0x00dd040a
  TRY "mov byte ptr [scratch], 1"
  mov eax, dr6
  and eax, 3
  EXPECT "two breakpoints on one access", eax, 3
  DR 7, 0x400
  PASS
