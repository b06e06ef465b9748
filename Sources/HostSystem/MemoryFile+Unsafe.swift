import CHost
import Glibc

/// Anonymous memory behind a descriptor, to be mapped into a guest.
public final class MemoryFile: Sendable {
  /// Valid while this object lives; a mapping made of it stays after that.
  public let descriptor: Int32
  /// Bytes.
  public let size: Int

  /// Zero-filled memory of `size` bytes.
  public init(name: String, size: Int) throws(FileError) {
    // SAFETY: the string's bytes live for the duration of the call.
    descriptor = unsafe rb_memfd(name)
    self.size = size
    guard descriptor >= 0 else {
      throw FileError(path: name, problem: .system(call: "memfd_create", errno: errno))
    }
    guard ftruncate(descriptor, off_t(size)) == 0 else {
      throw FileError(path: name, problem: .system(call: "ftruncate", errno: errno))
    }
  }
  /// Maps all of it into this process, for reading and writing. Ends with the object that owns it.
  public func map() throws(FileError) -> MappedMemory {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing; the result is checked.
    let base = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
    guard let base = unsafe base, unsafe base != MAP_FAILED else {
      throw FileError(path: "memory", problem: .system(call: "mmap", errno: errno))
    }
    // SAFETY: the mapping made above, of `size` bytes, handed over.
    return unsafe MappedMemory(owning: base, size: size)
  }
  /// Gives the memory of a range back to the host, after which it reads as zero; whole pages count. False when the
  /// host refuses.
  public func release(_ offset: Int, count: Int) -> Bool {
    rb_punch_hole(descriptor, Int64(offset), Int64(count)) == 0
  }
  deinit { if descriptor >= 0 { close(descriptor) } }
}

/// Memory mapped into this process while this object lives.
// SAFETY(type): the address never changes and is valid for `size` bytes until deinit; what lies there is shared memory
// without any invariant. Hence also @unchecked Sendable.
@safe public final class MappedMemory: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  /// Bytes.
  public let size: Int

  // SAFETY: the caller hands over a mapping of exactly `size` bytes.
  fileprivate init(owning base: UnsafeMutableRawPointer, size: Int) {
    // SAFETY: stored only.
    unsafe self.base = base
    self.size = size
  }
  /// Private memory of `size` bytes that reads as zero and takes none of the host's until it is written. Traps when the host
  /// has no room in the address space, as any allocation does.
  public convenience init(zeroed size: Int) {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing; the result is checked.
    let base = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let base = unsafe base, unsafe base != MAP_FAILED else { fatalError("no room for \(size) bytes of memory") }
    // SAFETY: the mapping made above, of `size` bytes, handed over.
    unsafe self.init(owning: base, size: size)
  }
  deinit {
    // SAFETY: our own mapping, and nobody is left who could use it.
    _ = unsafe munmap(base, size)
  }
}
