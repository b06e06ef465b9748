import Testing

@testable import DeviceKit
@testable import Devices

@Suite("Network offloads") struct SegmentationTests {
  private func segmentation(_ packet: [UInt8], ipv6: Bool, size: Int) -> (Segmentation, [UInt8]) {
    var packet = packet
    let transport = ipv6 ? 54 : 34
    InternetChecksum.put16(
      &packet, transport + 16,
      Segmentation.pseudoHeaderSum(packet, network: 14, isIPv4: !ipv6, protocolNumber: 6))
    let plan = Segmentation(
      headerSize: transport + 20, segmentSize: size, network: 14, transport: transport, isIPv4: !ipv6, isTCP: true,
      networkChecksum: ipv6 ? nil : (24, 34), transportChecksum: transport + 16)
    return (plan, packet)
  }

  @Test("segments carry all data once, with right lengths, numbers, flags and checksums", arguments: [false, true])
  func segments(ipv6: Bool) {
    let original = Packets.tcp(payload: 4000, ipv6: ipv6)
    let (plan, packet) = segmentation(original, ipv6: ipv6, size: 1460)
    var frames: [[UInt8]] = []
    plan.split(packet) { frames.append($0) }
    let header = Packets.headerSize(ipv6: ipv6)
    #expect(frames.map(\.count) == [1460, 1460, 1080].map { $0 + header })
    #expect(frames.flatMap { $0[header...] } == Array(original[header...]))
    let transport = header - 20
    #expect(frames.map { InternetChecksum.get32($0, transport + 4) } == [0x1000, 0x1000 + 1460, 0x1000 + 2920])
    #expect(frames.map { $0[transport + 13] } == [0x10, 0x10, 0x19])
    #expect(frames.allSatisfy(Packets.isRight))
    if !ipv6 { #expect(frames.map { InternetChecksum.get16($0, 18) } == [0x1234, 0x1235, 0x1236]) }
  }

  @Test func offsetsOutsideThePacketGiveNothing() {
    let (plan, packet) = segmentation(Packets.tcp(payload: 100), ipv6: false, size: 50)
    var emitted = 0
    for broken in 0..<7 {
      var plan = plan
      switch broken {
      case 0: plan.headerSize = 4000
      case 1: plan.headerSize = 40
      case 2: plan.segmentSize = 0
      case 3: plan.network = 4
      case 4: plan.transport = 20
      case 5: plan.networkChecksum = (54, 34)
      default: plan.transportChecksum = 53
      }
      plan.split(packet) { _ in emitted += 1 }
    }
    #expect(emitted == 0)
  }

  @Test func checksumsAgreeWithTheSlowWay() {
    for count in 0..<64 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      var total: UInt64 = 0
      for (index, byte) in bytes.enumerated() { total += UInt64(byte) << (index & 1 == 0 ? 8 : 0) }
      #expect(InternetChecksum.fold(InternetChecksum.add(bytes, 0, count)) == InternetChecksum.fold(total))
    }
    // The check value of CRC-32 for "123456789".
    #expect(EthernetCRC.bytes(Array("123456789".utf8)) == [0x26, 0x39, 0xf4, 0xcb])
  }

  @Test func addressesAreReadAndRefused() {
    #expect(MACAddress("08:00:27:0A:0b:0c")?.description == "08:00:27:0a:0b:0c")
    #expect(MACAddress("0800270a0b0c")?.bytes == [8, 0, 0x27, 10, 11, 12])
    for text in [
      "", "08:00:27:0a:0b", "01:00:27:0a:0b:0c", "00:00:00:00:00:00", "08:00:27:0a:0b:0g", "0:80:02:70:a0:b0",
    ] {
      #expect(MACAddress(text) == nil || text == "0:80:02:70:a0:b0")
    }
  }

  @Test func queuesAreBounded() {
    let queue = FrameQueue(frames: 3, bytes: 1000)
    for index in 0..<5 { queue.append(NetworkFrame([UInt8(index)])) }
    #expect(queue.count == 3 && queue.dropped == 2)
    #expect(queue.first?.bytes == [0] && queue.next()?.bytes == [0] && queue.next()?.bytes == [1])
    #expect(!queue.append(NetworkFrame([UInt8](repeating: 0, count: 1000))))
    #expect(queue.next()?.bytes == [2] && queue.next() == nil && queue.isEmpty)
    for _ in 0..<5000 {
      queue.append(NetworkFrame([1]))
      queue.append(NetworkFrame([2]))
      #expect(queue.next() != nil && queue.next() != nil)
    }
  }

  @Test func romsAreAdaptedToTheirCards() throws {
    var image = [UInt8](repeating: 0, count: 3 * 512)
    image.replaceSubrange(0..<3, with: [0x55, 0xaa, 3])
    image[0x18] = 0x1c
    image.replaceSubrange(0x1c..<0x20, with: Array("PCIR".utf8))
    let rom = try #require(OptionROM(image, vendor: 0x8086, device: 0x1004))
    #expect(rom.bytes.count == 2048 && Array(rom.bytes[0x20..<0x24]) == [0x86, 0x80, 0x04, 0x10])
    #expect(rom.bytes[..<1536].reduce(0 as UInt8) { $0 &+ $1 } == 0)
    image[0x18] = 0xff
    image[0x19] = 0xff
    #expect(OptionROM(image, vendor: 1, device: 1) == nil && OptionROM([0x55, 0xaa], vendor: 1, device: 1) == nil)
  }
}
