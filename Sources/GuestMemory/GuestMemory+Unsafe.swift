import Base
import CHost
import Glibc
import Synchronization

/// What stands behind one guest-physical page, as the slow path of an engine sees it.
// SAFETY(type): `host` is an address inside the `GuestMemory` that answered, valid for 4 KiB while that object lives.
@safe public struct PageBacking {
  /// Host address of the page's first byte; nil where reads go to the bus (MMIO, unassigned).
  public var host: UnsafeMutableRawPointer?
  /// Stores may go straight to `host`; false for ROM, MMIO and pages that hold translated code.
  public var directWrite: Bool
  /// Stores are dropped (ROM).
  public var readOnly: Bool

  @inlinable public init(host: UnsafeMutableRawPointer?, directWrite: Bool, readOnly: Bool) {
    unsafe self.host = host
    self.directWrite = directWrite
    self.readOnly = readOnly
  }
  /// There is memory, of whatever kind.
  public var isMemory: Bool { unsafe host != nil }
}

/// Why guest memory could not be set up.
public enum GuestMemoryError: Error, Equatable {
  /// Not a multiple of 4 KiB, below 1 MiB or above the 46-bit limit.
  case badSize(UInt64)
  case hostRefused(operation: String, errno: Int32)
}

/// The guest-physical address space: RAM, ROM and RAM-like device memory, and a flag byte for each 4 KiB page.
///
/// RAM is one memfd mapped so that host address = `base` + guest-physical address, populated as it is touched.
/// RAM above `lowLimit` continues at 4 GiB, leaving the PCI hole. Safe to use from any thread: guest RAM is
/// shared and racing by nature, so nothing here ever forms a Swift reference into it.
///
/// Lock order: `layout` is taken by set-up calls only (map, unmap, setFlags), never by accesses.
// SAFETY(type): `base`, `flags`, `codeChunks` and the sizes never change after init, and the three reservations stay until
// deinit. Addresses are compared with `top` before they index anything. @unchecked Sendable: the memory behind the
// pointers is guest RAM, which races by nature and is only touched by copies, and flag bytes, which are atomic once the
// machine runs.
@safe public final class GuestMemory: @unchecked Sendable {
  /// Bits of a page's flag byte.
  public enum PageFlag {
    /// Decoded or translated code of this page exists; stores must tell `codeWritten`.
    public static let holdsCode: UInt8 = 0x01
    /// Stores are dropped.
    public static let readOnly: UInt8 = 0x02
    /// Reads and writes go to the bus although RAM lies beneath.
    public static let mmio: UInt8 = 0x04
    /// A saved state still needs the page as it is: who stores to it must call `willWrite` first.
    public static let frozen: UInt8 = 0x08
    /// The page is in the PCI hole but backed by mapped memory.
    public static let backed: UInt8 = 0x80
  }

  /// First address of the PCI hole when RAM reaches it.
  public static let defaultLowLimit: UInt64 = 0xc000_0000
  public let ramSize: UInt64
  /// RAM below 4 GiB ends here.
  public let lowSize: UInt64
  /// End of the guest-physical address space that can be backed (at least 4 GiB).
  public let top: UInt64
  /// Host address of guest-physical 0.
  public let base: UnsafeMutableRawPointer
  /// One byte a page, indexed by page number below `top >> 12`.
  public let flags: UnsafeMutablePointer<UInt8>
  /// One bit for each 64-byte chunk of a page that decoded code came from.
  public let codeChunks: UnsafeMutablePointer<UInt64>
  /// One byte a page: how often it has lost its code, and then how many stores keep it marked all the same.
  private let codeLosses: UnsafeMutablePointer<UInt8>
  /// The RAM memfd (for direct execution, saved states).
  public let ramDescriptor: Int32
  private let layout = Mutex(())
  private let codeListeners = Mutex<[@Sendable (GuestPhysical, Int) -> Void]>([])
  /// The state of RAM that is being saved while the machine runs on.
  let frozen = Mutex<FrozenMemory?>(nil)

