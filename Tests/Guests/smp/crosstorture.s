# {
#   "description": "Code changed by another processor all the time: what runs is always one of the values written, and the last one once the handshake is over",
#   "spec": "SDM 3A 8.1.3",
#   "mode": "long",
#   "cpus": 2,
#   "timeout": 40
# }
.set ROUNDS, 20000
# The first processor stores growing immediates, aligned, so that each store is seen whole or not at all. The second calls
# the code all the while: what it returns never shrinks.
main:
  mov byte ptr [LAB + 3], 0xb8
  mov dword ptr [LAB + 4], 0
  mov byte ptr [LAB + 8], 0xc3
  START_AP 1, ap
1:cmp dword ptr [running], 1
  pause
  jne 1b
  mov ebx, 1
2:mov [LAB + 4], ebx
  mov ecx, 50
3:dec ecx
  jnz 3b
  inc ebx
  cmp ebx, ROUNDS
  jbe 2b
  mov dword ptr [stop], 1
4:cmp dword ptr [running], 2
  pause
  jne 4b
  mov eax, [shrunk]
  EXPECT "an older value came back", rax, 0
  mov eax, [last]
  EXPECT "the last value", rax, ROUNDS
  PASS
ap:
  mov r12d, LAB + 3
  xor r13d, r13d
  mov dword ptr [running], 1
5:mov r14d, [stop]
  call r12
  cmp eax, r13d
  jae 6f
  inc dword ptr [shrunk]
6:mov r13d, eax
  test r14d, r14d
  jz 5b
  xor eax, eax
  cpuid
  call r12
  mov [last], eax
  mov dword ptr [running], 2
7:hlt
  jmp 7b
.section .bss
.balign 4
running: .skip 4
stop: .skip 4
shrunk: .skip 4
last: .skip 4
