/// The memory of a display adapter: plain host memory that the guest may also see directly.
///
/// Shared and racing by nature, as guest RAM is: accesses are byte, word or dword loads and stores, or copies; no Swift
/// reference into it is ever formed. Accesses outside read as all-ones and are dropped.
///
/// Layout: byte `4 * n + p` is byte `n` of plane `p`, so that the four planes of a planar address are one dword, and
/// chain-4 and the packed modes of the VBE interface see the bytes in order.
// SAFETY(type): `base` never changes and is valid for `size` bytes for as long as `owner` lives, which this object
// holds; the bytes behind it carry no invariant. Hence also @unchecked Sendable.
@safe public final class VideoMemory: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  /// Bytes; a multiple of 64 KiB.
  public let size: Int
  private let owner: AnyObject?
  /// Zeroes a range by giving it back to the host; false when that cannot be done.
  private let release: (@Sendable (_ at: Int, _ count: Int) -> Bool)?
  /// Smallest size: the four planes of a VGA.
  public static let minimumSize = 256 << 10
  /// Largest size: what a BAR below 4 GiB can hold beside others.
  public static let maximumSize = 256 << 20

  /// Private zeroed memory, for tests and for machines that never map it. `size` is rounded and kept within bounds.
  public init(size: Int) {
    self.size = VideoMemory.valid(size)
    // SAFETY: freed in deinit; initialised before any load.
    unsafe base = .allocate(byteCount: self.size, alignment: 4096)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: self.size)
    owner = nil
    release = nil
  }
  /// Memory of somebody else, such as a memfd that the machine also maps into the guest. `release` zeroes a range
  /// without touching its pages: what the guest never used costs nothing.
  ///
  /// - Safety: `base` must be page aligned and stay mapped for reading and writing, `size` bytes, while `owner` lives;
  ///   `size` must be a multiple of 64 KiB within the bounds.
  // SAFETY: the caller's promise.
  public init?(
    _ base: UnsafeMutableRawPointer, size: Int, owner: AnyObject,
    release: @escaping @Sendable (_ at: Int, _ count: Int) -> Bool = { _, _ in false }
  ) {
    self.release = release
    guard VideoMemory.valid(size) == size else { return nil }
    // SAFETY: stored only.
    unsafe self.base = base
    self.size = size
    self.owner = owner
  }
  deinit {
    // SAFETY: without an owner the memory is our own allocation.
    if owner == nil { unsafe base.deallocate() }
  }
  private static func valid(_ size: Int) -> Int {
    min(maximumSize, max(minimumSize, size)) & ~0xffff
  }

  // MARK: Loads and stores

  @inline(__always)
  func load8(_ at: Int) -> UInt8 {
    guard at >= 0, at < size else { return .max }
    // SAFETY: in bounds.
    return unsafe base.load(fromByteOffset: at, as: UInt8.self)
  }
  @inline(__always)
  func store8(_ at: Int, _ value: UInt8) {
    guard at >= 0, at < size else { return }
    // SAFETY: in bounds.
    unsafe base.storeBytes(of: value, toByteOffset: at, as: UInt8.self)
  }
  /// The four planes of planar address `index`, plane 0 in the low byte.
  @inline(__always)
  func loadPlanes(_ index: Int) -> UInt32 {
    guard index >= 0, index < size >> 2 else { return .max }
    // SAFETY: in bounds, aligned.
    return unsafe base.load(fromByteOffset: index << 2, as: UInt32.self)
  }
  @inline(__always)
  func storePlanes(_ index: Int, _ value: UInt32) {
    guard index >= 0, index < size >> 2 else { return }
    // SAFETY: in bounds, aligned.
    unsafe base.storeBytes(of: value, toByteOffset: index << 2, as: UInt32.self)
  }
  /// `width` bytes, little-endian.
  func load(_ at: Int, width: Int) -> UInt64 {
    if width == 4, at & 3 == 0 { return UInt64(loadPlanes(at >> 2)) }
    var value: UInt64 = 0
    for index in 0..<min(8, max(0, width)) { value |= UInt64(load8(at &+ index)) << UInt64(index * 8) }
    return value
  }
  func store(_ at: Int, width: Int, _ value: UInt64) {
    if width == 4, at & 3 == 0 { return storePlanes(at >> 2, UInt32(truncatingIfNeeded: value)) }
    for index in 0..<min(8, max(0, width)) {
      store8(at &+ index, UInt8(truncatingIfNeeded: value >> UInt64(index * 8)))
    }
  }

  // MARK: Copies

  /// A copy of `count` bytes; what lies outside reads as zero.
  public func read(_ at: Int, count: Int) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: max(0, count))
    guard at >= 0, at < size else { return result }
    let length = min(result.count, size - at)
    // SAFETY: `length` bytes lie inside both.
    unsafe result.withUnsafeMutableBytes {
      unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: base + at, count: length))
    }
    return result
  }
  /// Copies bytes in; what does not fit is dropped.
  public func write(_ at: Int, _ bytes: [UInt8]) {
    guard at >= 0, at < size else { return }
    let length = min(bytes.count, size - at)
    // SAFETY: `length` bytes lie inside both.
    unsafe bytes.withUnsafeBytes {
      unsafe UnsafeMutableRawBufferPointer(start: base + at, count: length).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: $0.prefix(length)))
    }
  }
  /// Zeroes `count` bytes.
  public func clear(_ at: Int, count: Int) {
    guard at >= 0, at < size, count > 0 else { return }
    let count = min(count, size - at)
    if let release, release(at, count) { return }
    // SAFETY: clamped to the region.
    unsafe (base + at).initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  /// All bytes up to the last one that is not zero: what a saved state holds.
  var contents: [UInt8] {
    get {
      var words = size >> 3
      // SAFETY: words - 1 is below size / 8; the base is page aligned.
      while words > 0, unsafe base.load(fromByteOffset: (words - 1) << 3, as: UInt64.self) == 0 { words -= 1 }
      var bytes = read(0, count: words << 3)
      while bytes.last == 0 { bytes.removeLast() }
      return bytes
    }
    set {
      write(0, newValue)
      clear(newValue.count, count: size - min(size, newValue.count))
    }
  }
}
