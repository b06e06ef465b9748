# {
#   "description": "PSE 4 MiB pages, PSE-36 addresses and reserved bits; PAE with 2 MiB pages, NX and reserved bits; global pages",
#   "spec": "SDM 3A 4.3, 4.4, 4.10",
#   "mode": "protected",
#   "memory": 16
# }
.set PD, PAGE_TABLES
.set PDPT, PAGE_TABLES + 0x1000
.set PD0, PAGE_TABLES + 0x2000
.set PT, PAGE_TABLES + 0x3000
main:
  # PSE: linear 4...8 MiB -> physical 8 MiB
  PAGE_TABLE PD, 0, 0, 1024
  mov dword ptr [PD], 0x87
  mov dword ptr [PD + 4], 0x800087
  mov dword ptr [PD + 8], 0xa00087        # bit 21 is reserved
  mov dword ptr [0x800010], 0x600d
  SET_CR4 CR4_PSE
  mov eax, PD
  mov cr3, eax
  SET_CR0 CR0_PG
  EXPECT "4 MiB page", [0x400010], 0x600d
  mov dword ptr [0x7ffffc], 0xe4d
  mov eax, [PD + 4]
  EXPECT "A and D of a large page", eax, 0x8000e7
  FAULTS "reserved bit 21 of a 4 MiB page", 14, 9, "mov eax, [0x800000]"
  USER_FAULTS "reserved bit, user write", 14, 0xf, "mov [0x800000], eax"
  # PSE-36: bits 20:13 are address bits 39:32. 4 GiB + 8 MiB has no memory here: reads as ones.
  mov dword ptr [PD + 12], 0x802083
  EXPECT "PSE-36 address beyond memory", [0xc00010], -1
  # INVLPG drops the whole large page.
  mov eax, [0x400010]
  mov dword ptr [PD + 4], 0
  invlpg [0x512345]
  FAULTS "INVLPG anywhere in a large page", 14, 0, "mov eax, [0x400010]"
  # Global pages survive MOV CR3 (allowed, so written as: flushed by INVLPG and CR4.PGE).
  mov dword ptr [PD + 4], 0x800187
  SET_CR4 CR4_PGE
  mov eax, [0x400010]
  mov dword ptr [PD + 4], 0
  CLEAR_CR4 CR4_PGE
  FAULTS "CR4.PGE flushes global pages", 14, 0, "mov eax, [0x400010]"
  mov dword ptr [PD + 4], 0x800187
  SET_CR4 CR4_PGE
  mov eax, [0x400010]
  mov dword ptr [PD + 4], 0
  invlpg [0x400010]
  FAULTS "INVLPG flushes a global page", 14, 0, "mov eax, [0x400010]"
  # PS without CR4.PSE is a table pointer.
  CLEAR_CR0 CR0_PG
  CLEAR_CR4 CR4_PSE
  # PAE
  PAGE_TABLE64 PD0, 0x83, 0x200000, 512
  PAGE_TABLE64 PT, 0x800003, 0x1000, 512
  mov dword ptr [PD0 + 8 * 2], PT + 7
  mov dword ptr [PD0 + 8 * 2 + 4], 0
  mov dword ptr [PDPT], PD0 + 1
  mov dword ptr [PDPT + 4], 0
  mov dword ptr [PDPT + 8], 0
  mov dword ptr [PDPT + 12], 0
  mov dword ptr [PDPT + 16], 0
  mov dword ptr [PDPT + 20], 0
  mov dword ptr [PDPT + 24], 0
  mov dword ptr [PDPT + 28], 0
  SET_CR4 CR4_PAE
  mov eax, PDPT
  mov cr3, eax
  SET_CR0 CR0_PG
  EXPECT "PAE 4 KiB page", [0x400010], 0x600d
  EXPECT "PAE 2 MiB page", [0x800010], 0x600d
  FAULTS "PAE: PDPTE not present", 14, 0, "mov eax, [0x40000000]"
  # Reserved bits
  mov dword ptr [PT + 8 * 1 + 4], 0x00080000          # bit 51
  FAULTS "PAE: reserved address bit", 14, 9, "mov eax, [0x401000]"
  mov dword ptr [PT + 8 * 1 + 4], 0x80000000
  invlpg [0x401000]
  FAULTS "NX bit without EFER.NXE is reserved", 14, 9, "mov eax, [0x401000]"
  mov dword ptr [PD0 + 8 * 3], 0x602083               # bit 13 of a 2 MiB page
  FAULTS "PAE: reserved bit of a 2 MiB page", 14, 9, "mov eax, [0x600000]"
  mov dword ptr [PD0 + 8 * 3], 0x600083
  # The PDPTEs are loaded with CR3 and checked then.
  mov dword ptr [PDPT + 8], PD0 + 3                   # bit 1 is reserved
  mov eax, cr3
  FAULTS "reserved bit in a PDPTE: #GP on MOV CR3", 13, 0, "mov cr3, eax"
  mov dword ptr [PDPT + 8], 0
  mov dword ptr [PDPT], 0
  invlpg [0x400010]
  WORKS "PDPTEs stay in the processor until CR3 is written", "mov eax, [0x400010]"
  mov dword ptr [PDPT], PD0 + 1
  # NX
  mov ecx, MSR_EFER
  rdmsr
  or eax, EFER_NXE
  wrmsr
  invlpg [0x401000]
  mov byte ptr [0x800ff0], 0xc3
  mov byte ptr [0x801ff0], 0xc3
  mov dword ptr [PT + 8 * 2 + 4], 0x80000000
  invlpg [0x402000]
  WORKS "data read of an NX page", "mov eax, [0x402000]"
  mov byte ptr [0x400100], 0xc3
  WORKS "fetch of a page without NX", "mov eax, 0x400100; call eax"
  mov dword ptr [recover], offset 1f
  mov [saved_sp], esp
  mov eax, 0x402000
  jmp eax
1: EXPECT "fetch of an NX page: vector", [exc_vector], 14
  EXPECT "fetch of an NX page: error code P and I/D", [exc_code], 0x11
  EXPECT "fetch of an NX page: CR2", [exc_cr2], 0x402000
  mov dword ptr [PT + 8 * 3], 0
  mov dword ptr [recover], offset 1f
  mov eax, 0x403000
  jmp eax
1: EXPECT "fetch of an absent page with NXE: I/D", [exc_code], 0x10
  PASS
