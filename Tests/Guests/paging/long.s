# {
#   "description": "4-level paging: rights at every level, NX, 1 GiB and 2 MiB pages, reserved bits, canonical addresses, SMEP, SMAP, protection keys, PCID",
#   "spec": "SDM 3A 4.5, 4.6, 4.10",
#   "mode": "long",
#   "cpu": "host"
# }
main:
  WORKS "lab page", "mov eax, [LAB]"
  and qword ptr [LAB_PT], ~1
  invlpg [LAB]
  FAULTS "not present", 14, 0, "mov eax, [LAB + 8]"
  EXPECT "CR2", [exc_cr2], LAB + 8
  or qword ptr [LAB_PT], 1
  # CR2 has 64 bits.
  mov rbx, 0xffff800012345678
  FAULTS "upper half", 14, 2, "mov [rbx], eax"
  EXPECT "CR2 of an upper-half address", [exc_cr2], rbx
  # Canonical
  mov rbx, 0x0000800000000000
  FAULTS "non-canonical load", 13, 0, "mov eax, [rbx]"
  FAULTS "non-canonical store", 13, 0, "mov [rbx], eax"
  mov rbx, 0x00007ffffffffffe
  TRY "mov eax, [rbx]"
  EXPECT "load across the canonical boundary", [exc_vector], 13
  mov rbp, 0x0000800000000000
  FAULTS "non-canonical through RBP is #SS", 12, 0, "mov eax, [rbp]"
  mov rsi, rsp
  mov byte ptr [idt + 12 * 16 + 4], 1
  mov rsp, 0x0000800000000000
  mov qword ptr [recover], offset 1f
  mov [saved_sp], rsi
  pop rax
1: mov rsp, rsi
  mov byte ptr [idt + 12 * 16 + 4], 0
  EXPECT "POP with non-canonical RSP", [exc_vector], 12
  # NX
  READ_MSR MSR_EFER
  or rax, EFER_NXE
  WRITE_MSR MSR_EFER, rax
  bts qword ptr [LAB_PT], 63
  invlpg [LAB]
  WORKS "NX page: data", "mov eax, [LAB]"
  mov eax, LAB
  mov qword ptr [recover], offset 1f
  mov [saved_sp], rsp
  jmp rax
1: EXPECT "NX page: fetch", [exc_code], 0x11
  EXPECT "NX page: saved RIP", [exc_ip], LAB
  btr qword ptr [LAB_PT], 63
  bts qword ptr [PD + 8], 63
  mov rax, cr3
  mov cr3, rax
  mov eax, LAB
  mov qword ptr [recover], offset 1f
  jmp rax
1: EXPECT "NX in the directory counts", [exc_code], 0x11
  btr qword ptr [PD + 8], 63
  mov rax, cr3
  mov cr3, rax
  # Reserved bits
  bts qword ptr [LAB_PT + 8], 51
  FAULTS "reserved bit of a PTE", 14, 9, "mov eax, [LAB + 0x1000]"
  btr qword ptr [LAB_PT + 8], 51
  mov qword ptr [PML4 + 8], PDPT + 0x87
  mov rbx, 0x8000000000
  FAULTS "PS in a PML4 entry is reserved", 14, 9, "mov eax, [rbx]"
  mov qword ptr [PML4 + 8], PDPT + 7
  WORKS "without PS", "mov eax, [rbx]"
  mov qword ptr [PDPT + 16], 0x83
  mov ebx, 0x80000000 + LAB
  mov dword ptr [LAB], 0x1616
  mov eax, [rbx]
  EXPECT "1 GiB page", rax, 0x1616
  mov qword ptr [PDPT + 24], 0x20000083
  mov ebx, 0xc0000000
  FAULTS "1 GiB page: bit 29 is reserved", 14, 9, "mov eax, [rbx]"
  # Write protection
  and qword ptr [LAB_PT + 16], ~2
  invlpg [LAB + 0x2000]
  WORKS "read-only page without WP", "mov [LAB + 0x2000], eax"
  SET_CR0 CR0_WP
  FAULTS "read-only page with WP", 14, 3, "mov [LAB + 0x2000], eax"
  # SMEP: user pages lie at USER.
  mov eax, offset ret_instruction + USER
  WORKS "supervisor runs a user page without SMEP", "call rax"
  SET_CR4 CR4_SMEP
  mov qword ptr [recover], offset 1f
  mov [saved_sp], rsp
  mov eax, offset ret_instruction + USER
  jmp rax
