import Base
import DeviceKit

/// Sense keys (SPC-3, table 27).
enum SenseKey: UInt8 {
  case none = 0, notReady = 2, mediumError = 3, illegalRequest = 5, unitAttention = 6, dataProtect = 7
}

extension IDEChannel {
  var hasMedium: Bool { configurations[actor].medium.sectors >= 4 && !state.drives[actor].trayOpen }
  /// Logical blocks of 2048 bytes.
  var discBlocks: UInt64 { configurations[actor].medium.sectors / 4 }

  mutating func startCDROMCommand(_ command: UInt8, _ host: some DeviceServices) {
    switch command {
    case ATACommand.packet:
      state.transfer.isPacket = true
      // Overlapped operation is not offered.
      guard state.drives[actor].features & 2 == 0 else {
        checkCondition(.illegalRequest, 0x24, host)
        return
      }
      requestPacket()
    case ATACommand.identifyPacket: offer(identifyCDROM(), host)
    case ATACommand.deviceReset:
      setSignature(actor)
      state.device &= 0x10
    case ATACommand.setFeatures: setFeatures(UInt8(truncatingIfNeeded: state.drives[actor].count), host)
    case 0xe0...0xe3, 0xe5, 0xe6: powerCommand(command, host)
    case ATACommand.flushCache: finish(host)
    case ATACommand.identify, 0x20, 0x21:
      // These abort and show the signature, by which software tells a PACKET device (ATA/ATAPI-7, 5.15.3).
      setSignature(actor)
      fail(ATAError.ABRT, host)
    default: fail(ATAError.ABRT, host)
    }
  }

  // MARK: Packets

