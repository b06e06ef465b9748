import Base
import DeviceKit

extension E1000 {
  /// Receive control (13.4.22).
  private enum Receive {
    static let enable: UInt32 = 1 << 1, unicastAll: UInt32 = 1 << 3, multicastAll: UInt32 = 1 << 4
    static let long: UInt32 = 1 << 5, broadcast: UInt32 = 1 << 15, sizeExtension: UInt32 = 1 << 25
    static let stripCRC: UInt32 = 1 << 26, vlanFilter: UInt32 = 1 << 18
  }
  /// Receive descriptor status (3.2.3.1).
  private enum Status {
    static let done: UInt8 = 1, endOfPacket: UInt8 = 2, ignoreChecksum: UInt8 = 4, vlan: UInt8 = 8
    static let transportChecked: UInt8 = 0x20, ipChecked: UInt8 = 0x40, inexact: UInt8 = 0x80
  }
  /// The least a wire carries, check sequence aside.
  private static let leastFrame = 60

  mutating func writeReceive(_ register: Int, _ value: UInt32, _ host: some DeviceServices) {
    switch register {
    case Register.rdbal: self[register] = value & ~0xf
    case Register.rdlen: self[register] = value & 0xfff80
    case Register.rdh, Register.rdt: self[register] = value & 0xffff
    case Register.rdtr:
      self[register] = value & 0xffff
      // FPD: what waits for the timer is told at once.
      if value >> 31 == 1, state.receiveDelay != nil {
        (state.receiveDelay, state.receiveLimit) = (nil, nil)
        host.disarm(Timer.receive)
        raise(Cause.rxt0, host)
      }
    default: self[register] = value
    }
    if register == Register.rctl || register == Register.rdt { framesArrived(host) }
  }

  /// Bytes of a receive buffer (RCTL.BSIZE, BSEX).
  private var bufferSize: Int {
    let code = Int(self[Register.rctl] >> 16 & 3)
    guard self[Register.rctl] & Receive.sizeExtension != 0 else { return 2048 >> code }
    return code == 0 ? 2048 : 32768 >> code
  }

  public mutating func framesArrived(_ host: some DeviceServices) {
    while let frame = host.nextFrame(remove: false) {
      // A lost link or a receiver that is off hears nothing.
      let isListening = self[Register.rctl] & Receive.enable != 0 && hasLink(host)
      if isListening, frame.bytes.count >= NetworkFrame.headerSize, !receive(frame, host) { return }
      _ = host.nextFrame(remove: true)
    }
  }

  /// Takes a frame in; false when there are no buffers for it yet.
  mutating func receive(_ frame: NetworkFrame, _ host: some DeviceServices) -> Bool {
    guard self[Register.rctl] & Receive.enable != 0 else { return true }
    guard let match = accepts(frame) else { return true }
    var bytes = frame.bytes
    var tag: [UInt8]?
    // VLAN tags are taken out and shown in the descriptor (CTRL.VME).
    if self[Register.ctrl] & Control.vlan != 0, isTagged(bytes) {
      tag = [bytes[15], bytes[14]]
      bytes.removeSubrange(12..<16)
    }
    if bytes.count < E1000.leastFrame {
      bytes += [UInt8](repeating: 0, count: E1000.leastFrame - bytes.count)
    }
    let wireSize = bytes.count + 4
    guard self[Register.rctl] & Receive.long != 0 || bytes.count <= NetworkFrame.ordinaryLimit else {
      count(Statistic.roc)
      return true
    }
    if self[Register.rctl] & Receive.stripCRC == 0 { bytes += EthernetCRC.bytes(bytes) }

    let base = UInt64(self[Register.rdbah]) << 32 | UInt64(self[Register.rdbal])
    let ring = self[Register.rdlen] / 16
    guard ring > 0 else { return true }
    let needed = UInt32((bytes.count + bufferSize - 1) / bufferSize)
    // More than the ring can ever hold would wait for ever.
    guard needed < ring else {
      count(Statistic.missed)
      return true
    }
    let head = self[Register.rdh] % ring
    let tail = self[Register.rdt]
    let free = tail >= ring ? 0 : (tail + ring - head) % ring
    guard needed <= free else {
      count(Statistic.noBuffers)
      return false
    }
    var status = Status.done | match
    if frame.isVerified, self[Register.rxcsum] & 0x300 != 0, let checked = checked(bytes) {
      status |= checked
    } else {
      status |= Status.ignoreChecksum
    }
    store(bytes, base: base, ring: ring, head: head, status: status, tag: tag, host)
    countReceived(frame, wireSize)
    // Fewer descriptors are left than the threshold says (RCTL.RDMTS: a half, a quarter, an eighth).
    if free - needed <= ring >> (1 + min(self[Register.rctl] >> 8 & 3, 2)) {
      self[Register.icr] |= Cause.rxdmt0
      updateLine(host)
    }
    delayReceive(host)
    return true
  }

