# The keyboard's lights by its own command (EDh): caps, then with every key another state, and at the end a quick blinking.
main:
  mov al, 4
  call light
  SAY "caps\n"
  mov ah, 0
  int 0x16
  mov al, 3
  call light
  SAY "others\n"
  mov ah, 0
  int 0x16
  mov cx, 2000
1: mov al, cl
  and al, 7
  push cx
  call light
  pop cx
  loop 1b
  mov al, 0
  call light
  SAY "dark\n"
  jmp stop

# AL: the lights. The firmware's handler must not take the keyboard's answers.
light:
  cli
  push ax
  mov al, 0xed
  call command
  pop ax
  call command
  sti
  ret
command:
  mov ah, al
1: in al, 0x64
  test al, 2
  jnz 1b
  mov al, ah
  out 0x60, al
2: in al, 0x64
  test al, 1
  jz 2b
  in al, 0x60
  ret
