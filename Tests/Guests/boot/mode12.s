# Mode 12h, 640x480 in 16 colours, every write and read mode of the graphics controller. Bands of the picture:
#   0-99    colour x/8 & 15 by set/reset through the bit mask 55h, over colour 1
#   100-199 write mode 2, bit mask F0h: colour y & 15
#   200-299 planes 1 and 2 exclusive-ored with AAh
#   300-399 write mode 1: copies of 0-99
#   400-439 write mode 3: colour 14, CPU data 3Fh rotated by 4 (F3h) and bit mask 7Eh
#   440-479 colour 1
# Colour i is (4i, 63 - 4i, 2i).
.set TABLE, 0x9000
.macro GC index:req, value:req
  mov ax, (\value) << 8 | \index
  out dx, ax
.endm
main:
  VIDEO 0x0012
  # Attribute palette register i shows DAC colour i.
  mov bx, 0
1: VIDEO 0x1000
  mov ax, 0x0101
  add bx, ax
  cmp bl, 16
  jne 1b
  mov di, TABLE
  xor ax, ax
2: mov ah, al
  shl ah, 2
  mov [di], ah
  neg ah
  add ah, 63
  mov [di + 1], ah
  mov ah, al
  add ah, ah
  mov [di + 2], ah
  add di, 3
  inc al
  cmp al, 16
  jne 2b
  xor bx, bx
  mov cx, 16
  mov dx, TABLE
  VIDEO 0x1012
  mov ax, 0xa000
  mov es, ax
  mov dx, 0x3c4
  mov ax, 0x0f02
  out dx, ax
  mov dx, 0x3ce
  # All of colour 1.
  GC 0, 1
  GC 1, 15
  GC 3, 0
  GC 5, 0
  GC 8, 0xff
  xor di, di
  mov cx, 480 * 40
  rep stosw
  GC 8, 0x55
  xor di, di
  mov cx, 100
3: xor bx, bx
4: mov ah, bl
  and ah, 15
  mov al, 0
  out dx, ax
  mov al, es:[di]
  stosb
  inc bx
  cmp bx, 80
  jne 4b
  loop 3b
  # Write mode 2.
  GC 1, 0
  GC 5, 2
  GC 8, 0xf0
  mov di, 100 * 80
  mov bx, 100
5: mov cx, 80
6: mov al, es:[di]
  mov al, bl
  stosb
  loop 6b
  inc bx
  cmp bx, 200
  jne 5b
  # Exclusive or into planes 1 and 2.
  GC 5, 0
  GC 8, 0xff
  GC 3, 0x18
  mov dx, 0x3c4
  mov ax, 0x0602
  out dx, ax
  mov di, 200 * 80
  mov cx, 100 * 80
7: mov al, es:[di]
  mov al, 0xaa
  stosb
  loop 7b
  mov ax, 0x0f02
  out dx, ax
  mov dx, 0x3ce
  # Copies through the latches.
  GC 3, 0
  GC 5, 1
  push ds
  mov ax, 0xa000
  mov ds, ax
  xor si, si
  mov di, 300 * 80
  mov cx, 100 * 80
  rep movsb
  pop ds
  # Write mode 3.
  GC 0, 14
  GC 3, 4
  GC 5, 3
  GC 8, 0x7e
  mov di, 400 * 80
  mov cx, 40 * 80
8: mov al, es:[di]
  mov al, 0x3f
  stosb
  loop 8b
  # Reading back: plane 0 and 2 of the first band, then colour compare with 1 in all planes.
  GC 3, 0
  GC 5, 0
  GC 8, 0xff
  GC 4, 0
  mov bl, es:[4]
  GC 4, 2
  mov bh, es:[4]
  SAY "planes"
  SAY_HEX bx
  GC 5, 8
  GC 2, 1
  GC 7, 15
  mov bl, es:[4]
  # Plane 0 does not care now: colours 0 and 1 match.
  GC 7, 14
  mov bh, es:[200 * 80]
  SAY_HEX bx
  GC 5, 0
  SAY "\ndone\n"
  jmp stop
