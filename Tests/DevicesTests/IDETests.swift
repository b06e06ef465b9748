import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver's view of the primary channel.
struct IDEBench {
  var ide: PIIX3IDE
  let host: FakeServices

  init(_ drives: [ATADriveConfiguration], diskBytes: Int = 1 << 20) {
    ide = PIIX3IDE(drives: drives)
    host = FakeServices(diskBytes: diskBytes, autoComplete: true)
    for index in 0..<diskBytes { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 &* 7 &+ index) }
    ide.reset(host)
    ide.config.write(0x20, 0xc000, width: 4)
    ide.config.write(0x04, 5, width: 2)
  }
  mutating func out(_ register: UInt64, _ value: UInt64) { ide.testWrite(register, value, host) }
  mutating func `in`(_ register: UInt64) -> UInt64 { ide.testRead(register, host) }
  mutating func bus(_ register: UInt64, _ value: UInt64, width: Int = 1) {
    ide.testWrite(register, value, region: 4, width: width, host)
  }
  mutating func command(_ code: UInt64, device: UInt64 = 0xe0, lba: UInt64 = 0, count: UInt64 = 0, features: UInt64 = 0)
  {
    out(6, device | (lba >> 24 & 15))
    out(1, features)
    out(2, count)
    for byte in 0..<3 { out(3 + UInt64(byte), lba >> UInt64(byte * 8) & 0xff) }
    out(7, code)
    host.settle(&ide)
  }
  /// Reads `count` bytes by words, settling the backend when the drive is busy.
  mutating func pull(_ count: Int, width: Int = 2) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      host.settle(&ide)
      guard `in`(7) & 0x08 != 0 else { return bytes }
      let value = ide.testRead(0, width: width, host)
      for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
    return bytes
  }
  mutating func push(_ bytes: [UInt8]) {
    for index in stride(from: 0, to: bytes.count, by: 2) {
      ide.testWrite(0, UInt64(bytes[index]) | UInt64(bytes[index + 1]) << 8, width: 2, host)
      host.settle(&ide)
    }
  }
  mutating func packet(_ bytes: [UInt8], limit: UInt64 = 0xfffe, dma: Bool = false) {
    out(6, 0xa0)
    out(1, dma ? 1 : 0)
    out(4, limit & 0xff)
    out(5, limit >> 8)
    out(7, 0xa0)
    push(bytes + [UInt8](repeating: 0, count: 12 - bytes.count))
    host.settle(&ide)
  }
  func poke32(_ address: Int, _ value: UInt32) {
    for byte in 0..<4 { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8)) }
  }
}

@Suite struct IDETests {
  static let disk = ATADriveConfiguration.disk(MediumInfo(sectors: 2048, serial: "S1"))

  @Test func identifyTellsGeometryAndModel() {
    var bench = IDEBench([IDETests.disk])
    bench.command(0xec, device: 0xa0)
    #expect(bench.host.level(0))
    let data = bench.pull(512, width: 4)
    #expect(data.count == 512 && data.reduce(0, &+) == 0)
    let words = stride(from: 0, to: 512, by: 2).map { UInt16(data[$0]) | UInt16(data[$0 + 1]) << 8 }
    #expect(words[60] == 2048 && words[100] == 2048 && words[83] & 0x400 != 0)
    #expect(words[27] == 0x5249)  // "RI"
    #expect(bench.in(7) == 0x50)
    #expect(!bench.host.level(0))
  }

  @Test func sectorsReadByPIOMatchTheDisk() {
    var bench = IDEBench([IDETests.disk])
    bench.command(0x20, lba: 5, count: 3)
    #expect(bench.pull(3 * 512) == Array(bench.host.disk[2560..<4096]))
    #expect(bench.host.risingEdges(0) == 3)
    // READ SECTORS EXT: 300 sectors need two backend requests.
    bench.out(6, 0xe0)
    for value: [UInt64] in [[2, 1], [2, 44], [3, 0], [3, 1], [4, 0], [4, 0], [5, 0], [5, 0]] {
      bench.out(value[0], value[1])
    }
    bench.out(7, 0x24)
    #expect(bench.pull(300 * 512, width: 4) == Array(bench.host.disk[512..<(301 * 512)]))
    #expect(bench.in(7) == 0x50)
  }

