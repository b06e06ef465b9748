# {
#   "description": "A translation changed by one processor reaches the other after an interrupt whose handler executes INVLPG",
#   "spec": "SDM 3A 4.10.5",
#   "mode": "long",
#   "cpus": 2,
#   "timeout": 30
# }
main:
  GATE "idt + 0x70 * 16", SEL_CODE64, "offset shootdown", 0x8e
  mov dword ptr [LAB], 0x1111
  mov dword ptr [LAB + 0x1000], 0x2222
  START_AP 1, ap
1: cmp dword ptr [seen], 0x1111
  pause
  jne 1b
  mov qword ptr [LAB_PT], LAB + 0x1003
  SIGNAL 1, SIG_EXTERNAL, 0x70
1: cmp dword ptr [flushed], 1
  pause
  jne 1b
  mov dword ptr [ask], 1
1: cmp dword ptr [ask], 0
  pause
  jne 1b
  mov eax, [seen]
  EXPECT "after the shootdown", rax, 0x2222
  PASS
ap:
  sti
2: mov eax, [LAB]
  mov [seen], eax
  pause
  cmp dword ptr [ask], 0
  je 2b
  mov eax, [LAB]
  mov [seen], eax
  mov dword ptr [ask], 0
  jmp 2b
shootdown:
  invlpg [LAB]
  mov dword ptr [flushed], 1
  iretq
.section .bss
seen: .skip 4
flushed: .skip 4
ask: .skip 4
