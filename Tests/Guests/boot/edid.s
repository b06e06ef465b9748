# VBE/DDC (INT 10h, 4F15h): what the monitor can do, and both blocks of its EDID, sixteen bytes a line; and no third block.
.set BLOCK, 0x9000
main:
  xor bx, bx
  xor cx, cx
  VIDEO 0x4f15
  SAY "ddc"
  SAY_HEX ax
  SAY "\n"
  xor dx, dx
1: mov bl, 1
  xor cx, cx
  mov di, BLOCK
  VIDEO 0x4f15
  cmp ax, 0x004f
  jne over
  mov si, BLOCK
  mov bp, 8
2: SAY "block"
  mov cx, 8
3: SAY_HEX [si]
  add si, 2
  loop 3b
  SAY "\n"
  dec bp
  jnz 2b
  inc dx
  cmp dx, 2
  jb 1b
over:
  SAY "done\n"
  jmp stop
