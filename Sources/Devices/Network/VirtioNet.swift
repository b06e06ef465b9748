import Base
import DeviceKit

/// Virtio network device, 1AF4:1041.
public typealias VirtioNet = VirtioPCI<VirtioNetFunction>

/// The network device type (Virtio 1.2, 5.1).
///
/// - Queues: receive and transmit for each pair, then control.
/// - Checksums and segmentation are offered for transmission; frames from this host are marked as verified. Segments are
///   not merged for the driver.
public struct VirtioNetFunction: VirtioFunction {
  public static let deviceType: UInt16 = 1
  public static let classCode: UInt32 = 0x020000
  public static let name = "virtio-net"

  enum Feature {
    static let checksum: UInt64 = 1 << 0, guestChecksum: UInt64 = 1 << 1, mac: UInt64 = 1 << 5
    static let segmentIPv4: UInt64 = 1 << 11, segmentIPv6: UInt64 = 1 << 12, segmentECN: UInt64 = 1 << 13
    static let mergeable: UInt64 = 1 << 15, status: UInt64 = 1 << 16, control: UInt64 = 1 << 17
    static let controlReceive: UInt64 = 1 << 18, controlVLAN: UInt64 = 1 << 19
    static let controlReceiveExtra: UInt64 = 1 << 20, multiqueue: UInt64 = 1 << 22, controlMAC: UInt64 = 1 << 23
  }
  /// virtio_net_hdr with num_buffers (5.1.6).
  enum Header {
    static let size = 12
    static let needsChecksum: UInt8 = 1, dataValid: UInt8 = 2
    static let none: UInt8 = 0, tcpIPv4: UInt8 = 1, tcpIPv6: UInt8 = 4, ecn: UInt8 = 0x80
  }

  /// What the control queue and the driver's negotiation leave behind.
  public struct Saved: SavedState {
    var mac = [UInt8](repeating: 0, count: 6)
    var promiscuous = true
    var allMulticast = false
    var allUnicast = false
    var noMulticast = false
    var noUnicast = false
    var noBroadcast = false
    var unicast = AddressList()
    var multicast = AddressList()
    /// One bit for each VLAN that may pass, once a filter is set.
    var vlans: [UInt8] = []
    var pairs: UInt16 = 1
    var isLinkUp = true
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedBytes("mac", &mac)
      try visit.field("promiscuous", &promiscuous)
      try visit.field("allMulticast", &allMulticast)
      try visit.field("allUnicast", &allUnicast)
      try visit.field("noMulticast", &noMulticast)
      try visit.field("noUnicast", &noUnicast)
      try visit.field("noBroadcast", &noBroadcast)
      try visit.nested("unicast", &unicast)
      try visit.nested("multicast", &multicast)
      try visit.bytes("vlans", &vlans, maximum: 512)
      guard vlans.isEmpty || vlans.count == 512 else { throw .outOfRange(field: "vlans") }
      try visit.field("pairs", &pairs, in: 1...VirtioNetFunction.pairLimit)
      try visit.field("isLinkUp", &isLinkUp)
    }
  }

  /// Most pairs of queues.
  public static let pairLimit: UInt16 = 8
  public let instanceName: String
  private let address: MACAddress
  let pairs: Int
  public var saved = Saved()
  private var counters = Counters()

  private struct Counters {
    var sent: UInt64 = 0, received: UInt64 = 0, filtered: UInt64 = 0, tooShort: UInt64 = 0, malformed: UInt64 = 0
  }

  public init(name: String = "virtio-net", mac: MACAddress, pairs: Int = 1) {
    instanceName = name
    address = mac
    self.pairs = min(max(1, pairs), Int(VirtioNetFunction.pairLimit))
    saved.mac = mac.bytes
  }

  public var queueCount: Int { 2 * pairs + 1 }
  public var features: UInt64 {
    let always =
      Feature.checksum | Feature.guestChecksum | Feature.mac | Feature.segmentIPv4 | Feature.segmentIPv6
      | Feature.segmentECN | Feature.mergeable | Feature.status
    let control =
      Feature.control | Feature.controlReceive | Feature.controlVLAN | Feature.controlReceiveExtra | Feature.controlMAC
    return always | control | (pairs > 1 ? Feature.multiqueue : 0)
  }
  /// virtio_net_config: mac, status, max_virtqueue_pairs.
  public var configuration: [UInt8] {
    saved.mac + [saved.isLinkUp ? 1 : 0, 0, UInt8(pairs), 0]
  }
  public var outstanding: Int { 0 }
  public mutating func reset() {
    saved = Saved()
    saved.mac = address.bytes
  }

  public mutating func linkChanged(_ transport: inout VirtioTransport, _ host: some DeviceServices) {
    guard saved.isLinkUp != host.isLinkUp else { return }
    saved.isLinkUp = host.isLinkUp
    transport.configurationChanged(host)
  }

  public mutating func notified(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    // Without multiqueue the control queue is number 2, which it is with one pair anyway.
    let controlQueue = transport.negotiated(Feature.multiqueue) ? 2 * pairs : 2
    if queue == controlQueue {
      control(queue, &transport, host)
    } else if queue & 1 == 0 {
      framesArrived(&transport, host)
    } else {
      send(queue, &transport, host)
    }
  }

  public func info() -> String {
    let mac = saved.mac.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    return "mac \(mac), link \(saved.isLinkUp ? "up" : "down"), sent \(counters.sent), received \(counters.received), "
      + "filtered \(counters.filtered), too large for their buffers \(counters.tooShort), malformed \(counters.malformed)"
  }
}

