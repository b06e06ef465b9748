import HostSystem

/// A kernel, its initial RAM disk and its command line, as files that are read when the guest asks for them.
///
/// They are checked when the machine is built, then let go of: a running guest has its own copy.
struct KernelSource: Sendable {
  private static let largestKernel = 1 << 30
  private static let largestInitrd = 2 << 30

  let kernel: String
  let initrd: String?
  let commandLine: [UInt8]

  /// Checks that a machine with `lowMemory` bytes below 4 GiB can boot this.
  init(_ configuration: MachineConfiguration, kernel: String, lowMemory: UInt64) throws(MachineError) {
    self.kernel = kernel
    initrd = configuration.initrd
    commandLine = Array(configuration.append.utf8)
    // What the firmware keeps for itself at the top of RAM is well below 1 MiB.
    let usable = lowMemory > 2 << 20 ? lowMemory - (1 << 20) : 1 << 20
    let map = [
      MemoryRange(base: 0, size: 0x9fc00, type: 1), MemoryRange(base: 1 << 20, size: usable - (1 << 20), type: 1),
    ]
    _ = try plan(map, nil)
  }

  func plan(_ map: [MemoryRange], _ rsdp: [UInt8]?) throws(MachineError) -> BootPlan {
    let image: [UInt8]
    do throws(FileError) {
      image = try WholeFile.read(kernel, maximum: KernelSource.largestKernel)
    } catch {
      throw .unreadable("kernel", error)
    }
    var disk: [UInt8]?
    if let initrd {
      do throws(FileError) {
        disk = try WholeFile.read(initrd, maximum: KernelSource.largestInitrd)
      } catch {
        throw .unreadable("initrd", error)
      }
      if disk?.isEmpty == true { throw MachineError(.file, "initrd '\(initrd)': is empty") }
    }
    do throws(KernelError) {
      return try KernelFile.parse(image).plan(map: map, commandLine: commandLine, initrd: disk, rsdp: rsdp)
    } catch {
      throw MachineError(.file, "kernel '\(kernel)': \(error.reason)")
    }
  }
}
