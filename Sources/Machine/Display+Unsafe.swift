import Base
import DeviceKit
import Devices
import GuestMemory
import HostSystem

/// Memory of the display adapter that the guest sees directly: the two share one memory file.
final class DisplayMemory: Sendable {
  let size: Int
  let file: MemoryFile
  let memory: VideoMemory

  /// `size`: a multiple of 64 KiB.
  init(size: Int = MachineConfiguration.Graphics.usualMemory) throws(MachineError) {
    self.size = size
    do throws(FileError) {
      file = try MemoryFile(name: "ringbox-vram", size: size)
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