// MARK: Receiving

extension VirtioNetFunction {
  public mutating func framesArrived(_ transport: inout VirtioTransport, _ host: some DeviceServices) {
    guard transport.isRunning else {
      // A card that is not set up hears nothing.
      while host.nextFrame(remove: true) != nil {}
      return
    }
    while let frame = host.nextFrame(remove: false) {
      guard frame.bytes.count >= NetworkFrame.headerSize, accepts(frame) else {
        counters.filtered += 1
        _ = host.nextFrame(remove: true)
        continue
      }
      guard receive(frame, receiveQueue(frame, transport), &transport, host) else { return }
      _ = host.nextFrame(remove: true)
      counters.received += 1
    }
  }

  private func accepts(_ frame: NetworkFrame) -> Bool {
    if !saved.vlans.isEmpty, frame.bytes.count >= 16, frame.bytes[12] == 0x81, frame.bytes[13] == 0 {
      let vlan = Int(frame.bytes[14] & 0x0f) << 8 | Int(frame.bytes[15])
      guard saved.vlans[vlan / 8] & 1 << UInt8(vlan & 7) != 0 else { return false }
    }
    if saved.promiscuous { return true }
    if frame.isBroadcast { return !saved.noBroadcast }
    if frame.isMulticast {
      return !saved.noMulticast && (saved.allMulticast || saved.multicast.contains(frame.bytes))
    }
    if saved.noUnicast { return false }
    return saved.allUnicast || frame.bytes.starts(with: saved.mac) || saved.unicast.contains(frame.bytes)
  }

  /// Frames of one flow go to one queue (5.1.5.1.3 leaves the choice to the device).
  private func receiveQueue(_ frame: NetworkFrame, _ transport: VirtioTransport) -> Int {
    guard transport.negotiated(Feature.multiqueue), saved.pairs > 1 else { return 0 }
    let hash = frame.bytes.dropFirst(26).prefix(12).reduce(0 as UInt32) { $0 &* 31 &+ UInt32($1) }
    return Int(hash % UInt32(saved.pairs)) * 2
  }

  /// False when the driver has no buffers: the frame stays where it is.
  private mutating func receive(
    _ frame: NetworkFrame, _ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) -> Bool {
    let needed = Header.size + frame.bytes.count
    var chains: [VirtioChain] = []
    var room = 0
    while room < needed {
      guard let chain = transport.next(queue, host) else {
        if transport.isRunning { transport.putBack(queue, count: chains.count) }
        return false
      }
      chains.append(chain)
      room += chain.writableCount
      if !transport.negotiated(Feature.mergeable) { break }
      // Buffers of no size would never come to an end.
      guard chain.writableCount > 0 else { break }
    }
    guard room >= needed else {
      counters.tooShort += 1
      transport.complete(queue, chains.map { ($0.head, 0) }, host)
      return true
    }
    var header = [UInt8](repeating: 0, count: Header.size)
    if frame.isVerified, transport.negotiated(Feature.guestChecksum) { header[0] = Header.dataValid }
    header[10] = UInt8(truncatingIfNeeded: chains.count)
    header[11] = UInt8(truncatingIfNeeded: chains.count >> 8)
    let bytes = header + frame.bytes
    var at = 0
    var used: [(head: UInt16, written: UInt32)] = []
    for chain in chains {
      let start = at
      for segment in chain.writable where at < bytes.count {
        let end = min(at + segment.count, bytes.count)
        host.dmaWrite(segment.address, Array(bytes[at..<end]))
        at = end
      }
      used.append((chain.head, UInt32(at - start)))
    }
    transport.complete(queue, used, host)
    return true
  }
}

