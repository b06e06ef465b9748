# int rb_thunk_enter(code in rdi, state in rsi, memory in rdx, rsp slot in rcx)
# Saves what generated code may clobber, remembers the stack for rb_thunk_abort, and calls.
    .text
    .globl rb_thunk_enter
    .type rb_thunk_enter, @function
rb_thunk_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    stmxcsr (%rsp)
    mov %rsp, (%rcx)
    mov %rdi, %rax
    mov %rdx, %rdi
    call *%rax
    xor %eax, %eax
.Lleave:
    ldmxcsr (%rsp)
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size rb_thunk_enter, . - rb_thunk_enter

# The signal handler resumes here with rsp restored and the signal number in eax.
    .globl rb_thunk_abort
    .type rb_thunk_abort, @function
rb_thunk_abort:
    cld
    jmp .Lleave
    .size rb_thunk_abort, . - rb_thunk_abort

    .section .note.GNU-stack,"",@progbits
