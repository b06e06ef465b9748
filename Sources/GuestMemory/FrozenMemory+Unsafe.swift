import Base
import CHost
import Glibc
import Synchronization

/// RAM as it was at one moment, while the machine goes on: whoever stores to a page first has it kept before.
///
/// Made by `GuestMemory.freeze`, with no processor and no device at work; the processors must forget their rights to
/// store before they go on. Each part is taken once, by `take`; what is taken, or skipped, costs nothing any more.
///
/// Lock order: a stripe's lock is innermost.
// SAFETY(type): offsets are checked against the RAM's size before they index flags, which the memory owns.
public final class FrozenMemory: Sendable {
  /// Bytes that are taken at a time.
  public static let part = 1 << 20
  private static let partPages = UInt64(part) >> 12

  /// Pages that were about to change, by page number in RAM.
  private final class Stripe: Sendable {
    let kept = Mutex<[UInt64: [UInt8]]>([:])
  }
  private let memory: GuestMemory
  private let stripes = (0..<64).map { _ in Stripe() }
  private let copies = Atomic<Int>(0)

  fileprivate init(_ memory: GuestMemory) { self.memory = memory }

  /// Pages that had to be kept so far: the cost of having gone on.
  public var keptPages: Int { copies.load(ordering: .relaxed) }
  public var size: UInt64 { memory.ramSize }
  /// As `GuestMemory.nextRAM`; what is skipped was never written to before now.
  public func nextData(from offset: UInt64) -> UInt64? { memory.nextRAM(from: offset) }

  private func stripe(_ ramPage: UInt64) -> Stripe { stripes[Int(ramPage / FrozenMemory.partPages) & 63] }

  /// The guest-physical page is about to change.
  func keep(_ page: UInt64) {
    guard let ramPage = memory.ramPage(page) else { return }
    stripe(ramPage).kept.withLock { kept in
      // Another thread may have been faster, or the page is taken.
      guard memory.isFrozen(page) else { return }
      kept[ramPage] = memory.readRAM(at: ramPage << 12, count: 4096)
      copies.add(1, ordering: .relaxed)
      memory.thaw(page)
    }
  }

  /// The contents of one part (`offset` is a multiple of `part`) at the moment of the freeze.
  public func take(at offset: UInt64) -> [UInt8] {
    let first = offset >> 12
    return stripe(first).kept.withLock { kept in
      var bytes = memory.readRAM(at: offset, count: Int(min(UInt64(FrozenMemory.part), memory.ramSize - offset)))
      for page in 0..<(UInt64(bytes.count) >> 12) {
        if let old = kept.removeValue(forKey: first + page) {
          bytes.replaceSubrange(Int(page) << 12..<(Int(page) + 1) << 12, with: old)
        }
        memory.thaw(memory.physicalPage(first + page))
      }
      return bytes
    }
  }

  /// Nobody needs the rest.
  public func release() {
    memory.frozen.withLock { $0 = nil }
    memory.forEachRAMPage { memory.thaw($0) }
    for stripe in stripes { stripe.kept.withLock { $0 = [:] } }
  }
}

extension GuestMemory {
  /// Keeps RAM as it is now for whoever saves it; nil when that is under way already.
  public func freeze() -> FrozenMemory? {
    let frozen = self.frozen.withLock { current -> FrozenMemory? in
      guard current == nil else { return nil }
      let made = FrozenMemory(self)
      current = made
      return made
    }
    guard let frozen else { return nil }
    // SAFETY: pages below top >> 12.
    forEachRAMPage { page in _ = unsafe rb_or8(flags + Int(page), PageFlag.frozen) }
    return frozen
  }

  func forEachRAMPage(_ body: (UInt64) -> Void) {
    for page in 0..<(lowSize >> 12) { body(page) }
    guard ramSize > lowSize else { return }
    for page in ((4 << 30) >> 12)..<(top >> 12) { body(page) }
  }
  /// Page number in the RAM's file; nil for pages that are no RAM.
  func ramPage(_ page: UInt64) -> UInt64? {
    if page < lowSize >> 12 { return page }
    let high: UInt64 = (4 << 30) >> 12
    return page >= high && page < top >> 12 ? page - high + lowSize >> 12 : nil
  }
  func physicalPage(_ ramPage: UInt64) -> UInt64 {
    ramPage < lowSize >> 12 ? ramPage : ramPage - lowSize >> 12 + (4 << 30) >> 12
  }
  func isFrozen(_ page: UInt64) -> Bool {
    // SAFETY: callers have a page of RAM.
    unsafe rb_load8(flags + Int(page)) & PageFlag.frozen != 0
  }
  func thaw(_ page: UInt64) {
    // SAFETY: callers have a page of RAM.
    _ = unsafe rb_and8(flags + Int(page), ~PageFlag.frozen)
  }

  // MARK: The RAM's file

  /// The first byte of RAM (not a physical address: RAM has no hole) at or after `offset` that may be anything but zero.
  public func nextRAM(from offset: UInt64) -> UInt64? {
    guard offset < ramSize else { return nil }
    // SEEK_DATA is 3 on Linux; the macro hides behind _GNU_SOURCE.
    let found = lseek(ramDescriptor, off_t(clamping: offset), 3)
    if found >= 0 { return UInt64(found) }
    // ENXIO: nothing but holes follow. Other errors: the host cannot tell.
    return errno == ENXIO ? nil : offset
  }
  /// A copy of RAM by offset in RAM; whatever overlays it for the guest does not show. What was never touched stays so.
  public func readRAM(at offset: UInt64, count: Int) -> [UInt8] {
    guard offset < ramSize else { return [] }
    let count = min(max(0, count), Int(ramSize - offset))
    var bytes = [UInt8](repeating: 0, count: count)
    // SAFETY: the kernel writes at most the rest of the array.
    unsafe bytes.withUnsafeMutableBytes { buffer in
      var done = 0
      while done < count, let base = buffer.baseAddress {
        let moved = unsafe pread(ramDescriptor, base + done, count - done, off_t(offset) + off_t(done))
        if moved < 0, errno == EINTR { continue }
        guard moved > 0 else { return }
        done += moved
      }
    }
    return bytes
  }
  /// Puts bytes into RAM by offset in RAM, for a machine that has not run yet: no engine hears of it.
  public func writeRAM(at offset: UInt64, _ bytes: ArraySlice<UInt8>) -> Bool {
    guard offset <= ramSize, UInt64(bytes.count) <= ramSize - offset else { return false }
    // SAFETY: the kernel reads at most the rest of the slice.
    return unsafe bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count, let base = buffer.baseAddress {
        let moved = unsafe pwrite(ramDescriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
        if moved < 0, errno == EINTR { continue }
        guard moved > 0 else { return false }
        done += moved
      }
      return true
    }
  }
  /// All of RAM reads as zeroes, and takes no memory of the host; for a machine that has not run yet.
  public func clearRAM() -> Bool { rb_punch_hole(ramDescriptor, 0, Int64(clamping: ramSize)) == 0 }
}
