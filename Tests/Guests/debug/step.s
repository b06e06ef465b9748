# {
#   "description": "Single step: TF through instructions, REP, MOV SS, INT, IRET, SYSCALL-free paths; DR6.BS; ICEBP",
#   "spec": "SDM 3B 17.3.1.4",
#   "mode": "protected"
# }
main:
  mov ebp, offset trace
  # A counting #DB handler that records where it was called.
  GATE "idt + 8", SEL_CODE32, "offset on_debug", 0x8e
  mov edi, offset trace
  pushfd
  or dword ptr [esp], FL_TF
  popfd
first: nop
second: mov eax, 1
third: pushfd
fourth: and dword ptr [esp], ~FL_TF
fifth: popfd
sixth: nop
  EXPECT "traps counted: one behind each instruction, the POPF that clears TF included", [count], 5
  EXPECT "first trap", [trace], "offset second"
  EXPECT "second trap", [trace + 4], "offset third"
  EXPECT "last trap", [trace + 16], "offset sixth"
  mov eax, [dr6_seen]
  and eax, 0x400f
  EXPECT "DR6.BS", eax, 0x4000
  mov eax, [flags_seen]
  and eax, FL_TF | FL_RF
  EXPECT "pushed flags of a trap: TF set, RF clear", eax, FL_TF
  # REP: a trap behind each iteration, at the instruction itself
  mov dword ptr [count], 0
  mov edi, offset trace
  mov ecx, 3
  mov esi, offset gdt
  push edi
  pushfd
  mov edx, [esp]
  or dword ptr [esp], FL_TF
  mov ebp, offset trace
  popfd
rep_start: rep lodsb
rep_end: mov ecx, 0x55
  push edx
  popfd
rep_after:
  pop eax
  EXPECT "REP LODSB with three iterations: 3 + 3 traps", [count], 6
  EXPECT "first iteration", [trace], "offset rep_start"
  EXPECT "second iteration", [trace + 4], "offset rep_start"
  EXPECT "third iteration", [trace + 8], "offset rep_end"
  # MOV SS: no trap between it and the next instruction
  mov dword ptr [count], 0
  mov ebp, offset trace
  mov eax, SEL_DATA
  pushfd
  mov edx, [esp]
  or dword ptr [esp], FL_TF
  popfd
ss_start: mov ss, eax
ss_next: nop
ss_after: push edx
  popfd
  EXPECT "MOV SS holds the trap back: 3 traps", [count], 3
  EXPECT "first trap is behind the instruction after MOV SS", [trace], "offset ss_after"
  # INT n clears TF; no trap behind it; TF comes back with IRET, which is not trapped itself.
  GATE "idt + 0x60 * 8", SEL_CODE32, "offset on_60", 0x8e
  mov dword ptr [count], 0
  mov ebp, offset trace
  pushfd
  mov edx, [esp]
  or dword ptr [esp], FL_TF
  popfd
int_start: int 0x60
int_after: nop
int_next: push edx
  popfd
  mov eax, [in_handler]
  and eax, FL_TF
  EXPECT "TF clear in the handler", eax, 0
  EXPECT "no trap in the handler nor behind IRET's target", [trace], "offset int_next"
  EXPECT "traps: NOP, PUSH, POPF", [count], 3
  # A fault does not trap; its handler runs with TF clear, the saved image has TF and RF.
  mov dword ptr [count], 0
  pushfd
  or dword ptr [esp], FL_TF
  mov dword ptr [recover], offset 1f
  mov [saved_sp], esp
  add dword ptr [saved_sp], 4
  popfd
  ud2
1: EXPECT "UD2 with TF", [exc_vector], 6
  mov eax, [exc_flags]
  and eax, FL_TF | FL_RF
  EXPECT "pushed flags of the fault: TF and RF", eax, FL_TF | FL_RF
  EXPECT "no single-step trap", [count], 0
  # ICEBP
  mov dword ptr [count], 0
  mov ebp, offset trace
  xor eax, eax
  mov dr6, eax
  .byte 0xf1
icebp_after:
  EXPECT "ICEBP is a #DB trap", [count], 1
  EXPECT "ICEBP: IP behind it", [trace], "offset icebp_after"
  mov eax, [dr6_seen]
  and eax, 0xf00f
  EXPECT "ICEBP: no cause in DR6", eax, 0
  # INT3 points behind itself.
  TRY "int3"
  mov eax, [exc_ip]
  sub eax, [tried]
  EXPECT "INT3: IP behind it", eax, 1
  PASS
on_debug:
  push eax
  mov eax, [esp + 4]
  mov [ebp], eax
  add ebp, 4
  cmp dword ptr [count], 0
  jne 1f
  mov eax, [esp + 12]
  mov [flags_seen], eax
1:
  mov eax, dr6
  mov [dr6_seen], eax
  xor eax, eax
  mov dr6, eax
  inc dword ptr [count]
  pop eax
  iretd
on_60:
  pushfd
  pop dword ptr [in_handler]
  iretd
.section .bss
trace: .skip 256
count: .skip 4
dr6_seen: .skip 4
flags_seen: .skip 4
in_handler: .skip 4
