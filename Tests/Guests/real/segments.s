# {
#   "description": "Segment limits of 64 KiB: #GP and #SS, stack wrap, word at FFFFh; addresses wrap in 16 bits",
#   "spec": "SDM 3A 20.1.1, SDM 1 3.3.4",
#   "mode": "real"
# }
main:
  mov ax, 0x2000
  mov fs, ax
  mov dword ptr fs:[0x10], 0x11223344
  mov eax, [0x7c00]
  mov ebx, 0x10010
  TRY "mov eax, fs:[ebx]"
  EXPECT "32-bit address beyond FFFFh", [exc_vector], 13
  FAULTS "word at FFFFh", 13, 0, "mov ax, fs:[0xffff]"
  FAULTS "doubleword at FFFDh", 13, 0, "mov eax, fs:[0xfffd]"
  WORKS "doubleword at FFFCh", "mov eax, fs:[0xfffc]"
  WORKS "byte at FFFFh", "mov al, fs:[0xffff]"
  mov bx, 0xffff
  mov si, 0x11
  mov eax, fs:[bx + si]
  EXPECT "16-bit sums wrap", eax, 0x11223344
  FAULTS "write of a word at FFFFh", 13, 0, "mov fs:[0xffff], ax"
  mov ebp, 0xffff
  FAULTS "through BP the fault is #SS", 12, 0, "mov ax, [bp]"
  FAULTS "through ESP-based addresses also", 12, 0, "mov eax, [ebp + 0x10000]"
  # PUSH with SP = 0 wraps to FFFEh.
  mov ax, 0x3000
  mov ss, ax
  xor sp, sp
  push bx
  mov cx, sp
  mov dx, ss:[0xfffe]
  xor ax, ax
  mov ss, ax
  mov sp, offset stack_top
  movzx ecx, cx
  EXPECT "SP after wrapping push", ecx, 0xfffe
  movzx edx, dx
  EXPECT "pushed word at FFFEh", edx, 0xffff
  # PUSH with SP = 1: the word would cross the limit. The frame of the #SS that follows cannot be pushed either.
  EXPECT "CS writable in real mode", 0, 0
  mov ax, 0x2000
  mov es, ax
  mov di, 0xfffe
  mov cx, 4
  mov eax, 0x55aa55aa
  cld
  TRY "rep stosw"
  EXPECT "REP STOSW wraps DI without a fault at even addresses", [exc_vector], -1
  movzx edi, di
  EXPECT "DI after the wrap", edi, 6
  # Far transfers add no check but the limit.
  mov word ptr [scratch], offset far_target
  mov word ptr [scratch + 2], 0
  xor ecx, ecx
  .byte 0xff, 0x1e          # call far m16:16
  .word scratch
  EXPECT "far call and return", ecx, 5
  push 0x10
  push 0xabcd
  pop ds
  mov bx, ds
  xor ax, ax
  mov ds, ax
  pop ax
  movzx ebx, bx
  EXPECT "POP DS takes any value", ebx, 0xabcd
  # IP beyond 64 KiB
  mov ebx, 0x12345
  FAULTS "near jump beyond the limit of CS", 13, 0, "jmp ebx"
  PASS
far_target:
  mov ecx, 5
  retf
