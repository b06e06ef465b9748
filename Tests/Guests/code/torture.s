# {
#   "description": "Code that is changed over and over, each time in another way: by stores of all kinds, by DMA, through another mapping, in the running block, across pages; the changed code runs at once",
#   "spec": "SDM 3A 8.1.3, 11.6",
#   "mode": "long",
#   "timeout": 40,
#   "checks": 4000
# }
.set ROUNDS, 400
.set FUNCTION, LAB + 0x1ffe          # B8 imm32 across two pages, then RET
.set NEARBY, LAB + 0x5000              # the same inside a page
.set DISTANT, LAB + 0x7000
# r15: round; r14: the value that the code must return this time; r13: where the immediate is.
main:
  SET_CR4 CR4_OSFXSR
  mov r15d, ROUNDS
round:
  # A function is laid out anew every sixteenth time, changed in place otherwise.
  test r15d, 15
  jnz 1f
  mov byte ptr [FUNCTION], 0xb8
  mov byte ptr [FUNCTION + 5], 0xc3
  mov byte ptr [NEARBY], 0xb8
  mov byte ptr [NEARBY + 5], 0xc3
1:mov r13d, NEARBY + 1
  call change
  mov r13d, FUNCTION + 1
  call change
  call inline
  call loops
  call flags
  dec r15d
  jnz round
  PASS

# A value that differs each time.
next:
  imul r14d, r14d, 1664525
  add r14d, 1013904223
  ret

# Writes r14d to [r13] in every way, calls the code and compares.
change:
  .macro CALLED what
    lea rax, [r13 - 1]
    call rax
    mov ebx, r14d
    EXPECT "\what", rax, rbx
  .endm
  call next
  mov [r13], r14d
  CALLED "after a store"
  call next
  mov eax, r14d
  mov [r13], al
  shr eax, 8
  mov [r13 + 1], al
  shr eax, 8
  mov [r13 + 2], ax
  CALLED "after stores of bytes"
  call next
  mov eax, r14d
  xchg [r13], eax
  CALLED "after XCHG"
  mov eax, [r13]
  call next
  lock cmpxchg [r13], r14d
  CALLED "after LOCK CMPXCHG"
  call next
  mov eax, r14d
  sub eax, [r13]
  lock xadd [r13], eax
  CALLED "after LOCK XADD"
  call next
  mov [scratch], r14d
  mov esi, offset scratch
  mov rdi, r13
  mov ecx, 4
  rep movsb
  CALLED "after REP MOVSB"
  call next
  mov [scratch], r14d
  mov esi, offset scratch
  mov rdi, r13
  movsd
  CALLED "after MOVSD"
  call next
  mov eax, r14d
  mov rdi, r13
  mov ecx, 1
  rep stosd
  CALLED "after REP STOSD"
  call next
  movd xmm1, r14d
  movss [r13], xmm1
  CALLED "after MOVSS"
  call next
  # Eight bytes at once: the opcode, the immediate and what follows it
  mov rax, [r13]
  shr rax, 32
  shl rax, 32
  mov ecx, r14d
  or rax, rcx
  movq xmm2, rax
  movlps [r13], xmm2
  CALLED "after MOVLPS"
  call next
  mov eax, r14d
  xor eax, [r13]
  xor [r13], eax
  CALLED "after XOR in memory"
  call next
  mov rsi, rsp
  mov rax, [r13]
  shr rax, 32
  shl rax, 32
  mov ecx, r14d
  or rax, rcx
  lea rsp, [r13 + 8]
  push rax
  mov rsp, rsi
  CALLED "after PUSH"
  call next
  mov eax, USER
  mov [rax + r13], r14d
  CALLED "after a store through another mapping"
  # Run at the other mapping, changed here.
  call next
  mov [r13], r14d
  mov eax, USER - 1
  add rax, r13
  call rax
  mov ebx, r14d
  EXPECT "run at another mapping", rax, rbx
  call next
  mov eax, r13d
  out PORT_DMA_ADDRESS, eax
  mov eax, r14d
  out PORT_DMA, eax
  CALLED "after DMA"
  call next
  mov eax, r13d
  out PORT_DMA_ADDRESS, eax
  mov eax, r14d
  out PORT_DMA, al
  shr eax, 8
  out PORT_DMA, al
  shr eax, 8
  out PORT_DMA, ax
  CALLED "after DMA of bytes"
  ret

