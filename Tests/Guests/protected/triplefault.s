# {
#   "description": "A fault while delivering a double fault shuts the processor down",
#   "spec": "SDM 3A 6.15",
#   "mode": "protected",
#   "exit": "shutdown"
# }
main:
  mov byte ptr [idt + 13 * 8 + 5], 0x0e
  mov byte ptr [idt + 8 * 8 + 5], 0x0e
  mov ax, 0x3f8
  mov fs, ax
  FAIL "executed behind a triple fault"
