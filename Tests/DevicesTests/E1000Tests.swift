import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver with rings of eight descriptors: transmit at 1000h, receive at 2000h with buffers from 20000h on.
struct E1000Bench {
  var bench: CardBench<E1000>
  typealias Register = E1000.Register
  private var tail = 0

  init(_ model: E1000.Model = .i82540EM, start: Bool = true) {
    bench = CardBench(E1000(model: model, mac: Packets.mac))
    guard start else { return }
    write(Register.ctrl, 0x40)
    write(Register.tdbal, 0x1000)
    write(Register.tdlen, 128)
    write(Register.tctl, 0xa)
    for index in 0..<8 { bench.poke(0x2000 + index * 16, UInt64(0x2_0000 + index * 0x1000), 8) }
    write(Register.rdbal, 0x2000)
    write(Register.rdlen, 128)
    write(Register.rdt, 7)
    write(Register.rctl, 0x8002)
    _ = read(Register.icr)
  }
  mutating func write(_ register: Int, _ value: UInt32) {
    bench.device.testWrite(UInt64(register), UInt64(value), width: 4, bench.host)
  }
  mutating func read(_ register: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: bench.device.testRead(UInt64(register), width: 4, bench.host))
  }
  mutating func transmit(_ low: UInt64, _ high: UInt64) {
    bench.poke(0x1000 + tail * 16, low, 8)
    bench.poke(0x1008 + tail * 16, high, 8)
    tail = (tail + 1) % 8
  }
  mutating func kick() { write(Register.tdt, UInt32(tail)) }
  /// Context for TCP over IPv4 with the headers of `Packets.tcp`.
  mutating func context(segment: UInt64 = 0, payload: Int = 0) {
    transmit(
      14 | 24 << 8 | 33 << 16 | 34 << 32 | 50 << 40,
      UInt64(payload) | 0x20 << 24 | (segment > 0 ? 7 : 3) << 24 | 54 << 40 | segment << 48)
  }
  /// Reads an EEPROM word through the four wires of EECD.
  mutating func eeprom(_ address: Int) -> UInt16 {
    var value: UInt16 = 0
    let select: UInt32 = 2 | 0x40
    func bit(_ data: UInt32) -> [UInt32] { [select | data, select | data | 1, select | data] }
    write(Register.eecd, select)
    for index in (0..<9).reversed() {
      for level in bit((6 << 6 | address) >> index & 1 == 1 ? 4 : 0) { write(Register.eecd, level) }
    }
    for _ in 0..<16 {
      write(Register.eecd, select | 1)
      value = value << 1 | (read(Register.eecd) & 8 != 0 ? 1 : 0)
      write(Register.eecd, select)
    }
    write(Register.eecd, 0)
    return value
  }
}

@Suite("e1000") struct E1000Tests {
  typealias Register = E1000.Register

  @Test("the EEPROM holds address and checksum", arguments: E1000.Model.allCases) func eeprom(model: E1000.Model) {
    var card = E1000Bench(model, start: false)
    #expect(card.eeprom(0) == 0x0008 && card.eeprom(1) == 0x0127 && card.eeprom(2) == 0x0302)
    var sum: UInt16 = 0
    for address in 0..<64 { sum &+= card.eeprom(address) }
    #expect(sum == 0xbaba)
    #expect(card.read(Register.ra.lowerBound) == 0x0127_0008 && card.read(0x5404) == 0x8000_0302)
    guard model != .i82543GC else { return }
    card.write(Register.eerd, 0x0101)
    #expect(card.read(Register.eerd) == 0x0127_0111)
  }

  @Test("the PHY answers by MDIC, and by bits on the 82543GC") func phy() {
    var card = E1000Bench(start: false)
    card.write(Register.mdic, 2 << 26 | 1 << 21 | 2 << 16)
    #expect(card.read(Register.mdic) & 0x5000_ffff == 0x1000_0141)
    card.write(Register.mdic, 2 << 26 | 5 << 21 | 2 << 16)
    #expect(card.read(Register.mdic) & 1 << 30 != 0)
    var old = E1000Bench(.i82543GC, start: false)
    // 32 ones, start 01, read 10, PHY 1, register 3.
    let bits =
      [Bool](repeating: true, count: 32) + [false, true, true, false] + [false, false, false, false, true]
      + [false, false, false, true, true]
    for bit in bits {
      for clock in [0, 1, 0] as [UInt32] { old.write(Register.ctrl, 3 << 24 | (bit ? 1 << 20 : 0) | clock << 21) }
    }
    var value: UInt32 = 0
    for index in 0..<17 {
      old.write(Register.ctrl, 2 << 24 | 1 << 21)
      if index > 0 { value = value << 1 | old.read(Register.ctrl) >> 20 & 1 }
      old.write(Register.ctrl, 2 << 24)
    }
    #expect(value == 0x0c50)
  }

  @Test func linkFollowsCableAndDriver() {
    var card = E1000Bench()
    #expect(card.read(Register.status) & 2 != 0)
    card.write(Register.ims, 4)
    card.bench.host.setLink(false, of: &card.bench.device)
    #expect(card.read(Register.status) & 2 == 0 && card.bench.host.level(0))
    #expect(card.read(Register.icr) & 4 != 0 && !card.bench.host.level(0))
    // The PHY's link bit stays low until it has been read.
    card.bench.host.setLink(true, of: &card.bench.device)
    func link(_ card: inout E1000Bench) -> Bool {
      card.write(Register.mdic, 2 << 26 | 1 << 21 | 1 << 16)
      return card.read(Register.mdic) & 4 != 0
    }
    let (first, second) = (link(&card), link(&card))
    #expect(!first && second)
  }

  @Test func legacyDescriptorsSendAndReport() {
    var card = E1000Bench()
    let frame = Packets.frame(to: Packets.other, count: 200)
    card.bench.poke(0x8000, frame)
    card.write(Register.ims, 1)
    card.transmit(0x8000, 150)
    card.transmit(0x8000 + 150, 50 | 0x09 << 24)
    card.kick()
    #expect(card.bench.host.takeFrames().map(\.bytes) == [frame])
    #expect(card.bench.peek(0x100c, 1) == 0 && card.bench.peek(0x101c, 1) == 1)
    #expect(card.read(Register.tdh) == 2 && card.bench.host.level(0) && card.read(Register.icr) & 3 == 3)
    #expect(card.read(E1000.Statistic.goodSent) == 1 && card.read(E1000.Statistic.goodSent) == 0)
  }

  @Test func contextDescriptorsInsertChecksums() {
    var card = E1000Bench()
    var packet = Packets.tcp(payload: 77)
    let pseudo = Segmentation.pseudoHeaderSum(packet, network: 14, isIPv4: true, protocolNumber: 6)
    InternetChecksum.put16(&packet, 50, InternetChecksum.fold(UInt64(pseudo) + 97))
    card.bench.poke(0x8000, packet)
    card.context()
    card.transmit(0x8000, UInt64(packet.count) | 1 << 20 | 0x21 << 24 | 3 << 40)
    card.kick()
    let sent = card.bench.host.takeFrames()
    #expect(sent.count == 1 && Packets.isRight(sent[0].bytes))
  }

  @Test("segmentation: several frames, or one for a backend that takes it", arguments: [false, true])
  func segmentation(whole: Bool) {
    var card = E1000Bench()
    if whole { card.bench.host.maximumFrame = NetworkFrame.limit }
    var packet = Packets.tcp(payload: 6000)
    let pseudo = Segmentation.pseudoHeaderSum(packet, network: 14, isIPv4: true, protocolNumber: 6)
    InternetChecksum.put16(&packet, 50, pseudo)
    card.bench.poke(0x8000, packet)
    card.context(segment: 1460, payload: 6000)
    card.transmit(0x8000, 54 | 1 << 20 | 0x24 << 24 | 3 << 40)
    card.transmit(0x8036, 6000 | 1 << 20 | 0x2d << 24 | 3 << 40)
    card.kick()
    let sent = card.bench.host.takeFrames().map(\.bytes)
    #expect(sent.map(\.count) == (whole ? [6054] : [1514, 1514, 1514, 1514, 214]))
    #expect(sent.allSatisfy(Packets.isRight))
  }

  @Test func receivedFramesFillDescriptorsWithTheirCheckSequence() {
    var card = E1000Bench()
    card.write(Register.ims, 0x80)
    let frame = Packets.frame(count: 2500)
    card.write(Register.rctl, 0x8022)
    card.bench.deliver(frame)
    #expect(card.read(Register.rdh) == 2 && card.bench.host.level(0))
    #expect(card.bench.peek(0x2008, 2) == 2048 && card.bench.peek(0x200c, 1) == 1)
    #expect(card.bench.peek(0x2018, 2) == 456 && card.bench.peek(0x201c, 1) == 7)
    let stored = card.bench.bytes(0x2_0000, 2048) + card.bench.bytes(0x2_1000, 456)
    #expect(stored == frame + EthernetCRC.bytes(frame))
    // Stripped, and padded to what a wire carries.
    card.write(Register.rctl, 0x8002 | 1 << 26)
    card.bench.deliver(Packets.frame(count: 20))
    #expect(card.bench.peek(0x2028, 2) == 60)
  }

  @Test func framesWaitForDescriptorsAndFiltersApply() {
    var card = E1000Bench()
    card.bench.deliver(Packets.frame(to: Packets.other))
    card.bench.deliver(Packets.frame(to: [1, 0, 0x5e, 0, 0, 0xfb]))
    #expect(card.read(Register.rdh) == 0 && card.bench.host.frames.isEmpty)
    // Bits 47-36 of the address choose the multicast table's bit.
    card.write(Register.mta.lowerBound + 0xfb0 / 32 * 4, 1 << (0xfb0 & 31))
    card.bench.deliver(Packets.frame(to: [1, 0, 0x5e, 0, 0, 0xfb]))
    #expect(card.read(Register.rdh) == 1 && card.bench.peek(0x200c, 1) & 0x80 != 0)
    for _ in 0..<8 { card.bench.deliver(Packets.frame()) }
    #expect(card.read(Register.rdh) == 7 && card.bench.host.frames.count == 2)
    card.write(Register.rdt, 1)
    #expect(card.read(Register.rdh) == 1 && card.bench.host.frames.isEmpty)
  }

  @Test func vlanTagsAreTakenOutAndPutIn() {
    var card = E1000Bench()
    card.write(Register.ctrl, 1 << 30 | 0x40)
    var tagged = Packets.frame(type: 0x8100)
    (tagged[14], tagged[15]) = (0x20, 5)
    card.bench.deliver(tagged)
    #expect(card.bench.peek(0x200e, 2) == 0x2005 && card.bench.peek(0x200c, 1) & 8 != 0)
    #expect(card.bench.bytes(0x2_0000, 14) == Array(tagged[..<12] + tagged[16..<18]))
    card.bench.poke(0x8000, Packets.frame(count: 64))
    card.transmit(0x8000, 64 | 0x41 << 24 | 0x2005 << 48)
    card.kick()
    #expect(Array(card.bench.host.takeFrames()[0].bytes[12..<16]) == [0x81, 0, 0x20, 5])
  }

  @Test func throttlingHoldsTheLineBack() {
    var card = E1000Bench()
    card.write(Register.itr, 1000)
    card.write(Register.ims, 4)
    card.write(Register.ics, 4)
    #expect(card.bench.host.level(0))
    // A few come at once, then each has to wait for its turn.
    for _ in 0..<3 {
      _ = card.read(Register.icr)
      card.write(Register.ics, 4)
      #expect(card.bench.host.level(0))
    }
    for _ in 0..<3 {
      _ = card.read(Register.icr)
      card.write(Register.ics, 4)
      #expect(!card.bench.host.level(0))
      card.bench.host.advance(&card.bench.device, by: 255_000)
      #expect(!card.bench.host.level(0))
      card.bench.host.advance(&card.bench.device, by: 1_000)
      #expect(card.bench.host.level(0))
    }
  }

  @Test func anAnswerBringsTheQuestionsInterruptAlong() {
    var card = E1000Bench()
    card.write(Register.tidv, 100)
    card.write(Register.ims, 0x81)
    card.bench.poke(0x8000, Packets.frame(count: 64))
    card.transmit(0x8000, 64 | 0x8b << 24)
    card.kick()
    #expect(!card.bench.host.level(0))
    card.bench.deliver(Packets.frame())
    #expect(card.bench.host.level(0) && card.read(Register.icr) & 0x81 == 0x81)
    card.bench.host.advance(&card.bench.device, by: 1_000_000)
    #expect(!card.bench.host.level(0), "it was told already")
  }

  @Test func delayTimersGatherPackets() {
    var card = E1000Bench()
    card.write(Register.rdtr, 100)
    card.write(Register.radv, 150)
    card.write(Register.ims, 0x80)
    card.bench.deliver(Packets.frame())
    card.bench.host.advance(&card.bench.device, by: 90_000)
    card.bench.deliver(Packets.frame())
    #expect(!card.bench.host.level(0))
    card.bench.host.advance(&card.bench.device, by: 64_000)
    #expect(card.bench.host.level(0))
  }

  @Test func conformance() {
    for model in E1000.Model.allCases {
      let found = DeviceConformance.check(
        make: { E1000(model: model, mac: Packets.mac) }, seeds: 40, normalize: { $0.eeprom = E1000.EEPROM() })
      #expect(found == [])
    }
  }
}