// MARK: Sending

extension VirtioNetFunction {
  private mutating func send(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    while let chain = transport.next(queue, host) {
      send(chain, transport, host) { transport.spend($0) }
      transport.complete(queue, head: chain.head, written: 0, host)
    }
  }

  private mutating func send(
    _ chain: VirtioChain, _ transport: VirtioTransport, _ host: some DeviceServices, spend: (Int) -> Void
  ) {
    let count = chain.readableCount - Header.size
    guard count >= NetworkFrame.headerSize, count <= NetworkFrame.limit else {
      counters.malformed += 1
      return
    }
    var packet: [UInt8] = []
    packet.reserveCapacity(count + Header.size)
    for segment in chain.readable { packet += host.dmaRead(segment.address, count: segment.count) }
    guard packet.count == count + Header.size else {
      counters.malformed += 1
      return
    }
    let header = Array(packet[..<Header.size])
    packet.removeFirst(Header.size)
    func half(_ at: Int) -> Int { Int(header[at]) | Int(header[at + 1]) << 8 }
    let needsChecksum = header[0] & Header.needsChecksum != 0 && transport.negotiated(Feature.checksum)
    let (start, offset) = (half(6), half(8))
    let kind = header[1] & ~Header.ecn
    if kind != Header.none {
      let isIPv4 = kind == Header.tcpIPv4
      guard isIPv4 || kind == Header.tcpIPv6,
        transport.negotiated(isIPv4 ? Feature.segmentIPv4 : Feature.segmentIPv6), needsChecksum,
        let segmentation = segmentation(packet, segmentSize: half(4), transport: start, isIPv4: isIPv4, host)
      else {
        counters.malformed += 1
        return
      }
      var frames = 0
      segmentation.split(pseudoHeader(packet, segmentation)) { frame in
        host.transmit(NetworkFrame(frame))
        frames += 1
      }
      spend(frames)
      counters.sent += UInt64(frames)
      return
    }
    if needsChecksum {
      let at = start + offset
      guard start >= NetworkFrame.headerSize, at + 2 <= packet.count else {
        counters.malformed += 1
        return
      }
      let sum = InternetChecksum.add(packet, start, packet.count)
      // Of the two forms of zero the other means "none" in UDP, and both are right in TCP.
      InternetChecksum.put16(&packet, at, InternetChecksum.finishUDP(sum))
    }
    guard packet.count <= host.maximumFrame else {
      counters.malformed += 1
      return
    }
    host.transmit(NetworkFrame(packet))
    counters.sent += 1
  }

  /// How a large TCP packet is cut up, or kept whole with its checksums made when the backend takes it so.
  private func segmentation(
    _ packet: [UInt8], segmentSize: Int, transport: Int, isIPv4: Bool, _ host: some DeviceServices
  ) -> Segmentation? {
    // The IP header begins behind the addresses, the type and, when there is one, the VLAN tag.
    let network = InternetChecksum.get16(packet, 12) == 0x8100 ? 18 : 14
    guard transport + 20 <= packet.count, segmentSize >= 16 else { return nil }
    let headerSize = transport + Int(packet[transport + 12] >> 4) * 4
    let ipHeaderEnd = isIPv4 ? network + Int(packet[network] & 0x0f) * 4 : network + 40
    let segmentation = Segmentation(
      headerSize: headerSize, segmentSize: packet.count <= host.maximumFrame ? NetworkFrame.limit : segmentSize,
      network: network, transport: transport, isIPv4: isIPv4, isTCP: true,
      networkChecksum: isIPv4 ? (network + 10, ipHeaderEnd) : nil, transportChecksum: transport + 16)
    return segmentation.fits(packet) ? segmentation : nil
  }
  /// The packet with the pseudo header's sum, without the length, in place of the checksum.
  private func pseudoHeader(_ packet: [UInt8], _ segmentation: Segmentation) -> [UInt8] {
    var packet = packet
    let sum = Segmentation.pseudoHeaderSum(
      packet, network: segmentation.network, isIPv4: segmentation.isIPv4, protocolNumber: 6)
    InternetChecksum.put16(&packet, segmentation.transport + 16, sum)
    return packet
  }
}

