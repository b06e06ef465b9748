# {
#   "description": "Self-modifying code: in the same block, the very next instruction, across a page boundary, through another mapping, by REP MOVS, in a loop",
#   "spec": "SDM 3A 8.1.3, 11.6",
#   "mode": "long"
# }
main:
  # A later instruction of the same block
  xor ebx, ebx
  mov byte ptr [patch1 + 1], 0x22
  nop
patch1: mov bl, 0x11
  EXPECT "later instruction of the block", rbx, 0x22
  # The very next instruction
  mov byte ptr [patch2 + 1], 0x33
patch2: mov bl, 0x11
  EXPECT "next instruction", rbx, 0x33
  # Its opcode, so that its length changes: B3 imm8 -> two NOPs
  mov word ptr [patch3], 0x9090
patch3: mov bl, 0x44
  EXPECT "replaced by NOPs", rbx, 0x33
  # A function in another page, run before and after
  mov byte ptr [LAB], 0xb0
  mov byte ptr [LAB + 1], 1
  mov byte ptr [LAB + 2], 0xc3
  mov edi, LAB
  xor eax, eax
  call rdi
  EXPECT "first run", rax, 1
  mov byte ptr [LAB + 1], 2
  call rdi
  EXPECT "after a store", rax, 2
  lock inc byte ptr [LAB + 1]
  call rdi
  EXPECT "after a locked read-modify-write", rax, 3
  mov byte ptr [LAB + 0x800], 4
  mov esi, LAB + 0x800
  mov edi, LAB + 1
  mov ecx, 1
  rep movsb
  mov edi, LAB
  call rdi
  EXPECT "after REP MOVSB", rax, 4
  # Through another linear address of the same frame
  mov byte ptr [USER + LAB + 1], 5
  call rdi
  EXPECT "after a store through an alias", rax, 5
  # Code run at the alias, changed at the first address
  mov qword ptr [LAB_PT + 8 * 1], LAB + 3          # page 1 -> frame of page 0
  invlpg [LAB + 0x1000]
  mov esi, LAB + 0x1000
  call rsi
  EXPECT "run at the alias", rax, 5
  mov byte ptr [LAB + 1], 6
  call rsi
  EXPECT "alias after a store", rax, 6
  # Another frame under the same address
  mov byte ptr [LAB + 0x2000], 0xb0
  mov byte ptr [LAB + 0x2001], 7
  mov byte ptr [LAB + 0x2002], 0xc3
  mov qword ptr [LAB_PT + 8 * 1], LAB + 0x2003
  invlpg [LAB + 0x1000]
  call rsi
  EXPECT "remapped", rax, 7
  # An instruction across two pages: B8 imm32, second page changed, then remapped
  mov byte ptr [LAB + 0x3ffe], 0xb8
  mov byte ptr [LAB + 0x3fff], 0x44
  mov dword ptr [LAB + 0x4000], 0xc3112233
  mov edi, LAB + 0x3ffe
  call rdi
  EXPECT "across pages", rax, 0x11223344
  mov byte ptr [LAB + 0x4000], 0x99
  call rdi
  EXPECT "second half changed", rax, 0x11229944
  mov byte ptr [LAB + 0x3fff], 0x55
  call rdi
  EXPECT "first half changed", rax, 0x11229955
  mov dword ptr [LAB + 0x5000], 0xc3aabbcc
  mov qword ptr [LAB_PT + 8 * 4], LAB + 0x5003
  invlpg [LAB + 0x4000]
  call rdi
  EXPECT "second page remapped", rax, 0xaabbcc55
  mov qword ptr [LAB_PT + 8 * 4], LAB + 0x4002
  invlpg [LAB + 0x4000]
  mov qword ptr [recover], offset 1f
  mov [saved_sp], rsp
  mov qword ptr [exc_vector], -1
  call rdi
1: EXPECT "second page not present: #PF", [exc_vector], 14
  EXPECT "CR2 is the second page", [exc_cr2], LAB + 0x4000
  EXPECT "saved RIP is the instruction", [exc_ip], LAB + 0x3ffe
  mov rsp, offset stack_top
  # A loop that patches itself each time around
  mov ecx, 1000
  xor ebx, ebx
patch_loop:
  mov [patch4 + 2], cl
patch4: add ebx, 0
  loop patch_loop
  # 1000...1: low bytes taken as signed
  EXPECT "loop", rbx, [expected]
  # A store that spans into code
  mov byte ptr [LAB + 0x6000], 0xb0
  mov byte ptr [LAB + 0x6001], 1
  mov byte ptr [LAB + 0x6002], 0xc3
  mov edi, LAB + 0x6000
  call rdi
  mov dword ptr [LAB + 0x5ffe], 0x09b0ffff
  call rdi
  movzx eax, al
  EXPECT "store across a page into code", rax, 9
  # One that pushes over its own next instruction
  mov rsi, rsp
  mov rsp, offset patch5 + 8
  mov rax, 0x9090909090905bb3
  push rax
patch5: mov bl, 0x11
  nop
  nop
  nop
  nop
  nop
  nop
  mov rsp, rsi
  movzx ebx, bl
  EXPECT "PUSH onto the next instruction", rbx, 0x5b
  PASS
.section .data
# sum over n = 1...1000 of the signed low byte of n, as 32 bits
expected: .quad 0xffffff14
