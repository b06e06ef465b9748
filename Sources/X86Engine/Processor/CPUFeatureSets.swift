import X86ISA

// What each profile offers. Levels as in the x86-64 psABI, section 3.1.1.
extension CPUProfile {
  /// Done in software in every executor, whatever the host has.
  static let software: Set<CPUFeature> = [
    .vme, .de, .pse, .tsc, .msr, .pae, .mce, .cx8, .apic, .sep, .mtrr, .pge, .mca, .cmov, .pat, .pse36, .clflush,
    .cx16, .pcid, .x2apic, .movbe, .popcnt, .tsc_deadline_timer, .xsave, .rdrand, .hypervisor, .fsgsbase,
    .tsc_adjust, .bmi1, .smep, .bmi2, .erms, .invpcid, .rdseed, .adx, .smap, .clflushopt, .clwb, .umip, .pku, .rdpid,
    .fsrm, .xsaveopt, .xsavec, .xgetbv1, .syscall, .nx, .pdpe1gb, .rdtscp, .lm, .lahf_lm, .cr8_legacy, .abm,
    ._3dnowprefetch, .nonstop_tsc, .arat, .null_sel_clr_base, .lfence_rdtsc, .autoibrs, .amd_ssb_no, .wbnoinvd, .clzero,
  ]
  /// In software too, but only when asked for.
  static let optional: Set<CPUFeature> = [
    .la57, .monitor, .serialize, .movdiri, .amd_ibpb, .amd_ibrs, .spec_ctrl, .arch_capabilities,
  ]

  static let avx512: Set<CPUFeature> = [
    .avx512f, .avx512dq, .avx512ifma, .avx512cd, .avx512bw, .avx512vl, .avx512vbmi, .avx512_vbmi2, .avx512_vnni,
    .avx512_bitalg, .avx512_vpopcntdq, .avx512_bf16, .avx512_vp2intersect,
  ]
  /// Executed by the host's own units: offered only where the host has them and its XCR0 lets them be used.
  static let hostBound: Set<CPUFeature> = avx512.union([
    .fpu, .mmx, .fxsr, .sse, .sse2, .pni, .ssse3, .sse4_1, .sse4_2, .pclmulqdq, .aes, .avx, .f16c, .fma, .avx2, .sha_ni,
    .gfni, .vaes, .vpclmulqdq, .avx_vnni, .mmxext, .sse4a, .misalignsse,
  ])

  static let pentium: Set<CPUFeature> = [.fpu, .vme, .de, .pse, .tsc, .msr, .mce, .cx8, .apic]
  static let v1: Set<CPUFeature> = pentium.union([
    .pae, .sep, .mtrr, .pge, .mca, .cmov, .pat, .pse36, .clflush, .mmx, .fxsr, .sse, .sse2, .syscall, .nx, .lm,
    .hypervisor,
    .x2apic, .tsc_deadline_timer, .arat, .nonstop_tsc, .rdtscp,
  ])
  static let v2: Set<CPUFeature> = v1.union([.cx16, .lahf_lm, .popcnt, .pni, .ssse3, .sse4_1, .sse4_2])
  static let v3: Set<CPUFeature> = v2.union([
    .avx, .avx2, .bmi1, .bmi2, .f16c, .fma, .abm, .movbe, .xsave, .xsaveopt, .xsavec, .xgetbv1, .fsgsbase, .smep, .erms,
    .invpcid, .pcid,
  ])
  static let v4: Set<CPUFeature> = v3.union([
    .avx512f, .avx512bw, .avx512cd, .avx512dq, .avx512vl, .smap, .rdseed, .adx, .clflushopt,
  ])
}
