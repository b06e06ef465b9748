import Base
import DeviceKit

// Initialization block, descriptor rings, and the frames that pass through them.

extension PCnet {
  /// A descriptor in any of the software styles, as 32-bit words of style 2.
  private struct Entry {
    var address: UInt32
    /// Ownership, flags, and the byte count as its two's complement in bits 11-0.
    var control: UInt32
    var status: UInt32 = 0
    /// Where it lies in memory.
    var at: GuestPhysical
    static let owned: UInt32 = 1 << 31, error: UInt32 = 1 << 30, start: UInt32 = 1 << 25, end: UInt32 = 1 << 24
    /// Bytes of the buffer; 0 stands for 4096.
    var size: Int {
      let count = (0x1000 &- control & 0xfff) & 0xfff
      return count == 0 ? 4096 : Int(count)
    }
    var isOwned: Bool { control & Entry.owned != 0 }
  }

  /// Descriptors in the rings: CSR76, CSR78 hold the negative.
  var receiveCount: UInt16 { 0 &- state.csr[76] }
  var transmitCount: UInt16 { 0 &- state.csr[78] }

  /// Reads the initialization block that CSR1, CSR2 point to.
  mutating func initialize(_ host: some DeviceServices) {
    let base = UInt64(state.csr[1]) | UInt64(isWide ? state.csr[2] : state.csr[2] & 0xff) << 16
    let block = host.dmaRead(GuestPhysical(base), count: isWide ? 28 : 24)
    guard block.count == (isWide ? 28 : 24) else { return }
    func half(_ at: Int) -> UInt16 { UInt16(block[at]) | UInt16(block[at + 1]) << 8 }
    func word(_ at: Int) -> UInt32 { UInt32(half(at)) | UInt32(half(at + 2)) << 16 }
    state.csr[15] = half(0)
    let address = isWide ? 4 : 2
    for index in 0..<3 { state.csr[12 + index] = half(address + index * 2) }
    let filter = isWide ? 12 : 8
    for index in 0..<4 { state.csr[8 + index] = half(filter + index * 2) }
    if isWide {
      state.csr[76] = 0 &- (1 << min(UInt16(block[2] >> 4), 9))
      state.csr[78] = 0 &- (1 << min(UInt16(block[3] >> 4), 9))
      (state.receiveBase, state.transmitBase) = (word(20), word(24))
    } else {
      state.csr[76] = 0 &- (1 << UInt16(block[19] >> 5))
      state.csr[78] = 0 &- (1 << UInt16(block[23] >> 5))
      (state.receiveBase, state.transmitBase) = (word(16) & 0xff_ffff, word(20) & 0xff_ffff)
    }
    (state.receiveIndex, state.transmitIndex) = (0, 0)
    state.csr[0] = state.csr[0] & ~CSR0.stop | CSR0.initialize | CSR0.initDone
  }

  // MARK: Descriptors

  private func entry(_ base: UInt32, _ index: UInt16, _ host: some DeviceServices) -> Entry? {
    let size = isWide ? 16 : 8
    let at = GuestPhysical(UInt64(base) &+ UInt64(index) * UInt64(size))
    let bytes = host.dmaRead(at, count: size)
    guard bytes.count == size else { return nil }
    func half(_ at: Int) -> UInt32 { UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 }
    func word(_ at: Int) -> UInt32 { half(at) | half(at + 2) << 16 }
    switch style {
    case 2: return Entry(address: word(0), control: word(4), status: word(8), at: at)
    case 3: return Entry(address: word(8), control: word(4), status: word(0), at: at)
    default:
      // Flags stand in the high byte of the second word, the count in the third.
      return Entry(
        address: half(0) | (half(2) & 0xff) << 16, control: (half(2) & 0xff00) << 16 | half(4), status: half(6),
        at: at)
    }
  }
  /// Gives a descriptor back: status first, ownership after it, as drivers that watch ownership need.
  private func giveBack(_ entry: Entry, _ host: some DeviceServices) {
    func bytes(_ value: UInt32, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
    }
    let control = entry.control & ~Entry.owned
    switch style {
    case 2:
      host.dmaWrite(entry.at &+ 8, bytes(entry.status, 4))
      host.dmaWrite(entry.at &+ 4, bytes(control, 4))
    case 3:
      host.dmaWrite(entry.at, bytes(entry.status, 4))
      host.dmaWrite(entry.at &+ 4, bytes(control, 4))
    default:
      host.dmaWrite(entry.at &+ 6, bytes(entry.status, 2))
      host.dmaWrite(entry.at &+ 3, bytes(control >> 24, 1))
    }
  }

  // MARK: Transmission

  mutating func transmit(_ host: some DeviceServices) {
    guard state.csr[0] & CSR0.txOn != 0, !isSuspended, transmitCount > 0 else { return }
    var work = PCnet.workLimit
    var causes: UInt16 = 0
    while work > 0 {
      work -= 1
      state.transmitIndex %= transmitCount
      guard var entry = entry(state.transmitBase, state.transmitIndex, host), entry.isOwned else { break }
      state.busyAt = host.now
      if entry.control & Entry.start != 0 {
        dropPacket()
        // ADD_FCS; DXMTFCS in the mode register says whether one is added otherwise.
        state.packetAddsFCS = entry.control & 1 << 29 != 0 || state.csr[15] & Mode.noCRC == 0
      }
      take(entry, host)
      let isEnd = entry.control & Entry.end != 0
      if isEnd, !finishPacket(host) {
        // Without a carrier: LCAR and CERR.
        entry.control |= Entry.error
        entry.status |= isWide ? 1 << 27 : 1 << 11
        state.csr[0] |= CSR0.collision
      }
      giveBack(entry, host)
      state.transmitIndex = (state.transmitIndex + 1) % transmitCount
      // LTINT asks for an interrupt only where the driver marks it (CSR5.LTINTEN).
      if isEnd, state.csr[5] & 0x4000 == 0 || entry.control & 1 << 28 != 0 { causes |= CSR0.tint }
    }
    if causes != 0 { raise(causes, host) }
    pollLater(host, soon: work == 0)
  }

