# {
#   "description": "RDRAND and RDSEED: carry, the other flags, operand sizes, no memory form",
#   "spec": "SDM 2 RDRAND, RDSEED",
#   "mode": "long",
#   "needs": ["rdrand", "rdseed"]
# }
# DELIVERS "what", "instruction": tried until it delivers; al = whether it did.
.macro DELIVERS what:req, insn:req
  mov ecx, 100000
.Lagain\@: \insn
  jc .Ldone\@
  pause
  dec ecx
  jnz .Lagain\@
  clc
.Ldone\@:
  pushfq
  pop rdx
  mov eax, edx
  and eax, 0x8d5
  EXPECT "\what: carry and no other flag", rax, FL_CF
.endm
main:
  mov rbx, -1
  DELIVERS "RDRAND, 32 bits", "rdrand ebx"
  mov rax, rbx
  shr rax, 32
  EXPECT "RDRAND, 32 bits: the upper half is zero", rax, 0
  mov rbx, 0x1122334455660000
  DELIVERS "RDRAND, 16 bits", "rdrand bx"
  mov rax, rbx
  shr rax, 16
  EXPECT "RDRAND, 16 bits: the rest stays", rax, 0x112233445566
  DELIVERS "RDRAND", "rdrand rbx"
  DELIVERS "RDRAND again", "rdrand rsi"
  xor eax, eax
  cmp rbx, rsi
  sete al
  EXPECT "two numbers differ", rax, 0
  mov rbx, -1
  DELIVERS "RDSEED, 32 bits", "rdseed ebx"
  mov rax, rbx
  shr rax, 32
  EXPECT "RDSEED, 32 bits: the upper half is zero", rax, 0
  DELIVERS "RDSEED", "rdseed rbx"
  DELIVERS "RDSEED again", "rdseed rsi"
  xor eax, eax
  cmp rbx, rsi
  sete al
  EXPECT "two seeds differ", rax, 0
  FAULTS "LOCK RDRAND", 6, 0, ".byte 0xf0, 0x0f, 0xc7, 0xf0"
  PASS
