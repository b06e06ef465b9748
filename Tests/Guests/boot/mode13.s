# Mode 13h, 320x200 in 256 colours: colour i is (i & 63, i >> 2, 63 - (i & 63)), pixel (x, y) has colour 3x ^ 5y.
# A key turns it into a planar picture without chain 4 ("mode X", 320x240): pixel (x, y) has colour x + 2y.
.set TABLE, 0x9000
main:
  VIDEO 0x0013
  mov di, TABLE
  xor bx, bx
1: mov al, bl
  and al, 63
  mov [di], al
  mov ah, 63
  sub ah, al
  mov [di + 2], ah
  mov al, bl
  shr al, 2
  mov [di + 1], al
  add di, 3
  inc bl
  jnz 1b
  xor bx, bx
  mov cx, 256
  mov dx, TABLE
  VIDEO 0x1012
  mov ax, 0xa000
  mov es, ax
  xor di, di
  xor bx, bx
2: xor cx, cx
3: mov ax, bx
  imul ax, ax, 5
  mov dx, cx
  imul dx, dx, 3
  xor ax, dx
  stosb
  inc cx
  cmp cx, 320
  jne 3b
  inc bx
  cmp bx, 200
  jne 2b
  # BIOS read of the pixel (17, 99) agrees.
  xor bx, bx
  mov cx, 17
  mov dx, 99
  VIDEO 0x0d00
  mov ah, 0
  SAY "pixel"
  SAY_HEX ax
  SAY "\n"
  SAY "chained\n"
  mov ah, 0
  int 0x16

  # Chain 4 off, byte addresses, 480 lines doubled.
  mov si, offset planar
  mov cx, (planar_end - planar) / 4
4: lodsw
  mov dx, ax
  lodsw
  out dx, ax
  loop 4b
  mov dx, 0x3c2
  mov al, 0xe3
  out dx, al
  mov cl, 0
5: mov ah, 1
  shl ah, cl
  mov al, 2
  mov dx, 0x3c4
  out dx, ax
  xor di, di
  xor bx, bx
6: mov al, bl
  add al, al
  add al, cl
  mov dx, 80
7: stosb
  add al, 4
  dec dx
  jnz 7b
  inc bx
  cmp bx, 240
  jne 6b
  inc cl
  cmp cl, 4
  jne 5b
  SAY "planar\n"
  jmp stop
.section .data
planar:
  .word 0x3c4, 0x0604
  .word 0x3d4, 0x2c11, 0x3d4, 0x0d06, 0x3d4, 0x3e07, 0x3d4, 0xea10, 0x3d4, 0xac11
  .word 0x3d4, 0xdf12, 0x3d4, 0x0014, 0x3d4, 0xe715, 0x3d4, 0x0616, 0x3d4, 0xe317
planar_end:
