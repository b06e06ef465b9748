# {
#   "description": "x87 and SSE gating: #NM by TS, EM, MP; #MF with NE, #UD and #XM by CR4; XSAVE areas and #GP; lazily pending x87 faults",
#   "spec": "SDM 3A 2.5, 13; SDM 1 13",
#   "mode": "long",
#   "cpu": "host"
# }
main:
  WORKS "FNINIT", "fninit"
  SET_CR0 CR0_TS
  FAULTS "x87 with TS", 7, 0, "fld1"
  WORKS "WAIT with TS, without MP", "fwait"
  SET_CR0 CR0_MP
  FAULTS "WAIT with TS and MP", 7, 0, "fwait"
  FAULTS "MMX with TS", 7, 0, "paddb mm0, mm1"
  SET_CR4 CR4_OSFXSR
  FAULTS "SSE with TS", 7, 0, "addps xmm0, xmm1"
  FAULTS "FXSAVE with TS", 7, 0, "fxsave [area]"
  WORKS "PREFETCH with TS", "prefetcht0 [area]"
  WORKS "MOVNTI with TS", "movnti [area], eax"
  WORKS "SFENCE with TS", "sfence"
  clts
  WORKS "x87 after CLTS", "fld1"
  SET_CR0 CR0_EM
  FAULTS "x87 with EM", 7, 0, "fld1"
  FAULTS "MMX with EM", 6, 0, "paddb mm0, mm1"
  FAULTS "SSE with EM", 6, 0, "addps xmm0, xmm1"
  CLEAR_CR0 CR0_EM
  CLEAR_CR4 CR4_OSFXSR
  FAULTS "SSE without OSFXSR", 6, 0, "addps xmm0, xmm1"
  WORKS "MMX without OSFXSR", "paddb mm0, mm1"
  SET_CR4 CR4_OSFXSR
  WORKS "SSE with OSFXSR", "addps xmm0, xmm1"
  # x87 exceptions are raised by the next waiting instruction.
  fninit
  push 0x033b                       # divide by zero unmasked
  fldcw [rsp]
  pop rax
  fld1
  fldz
  WORKS "FDIV by zero itself", "fdivp st(1), st"
  FAULTS "next x87 instruction", 16, 0, "fld1"
  FAULTS "FWAIT", 16, 0, "fwait"
  WORKS "FNSTSW does not wait", "fnstsw ax"
  and eax, 4
  EXPECT "ZE in the status word", rax, 4
  WORKS "FNCLEX", "fnclex"
  WORKS "after FNCLEX", "fld1"
  fninit
  # SIMD exceptions
  mov dword ptr [scratch], 0x1d80   # divide by zero unmasked
  ldmxcsr [scratch]
  xorps xmm1, xmm1
  mov eax, 0x3f800000
  movd xmm0, eax
  FAULTS "DIVSS by zero without OSXMMEXCPT", 6, 0, "divss xmm0, xmm1"
  SET_CR4 CR4_OSXMMEXCPT
  FAULTS "DIVSS by zero", 19, 0, "divss xmm0, xmm1"
  movd ebx, xmm0
  EXPECT "destination unchanged", rbx, 0x3f800000
  stmxcsr [scratch]
  mov eax, [scratch]
  EXPECT "MXCSR.ZE", rax, 0x1d84
  mov dword ptr [scratch], 0x10000
  FAULTS "LDMXCSR of a reserved bit", 13, 0, "ldmxcsr [scratch]"
  mov dword ptr [scratch], 0x1f80
  ldmxcsr [scratch]
  FAULTS "MOVAPS unaligned", 13, 0, "movaps xmm0, [area + 8]"
  WORKS "MOVUPS unaligned", "movups xmm0, [area + 8]"
  FAULTS "FXSAVE unaligned", 13, 0, "fxsave [area + 8]"
  # A fault in the middle: the page behind is absent.
  mov qword ptr [LAB_PT + 8], 0
  invlpg [LAB + 0x1000]
  FAULTS "MOVUPS across into an absent page", 14, 0, "movups xmm0, [LAB + 0xff8]"
  EXPECT "CR2", [exc_cr2], LAB + 0x1000
  FAULTS "FLD m80 across", 14, 0, "fld tbyte ptr [LAB + 0xffa]"
  FAULTS "FSTP m80 across", 14, 2, "fstp tbyte ptr [LAB + 0xffa]"
  FAULTS "MOVUPS store across", 14, 2, "movups [LAB + 0xff8], xmm0"
  # XSAVE
  FAULTS "XSAVE without OSXSAVE", 6, 0, "xsave [area]"
  SET_CR4 CR4_OSXSAVE
  FAULTS "VADDPS without XCR0", 6, 0, "vaddps ymm0, ymm1, ymm2"
  xor ecx, ecx
  xor edx, edx
  mov eax, 3
  xsetbv
  FAULTS "AVX with XCR0 = 3", 6, 0, "vaddps ymm0, ymm1, ymm2"
  mov eax, 7
  xsetbv
  WORKS "AVX with XCR0 = 7", "vaddps ymm0, ymm1, ymm2"
  mov eax, 0x11111111
  movd xmm3, eax
  mov eax, -1
  mov edx, -1
  WORKS "XSAVE", "xsave [area]"
  xorps xmm3, xmm3
  mov eax, 2
  xor edx, edx
  WORKS "XRSTOR of SSE", "xrstor [area]"
  movd eax, xmm3
  EXPECT "XMM3 restored", rax, 0x11111111
  mov rax, [area + 512]
  and eax, 2
  EXPECT "XSTATE_BV has SSE", rax, 2
  mov qword ptr [area + 512], 0
  mov eax, 2
  WORKS "XRSTOR with XSTATE_BV 0", "xrstor [area]"
  movd eax, xmm3
  EXPECT "XMM3 initialised", rax, 0
  mov eax, 2
  bts qword ptr [area + 512], 40
  FAULTS "XRSTOR: XSTATE_BV outside XCR0", 13, 0, "xrstor [area]"
  btr qword ptr [area + 512], 40
  mov qword ptr [area + 528], 1
  FAULTS "XRSTOR: header bytes 16...23 not zero", 13, 0, "xrstor [area]"
  mov qword ptr [area + 528], 0
  FAULTS "XSAVE unaligned to 64", 13, 0, "xsave [area + 32]"
  SET_CR0 CR0_TS
  FAULTS "XSAVE with TS", 7, 0, "xsave [area]"
  FAULTS "AVX with TS", 7, 0, "vaddps ymm0, ymm1, ymm2"
  clts
  PASS
.section .bss
.balign 64
area: .skip 4096