  mutating func startPacket(_ packet: [UInt8], _ host: some DeviceServices) {
    guard packet.count == 12 else { return }
    let limit = UInt32(state.drives[actor].mid & 0xff) | UInt32(state.drives[actor].high & 0xff) << 8
    // Blocks are even, but for the last one (ATA/ATAPI-7, 6.27.5.4).
    state.transfer.block = limit <= 1 || limit == 0xffff ? 0xfffe : limit & ~1
    if state.drives[actor].unitAttention, ![0x03, 0x12, 0x46, 0x4a].contains(packet[0]) {
      state.drives[actor].unitAttention = false
      checkCondition(.unitAttention, 0x28, host)
      return
    }
    switch packet[0] {
    case 0x00: ready(host) { $0.packetDone($1) }  // TEST UNIT READY
    case 0x03: requestSense(packet, host)
    case 0x12: inquiry(packet, host)
    case 0x1b: startStopUnit(packet, host)
    case 0x1e:  // PREVENT ALLOW MEDIUM REMOVAL
      state.drives[actor].locked = packet[4] & 1 == 1
      packetDone(host)
    case 0x25: ready(host) { $0.readCapacity($1) }
    case 0x28: startDiscRead(word32(packet, 2), UInt32(word16(packet, 7)), host)
    case 0xa8: startDiscRead(word32(packet, 2), word32(packet, 6), host)
    case 0x2b, 0x4e, 0xbb: ready(host) { $0.packetDone($1) }  // SEEK, STOP PLAY, SET CD SPEED
    case 0x43: ready(host) { $0.readTOC(packet, $1) }
    case 0x46: getConfiguration(packet, host)
    case 0x4a: getEventStatus(packet, host)
    case 0x51: ready(host) { $0.readDiscInformation(packet, $1) }
    case 0x1a: modeSense(packet[2], long: false, allocation: Int(packet[4]), host)
    case 0x5a: modeSense(packet[2], long: true, allocation: word16(packet, 7), host)
    case 0xbd: reply([0, 0, 0, 0, 0, 1, 0, 0], allocation: word16(packet, 8), host)  // MECHANISM STATUS
    case 0xbe: readCD(packet, host)
    default: checkCondition(.illegalRequest, 0x20, host)
    }
  }
  func word16(_ bytes: [UInt8], _ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
  func word32(_ bytes: [UInt8], _ at: Int) -> UInt32 { UInt32(word16(bytes, at)) << 16 | UInt32(word16(bytes, at + 2)) }

  /// Goes on if there is a medium, else ends with NOT READY.
  private mutating func ready<H: DeviceServices>(_ host: H, _ body: (inout IDEChannel, H) -> Void) {
    guard hasMedium else {
      checkCondition(.notReady, 0x3a, qualifier: state.drives[actor].trayOpen ? 2 : 1, host)
      return
    }
    body(&self, host)
  }
  mutating func packetDone(_ host: some DeviceServices) {
    (state.drives[actor].senseKey, state.drives[actor].senseCode, state.drives[actor].senseQualifier) = (0, 0, 0)
    finish(host)
  }
  mutating func checkCondition(_ key: SenseKey, _ code: UInt8, qualifier: UInt8 = 0, _ host: some DeviceServices) {
    state.drives[actor].senseKey = key.rawValue
    state.drives[actor].senseCode = code
    state.drives[actor].senseQualifier = qualifier
    fail(key.rawValue << 4 | ATAError.ABRT, host)
  }
  /// Sends at most `allocation` bytes of a reply, by PIO or DMA as the command asked.
  mutating func reply(_ bytes: [UInt8], allocation: Int, _ host: some DeviceServices) {
    let data = Array(bytes.prefix(max(0, allocation)))
    guard !data.isEmpty else {
      packetDone(host)
      return
    }
    if state.drives[actor].features & 1 == 1 {
      state.transfer.buffer = data
      waitForBusMaster(host)
    } else {
      offer(data, host)
    }
  }

  // MARK: Reading

  mutating func startDiscRead(_ block: UInt32, _ count: UInt32, _ host: some DeviceServices) {
    ready(host) { channel, host in
      guard UInt64(block) <= channel.discBlocks, UInt64(count) <= channel.discBlocks - UInt64(block), count <= 1 << 20
      else {
        channel.checkCondition(.illegalRequest, 0x21, host)
        return
      }
      guard count > 0 else {
        channel.packetDone(host)
        return
      }
      channel.state.transfer.sector = UInt64(block) * 4
      if channel.state.drives[channel.actor].features & 1 == 1 {
        // Requests are bounded: 64 MiB are a quarter of what a descriptor table can describe, and no driver asks more.
        guard count <= 32_768 else {
          channel.checkCondition(.illegalRequest, 0x24, host)
          return
        }
        channel.state.transfer.remaining = count * 4
        channel.waitForBusMaster(host)
      } else {
        channel.state.transfer.remaining = count * 4
        channel.startRead(host)
      }
    }
  }
  /// READ CD: data sectors in mode 1, user data only.
  private mutating func readCD(_ packet: [UInt8], _ host: some DeviceServices) {
    let count = UInt32(packet[6]) << 16 | UInt32(word16(packet, 7))
    switch packet[9] & 0xf8 {
    case 0x00: ready(host) { $0.packetDone($1) }
    case 0x10: startDiscRead(word32(packet, 2), count, host)
    default: checkCondition(.illegalRequest, 0x24, host)
    }
  }
  private mutating func readCapacity(_ host: some DeviceServices) {
    reply(IDEChannel.big32(UInt32(clamping: max(1, discBlocks) - 1)) + [0, 0, 8, 0], allocation: 8, host)
  }
  static func big32(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  // MARK: Information

  private mutating func requestSense(_ packet: [UInt8], _ host: some DeviceServices) {
    var drive = state.drives[actor]
    if drive.unitAttention {
      drive.unitAttention = false
      (drive.senseKey, drive.senseCode, drive.senseQualifier) = (SenseKey.unitAttention.rawValue, 0x28, 0)
    }
    let data: [UInt8] = [
      0x70, 0, drive.senseKey, 0, 0, 0, 0, 10, 0, 0, 0, 0, drive.senseCode, drive.senseQualifier, 0, 0, 0, 0,
    ]
    (drive.senseKey, drive.senseCode, drive.senseQualifier) = (0, 0, 0)
    state.drives[actor] = drive
    reply(data, allocation: Int(packet[4]), host)
  }
  private mutating func inquiry(_ packet: [UInt8], _ host: some DeviceServices) {
    guard packet[1] & 1 == 0 else {
      checkCondition(.illegalRequest, 0x24, host)
      return
    }
    func text(_ value: String, _ size: Int) -> [UInt8] {
      let bytes = Array(value.utf8.prefix(size))
      return bytes + [UInt8](repeating: 0x20, count: size - bytes.count)
    }
    let model = configurations[actor].model
    let data: [UInt8] =
      [0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0] + text("RINGBOX", 8)
      + text(model.hasPrefix("RINGBOX ") ? String(model.dropFirst(8)) : model, 16) + text("1.0", 4)
    reply(data, allocation: word16(packet, 3), host)
  }
  private mutating func startStopUnit(_ packet: [UInt8], _ host: some DeviceServices) {
    switch packet[4] & 3 {
    case 2:  // eject
      guard !state.drives[actor].locked else {
        checkCondition(hasMedium ? .illegalRequest : .notReady, 0x53, qualifier: 2, host)
        return
      }
      if !state.drives[actor].trayOpen { state.drives[actor].event = 3 }
      state.drives[actor].trayOpen = true
    case 3:  // load
      if state.drives[actor].trayOpen, configurations[actor].medium.sectors > 0 {
        state.drives[actor].unitAttention = true
        state.drives[actor].event = 2
      }
      state.drives[actor].trayOpen = false
    default: break
    }
    packetDone(host)
  }
  /// READ TOC formats 0 (tracks), 1 (sessions), 2 (full): one data track that fills the disc.
  private mutating func readTOC(_ packet: [UInt8], _ host: some DeviceServices) {
    let useMSF = packet[1] & 2 != 0
    // SFF-8020i drives take the format from the last byte.
    let format = packet[2] & 15 != 0 ? packet[2] & 15 : packet[9] >> 6
    func address(_ block: UInt64) -> [UInt8] {
      guard useMSF else { return IDEChannel.big32(UInt32(clamping: block)) }
      return [0] + IDEChannel.msf(block)
    }
    var data: [UInt8]
    switch format {
    case 0:
      guard packet[6] <= 1 || packet[6] == 0xaa else {
        checkCondition(.illegalRequest, 0x24, host)
        return
      }
      data = [1, 1]
      if packet[6] <= 1 { data += [0, 0x14, 1, 0] + address(0) }
      data += [0, 0x14, 0xaa, 0] + address(discBlocks)
    case 1: data = [1, 1, 0, 0x14, 1, 0] + address(0)
    case 2:
      data = [1, 1]
      for (point, time): (UInt8, [UInt8]) in [
        (0xa0, [1, 0, 0]), (0xa1, [1, 0, 0]), (0xa2, IDEChannel.msf(discBlocks)), (1, IDEChannel.msf(0)),
      ] { data += [1, 0x14, 0, point, 0, 0, 0, 0] + time }
    default:
      checkCondition(.illegalRequest, 0x24, host)
      return
    }
    let size = UInt16(data.count)
    reply([UInt8(size >> 8), UInt8(size & 0xff)] + data, allocation: word16(packet, 7), host)
  }
  /// Minute, second, frame of a block; the first two seconds come before block 0.
  static func msf(_ block: UInt64) -> [UInt8] {
    let frames = block &+ 150
    return [UInt8(truncatingIfNeeded: min(frames / 4500, 255)), UInt8(frames / 75 % 60), UInt8(frames % 75)]
  }

  /// GET CONFIGURATION: profiles, core, morphing, removable medium, random readable and CD read features.
  private mutating func getConfiguration(_ packet: [UInt8], _ host: some DeviceServices) {
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
    reply(IDEChannel.big32(UInt32(data.count)) + data, allocation: word16(packet, 7), host)
  }
  private mutating func getEventStatus(_ packet: [UInt8], _ host: some DeviceServices) {
    guard packet[1] & 1 == 1 else {
      checkCondition(.illegalRequest, 0x24, host)  // asynchronous mode
      return
    }
    guard packet[4] & 0x10 != 0 else {
      reply([0, 2, 0x80, 0x10], allocation: word16(packet, 7), host)
      return
    }
    let present: UInt8 = (configurations[actor].medium.sectors > 0 && !state.drives[actor].trayOpen ? 2 : 0)
    let data: [UInt8] = [
      0, 6, 0x04, 0x10, state.drives[actor].event, present | (state.drives[actor].trayOpen ? 1 : 0), 0, 0,
    ]
    state.drives[actor].event = 0
    reply(data, allocation: word16(packet, 7), host)
  }
  private mutating func readDiscInformation(_ packet: [UInt8], _ host: some DeviceServices) {
    guard packet[1] & 7 == 0 else {
      checkCondition(.illegalRequest, 0x24, host)
      return
    }
    // Finalised disc, last session complete, one session with track 1.
    var data: [UInt8] = [0, 32, 0x0e, 1, 1, 1, 1, 0x20]
    data += [UInt8](repeating: 0, count: 34 - data.count)
    reply(data, allocation: word16(packet, 7), host)
  }
  /// MODE SENSE pages: 01h error recovery, 0Eh audio control, 2Ah capabilities, 3Fh all.
  private mutating func modeSense(_ page: UInt8, long: Bool, allocation: Int, _ host: some DeviceServices) {
    guard page >> 6 != 3 else {
      checkCondition(.illegalRequest, 0x39, host)
      return
    }
    let recovery: [UInt8] = [0x01, 6, 0, 5, 0, 0, 0, 0]
    let audio: [UInt8] = [0x0e, 14, 4, 0, 0, 0, 0, 0, 1, 0xff, 2, 0xff, 0, 0, 0, 0]
    // Reads CD-R/RW by method 2 and DVD; tray with lock and eject; 50x speed.
    let locked: UInt8 = state.drives[actor].locked ? 2 : 0
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
      checkCondition(.illegalRequest, 0x24, host)
      return
    }
    let medium: UInt8 = state.drives[actor].trayOpen ? 0x71 : hasMedium ? 0x01 : 0x70
    if long {
      let size = pages.count + 6
      pages = [UInt8(size >> 8), UInt8(size & 0xff), medium, 0, 0, 0, 0, 0] + pages
    } else {
      pages = [UInt8(pages.count + 3), medium, 0, 0] + pages
    }
    reply(pages, allocation: allocation, host)
  }
}
