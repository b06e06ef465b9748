# INT 10h in text mode 3: cursor, teletype output, attributes, strings, scrolling, reading back.
main:
  VIDEO 0x0003
  # Where the 8x16 font is (ES:BP), so that the test can draw the screen.
  mov bh, 6
  VIDEO 0x1130
  SAY "font"
  SAY_HEX es
  SAY_HEX bp
  SAY "\n"
  xor ax, ax
  mov es, ax
  # A row of every printable character, then control characters.
  mov dx, 0x0100
  call locate
  mov al, 0x20
1: call teletype
  inc al
  cmp al, 0x6f
  jne 1b
  mov dx, 0x050a
  call locate
  mov si, offset words
2: lodsb
  test al, al
  jz 3f
  call teletype
  jmp 2b
3:
  # Attributes: a run of 7 characters, white on blue, then the same place read back.
  mov dx, 0x0703
  call locate
  mov bx, 0x001f
  mov cx, 7
  VIDEO 0x0978
  mov bh, 0
  VIDEO 0x0800
  SAY "cell"
  SAY_HEX ax
  SAY "\n"
  # A string with one attribute; the cursor goes behind it.
  mov bp, offset string
  mov cx, 11
  mov dx, 0x0914
  mov bx, 0x004e
  VIDEO 0x1301
  mov bh, 0
  VIDEO 0x0300
  SAY "cursor"
  SAY_HEX dx
  SAY_HEX cx
  SAY "\n"
  # A window with a letter a row, scrolled up by two and down by one, filled with green.
  mov dx, 0x0f28
4: call locate
  mov al, dh
  add al, 0x41 - 15
  mov ah, 9
  mov bx, 0x0007
  mov cx, 10
  int 0x10
  inc dh
  cmp dh, 21
  jne 4b
  mov bh, 0x20
  mov cx, 0x0f28
  mov dx, 0x1431
  VIDEO 0x0602
  mov bh, 0x30
  mov cx, 0x0f28
  mov dx, 0x1431
  VIDEO 0x0701
  # The last line scrolls the screen.
  mov dx, 0x1800
  call locate
  mov al, 0x5a
  call teletype
  mov al, 13
  call teletype
  mov al, 10
  call teletype
  mov dx, 0x1702
  call locate
  # A hidden cursor leaves a picture that does not blink.
  mov cx, 0x2000
  VIDEO 0x0100
  SAY "done\n"
  jmp stop

locate:
  push ax
  push bx
  mov ah, 2
  mov bh, 0
  int 0x10
  pop bx
  pop ax
  ret
teletype:
  push ax
  push bx
  mov ah, 0x0e
  mov bx, 7
  int 0x10
  pop bx
  pop ax
  ret
.section .data
words: .asciz "Ringbox?\b!\r\n          below"
string: .ascii "one, two, 3"
