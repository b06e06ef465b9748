# {
#   "description": "Profiles between 386 and x86-64: the 486 has CMPXCHG and BSWAP but no RDTSC; EFLAGS.ID toggles when there is CPUID",
#   "spec": "SDM 1 20.1.2",
#   "mode": "protected",
#   "cpu": "486"
# }
main:
  pushfd
  pop eax
  mov ebx, eax
  xor eax, FL_ID
  push eax
  popfd
  pushfd
  pop eax
  xor eax, ebx
  and eax, FL_ID
  EXPECT "EFLAGS.ID toggles", eax, FL_ID
  WORKS "CPUID", "xor eax, eax; cpuid"
  EXPECT "highest leaf", eax, 1
  WORKS "CMPXCHG", "cmpxchg ebx, ecx"
  WORKS "XADD", "xadd ebx, ecx"
  WORKS "BSWAP", "bswap eax"
  WORKS "INVLPG", "invlpg [0]"
  FAULTS "RDTSC", 6, 0, "rdtsc"
  FAULTS "RDMSR", 6, 0, "rdmsr"
  FAULTS "CMPXCHG8B", 6, 0, "cmpxchg8b [scratch]"
  FAULTS "CMOVZ", 6, 0, "cmovz eax, ebx"
  mov eax, CR4_PAE
  TRY "mov cr4, eax"
  EXPECT "CR4.PAE does not exist", [exc_vector], 13
  PASS
