# {
#   "description": "Instructions that need CPL 0 or IOPL, run at CPL 3; I/O permission bitmap",
#   "spec": "SDM 3A 5.9, SDM 1 19.5",
#   "mode": "protected"
# }
main:
  USER_FAULTS "HLT", 13, 0, "hlt"
  USER_FAULTS "CLTS", 13, 0, "clts"
  USER_FAULTS "INVD", 13, 0, "invd"
  USER_FAULTS "WBINVD", 13, 0, "wbinvd"
  USER_FAULTS "INVLPG", 13, 0, "invlpg [eax]"
  USER_FAULTS "MOV from CR0", 13, 0, "mov eax, cr0"
  USER_FAULTS "MOV to CR3", 13, 0, "mov cr3, eax"
  USER_FAULTS "MOV from DR7", 13, 0, "mov eax, dr7"
  USER_FAULTS "LMSW", 13, 0, "lmsw ax"
  USER_FAULTS "LGDT", 13, 0, "lgdt [gdtr]"
  USER_FAULTS "LIDT", 13, 0, "lidt [idtr]"
  USER_FAULTS "LLDT", 13, 0, "lldt ax"
  USER_FAULTS "LTR", 13, 0, "ltr ax"
  USER_FAULTS "RDMSR", 13, 0, "rdmsr"
  USER_FAULTS "WRMSR", 13, 0, "wrmsr"
  USER_FAULTS "CLI", 13, 0, "cli"
  USER_FAULTS "STI", 13, 0, "sti"
  USER_WORKS "SGDT without UMIP", "sgdt [scratch]"
  USER_WORKS "SMSW without UMIP", "smsw eax"
  USER_WORKS "STR without UMIP", "str eax"
  USER_WORKS "RDTSC without TSD", "rdtsc"
  SET_CR4 CR4_TSD
  USER_FAULTS "RDTSC with TSD", 13, 0, "rdtsc"
  WORKS "RDTSC with TSD at CPL 0", "rdtsc"
  CLEAR_CR4 CR4_TSD
  USER_FAULTS "RDPMC without PCE", 13, 0, "rdpmc"
  # INT through a gate with DPL 0
  USER_FAULTS "INT n, gate with DPL 0", 13, (0x40 << 3) | 2, "int 0x40"
  USER_FAULTS "INT3, gate with DPL 0", 13, (3 << 3) | 2, "int3"
  FAULTS "inner frame has no ESP", 6, 0, "ud2"
  USER_FAULTS "UD2 at CPL 3", 6, 0, "ud2"
  EXPECT "pushed CS", [exc_cs], "(SEL_UCODE32)"
  EXPECT "pushed SS", [exc_ss], "(SEL_UDATA)"
  EXPECT "pushed ESP", [exc_sp], "offset user_stack_top"
  EXPECT "handler's SS", [exc_entry_ss], SEL_DATA
  # the stub pushed two more
  EXPECT "handler's ESP", [exc_entry_sp], "offset inner_stack_top - 28"
  # I/O permission
  mov dword ptr [tss_iomap], 0
  mov word ptr [tss + 0x66], 0x68
  USER_WORKS "port 0, bit clear", "in al, 0"
  mov dword ptr [tss_iomap], 0x00000002
  USER_FAULTS "port 1, bit set", 13, 0, "in al, 1"
  USER_WORKS "port 2", "in al, 2"
  mov dword ptr [tss_iomap], 0x00000100
  mov word ptr [tss + 0x66], 0x68
  USER_WORKS "map below: port 0", "in al, 0"
  USER_FAULTS "port 8", 13, 0, "in al, 8"
  USER_FAULTS "word at port 7 covers port 8", 13, 0, "in ax, 7"
  USER_WORKS "doubleword at port 4", "in eax, 4"
  USER_FAULTS "doubleword at port 5 covers port 8", 13, 0, "in eax, 5"
  USER_FAULTS "OUT follows the same rule", 13, 0, "out 8, al"
  mov edx, 8 * (tss_end - tss_iomap)
  USER_FAULTS "port beyond the limit of the TSS", 13, 0, "in al, dx"
  mov edx, 0xffff
  USER_FAULTS "port FFFFh", 13, 0, "in al, dx"
  mov word ptr [tss + 0x66], tss_end - tss
  USER_FAULTS "map at the limit", 13, 0, "in al, 0"
  # IOPL 3 allows all of it.
  CALL_USER io_user, 0x3002
  EXPECT "IOPL 3: IN, OUT, CLI, STI", [exc_vector], 0x80
  mov eax, [exc_flags]
  and eax, 0x3200
  EXPECT "IF and IOPL at the end", eax, 0x3200
  CALL_USER popf_user
  EXPECT "POPF at CPL 3", [exc_vector], 0x80
  mov eax, [exc_flags]
  and eax, 0x3200
  EXPECT "POPF leaves IOPL and IF", eax, 0
  PASS
io_user:
  cli
  in al, 8
  in eax, dx
  sti
  int 0x80
popf_user:
  push 0x3202
  popfd
  int 0x80
