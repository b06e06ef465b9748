# {
#   "description": "Hardware task switches by CALL, JMP, IRET, task gate and interrupt: busy bits, NT, back link, CR0.TS, saved and loaded state",
#   "spec": "SDM 3A 7.3 to 7.5",
#   "mode": "protected"
# }
.set TSS2, SEL_FREE
.set TASKGATE, SEL_FREE + 8
.set TSSNP, SEL_FREE + 0x10
.set TSSSHORT, SEL_FREE + 0x18
.set TSS3, SEL_FREE + 0x20
.set TSS16, SEL_FREE + 0x28
main:
  DESC TSS2, "offset tss2", 0x67, 0x89, 0
  DESC TASKGATE, 0, 0, 0x85, 0
  mov word ptr [gdt + TASKGATE + 2], TSS2
  DESC TSSNP, "offset tss2", 0x67, 0x09, 0
  DESC TSSSHORT, "offset tss2", 0x66, 0x89, 0
  DESC TSS16, "offset tss16", 0x2b, 0x81, 0
  call fill
  mov ebx, 0xb0b
  mov esi, 0x51
  clts
  call TSS2:0xdead
back:
  EXPECT "CALL: new task ran with EAX of its TSS", [seen], 0xaaaa
  EXPECT "CALL: NT set in the new task", [seen + 4], FL_NT
  EXPECT "CALL: back link", [seen + 8], SEL_TSS
  EXPECT "CALL: new TSS busy", [seen + 12], 0x8b
  EXPECT "CALL: old TSS stays busy", [seen + 16], 0x8b
  EXPECT "CALL: TR", [seen + 20], TSS2
  EXPECT "CALL: TS set", [seen + 24], CR0_TS
  EXPECT "CALL: GS of the TSS", [seen + 28], "(SEL_UDATA)"
  EXPECT "CALL: EIP saved", [tss + 0x20], "offset back"
  EXPECT "CALL: EBX saved", [tss + 0x34], 0xb0b
  EXPECT "IRET: EBX restored", ebx, 0xb0b
  str eax
  EXPECT "IRET: TR is the old task", eax, SEL_TSS
  movzx eax, byte ptr [gdt + TSS2 + 5]
  EXPECT "IRET: left task is available", eax, 0x89
  mov eax, [tss2 + 0x24]
  and eax, FL_NT
  EXPECT "IRET: NT clear in the saved image", eax, 0
  EXPECT "IRET: saved EIP is behind the IRET", [tss2 + 0x20], "offset task2_again"
  mov eax, cr0
  and eax, CR0_TS
  EXPECT "IRET: TS set", eax, CR0_TS
  pushfd
  pop eax
  and eax, FL_NT
  EXPECT "IRET: NT clear in the old task", eax, 0
  # The same by task gate; the task goes on behind its IRET, which jumps back.
  call TASKGATE:0
  EXPECT "task gate: ran on behind its IRET", [seen + 32], 0x1234
  # JMP does not nest.
  call fill
  mov dword ptr [tss2 + 0x20], offset task2_jumped
  jmp TSS2:0
  movzx eax, byte ptr [gdt + TSS2 + 5]
  EXPECT "JMP back: left task available", eax, 0x89
  EXPECT "JMP: old task available while away", [seen + 36], 0x89
  EXPECT "JMP: NT clear", [seen + 40], 0
  # Interrupt through a task gate, with an error code on the new stack
  call fill
  mov dword ptr [tss2 + 0x20], offset task2_fault
  mov dword ptr [idt + 13 * 8], TSS2 << 16
  mov dword ptr [idt + 13 * 8 + 4], 0x8500
  mov ax, 0x3f8
  mov ecx, 0
faulting: mov fs, ax
  EXPECT "#GP by task gate: error code on the task's stack", [seen + 44], 0x3f8
  EXPECT "#GP by task gate: saved EIP is the faulting instruction", [seen + 48], "offset faulting"
  EXPECT "#GP by task gate: EXT not in the back link", [seen + 52], SEL_TSS
  mov eax, [seen + 56]
  and eax, FL_RF
  EXPECT "#GP by task gate: RF in the saved image", eax, FL_RF
  mov word ptr [idt + 13 * 8 + 2], SEL_CODE32
  mov dword ptr [idt + 13 * 8], offset protected_stubs + 13 * 16 + (SEL_CODE32 << 16)
  mov dword ptr [idt + 13 * 8 + 4], 0x8e00
  # Refusals
  FAULTS "TSS not present", 11, TSSNP, "call 0x90:0"
  FAULTS "TSS too short", 10, TSSSHORT, "jmp 0x98:0"
  FAULTS "busy TSS", 13, SEL_TSS, "call 0x58:0"
  USER_FAULTS "TSS with DPL 0 at CPL 3", 13, TSS2, "call 0x80:0"
  # Bad segments in the new task: #TS in the new task, of which the gate for #TS takes us home.
  call fill
  mov dword ptr [tss2 + 0x58], 0x3f8
  mov dword ptr [recover], offset 1f
  mov [saved_sp], esp
  jmp TSS2:0
