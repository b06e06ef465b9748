# {
#   "description": "fuzzos on the bare board: random port and MMIO accesses and random instructions; nothing may stop the processor",
#   "spec": "include/fuzzcore.inc",
#   "mode": "protected",
#   "memory": 8,
#   "timeout": 60
# }
main:
  mov dword ptr [fuzz_seed], 12345
  mov dword ptr [fuzz_rounds], 1500
  call fuzz_run
  mov eax, [fuzz_done]
  EXPECT "rounds", eax, 1500
  mov eax, [fuzz_faults]
  cmp eax, 200
  seta al
  movzx eax, al
  EXPECT "random instructions faulted often", eax, 1
  PASS
.include "fuzzcore.inc"