  public init(ramSize: UInt64, lowLimit: UInt64 = GuestMemory.defaultLowLimit) throws(GuestMemoryError) {
    guard ramSize & 0xfff == 0, ramSize >= 1 << 20, ramSize <= 1 << 45 else { throw .badSize(ramSize) }
    self.ramSize = ramSize
    lowSize = min(ramSize, lowLimit)
    top = ramSize > lowSize ? (4 << 30) + (ramSize - lowSize) : 4 << 30
    ramDescriptor = unsafe rb_memfd("ringbox-ram")
    guard ramDescriptor >= 0 else { throw .hostRefused(operation: "memfd_create", errno: errno) }
    guard ftruncate(ramDescriptor, Int(ramSize)) == 0 else { throw .hostRefused(operation: "ftruncate", errno: errno) }
    // SAFETY: fresh anonymous reservations, checked against MAP_FAILED before use.
    unsafe base = try GuestMemory.reserve(Int(top), PROT_NONE)
    unsafe flags = try GuestMemory.reserve(Int(top >> 12), PROT_READ | PROT_WRITE)
      .bindMemory(to: UInt8.self, capacity: Int(top >> 12))
    unsafe codeChunks = try GuestMemory.reserve(Int(top >> 12) * 8, PROT_READ | PROT_WRITE)
      .bindMemory(to: UInt64.self, capacity: Int(top >> 12))
    unsafe codeLosses = try GuestMemory.reserve(Int(top >> 12), PROT_READ | PROT_WRITE)
      .bindMemory(to: UInt8.self, capacity: Int(top >> 12))
    try mapFile(ramDescriptor, fileOffset: 0, at: 0, size: lowSize)
    if ramSize > lowSize {
      try mapFile(ramDescriptor, fileOffset: lowSize, at: 4 << 30, size: ramSize - lowSize)
    }
  }

  deinit {
    // SAFETY: both mappings were made by init with these sizes and nothing outlives the owner.
    unsafe munmap(base, Int(top))
    unsafe munmap(flags, Int(top >> 12))
    unsafe munmap(codeChunks, Int(top >> 12) * 8)
    unsafe munmap(codeLosses, Int(top >> 12))
    close(ramDescriptor)
  }