# Code that changes what follows it in its own block.
inline:
  call next
  mov [patch1 + 1], r14d
patch1: mov eax, 0
  mov ebx, r14d
  EXPECT "the next instruction", rax, rbx
  call next
  mov edx, r14d
  xor ecx, ecx
  mov [patch2 + 1], edx
  lea ebx, [rdx + 1]
  add ecx, ebx
  sub ecx, 1
patch2: mov eax, 0
  EXPECT "later in the block", rax, rdx
  # Opcodes: INC EAX, DEC EAX, NEG EAX, NOT EAX
  mov ecx, r15d
  and ecx, 3
  movzx ecx, word ptr [operations + rcx * 2]
  mov eax, 100
  mov [patch3], cx
patch3: nop
  nop
  mov ecx, r15d
  and ecx, 3
  mov ecx, [results + rcx * 4]
  EXPECT "another instruction", rax, rcx
  # A store that flags live across: the carry survives it, and so does what it changed.
  lea ebx, [r14 + 1]
  mov dl, r15b
  and dl, 1
  add dl, 0xff
  mov byte ptr [patch4 + 2], 5
patch4: adc ebx, 0
  mov dl, r15b
  and edx, 1
  add edx, 5
  lea ecx, [r14 + 1]
  add ecx, edx
  EXPECT "with the carry live", rbx, rcx
  ret

# A loop that changes its own body, and a jump whose target moves.
loops:
  mov ecx, 40
  xor ebx, ebx
1:mov [patch5 + 2], cl
patch5: add ebx, 0
  dec ecx
  jnz 1b
  EXPECT "loop", rbx, 820
  mov ecx, 6
  xor ebx, ebx
2:mov eax, ecx
  and eax, 1
  shl eax, 2
  mov [patch6 + 1], al
patch6: jmp 3f
3:.byte 0x83, 0xc3, 1, 0x90          # add ebx, 1; nop
  add ebx, 16
  dec ecx
  jnz 2b
  EXPECT "moving target", rbx, "6*16+3"
  ret

# Code that did not look at the flags when its caller was translated, and does now: OR ECX, EBX <-> ADC ECX, EBX, in the
# same page and in another.
flags:
  mov dword ptr [DISTANT], 0xc3d909              # or ecx, ebx; ret
  mov edi, DISTANT
  call carries
  mov byte ptr [DISTANT], 0x11                   # adc ecx, ebx
  call carries
  mov byte ptr [DISTANT], 0x09
  call carries
  mov byte ptr [patch7], 0x09
  call near_carries
  mov byte ptr [patch7], 0x11
  call near_carries
  mov byte ptr [patch7], 0x09
  jmp near_carries
carries:
  mov ecx, 16
  mov ebx, 2
  mov al, 0xff
  mov esi, offset scratch
  add al, 1
  mov [rsi], ecx
  mov edx, [rsi + 8]
  call DISTANT
  movzx edx, byte ptr [DISTANT]
  shr edx, 4
  add edx, 18
  EXPECT "flags read by code in another page", rcx, rdx
  ret
near_carries:
  mov ecx, 16
  mov ebx, 2
  mov al, 0xff
  mov esi, offset scratch
  add al, 1
  mov [rsi], ecx
  mov edx, [rsi + 8]
  jmp patch7
.balign 64
patch7: or ecx, ebx
  movzx edx, byte ptr [patch7]
  shr edx, 4
  add edx, 18
  EXPECT "flags read by code nearby", rcx, rdx
  ret
.section .data
operations: .byte 0xff, 0xc0, 0xff, 0xc8, 0xf7, 0xd8, 0xf7, 0xd0
results: .long 101, 99, -100, -101
.section .text
