/// Host registers by number, where generated code gives them a part.
enum Host {
  static let rax: UInt8 = 0
  static let rcx: UInt8 = 1
  static let rdx: UInt8 = 2
  static let rbx: UInt8 = 3
  static let rsp: UInt8 = 4
  static let rbp: UInt8 = 5
  static let rsi: UInt8 = 6
  static let rdi: UInt8 = 7
  /// The two scratch registers. The guest's own r10 and r11 live in the state block between instructions: of all
  /// registers, compilers use them least.
  static let index: UInt8 = 10
  static let address: UInt8 = 11
}

/// Writes host machine code into the code cache.
///
/// Positions are offsets from the start of the cache; the writable and the executable mapping share them. The owner
/// makes sure that there is room before it starts (`CodeCache.reserve`).
// SAFETY(type): `base` is the writable mapping of the code cache, `limit` bytes long; every write is checked against it.
@safe struct Emitter {
  private let base: UnsafeMutablePointer<UInt8>
  private let limit: Int
  private(set) var position: Int

  init(base: UnsafeMutableRawPointer, limit: Int, position: Int) {
    // SAFETY: the mapping is plain bytes.
    unsafe self.base = base.assumingMemoryBound(to: UInt8.self)
    self.limit = limit
    self.position = position
  }

  @inline(__always) mutating func byte(_ value: UInt8) {
    precondition(position < limit, "code cache overrun")
    // SAFETY: bounds just checked.
    unsafe base[position] = value
    position &+= 1
  }
  @inline(__always) mutating func bytes(_ a: UInt8, _ b: UInt8) {
    byte(a)
    byte(b)
  }
  @inline(__always) mutating func bytes(_ a: UInt8, _ b: UInt8, _ c: UInt8) {
    byte(a)
    byte(b)
    byte(c)
  }
  @inline(__always) mutating func word(_ value: UInt32) {
    precondition(position &+ 4 <= limit, "code cache overrun")
    // SAFETY: bounds just checked.
    unsafe UnsafeMutableRawPointer(base + position).storeBytes(of: value, as: UInt32.self)
    position &+= 4
  }
  @inline(__always) mutating func word(_ value: Int32) { word(UInt32(bitPattern: value)) }
  mutating func quad(_ value: UInt64) {
    word(UInt32(truncatingIfNeeded: value))
    word(UInt32(truncatingIfNeeded: value >> 32))
  }

  /// Points the 32-bit displacement at `at` to `target`.
  func patch(_ at: Int, to target: Int) {
    precondition(at >= 0 && at &+ 4 <= limit, "patch outside the code cache")
    // SAFETY: bounds just checked.
    unsafe UnsafeMutableRawPointer(base + at).storeBytes(
      of: Int32(truncatingIfNeeded: target &- (at &+ 4)), as: Int32.self)
  }
  /// Points the 8-bit displacement at `at` to `target`, which is near.
  func patchShort(_ at: Int, to target: Int) {
    let distance = target &- (at &+ 1)
    precondition(distance >= -128 && distance < 128 && at < limit, "short jump too far")
    // SAFETY: bounds just checked.
    unsafe base[at] = UInt8(truncatingIfNeeded: distance)
  }
  /// The bytes from `start` to here, for people and tests.
  func emitted(from start: Int) -> [UInt8] {
    // SAFETY: both ends are positions that were written.
    (start..<position).map { unsafe base[$0] }
  }
}
