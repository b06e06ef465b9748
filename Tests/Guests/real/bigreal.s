# {
#   "description": "Big real mode: a 4 GiB limit loaded in protected mode survives the return to real mode and segment loads",
#   "spec": "SDM 3A 9.9.2",
#   "mode": "real"
# }
main:
  EXPECT "port 92h leaves A20 open", 0, 0
  mov ebx, 0x120000
  FAULTS "before", 13, 0, "mov eax, [ebx]"
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp short 1f
1: mov cx, SEL_DATA
  mov ds, cx
  mov es, cx
  and al, 0xfe
  mov cr0, eax
  jmp 0:1f
1: xor ax, ax
  mov ds, ax
  mov es, ax
  mov dword ptr [ebx], 0xcafe
  mov eax, [ebx]
  EXPECT "access at 1.125 MiB", eax, 0xcafe
  mov ax, 0x100
  mov es, ax
  mov eax, es:[ebx - 0x1000]
  EXPECT "reloaded ES keeps its limit, with a new base", eax, 0xcafe
  mov eax, fs
  FAULTS "FS still has 64 KiB", 13, 0, "mov eax, fs:[ebx]"
  # String instructions with 32-bit addresses
  xor ax, ax
  mov es, ax
  mov esi, ebx
  mov edi, 0x121000
  mov ecx, 1
  addr32 rep movsd
  mov ebx, 0x121000
  mov eax, [ebx]
  EXPECT "32-bit string move", eax, 0xcafe
  PASS