  @Test func sectorsWrittenByPIOReachTheDisk() {
    var bench = IDEBench([IDETests.disk])
    bench.command(0xc6, count: 8)
    bench.command(0xc5, lba: 9, count: 10)  // WRITE MULTIPLE
    #expect(bench.in(7) & 0x88 == 0x08)
    bench.push([UInt8](repeating: 0x5a, count: 5120))
    #expect(bench.in(7) == 0x50)
    #expect(bench.host.disk[4608..<9728].allSatisfy { $0 == 0x5a })
    bench.command(0xe7)
    #expect(bench.in(7) == 0x50)
  }

  @Test func busMasterScattersAndGathersByDescriptors() {
    var bench = IDEBench([IDETests.disk])
    bench.poke32(0x1000, 0x4000)
    bench.poke32(0x1004, 100)
    bench.poke32(0x1008, 0x6000)
    bench.poke32(0x100c, 0x8000_0000 | 924)
    bench.bus(4, 0x1000, width: 4)
    bench.command(0xc8, lba: 3, count: 2)
    #expect(!bench.host.level(0))
    bench.bus(0, 9)
    bench.host.settle(&bench.ide)
    #expect(bench.host.level(0))
    #expect(bench.ide.testRead(2, region: 4, bench.host) == 4)
    #expect(Array(bench.host.ram[0x4000..<0x4064]) == Array(bench.host.disk[1536..<1636]))
    #expect(Array(bench.host.ram[0x6000..<(0x6000 + 924)]) == Array(bench.host.disk[1636..<2560]))
    #expect(bench.in(7) == 0x50)
    // The same memory back to another place.
    bench.bus(0, 0)
    bench.bus(2, 4)
    bench.bus(0, 1)
    bench.command(0xca, lba: 100, count: 2)
    #expect(bench.ide.testRead(2, region: 4, bench.host) == 4)
    #expect(Array(bench.host.disk[51_200..<52_224]) == Array(bench.host.disk[1536..<2560]))
  }

  @Test func shortDescriptorTableLeavesTheDriveWaiting() {
    var bench = IDEBench([IDETests.disk])
    bench.poke32(0x1004, 0x8000_0000 | 512)
    bench.bus(4, 0x1000, width: 4)
    bench.command(0xc8, lba: 0, count: 2)
    bench.bus(0, 9)
    bench.host.settle(&bench.ide)
    #expect(bench.ide.testRead(2, region: 4, bench.host) & 5 == 0)
    #expect(bench.in(7) & 0x88 == 0x08)
    bench.ide.testWrite(0, 4, region: 1, bench.host)
    bench.ide.testWrite(0, 0, region: 1, bench.host)
    #expect(bench.in(7) == 0x50)
  }

  @Test func resetWaitsForTheBackendAndShowsSignatures() {
    var bench = IDEBench([IDETests.disk, .cdrom(MediumInfo(sectors: 0))])
    bench.host.autoComplete = false
    bench.command(0x20, lba: 0, count: 1)
    bench.ide.testWrite(0, 4, region: 1, bench.host)
    bench.ide.testWrite(0, 0, region: 1, bench.host)
    #expect(bench.in(7) & 0x80 != 0)
    bench.host.completeNext(&bench.ide)
    #expect(bench.in(7) == 0x50)
    #expect(bench.in(4) == 0 && bench.in(1) == 1)
    bench.out(6, 0xb0)
    #expect(bench.in(4) == 0x14 && bench.in(5) == 0xeb && bench.in(7) == 0)
  }

