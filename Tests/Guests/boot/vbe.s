# VBE: finds 800x600 in 32 bits a pixel, sets it with its linear frame buffer and draws through it in big real mode;
# after a key, 640x480 in 256 colours (101h) through the 64 KiB window.
.set INFO, 0x9000
.set MODE, 0x9400
main:
  mov dword ptr [INFO], 0x32454256
  mov di, INFO
  VIDEO 0x4f00
  cmp ax, 0x004f
  jne failed
  SAY "version"
  SAY_HEX [INFO+4]
  SAY_HEX [INFO+18]
  SAY "\n"
  lfs si, [INFO + 14]
1: mov cx, fs:[si]
  add si, 2
  cmp cx, 0xffff
  je failed
  mov di, MODE
  VIDEO 0x4f01
  cmp ax, 0x004f
  jne 1b
  # Attributes: supported, with a linear frame buffer.
  mov ax, [MODE]
  and ax, 0x81
  cmp ax, 0x81
  jne 1b
  cmp word ptr [MODE + 18], 800
  jne 1b
  cmp word ptr [MODE + 20], 600
  jne 1b
  cmp byte ptr [MODE + 25], 32
  jne 1b
  mov bx, cx
  or bx, 0x4000
  VIDEO 0x4f02
  cmp ax, 0x004f
  jne failed
  VIDEO 0x4f03
  SAY "mode"
  SAY_HEX bx
  SAY_HEX [MODE+42]
  SAY_HEX [MODE+16]
  SAY "\n"
  # A20, then ES with a limit of 4 GiB.
  mov ax, 0x2401
  int 0x15
  cli
  lgdt [gdt_pointer]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp 2f
2: mov bx, 8
  mov es, bx
  and al, 0xfe
  mov cr0, eax
  jmp 3f
3: xor bx, bx
  mov es, bx
  sti
  # Pixel (x, y): red x, green y, blue x ^ y, low 8 bits each.
  mov ebp, [MODE + 40]
  xor ebx, ebx
4: mov edi, ebp
  xor ecx, ecx
5: movzx eax, cl
  shl eax, 8
  mov al, bl
  shl eax, 8
  mov al, bl
  xor al, cl
  mov es:[edi], eax
  add edi, 4
  inc cx
  cmp cx, 800
  jne 5b
  movzx eax, word ptr [MODE + 16]
  add ebp, eax
  inc bx
  cmp bx, 600
  jne 4b
  SAY "linear\n"
  mov ah, 0
  int 0x16

  # Through the window at A000h: pixel (x, y) is x + y; colour i is grey i / 4.
  mov bx, 0x101
  VIDEO 0x4f02
  cmp ax, 0x004f
  jne failed
  mov dx, 0x3c8
  xor ax, ax
  out dx, al
  inc dx
  xor cx, cx
6: mov al, cl
  shr al, 2
  out dx, al
  out dx, al
  out dx, al
  inc cl
  jnz 6b
  mov ax, 0xa000
  mov es, ax
  xor di, di
  xor cx, cx
  mov word ptr [bank], 0
  call select
7: xor bx, bx
8: mov al, cl
  add al, bl
  stosb
  test di, di
  jnz 9f
  inc word ptr [bank]
  call select
9: inc bx
  cmp bx, 640
  jne 8b
  inc cx
  cmp cx, 480
  jne 7b
  SAY "window\n"
  jmp stop
failed:
  SAY "failed"
  SAY_HEX ax
  SAY "\n"
  jmp stop
select:
  pusha
  xor bx, bx
  mov dx, [bank]
  VIDEO 0x4f05
  popa
  ret
.section .data
bank: .word 0
.balign 8
gdt: .quad 0, 0x00cf92000000ffff
gdt_pointer: .word 15
  .long gdt
