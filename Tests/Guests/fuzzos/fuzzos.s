# fuzzos for a whole machine: a Multiboot 1 kernel (flat binary, address fields in the header) around
# include/fuzzcore.inc. For ever by default; the seed comes from the command line ("seed=HEX", eight digits or
# fewer, as the last word), else it stays what `fuzz_seed` holds.
#
#   as --64 -I Tests/Guests/include -o fuzzos.o Tests/Guests/fuzzos/fuzzos.s
#   ld -N -Ttext=0x100000 -e _start --oformat binary -o fuzzos.bin fuzzos.o
#   ringbox run --memory 16M --kernel fuzzos.bin --append "seed=1f2e3d"
#
# Progress: the letter 'F' on COM1 (port 3F8h) and port 402h every 65536 rounds.
.intel_syntax noprefix
.section .text
.code32
.globl _start
_start:
  jmp start
.balign 4
multiboot:
  .long 0x1badb002, 0x00010003
  .long -(0x1badb002 + 0x00010003)
  .long multiboot, _start, 0, fuzz_end_of_memory, start
start:
  cli
  mov esp, offset fuzzos_stack
  cmp eax, 0x2badb002
  jne 9f
  # Multiboot information: flags bit 2 = command line at 16.
  test dword ptr [ebx], 4
  jz 9f
  mov esi, [ebx + 16]
  xor edx, edx
1: mov al, [esi]
  test al, al
  jz 8f
  inc esi
  cmp al, '='
  jne 2f
  xor edx, edx
  jmp 1b
2: mov cl, al
  sub cl, '0'
  cmp cl, 10
  jb 3f
  or al, 0x20
  mov cl, al
  sub cl, 'a' - 10
  cmp cl, 16
  jae 1b
  cmp cl, 10
  jb 1b
3: shl edx, 4
  movzx ecx, cl
  add edx, ecx
  jmp 1b
8: test edx, edx
  jz 9f
  mov [fuzz_seed], edx
9: # A slice of rounds at a time, with a sign of life between.
  mov dword ptr [fuzz_rounds], 0x10000
  call fuzz_run
  mov dword ptr [fuzz_done], 0
  mov eax, [fuzz_state]
  mov [fuzz_seed], eax
  mov al, 'F'
  mov dx, 0x3f8
  out dx, al
  mov dx, 0x402
  out dx, al
  jmp 9b
.section .bss
.balign 16
.skip 1024
fuzzos_stack:
.include "fuzzcore.inc"
.section .bss
fuzz_end_of_memory:
