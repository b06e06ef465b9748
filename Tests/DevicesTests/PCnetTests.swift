import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver with four descriptors a ring: receive at 2000h, transmit at 3000h, the initialization block at 1000h.
struct PCnetBench {
  var bench: CardBench<PCnet>
  let style: UInt16

  init(style: UInt16 = 2, mode: UInt16 = 0) {
    bench = CardBench(PCnet(mac: Packets.mac))
    self.style = style
    bcr(20, style)
    bench.poke(0x1000, UInt64(mode), 2)
    if style == 0 {
      bench.poke(0x1002, Packets.mac.bytes)
      bench.poke(0x1010, 0x4000_2000, 4)
      bench.poke(0x1014, 0x4000_3000, 4)
    } else {
      bench.poke(0x1002, 0x2020, 2)
      bench.poke(0x1004, Packets.mac.bytes)
      bench.poke(0x1014, 0x2000, 4)
      bench.poke(0x1018, 0x3000, 4)
    }
    csr(1, 0x1000)
    csr(2, 0)
    for index in 0..<4 { descriptor(0x2000, index, 0x2_0000 + index * 0x1000, 1544, flags: 0x80) }
    csr(0, 1)
  }
  mutating func start() { csr(0, 0x42) }
  mutating func out(_ offset: UInt64, _ value: UInt16) {
    bench.device.testWrite(offset, UInt64(value), width: 2, bench.host)
  }
  mutating func inp(_ offset: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: bench.device.testRead(offset, width: 2, bench.host))
  }
  mutating func csr(_ number: UInt16, _ value: UInt16) {
    out(0x12, number)
    out(0x10, value)
  }
  mutating func csr(_ number: UInt16) -> UInt16 {
    out(0x12, number)
    return inp(0x10)
  }
  mutating func bcr(_ number: UInt16, _ value: UInt16) {
    out(0x12, number)
    out(0x16, value)
  }
  mutating func bcr(_ number: UInt16) -> UInt16 {
    out(0x12, number)
    return inp(0x16)
  }
  /// `flags`: the byte with ownership in its highest bit.
  func descriptor(_ ring: Int, _ index: Int, _ address: Int, _ count: Int, flags: UInt64) {
    let size = UInt64(0x1000 - count) & 0xfff | 0xf000
    switch style {
    case 0:
      bench.poke(ring + index * 8, UInt64(address) | flags << 24, 4)
      bench.poke(ring + index * 8 + 4, size, 4)
    case 2:
      bench.poke(ring + index * 16, UInt64(address), 4)
      bench.poke(ring + index * 16 + 4, size | flags << 24, 4)
    default:
      bench.poke(ring + index * 16 + 8, UInt64(address), 4)
      bench.poke(ring + index * 16 + 4, size | flags << 24, 4)
    }
  }
  func flags(_ ring: Int, _ index: Int) -> UInt64 {
    style == 0 ? bench.peek(ring + index * 8 + 3, 1) : bench.peek(ring + index * 16 + 7, 1)
  }
  func messageSize(_ index: Int) -> UInt64 {
    switch style {
    case 0: bench.peek(0x2000 + index * 8 + 6, 2)
    case 2: bench.peek(0x2000 + index * 16 + 8, 2)
    default: bench.peek(0x2000 + index * 16, 2)
    }
  }
}

@Suite("pcnet") struct PCnetTests {
  @Test func registersIdentifyTheChip() {
    var card = PCnetBench()
    _ = card.inp(0x14)
    #expect(card.csr(0) == 4 && card.csr(88) == 0x5003 && card.csr(89) == 0x0262)
    var address: [UInt8] = []
    for index in 0..<6 as Range<UInt64> { address.append(UInt8(card.bench.device.testRead(index, card.bench.host))) }
    #expect(address == Packets.mac.bytes)
    #expect(card.inp(0x0e) == 0x5757)
    card.bcr(33, 30 << 5 | 2)
    #expect(card.bcr(34) == 0x0022)
    card.bcr(33, 3 << 5 | 2)
    #expect(card.bcr(34) == 0xffff)
  }

  @Test func doubleWordAccessSwitchesTheMap() {
    var card = PCnetBench()
    card.bench.device.testWrite(0x10, 0, width: 4, card.bench.host)
    card.bench.device.testWrite(0x14, 88, width: 4, card.bench.host)
    #expect(card.bench.device.testRead(0x10, width: 4, card.bench.host) == 0x5003)
    #expect(card.inp(0x10) == 0xffff)
  }

  @Test("frames pass both ways in every descriptor style", arguments: [0, 2, 3] as [UInt16]) func styles(style: UInt16)
  {
    var card = PCnetBench(style: style)
    #expect(card.csr(0) & 0x181 == 0x181)
    card.start()
    #expect(card.bench.host.level(0))
    card.csr(0, 0x7f40)
    #expect(!card.bench.host.level(0))
    let frame = Packets.frame(to: Packets.other, count: 300)
    card.bench.poke(0x8000, frame)
    card.descriptor(0x3000, 0, 0x8000, 200, flags: 0x82)
    card.descriptor(0x3000, 1, 0x80c8, 100, flags: 0x81)
    card.csr(0, 0x48)
    #expect(card.bench.host.takeFrames().map(\.bytes) == [frame])
    #expect(card.flags(0x3000, 0) & 0x80 == 0 && card.flags(0x3000, 1) & 0x80 == 0)
    #expect(card.csr(0) & 0x200 != 0 && card.bench.host.level(0))
    let reply = Packets.frame(count: 90)
    card.bench.deliver(reply)
    #expect(card.messageSize(0) & 0xfff == 94 && card.flags(0x2000, 0) & 0x83 == 3)
    #expect(card.bench.bytes(0x2_0000, 94) == reply + EthernetCRC.bytes(reply))
    #expect(card.csr(0) & 0x400 != 0)
  }

  @Test func framesWaitForDescriptorsAndFiltersApply() {
    var card = PCnetBench()
    card.start()
    card.bench.deliver(Packets.frame(to: Packets.other))
    card.bench.deliver(Packets.frame(to: [1, 0, 0x5e, 0, 0, 1]))
    #expect(card.flags(0x2000, 0) & 0x80 != 0)
    for _ in 0..<5 { card.bench.deliver(Packets.frame()) }
    #expect(card.flags(0x2000, 3) & 0x80 == 0 && card.bench.host.frames.count == 1)
    card.descriptor(0x2000, 0, 0x2_0000, 1544, flags: 0x80)
    card.csr(0, 0x48)
    #expect(card.bench.host.frames.isEmpty && card.flags(0x2000, 0) & 0x80 == 0)
  }

  @Test func multicastHashesSelectABit() {
    var card = PCnetBench()
    // The hash that drivers compute for 01:00:5e:00:00:01 by CRC, bit by bit.
    var crc = UInt32.max
    let group: [UInt8] = [1, 0, 0x5e, 0, 0, 1]
    for byte in group {
      for bit in 0..<8 {
        let isOdd = (crc ^ UInt32(byte >> UInt8(bit))) & 1 == 1
        crc = isOdd ? crc >> 1 ^ 0xedb8_8320 : crc >> 1
      }
    }
    let hash = UInt16(crc >> 26)
    card.csr(0, 4)
    card.csr(8 + hash / 16, 1 << (hash & 15))
    card.csr(0, 2)
    card.bench.deliver(Packets.frame(to: group))
    #expect(card.flags(0x2000, 0) & 0x80 == 0)
  }

  @Test func withoutACableTransmissionReportsLossOfCarrier() {
    var card = PCnetBench()
    card.start()
    card.bench.host.setLink(false, of: &card.bench.device)
    card.descriptor(0x3000, 0, 0x8000, 100, flags: 0x83)
    card.csr(0, 0x48)
    #expect(card.flags(0x3000, 0) & 0x40 != 0 && card.bench.peek(0x300b, 1) & 8 != 0)
    card.bcr(33, 30 << 5 | 1)
    #expect(card.bcr(34) & 4 == 0)
    card.bench.host.setLink(true, of: &card.bench.device)
    _ = card.bcr(34)
    #expect(card.bcr(34) & 4 != 0)
  }

  @Test func theTransmitRingIsPolledUnlessTheDriverPromisesToAsk() {
    var card = PCnetBench()
    card.start()
    card.bench.poke(0x8000, Packets.frame(count: 80))
    card.descriptor(0x3000, 0, 0x8000, 80, flags: 0x83)
    card.bench.host.advance(&card.bench.device, by: 100_000_000)
    #expect(card.bench.host.takeFrames().count == 1)
    card.csr(4, 0x1000)
    card.bench.host.advance(&card.bench.device, by: 100_000_000)
    card.descriptor(0x3000, 1, 0x8000, 80, flags: 0x83)
    card.bench.host.advance(&card.bench.device, by: 1_000_000_000)
    #expect(card.bench.host.takeFrames().isEmpty)
  }

  @Test func loopbackReturnsFrames() {
    var card = PCnetBench(mode: 0x0004)
    card.start()
    card.bench.poke(0x8000, Packets.frame(count: 80))
    card.descriptor(0x3000, 0, 0x8000, 80, flags: 0x83)
    card.csr(0, 0x48)
    #expect(card.bench.host.takeFrames().isEmpty && card.flags(0x2000, 0) & 0x80 == 0)
  }

  @Test func conformance() {
    #expect(DeviceConformance.check(make: { PCnet(mac: Packets.mac) }, seeds: 150) == [])
  }
}
