// Status flags are kept as the last result and a word of carries, and computed when asked for.
//
//   flagsResult   sign-extended result: ZF = (it is 0), SF = bit 63 (xor aux bit 0), PF = parity of its low byte
//                 (xor aux bits 15:8)
//   flagsAux      bit 63 = CF, bit 62 = carry into the sign bit (OF = bit 63 xor bit 62), bit 3 = AF,
//                 bit 0 = SF correction, bits 15:8 = PF correction
//
// The corrections let POPF, SAHF and the rest set combinations that no result has (ZF and SF together).

extension FixedWidthInteger where Self: UnsignedInteger {
  /// Sign-extended to 64 bits.
  @inline(__always) var signExtended: UInt64 {
    let shift = UInt64(64 &- Self.bitWidth)
    return UInt64(bitPattern: Int64(bitPattern: UInt64(truncatingIfNeeded: self) &<< shift) &>> Int64(shift))
  }
  @inline(__always) var signBit: Bool { self >> Self(truncatingIfNeeded: Self.bitWidth &- 1) & 1 != 0 }
}

extension Cpu {
  @inline(__always) var cf: Bool { s.flagsAux >> 63 != 0 }
  @inline(__always) var zf: Bool { s.flagsResult == 0 }
  @inline(__always) var sf: Bool { (s.flagsResult >> 63) ^ (s.flagsAux & 1) != 0 }
  @inline(__always) var of: Bool { (s.flagsAux ^ s.flagsAux << 1) >> 63 != 0 }
  @inline(__always) var af: Bool { s.flagsAux & 8 != 0 }
  @inline(__always) var pf: Bool {
    let byte = UInt8(truncatingIfNeeded: s.flagsResult ^ s.flagsAux >> 8)
    return byte.nonzeroBitCount & 1 == 0
  }

  /// CF PF AF ZF SF OF as in RFLAGS, the other bits zero.
  var statusFlags: UInt64 {
    get {
      (cf ? RFLAGS.cf : 0) | (pf ? RFLAGS.pf : 0) | (af ? RFLAGS.af : 0) | (zf ? RFLAGS.zf : 0)
        | (sf ? RFLAGS.sf : 0) | (of ? RFLAGS.of : 0)
    }
    nonmutating set {
      let carry = newValue & RFLAGS.cf
      let overflow = newValue >> 11 & 1
      s.flagsResult = newValue & RFLAGS.zf != 0 ? 0 : 0x100
      s.flagsAux =
        carry << 63 | (carry ^ overflow) << 62 | newValue >> 1 & 8 | newValue >> 7 & 1
        | (newValue & RFLAGS.pf != 0 ? 0 : 0x100)
    }
  }
  /// The whole of RFLAGS.
  public var rflags: UInt64 { s.systemFlags | statusFlags }

  /// Replaces every bit of RFLAGS; the caller has checked what the guest may change, and refreshes the mode after VM or AC change.
  public func setRFLAGS(_ value: UInt64) {
    statusFlags = value
    s.systemFlags = value & RFLAGS.defined & ~RFLAGS.status | 2
  }

  // MARK: What operations leave behind

  @inline(__always) func setLogicFlags<T: AccessWidth>(_ result: T) {
    s.flagsResult = result.signExtended
    s.flagsAux = 0
  }
  /// From the carry (or borrow) out of every bit position.
  @inline(__always) func setFlags<T: AccessWidth>(_ result: T, carries: T) {
    s.flagsResult = result.signExtended
    let wide = UInt64(truncatingIfNeeded: carries)
    s.flagsAux = wide &<< UInt64(64 &- T.bitWidth) & 0xc000_0000_0000_0000 | wide & 8
  }
  @inline(__always) func setAddFlags<T: AccessWidth>(_ a: T, _ b: T, _ result: T) {
    setFlags(result, carries: (a & b) | ((a | b) & ~result))
  }
  @inline(__always) func setSubtractFlags<T: AccessWidth>(_ a: T, _ b: T, _ result: T) {
    setFlags(result, carries: (~a & b) | ((~a | b) & result))
  }
  /// Changes CF alone.
  @inline(__always) func setCarry(_ carry: Bool) {
    let bit: UInt64 = carry ? 1 : 0
    let overflow: UInt64 = of ? 1 : 0
    s.flagsAux = s.flagsAux & 0x3fff_ffff_ffff_ffff | bit << 63 | (bit ^ overflow) << 62
  }
  /// Changes CF and OF, leaves the rest: rotates, and multiplication (whose other flags are undefined).
  @inline(__always) func setCarryOverflow(_ carry: Bool, _ overflow: Bool) {
    let bit: UInt64 = carry ? 1 : 0
    s.flagsAux = s.flagsAux & 0x3fff_ffff_ffff_ffff | bit << 63 | (bit ^ (overflow ? 1 : 0)) << 62
  }
  /// Result flags (SF ZF PF) with given CF and OF, AF clear: shifts.
  @inline(__always) func setShiftFlags<T: AccessWidth>(_ result: T, carry: Bool, overflow: Bool) {
    s.flagsResult = result.signExtended
    let bit: UInt64 = carry ? 1 : 0
    s.flagsAux = bit << 63 | (bit ^ (overflow ? 1 : 0)) << 62
  }
  /// Changes ZF alone.
  func setZero(_ zero: Bool) {
    statusFlags = statusFlags & ~RFLAGS.zf | (zero ? RFLAGS.zf : 0)
  }
}

/// The sixteen conditions of Jcc, SETcc and CMOVcc, by the low four bits of the opcode.
protocol Condition {
  static func holds(_ cpu: Cpu) -> Bool
}
enum CondO: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.of } }
enum CondNO: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !c.of } }
enum CondB: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.cf } }
enum CondNB: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !c.cf } }
enum CondZ: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.zf } }
enum CondNZ: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !c.zf } }
enum CondBE: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.cf || c.zf } }
enum CondNBE: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !(c.cf || c.zf) } }
enum CondS: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.sf } }
enum CondNS: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !c.sf } }
enum CondP: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.pf } }
enum CondNP: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !c.pf } }
enum CondL: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.sf != c.of } }
enum CondNL: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.sf == c.of } }
enum CondLE: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { c.zf || c.sf != c.of } }
enum CondNLE: Condition { @inline(__always) static func holds(_ c: Cpu) -> Bool { !c.zf && c.sf == c.of } }
