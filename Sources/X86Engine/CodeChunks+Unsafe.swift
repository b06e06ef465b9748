import Base
import CHost
import GuestMemory
import HostSystem

/// The 64-byte chunks of guest-physical memory that one vCPU has made code of: who stores to code tells only those vCPUs
/// that have some of it.
///
/// A chunk is noted before its bytes are marked and read, so whoever clears the mark finds the note. Written by the vCPU's
/// thread, read by any.
// SAFETY(type): the mapping has a word for each page below `top`, and pages are compared with it first; words change
// atomically.
@safe final class CodeChunks: Sendable {
  private let words: MappedMemory
  private let count: UInt64

  /// Pages below the guest-physical address `top`.
  init(top: UInt64) {
    count = top >> 12
    words = MappedMemory(zeroed: Int(count) * 8)
  }

  /// Whether there is code from `count` bytes inside one page.
  func contains(_ address: UInt64, _ count: Int) -> Bool {
    guard let word = unsafe word(address) else { return false }
    return unsafe rb_load64(word) & mask(address, count) != 0
  }
  func insert(_ address: UInt64, _ count: Int) {
    guard let word = unsafe word(address), unsafe rb_load64(word) & mask(address, count) != mask(address, count) else {
      return
    }
    _ = unsafe rb_or64(word, mask(address, count))
  }
  func remove(_ address: UInt64, _ count: Int) {
    guard let word = unsafe word(address), unsafe rb_load64(word) & mask(address, count) != 0 else { return }
    _ = unsafe rb_and64(word, ~mask(address, count))
  }

  private func mask(_ address: UInt64, _ count: Int) -> UInt64 {
    GuestMemory.chunkMask(GuestPhysical(address), count)
  }
  private func word(_ address: UInt64) -> UnsafeMutableRawPointer? {
    address >> 12 < count ? unsafe words.base + Int(address >> 12) * 8 : nil
  }
}
