import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver with receive, transmit and control queue of eight entries each.
struct VirtioNetBench {
  var bench: CardBench<VirtioNet>
  private var next = [0, 0, 0]
  private var available: [UInt16] = [0, 0, 0]
  static let control: UInt64 = VirtioNetFunction.Feature.control | VirtioNetFunction.Feature.controlReceive
  typealias Feature = VirtioNetFunction.Feature

  init(_ features: UInt64 = 0) {
    bench = CardBench(VirtioNet(VirtioNetFunction(mac: Packets.mac)))
    write(20, 1, 1)
    write(20, 3, 1)
    for half in 0..<2 {
      write(8, UInt64(half), 4)
      write(12, (features | VirtioFeature.version1) >> UInt64(half * 32) & 0xffff_ffff, 4)
    }
    write(20, 0xb, 1)
    for queue in 0..<3 {
      write(22, UInt64(queue), 2)
      write(24, 8, 2)
      write(32, UInt64(base(queue)), 4)
      write(40, UInt64(base(queue) + 0x400), 4)
      write(48, UInt64(base(queue) + 0x800), 4)
      write(28, 1, 2)
    }
    write(20, 0xf, 1)
  }
  func base(_ queue: Int) -> Int { 0x1000 * (queue + 1) }
  mutating func write(_ offset: UInt64, _ value: UInt64, _ width: Int) {
    bench.device.testWrite(offset, value, width: width, bench.host)
  }
  mutating func read(_ offset: UInt64, _ width: Int) -> UInt64 {
    bench.device.testRead(offset, width: width, bench.host)
  }
  mutating func add(_ queue: Int, _ parts: [(address: Int, count: Int, writable: Bool)]) {
    let head = next[queue]
    for (index, part) in parts.enumerated() {
      let at = base(queue) + next[queue] * 16
      next[queue] = (next[queue] + 1) % 8
      bench.poke(at, UInt64(part.address), 8)
      bench.poke(at + 8, UInt64(part.count), 4)
      bench.poke(at + 12, (part.writable ? 2 : 0) | (index < parts.count - 1 ? 1 : 0), 2)
      bench.poke(at + 14, UInt64(next[queue]), 2)
    }
    let ring = base(queue) + 0x400
    bench.poke(ring + 4 + Int(available[queue] % 8) * 2, UInt64(head), 2)
    available[queue] &+= 1
    bench.poke(ring + 2, UInt64(available[queue]), 2)
  }
  mutating func notify(_ queue: Int) { write(UInt64(0x3000 + queue * 4), UInt64(queue), 2) }
  func used(_ queue: Int) -> UInt64 { bench.peek(base(queue) + 0x802, 2) }
  func usedLength(_ queue: Int, _ entry: Int) -> UInt64 { bench.peek(base(queue) + 0x808 + entry * 8, 4) }
  /// Sends a packet behind a header of twelve bytes.
  mutating func send(_ header: [UInt8], _ packet: [UInt8]) {
    bench.poke(0x8000, header)
    bench.poke(0x8100, packet)
    add(1, [(0x8000, 12, false), (0x8100, packet.count, false)])
    notify(1)
  }
  /// Sends a command on the control queue; true when the device accepts it.
  mutating func command(_ bytes: [UInt8]) -> Bool {
    bench.poke(0x7000, bytes)
    bench.poke(0x7fff, 0xff, 1)
    add(2, [(0x7000, bytes.count, false), (0x7fff, 1, true)])
    notify(2)
    return bench.peek(0x7fff, 1) == 0
  }
}

@Suite("virtio-net") struct VirtioNetTests {
  typealias Feature = VirtioNetFunction.Feature
  static let plain = [UInt8](repeating: 0, count: 12)

  @Test func configurationShowsAddressAndLink() {
    var net = VirtioNetBench(Feature.status | Feature.mac)
    #expect(net.bench.device.config.get32(0) == 0x1041_1af4)
    var address: [UInt8] = []
    for index in 0..<6 as Range<UInt64> { address.append(UInt8(net.read(0x2000 + index, 1))) }
    #expect(address == Packets.mac.bytes)
    #expect(net.read(0x2006, 2) == 1)
    let generation = net.read(21, 1)
    net.bench.host.setLink(false, of: &net.bench.device)
    #expect(net.read(0x2006, 2) == 0 && net.read(21, 1) != generation)
    #expect(net.bench.host.level(0) && net.read(0x1000, 1) == 2)
  }

  @Test func plainFramesPassBothWays() {
    var net = VirtioNetBench()
    let frame = Packets.frame(to: Packets.other, count: 333)
    net.send(VirtioNetTests.plain, frame)
    #expect(net.bench.host.takeFrames().map(\.bytes) == [frame] && net.used(1) == 1)
    net.add(0, [(0xa000, 2000, true)])
    net.notify(0)
    let reply = Packets.frame(count: 77)
    net.bench.deliver(reply)
    #expect(net.used(0) == 1 && net.usedLength(0, 0) == 89)
    #expect(net.bench.bytes(0xa000, 12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    #expect(net.bench.bytes(0xa00c, 77) == reply)
  }

  @Test func framesWaitForBuffersInOrder() {
    var net = VirtioNetBench()
    for count in [60, 61, 62] { net.bench.deliver(Packets.frame(count: count)) }
    #expect(net.used(0) == 0 && net.bench.host.frames.count == 3)
    net.add(0, [(0xa000, 2000, true)])
    net.add(0, [(0xb000, 2000, true)])
    net.notify(0)
    #expect(net.used(0) == 2 && net.usedLength(0, 0) == 72 && net.usedLength(0, 1) == 73)
    #expect(net.bench.host.frames.count == 1)
  }

