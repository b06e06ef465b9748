# Works for ever, for tests that compare runs: memory, disk, serial port, x87, and two timers whose interrupts leave their
# marks where they meet the program. One character is said for each round; nothing in it repeats by chance. With interrupts
# on, no instruction leaves a flag undefined: engines may set such ones as they like, and an interrupt pushes them.
.set BUFFER, 0xa000
.set FIRST, 0x2000
.set SECOND, 0x5000
main:
  cli
  xor ax, ax
  mov ds, ax
  # IRQ 0 at 2000 Hz, chained to the BIOS every 64 times; IRQ 8 at 1024 Hz.
  mov eax, [8 * 4]
  mov [old], eax
  mov word ptr [8 * 4], offset tick
  mov word ptr [8 * 4 + 2], 0
  mov word ptr [0x70 * 4], offset beat
  mov word ptr [0x70 * 4 + 2], 0
  mov al, 0x34
  out 0x43, al
  mov ax, 597
  out 0x40, al
  mov al, ah
  out 0x40, al
  mov al, 0x8b
  out 0x70, al
  in al, 0x71
  or al, 0x40
  mov ah, al
  mov al, 0x8b
  out 0x70, al
  mov al, ah
  out 0x71, al
  mov al, 0x0c
  out 0x70, al
  in al, 0x71
  in al, 0xa1
  and al, 0xfe
  out 0xa1, al
  in al, 0x21
  and al, 0xfa
  out 0x21, al
  mov eax, 1
  cpuid
  shr ecx, 30
  and cl, 1
  mov [has_random], cl
  fninit
  fldpi
  sti
round:
  # 48 KiB of numbers, copied and summed.
  mov ax, FIRST
  mov es, ax
  xor di, di
  mov ebx, [mixed]
  mov cx, 12288
1: lea ebx, [ebx + ebx * 8 + 0x3c6ef35f]
  rol ebx, 1
  mov eax, ebx
  stosd
  loop 1b
  push ds
  mov ax, SECOND
  mov es, ax
  mov ax, FIRST
  mov ds, ax
  xor si, si
  xor di, di
  mov cx, 12288
  rep movsd
  pop ds
  xor di, di
  mov cx, 12288
2: mov eax, es:[di]
  add [sum], eax
  add di, 4
  loop 2b
  # x87: the stack's top is squashed by its own square.
  fld st(0)
  fmul st, st(0)
  fld1
  faddp st(1), st
  fdivp st(1), st
  fld1
  faddp st(1), st
  fst qword ptr [real]
  mov eax, [real]
  add [mixed], eax
  # Time as counters, clock and time stamps show it.
  xor al, al
  out 0x43, al
  in al, 0x40
  mov ah, al
  in al, 0x40
  call mix
  rdtsc
  call mix
  mov al, 0
  out 0x70, al
  in al, 0x71
  call mix
  in al, 0x61
  call mix
  # Random numbers, where the processor has them.
  cmp byte ptr [has_random], 0
  je 3f
  .byte 0x66, 0x0f, 0xc7, 0xf0  # rdrand eax
  call mix
3:
  # A sector that moves on, there and back.
  push 0
  pop es
  inc word ptr [lba]
  and word ptr [lba], 0x3ff
  mov eax, [sum]
  mov [BUFFER], eax
  mov ah, 0x43
  call sector
  mov ah, 0x42
  call sector
  mov eax, [BUFFER]
  call mix
  mov al, [mixed]
  and al, 63
  add al, 32
  call put_serial
  jmp round

# AH: function. The sector at `lba` and `BUFFER`.
sector:
  mov word ptr [packet], 16
  mov word ptr [packet + 2], 1
  mov word ptr [packet + 4], BUFFER
  mov word ptr [packet + 6], 0
  xor ebx, ebx
  mov bx, [lba]
  add bx, 64
  mov [packet + 8], ebx
  mov dword ptr [packet + 12], 0
  mov al, 0
  mov dl, [boot_drive]
  mov si, offset packet
  int 0x13
  sbb ax, ax
# EAX changes the number from which everything follows.
mix:
  pushf
  cli
  rol dword ptr [mixed], 5
  xor [mixed], eax
  popf
  ret
# Interrupts leave the place they came to.
tick:
  push bp
  mov bp, sp
  push eax
  movzx eax, word ptr [bp + 2]
  add cs:[places], eax
  rol dword ptr cs:[places], 3
  inc word ptr cs:[ticks]
  test word ptr cs:[ticks], 63
  jz 1f
  mov al, 0x20
  out 0x20, al
  pop eax
  pop bp
  iret
1: pop eax
  pop bp
  jmp dword ptr cs:[old]
beat:
  push bp
  mov bp, sp
  push eax
  movzx eax, word ptr [bp + 2]
  xor cs:[places], eax
  mov al, 0x0c
  out 0x70, al
  in al, 0x71
  mov al, 0x20
  out 0xa0, al
  out 0x20, al
  pop eax
  pop bp
  iret
.section .data
old: .long 0
mixed: .long 1
sum: .long 0
places: .long 0
real: .quad 0
ticks: .word 0
lba: .word 0
has_random: .byte 0
packet: .space 16
