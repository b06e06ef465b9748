# A guest that does one rude thing, chosen by WHAT:
#  1 triple fault; 2-6 jump into the local APIC, HPET, I/O APIC, VGA window, unclaimed memory; 7 run ROM code;
#  8 HLT with interrupts off; 9 code that rewrites the ROM; 10 jump above the end of memory through paging;
#  11 stack in the VGA window; 12 page tables in the local APIC; 13 IDT and GDT in the HPET; 14 string I/O onto MMIO.
.ifndef WHAT
.set WHAT, 1
.endif
main:
.if WHAT == 5
  # 256 colours: the window is writable memory to a program.
  VIDEO 0x0013
.endif
  SAY "rude\n"
  mov ax, 0x2401
  int 0x15
  cli
  lgdt [gdt_pointer]
  lidt [idt_pointer]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  .byte 0x66, 0xea
  .long main32
  .word 8
.code32
main32:
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, 0x7c00
.if WHAT == 1
  ud2
.elseif WHAT == 2
  mov eax, 0xfee00000
  call eax
.elseif WHAT == 3
  mov eax, 0xfed00000
  call eax
.elseif WHAT == 4
  mov eax, 0xfec00000
  call eax
.elseif WHAT == 5
  mov edi, 0xa0000
  mov eax, 0xc3909090
  stosd
  mov eax, 0xa0000
  call eax
.elseif WHAT == 6
  mov eax, 0xd0000000
  call eax
.elseif WHAT == 7
  mov eax, 0xfffffff0
  jmp eax
.elseif WHAT == 8
  hlt
.elseif WHAT == 9
  mov edi, 0xf0000
  mov eax, 0x90909090
  mov ecx, 0x4000
  rep stosd
  mov eax, 0xf0000
  jmp eax
.elseif WHAT == 10
  mov edi, 0x100000
  mov eax, 0xfffff083
  mov ecx, 1024
  rep stosd
  mov eax, cr4
  or eax, 0x10
  mov cr4, eax
  mov dword ptr [0x100000], 0x83
  mov eax, 0x100000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  mov eax, 0x40000000
  call eax
.elseif WHAT == 11
  mov esp, 0xa0100
  mov ecx, 1000
1: push ecx
  pusha
  popa
  pop eax
  call 2f
2: add esp, 4
  loop 1b
  mov esp, 0xfee00400
  pusha
  call 0
.elseif WHAT == 12
  mov eax, 0xfee00000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  nop
.elseif WHAT == 13
  lgdt [mmio_pointer]
  lidt [mmio_pointer]
  mov ax, 8
  mov ds, ax
  int 0x80
.elseif WHAT == 14
  mov edi, 0xfee00000
  mov ecx, 0x100000
  mov dx, 0x1f0
  rep insd
  mov esi, 0xfed00000
  mov ecx, 0x100000
  mov dx, 0x3c9
  rep outsb
  mov esi, 0xfee00000
  mov edi, 0xa0000
  mov ecx, 0x10000
  rep movsd
.endif
  jmp .
.section .data
.balign 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_pointer: .word 23
  .long gdt
idt_pointer: .word 0
  .long 0
mmio_pointer: .word 0xffff
  .long 0xfed00000
