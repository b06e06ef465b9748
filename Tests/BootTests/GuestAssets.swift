import Foundation
import TestSupport

/// The real guests that boot tests use; `Tools/guest-assets/all.sh` makes them.
enum GuestAssets {
  /// `RINGBOX_ASSETS`, else `.build/guest-assets` below the package.
  static let folder: String =
    ProcessInfo.processInfo.environment["RINGBOX_ASSETS"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent(".build/guest-assets").path

  static func path(_ name: String) -> String { folder + "/" + name }

  /// Debian's kernel with the busybox initial RAM disk.
  static func linux(_ architecture: String, console: String = "ttyS0", extra: [String] = []) -> [String] {
    [
      "--memory", "512M", "--kernel", path("\(architecture)/linux"), "--initrd", path("\(architecture)/busybox.gz"),
      "--append", "console=\(console)",
    ] + extra
  }

  /// A private copy of a disk image, sparse like the original; removed with the returned object.
  static func copy(_ name: String) throws -> TemporaryImage { try TemporaryImage(copying: path(name)) }

  /// Tests that take many minutes are wanted: RINGBOX_LONG_TESTS is set and not empty.
  static let hasTime = ProcessInfo.processInfo.environment["RINGBOX_LONG_TESTS"].map { !$0.isEmpty } ?? false
  static let marker = "RINGBOX-INITRD-READY"
  /// Boot deadlines are for a busy 2-core machine; a quiet one needs a tenth of this.
  static let bootTimeout: TimeInterval = 300
}

final class TemporaryImage {
  let path: String
  init(copying source: String) throws {
    path = NSTemporaryDirectory() + "ringbox-\(UUID().uuidString).img"
    _ = try Shell.run("/bin/cp", ["--sparse=always", "--reflink=auto", source, path])
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension KeptMachines {
  /// Makes a machine that starts Debian's kernel to a shell on its serial port; without a disk.
  func createDebian(_ name: String) throws {
    _ = try output(["createvm", "--name", name, "--ostype", "Debian_64", "--register"])
    _ = try output([
      "modifyvm", name, "--memory", "256", "--nic1", "none", "--uart1", "0x3F8", "4", "--uartmode1", "disconnected",
    ])
    for (key, value) in [
      ("Kernel", GuestAssets.path("amd64/linux")), ("Initrd", GuestAssets.path("amd64/busybox.gz")),
      ("Append", "console=ttyS0"),
    ] { _ = try output(["setextradata", name, "Ringbox/\(key)", value]) }
  }
}
