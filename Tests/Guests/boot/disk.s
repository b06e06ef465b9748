# INT 13h on the boot drive: geometry, reads and writes by CHS and, where there is one, the LBA interface.
#
# The test fills the image from sector 18 on: byte i of sector n is 7n + i. Sector 80 and the next three are read and
# summed, sectors 200 and 201 are written with 13i + 1.
.set BUFFER, 0xa000
main:
  mov ah, 8
  mov dl, [boot_drive]
  xor di, di
  int 0x13
  push 0
  pop es
  jc failed
  SAY "geometry"
  SAY_HEX cx
  SAY_HEX dx
  SAY "\n"
  mov al, cl
  and ax, 63
  mov [sectors], ax
  mov al, dh
  inc ax
  xor ah, ah
  mov [heads], ax
  # CHS read of four sectors, one by one: works across tracks on every drive.
  mov word ptr [lba], 80
  mov bx, offset BUFFER
1: call chs
  mov ax, 0x0201
  int 0x13
  jc failed
  add bx, 512
  inc word ptr [lba]
  cmp word ptr [lba], 84
  jne 1b
  mov cx, 2048
  call sum
  SAY "chs-sum"
  SAY_HEX ax
  SAY "\n"
  # Several sectors in one call.
  mov word ptr [lba], 72
  call chs
  mov bx, offset BUFFER
  mov ax, 0x0204
  int 0x13
  jc failed
  SAY "count"
  SAY_HEX ax
  mov cx, 2048
  call sum
  SAY_HEX ax
  SAY "\n"
  call pattern
  mov word ptr [lba], 200
  call chs
  mov bx, offset BUFFER
  mov ax, 0x0302
  int 0x13
  jc failed
  # Verify, then past the end: the call must fail.
  mov word ptr [lba], 200
  call chs
  mov ax, 0x0402
  int 0x13
  jc failed
  mov ax, 0x0201
  mov cx, 0x4fc1
  mov dh, 0
  mov dl, [boot_drive]
  mov bx, offset BUFFER
  int 0x13
  sbb bx, bx
  SAY "beyond"
  SAY_HEX bx
  SAY "\n"
  # LBA interface.
  mov ah, 0x41
  mov bx, 0x55aa
  mov dl, [boot_drive]
  int 0x13
  jc no_lba
  cmp bx, 0xaa55
  jne no_lba
  SAY "extensions"
  SAY_HEX cx
  SAY "\n"
  mov dword ptr [packet + 8], 5000
  mov word ptr [packet + 2], 8
  mov ah, 0x42
  call extended
  jc failed
  mov cx, 4096
  call sum
  SAY "lba-sum"
  SAY_HEX ax
  SAY "\n"
  call pattern
  mov dword ptr [packet + 8], 6000
  mov word ptr [packet + 2], 2
  mov ax, 0x4300
  call extended
  jc failed
  # One sector behind the last.
  mov dword ptr [packet + 8], 16384
  mov word ptr [packet + 2], 1
  mov ah, 0x42
  call extended
  sbb bx, bx
  SAY "lba-beyond"
  SAY_HEX bx
  SAY "\n"
  # Drive parameters: total sectors.
  mov word ptr [BUFFER], 26
  mov ah, 0x48
  mov dl, [boot_drive]
  mov si, offset BUFFER
  int 0x13
  jc failed
  SAY "total"
  SAY_HEX [BUFFER + 16]
  SAY "\n"
  jmp finish
no_lba:
  SAY "no extensions\n"
finish:
  SAY "done\n"
  jmp stop
failed:
  SAY "failed"
  SAY_HEX ax
  SAY_HEX [lba]
  SAY "\n"
  jmp stop

extended:
  mov dl, [boot_drive]
  mov si, offset packet
  int 0x13
  ret
# CX and DX of INT 13h for sector [lba].
chs:
  push ax
  mov ax, [lba]
  xor dx, dx
  div word ptr [sectors]
  mov cl, dl
  inc cl
  xor dx, dx
  div word ptr [heads]
  mov ch, al
  mov dh, dl
  mov dl, [boot_drive]
  pop ax
  ret
# AX: sum of CX bytes at BUFFER, rotated left by one after each.
sum:
  push si
  mov si, offset BUFFER
  xor dx, dx
1: lodsb
  mov ah, 0
  add dx, ax
  rol dx, 1
  loop 1b
  mov ax, dx
  pop si
  ret
pattern:
  mov di, offset BUFFER
  mov al, 1
  mov cx, 1024
1: stosb
  add al, 13
  loop 1b
  ret
.section .data
lba: .word 0
sectors: .word 0
heads: .word 0
packet: .byte 16, 0
  .word 1, BUFFER, 0
  .long 0, 0
