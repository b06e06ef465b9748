# {
#   "description": "protection keys: access and write disable for user pages, CR0.WP, supervisor pages, fetches, WRPKRU's faults",
#   "spec": "SDM 3A 4.6.2, 2.7; SDM 2 RDPKRU, WRPKRU",
#   "mode": "long",
#   "cpu": "host,+pku"
# }
# The user's map of LAB: key 1.
.set KEYED, USER + LAB
.macro SET_PKRU value:req
  mov eax, \value
  xor ecx, ecx
  xor edx, edx
  wrpkru
.endm
main:
  FAULTS "RDPKRU without CR4.PKE", 6, 0, "rdpkru"
  FAULTS "WRPKRU without CR4.PKE", 6, 0, "wrpkru"
  SET_CR4 CR4_PKE
  mov eax, 7
  xor ecx, ecx
  cpuid
  and ecx, 0x18
  EXPECT "CPUID shows PKU and OSPKE", rcx, 0x18
  mov rdx, -1
  xor ecx, ecx
  rdpkru
  EXPECT "PKRU after reset", rax, 0
  EXPECT "RDPKRU clears RDX", rdx, 0
  mov ecx, 1
  FAULTS "RDPKRU with ECX", 13, 0, "rdpkru"
  xor edx, edx
  FAULTS "WRPKRU with ECX", 13, 0, "wrpkru"
  xor ecx, ecx
  mov edx, 1
  FAULTS "WRPKRU with EDX", 13, 0, "wrpkru"
  mov dword ptr [USER_PD + 8 + 4], 0x08000000
  mov rax, cr3
  mov cr3, rax
  USER_WORKS "all rights", "mov eax, [KEYED]"
  # AD of key 1
  SET_PKRU 4
  xor ecx, ecx
  rdpkru
  EXPECT "PKRU reads back", rax, 4
  USER_FAULTS "access disabled, read", 14, 0x25, "mov eax, [KEYED]"
  USER_FAULTS "access disabled, write", 14, 0x27, "mov [KEYED], eax"
  FAULTS "access disabled, supervisor", 14, 0x21, "mov eax, [KEYED]"
  USER_WORKS "another key", "mov eax, [USER + 0x400000]"
  WORKS "a supervisor page has no key", "mov eax, [LAB]"
  mov word ptr [LAB], 0x80cd              # int 80h
  CALL_USER LAB
  EXPECT "fetches are not checked", [exc_vector], 0x80
  # WD of key 1
  SET_PKRU 8
  USER_WORKS "write disabled, read", "mov eax, [KEYED]"
  USER_FAULTS "write disabled, write", 14, 0x27, "mov [KEYED], eax"
  WORKS "write disabled, supervisor without WP", "mov dword ptr [KEYED + 8], 1"
  SET_CR0 CR0_WP
  FAULTS "write disabled, supervisor with WP", 14, 0x23, "mov dword ptr [KEYED + 8], 1"
  # Page rights come first: their faults name no key.
  mov dword ptr [USER_PD + 8], 0x200085
  mov rax, cr3
  mov cr3, rax
  USER_FAULTS "a read-only page is that as well", 14, 0x27, "mov [KEYED], eax"
  SET_PKRU 0
  USER_FAULTS "a read-only page with all rights of its key", 14, 7, "mov [KEYED], eax"
  SET_PKRU 4
  CLEAR_CR4 CR4_PKE
  USER_WORKS "without CR4.PKE keys mean nothing", "mov eax, [KEYED]"
  PASS
