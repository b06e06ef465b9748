/// Every CPUID feature bit the project knows, named as Linux names it in /proc/cpuinfo.
///
/// The raw value is the bit's address: index of its register in `CPUFeature.words` times 256, plus the bit number.
public enum CPUFeature: UInt16, Sendable, CaseIterable {
  // CPUID 1:EDX
  case fpu = 0x000
  case vme = 0x001
  case de = 0x002
  case pse = 0x003
  case tsc = 0x004
  case msr = 0x005
  case pae = 0x006
  case mce = 0x007
  case cx8 = 0x008
  case apic = 0x009
  case sep = 0x00b
  case mtrr = 0x00c
  case pge = 0x00d
  case mca = 0x00e
  case cmov = 0x00f
  case pat = 0x010
  case pse36 = 0x011
  case pn = 0x012
  case clflush = 0x013
  case dts = 0x015
  case acpi = 0x016
  case mmx = 0x017
  case fxsr = 0x018
  case sse = 0x019
  case sse2 = 0x01a
  case ss = 0x01b
  case ht = 0x01c
  case tm = 0x01d
  case ia64 = 0x01e
  case pbe = 0x01f
  // CPUID 1:ECX
  case pni = 0x100
  case pclmulqdq = 0x101
  case dtes64 = 0x102
  case monitor = 0x103
  case ds_cpl = 0x104
  case vmx = 0x105
  case smx = 0x106
  case est = 0x107
  case tm2 = 0x108
  case ssse3 = 0x109
  case cid = 0x10a
  case sdbg = 0x10b
  case fma = 0x10c
  case cx16 = 0x10d
  case xtpr = 0x10e
  case pdcm = 0x10f
  case pcid = 0x111
  case dca = 0x112
  case sse4_1 = 0x113
  case sse4_2 = 0x114
  case x2apic = 0x115
  case movbe = 0x116
  case popcnt = 0x117
  case tsc_deadline_timer = 0x118
  case aes = 0x119
  case xsave = 0x11a
  case osxsave = 0x11b
  case avx = 0x11c
  case f16c = 0x11d
  case rdrand = 0x11e
  case hypervisor = 0x11f
  // CPUID 7:EBX
  case fsgsbase = 0x200
  case tsc_adjust = 0x201
  case sgx = 0x202
  case bmi1 = 0x203
  case hle = 0x204
  case avx2 = 0x205
  case fdp_excptn_only = 0x206
  case smep = 0x207
  case bmi2 = 0x208
  case erms = 0x209
  case invpcid = 0x20a
  case rtm = 0x20b
  case cqm = 0x20c
  case zero_fcs_fds = 0x20d
  case mpx = 0x20e
  case rdt_a = 0x20f
  case avx512f = 0x210
  case avx512dq = 0x211
  case rdseed = 0x212
  case adx = 0x213
  case smap = 0x214
  case avx512ifma = 0x215
  case clflushopt = 0x217
  case clwb = 0x218
  case intel_pt = 0x219
  case avx512pf = 0x21a
  case avx512er = 0x21b
  case avx512cd = 0x21c
  case sha_ni = 0x21d
  case avx512bw = 0x21e
  case avx512vl = 0x21f
  // CPUID 7:ECX
  case prefetchwt1 = 0x300
  case avx512vbmi = 0x301
  case umip = 0x302
  case pku = 0x303
  case ospke = 0x304
  case waitpkg = 0x305
  case avx512_vbmi2 = 0x306
  case shstk = 0x307
  case gfni = 0x308
  case vaes = 0x309
  case vpclmulqdq = 0x30a
  case avx512_vnni = 0x30b
  case avx512_bitalg = 0x30c
  case tme = 0x30d
  case avx512_vpopcntdq = 0x30e
  case la57 = 0x310
  case rdpid = 0x316
  case bus_lock_detect = 0x318
  case cldemote = 0x319
  case movdiri = 0x31b
  case movdir64b = 0x31c
  case enqcmd = 0x31d
  case sgx_lc = 0x31e
  case pks = 0x31f
  // CPUID 7:EDX
  case avx512_4vnniw = 0x402
  case avx512_4fmaps = 0x403
  case fsrm = 0x404
  case uintr = 0x405
  case avx512_vp2intersect = 0x408
  case srbds_ctrl = 0x409
  case md_clear = 0x40a
  case rtm_always_abort = 0x40b
  case tsx_force_abort = 0x40d
  case serialize = 0x40e
  case hybrid_cpu = 0x40f
  case tsxldtrk = 0x410
  case pconfig = 0x412
  case arch_lbr = 0x413
  case ibt = 0x414
  case amx_bf16 = 0x416
  case avx512_fp16 = 0x417
  case amx_tile = 0x418
  case amx_int8 = 0x419
  case spec_ctrl = 0x41a
  case intel_stibp = 0x41b
  case flush_l1d = 0x41c
  case arch_capabilities = 0x41d
  case core_capabilities = 0x41e
  case spec_ctrl_ssbd = 0x41f
  // CPUID 7.1:EAX
  case sha512 = 0x500
  case sm3 = 0x501
  case sm4 = 0x502
  case rao_int = 0x503
  case avx_vnni = 0x504
  case avx512_bf16 = 0x505
  case lass = 0x506
  case cmpccxadd = 0x507
  case arch_perfmon_ext = 0x508
  case fzrm = 0x50a
  case fsrs = 0x50b
  case fsrc = 0x50c
  case fred = 0x511
  case lkgs = 0x512
  case wrmsrns = 0x513
  case amx_fp16 = 0x515
  case avx_ifma = 0x517
  case lam = 0x51a
  // CPUID 7.1:EDX
  case avx_vnni_int8 = 0x604
  case avx_ne_convert = 0x605
  case amx_complex = 0x608
  case avx_vnni_int16 = 0x60a
  case prefetchi = 0x60e
  case cet_sss = 0x612
  case avx10 = 0x613
  // CPUID D.1:EAX
  case xsaveopt = 0x700
  case xsavec = 0x701
  case xgetbv1 = 0x702
  case xsaves = 0x703
  case xfd = 0x704
  // CPUID 80000001:EDX
  case syscall = 0x80b
  case mp = 0x813
  case nx = 0x814
  case mmxext = 0x816
  case fxsr_opt = 0x819
  case pdpe1gb = 0x81a
  case rdtscp = 0x81b
  case lm = 0x81d
  case _3dnowext = 0x81e
  case _3dnow = 0x81f
  // CPUID 80000001:ECX
  case lahf_lm = 0x900
  case cmp_legacy = 0x901
  case svm = 0x902
  case extapic = 0x903
  case cr8_legacy = 0x904
  case abm = 0x905
  case sse4a = 0x906
  case misalignsse = 0x907
  case _3dnowprefetch = 0x908
  case osvw = 0x909
  case ibs = 0x90a
  case xop = 0x90b
  case skinit = 0x90c
  case wdt = 0x90d
  case lwp = 0x90f
  case fma4 = 0x910
  case tce = 0x911
  case nodeid_msr = 0x913
  case tbm = 0x915
  case topoext = 0x916
  case perfctr_core = 0x917
  case perfctr_nb = 0x918
  case bpext = 0x91a
  case ptsc = 0x91b
  case perfctr_llc = 0x91c
  case mwaitx = 0x91d
  // CPUID 80000007:EDX
  case hw_pstate = 0xa07
  case nonstop_tsc = 0xa08
  case cpb = 0xa09
  case aperfmperf_amd = 0xa0b
  // CPUID 80000008:EBX
  case clzero = 0xb00
  case irperf = 0xb01
  case xsaveerptr = 0xb02
  case rdpru = 0xb04
  case wbnoinvd = 0xb09
  case amd_ibpb = 0xb0c
  case amd_ibrs = 0xb0e
  case amd_stibp = 0xb0f
  case amd_ppin = 0xb17
  case amd_ssbd = 0xb18
  case virt_ssbd = 0xb19
  case amd_ssb_no = 0xb1a
  case cppc = 0xb1b
  // CPUID 6:EAX
  case dtherm = 0xc00
  case ida = 0xc01
  case arat = 0xc02
  case pln = 0xc04
  case pts = 0xc06
  case hwp = 0xc07
  case hwp_notify = 0xc08
  case hwp_act_window = 0xc09
  case hwp_epp = 0xc0a
  case hwp_pkg_req = 0xc0b
  // CPUID 6:ECX
  case aperfmperf = 0xd00
  case epb = 0xd03
  // CPUID 8000000A:EDX
  case npt = 0xe00
  case lbrv = 0xe01
  case svm_lock = 0xe02
  case nrip_save = 0xe03
  case tsc_scale = 0xe04
  case vmcb_clean = 0xe05
  case flushbyasid = 0xe06
  case decodeassists = 0xe07
  case pausefilter = 0xe0a
  case pfthreshold = 0xe0c
  case avic = 0xe0d
  case v_vmsave_vmload = 0xe0f
  case vgif = 0xe10
  // CPUID 80000021:EAX
  case no_nested_data_bp = 0xf00
  case lfence_rdtsc = 0xf02
  case null_sel_clr_base = 0xf06
  case autoibrs = 0xf08
}

/// A register that CPUID fills.
public enum CPUIDRegister: UInt8, Sendable {
  case eax, ebx, ecx, edx
}

/// Where CPUID reports a feature word.
public struct CPUIDWord: Sendable, Hashable {
  public var leaf: UInt32
  public var subleaf: UInt32
  public var register: CPUIDRegister

  public init(_ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister) {
    self.leaf = leaf
    self.subleaf = subleaf
    self.register = register
  }
}

extension CPUFeature {
  /// The registers that hold feature bits, in the order that raw values count them.
  public static let words: [CPUIDWord] = [
    CPUIDWord(1, 0, .edx),
    CPUIDWord(1, 0, .ecx),
    CPUIDWord(7, 0, .ebx),
    CPUIDWord(7, 0, .ecx),
    CPUIDWord(7, 0, .edx),
    CPUIDWord(7, 1, .eax),
    CPUIDWord(7, 1, .edx),
    CPUIDWord(0xd, 1, .eax),
    CPUIDWord(0x8000_0001, 0, .edx),
    CPUIDWord(0x8000_0001, 0, .ecx),
    CPUIDWord(0x8000_0007, 0, .edx),
    CPUIDWord(0x8000_0008, 0, .ebx),
    CPUIDWord(6, 0, .eax),
    CPUIDWord(6, 0, .ecx),
    CPUIDWord(0x8000_000a, 0, .edx),
    CPUIDWord(0x8000_0021, 0, .eax),
  ]

  /// Index into `words`.
  public var wordIndex: Int { Int(rawValue >> 8) }
  /// Bit number in the register, 0...31.
  public var bit: UInt8 { UInt8(truncatingIfNeeded: rawValue & 31) }
  /// CPUID leaf, subleaf and register.
  public var word: CPUIDWord { CPUFeature.words[wordIndex] }

  /// The name in /proc/cpuinfo ("sse4_2", "3dnow"); a few bits that Linux does not print have names in its style.
  public var name: String {
    let label = String(describing: self)
    return label.first == "_" ? String(label.dropFirst()) : label
  }

  /// The feature of that name, with common other spellings accepted ("sse3", "lzcnt", "avx512-vbmi2", "SSE4.2").
  public init?(named name: String) {
    let wanted = CPUFeature.folded(name)
    let canonical = CPUFeature.otherNames[wanted] ?? wanted
    guard let found = CPUFeature.allCases.first(where: { CPUFeature.folded($0.name) == canonical }) else { return nil }
    self = found
  }

  /// The known name that differs least from `name`, for "did you mean" messages; nil when nothing is near.
  public static func nearest(to name: String) -> CPUFeature? {
    let wanted = Array(folded(name).utf8.prefix(32))
    var best: (feature: CPUFeature, distance: Int)?
    for feature in allCases {
      let distance = editDistance(wanted, Array(folded(feature.name).utf8))
      if distance < best?.distance ?? 4 { best = (feature, distance) }
    }
    return best?.feature
  }

  /// Spellings from the manuals, folded, with the folded /proc/cpuinfo name.
  private static let otherNames = [
    "sse3": "pni", "lzcnt": "abm", "sha": "shani", "pclmul": "pclmulqdq", "cmpxchg16b": "cx16", "cmpxchg8b": "cx8",
    "longmode": "lm", "x8664": "lm", "xd": "nx", "noexecute": "nx", "1gbpages": "pdpe1gb", "prefetchw": "3dnowprefetch",
    "tscdeadline": "tscdeadlinetimer", "invtsc": "nonstoptsc", "cmpxchg8": "cx8", "clfsh": "clflush",
    "cetss": "shstk", "cetibt": "ibt",
  ]

  /// Lower case, without punctuation.
  private static func folded(_ name: String) -> String {
    String(name.lowercased().filter { $0.isLetter || $0.isNumber })
  }

  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let change = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, min(row[j], diagonal) + 1)
      }
    }
    return row[b.count]
  }
}
