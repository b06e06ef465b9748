# A hostile guest: writes and reads pseudo-random values at ports and memory-mapped registers, without end.
# SEED is the start of the generator. With SPARE = 1 what resets or switches off the machine is left alone: ports 64h,
# 92h and CF8h-CFBh (CF9h is in there) also as a part of wide accesses, the power management ports (600h-63Fh and
# B000h-B03Fh), and the interrupt command register of the local APIC.
#
# Exceptions and NMIs go on with the next access. The guest may well destroy itself and reset; each boot then starts the
# generator elsewhere, by a count that RAM keeps.
.set BOOTS, 0x3000000
.ifndef SEED
.set SEED, 1
.endif
.ifndef SPARE
.set SPARE, 1
.endif
main:
  SAY "fuzzing\n"
  mov ax, 0x2401
  int 0x15
  cli
  lgdt [gdt_pointer]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  .byte 0x66, 0xea
  .long fuzz32
  .word 8

.code32
fuzz32:
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, 0x7c00
  # 256 interrupt gates to `again`.
  mov edi, offset idt
  mov ecx, 256
  mov eax, offset again
1: mov [edi], ax
  mov word ptr [edi + 2], 8
  mov dword ptr [edi + 4], 0x8e00
  add edi, 8
  loop 1b
  lidt [idt_pointer]
  inc dword ptr [BOOTS]
  imul ebp, dword ptr [BOOTS], 0x9e3779b9
  xor ebp, SEED * 0x2545f491 & 0xffffffff
  or ebp, 1
  jmp next
again:
  mov esp, 0x7c00
  cld
next:
  call random
  # One access in four goes to memory.
  test eax, 0x30000000
  jz memory
  mov edx, eax
  shr edx, 3
  and edx, 0xffff
  # Most accesses aim at the board's own ports, the rest anywhere.
  test eax, 0x80000000
  jz 1f
  call random
  xor ebx, ebx
  mov bl, al
  and ebx, 31
  mov dx, [ports + ebx * 2]
  shr eax, 8
  and eax, 15
  add edx, eax
1:
.if SPARE
  # Wide accesses reach up to three ports further.
  lea ebx, [edx - 0x61]
  cmp ebx, 4
  jb next
  lea ebx, [edx - 0x8f]
  cmp ebx, 4
  jb next
  lea ebx, [edx - 0xcf5]
  cmp ebx, 7
  jb next
  mov bx, dx
  and bx, 0xffc0
  cmp bx, 0xb000
  je next
  cmp bx, 0x600
  je next
.endif
  call random
  mov ecx, eax
  call random
  shr ecx, 5
  and ecx, 7
  jmp [actions + ecx * 4]
out8: out dx, al
  jmp next
out16: out dx, ax
  jmp next
out32: out dx, eax
  jmp next
in8: in al, dx
  jmp next
in16: in ax, dx
  jmp next
in32: in eax, dx
  jmp next

memory:
  call random
  mov ebx, eax
  and ebx, 7
  call random
  and eax, [masks + ebx * 4]
  add eax, [bases + ebx * 4]
  mov edi, eax
.if SPARE
  and eax, 0xffffffc0
  cmp eax, 0xfee00300
  je next
  cmp eax, 0xfee002c0
  je next
.endif
  call random
  mov ecx, eax
  call random
  shr ecx, 7
  and ecx, 7
  jmp [memory_actions + ecx * 4]
store8: mov [edi], al
  jmp next
store16: mov [edi], ax
  jmp next
store32: mov [edi], eax
  jmp next
load8: mov al, [edi]
  jmp next
load16: mov ax, [edi]
  jmp next
load32: mov eax, [edi]
  jmp next
exchange: lock xadd [edi], eax
  jmp next
load64: fild qword ptr [edi]
  fistp qword ptr [edi]
  jmp next

# EAX: the next number of a xorshift generator.
random:
  mov eax, ebp
  shl eax, 13
  xor ebp, eax
  mov eax, ebp
  shr eax, 17
  xor ebp, eax
  mov eax, ebp
  shl eax, 5
  xor ebp, eax
  mov eax, ebp
  imul eax, eax, 0x2c1b3c6d
  rol eax, 11
  ret
.section .data
.balign 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_pointer: .word 23
  .long gdt
idt_pointer: .word 0x7ff
  .long idt
.set idt, 0x6000
.balign 4
actions: .long out8, out8, out16, out32, in8, in16, in32, out8
memory_actions: .long store8, store16, store32, load8, load16, load32, exchange, load64
# VGA window, VGA BIOS, firmware, I/O APIC, HPET, local APIC, flash, PCI window.
bases: .long 0xa0000, 0xc0000, 0xe0000, 0xfec00000, 0xfed00000, 0xfee00000, 0xfffc0000, 0x80000000
masks: .long 0x1ffff, 0x1ffff, 0x1ffff, 0x3f, 0x3ff, 0xfff, 0x3ffff, 0x7fffffff
ports: .word 0x00, 0x20, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0x170, 0x1c8, 0x1f0, 0x2f8
  .word 0x370, 0x3b0, 0x3c0, 0x3d0, 0x3e8, 0x3f0, 0x3f8, 0x402, 0x4d0, 0x510, 0x518
  .word 0xae00, 0xafe0, 0xc000, 0xc010, 0xcf8
