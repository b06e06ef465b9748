# int rb_thunk_enter(code in rdi, state in rsi, memory in rdx, stack slot in rcx)
# Remembers the stack for rb_thunk_abort and calls. Thunks use rax, rcx, rdx, rsi, rdi and vector registers only, so
# that nothing has to be saved here.
    .text
    .globl rb_thunk_enter
    .type rb_thunk_enter, @function
rb_thunk_enter:
    push %rcx
    mov %rsp, (%rcx)
    mov %rdi, %rax
    mov %rdx, %rdi
    call *%rax
    pop %rcx
    movq $0, (%rcx)
    xor %eax, %eax
    ret
    .size rb_thunk_enter, . - rb_thunk_enter

# The signal handler resumes here with rsp restored and the signal number in eax.
    .globl rb_thunk_abort
    .type rb_thunk_abort, @function
rb_thunk_abort:
    cld
    ldmxcsr host_mxcsr(%rip)
    pop %rcx
    movq $0, (%rcx)
    ret
    .size rb_thunk_abort, . - rb_thunk_abort

    .section .rodata
    .align 4
host_mxcsr:
    .long 0x1f80

    .section .note.GNU-stack,"",@progbits
