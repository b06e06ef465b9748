# {
#   "description": "Real-mode code that changes itself: through CS, through another segment of the same bytes, by the stack, by string instructions, by DMA",
#   "spec": "SDM 3A 8.1.3, 11.6",
#   "mode": "real",
#   "timeout": 40,
#   "checks": 1000
# }
.set ROUNDS, 200
main:
  xor ebx, ebx
  mov bp, ROUNDS
round:
  call next
  mov cs:[patch1 + 1], bx
patch1: mov ax, 0
  EXPECT "through CS", eax, ebx
  # The same bytes through another segment: DS = 100h, offsets 1000h less
  call next
  push ds
  mov ax, 0x100
  mov ds, ax
  mov ds:[patch2 + 1 - 0x1000], bx
patch2: mov ax, 0
  pop ds
  EXPECT "through another segment", eax, ebx
  # The stack onto the code
  call next
  mov si, sp
  mov sp, offset patch3 + 3
  push bx
patch3: mov ax, 0
  mov sp, si
  EXPECT "by PUSH", eax, ebx
  # String instructions
  call next
  mov di, offset patch4 + 1
  mov ax, bx
  cld
  stosw
patch4: mov ax, 0
  EXPECT "by STOSW", eax, ebx
  call next
  mov [scratch], bx
  mov si, offset scratch
  mov di, offset patch5 + 1
  mov cx, 2
  rep movsb
patch5: mov ax, 0
  EXPECT "by REP MOVSB", eax, ebx
  # A device
  call next
  mov eax, offset patch6 + 1
  out PORT_DMA_ADDRESS, eax
  mov ax, bx
  out PORT_DMA, ax
patch6: mov ax, 0
  EXPECT "by DMA", eax, ebx
  # A far call into code that was copied, at two segments
  call next
  mov byte ptr ds:[0x9000], 0xb8
  mov ds:[0x9001], bx
  mov byte ptr ds:[0x9003], 0xcb
  .byte 0x9a
  .word 0x9000, 0
  EXPECT "copied", eax, ebx
  call next
  mov ds:[0x9001], bx
  .byte 0x9a
  .word 0x0000, 0x900
  EXPECT "copied, at another segment", eax, ebx
  dec bp
  jnz round
  PASS
next:
  imul bx, bx, 25173
  add bx, 13849
  ret
