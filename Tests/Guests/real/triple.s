# {
#   "description": "A fault without a usable IVT is a triple fault: the processor shuts down",
#   "spec": "SDM 3A 6.15, 20.1.4",
#   "mode": "real",
#   "exit": "shutdown"
# }
main:
  lidt [no_idt]
  ud2
  FAIL "executed behind a triple fault"
.section .data
no_idt: .word 0
  .long 0
