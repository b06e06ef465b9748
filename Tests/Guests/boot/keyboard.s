# INT 16h: echoes keys to the screen, and their codes (scan code, character) to COM1, until Escape.
main:
  VIDEO 0x0003
  SAY "ready\n"
next:
  # Polled first: the key that AH = 11h shows must be the one that AH = 10h takes.
1: mov ah, 0x11
  int 0x16
  jnz 2f
  hlt
  jmp 1b
2: mov dx, ax
  mov ah, 0x10
  int 0x16
  cmp ax, dx
  jne differs
  SAY "key"
  SAY_HEX ax
  mov dx, ax
  SAY "\n"
  cmp dh, 1
  je over
  mov ax, dx
  cmp al, 0xe0
  je next
  test al, al
  jz next
  mov ah, 0x0e
  mov bx, 7
  int 0x10
  cmp al, 13
  jne next
  mov al, 10
  mov ah, 0x0e
  int 0x10
  jmp next
over:
  SAY "done\n"
  jmp stop
differs:
  SAY "differs\n"
  jmp stop