1: EXPECT "bad FS in the TSS: #TS", [exc_vector], 10
  EXPECT "bad FS in the TSS: error code", [exc_code], 0x3f8
  EXPECT "bad FS in the TSS: EIP is the new task's", [exc_ip], "offset task2"
  str eax
  EXPECT "bad FS in the TSS: TR is the new task", eax, TSS2
  # That selector is now in FS, and would be saved.
  mov eax, SEL_DATA
  mov fs, eax
  # 16-bit TSS
  mov word ptr [tss16 + 0x0e], offset task16
  mov word ptr [tss16 + 0x10], 2
  mov word ptr [tss16 + 0x12], 0x1616
  mov word ptr [tss16 + 0x1a], offset task_stack
  mov word ptr [tss16 + 0x22], SEL_DATA
  mov word ptr [tss16 + 0x24], SEL_CODE32
  mov word ptr [tss16 + 0x26], SEL_DATA16
  mov word ptr [tss16 + 0x28], SEL_DATA
  call TSS16:0
  EXPECT "16-bit TSS: AX, upper half all ones", [seen + 60], 0xffff1616
  EXPECT "16-bit TSS: FS null", [seen + 64], 0
  str eax
  EXPECT "16-bit TSS: back", eax, TSS2
  PASS

# Task 2's TSS for its first entry.
fill:
  push eax
  mov dword ptr [tss2], 0
  mov dword ptr [tss2 + 0x1c], 0
  mov dword ptr [tss2 + 0x20], offset task2
  mov dword ptr [tss2 + 0x24], 2
  mov dword ptr [tss2 + 0x28], 0xaaaa
  mov dword ptr [tss2 + 0x38], offset task_stack
  mov dword ptr [tss2 + 0x48], SEL_DATA
  mov dword ptr [tss2 + 0x4c], SEL_CODE32
  mov dword ptr [tss2 + 0x50], SEL_DATA
  mov dword ptr [tss2 + 0x54], SEL_DATA
  mov dword ptr [tss2 + 0x58], SEL_DATA
  mov dword ptr [tss2 + 0x5c], SEL_UDATA
  mov word ptr [tss2 + 0x66], 0x68
  and byte ptr [gdt + TSS2 + 5], ~2
  pop eax
  ret

task2:
  mov [seen], eax
  pushfd
  pop eax
  and eax, FL_NT
  mov [seen + 4], eax
  mov eax, [tss2]
  mov [seen + 8], eax
  movzx eax, byte ptr [gdt + TSS2 + 5]
  mov [seen + 12], eax
  movzx eax, byte ptr [gdt + SEL_TSS + 5]
  mov [seen + 16], eax
  str eax
  mov [seen + 20], eax
  mov eax, cr0
  and eax, CR0_TS
  mov [seen + 24], eax
  mov eax, gs
  mov [seen + 28], eax
  iretd
task2_again:
  mov dword ptr [seen + 32], 0x1234
  iretd
task2_jumped:
  movzx eax, byte ptr [gdt + SEL_TSS + 5]
  mov [seen + 36], eax
  pushfd
  pop eax
  and eax, FL_NT
  mov [seen + 40], eax
  jmp SEL_TSS:0
task2_fault:
  pop dword ptr [seen + 44]
  mov eax, [tss + 0x20]
  mov [seen + 48], eax
  mov eax, [tss2]
  mov [seen + 52], eax
  mov eax, [tss + 0x24]
  mov [seen + 56], eax
  # Skip the faulting instruction.
  add dword ptr [tss + 0x20], 2
  iretd
task16:
  mov [seen + 60], eax
  mov eax, fs
  mov [seen + 64], eax
  iretd

.section .bss
.balign 16
tss2: .skip 0x68
tss16: .skip 0x2c
seen: .skip 80
.skip 512
task_stack:
