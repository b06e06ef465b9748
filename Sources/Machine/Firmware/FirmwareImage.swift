import Base
import Devices
import GuestMemory
import HostSystem

/// The BIOS image: below 4 GiB as ROM, and its last 128 KiB below 1 MiB as an ISA BIOS.
struct FirmwareImage: Sendable {
  static let defaultPath = "/usr/share/seabios/bios-256k.bin"
  /// The one for VMware's adapter knows which BAR of it the video memory is.
  static func videoPath(_ controller: GraphicsController) -> String {
    "/usr/share/seabios/vgabios-\(controller == .vmSVGA ? "vmware" : "stdvga").bin"
  }
  private static let pageSize = 4096
  private static let largest = 16 << 20
  private static let legacySize = 128 << 10
  private static let legacyEnd: UInt64 = 1 << 20

  let bytes: [UInt8]

  /// Reads the image; without `path` the one of Debian's package seabios.
  init(path: String?) throws(MachineError) {
    let file = path ?? FirmwareImage.defaultPath
    do throws(FileError) {
      bytes = try WholeFile.read(file, maximum: FirmwareImage.largest)
    } catch {
      guard path == nil else { throw .unreadable("firmware", error) }
      throw MachineError(
        .file, "no firmware: '\(file)' \(error.reason); install the package seabios or name an image with --firmware")
    }
    guard bytes.count >= 64 << 10, bytes.count % FirmwareImage.pageSize == 0 else {
      throw MachineError(
        .file, "firmware '\(file)': \(bytes.count) bytes is no BIOS image (64 KiB to 16 MiB, a multiple of 4 KiB)")
    }
  }

  /// Maps the ROM at the end of the first 4 GiB.
  func map(into memory: GuestMemory) throws(MachineError) {
    let address = GuestPhysical((4 << 30) - UInt64(bytes.count))
    do {
      let file = try MemoryFile(name: "ringbox-bios", size: bytes.count)
      try memory.mapDeviceMemory(
        descriptor: file.descriptor, at: address, size: UInt64(bytes.count), readOnly: true)
    } catch {
      throw .host("cannot map the firmware", error)
    }
    memory.load(address, bytes)
  }

  /// Puts the copy below 1 MiB back as after power-on; what the guest made of it is lost.
  func loadLegacyCopy(into memory: GuestMemory) {
    let copy = Array(bytes.suffix(FirmwareImage.legacySize))
    memory.load(GuestPhysical(FirmwareImage.legacyEnd - UInt64(copy.count)), copy)
  }

  /// The video BIOS that goes with the board's display; nil when it is not installed.
  static func videoBIOS(_ controller: GraphicsController) -> [UInt8]? {
    let bytes = try? WholeFile.read(videoPath(controller), maximum: 1 << 20)
    guard let bytes, bytes.starts(with: [0x55, 0xaa]) else { return nil }
    return bytes
  }
}
