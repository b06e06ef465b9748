import Base
import HostSystem
import Service

/// Figures of the host and of machines' processes, from /proc.
enum HostMetrics {
  private static func lines(_ path: String) -> [Substring] {
    guard let bytes = try? WholeFile.read(path, maximum: 1 << 20) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
  /// KiB by name.
  private static func memory() -> [String: Int64] {
    lines("/proc/meminfo").reduce(into: [:]) { values, line in
      let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " })
      if parts.count > 1, let number = Int64(parts[1]) { values[String(parts[0])] = number }
    }
  }
  static func host(_ folder: String) -> JSON {
    let memory = memory()
    let processors = lines("/proc/stat").filter { $0.hasPrefix("cpu") && $0.dropFirst(3).first?.isNumber == true }
    let total = lines("/proc/stat").first?.split(separator: " ").dropFirst().compactMap { Int64($0) } ?? []
    let idle = total.count > 4 ? total[3] + total[4] : 0
    return [
      "system": .string(lines("/proc/sys/kernel/ostype").first.map(String.init) ?? "Linux"),
      "release": .string(lines("/proc/sys/kernel/osrelease").first.map(String.init) ?? ""),
      "processors": .integer(Int64(processors.count)),
      "memory": .integer((memory["MemTotal"] ?? 0) << 10),
      "memoryAvailable": .integer((memory["MemAvailable"] ?? 0) << 10),
      // Jiffies since the host started: clients take differences.
      "cpuBusy": .integer(total.reduce(0, +) - idle), "cpuTotal": .integer(total.reduce(0, +)),
      "load": .number(lines("/proc/loadavg").first?.split(separator: " ").first.flatMap { Double($0) } ?? 0),
      "diskFree": .integer(HostFigures.freeBytes(folder) ?? HostFigures.freeBytes("/") ?? 0),
    ]
  }

  static func machine(_ client: VMClient) throws(ServiceError) -> JSON {
    var json: JSON = [:]
    if let process = client.process {
      let text = lines("/proc/\(process)/stat").first ?? ""
      // The name in parentheses may hold anything; fields count from behind it.
      let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
      func field(_ number: Int) -> Int64 { fields.count > number ? Int64(fields[number]) ?? 0 : 0 }
      let milliseconds = (field(12) + field(13)) * 1000 / Int64(max(1, HostFigures.ticksPerSecond))
      json.set("process", .integer(Int64(process)))
      json.set("cpuMilliseconds", .integer(milliseconds))
      json.set("residentBytes", .integer(field(22) * Int64(HostFigures.pageBytes)))
      json.set("threads", .integer(field(18)))
    }
    json.set("time", .integer(HostClock.wallNanoseconds / 1_000_000))
    json.set("engine", .array(try client.command("engine-statistics")["cpus"]?.array ?? []))
    json.set("devices", try client.command("statistics")["statistics"] ?? [:])
    json.set("cards", .array(try client.command("network")["cards"]?.array ?? []))
    return json
  }

  /// The volume's name in the primary volume descriptor (ECMA-119, 8.4.7); empty when there is none.
  static func label(_ path: String) throws(ServiceError) -> String {
    var bytes = [UInt8](repeating: 0, count: 2048)
    do throws(SystemCallError) {
      let file = try FileDescriptor(opening: path, .readOnly)
      guard try file.info().kind == .regular else { return "" }
      _ = try HostBuffer.over(&bytes) { buffer throws(SystemCallError) in try file.read(at: 16 * 2048, into: [buffer]) }
    } catch {
      throw ServiceError(.fileError, "Could not open '\(path)': \(error.reason)", .medium)
    }
    guard bytes[0] == 1, bytes[1...5].elementsEqual("CD001".utf8) else { return "" }
    let text = bytes[40..<72].filter { (0x20..<0x7f).contains($0) }
    return String(decoding: text, as: UTF8.self).split(separator: " ").joined(separator: " ")
  }

  /// Folders first, by name; hidden ones left out.
  static func entries(_ folder: String) -> [JSON] {
    let names = HostPaths.names(in: folder, limit: 5000).filter { !$0.hasPrefix(".") }
    let entries = names.map { (name: $0, isFolder: FileStamp.isFolder("\(folder)/\($0)")) }
    return entries.sorted { ($0.isFolder ? 0 : 1, $0.name) < ($1.isFolder ? 0 : 1, $1.name) }.map {
      ["name": .string($0.name), "folder": .bool($0.isFolder)]
    }
  }
}
