# {
#   "description": "MONITOR and MWAIT: a store by another processor, or an interrupt, ends the wait",
#   "spec": "SDM 3A 8.10.2, SDM 2",
#   "mode": "long",
#   "cpu": "host,+monitor",
#   "cpus": 2,
#   "timeout": 30
# }
main:
  GATE "idt + 0x70 * 16", SEL_CODE64, "offset on_70", 0x8e
  mov ecx, 1
  mov eax, offset line
  xor edx, edx
  FAULTS "MONITOR with ECX = 1", 13, 0, "monitor"
  mov ecx, 4
  FAULTS "MWAIT with ECX = 4", 13, 0, "mwait"
  USER_FAULTS "MONITOR at CPL 3", 6, 0, "monitor"
  USER_FAULTS "MWAIT at CPL 3", 6, 0, "mwait"
  # Without an armed monitor MWAIT falls through.
  xor ecx, ecx
  xor eax, eax
  mwait
  # A store by the other processor
  START_AP 1, ap
  xor ecx, ecx
  xor edx, edx
1: mov eax, offset line
  monitor
  cmp dword ptr [line], 1
  je 2f
  xor eax, eax
  mwait
  jmp 1b
2: EXPECT "woken by a store", 0, 0
  # An interrupt; MWAIT may end early at any time, so it stands in a loop.
  SIGNAL 0, SIG_EXTERNAL, 0x70, 20
1: mov eax, offset line
  xor ecx, ecx
  monitor
  cmp dword ptr [count], 1
  je 2f
  xor eax, eax
  sti
  mwait
  cli
  jmp 1b
2: mov eax, [count]
  EXPECT "woken by an interrupt", rax, 1
  # ECX[0]: an interrupt ends the wait although IF is clear.
  SIGNAL 0, SIG_EXTERNAL, 0x70
  mov eax, offset line
  monitor
  xor eax, eax
  mov ecx, 1
  mwait
  mov eax, [count]
  EXPECT "masked interrupt as break event: not delivered yet", rax, 1
  sti
  nop
  nop
  cli
  mov eax, [count]
  EXPECT "delivered after STI", rax, 2
  PASS
ap:
  mov ecx, 50000
1: loop 1b
  mov dword ptr [line], 1
1: hlt
  jmp 1b
on_70:
  inc dword ptr [count]
  iretq
.section .bss
.balign 64
line: .skip 64
count: .skip 4
