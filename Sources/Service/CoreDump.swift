import HostSystem

/// The guest's memory as an ELF file, as debuggers read it.
enum CoreDump {
  /// RAM below 4 GiB ends where the devices begin.
  private static let hole: UInt64 = 0xc000_0000
  private static let piece: UInt64 = 131_072

  static func write(
    _ path: String, bytes: UInt64, _ client: VMClient, _ progress: (UInt64) -> Bool
  ) throws(ServiceError) {
    let low = min(bytes, hole)
    var areas: [(address: UInt64, size: UInt64)] = [(0, low)]
    if bytes > low { areas.append((1 << 32, bytes - low)) }
    let file: OutputFile
    do throws(FileError) { file = try OutputFile(creating: path) } catch {
      throw ServiceError(.fileError, "Could not create '\(path)': \(error.reason)", .console)
    }
    do throws(ServiceError) {
      try put(header(areas), file)
      var done: UInt64 = 0
      for area in areas {
        var position: UInt64 = 0
        while position < area.size {
          let count = min(piece, area.size - position)
          try put(try client.memory(at: area.address + position, count: Int(count)), file)
          position += count
          done += count
          guard progress(done) else { throw ServiceError(.failure, "The dump was cancelled", .console) }
        }
      }
    } catch {
      // Half of it would look like all of it.
      HostFiles.remove(path)
      throw error
    }
  }
  private static func put(_ bytes: [UInt8], _ file: OutputFile) throws(ServiceError) {
    guard file.append(bytes) else { throw ServiceError(.fileError, "Could not write '\(file.path)'", .console) }
  }
  private static func header(_ areas: [(address: UInt64, size: UInt64)]) -> [UInt8] {
    func little(_ number: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    bytes += little(4, 2) + little(62, 2) + little(1, 4) + little(0, 8) + little(64, 8) + little(0, 8) + little(0, 4)
    bytes += little(64, 2) + little(56, 2) + little(UInt64(areas.count), 2) + little(0, 6)
    var offset = UInt64(4096)
    for area in areas {
      bytes += little(1, 4) + little(7, 4) + little(offset, 8) + little(area.address, 8) + little(area.address, 8)
      bytes += little(area.size, 8) + little(area.size, 8) + little(4096, 8)
      offset += area.size
    }
    return bytes + [UInt8](repeating: 0, count: 4096 - bytes.count)
  }
}

extension Registry {
  /// Writes the memory of a machine that runs into a file. `progress` is told of bytes done and of all, and says
  /// whether to go on.
  public func dumpMemory(
    of settings: MachineSettings, to path: String, progress: (UInt64, UInt64) -> Bool = { _, _ in true }
  ) throws(ServiceError) {
    let all = UInt64(settings.memory) << 20
    try CoreDump.write(path, bytes: all, try client(settings)) { progress($0, all) }
  }
}

/// Bytes as the control channel writes them.
public enum Hex {
  /// Exactly `count` bytes; what is missing is zero.
  public static func bytes(_ text: String, count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var high: UInt8?
    var index = 0
    for byte in text.utf8 {
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x61...0x66: digit = byte - 0x61 + 10
      case 0x41...0x46: digit = byte - 0x41 + 10
      default: continue
      }
      guard let first = high else {
        high = digit
        continue
      }
      if index < count { bytes[index] = first << 4 | digit }
      index += 1
      high = nil
    }
    return bytes
  }
}
