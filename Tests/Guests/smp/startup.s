# {
#   "description": "INIT and SIPI: state of an application processor at its first instruction; a second SIPI is ignored; INIT stops it",
#   "spec": "SDM 3A 8.4, 9.1",
#   "mode": "protected",
#   "cpus": 2
# }
main:
  # Start-up page 6: JMP FAR to the 16-bit code below.
  mov byte ptr [0x6000], 0xea
  mov word ptr [0x6001], offset ap16
  mov word ptr [0x6003], 0
  SIGNAL 1, SIG_STARTUP, 6
1: cmp dword ptr [flag], 1
  pause
  jne 1b
  EXPECT "CR0", [seen_cr0], 0x60000010
  EXPECT "DS", [seen_ds], 0xffff0000
  EXPECT "EFLAGS", [seen_flags], 2
  EXPECT "EAX", [seen_eax], 0
  mov eax, 1
  cpuid
  mov [signature], eax
  EXPECT "EDX is the signature", [seen_edx], [signature]
  # A SIPI to a running processor is ignored.
  SIGNAL 1, SIG_STARTUP, 7
  mov ecx, 20000
1: loop 1b
  mov eax, [flag]
  EXPECT "SIPI while running: ignored", eax, 1
  # INIT stops it: the counter stands still.
  SIGNAL 1, SIG_INIT
  mov ecx, 20000
1: pause
  loop 1b
  mov ebx, [ticks]
  mov ecx, 20000
1: loop 1b
  EXPECT "stopped by INIT", [ticks], ebx
  mov dword ptr [flag], 0
  SIGNAL 1, SIG_STARTUP, 6
1: cmp dword ptr [flag], 1
  pause
  jne 1b
  EXPECT "started again: CR0 keeps CD and NW as they were", [seen_cr0], 0x60000010
  PASS
.code16
ap16:
  mov dword ptr cs:[seen_eax], eax
  mov dword ptr cs:[seen_edx], edx
  mov ax, ds
  mov word ptr cs:[seen_ds], ax
  mov ax, 0
  mov ds, ax
  mov ss, ax
  mov sp, offset ap_stack_top
  pushfd
  pop eax
  mov [seen_flags], eax
  mov eax, cr0
  mov [seen_cr0], eax
  mov dword ptr [flag], 1
1: inc dword ptr [ticks]
  jmp 1b
.code32
.section .data
.balign 4
flag: .long 0
ticks: .long 0
seen_cr0: .long 0
seen_ds: .long -1
seen_flags: .long 0
seen_eax: .long -1
seen_edx: .long 0
signature: .long 0
