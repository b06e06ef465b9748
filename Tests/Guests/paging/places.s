# {
#   "description": "Accesses whose pages a translation cache finds in two places by turns: stacks across pages, one instruction on two pages, pages of the same index",
#   "spec": "SDM 3A 4.10.2",
#   "mode": "long",
#   "memory": 40,
#   "timeout": 30
# }
.set ROUNDS, 20000
.set TRIANGLE, ROUNDS * (ROUNDS + 1) / 2
.set EDGE, LAB + 0x8000           # stacks that end here reach into the page below
.set FAR, 0x800000                # pages of one index lie this far apart
main:
  mov r15, rsp
# PUSH, CALL and JMP through memory: the operand above the edge, the slot below it.
  mov ebx, ROUNDS
  lea rax, [back]
  mov [EDGE], rax
1:mov rsp, EDGE
  push qword ptr [rsp]
  cmp [rsp], rax
  jne bad
  mov rsp, EDGE
  call qword ptr [rsp]
  jmp bad
back:
  add rsp, 8
  dec ebx
  jnz 1b
  mov rsp, r15
  EXPECT "rounds left", rbx, 0
# The callee's frame lies in the next page: caller and callee want the stack entry by turns.
  mov rsp, EDGE + 16
  mov ebx, ROUNDS
  xor r12d, r12d
2:mov qword ptr [rsp], 3
  call frame
  add r12, [rsp]
  dec ebx
  jnz 2b
  mov rsp, r15
  EXPECT "sum of two frames", r12, (ROUNDS*10)
# Several accesses off one register, half of them in the next page.
  mov rdi, EDGE - 12
  mov ebx, ROUNDS
  mov qword ptr [rdi], 0
  mov qword ptr [rdi + 8], 0
  mov dword ptr [rdi + 16], 0
3:inc qword ptr [rdi]
  lea rsi, [rbx + rbx]
  add [rdi + 8], rsi
  inc dword ptr [rdi + 16]
  dec ebx
  jnz 3b
  EXPECT "before the edge", [rdi], ROUNDS
  EXPECT "across the edge", [rdi+8], (TRIANGLE*2)
  mov eax, [rdi + 16]
  EXPECT "behind the edge", rax, ROUNDS
# Three pages that select one entry and its other way.
  mov rsi, FAR
  mov ebx, ROUNDS
  mov qword ptr [rsi + 0x10], 0
  mov qword ptr [rsi + FAR + 0x10], 0
  mov qword ptr [rsi + 2 * FAR + 0x10], 0
4:inc qword ptr [rsi + 0x10]
  mov rax, [rsi + 0x10]
  add [rsi + FAR + 0x10], rax
  mov rax, [rsi + FAR + 0x10]
  mov [rsi + 2 * FAR + 0x10], rax
  dec ebx
  jnz 4b
  EXPECT "first page", [rsi+0x10], ROUNDS
  EXPECT "second page", [rsi+FAR+0x10], TRIANGLE
  EXPECT "third page", [rsi+2*FAR+0x10], TRIANGLE
# PUSH from a page that selects the stack's entry.
  mov rsi, FAR + LAB + 0x9000
  mov qword ptr [rsi], 0x77
  mov ebx, ROUNDS
5:mov rsp, LAB + 0x9ff8
  push qword ptr [rsi]
  dec ebx
  jnz 5b
  pop rcx
  mov rsp, r15
  EXPECT "pushed", rcx, 0x77
# A right that is taken away while the stack entry has it.
  mov rsp, LAB + 0xa800
  push rbx
  mov qword ptr [LAB_PT + 8 * 10], LAB + 0xb003
  mov qword ptr [LAB + 0xa7f8], 0x11
  invlpg [LAB + 0xa000]
  mov rax, 0x22
  mov [LAB + 0xb7f8], rax
  pop rcx
  mov rsp, r15
  EXPECT "the stack's new page", rcx, 0x22
# A stack that may only be read so far lends no right to write anywhere else, page 0 included.
  xor edi, edi
  mov qword ptr [rdi + 0xf8], 0
  mov rsp, LAB + 0xc0f8
  pop rdx
  mov rsp, LAB + 0xc0f8
  pop rdx
  mov esp, 0x100
  push 0x55
  mov rsp, r15
  mov rax, [rdi + 0xf8]
  EXPECT "pushed to page 0", rax, 0x55
  mov rsi, LAB + 0xc000
  mov rax, [rsi + 0xf8]
  EXPECT "not to the page before", rax, rdx
  PASS
frame:
  push 7
  pop rax
  add r12, rax
  ret
bad:
  mov rsp, r15
  EXPECT "came to a wrong place", rbx, -1
  PASS
