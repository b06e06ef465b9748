# {
#   "description": "Code changed by another processor, with the handshake that the architecture asks for",
#   "spec": "SDM 3A 8.1.3",
#   "mode": "long",
#   "cpus": 2,
#   "timeout": 30
# }
.set ROUNDS, 200
# The first processor writes a new immediate and a round number; the second runs the code after a serialising
# instruction and answers with what it saw.
main:
  mov byte ptr [LAB], 0xb8
  mov dword ptr [LAB + 1], 0
  mov byte ptr [LAB + 5], 0xc3
  START_AP 1, ap
  mov ebx, 1
2: mov [LAB + 1], ebx
  mov [round], ebx
1: cmp [answered], ebx
  pause
  jne 1b
  mov eax, [seen]
  cmp eax, ebx
  jne 3f
  inc ebx
  cmp ebx, ROUNDS
  jne 2b
3: mov eax, [seen]
  EXPECT "every change was seen", rax, "ROUNDS - 1"
  PASS
ap:
  mov r12d, 1
2: cmp [round], r12d
  pause
  jne 2b
  xor eax, eax
  cpuid
  mov eax, LAB
  call rax
  mov [seen], eax
  mov [answered], r12d
  inc r12d
  jmp 2b
.section .bss
round: .skip 4
answered: .skip 4
seen: .skip 4