  @Test func missingDrivesAreNotThere() {
    var bench = IDEBench([IDETests.disk])
    bench.out(6, 0xb0)
    bench.out(2, 0x55)
    #expect(bench.in(7) == 0 && bench.in(2) != 0x55)
    // The other channel is empty: nobody is busy there.
    #expect(bench.ide.testRead(7, region: 2, bench.host) == 0 && bench.ide.testRead(2, region: 2, bench.host) == 0xff)
  }

  @Test func accessesBeyondTheEndAndUnknownCommandsFail() {
    var bench = IDEBench([IDETests.disk])
    bench.command(0x20, lba: 2047, count: 2)
    #expect(bench.in(7) & 0x09 == 0x01 && bench.in(1) == 0x10)
    bench.command(0xb0)
    #expect(bench.in(7) & 1 == 1 && bench.in(1) == 4)
  }

  @Test func trimDiscardsTheListedRanges() {
    var bench = IDEBench([IDETests.disk])
    bench.poke32(0x1000, 0x2000)
    bench.poke32(0x1004, 0x8000_0000 | 512)
    bench.poke32(0x2000, 8)
    bench.host.ram[0x2006] = 4
    bench.bus(4, 0x1000, width: 4)
    bench.out(2, 0)  // high-order byte
    bench.command(0x06, count: 1, features: 1)
    bench.bus(0, 1)
    bench.host.settle(&bench.ide)
    #expect(bench.host.disk[4096..<6144].allSatisfy { $0 == 0 })
    #expect(bench.in(7) == 0x50)
  }

  @Test func discIsReadInBlocksOfTheByteCountLimit() {
    var bench = IDEBench([.cdrom(MediumInfo(sectors: 2048))])
    bench.packet([0x25])
    #expect(bench.in(2) == 2 && bench.in(4) == 8)
    #expect(bench.pull(8) == [0, 0, 1, 0xff, 0, 0, 8, 0])
    #expect(bench.in(2) == 3)
    bench.packet([0x28, 0, 0, 0, 0, 2, 0, 0, 3], limit: 2048)
    let edges = bench.host.risingEdges(0)
    #expect(bench.pull(6144) == Array(bench.host.disk[4096..<10_240]))
    #expect(bench.host.risingEdges(0) == edges + 3)
    #expect(bench.in(7) == 0x40)
  }

  @Test func discIsReadByDMA() {
    var bench = IDEBench([.cdrom(MediumInfo(sectors: 2048))])
    bench.poke32(0x1000, 0x4000)
    bench.poke32(0x1004, 0x8000_0000 | 4096)
    bench.bus(4, 0x1000, width: 4)
    bench.packet([0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 2], dma: true)
    bench.bus(0, 9)
    bench.host.settle(&bench.ide)
    #expect(Array(bench.host.ram[0x4000..<0x5000]) == Array(bench.host.disk[2048..<6144]))
    #expect(bench.in(2) == 3 && bench.in(7) == 0x40)
  }

  @Test func mediumChangeIsReportedOnce() {
    var bench = IDEBench([.cdrom(MediumInfo(sectors: 0))])
    bench.packet([0])
    #expect(bench.in(7) & 1 == 1 && bench.in(1) >> 4 == 2)
    bench.ide.mediumChanged(drive: 0, MediumInfo(sectors: 400), bench.host)
    bench.packet([0])
    #expect(bench.in(1) >> 4 == 6)
    bench.packet([3, 0, 0, 0, 18])
    let sense = bench.pull(18)
    #expect(sense[2] == 6 && sense[12] == 0x28)
    bench.packet([0])
    #expect(bench.in(7) & 1 == 0)
  }

  @Test func conformance() {
    let drives = [IDETests.disk, .cdrom(MediumInfo(sectors: 128))]
    #expect(DeviceConformance.check(make: { PIIX3IDE(drives: drives + drives) }, seeds: 60) == [])
  }
}
