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
  deinit { if descriptor >= 0 { close(descriptor) } }
}
