# {
#   "description": "5-level paging: entry through compatibility mode, 57-bit canonical addresses, CR4.LA57 locked in IA-32e mode",
#   "spec": "SDM 3A 4.5, 2.5",
#   "mode": "long",
#   "cpu": "host,+la57"
# }
.set PML5, FREE_TABLES
main:
  mov rax, cr4
  bts rax, 12
  FAULTS "LA57 may not change in IA-32e mode", 13, 0, "mov cr4, rax"
  # Leave IA-32e mode.
  push SEL_CODE32
  push offset compat
  rex.w retf
.code32
compat:
  mov eax, cr0
  btr eax, 31
  mov cr0, eax
  mov dword ptr [PML5], PML4 + 7
  mov dword ptr [PML5 + 8], PML4 + 7
  mov eax, cr4
  bts eax, 12
  mov cr4, eax
  mov eax, PML5
  mov cr3, eax
  mov eax, cr0
  bts eax, 31
  mov cr0, eax
  jmp SEL_CODE64:back64
.code64
back64:
  mov eax, SEL_DATA
  mov ss, eax
  mov dword ptr [LAB], 0x5757
  mov rbx, 0x1000000000000 + LAB
  mov eax, [rbx]
  EXPECT "second entry of the PML5", rax, 0x5757
  mov rbx, 0x00ffffffffffffff
  FAULTS "highest canonical address of the lower half", 14, 0, "mov al, [rbx]"
  mov rbx, 0x0100000000000000
  FAULTS "57-bit canonical boundary", 13, 0, "mov al, [rbx]"
  PASS
