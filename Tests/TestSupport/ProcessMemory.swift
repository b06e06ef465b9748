import Foundation

/// What a VM process has of the host's memory, from /proc/PID/smaps.
public struct ProcessMemory: Sendable {
  /// Private bytes of everything but the guest's memory: the process's own cost.
  public private(set) var own = 0
  /// Resident bytes of the guest's memory, by what it is: `ram`, `vram`, `bios`.
  public private(set) var guest: [String: Int] = [:]

  public init(of process: Int32) throws {
    let text = try String(contentsOfFile: "/proc/\(process)/smaps", encoding: .utf8)
    var memory: Substring?
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let first = words.first else { continue }
      if !first.hasSuffix(":") {
        // A mapping: addresses, rights, offset, device, inode, name.
        memory = words.first { $0.hasPrefix("/memfd:ringbox-") }?.dropFirst("/memfd:ringbox-".count)
        continue
      }
      guard words.count > 1, let kib = Int(words[1]) else { continue }
      switch (first, memory) {
      case ("Private_Clean:", nil), ("Private_Dirty:", nil): own += kib << 10
      case ("Rss:", let name?): guest[String(name), default: 0] += kib << 10
      default: break
      }
    }
  }
}
