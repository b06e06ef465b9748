# Where the kernel returns to from a signal handler of the child: rt_sigreturn, without libc.
    .text
    .globl oracle_restorer
    .type oracle_restorer, @function
oracle_restorer:
    mov $15, %eax
    syscall
    ud2
    .size oracle_restorer, . - oracle_restorer

    .section .note.GNU-stack,"",@progbits