  private mutating func take(_ entry: Entry, _ host: some DeviceServices) {
    guard !state.packetDropped else { return }
    guard state.packet.count + entry.size <= PCnet.packetLimit else {
      state.packetDropped = true
      state.packet = []
      return
    }
    state.packet += host.dmaRead(GuestPhysical(UInt64(entry.address)), count: entry.size)
  }

  /// False when the frame found no carrier.
  private mutating func finishPacket(_ host: some DeviceServices) -> Bool {
    defer { dropPacket() }
    var bytes = state.packet
    if !state.packetAddsFCS, bytes.count >= 4 { bytes.removeLast(4) }
    guard !state.packetDropped, bytes.count >= NetworkFrame.headerSize, bytes.count <= host.maximumFrame else {
      return true
    }
    // APAD_XMT pads to the least a wire carries.
    if state.csr[4] & 0x0800 != 0, bytes.count < 60 { bytes += [UInt8](repeating: 0, count: 60 - bytes.count) }
    if state.csr[15] & Mode.loopback != 0 {
      _ = receive(NetworkFrame(bytes), host)
      return true
    }
    guard host.isLinkUp else { return false }
    host.transmit(NetworkFrame(bytes))
    return true
  }

  // MARK: Reception

  public mutating func framesArrived(_ host: some DeviceServices) {
    while let frame = host.nextFrame(remove: false) {
      let isListening =
        state.csr[0] & CSR0.rxOn != 0 && host.isLinkUp && state.csr[15] & Mode.loopback == 0
      if isListening {
        guard !isSuspended else { return }
        if frame.bytes.count >= NetworkFrame.headerSize, accepts(frame.bytes), !receive(frame, host) { return }
      }
      _ = host.nextFrame(remove: true)
    }
  }

  private func accepts(_ bytes: [UInt8]) -> Bool {
    let mode = state.csr[15]
    if mode & Mode.promiscuous != 0 { return true }
    if bytes[..<6].allSatisfy({ $0 == 0xff }) { return mode & Mode.noBroadcast == 0 }
    if bytes[0] & 1 == 1 {
      // The six highest bits of the CRC of the address select a bit of the filter (CSR8-CSR11).
      let index = Int(EthernetCRC.remainder(Array(bytes[..<6])) >> 26)
      return state.csr[8 + index / 16] >> UInt16(index & 15) & 1 == 1
    }
    guard mode & Mode.noPhysical == 0 else { return false }
    return (0..<6).allSatisfy {
      bytes[$0] == UInt8(truncatingIfNeeded: state.csr[12 + $0 / 2] >> ($0 & 1 == 1 ? 8 : 0))
    }
  }

  /// False when the driver owns the next descriptor: the frame waits.
  mutating func receive(_ frame: NetworkFrame, _ host: some DeviceServices) -> Bool {
    guard receiveCount > 0, state.csr[0] & CSR0.rxOn != 0 else { return true }
    var bytes = frame.bytes
    if bytes.count < 60 { bytes += [UInt8](repeating: 0, count: 60 - bytes.count) }
    guard bytes.count <= NetworkFrame.ordinaryLimit else { return true }
    // ASTRP_RCV strips padding and check sequence of 802.3 frames; drivers that set it count on four bytes less.
    bytes += EthernetCRC.bytes(bytes)
    // Everything is looked at before anything is changed, so that a frame is not half stored.
    var entries: [Entry] = []
    var room = 0
    var index = state.receiveIndex % receiveCount
    while room < bytes.count {
      guard let entry = entry(state.receiveBase, index, host), entry.isOwned else {
        if entries.count == Int(receiveCount) { break }
        return false
      }
      // A ring that is smaller than the frame.
      guard entries.count < Int(receiveCount) else { break }
      entries.append(entry)
      room += entry.size
      index = (index + 1) % receiveCount
    }
    store(bytes, entries, fits: room >= bytes.count, host)
    state.receiveIndex = index
    raise(CSR0.rint, host)
    return true
  }

  private func store(_ bytes: [UInt8], _ entries: [Entry], fits: Bool, _ host: some DeviceServices) {
    var at = 0
    for (number, entry) in entries.enumerated() {
      var entry = entry
      let end = min(at + entry.size, bytes.count)
      host.dmaWrite(GuestPhysical(UInt64(entry.address)), Array(bytes[at..<end]))
      at = end
      // The driver's count and reserved ones stay; flags are new.
      entry.control &= 0x0000_ffff
      if number == 0 { entry.control |= Entry.start }
      if number == entries.count - 1 {
        entry.control |= Entry.end
        if !fits { entry.control |= Entry.error | 1 << 26 }
        let match: UInt32 = bytes[0] & 1 == 0 ? 1 << 22 : bytes[..<6].allSatisfy { $0 == 0xff } ? 1 << 20 : 1 << 21
        if isWide { entry.control |= match }
        entry.status = UInt32(bytes.count) & 0xfff
      } else {
        entry.status = 0
      }
      giveBack(entry, host)
    }
  }
}
