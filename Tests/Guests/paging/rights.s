# {
#   "description": "32-bit paging: P, R/W, U/S with and without WP, error codes, CR2, A and D bits, accesses across pages",
#   "spec": "SDM 3A 4.3, 4.6 to 4.8",
#   "mode": "protected"
# }
.set PD, PAGE_TABLES
.set PT0, PAGE_TABLES + 0x1000
.set PT1, PAGE_TABLES + 0x2000
.set L, 0x400000              # linear addresses of the lab: mapped to LAB by PT1
main:
  PAGE_TABLE PD, 0, 0, 1024
  mov dword ptr [PD], PT0 + 7
  mov dword ptr [PD + 4], PT1 + 7
  PAGE_TABLE PT0, 7, 0x1000, 1024
  PAGE_TABLE PT1, LAB + 7, 0x1000, 512
  mov dword ptr [PT1 + 4 * 1], LAB + 0x1000 + 6     # not present
  mov dword ptr [PT1 + 4 * 2], LAB + 0x2000 + 5     # read-only, user
  mov dword ptr [PT1 + 4 * 3], LAB + 0x3000 + 3     # writable, supervisor
  mov dword ptr [PT1 + 4 * 4], LAB + 0x4000 + 1     # read-only, supervisor
  mov dword ptr [LAB + 0x5ffe], 0xc3909090
  mov eax, PD
  mov cr3, eax
  SET_CR0 CR0_PG
  jmp 1f
1:
  # Supervisor
  FAULTS "read, not present", 14, 0, "mov eax, [L + 0x1234]"
  EXPECT "CR2", [exc_cr2], L + 0x1234
  FAULTS "write, not present", 14, 2, "mov [L + 0x1238], eax"
  EXPECT "CR2", [exc_cr2], L + 0x1238
  FAULTS "read-modify-write, not present: a write fault", 14, 2, "inc dword ptr [L + 0x1000]"
  FAULTS "no page table", 14, 0, "mov eax, [0x40000000]"
  EXPECT "CR2", [exc_cr2], 0x40000000
  WORKS "read-only page, supervisor write without WP", "mov dword ptr [L + 0x2000], 1"
  WORKS "read-only supervisor page, write without WP", "mov dword ptr [L + 0x4000], 1"
  SET_CR0 CR0_WP
  FAULTS "read-only page, supervisor write with WP", 14, 3, "mov dword ptr [L + 0x2010], 1"
  EXPECT "CR2", [exc_cr2], L + 0x2010
  FAULTS "read-only supervisor page, write with WP", 14, 3, "mov dword ptr [L + 0x4000], 1"
  WORKS "read with WP", "mov eax, [L + 0x2010]"
  # User
  USER_WORKS "user read of a user page", "mov eax, [L]"
  USER_WORKS "user write", "mov [L], eax"
  USER_FAULTS "user read, not present", 14, 4, "mov eax, [L + 0x1000]"
  USER_FAULTS "user write, not present", 14, 6, "mov [L + 0x1000], eax"
  USER_FAULTS "user write of a read-only page", 14, 7, "mov [L + 0x2000], eax"
  USER_FAULTS "user read of a supervisor page", 14, 5, "mov eax, [L + 0x3000]"
  USER_FAULTS "user write of a supervisor page", 14, 7, "mov [L + 0x3000], eax"
  # Fetches report no I/D bit without NX or SMEP.
  mov ebx, L + 0x1000
  CALL_USER jump_ebx
  EXPECT "fetch, not present: vector", [exc_vector], 14
  EXPECT "fetch, not present: error code", [exc_code], 4
  EXPECT "fetch, not present: CR2", [exc_cr2], L + 0x1000
  EXPECT "fetch, not present: saved IP", [exc_ip], L + 0x1000
  # Across pages
  FAULTS "doubleword, second page not present", 14, 0, "mov eax, [L + 0xffe]"
  EXPECT "CR2 is the first byte of the second page", [exc_cr2], L + 0x1000
  mov dword ptr [L + 0xffc], 0x11111111
  FAULTS "store across, second page not present", 14, 2, "mov dword ptr [L + 0xffe], 0x22222222"
  EXPECT "nothing of the store was done", [L + 0xffc], 0x11111111
  FAULTS "doubleword, first page not present", 14, 0, "mov eax, [L + 0x1ffe]"
  EXPECT "CR2 is the address itself", [exc_cr2], L + 0x1ffe
  mov dword ptr [PT1 + 4 * 5], LAB + 0x8000 + 7
  mov dword ptr [PT1 + 4 * 6], LAB + 0x5000 + 7
  mov dword ptr [L + 0x5ffe], 0x44332211
  movzx eax, word ptr [LAB_P + 0x8ffe]
  EXPECT "store across: first half", eax, 0x2211
  movzx eax, word ptr [LAB_P + 0x5000]
  EXPECT "store across to a page elsewhere: second half", eax, 0x4433
  EXPECT "load across", [L + 0x5ffe], 0x44332211
  # Accessed and dirty
  mov dword ptr [PT1 + 4 * 8], LAB + 0x8000 + 7
  mov dword ptr [PD + 4], PT1 + 7
  mov eax, cr3
  mov cr3, eax
  mov eax, [L + 0x8000]
  mov ebx, [PT1 + 4 * 8]
  EXPECT "read sets A only", ebx, LAB + 0x8000 + 0x27
  mov ebx, [PD + 4]
  EXPECT "A in the directory entry, never D", ebx, PT1 + 0x27
  mov [L + 0x8000], eax
  mov ebx, [PT1 + 4 * 8]
  EXPECT "write sets D", ebx, LAB + 0x8000 + 0x67
  mov dword ptr [PT1 + 4 * 9], LAB + 0x9000 + 5
  FAULTS "write fault", 14, 3, "mov [L + 0x9000], eax"
  mov ebx, [PT1 + 4 * 9]
  and ebx, 0x40
  EXPECT "a refused write leaves D alone", ebx, 0
  # The directory's rights are combined.
  mov dword ptr [PD + 4], PT1 + 3
  mov eax, cr3
  mov cr3, eax
  USER_FAULTS "supervisor directory entry", 14, 5, "mov eax, [L]"
  mov dword ptr [PD + 4], PT1 + 5
  mov eax, cr3
  mov cr3, eax
  FAULTS "read-only directory entry", 14, 3, "mov [L], eax"
  mov dword ptr [PD + 4], PT1 + 7
  mov eax, cr3
  mov cr3, eax
  # INVLPG: until then the old translation may be used; afterwards it must not.
  mov eax, [L + 0x8000]
  mov dword ptr [PT1 + 4 * 8], 0
  invlpg [L + 0x8000]
  FAULTS "after INVLPG", 14, 0, "mov eax, [L + 0x8000]"
  mov dword ptr [PT1 + 4 * 8], LAB + 0x8000 + 7
  WORKS "a not-present entry is not cached", "mov eax, [L + 0x8000]"
  # Implicit supervisor access from CPL 3: the IDT, GDT and TSS lie in supervisor pages.
  mov dword ptr [PT1 + 4 * 10], LAB + 0xa000 + 3
  sgdt [scratch]
  cld
  mov esi, offset gdt
  mov edi, L + 0xa000
  mov ecx, 128
  rep movsd
  mov dword ptr [scratch + 2], L + 0xa000
  lgdt [scratch]
  mov dword ptr [L + 0xa000 + 0x40], 0x0000ffff
  USER_WORKS "segment load at CPL 3 from a GDT in a supervisor page", "mov eax, SEL_UDATA; mov ds, eax"
  PASS
jump_ebx:
  jmp ebx
.set LAB_P, LAB
