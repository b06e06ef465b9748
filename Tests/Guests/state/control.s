# {
#   "description": "Control registers and MSRs: reserved bits, forbidden combinations, unknown MSRs, EFER, XCR0",
#   "spec": "SDM 3A 2.5, SDM 4",
#   "mode": "long",
#   "cpu": "host"
# }
main:
  mov rax, cr0
  bts rax, 32
  FAULTS "CR0 bit 32", 13, 0, "mov cr0, rax"
  mov rax, cr0
  btr rax, 0
  FAULTS "CR0.PE off with PG on", 13, 0, "mov cr0, rax"
  mov rax, cr0
  bts rax, 29
  FAULTS "CR0.NW without CD", 13, 0, "mov cr0, rax"
  mov rbx, cr0
  mov rax, rbx
  bts rax, 6
  WORKS "undefined low bits of CR0 are ignored", "mov cr0, rax"
  mov rax, cr0
  EXPECT "and read as zero", rax, rbx
  mov rbx, cr4
  mov rax, rbx
  bts rax, 31
  FAULTS "CR4 bit 31", 13, 0, "mov cr4, rax"
  mov rax, rbx
  bts rax, 15
  FAULTS "CR4 bit 15", 13, 0, "mov cr4, rax"
  mov rax, rbx
  btr rax, 5
  FAULTS "CR4.PAE off in IA-32e mode", 13, 0, "mov cr4, rax"
  mov rax, cr4
  EXPECT "CR4 unchanged", rax, rbx
  mov rax, cr3
  bts rax, 52
  FAULTS "CR3 reserved bit 52", 13, 0, "mov cr3, rax"
  mov rax, cr3
  bts rax, 63
  FAULTS "CR3 bit 63 without PCIDE", 13, 0, "mov cr3, rax"
  FAULTS "MOV CR1", 6, 0, ".byte 0x0f, 0x20, 0xc8"
  FAULTS "MOV CR9", 6, 0, ".byte 0x44, 0x0f, 0x20, 0xc8"
  FAULTS "MOV DR8", 6, 0, ".byte 0x44, 0x0f, 0x21, 0xc0"
  mov rax, 0x100000000
  FAULTS "DR6 upper half", 13, 0, "mov dr6, rax"
  FAULTS "DR7 upper half", 13, 0, "mov dr7, rax"
  # MSRs
  mov ecx, 0x12345678
  FAULTS "RDMSR of nothing", 13, 0, "rdmsr"
  FAULTS "WRMSR of nothing", 13, 0, "wrmsr"
  READ_MSR MSR_EFER
  EXPECT "EFER", rax, EFER_LME | EFER_LMA
  mov rbx, rax
  bts eax, 2
  xor edx, edx
  FAULTS "EFER reserved bit", 13, 0, "wrmsr"
  mov eax, EFER_LMA
  FAULTS "EFER.LME off with paging on", 13, 0, "wrmsr"
  mov ecx, 0x277
  mov eax, 0x02
  FAULTS "PAT type 2", 13, 0, "wrmsr"
  mov ecx, 0x2ff
  mov eax, 2
  FAULTS "MTRR default type 2", 13, 0, "wrmsr"
  mov ecx, 0xfe
  FAULTS "MTRRcap is read-only", 13, 0, "wrmsr"
  WRITE_MSR 0xc0000103, 0x1234
  rdtscp
  EXPECT "RDTSCP: ECX is TSC_AUX", rcx, 0x1234
  # TSC
  rdtsc
  shl rdx, 32
  or rax, rdx
  mov rbx, rax
  rdtsc
  shl rdx, 32
  or rax, rdx
  cmp rax, rbx
  seta al
  movzx eax, al
  EXPECT "TSC advances", rax, 1
  WRITE_MSR 0x10, 0x7000000000000000
  rdtsc
  shr edx, 28
  EXPECT "TSC written", rdx, 7
  # XCR0
  xor ecx, ecx
  FAULTS "XGETBV without OSXSAVE", 6, 0, "xgetbv"
  mov eax, 1
  cpuid
  shr ecx, 27
  and ecx, 1
  EXPECT "CPUID.OSXSAVE follows CR4: off", rcx, 0
  SET_CR4 CR4_OSXSAVE
  mov eax, 1
  cpuid
  shr ecx, 27
  and ecx, 1
  EXPECT "CPUID.OSXSAVE follows CR4: on", rcx, 1
  xor ecx, ecx
  xgetbv
  EXPECT "XCR0 after reset", rax, 1
  xor edx, edx
  mov eax, 0
  FAULTS "XCR0 without x87", 13, 0, "xsetbv"
  mov eax, 5
  FAULTS "XCR0: AVX without SSE", 13, 0, "xsetbv"
  mov eax, 0x10000003
  FAULTS "XCR0: unknown component", 13, 0, "xsetbv"
  mov ecx, 2
  mov eax, 3
  FAULTS "XCR2", 13, 0, "xsetbv"
  xor ecx, ecx
  WORKS "XCR0 = 3", "xsetbv"
  USER_FAULTS "XSETBV at CPL 3", 13, 0, "xsetbv"
  # UMIP
  SET_CR4 CR4_UMIP
  USER_FAULTS "UMIP: SGDT", 13, 0, "sgdt [rax]"
  USER_FAULTS "UMIP: SIDT", 13, 0, "sidt [rax]"
  USER_FAULTS "UMIP: SLDT", 13, 0, "sldt eax"
  USER_FAULTS "UMIP: STR", 13, 0, "str eax"
  USER_FAULTS "UMIP: SMSW", 13, 0, "smsw eax"
  WORKS "UMIP does not bind CPL 0", "sgdt [scratch]"
  CLEAR_CR4 CR4_UMIP
  # RDPMC, RDTSC at CPL 3
  SET_CR4 CR4_TSD
  USER_FAULTS "RDTSC with TSD", 13, 0, "rdtsc"
  USER_FAULTS "RDTSCP with TSD", 13, 0, "rdtscp"
  # Alignment check
  CLEAR_CR4 CR4_TSD
  SET_CR0 CR0_AM
  mov ebx, offset scratch + USER
  CALL_USER unaligned, FL_AC | 2
  EXPECT "AC at CPL 3", [exc_vector], 17
  EXPECT "AC: error code", [exc_code], 0
  CALL_USER unaligned, 2
  EXPECT "without EFLAGS.AC", [exc_vector], 0x80
  pushfq
  or qword ptr [rsp], FL_AC
  popfq
  WORKS "no alignment check at CPL 0", "mov eax, [scratch + 1]"
  pushfq
  and qword ptr [rsp], ~FL_AC
  popfq
  PASS
unaligned:
  mov eax, [rbx]
  mov eax, [rbx + 1]
  int 0x80