  private static func reserve(_ size: Int, _ protection: Int32) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
    // SAFETY: a new private mapping at an address of the kernel's choice overlaps nothing.
    let memory = unsafe mmap(nil, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
      throw .hostRefused(operation: "mmap", errno: errno)
    }
    return unsafe memory
  }

  private func mapFile(_ fd: Int32, fileOffset: UInt64, at address: UInt64, size: UInt64) throws(GuestMemoryError) {
    // SAFETY: [address, address + size) lies inside our own reservation (callers check against `top`).
    let mapped = unsafe mmap(
      base + Int(address), Int(size), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd,
      off_t(fileOffset))
    guard unsafe mapped != MAP_FAILED else { throw .hostRefused(operation: "mmap", errno: errno) }
  }

  // MARK: Device memory

  /// Maps memory of a device or ROM (a memfd) into the PCI hole, as RAM or read-only.
  ///
  /// `address` and `size` must be page-aligned and lie between `lowSize` and 4 GiB.
  public func mapDeviceMemory(
    descriptor: Int32, at address: GuestPhysical, size: UInt64, readOnly: Bool
  ) throws(GuestMemoryError) {
    let end = address.value.addingReportingOverflow(size)
    guard address.pageOffset == 0, size & 0xfff == 0, !end.overflow, address.value >= lowSize,
      end.partialValue <= 4 << 30
    else { throw .badSize(size) }
    try layout.withLock { _ throws(GuestMemoryError) in
      try mapFile(descriptor, fileOffset: 0, at: address.value, size: size)
      for page in address.page..<(end.partialValue >> 12) {
        unsafe flags[Int(page)] = PageFlag.backed | (readOnly ? PageFlag.readOnly : 0)
      }
    }
  }

  /// Takes device memory out of the address space again.
  public func unmapDeviceMemory(at address: GuestPhysical, size: UInt64) {
    layout.withLock { _ in
      guard address.value >= lowSize, address.value + size <= 4 << 30 else { return }
      for page in address.page..<((address.value + size) >> 12) { unsafe flags[Int(page)] = 0 }
      // SAFETY: inside our own reservation, outside RAM (checked above).
      _ = unsafe mmap(
        base + Int(address.value), Int(size), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0)
    }
  }

  /// Puts memory of a device (a memfd, from `fileOffset`) over RAM at `address`, in place of bus accesses to it.
  ///
  /// A processor that still has the page's translation reaches the new memory at once: moving a window over a larger
  /// memory needs no flush. Addresses and sizes are whole pages below `lowSize`.
  public func overlayDeviceMemory(
    descriptor: Int32, fileOffset: UInt64, at address: GuestPhysical, size: UInt64
  ) throws(GuestMemoryError) {
    let end = address.value.addingReportingOverflow(size)
    guard (address.value | size | fileOffset) & 0xfff == 0, !end.overflow, end.partialValue <= lowSize else {
      throw .badSize(size)
    }
    try layout.withLock { _ throws(GuestMemoryError) in
      try mapFile(descriptor, fileOffset: fileOffset, at: address.value, size: size)
      // SAFETY: pages below lowSize.
      for page in address.page..<(end.partialValue >> 12) { _ = unsafe rb_and8(flags + Int(page), ~PageFlag.mmio) }
    }
    // Code decoded from what was there before.
    didWrite(address, count: Int(size))
  }

  /// Sets and clears flag bits for whole pages. Engines must be told to flush their TLBs afterwards.
  public func setFlags(_ set: UInt8, clear: UInt8, at address: GuestPhysical, size: UInt64) {
    layout.withLock { _ in
      let end = min(address.value &+ size &+ 0xfff, top)
      for page in address.page..<max(address.page, end >> 12) {
        // SAFETY: page < top >> 12.
        _ = unsafe rb_and8(flags + Int(page), ~clear)
        _ = unsafe rb_or8(flags + Int(page), set)
      }
    }
  }

  // MARK: Pages

  /// The page that holds `address`.
  public func backing(of address: GuestPhysical) -> PageBacking {
    guard address.value < top else { return unsafe PageBacking(host: nil, directWrite: false, readOnly: false) }
    // SAFETY: page index is below top >> 12; host pointers stay inside the reservation.
    let flag = unsafe rb_load8(flags + Int(address.page))
    let isRAM = address.value < lowSize || address.value >= 4 << 30 || flag & PageFlag.backed != 0
    guard isRAM, flag & PageFlag.mmio == 0 else {
      return unsafe PageBacking(host: nil, directWrite: false, readOnly: false)
    }
    let page = unsafe base + Int(address.value & ~0xfff)
    return unsafe PageBacking(
      host: page, directWrite: flag & (PageFlag.holdsCode | PageFlag.readOnly | PageFlag.frozen) == 0,
      readOnly: flag & PageFlag.readOnly != 0)
  }

  /// Before a store to a page whose `directWrite` is false: keeps what a saved state still needs of it.
  public func willWrite(_ address: GuestPhysical) {
    guard address.value < top else { return }
    // SAFETY: page index is below top >> 12.
    guard unsafe rb_load8(flags + Int(address.page)) & PageFlag.frozen != 0 else { return }
    frozen.withLock { $0 }?.keep(address.page)
  }

  /// Marks a page as one that holds decoded code; true when it was not marked before, so that stale write rights to it
  /// may exist in translation caches. `markCode` comes after those are gone.
  public func markCodePage(_ address: GuestPhysical) -> Bool {
    guard address.value < top else { return false }
    // SAFETY: page index is below top >> 12.
    return unsafe rb_or8(flags + Int(address.page), PageFlag.holdsCode) & PageFlag.holdsCode == 0
  }
  /// Marks `count` bytes (inside one page) as decoded code. False when the page has lost its mark meanwhile, by a store
  /// to other code in it: then both marks must be made again.
  public func markCode(_ address: GuestPhysical, count: Int) -> Bool {
    guard address.value < top else { return true }
    // SAFETY: page index is below top >> 12.
    _ = unsafe rb_or64(codeChunks + Int(address.page), GuestMemory.chunkMask(address, count))
    return unsafe rb_load8(flags + Int(address.page)) & PageFlag.holdsCode != 0
  }

  /// A bit for each 64-byte chunk that `count` bytes inside one page lie in.
  @inlinable public static func chunkMask(_ address: GuestPhysical, _ count: Int) -> UInt64 {
    let first = address.pageOffset >> 6
    let last = min(address.pageOffset + UInt64(max(count, 1)) - 1, 0xfff) >> 6
    return (last == 63 ? ~0 : (1 << (last + 1)) - 1) & ~((1 << first) - 1)
  }

  /// Registers an engine that must hear of stores to code: address and bytes in whole 64-byte chunks of one page.
  public func addCodeListener(_ listener: @escaping @Sendable (GuestPhysical, Int) -> Void) {
    codeListeners.withLock { $0.append(listener) }
  }

  /// Tells every engine that `count` bytes (inside one page) were written, if decoded code came from there: what was
  /// decoded from them is forgotten. When no code is left, stores to the page are plain again until it is next decoded;
  /// a page that loses its code again and again stays marked for many stores more, since each new mark takes all
  /// processors' rights to store to it.
  public func codeWritten(_ address: GuestPhysical, count: Int) {
    guard address.value < top else { return }
    // The bytes are there before the marks are looked at: who marks later reads what was written.
    rb_fence()
    // SAFETY: page index is below top >> 12.
    let chunks = unsafe rb_load64(codeChunks + Int(address.page))
    guard chunks & GuestMemory.chunkMask(address, count) != 0 else {
      if chunks == 0 { noteIdleStore(address) }
      return
    }
    let listeners = codeListeners.withLock { $0 }
    // Cleared before the listeners run: code decoded from now on marks its bytes anew.
    let mask = GuestMemory.chunkMask(address, count)
    if unsafe rb_and64(codeChunks + Int(address.page), ~mask) & ~mask != 0 || staysMarked(address) {
      // In whole chunks, as the marks are: no code may be left without its mark.
      let first = address.value & ~63
      let end = (address.value &+ UInt64(max(count, 1)) &+ 63) & ~63
      for listener in listeners { listener(GuestPhysical(first), Int(end &- first)) }
      return
    }
    unmark(address)
  }

  /// Somebody may decode another part of the page just now and find it marked: so all of it is forgotten.
  private func unmark(_ address: GuestPhysical) {
    // SAFETY: callers compared the address with `top`.
    _ = unsafe rb_and8(flags + Int(address.page), ~PageFlag.holdsCode)
    for listener in codeListeners.withLock({ $0 }) { listener(GuestPhysical(address.page << 12), 0x1000) }
  }

  /// Losses of all code before a page stays marked, and the number that stands for the first store after one.
  private static let toleratedLosses: UInt8 = 8

  /// A page has lost its last code: whether it keeps its mark. Races with other stores only make the count inexact.
  private func staysMarked(_ address: GuestPhysical) -> Bool {
    // SAFETY: page index is below top >> 12.
    let losses = unsafe codeLosses + Int(address.page)
    if unsafe losses.pointee < GuestMemory.toleratedLosses {
      unsafe losses.pointee &+= 1
      return false
    }
    unsafe losses.pointee = .max
    return true
  }

  /// A store to a page that may be marked without holding any code: after many it is plain memory again.
  private func noteIdleStore(_ address: GuestPhysical) {
    // SAFETY: page index is below top >> 12.
    let losses = unsafe codeLosses + Int(address.page)
    let left = unsafe losses.pointee
    guard left > GuestMemory.toleratedLosses else { return }
    unsafe losses.pointee = left &- 1
    if left &- 1 == GuestMemory.toleratedLosses { unmark(address) }
  }

  // MARK: Copies

  /// Copies `count` bytes out; addresses without memory read as all-ones. Bounded by `count`, which callers bound.
  public func read(_ address: GuestPhysical, count: Int) -> [UInt8] {
    var output = [UInt8](repeating: 0xff, count: count)
    forEachChunk(address, count) { page, offset, length in
      guard let host = unsafe backing(of: page).host else { return }
      // SAFETY: the chunk lies inside one backed page and inside `output`.
      unsafe output.withUnsafeMutableBytes {
        guard let start = $0.baseAddress else { return }
        unsafe (start + offset).copyMemory(from: host + Int(page.pageOffset), byteCount: length)
      }
    }
    return output
  }

  /// Copies bytes in; ROM and addresses without memory drop them.
  public func write(_ address: GuestPhysical, _ bytes: [UInt8]) {
    write(address, bytes, evenReadOnly: false)
  }

  /// Copies bytes in, ROM included: for loading firmware.
  public func load(_ address: GuestPhysical, _ bytes: [UInt8]) {
    write(address, bytes, evenReadOnly: true)
  }

  private func write(_ address: GuestPhysical, _ bytes: [UInt8], evenReadOnly: Bool) {
    forEachChunk(address, bytes.count) { page, offset, length in
      let backing = backing(of: page)
      guard let host = unsafe backing.host, evenReadOnly || !backing.readOnly else { return }
      if !backing.directWrite { willWrite(page) }
      // SAFETY: the chunk lies inside one backed page and inside `bytes`.
      unsafe bytes.withUnsafeBytes {
        guard let start = $0.baseAddress else { return }
        unsafe (host + Int(page.pageOffset)).copyMemory(from: start + offset, byteCount: length)
      }
      // Always: a processor may be about to decode the page just now.
      codeWritten(page, count: length)
    }
  }

  /// A run of plain memory inside one page-contiguous span, for I/O straight into RAM; nil when any page of it is
  /// not plain. After writing to it call `didWrite(_:count:)`.
  public func span(_ address: GuestPhysical, count: Int) -> UnsafeMutableRawBufferPointer? {
    guard count > 0, count <= 1 << 30 else { return nil }
    var plain = true
    forEachChunk(address, count) { page, _, _ in
      let backing = backing(of: page)
      if unsafe backing.host == nil || backing.readOnly { plain = false }
      if !backing.directWrite { willWrite(page) }
    }
    // SAFETY: every page of the run is mapped at base + address.
    return unsafe plain ? UnsafeMutableRawBufferPointer(start: base + Int(address.value), count: count) : nil
  }

  /// Tells engines about stores made through `span` to pages that hold code.
  public func didWrite(_ address: GuestPhysical, count: Int) {
    forEachChunk(address, count) { page, _, length in codeWritten(page, count: length) }
  }

  /// Calls `body` with (address, offset into the copy, length) for each part that stays inside one page.
  private func forEachChunk(_ address: GuestPhysical, _ count: Int, _ body: (GuestPhysical, Int, Int) -> Void) {
    var offset = 0
    while offset < count {
      let at = address &+ UInt64(offset)
      let length = min(count - offset, 0x1000 - Int(at.pageOffset))
      body(at, offset, length)
      offset += length
    }
  }
}