  @Test func mergeableBuffersAreGivenBackTogether() {
    var net = VirtioNetBench(Feature.mergeable)
    net.add(0, [(0xa000, 100, true)])
    net.add(0, [(0xb000, 100, true)])
    net.notify(0)
    let frame = Packets.frame(count: 250)
    net.bench.deliver(frame)
    // Two of three: nothing may be seen yet.
    #expect(net.used(0) == 0)
    net.add(0, [(0xc000, 100, true)])
    net.notify(0)
    #expect(net.used(0) == 3 && (0..<3).map { net.usedLength(0, $0) } == [100, 100, 62])
    #expect(net.bench.peek(0xa00a, 2) == 3)
    let stored = net.bench.bytes(0xa00c, 88) + net.bench.bytes(0xb000, 100) + net.bench.bytes(0xc000, 62)
    #expect(stored == frame)
  }

  @Test func buffersThatAreTooSmallDropTheFrame() {
    var net = VirtioNetBench()
    net.add(0, [(0xa000, 50, true)])
    net.notify(0)
    net.bench.deliver(Packets.frame(count: 100))
    #expect(net.used(0) == 1 && net.usedLength(0, 0) == 0 && net.bench.host.frames.isEmpty)
  }

  @Test("partial checksums are completed") func checksum() {
    var net = VirtioNetBench(Feature.checksum)
    var packet = Packets.tcp(payload: 33)
    InternetChecksum.put16(&packet, 24, InternetChecksum.finish(InternetChecksum.add(packet, 14, 34)))
    let pseudo = Segmentation.pseudoHeaderSum(packet, network: 14, isIPv4: true, protocolNumber: 6)
    InternetChecksum.put16(&packet, 50, InternetChecksum.fold(UInt64(pseudo) + 53))
    net.send([1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0], packet)
    let sent = net.bench.host.takeFrames()
    #expect(sent.count == 1 && Packets.isRight(sent[0].bytes))
    // Without negotiation the field is left alone.
    var old = VirtioNetBench()
    old.send([1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0], packet)
    #expect(old.bench.host.takeFrames().map(\.bytes) == [packet])
  }

  @Test("large packets are cut up, or kept whole for a backend that takes them", arguments: [false, true])
  func segmentation(whole: Bool) {
    var net = VirtioNetBench(Feature.checksum | Feature.segmentIPv4)
    if whole { net.bench.host.maximumFrame = NetworkFrame.limit }
    net.send([1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0], Packets.tcp(payload: 5000))
    let sent = net.bench.host.takeFrames().map(\.bytes)
    #expect(sent.map(\.count) == (whole ? [5054] : [1514, 1514, 1514, 674]))
    #expect(sent.allSatisfy(Packets.isRight))
  }

  @Test func hostileHeadersSendNothing() {
    var net = VirtioNetBench(Feature.checksum | Feature.segmentIPv4)
    let headers: [[UInt8]] = [
      [1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], [1, 1, 54, 0, 1, 0, 34, 0, 16, 0, 0, 0],
      [1, 1, 54, 0, 0xb4, 5, 0xff, 0xff, 16, 0, 0, 0], [0, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0],
      [1, 4, 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0],
    ]
    for header in headers { net.send(header, Packets.tcp(payload: 100)) }
    net.send(VirtioNetTests.plain, [1, 2, 3])
    #expect(net.bench.host.takeFrames().isEmpty && net.used(1) == UInt64(headers.count + 1))
  }

  @Test func theControlQueueSetsFilters() {
    var net = VirtioNetBench(VirtioNetBench.control | Feature.controlVLAN | Feature.controlMAC)
    for index in 0..<4 { net.add(0, [(0xa000 + index * 0x800, 2000, true)]) }
    net.notify(0)
    let group: [UInt8] = [0x01, 0, 0x5e, 0, 0, 1]
    #expect(net.command([0, 0, 0]) == true)
    net.bench.deliver(Packets.frame(to: Packets.other))
    net.bench.deliver(Packets.frame(to: group))
    #expect(net.used(0) == 0)
    #expect(net.command([1, 0, 0, 0, 0, 0, 1, 0, 0, 0] + group) == true)
    net.bench.deliver(Packets.frame(to: group))
    net.bench.deliver(Packets.frame())
    #expect(net.used(0) == 2)
    #expect(net.command([1, 1] + Packets.other) == true)
    net.bench.deliver(Packets.frame())
    #expect(net.used(0) == 2)
    #expect(net.command([1, 1, 2]) == false)
    #expect(net.command([4, 0, 1, 0]) == false)
    #expect(net.command([9, 9, 9]) == false)
    // VLAN 5 passes, 6 does not.
    #expect(net.command([2, 0, 5, 0]) == true)
    for vlan in [6, 5] as [UInt8] {
      var frame = Packets.frame(to: Packets.other, type: 0x8100)
      (frame[14], frame[15]) = (0, vlan)
      net.bench.deliver(frame)
    }
    #expect(net.used(0) == 3)
  }

  @Test func verifiedFramesSayThatTheirChecksumsAreRight() {
    var net = VirtioNetBench(Feature.guestChecksum)
    net.add(0, [(0xa000, 2000, true)])
    net.notify(0)
    net.bench.deliver(Packets.frame(), verified: true)
    #expect(net.bench.peek(0xa000, 1) == 2)
  }

  @Test func conformance() {
    #expect(
      DeviceConformance.check(make: { VirtioNet(VirtioNetFunction(mac: Packets.mac)) }, seeds: 120) == [])
    #expect(
      DeviceConformance.check(make: { VirtioNet(VirtioNetFunction(mac: Packets.mac, pairs: 4)) }, seeds: 60) == [])
  }
}
