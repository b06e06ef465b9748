# Time: BIOS ticks against PIT counter 2, IRQ 0 at other rates, the wait service and the clock of INT 1Ah.
main:
  # 18 BIOS ticks of the INT 1Ah counter.
  call next_tick
  mov bx, dx
  SAY "start\n"
1: call next_tick
  mov ax, dx
  sub ax, bx
  cmp ax, 18
  jb 1b
  SAY "ticks"
  SAY_HEX ax
  SAY "\n"
  # INT 1Ch calls while counter 2 counts 20 times 50 ms.
  cli
  mov word ptr [0x1c * 4], offset user_tick
  mov word ptr [0x1c * 4 + 2], 0
  sti
  mov word ptr [count], 0
  call second
  SAY "user"
  SAY_HEX [count]
  SAY "\n"
  # 100 Hz, own IRQ 0 handler: 11932 counts.
  cli
  mov eax, [8 * 4]
  mov [old], eax
  mov word ptr [8 * 4], offset own_tick
  mov word ptr [8 * 4 + 2], 0
  mov al, 0x34
  out 0x43, al
  mov ax, 11932
  out 0x40, al
  mov al, ah
  out 0x40, al
  sti
  mov word ptr [count], 0
  call second
  mov bx, [count]
  cli
  mov al, 0x36
  out 0x43, al
  xor al, al
  out 0x40, al
  out 0x40, al
  mov eax, [old]
  mov [8 * 4], eax
  sti
  SAY "hundred"
  SAY_HEX bx
  SAY "\n"
  # Counter 0 latched twice: it moves, and counts down by two in mode 3.
  call latch
  mov bx, ax
  mov cx, 50
2: in al, 0x80
  loop 2b
  call latch
  sub bx, ax
  SAY "moved"
  SAY_HEX bx
  SAY "\n"
  # 200 ms by INT 15h AH=86h, in ticks of counter 0 (54.9 ms).
  mov word ptr [count], 0
  mov cx, 3
  mov dx, 0x0d40
  mov ah, 0x86
  int 0x15
  sbb ax, ax
  SAY "wait"
  SAY_HEX ax
  SAY_HEX [count]
  SAY "\n"
  mov ah, 2
  int 0x1a
  SAY "clock"
  SAY_HEX cx
  SAY_HEX dx
  mov ah, 4
  int 0x1a
  SAY_HEX cx
  SAY_HEX dx
  SAY "\n"
  SAY "done\n"
  jmp stop

# Waits for the next BIOS tick; CX:DX is the count.
next_tick:
  push ax
  mov ah, 0
  int 0x1a
  mov [last], dx
1: hlt
  mov ah, 0
  int 0x1a
  cmp dx, [last]
  je 1b
  pop ax
  ret
# One second by PIT counter 2, mode 0: 20 times 59659 counts.
second:
  mov cx, 20
1: in al, 0x61
  and al, 0xfc
  or al, 1
  out 0x61, al
  mov al, 0xb0
  out 0x43, al
  mov ax, 59659
  out 0x42, al
  mov al, ah
  out 0x42, al
2: in al, 0x61
  test al, 0x20
  jz 2b
  loop 1b
  ret
latch:
  xor al, al
  out 0x43, al
  in al, 0x40
  mov ah, al
  in al, 0x40
  xchg al, ah
  ret
user_tick:
  inc word ptr cs:[count]
  iret
own_tick:
  push ax
  inc word ptr cs:[count]
  mov al, 0x20
  out 0x20, al
  pop ax
  iret
.section .data
count: .word 0
last: .word 0
old: .long 0
