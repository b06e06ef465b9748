# {
#   "description": "LOCK is atomic between two processors: INC, XADD, CMPXCHG8B, CMPXCHG16B, BTS, XCHG spin lock, split across a cache line and a page",
#   "spec": "SDM 3A 8.1.2",
#   "mode": "long",
#   "cpus": 2,
#   "timeout": 60
# }
.set ROUNDS, 1000
main:
  START_AP 1, ap
1: cmp dword ptr [ready], 1
  pause
  jne 1b
  mov dword ptr [go], 1
  call work
  lock inc dword ptr [done]
1: cmp dword ptr [done], 2
  pause
  jne 1b
  mov eax, [counter]
  EXPECT "LOCK INC", rax, "2 * ROUNDS"
  mov eax, [counter_xadd]
  EXPECT "LOCK XADD", rax, "2 * ROUNDS"
  EXPECT "XADD results: sum of all", [sum], "(2 * ROUNDS) * (2 * ROUNDS - 1) / 2"
  EXPECT "LOCK CMPXCHG8B", [counter8], "2 * ROUNDS"
  EXPECT "LOCK CMPXCHG16B", [counter16], "2 * ROUNDS"
  EXPECT "LOCK CMPXCHG16B, high half", [counter16 + 8], "2 * ROUNDS"
  mov eax, [LAB + 0x7fe]
  EXPECT "split across a cache line", rax, "2 * ROUNDS"
  mov eax, [LAB + 0xffe]
  EXPECT "split across a page", rax, "2 * ROUNDS"
  mov eax, [guarded]
  EXPECT "XCHG spin lock", rax, "2 * ROUNDS"
  mov eax, [bits]
  EXPECT "LOCK BTS/BTR lock", rax, "2 * ROUNDS"
  PASS
ap:
  mov dword ptr [ready], 1
1: cmp dword ptr [go], 1
  pause
  jne 1b
  call work
  lock inc dword ptr [done]
1: hlt
  jmp 1b
work:
  mov r15d, ROUNDS
  xor r14, r14
2:
  lock inc dword ptr [counter]
  mov eax, 1
  lock xadd [counter_xadd], eax
  add r14, rax
  mov eax, [counter8]
  mov edx, [counter8 + 4]
3: mov ebx, eax
  mov ecx, edx
  add ebx, 1
  adc ecx, 0
  lock cmpxchg8b [counter8]
  jne 3b
  mov rax, [counter16]
  mov rdx, [counter16 + 8]
3: lea rbx, [rax + 1]
  lea rcx, [rdx + 1]
  lock cmpxchg16b [counter16]
  jne 3b
  lock inc dword ptr [LAB + 0x7fe]
  lock inc dword ptr [LAB + 0xffe]
3: mov eax, 1
  xchg [spinlock], eax
  test eax, eax
  jz 4f
  pause
  jmp 3b
4: inc dword ptr [guarded]
  mov dword ptr [spinlock], 0
3: lock bts dword ptr [bitlock], 5
  jnc 4f
  pause
  jmp 3b
4: inc dword ptr [bits]
  lock btr dword ptr [bitlock], 5
  dec r15d
  jnz 2b
  lock add [sum], r14
  ret
.section .bss
.balign 16
counter16: .skip 16
counter8: .skip 8
sum: .skip 8
counter: .skip 4
counter_xadd: .skip 4
ready: .skip 4
go: .skip 4
done: .skip 4
spinlock: .skip 4
guarded: .skip 4
bitlock: .skip 4
bits: .skip 4
