import Base
import DeviceKit

/// Sense keys (SPC-3, table 27).
enum SenseKey: UInt8 {
  case none = 0, notReady = 2, mediumError = 3, illegalRequest = 5, unitAttention = 6, dataProtect = 7
}

/// The commands of a CD-ROM drive (MMC-5, SFF-8020i).
extension ATAUnit {
  /// What the controller has to do for a command packet.
  enum PacketOutcome: Equatable {
    /// It has ended well, without data.
    case done
    /// It has ended with these bits in the error register; the drive has sense data.
    case failed(UInt8)
    /// Bytes for the host: at least one.
    case reply([UInt8])
    /// Sectors of 512 bytes to be read: at least one block of four.
    case read(sector: UInt64, count: UInt32)
  }
  /// A CD-ROM drive with a medium in it, and its tray closed.
  var hasMedium: Bool { configuration.medium.sectors >= 4 && !drive.trayOpen }
  /// Logical blocks of 2048 bytes.
  var discBlocks: UInt64 { configuration.medium.sectors / 4 }

  // MARK: Packets

  /// `packet` has at least 12 bytes.
  mutating func perform(packet: [UInt8]) -> PacketOutcome {
    // Overlapped operation is not offered.
    guard drive.features & 2 == 0 else { return check(.illegalRequest, 0x24) }
    if drive.unitAttention, ![0x03, 0x12, 0x46, 0x4a].contains(packet[0]) {
      drive.unitAttention = false
      return check(.unitAttention, 0x28)
    }
    switch packet[0] {
    case 0x00: return ready { $0.packetDone() }  // TEST UNIT READY
    case 0x03: return requestSense(packet)
    case 0x12: return inquiry(packet)
    case 0x1b: return startStopUnit(packet)
    case 0x1e:  // PREVENT ALLOW MEDIUM REMOVAL
      drive.locked = packet[4] & 1 == 1
      return packetDone()
    case 0x25: return ready { $0.readCapacity() }
    case 0x28: return read(word32(packet, 2), UInt32(word16(packet, 7)))
    case 0xa8: return read(word32(packet, 2), word32(packet, 6))
    case 0x2b, 0x4e, 0xbb: return ready { $0.packetDone() }  // SEEK, STOP PLAY, SET CD SPEED
    case 0x43: return ready { $0.readTOC(packet) }
    case 0x46: return getConfiguration(packet)
    case 0x4a: return getEventStatus(packet)
    case 0x51: return ready { $0.readDiscInformation(packet) }
    case 0x1a: return modeSense(packet[2], long: false, allocation: Int(packet[4]))
    case 0x5a: return modeSense(packet[2], long: true, allocation: word16(packet, 7))
    case 0xbd: return reply([0, 0, 0, 0, 0, 1, 0, 0], allocation: word16(packet, 8))  // MECHANISM STATUS
    case 0xbe: return readCD(packet)
    default: return check(.illegalRequest, 0x20)
    }
  }
  func word16(_ bytes: [UInt8], _ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
  func word32(_ bytes: [UInt8], _ at: Int) -> UInt32 { UInt32(word16(bytes, at)) << 16 | UInt32(word16(bytes, at + 2)) }

  /// Goes on if there is a medium, else ends with NOT READY.
  private mutating func ready(_ body: (inout ATAUnit) -> PacketOutcome) -> PacketOutcome {
    guard hasMedium else { return check(.notReady, 0x3a, qualifier: drive.trayOpen ? 2 : 1) }
    return body(&self)
  }
  /// The command has ended well: there is no sense data any more.
  mutating func packetDone() -> PacketOutcome {
    (drive.senseKey, drive.senseCode, drive.senseQualifier) = (0, 0, 0)
    return .done
  }
  /// Ends a command with sense data.
  mutating func check(_ key: SenseKey, _ code: UInt8, qualifier: UInt8 = 0) -> PacketOutcome {
    .failed(drive.setSense(key, code, qualifier))
  }
  /// At most `allocation` bytes of a reply.
  private mutating func reply(_ bytes: [UInt8], allocation: Int) -> PacketOutcome {
    let data = Array(bytes.prefix(max(0, allocation)))
    return data.isEmpty ? packetDone() : .reply(data)
  }

  // MARK: Reading

  private mutating func read(_ block: UInt32, _ count: UInt32) -> PacketOutcome {
    guard hasMedium else { return check(.notReady, 0x3a, qualifier: drive.trayOpen ? 2 : 1) }
    guard UInt64(block) <= discBlocks, UInt64(count) <= discBlocks - UInt64(block), count <= 1 << 20 else {
      return check(.illegalRequest, 0x21)
    }
    // Requests by DMA are bounded: 64 MiB are more than any driver asks.
    if drive.features & 1 == 1, count > 32_768 { return check(.illegalRequest, 0x24) }
    return count == 0 ? packetDone() : .read(sector: UInt64(block) * 4, count: count * 4)
  }
  /// READ CD: data sectors in mode 1, user data only.
  private mutating func readCD(_ packet: [UInt8]) -> PacketOutcome {
    let count = UInt32(packet[6]) << 16 | UInt32(word16(packet, 7))
    switch packet[9] & 0xf8 {
    case 0x00: return ready { $0.packetDone() }
    case 0x10: return read(word32(packet, 2), count)
    default: return check(.illegalRequest, 0x24)
    }
  }
  private mutating func readCapacity() -> PacketOutcome {
    return reply(ATAUnit.big32(UInt32(clamping: max(1, discBlocks) - 1)) + [0, 0, 8, 0], allocation: 8)
  }
  static func big32(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  // MARK: Information

  private mutating func requestSense(_ packet: [UInt8]) -> PacketOutcome {
    if drive.unitAttention {
      drive.unitAttention = false
      (drive.senseKey, drive.senseCode, drive.senseQualifier) = (SenseKey.unitAttention.rawValue, 0x28, 0)
    }
    let data: [UInt8] = [
      0x70, 0, drive.senseKey, 0, 0, 0, 0, 10, 0, 0, 0, 0, drive.senseCode, drive.senseQualifier, 0, 0, 0, 0,
    ]
    (drive.senseKey, drive.senseCode, drive.senseQualifier) = (0, 0, 0)
    return reply(data, allocation: Int(packet[4]))
  }
  private mutating func inquiry(_ packet: [UInt8]) -> PacketOutcome {
    guard packet[1] & 1 == 0 else { return check(.illegalRequest, 0x24) }
    func text(_ value: String, _ size: Int) -> [UInt8] {
      let bytes = Array(value.utf8.prefix(size))
      return bytes + [UInt8](repeating: 0x20, count: size - bytes.count)
    }
    let model = configuration.model
    let data: [UInt8] =
      [0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0] + text("RINGBOX", 8)
      + text(model.hasPrefix("RINGBOX ") ? String(model.dropFirst(8)) : model, 16) + text("1.0", 4)
    return reply(data, allocation: word16(packet, 3))
  }
  private mutating func startStopUnit(_ packet: [UInt8]) -> PacketOutcome {
    switch packet[4] & 3 {
    case 2:  // eject
      guard !drive.locked else { return check(hasMedium ? .illegalRequest : .notReady, 0x53, qualifier: 2) }
      if !drive.trayOpen { drive.event = 3 }
      drive.trayOpen = true
    case 3:  // load
      if drive.trayOpen, configuration.medium.sectors > 0 {
        drive.unitAttention = true
        drive.event = 2
      }
      drive.trayOpen = false
    default: break
    }
    return packetDone()
  }
  /// READ TOC formats 0 (tracks), 1 (sessions), 2 (full): one data track that fills the disc.
  private mutating func readTOC(_ packet: [UInt8]) -> PacketOutcome {
    let useMSF = packet[1] & 2 != 0
    // SFF-8020i drives take the format from the last byte.
    let format = packet[2] & 15 != 0 ? packet[2] & 15 : packet[9] >> 6
    func address(_ block: UInt64) -> [UInt8] {
      guard useMSF else { return ATAUnit.big32(UInt32(clamping: block)) }
      return [0] + ATAUnit.msf(block)
    }
    var data: [UInt8]
    switch format {
    case 0:
      guard packet[6] <= 1 || packet[6] == 0xaa else { return check(.illegalRequest, 0x24) }
      data = [1, 1]
      if packet[6] <= 1 { data += [0, 0x14, 1, 0] + address(0) }
      data += [0, 0x14, 0xaa, 0] + address(discBlocks)
    case 1: data = [1, 1, 0, 0x14, 1, 0] + address(0)
    case 2:
      data = [1, 1]
      for (point, time): (UInt8, [UInt8]) in [
        (0xa0, [1, 0, 0]), (0xa1, [1, 0, 0]), (0xa2, ATAUnit.msf(discBlocks)), (1, ATAUnit.msf(0)),
      ] { data += [1, 0x14, 0, point, 0, 0, 0, 0] + time }
    default:
      return check(.illegalRequest, 0x24)
    }
    let size = UInt16(data.count)
    return reply([UInt8(size >> 8), UInt8(size & 0xff)] + data, allocation: word16(packet, 7))
  }
  /// Minute, second, frame of a block; the first two seconds come before block 0.
  static func msf(_ block: UInt64) -> [UInt8] {
    let frames = block &+ 150
    return [UInt8(truncatingIfNeeded: min(frames / 4500, 255)), UInt8(frames / 75 % 60), UInt8(frames % 75)]
  }

  /// GET CONFIGURATION: profiles, core, morphing, removable medium, random readable and CD read features.
  private mutating func getConfiguration(_ packet: [UInt8]) -> PacketOutcome {
    let isDVD = discBlocks > 405_000
    let profile: UInt8 = hasMedium ? (isDVD ? 0x10 : 0x08) : 0
    let features: [(code: Int, current: Bool, bytes: [UInt8])] = [
      (0x0000, true, [0x03, 8, 0, 0x10, profile == 0x10 ? 1 : 0, 0, 0, 0x08, profile == 0x08 ? 1 : 0, 0]),
      (0x0001, true, [0x0b, 8, 0, 0, 0, 2, 1, 0, 0, 0]), (0x0002, true, [0x07, 4, 2, 0, 0, 0]),
      (0x0003, true, [0x03, 4, 0x29, 0, 0, 0]),
      (0x0010, hasMedium, [hasMedium ? 1 : 0, 8, 0, 0, 8, 0, 0, 1, 0, 0]),
      (0x001e, profile == 0x08, [profile == 0x08 ? 0x09 : 0x08, 4, 0, 0, 0, 0]),
    ]
    let first = word16(packet, 2)
    let kind = packet[1] & 3
    var data: [UInt8] = [0, 0, 0, profile]
    for feature in features {
      guard kind == 2 ? feature.code == first : feature.code >= first && (kind == 0 || feature.current) else {
        continue
      }
      data += [UInt8(feature.code >> 8), UInt8(feature.code & 0xff)] + feature.bytes
    }
    return reply(ATAUnit.big32(UInt32(data.count)) + data, allocation: word16(packet, 7))
  }
  private mutating func getEventStatus(_ packet: [UInt8]) -> PacketOutcome {
    guard packet[1] & 1 == 1 else {
      return check(.illegalRequest, 0x24)  // asynchronous mode
    }
    guard packet[4] & 0x10 != 0 else {
      return reply([0, 2, 0x80, 0x10], allocation: word16(packet, 7))
    }
    let present: UInt8 = (configuration.medium.sectors > 0 && !drive.trayOpen ? 2 : 0)
    let data: [UInt8] = [
      0, 6, 0x04, 0x10, drive.event, present | (drive.trayOpen ? 1 : 0), 0, 0,
    ]
    drive.event = 0
    return reply(data, allocation: word16(packet, 7))
  }
  private mutating func readDiscInformation(_ packet: [UInt8]) -> PacketOutcome {
    guard packet[1] & 7 == 0 else { return check(.illegalRequest, 0x24) }
    // Finalised disc, last session complete, one session with track 1.
    var data: [UInt8] = [0, 32, 0x0e, 1, 1, 1, 1, 0x20]
    data += [UInt8](repeating: 0, count: 34 - data.count)
    return reply(data, allocation: word16(packet, 7))
  }
  /// MODE SENSE pages: 01h error recovery, 0Eh audio control, 2Ah capabilities, 3Fh all.
  private mutating func modeSense(_ page: UInt8, long: Bool, allocation: Int) -> PacketOutcome {
    guard page >> 6 != 3 else { return check(.illegalRequest, 0x39) }
    let recovery: [UInt8] = [0x01, 6, 0, 5, 0, 0, 0, 0]
    let audio: [UInt8] = [0x0e, 14, 4, 0, 0, 0, 0, 0, 1, 0xff, 2, 0xff, 0, 0, 0, 0]
    // Reads CD-R/RW by method 2 and DVD; tray with lock and eject; 50x speed.
    let locked: UInt8 = drive.locked ? 2 : 0
    let capabilities: [UInt8] = [
      0x2a, 18, 0x3b, 0, 0x70, 0, 0x29 | locked, 0, 0x22, 0xc4, 0, 2, 2, 0, 0x22, 0xc4, 0, 0, 0, 0,
    ]
    var pages: [UInt8]
    switch page & 0x3f {
    case 0x01: pages = recovery
    case 0x0e: pages = audio
    case 0x2a: pages = capabilities
    case 0x3f: pages = recovery + audio + capabilities
    default:
      return check(.illegalRequest, 0x24)
    }
    let medium: UInt8 = drive.trayOpen ? 0x71 : hasMedium ? 0x01 : 0x70
    if long {
      let size = pages.count + 6
      pages = [UInt8(size >> 8), UInt8(size & 0xff), medium, 0, 0, 0, 0, 0] + pages
    } else {
      pages = [UInt8(pages.count + 3), medium, 0, 0] + pages
    }
    return reply(pages, allocation: allocation)
  }
}
