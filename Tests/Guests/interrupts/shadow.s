# {
#   "description": "External interrupts: IF, the shadow of STI and MOV SS, POPF; HLT wakes; NMI and its blocking until IRET",
#   "spec": "SDM 3A 6.7, 6.8, SDM 2 STI, HLT",
#   "mode": "protected"
# }
main:
  GATE "idt + 0x70 * 8", SEL_CODE32, "offset on_70", 0x8e
  GATE "idt + 2 * 8", SEL_CODE32, "offset on_nmi", 0x8e
  # Masked
  SIGNAL 0, SIG_EXTERNAL, 0x70
  nop
  nop
  EXPECT "IF clear: no delivery", [count], 0
  # STI: one instruction is still executed.
  xor ebx, ebx
  sti
  inc ebx
sti_target:
  inc ebx
  cli
  EXPECT "STI: delivered", [count], 1
  EXPECT "STI: after one instruction", [where], "offset sti_target"
  EXPECT "STI: both executed in the end", ebx, 2
  # STI; CLI never lets one in.
  mov dword ptr [count], 0
  SIGNAL 0, SIG_EXTERNAL, 0x70
  sti
  cli
  nop
  EXPECT "STI; CLI: nothing", [count], 0
  # POPF has no shadow.
  pushfd
  or dword ptr [esp], FL_IF
  popfd
popf_target:
  cli
  EXPECT "POPF: delivered", [count], 1
  EXPECT "POPF: at once", [where], "offset popf_target"
  # MOV SS holds it back for one instruction: the OUT in the shadow raises it, and is the last one before it.
  mov dword ptr [count], 0
  mov ecx, ss
  mov eax, SIG_EXTERNAL << 8 | 0x70
  sti
  nop
  mov ss, ecx
  out PORT_SIGNAL, eax
ss_after:
  cli
  EXPECT "MOV SS: delivered", [count], 1
  EXPECT "MOV SS: behind the next instruction", [where], "offset ss_after"
  # HLT
  mov dword ptr [count], 0
  SIGNAL 0, SIG_EXTERNAL, 0x70, 20
  sti
  hlt
hlt_after:
  cli
  EXPECT "HLT: woken", [count], 1
  EXPECT "HLT: return address is behind it", [where], "offset hlt_after"
  mov dword ptr [count], 0
  SIGNAL 0, SIG_EXTERNAL, 0x70
  sti
  hlt
  cli
  EXPECT "STI; HLT with an interrupt pending: HLT is executed, then woken", [count], 1
  # NMI wakes HLT with IF clear.
  SIGNAL 0, SIG_NMI, 0, 20
  hlt
  EXPECT "NMI wakes HLT with IF clear", [nmis], 1
  # A second NMI waits for the IRET of the first, one is remembered.
  mov dword ptr [nmis], 0
  mov dword ptr [again], 1
  SIGNAL 0, SIG_NMI
  nop
  EXPECT "two NMIs in all", [nmis], 2
  EXPECT "the second was held until IRET", [nested], 0
  # Several interrupts, one after the other
  mov dword ptr [count], 0
  SIGNAL 0, SIG_EXTERNAL, 0x70
  SIGNAL 0, SIG_EXTERNAL, 0x70
  SIGNAL 0, SIG_EXTERNAL, 0x70
  sti
  nop
  nop
  nop
  nop
  cli
  EXPECT "three queued interrupts", [count], 3
  # In user code
  mov dword ptr [count], 0
  GATE "idt + 0x71 * 8", SEL_CODE32, "offset on_71", 0x8e
  SIGNAL 0, SIG_EXTERNAL, 0x71
  CALL_USER spin_user, 0x202
  EXPECT "interrupt at CPL 3 ended the loop", [exc_vector], 0x80
  EXPECT "gate DPL does not count for external interrupts", [count], 1
  PASS
on_70:
  inc dword ptr [count]
  push eax
  mov eax, [esp + 4]
  mov [where], eax
  pop eax
  iretd
on_71:
  mov eax, SEL_DATA
  mov ds, eax
  inc dword ptr [count]
  mov dword ptr [esp], offset user_end
  iretd
on_nmi:
  inc dword ptr [nmis]
  inc dword ptr [depth]
  cmp dword ptr [depth], 1
  je 1f
  inc dword ptr [nested]
1: cmp dword ptr [again], 0
  je 1f
  mov dword ptr [again], 0
  push eax
  SIGNAL 0, SIG_NMI
  nop
  nop
  pop eax
1: dec dword ptr [depth]
  iretd
spin_user:
  jmp spin_user
user_end:
  int 0x80
.section .bss
count: .skip 4
where: .skip 4
nmis: .skip 4
again: .skip 4
depth: .skip 4
nested: .skip 4
