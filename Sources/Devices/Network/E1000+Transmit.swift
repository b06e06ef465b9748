import Base
import DeviceKit

extension E1000 {
  /// The last context descriptor (3.3.6): where checksums go and how large packets are cut.
  struct TransmitContext: SavedState {
    var ipStart: UInt8 = 0, ipOffset: UInt8 = 0, ipEnd: UInt16 = 0
    var transportStart: UInt8 = 0, transportOffset: UInt8 = 0, transportEnd: UInt16 = 0
    var command: UInt8 = 0
    var headerLength: UInt8 = 0
    var segmentSize: UInt16 = 0
    init() {}
    init(_ low: UInt64, _ high: UInt64) {
      ipStart = UInt8(truncatingIfNeeded: low)
      ipOffset = UInt8(truncatingIfNeeded: low >> 8)
      ipEnd = UInt16(truncatingIfNeeded: low >> 16)
      transportStart = UInt8(truncatingIfNeeded: low >> 32)
      transportOffset = UInt8(truncatingIfNeeded: low >> 40)
      transportEnd = UInt16(truncatingIfNeeded: low >> 48)
      command = UInt8(truncatingIfNeeded: high >> 24)
      headerLength = UInt8(truncatingIfNeeded: high >> 40)
      segmentSize = UInt16(truncatingIfNeeded: high >> 48)
    }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("ipStart", &ipStart)
      try visit.field("ipOffset", &ipOffset)
      try visit.field("ipEnd", &ipEnd)
      try visit.field("transportStart", &transportStart)
      try visit.field("transportOffset", &transportOffset)
      try visit.field("transportEnd", &transportEnd)
      try visit.field("command", &command)
      try visit.field("headerLength", &headerLength)
      try visit.field("segmentSize", &segmentSize)
    }
    var isTCP: Bool { command & 1 != 0 }
    var isIPv4: Bool { command & 2 != 0 }
  }

  /// Bits of the command byte (3.3.3.1, 3.3.7.1).
  private enum Command {
    static let endOfPacket: UInt8 = 0x01, insertChecksum: UInt8 = 0x04, segmentation: UInt8 = 0x04
    static let reportStatus: UInt8 = 0x08, reportSent: UInt8 = 0x10, extended: UInt8 = 0x20, vlan: UInt8 = 0x40
    static let delay: UInt8 = 0x80
  }
  private enum Options { static let ip: UInt8 = 1, transport: UInt8 = 2 }
  private enum Enable { static let transmit: UInt32 = 2 }
  private static let descriptorDone: UInt8 = 1

  mutating func writeTransmit(_ register: Int, _ value: UInt32, _ host: some DeviceServices) {
    switch register {
    case Register.tdbal: self[register] = value & ~0xf
    case Register.tdlen: self[register] = value & 0xfff80
    case Register.tdh, Register.tdt: self[register] = value & 0xffff
    default: self[register] = value
    }
    if register == Register.tctl || register == Register.tdt { transmit(host) }
  }

  private var transmitRing: (base: UInt64, count: UInt32) {
    (UInt64(self[Register.tdbah]) << 32 | UInt64(self[Register.tdbal]), self[Register.tdlen] / 16)
  }

  /// Works on descriptors from head to tail, as far as one entry goes.
  mutating func transmit(_ host: some DeviceServices) {
    guard self[Register.tctl] & Enable.transmit != 0 else { return }
    let (base, count) = transmitRing
    guard count > 0 else { return }
    var work = E1000.workLimit
    var causes: UInt32 = 0
    var delayed = false
    var head = self[Register.tdh] % count
    // A tail that lies outside the ring is never reached: nothing is sent.
    let tail = self[Register.tdt]
    guard tail < count else { return }
    while head != tail, work > 0 {
      let address = GuestPhysical(base &+ UInt64(head) * 16)
      let bytes = host.dmaRead(address, count: 16)
      guard bytes.count == 16 else { break }
      let command = bytes[11]
      work -= 1 + take(bytes, host)
      head = head + 1 == count ? 0 : head + 1
      if command & (Command.reportStatus | Command.reportSent) != 0 {
        // Status stands in byte 12; the rest of the descriptor stays.
        host.dmaWrite(address &+ 12, [bytes[12] & 0xf0 | E1000.descriptorDone])
        if command & Command.delay != 0 { delayed = true } else { causes |= Cause.txdw }
      }
    }
    self[Register.tdh] = head
    if head == tail {
      causes |= Cause.txqe
    } else {
      goOnLater(host)
    }
    if delayed { delayTransmit(host) }
    if causes != 0 { raise(causes, host) }
  }

  /// Takes one descriptor in; returns how many frames went out because of it.
  private mutating func take(_ bytes: [UInt8], _ host: some DeviceServices) -> Int {
    func word(_ at: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64($1 * 8) } }
    let (low, high) = (word(0), word(8))
    let command = bytes[11]
    guard command & Command.extended != 0 else { return takeLegacy(low, bytes, host) }
    if high >> 20 & 0xf == 0 {
      state.context = TransmitContext(low, high)
      if state.context.command & Command.segmentation != 0 { count(Statistic.segmentationContexts) }
      return 0
    }
    if state.packet.isEmpty {
      // Options and segmentation are those of the packet's first descriptor.
      state.packetOptions = bytes[13]
      state.packetCommand = command
    }
    append(low, Int(high & 0xfffff), host)
    guard command & Command.endOfPacket != 0 else { return 0 }
    state.packetCommand |= command & Command.vlan
    state.packetVLAN = UInt16(truncatingIfNeeded: high >> 48)
    return finishPacket(host)
  }

  /// 3.3.3: checksum offset in byte 10, start in byte 13.
  private mutating func takeLegacy(_ address: UInt64, _ bytes: [UInt8], _ host: some DeviceServices) -> Int {
    let command = bytes[11]
    if state.packet.isEmpty { (state.packetOptions, state.packetCommand) = (0, 0) }
    append(address, Int(bytes[8]) | Int(bytes[9]) << 8, host)
    guard command & Command.endOfPacket != 0 else { return 0 }
    if command & Command.insertChecksum != 0, !state.packetDropped {
      insertChecksum(&state.packet, start: Int(bytes[13]), at: Int(bytes[10]), end: 0)
    }
    state.packetCommand = command & Command.vlan
    state.packetVLAN = UInt16(bytes[14]) | UInt16(bytes[15]) << 8
    return finishPacket(host)
  }

  private mutating func append(_ address: UInt64, _ count: Int, _ host: some DeviceServices) {
    guard count > 0, !state.packetDropped else { return }
    guard state.packet.count + count <= E1000.packetLimit else {
      state.packetDropped = true
      state.packet = []
      host.log(.guestError, "packet of more than \(E1000.packetLimit) bytes")
      return
    }
    state.packet += host.dmaRead(GuestPhysical(address), count: count)
  }

  private func insertChecksum(_ packet: inout [UInt8], start: Int, at: Int, end: Int) {
    // An end of 0 means the end of the packet; it is the last byte covered otherwise.
    let limit = end == 0 ? packet.count : min(end + 1, packet.count)
    guard start < limit, at + 2 <= packet.count else { return }
    InternetChecksum.put16(&packet, at, InternetChecksum.finish(InternetChecksum.add(packet, start, limit)))
  }

  private mutating func finishPacket(_ host: some DeviceServices) -> Int {
    defer {
      state.packet = []
      state.packetDropped = false
    }
    guard !state.packetDropped, state.packet.count >= NetworkFrame.headerSize else { return 0 }
    let command = state.packetCommand
    if command & Command.extended != 0, command & Command.segmentation != 0 { return segment(host) }
    if command & Command.extended != 0 {
      let context = state.context
      if state.packetOptions & Options.ip != 0 {
        InternetChecksum.put16(&state.packet, Int(context.ipOffset), 0)
        insertChecksum(
          &state.packet, start: Int(context.ipStart), at: Int(context.ipOffset), end: Int(context.ipEnd))
      }
      if state.packetOptions & Options.transport != 0 {
        insertChecksum(
          &state.packet, start: Int(context.transportStart), at: Int(context.transportOffset),
          end: Int(context.transportEnd))
      }
    }
    emit(state.packet, host)
    return 1
  }

  /// TCP segmentation (3.5): what the context says, applied to each part.
  private mutating func segment(_ host: some DeviceServices) -> Int {
    let context = state.context
    let packet = state.packet
    let isWhole = packet.count <= host.maximumFrame
    let segmentation = Segmentation(
      headerSize: Int(context.headerLength), segmentSize: isWhole ? E1000.packetLimit : Int(context.segmentSize),
      network: Int(context.ipStart), transport: Int(context.transportStart), isIPv4: context.isIPv4,
      isTCP: context.isTCP,
      networkChecksum: state.packetOptions & Options.ip != 0
        ? (Int(context.ipOffset), Int(context.ipEnd) + 1) : nil,
      transportChecksum: state.packetOptions & Options.transport != 0 ? Int(context.transportOffset) : nil)
    guard context.segmentSize >= 16, segmentation.fits(packet) else {
      host.log(.guestError, "segmentation context that fits no packet")
      return 0
    }
    var frames: [[UInt8]] = []
    segmentation.split(packet) { frames.append($0) }
    for frame in frames { emit(frame, host) }
    return frames.count
  }

  private mutating func emit(_ frame: [UInt8], _ host: some DeviceServices) {
    var frame = frame
    // VLE: the tag of the descriptor goes in behind the addresses (3.3.3.1).
    if state.packetCommand & Command.vlan != 0, self[Register.ctrl] & Control.vlan != 0 {
      let type = UInt16(truncatingIfNeeded: self[0x38] == 0 ? 0x8100 : self[0x38])
      frame.insert(
        contentsOf: [
          UInt8(type >> 8), UInt8(truncatingIfNeeded: type), UInt8(state.packetVLAN >> 8),
          UInt8(truncatingIfNeeded: state.packetVLAN),
        ], at: 12)
    }
    // Short packets are padded (TCTL.PSP) to the least a wire carries, check sequence aside.
    if frame.count < 60, self[Register.tctl] & 8 != 0 {
      frame += [UInt8](repeating: 0, count: 60 - frame.count)
    }
    guard frame.count <= host.maximumFrame else {
      host.log(.guestError, "packet of \(frame.count) bytes is too long")
      return
    }
    let size = frame.count + 4
    count(Statistic.goodSent)
    count(Statistic.totalSent)
    count(Statistic.sentBySize + E1000.sizeClass(size))
    countLong(Statistic.octetsSent, size)
    countLong(Statistic.totalOctetsSent, size)
    let output = NetworkFrame(frame)
    if output.isBroadcast {
      count(Statistic.broadcastSent)
    } else if output.isMulticast {
      count(Statistic.multicastSent)
    }
    // Loopback (RCTL.LBM = 01) keeps packets in the MAC.
    if self[Register.rctl] & 0xc0 == 0x40 {
      _ = receive(output, host)
    } else if hasLink(host) {
      host.transmit(output)
    }
  }
}
