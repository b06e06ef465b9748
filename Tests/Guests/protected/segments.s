# {
#   "description": "Limits, types and null selectors of data segments: #GP, #SS, #NP and their error codes",
#   "spec": "SDM 3A 5.3 to 5.6",
#   "mode": "protected"
# }
.set BYTES, SEL_FREE
.set PAGES, SEL_FREE + 8
.set DOWN, SEL_FREE + 0x10
.set READONLY, SEL_FREE + 0x18
.set EXECONLY, SEL_FREE + 0x20
.set ABSENT, SEL_FREE + 0x28
.set DOWN16, SEL_FREE + 0x30
.set BIGDOWN, SEL_FREE + 0x38
.set NOTACCESSED, SEL_FREE + 0x40
.set EXECREAD, SEL_FREE + 0x48
.set SHORTSTACK, SEL_FREE + 0x50
.set ABSENTSS, SEL_FREE + 0x58
main:
  DESC BYTES, 0x200000, 0xfff, 0x93, 4
  DESC PAGES, 0x200000, 0, 0x93, 0xc
  DESC DOWN, 0x200000, 0xfff, 0x97, 4
  DESC READONLY, 0x200000, 0xfffff, 0x91, 0xc
  DESC EXECONLY, 0x200000, 0xfffff, 0x99, 0xc
  DESC ABSENT, 0x200000, 0xfffff, 0x13, 0xc
  DESC DOWN16, 0x200000, 0xfff, 0x97, 0
  DESC BIGDOWN, 0x200000, 0, 0x97, 0xc
  DESC NOTACCESSED, 0x200000, 0xfff, 0x92, 4
  DESC EXECREAD, 0x200000, 0xfffff, 0x9b, 0xc
  DESC ABSENTSS, 0, 0xfffff, 0x13, 0xc
  mov ax, BYTES
  mov fs, ax
  WORKS "last byte", "mov al, fs:[0xfff]"
  WORKS "last doubleword", "mov eax, fs:[0xffc]"
  FAULTS "doubleword across the limit", 13, 0, "mov eax, fs:[0xffd]"
  FAULTS "byte behind the limit", 13, 0, "mov al, fs:[0x1000]"
  FAULTS "store behind the limit", 13, 0, "mov fs:[0x1000], al"
  mov ebx, -1
  FAULTS "offset FFFFFFFFh", 13, 0, "mov ax, fs:[ebx]"
  mov ax, PAGES
  mov fs, ax
  WORKS "page granularity: limit 0 means FFFh", "mov al, fs:[0xfff]"
  FAULTS "page granularity: 1000h", 13, 0, "mov al, fs:[0x1000]"
  mov ax, DOWN
  mov fs, ax
  FAULTS "expand-down: at the limit", 13, 0, "mov al, fs:[0xfff]"
  WORKS "expand-down: above the limit", "mov al, fs:[0x1000]"
  FAULTS "expand-down: across the limit", 13, 0, "mov ax, fs:[0xfff]"
  mov ax, DOWN16
  mov fs, ax
  WORKS "16-bit expand-down: up to FFFFh", "mov al, fs:[0xffff]"
  FAULTS "16-bit expand-down: 10000h", 13, 0, "mov al, fs:[0x10000]"
  mov ax, BIGDOWN
  mov fs, ax
  FAULTS "expand-down with G: FFFh", 13, 0, "mov al, fs:[0xfff]"
  WORKS "expand-down with G: 1000h", "mov al, fs:[0x1000]"
  mov ax, READONLY
  mov fs, ax
  WORKS "read of read-only data", "mov al, fs:[0]"
  FAULTS "write of read-only data", 13, 0, "mov fs:[0], al"
  FAULTS "read-modify-write of read-only data", 13, 0, "add byte ptr fs:[0], 1"
  FAULTS "write to the code segment", 13, 0, "mov cs:[0x7c00], al"
  WORKS "read of the readable code segment", "mov al, cs:[0x7c00]"
  mov ax, EXECREAD
  WORKS "readable code in FS", "mov fs, ax"
  FAULTS "write of readable code in FS", 13, 0, "mov fs:[0], al"
  mov ax, EXECONLY
  FAULTS "execute-only code in FS", 13, EXECONLY, "mov fs, ax"
  mov ax, ABSENT
  FAULTS "segment not present", 11, ABSENT, "mov fs, ax"
  mov ax, 0x3f8
  FAULTS "selector beyond the GDT", 13, 0x3f8, "mov fs, ax"
  mov ax, 0x3fb
  FAULTS "error code drops RPL", 13, 0x3f8, "mov fs, ax"
  mov ax, 0xc
  FAULTS "LDT selector without an LDT", 13, 0xc, "mov fs, ax"
  mov ax, SEL_TSS
  FAULTS "system descriptor in FS", 13, SEL_TSS, "mov fs, ax"
  # Null selectors load, but do not work.
  xor eax, eax
  WORKS "null selector in FS", "mov fs, ax"
  FAULTS "use of null FS", 13, 0, "mov al, fs:[0]"
  mov ax, 3
  WORKS "null selector with RPL in GS", "mov gs, ax"
  FAULTS "use of null GS", 13, 0, "mov gs:[0], al"
  xor eax, eax
  FAULTS "null selector in SS", 13, 0, "mov ss, ax"
  mov ax, READONLY
  FAULTS "read-only data in SS", 13, READONLY, "mov ss, ax"
  mov ax, SEL_CODE32
  FAULTS "code in SS", 13, SEL_CODE32, "mov ss, ax"
  mov ax, ABSENTSS
  FAULTS "SS not present", 12, ABSENTSS, "mov ss, ax"
  mov ax, SEL_DATA | 3
  FAULTS "SS with RPL 3 at CPL 0", 13, SEL_DATA, "mov ss, ax"
  mov ax, SEL_UDATA
  FAULTS "SS with DPL 3 at CPL 0", 13, SEL_UDATA & ~3, "mov ss, ax"
  mov ax, SEL_UDATA
  WORKS "DS with DPL 3 at CPL 0", "mov fs, ax"
  # Accessed bit
  mov ax, NOTACCESSED
  mov fs, ax
  movzx eax, byte ptr [gdt + NOTACCESSED + 5]
  EXPECT "loading sets the accessed bit", eax, 0x93
  # #SS through SS
  DESC SHORTSTACK, 0, 0x1ffff, 0x93, 4
  mov ebx, esp
  mov ax, SHORTSTACK
  mov ss, ax
  mov esp, 0x6ff0
  FAULTS "limit through SS", 12, 0, "mov eax, ss:[0x1fffd]"
  mov ax, SEL_DATA
  mov ss, ax
  mov esp, ebx
  # POP into a segment register faults with ESP unchanged.
  push SEL_TSS
  mov edx, esp
  FAULTS "POP ES of a TSS", 13, SEL_TSS, "pop es"
  mov ecx, esp
  EXPECT "ESP after the fault", ecx, edx
  pop eax
  mov dword ptr [scratch], 0x1234
  mov word ptr [scratch + 4], ABSENT
  mov ebx, 7
  FAULTS "LFS of an absent segment", 11, ABSENT, "lfs ebx, [scratch]"
  EXPECT "LFS: register unchanged after the fault", ebx, 7
  PASS
