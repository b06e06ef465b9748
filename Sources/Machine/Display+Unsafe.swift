import Base
import DeviceKit
import Devices
import GuestMemory
import HostSystem

/// Video memory that the guest sees directly: the adapter and the guest share one memory file.
final class DisplayMemory: Sendable {
  /// 16 MiB: 1600 x 1200 with 32 bits, twice.
  static let size = 16 << 20
  let file: MemoryFile
  let memory: VideoMemory

  init() throws(MachineError) {
    do throws(FileError) {
      file = try MemoryFile(name: "ringbox-vram", size: DisplayMemory.size)
      let mapped = try file.map()
      // SAFETY: a mapping is page-aligned, `size` bytes long (a multiple of 64 KiB), and lives as long as `mapped`.
      let memory = unsafe VideoMemory(mapped.base, size: mapped.size, owner: mapped) { [file] at, count in
        file.release(at, count: count)
      }
      guard let memory else {
        throw FileError(path: "ringbox-vram", problem: .tooLong(limit: VideoMemory.maximumSize))
      }
      self.memory = memory
    } catch {
      throw .host("cannot make video memory", error.reason)
    }
  }
}
