import Foundation

/// What a VM process has of the host's memory, from /proc/PID/smaps.
public struct ProcessMemory: Sendable {
  /// Private bytes of everything but the guest's memory: the process's own cost.
  public private(set) var own = 0
  /// Resident bytes of the guest's memory, by what it is: `ram`, `vram`, `bios`.
  public private(set) var guest: [String: Int] = [:]

  /// Processor time that a process has used, in ticks of 10 ms.
  public static func ticks(of process: Int32) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // Behind the name in brackets: fields 3 and on; user and system time are 14 and 15.
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ").dropFirst()
    let times = fields.dropFirst(11).prefix(2)
    return times.compactMap { Int($0) }.reduce(0, +)
  }

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
