# Option ROM that starts a kernel, and the two pieces of code that enter it. Assembled by Tools/gen-bootrom.sh.
#
# The ROM has a bootstrap entry vector (BIOS Boot Specification 1.01), so the BIOS treats it as a boot device. Started,
# it collects the BIOS's memory map at 8000h and writes the address of that to port 0FF4h. The machine then loads the
# kernel, puts an entry piece at 7E00h, and answers 1 on the same port (0: it could not).
#
# Memory: 7C00h stack, 7E00h entry piece, 8000h map: count (32 bits), from 8010h entries of 24 bytes.

  .intel_syntax noprefix
  .code16
  .set PORT, 0x0ff4
  .set MAP, 0x8000
  .set MAXIMUM, 128

# ---------------------------------------------------------------- the ROM
  .section .rom, "ax"
rom:
  .byte 0x55, 0xaa, 1           # 512 bytes
  retf                          # nothing to initialise
  .org rom + 0x18
  .word 0                       # no PCI data structure
  .word pnp - rom
  .org rom + 0x20
pnp:
  .ascii "$PnP"
  .byte 1, 2                    # revision, 32 bytes
  .word 0
  .byte 0, 0                    # checksum filled in by the machine
  .long 0
  .word 0
  .word product - rom
  .byte 2, 0, 0                 # class: network, as boot ROMs are
  .byte 0x14                    # initial program load device
  .word 0, 0
  .word boot - rom
  .word 0, 0
product:
  .asciz "Ringbox kernel"

boot:
  cli
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, 0x7c00
  sti
  cld
  mov dword ptr [MAP], 0
  mov di, MAP + 16
  xor ebx, ebx
1:
  mov dword ptr [di + 20], 1    # attributes, for a BIOS that gives only 20 bytes
  mov eax, 0xe820
  mov ecx, 24
  mov edx, 0x534d4150
  int 0x15
  jc 2f
  cmp eax, 0x534d4150
  jne 2f
  inc dword ptr [MAP]
  add di, 24
  test ebx, ebx
  jz 2f
  cmp dword ptr [MAP], MAXIMUM
  jb 1b
2:
  mov dx, PORT
  mov eax, MAP
  out dx, eax
  in eax, dx
  cmp eax, 1
  jne 3f
  .byte 0xea                    # jump far to 0000h:7E00h
  .word 0x7e00, 0
3:
  mov si, offset failure - rom  # the message lies in this segment
  push cs
  pop ds
4:
  lodsb
  test al, al
  jz 5f
  mov ah, 0x0e
  mov bx, 7
  int 0x10
  jmp 4b
5:
  int 0x18                      # next boot device
failure:
  .asciz "Ringbox: the kernel could not be loaded.\r\n"
  .org rom + 511
  .byte 0

# ---------------------------------------------------------------- entry in real mode, at 7E00h
  .section .real, "ax"
real:
  jmp 1f
  .org real + 4
real_segment:
  .word 0                       # +4: data and stack segment
  .word 0                       # +6: stack pointer
real_ip:
  .word 0                       # +8: entry offset
  .word 0                       # +10: entry segment
1:
  cli
  xor eax, eax
  xor ebx, ebx
  xor ecx, ecx
  xor edx, edx
  xor esi, esi
  xor edi, edi
  xor ebp, ebp
  mov ds, ax
  mov ss, word ptr ds:[0x7e04]
  movzx esp, word ptr ds:[0x7e06]
  push dword ptr ds:[0x7e08]
  mov ax, word ptr ds:[0x7e04]
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  xor ax, ax
  retf

# ---------------------------------------------------------------- entry in flat protected mode, at 7E00h
  .section .flat, "ax"
entry32:
  jmp 1f
  .org entry32 + 4
  .long 0                       # +4: entry
  .long 0                       # +8: EAX
  .long 0                       # +12: EBX
  .long 0                       # +16: ESI
  .balign 8
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff      # 08h: code, 4 GiB
  .quad 0x00cf93000000ffff      # 10h: data, 4 GiB
gdtr:
  .word 23
  .long 0x7e00 + (gdt - entry32)
1:
  cli
  xor ax, ax
  mov ds, ax
  lgdt ds:[0x7e00 + (gdtr - entry32)]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  .byte 0xea                    # jump far to 08h:protected
  .word 0x7e00 + (protected - entry32), 8
  .code32
protected:
  mov eax, 0x10
  mov ds, eax
  mov es, eax
  mov fs, eax
  mov gs, eax
  mov ss, eax
  mov esp, 0x7c00
  mov eax, dword ptr [0x7e08]
  mov ebx, dword ptr [0x7e0c]
  mov esi, dword ptr [0x7e10]
  xor ecx, ecx
  xor edx, edx
  xor edi, edi
  xor ebp, ebp
  jmp dword ptr [0x7e04]
