// Multiboot header, entry, and the interrupt handlers whose first instructions are measured.
    .set MAGIC, 0x1badb002
    .set FLAGS, 0
    .text // at its begin: the header must lie in the first 8 KiB of the file
    .balign 4
    .long MAGIC, FLAGS, -(MAGIC + FLAGS)

    .globl _start
_start:
    cli
    mov $stack_end, %esp
    lgdt gdt_register
    ljmp $8, $1f
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    cld
    push %ebx // the loader's information
    call machine_main
2:  cli
    hlt
    jmp 2b

// The current count of the local APIC's timer, read before anything else: a periodic timer counts
// on from its initial count the moment it expires.
    .globl timer_entry
timer_entry:
    push %eax
    mov 0xfee00390, %eax
    push %ecx
    push %edx
    push %eax
    cld
    call timer_fired
    add $4, %esp
    pop %edx
    pop %ecx
    pop %eax
    iret

    .globl return_entry, ignore_entry
return_entry:
ignore_entry:
    iret

// void loop_*(volatile uint32_t *stop): computes until *stop, each in another way.
// Flags that live across the back edge, and a block that follows itself: nothing but a taken
// interrupt leads out of it.
    .globl loop_flags, loop_memory, loop_calls
loop_flags:
    mov 4(%esp), %ecx
    xor %eax, %eax
1:  mov $1000, %edx
2:  adc $3, %eax
    dec %edx // leaves the carry for the addition
    jnz 2b
    cmpl $0, (%ecx)
    je 1b
    ret

loop_memory:
    mov 4(%esp), %ecx
    push %esi
1:  mov $scratch, %esi
    mov $1000, %edx
2:  mov (%esi), %eax
    add %edx, 64(%esi)
    lea 4(%esi), %esi
    dec %edx
    jnz 2b
    cmpl $0, (%ecx)
    je 1b
    pop %esi
    ret

loop_calls:
    mov 4(%esp), %ecx
1:  mov $1000, %edx
2:  call 3f
    mov $3f, %eax
    call *%eax
    dec %edx
    jnz 2b
    cmpl $0, (%ecx)
    je 1b
    ret
3:  ret

    .data
    .balign 8
gdt:
    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_register:
    .word 23
    .long gdt

    .bss
    .balign 4096
scratch:
    .skip 8192
    .balign 16
    .skip 16384
stack_end:
