import DeviceKit

/// What a SCSI command asks of a disk (SBC-3, SPC-4), told apart from how it is carried.
///
/// Logical blocks are 512 bytes. Offered: reads, writes, flushes, UNMAP and WRITE SAME of zeroes, and what drivers ask
/// before they use a disk. No reservations, no self-tests.
struct SCSIDisk: Sendable {
  enum Outcome: Equatable, Sendable {
    case good
    /// Bytes for the initiator, already cut to what it allows.
    case reply([UInt8])
    case check(SenseKey, code: UInt8, qualifier: UInt8)
    /// A transfer of whole blocks.
    case transfer(BlockRequest.Operation, sector: UInt64, blocks: UInt64)
    /// Blocks to be cleared, one range after the other.
    case clear(BlockRequest.Operation, [Range<UInt64>])
    case flush
  }
  let medium: MediumInfo
  /// Bytes of a transfer; what a backend accepts.
  static let transferLimit: UInt64 = 64 << 20
  /// Ranges of an UNMAP command, and blocks of one.
  static let unmapRanges = 64, unmapBlocks: UInt64 = 1 << 22

  /// Bytes of data that a command brings besides what a transfer moves: 0 for most.
  func parameterCount(_ command: [UInt8]) -> Int {
    switch command[0] {
    case 0x42: Int(number(command, 7, 2))
    case 0x41, 0x93: 512
    case 0x15: Int(command[4])
    case 0x55: Int(number(command, 7, 2))
    default: 0
    }
  }

  /// `command` has at least 16 bytes; `data` is what `parameterCount` said, as far as the initiator sent it.
  func perform(_ command: [UInt8], data: [UInt8]) -> Outcome {
    switch command[0] {
    case 0x00, 0x1b, 0x1e, 0x2f, 0x8f: return .good  // TEST UNIT READY, START STOP, PREVENT REMOVAL, VERIFY
    case 0x03: return reply(sense(.none, 0, 0), allocation: Int(command[4]))
    case 0x08, 0x0a:
      let count = command[4] == 0 ? 256 : UInt64(command[4])
      return transfer(command[0] == 0x0a, number(command, 1, 3) & 0x1f_ffff, count)
    case 0x28, 0x2a: return transfer(command[0] == 0x2a, number(command, 2, 4), number(command, 7, 2))
    case 0xa8, 0xaa: return transfer(command[0] == 0xaa, number(command, 2, 4), number(command, 6, 4))
    case 0x88, 0x8a: return transfer(command[0] == 0x8a, number(command, 2, 8), number(command, 10, 4))
    case 0x35, 0x91: return .flush
    case 0x12: return inquiry(command)
    case 0x1a: return modeSense(command[2], long: false, allocation: Int(command[4]))
    case 0x5a: return modeSense(command[2], long: true, allocation: Int(number(command, 7, 2)))
    case 0x15, 0x55: return .good  // MODE SELECT: nothing here can be changed, and nothing depends on it
    case 0x25: return readCapacity10()
    case 0x9e: return command[1] & 0x1f == 0x10 ? readCapacity16(command) : illegal(0x24)
    case 0xa0:
      return reply([0, 0, 0, 8, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8), allocation: Int(number(command, 6, 4)))
    case 0x42: return unmap(data)
    case 0x41: return writeSame(command, data, number(command, 2, 4), number(command, 7, 2))
    case 0x93: return writeSame(command, data, number(command, 2, 8), number(command, 10, 4))
    default: return illegal(0x20)
    }
  }

  /// Fixed-format sense data (SPC-4, 4.5.3).
  func sense(_ key: SenseKey, _ code: UInt8, _ qualifier: UInt8) -> [UInt8] {
    [0x70, 0, key.rawValue, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0, 0, 0, 0]
  }
  private func illegal(_ code: UInt8) -> Outcome { .check(.illegalRequest, code: code, qualifier: 0) }
  private func number(_ bytes: [UInt8], _ at: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 << 8 | UInt64(at + $1 < bytes.count ? bytes[at + $1] : 0) }
  }
  private func big(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
  }
  private func reply(_ bytes: [UInt8], allocation: Int) -> Outcome { .reply(Array(bytes.prefix(allocation))) }

  private func fits(_ sector: UInt64, _ blocks: UInt64) -> Bool {
    sector <= medium.sectors && blocks <= medium.sectors - sector
  }
  private func transfer(_ isWrite: Bool, _ sector: UInt64, _ blocks: UInt64) -> Outcome {
    guard fits(sector, blocks) else { return illegal(0x21) }
    guard blocks <= SCSIDisk.transferLimit / 512 else { return illegal(0x24) }
    if isWrite, medium.readOnly { return .check(.dataProtect, code: 0x27, qualifier: 0) }
    return blocks == 0 ? .good : .transfer(isWrite ? .write : .read, sector: sector, blocks: blocks)
  }

  // MARK: Giving up blocks

  private func unmap(_ data: [UInt8]) -> Outcome {
    guard !medium.readOnly else { return .check(.dataProtect, code: 0x27, qualifier: 0) }
    let length = min(Int(number(data, 2, 2)), max(0, data.count - 8))
    guard length / 16 <= SCSIDisk.unmapRanges else { return illegal(0x26) }
    var ranges: [Range<UInt64>] = []
    for index in 0..<length / 16 {
      let sector = number(data, 8 + index * 16, 8), blocks = number(data, 16 + index * 16, 4)
      guard fits(sector, blocks) else { return illegal(0x21) }
      guard blocks <= SCSIDisk.unmapBlocks else { return illegal(0x26) }
      if blocks > 0 { ranges.append(sector..<sector + blocks) }
    }
    return ranges.isEmpty ? .good : .clear(.discard, ranges)
  }
  /// Zeroes only: that is what drivers use it for.
  private func writeSame(_ command: [UInt8], _ data: [UInt8], _ sector: UInt64, _ blocks: UInt64) -> Outcome {
    guard !medium.readOnly else { return .check(.dataProtect, code: 0x27, qualifier: 0) }
    guard blocks > 0, blocks <= SCSIDisk.unmapBlocks else { return illegal(0x24) }
    guard fits(sector, blocks) else { return illegal(0x21) }
    guard data.count == 512, data.allSatisfy({ $0 == 0 }) else { return illegal(0x26) }
    return .clear(.writeZeroes, [sector..<sector + blocks])
  }

  // MARK: Information

  private func readCapacity10() -> Outcome {
    let last = medium.sectors == 0 ? 0 : medium.sectors - 1
    return .reply(big(min(last, 0xffff_ffff), 4) + big(512, 4))
  }
  private func readCapacity16(_ command: [UInt8]) -> Outcome {
    let last = medium.sectors == 0 ? 0 : medium.sectors - 1
    var bytes = big(last, 8) + big(512, 4)
    // Eight logical blocks a physical one; blocks can be unmapped and then read as zeroes or as before.
    bytes += [0, 3, 0x80, 0] + [UInt8](repeating: 0, count: 16)
    return reply(bytes, allocation: Int(number(command, 10, 4)))
  }
  private func text(_ value: String, _ size: Int) -> [UInt8] {
    let bytes = Array(value.utf8.map { $0 >= 0x20 && $0 < 0x7f ? $0 : 0x20 }.prefix(size))
    return bytes + [UInt8](repeating: 0x20, count: size - bytes.count)
  }
  private func inquiry(_ command: [UInt8]) -> Outcome {
    let allocation = Int(number(command, 3, 2))
    guard command[1] & 1 == 1 else {
      guard command[2] == 0 else { return illegal(0x24) }
      // SPC-4, response format 2, command queuing.
      let bytes: [UInt8] = [0, 0, 6, 2, 31, 0, 0, 2] + text("RINGBOX", 8) + text("DISK", 16) + text("1.0", 4)
      return reply(bytes, allocation: allocation)
    }
    let page: [UInt8]
    switch command[2] {
    case 0x00: page = [0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2]
    case 0x80: page = Array(medium.serial.utf8.prefix(20))
    case 0x83:
      // T10 vendor identification: vendor and serial number.
      let name = text("RINGBOX", 8) + Array(medium.serial.utf8.prefix(20))
      page = [2, 1, 0, UInt8(name.count)] + name
    case 0xb0:
      var limits = [UInt8](repeating: 0, count: 60)
      limits.replaceSubrange(4..<8, with: big(SCSIDisk.transferLimit / 512, 4))
      limits.replaceSubrange(16..<20, with: big(SCSIDisk.unmapBlocks, 4))
      limits.replaceSubrange(20..<24, with: big(UInt64(SCSIDisk.unmapRanges), 4))
      limits.replaceSubrange(24..<28, with: big(8, 4))
      limits.replaceSubrange(32..<40, with: big(SCSIDisk.unmapBlocks, 8))
      page = limits
    case 0xb1: page = [0, 1] + [UInt8](repeating: 0, count: 58)  // does not rotate
    case 0xb2: page = [0, 0xe0, 0, 0]  // UNMAP, WRITE SAME (16) and (10)
    default: return illegal(0x24)
    }
    return reply([0, command[2]] + big(UInt64(page.count), 2) + page, allocation: allocation)
  }
  /// Pages 08h (caching: write cache on) and 3Fh (all).
  private func modeSense(_ page: UInt8, long: Bool, allocation: Int) -> Outcome {
    guard page >> 6 != 3 else { return illegal(0x39) }
    guard [0x08, 0x3f].contains(page & 0x3f) else { return illegal(0x24) }
    let caching: [UInt8] = [0x08, 18, page >> 6 == 1 ? 0 : 0x04] + [UInt8](repeating: 0, count: 17)
    let device: UInt8 = medium.readOnly ? 0x80 : 0
    let bytes =
      long
      ? big(UInt64(caching.count + 6), 2) + [0, device, 0, 0, 0, 0] + caching
      : [UInt8(caching.count + 3), 0, device, 0] + caching
    return reply(bytes, allocation: allocation)
  }
}