  private mutating func store(
    _ bytes: [UInt8], base: UInt64, ring: UInt32, head: UInt32, status: UInt8, tag: [UInt8]?,
    _ host: some DeviceServices
  ) {
    var head = head
    var at = 0
    let size = bufferSize
    repeat {
      let address = GuestPhysical(base &+ UInt64(head) * 16)
      let descriptor = host.dmaRead(address, count: 8)
      let end = min(at + size, bytes.count)
      if descriptor.count == 8 {
        let buffer = descriptor.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        // A null address consumes the descriptor without data (3.2.4).
        if buffer != 0 { host.dmaWrite(GuestPhysical(buffer), Array(bytes[at..<end])) }
      }
      let isLast = end == bytes.count
      var result = [UInt8](repeating: 0, count: 8)
      result[0] = UInt8(truncatingIfNeeded: end - at)
      result[1] = UInt8(truncatingIfNeeded: (end - at) >> 8)
      result[4] = (isLast ? status | Status.endOfPacket : status & (Status.done | Status.inexact))
      if isLast, let tag {
        result[4] |= Status.vlan
        (result[6], result[7]) = (tag[0], tag[1])
      }
      host.dmaWrite(address &+ 8, result)
      head = head + 1 == ring ? 0 : head + 1
      at = end
    } while at < bytes.count
    self[Register.rdh] = head
  }

  private mutating func countReceived(_ frame: NetworkFrame, _ size: Int) {
    count(Statistic.goodReceived)
    count(Statistic.totalReceived)
    count(Statistic.receivedBySize + E1000.sizeClass(size))
    countLong(Statistic.octetsReceived, size)
    countLong(Statistic.totalOctetsReceived, size)
    if frame.isBroadcast {
      count(Statistic.broadcastReceived)
    } else if frame.isMulticast {
      count(Statistic.multicastReceived)
    }
  }

  /// What checksum checking says of a frame that is known to be right: which layers it looked at (RXCSUM, 13.4.33).
  private func checked(_ bytes: [UInt8]) -> UInt8? {
    guard bytes.count >= 34 else { return nil }
    switch InternetChecksum.get16(bytes, 12) {
    case 0x0800:
      var status: UInt8 = self[Register.rxcsum] & 0x100 != 0 ? Status.ipChecked : 0
      let isFragment = InternetChecksum.get16(bytes, 20) & 0x3fff != 0
      if self[Register.rxcsum] & 0x200 != 0, !isFragment, [6, 17].contains(bytes[23]) {
        status |= Status.transportChecked
      }
      return status == 0 ? nil : status
    case 0x86dd:
      return self[Register.rxcsum] & 0x200 != 0 && [6, 17].contains(bytes[20]) ? Status.transportChecked : nil
    default: return nil
    }
  }

  // MARK: Filters (3.2.1)

  private func isTagged(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 18
      && InternetChecksum.get16(bytes, 12) == UInt16(truncatingIfNeeded: self[0x38] == 0 ? 0x8100 : self[0x38])
  }

  /// Status bits for a frame that passes; nil for one that does not.
  private func accepts(_ frame: NetworkFrame) -> UInt8? {
    let control = self[Register.rctl]
    if control & Receive.vlanFilter != 0, isTagged(frame.bytes) {
      let vlan = Int(InternetChecksum.get16(frame.bytes, 14) & 0xfff)
      guard self[Register.vfta.lowerBound + vlan / 32 * 4] >> UInt32(vlan & 31) & 1 == 1 else { return nil }
    }
    if frame.isBroadcast, control & Receive.broadcast != 0 { return 0 }
    if matchesExactly(frame.bytes) { return 0 }
    if frame.isMulticast {
      if control & Receive.multicastAll != 0 { return Status.inexact }
      // RCTL.MO chooses which twelve bits of the address are looked up.
      let high = UInt32(frame.bytes[4]) | UInt32(frame.bytes[5]) << 8
      let shift = [4, 3, 2, 0][Int(control >> 12 & 3)] as UInt32
      let index = Int(high >> shift & 0xfff)
      if self[Register.mta.lowerBound + index / 32 * 4] >> UInt32(index & 31) & 1 == 1 { return Status.inexact }
      // Broadcasts are multicasts as well, but unicast promiscuity is not for them.
      return nil
    }
    return control & Receive.unicastAll != 0 ? Status.inexact : nil
  }
  private func matchesExactly(_ bytes: [UInt8]) -> Bool {
    let low = UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
    let high = UInt32(bytes[4]) | UInt32(bytes[5]) << 8
    for entry in 0..<16 {
      let at = Register.ra.lowerBound + entry * 8
      // Valid, and compared with the destination (AS = 00).
      guard self[at + 4] >> 31 == 1, self[at + 4] >> 16 & 3 == 0 else { continue }
      if self[at] == low, self[at + 4] & 0xffff == high { return true }
    }
    return false
  }
}