1: EXPECT "SMEP: vector", [exc_vector], 14
  EXPECT "SMEP: error code", [exc_code], 0x11
  EXPECT "SMEP: CR2", [exc_cr2], "offset ret_instruction + USER"
  CLEAR_CR4 CR4_SMEP
  # SMAP
  mov ebx, offset scratch + USER
  WORKS "supervisor reads a user page without SMAP", "mov eax, [rbx]"
  SET_CR4 CR4_SMAP
  FAULTS "SMAP: read", 14, 1, "mov eax, [rbx]"
  FAULTS "SMAP: write", 14, 3, "mov [rbx], eax"
  stac
  WORKS "SMAP: with AC", "mov eax, [rbx]"
  pushfq
  pop rax
  and eax, FL_AC
  EXPECT "STAC sets AC", rax, FL_AC
  clac
  FAULTS "SMAP: after CLAC", 14, 1, "mov eax, [rbx]"
  USER_WORKS "SMAP does not bind user code", "mov eax, [rbx]"
  CLEAR_CR4 CR4_SMAP
  # Protection keys: key 1 on a user page of the lab
  mov qword ptr [USER_PD + 8], 0x200087
  bts qword ptr [USER_PD + 8], 59
  SET_CR4 CR4_PKE
  mov ebx, LAB + USER
  xor ecx, ecx
  xor edx, edx
  xor eax, eax
  wrpkru
  WORKS "PKRU 0: read", "mov eax, [rbx]"
  mov eax, 4
  wrpkru
  FAULTS "access disabled: supervisor read of a user page", 14, 0x21, "mov eax, [rbx]"
  USER_FAULTS "access disabled: user read", 14, 0x25, "mov eax, [rbx]"
  USER_FAULTS "access disabled: user write", 14, 0x27, "mov [rbx], eax"
  WORKS "supervisor pages have no keys", "mov eax, [LAB + 0x3000]"
  mov eax, 8
  wrpkru
  WORKS "write disabled: read", "mov eax, [rbx]"
  USER_FAULTS "write disabled: user write", 14, 0x27, "mov [rbx], eax"
  FAULTS "write disabled: supervisor write with WP", 14, 0x23, "mov [rbx], eax"
  CLEAR_CR0 CR0_WP
  WORKS "write disabled: supervisor write without WP", "mov [rbx], eax"
  rdpkru
  EXPECT "RDPKRU", rax, 8
  mov ecx, 1
  FAULTS "WRPKRU with ECX = 1", 13, 0, "wrpkru"
  CLEAR_CR4 CR4_PKE
  FAULTS "RDPKRU without PKE", 6, 0, "rdpkru"
  # PCID and INVPCID
  mov eax, PML4 + 1
  mov rdx, cr4
  or edx, CR4_PCIDE
  mov rcx, cr3
  mov cr3, rax
  FAULTS "PCIDE while CR3[11:0] is not 0", 13, 0, "mov cr4, rdx"
  mov cr3, rcx
  WORKS "PCIDE", "mov cr4, rdx"
  mov rax, cr0
  btr rax, 31
  FAULTS "PG off in 64-bit mode", 13, 0, "mov cr0, rax"
  mov eax, PML4 + 5
  mov cr3, rax
  mov eax, [LAB + 0x4000]
  mov rax, PML4 + 6
  mov cr3, rax
  mov qword ptr [LAB_PT + 8 * 4], 0
  mov qword ptr [scratch], 5
  mov qword ptr [scratch + 8], LAB + 0x4000
  mov ecx, 0
  invpcid rcx, [scratch]
  mov rax, PML4 + 5
  bts rax, 63
  mov cr3, rax
  FAULTS "INVPCID of one address took it from PCID 5", 14, 0, "mov eax, [LAB + 0x4000]"
  mov qword ptr [LAB_PT + 8 * 4], LAB + 0x4003
  mov rax, cr3
  EXPECT "bit 63 of CR3 is not kept", rax, PML4 + 5
  mov ecx, 4
  FAULTS "INVPCID type 4", 13, 0, "invpcid rcx, [scratch]"
  mov qword ptr [scratch], 0x1000
  mov ecx, 1
  FAULTS "INVPCID with a PCID of 13 bits", 13, 0, "invpcid rcx, [scratch]"
  mov qword ptr [scratch], 0
  mov ecx, 2
  WORKS "INVPCID all", "invpcid rcx, [scratch]"
  USER_FAULTS "INVPCID at CPL 3", 13, 0, "invpcid rcx, [scratch]"
  PASS
ret_instruction: ret
