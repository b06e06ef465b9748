// A boot sector that says on the first serial port that it was reached, in real mode.
    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov $0x3fb, %dx // 115200 baud, 8 bits
    mov $0x80, %al
    out %al, %dx
    mov $0x3f8, %dx
    mov $1, %al
    out %al, %dx
    inc %dx
    dec %al
    out %al, %dx
    mov $0x3fb, %dx
    mov $3, %al
    out %al, %dx
    mov $message, %si
    cld
next:
    lodsb
    test %al, %al
    jz end
    mov %al, %ah
    mov $0x3fd, %dx
wait:
    in %dx, %al
    test $0x20, %al
    jz wait
    mov %ah, %al
    mov $0x3f8, %dx
    out %al, %dx
    jmp next
end:
    hlt
    jmp end
message:
    .asciz "\nBENCH-BOOT\n"
    .org 510
    .word 0xaa55
