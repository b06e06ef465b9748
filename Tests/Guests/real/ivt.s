# {
#   "description": "Interrupts and faults through the IVT: pushed frame, flags, short IVT limit",
#   "spec": "SDM 3A 20.1.4, 20.3",
#   "mode": "real"
# }
main:
  # INT n pushes FLAGS, CS and the IP behind it.
  stc
  sti
  TRY "int 0x41"
  cli
  EXPECT "INT n: vector", [exc_vector], 0x41
  mov eax, [exc_ip]
  sub eax, [tried]
  EXPECT "INT n: return IP is behind the instruction", eax, 2
  EXPECT "INT n: CS", [exc_cs], 0
  mov eax, [exc_flags]
  and eax, FL_IF | FL_CF
  EXPECT "INT n: pushed IF and CF", eax, FL_IF | FL_CF
  mov eax, [exc_entry_flags]
  and eax, FL_IF
  EXPECT "INT n: IF clear in handler", eax, 0
  movzx eax, word ptr [saved_sp]
  sub ax, [exc_entry_sp]
  EXPECT "INT n: six bytes pushed", eax, 6
  xor edx, edx
  FAULTS "divide by zero", 0, 0, "div dl"
  FAULTS "BOUND", 5, 0, "bound dx, [bounds]"
  FAULTS "UD2", 6, 0, "ud2"
  EXPECT "count of deliveries", [exc_count], 4
  # The IVT follows IDTR.
  lidt [short_idt]
  FAULTS "vector beyond the IDT limit is #GP", 13, 0, "int 0x21"
  lidt [moved_idt]
  mov word ptr [0x5000 + 3 * 4], offset breakpoint_handler
  mov word ptr [0x5000 + 3 * 4 + 2], 0
  xor ebx, ebx
  int3
  EXPECT "moved IVT", ebx, 77
  PASS
breakpoint_handler:
  mov ebx, 77
  iret
.section .data
bounds: .word 1, 2
short_idt: .word 20 * 4 + 3
  .long 0
moved_idt: .word 0x3ff
  .long 0x5000
