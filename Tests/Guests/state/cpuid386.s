# {
#   "description": "Profile 386: no CPUID, no EFLAGS.ID and AC, none of the instructions and control bits that came later",
#   "spec": "SDM 1 20, SDM 2",
#   "mode": "protected",
#   "cpu": "386"
# }
main:
  FAULTS "CPUID", 6, 0, "cpuid"
  FAULTS "RDTSC", 6, 0, "rdtsc"
  FAULTS "RDMSR", 6, 0, "rdmsr"
  FAULTS "CMPXCHG", 6, 0, "cmpxchg ebx, ecx"
  FAULTS "XADD", 6, 0, "xadd ebx, ecx"
  FAULTS "BSWAP", 6, 0, "bswap eax"
  FAULTS "INVLPG", 6, 0, "invlpg [0]"
  FAULTS "WBINVD", 6, 0, "wbinvd"
  FAULTS "CMOVZ", 6, 0, "cmovz eax, ebx"
  FAULTS "CMPXCHG8B", 6, 0, "cmpxchg8b [scratch]"
  FAULTS "SYSENTER", 6, 0, "sysenter"
  FAULTS "RSM", 6, 0, "rsm"
  FAULTS "EMMS", 6, 0, "emms"
  FAULTS "XORPS", 6, 0, "xorps xmm0, xmm0"
  FAULTS "POPCNT", 6, 0, "popcnt eax, ebx"
  pushfd
  pop eax
  or eax, FL_ID | FL_AC
  push eax
  popfd
  pushfd
  pop eax
  and eax, FL_ID | FL_AC
  EXPECT "EFLAGS.ID and AC stay clear", eax, 0
  WORKS "SHLD", "shld eax, ebx, 4"
  WORKS "BSF", "bsf eax, ebx"
  PASS