// MARK: Control queue (5.1.6.5)

extension VirtioNetFunction {
  private mutating func control(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    while let chain = transport.next(queue, host) {
      guard chain.readableCount >= 2, let ack = chain.writable.last else {
        transport.fault(.request, host)
        return
      }
      // A command and the longest table there can be.
      let count = min(chain.readableCount, 2 + 2 * 4 + 2 * AddressList.limit * 6)
      var bytes: [UInt8] = []
      for segment in chain.readable.slice(0, count) { bytes += host.dmaRead(segment.address, count: segment.count) }
      let isDone = bytes.count == count && bytes.count >= 2 && perform(bytes, chain.readableCount, transport)
      host.dmaWrite(ack.address &+ UInt64(ack.count - 1), [isDone ? 0 : 1])
      transport.complete(queue, head: chain.head, written: 1, host)
    }
  }

  private mutating func perform(_ bytes: [UInt8], _ total: Int, _ transport: VirtioTransport) -> Bool {
    let data = Array(bytes[2...])
    func flag() -> Bool { data[0] != 0 }
    func half() -> UInt16 { UInt16(data[0]) | UInt16(data[1]) << 8 }
    switch (bytes[0], bytes[1]) {
    case (0, 0...5) where data.count >= 1:
      guard transport.negotiated(bytes[1] < 2 ? Feature.controlReceive : Feature.controlReceiveExtra) else {
        return false
      }
      switch bytes[1] {
      case 0: saved.promiscuous = flag()
      case 1: saved.allMulticast = flag()
      case 2: saved.allUnicast = flag()
      case 3: saved.noMulticast = flag()
      case 4: saved.noUnicast = flag()
      default: saved.noBroadcast = flag()
      }
      return true
    case (1, 0): return setTables(data)
    case (1, 1) where data.count >= 6 && transport.negotiated(Feature.controlMAC):
      saved.mac = Array(data[..<6])
      return true
    case (2, 0...1) where data.count >= 2 && half() < 4096 && transport.negotiated(Feature.controlVLAN):
      if saved.vlans.isEmpty { saved.vlans = [UInt8](repeating: 0, count: 512) }
      let bit = 1 << UInt8(half() & 7) as UInt8
      if bytes[1] == 0 { saved.vlans[Int(half() / 8)] |= bit } else { saved.vlans[Int(half() / 8)] &= ~bit }
      return true
    case (4, 0) where data.count >= 2 && transport.negotiated(Feature.multiqueue):
      guard (1...UInt16(pairs)).contains(half()) else { return false }
      saved.pairs = half()
      return true
    default: return false
    }
  }

  /// Two tables, each a count and so many addresses. One that is too long lets everything of its kind pass.
  private mutating func setTables(_ data: [UInt8]) -> Bool {
    var at = 0
    func next() -> (AddressList, Bool)? {
      guard at + 4 <= data.count else { return nil }
      let count = (0..<4).reduce(0) { $0 | Int(data[at + $1]) << ($1 * 8) }
      at += 4
      guard count <= AddressList.limit else { return (AddressList(), true) }
      guard at + count * 6 <= data.count else { return nil }
      defer { at += count * 6 }
      return (AddressList(Array(data[at..<(at + count * 6)])), false)
    }
    guard let (unicast, unicastOverflow) = next() else { return false }
    saved.unicast = unicast
    saved.allUnicast = unicastOverflow
    // What follows an overlong table was not read.
    guard !unicastOverflow, let (multicast, multicastOverflow) = next() else {
      saved.allMulticast = true
      return unicastOverflow
    }
    saved.multicast = multicast
    if multicastOverflow { saved.allMulticast = true }
    return true
  }
}
