import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver's view of an AHCI controller: command list at 1000h, frames at 2000h, tables from 4000h on, data at 10000h.
struct AHCIBench {
  var ahci: AHCI
  let host: FakeServices
  var port = 0

  init(_ drives: [ATADriveConfiguration], messages: Bool = false, autoComplete: Bool = true) {
    ahci = AHCI(drives: drives)
    host = FakeServices(diskBytes: 1 << 20, autoComplete: autoComplete)
    for index in host.disk.indices { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 &* 7 &+ index) }
    ahci.reset(host)
    ahci.config.write(0x24, 0xf000_0000, width: 4)
    ahci.config.write(0x04, 6, width: 2)
    if messages {
      ahci.config.write(0x84, 0xfee0_0000, width: 4)
      ahci.config.write(0x8c, 0x41, width: 2)
      ahci.config.write(0x82, 1, width: 2)
    }
    write(4, 2)
    start()
  }
  mutating func start() {
    setPort(0x00, 0x1000)
    setPort(0x08, 0x2000)
    setPort(0x14, 0x7fff_ffff)
    setPort(0x18, 0x10)
    setPort(0x18, 0x11)
  }
  mutating func write(_ offset: UInt64, _ value: UInt64) { ahci.testWrite(offset, value, width: 4, host) }
  mutating func read(_ offset: UInt64) -> UInt64 { ahci.testRead(offset, width: 4, host) }
  mutating func setPort(_ offset: UInt64, _ value: UInt64) { write(0x100 + UInt64(port) * 0x80 + offset, value) }
  mutating func get(_ offset: UInt64) -> UInt64 { read(0x100 + UInt64(port) * 0x80 + offset) }
  func poke(_ address: Int, _ value: UInt64, _ size: Int) {
    for byte in 0..<size { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
  func peek(_ address: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(host.ram[address + $1]) << UInt64($1 * 8) }
  }
  func bytes(_ address: Int, _ count: Int) -> [UInt8] { Array(host.ram[address..<(address + count)]) }

  /// Puts a command into a slot without issuing it. `parts`: sizes of the pieces of data, from 10000h on.
  mutating func prepare(
    _ slot: Int, _ command: UInt8, lba: UInt64 = 0, count: UInt64 = 0, features: UInt64 = 0, device: UInt8 = 0x40,
    packet: [UInt8] = [], parts: [Int] = [], control: UInt8? = nil
  ) {
    let table = 0x4000 + slot * 0x200
    poke(0x1000 + slot * 32, 5 | UInt64(parts.count) << 16, 4)
    poke(0x1000 + slot * 32 + 8, UInt64(table), 8)
    var frame = [UInt8](repeating: 0, count: 20)
    (frame[0], frame[1], frame[2], frame[7]) = (0x27, control == nil ? 0x80 : 0, command, device)
    (frame[3], frame[11]) = (UInt8(features & 0xff), UInt8(features >> 8))
    for byte in 0..<3 {
      frame[4 + byte] = UInt8(truncatingIfNeeded: lba >> UInt64(byte * 8))
      frame[8 + byte] = UInt8(truncatingIfNeeded: lba >> UInt64(byte * 8 + 24))
    }
    (frame[12], frame[13], frame[15]) = (UInt8(count & 0xff), UInt8(count >> 8 & 0xff), control ?? 0)
    for (index, byte) in frame.enumerated() { host.ram[table + index] = byte }
    for index in 0..<16 { host.ram[table + 0x40 + index] = index < packet.count ? packet[index] : 0 }
    var at = 0x10000
    for (index, size) in parts.enumerated() {
      poke(table + 0x80 + index * 16, UInt64(at), 8)
      poke(table + 0x8c + index * 16, UInt64(size - 1), 4)
      at += size
    }
  }
  /// Issues a command in slot 0 and lets it end.
  mutating func command(
    _ command: UInt8, lba: UInt64 = 0, count: UInt64 = 0, features: UInt64 = 0, packet: [UInt8] = [], parts: [Int] = []
  ) {
    prepare(0, command, lba: lba, count: count, features: features, packet: packet, parts: parts)
    setPort(0x38, 1)
    host.settle(&ahci)
  }
  /// As a driver after an error: list off, on again.
  mutating func recover() {
    setPort(0x18, 0x10)
    setPort(0x10, 0xffff_ffff)
    setPort(0x30, 0xffff_ffff)
    setPort(0x18, 0x11)
  }
}

@Suite struct AHCITests {
  static let disk = ATADriveConfiguration.disk(MediumInfo(sectors: 2048, serial: "S1"))
  static let disc = ATADriveConfiguration.cdrom(MediumInfo(sectors: 64))

  @Test func drivesShowTheirSignatures() {
    var bench = AHCIBench([AHCITests.disk, AHCITests.disc, .none])
    #expect(bench.read(0x0c) == 7 && bench.read(0x00) & 0x1f == 2)
    #expect(bench.get(0x28) == 0x123 && bench.get(0x24) == 0x101 && bench.get(0x20) == 0x150)
    #expect(bench.host.ram[0x2040] == 0x34, "the first frame is posted when the port may receive")
    bench.port = 1
    #expect(bench.get(0x28) == 0x123 && bench.get(0x24) == 0xeb14_0101)
    bench.port = 2
    #expect(bench.get(0x28) == 0 && bench.get(0x20) == 0x7f)
  }

  @Test func identifyComesByPIO() {
    var bench = AHCIBench([AHCITests.disk])
    bench.command(0xec, parts: [256, 256])
    let data = bench.bytes(0x10000, 512)
    #expect(data.reduce(0, &+) == 0)
    let words = stride(from: 0, to: 512, by: 2).map { UInt16(data[$0]) | UInt16(data[$0 + 1]) << 8 }
    #expect(words[100] == 2048 && words[75] == 31 && words[76] & 0x100 != 0 && words[93] == 0)
    #expect(bench.get(0x38) == 0 && bench.get(0x10) & 3 == 2 && bench.peek(0x1004, 4) == 512)
    #expect(bench.host.ram[0x2020] == 0x5f && bench.host.ram[0x202f] == 0x50)
    #expect(bench.host.level(0) && bench.read(8) == 1)
    bench.setPort(0x10, 2)
    bench.write(8, 1)
    #expect(!bench.host.level(0) && bench.read(8) == 0)
  }

  @Test func transfersGoByDescriptorTable() {
    var bench = AHCIBench([AHCITests.disk])
    bench.command(0x25, lba: 3, count: 2, parts: [600, 424])
    #expect(bench.bytes(0x10000, 1024) == Array(bench.host.disk[1536..<2560]))
    #expect(bench.get(0x10) & 1 == 1 && bench.get(0x20) == 0x50 && bench.peek(0x1004, 4) == 1024)
    for index in 0..<512 { bench.host.ram[0x10000 + index] = 0xa5 }
    bench.command(0x35, lba: 9, count: 1, parts: [512])
    #expect(bench.host.disk[4608..<5120].allSatisfy { $0 == 0xa5 })
    bench.command(0xea)
    #expect(bench.get(0x38) == 0 && bench.get(0x20) == 0x50)
  }

  @Test func queuedCommandsEndInAnyOrder() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    for slot in 0..<3 {
      bench.prepare(slot, 0x60, lba: UInt64(slot), count: UInt64(slot) << 3, features: 1, parts: [512])
    }
    bench.setPort(0x34, 7)
    bench.setPort(0x38, 7)
    #expect(bench.get(0x38) == 0 && bench.get(0x34) == 7 && bench.get(0x20) == 0x50)
    #expect(bench.host.pendingRequests.count == 3)
    bench.host.reverseRequests()
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x34) == 3 && bench.get(0x10) & 8 == 8 && bench.peek(0x205c, 4) == 4)
    bench.host.completeNext(&bench.ahci)
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x34) == 0)
  }

  @Test func aForcedWriteIsFollowedByAFlush() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    bench.prepare(4, 0x61, lba: 1, count: 4 << 3, features: 1, device: 0xc0, parts: [512])
    bench.setPort(0x34, 0x10)
    bench.setPort(0x38, 0x10)
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x34) == 0x10 && bench.host.pendingRequests.first?.request.operation == .flush)
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x34) == 0)
  }

  @Test func aFailedQueuedCommandIsInTheLog() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    for slot in [1, 2] { bench.prepare(slot, 0x60, lba: 5, count: UInt64(slot) << 3, features: 1, parts: [512]) }
    bench.setPort(0x34, 6)
    bench.setPort(0x38, 6)
    bench.host.reverseRequests()
    bench.host.completeNext(&bench.ahci, status: .ioError)
    #expect(bench.get(0x10) & 0x4000_0000 != 0 && bench.get(0x20) == 0x4051 && bench.get(0x34) == 6)
    bench.setPort(0x18, 0x10)
    #expect(bench.get(0x18) & 0x8000 != 0, "the list runs while the backend has a request")
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x18) & 0x8000 == 0 && bench.get(0x34) == 0)
    bench.recover()
    bench.command(0x2f, lba: 0x10, count: 1, parts: [512])
    #expect(bench.bytes(0x10000, 5) == [2, 0, 0x51, 0x40, 5])
    bench.command(0x2f, lba: 0x10, count: 1, parts: [512])
    #expect(bench.host.ram[0x10000] == 0x80, "reading the log empties it")
  }

  @Test func errorsStopTheListUntilTheDriverRecovers() {
    var bench = AHCIBench([AHCITests.disk])
    bench.command(0x25, lba: 5000, count: 1, parts: [512])
    #expect(bench.get(0x20) == 0x1051 && bench.get(0x10) & 0x4000_0001 == 0x4000_0001 && bench.get(0x38) == 1)
    bench.prepare(1, 0xec, parts: [512])
    bench.setPort(0x38, 2)
    #expect(bench.get(0x38) == 3)
    bench.recover()
    #expect(bench.get(0x38) == 0)
    bench.command(0x25, lba: 1, count: 2, parts: [512])
    #expect(bench.get(0x10) & 0x0100_0000 != 0, "overflow: the table is too short")
    bench.recover()
    bench.prepare(0, 0xec)
    bench.poke(0x1000, 0, 4)
    bench.setPort(0x38, 1)
    #expect(bench.get(0x10) & 0x0800_0000 != 0, "no frame in the slot")
  }

  @Test func trimDiscardsRanges() {
    var bench = AHCIBench([AHCITests.disk])
    bench.poke(0x10000, 4 | 2 << 48, 8)
    bench.poke(0x10008, 0, 8)
    bench.poke(0x10010, 8 | 1 << 48, 8)
    bench.command(0x06, count: 1, features: 1, parts: [512])
    #expect(bench.get(0x20) == 0x50 && bench.host.disk[2048..<3072].allSatisfy { $0 == 0 })
    #expect(bench.host.disk[4096..<4608].allSatisfy { $0 == 0 } && bench.host.disk[3073] != 0)
    bench.poke(0x10000, 2047 | 2 << 48, 8)
    bench.command(0x06, count: 1, features: 1, parts: [512])
    #expect(bench.get(0x20) == 0x1051)
  }

  @Test func packetsReachTheCDROMDrive() {
    var bench = AHCIBench([AHCITests.disc])
    bench.command(0xa0, features: 1, packet: [0x25], parts: [8])
    #expect(bench.bytes(0x10000, 8) == [0, 0, 0, 15, 0, 0, 8, 0] && bench.get(0x20) == 0x40)
    bench.command(0xa0, features: 1, packet: [0x28, 0, 0, 0, 0, 2, 0, 0, 1], parts: [2048])
    #expect(bench.bytes(0x10000, 2048) == Array(bench.host.disk[4096..<6144]))
    bench.command(0xa0, features: 1, packet: [0x28, 0, 0, 0, 1, 0, 0, 0, 1], parts: [2048])
    #expect(bench.get(0x20) == 0x5441, "illegal request, check condition")
    bench.recover()
    bench.command(0xa0, features: 1, packet: [0x03, 0, 0, 0, 18], parts: [18])
    #expect(bench.host.ram[0x10002] == 5 && bench.host.ram[0x1000c] == 0x21)
    bench.ahci.mediumChanged(drive: 0, MediumInfo(sectors: 0), bench.host)
    bench.command(0xa0, packet: [0x00])
    #expect(bench.get(0x20) == 0x2441, "not ready")
  }

  @Test func softwareResetWaitsForTheBackend() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    bench.prepare(0, 0x60, count: 0, features: 1, parts: [512])
    bench.setPort(0x34, 1)
    bench.setPort(0x38, 1)
    bench.prepare(1, 0, control: 4)
    bench.setPort(0x38, 2)
    bench.prepare(2, 0, control: 0)
    bench.setPort(0x38, 4)
    #expect(bench.get(0x38) == 0 && bench.get(0x20) & 0x80 != 0)
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x20) == 0x150 && bench.host.ram[0x2040] == 0x34 && bench.get(0x30) == 0)
  }

  @Test func portResetBringsTheSignatureBack() {
    var bench = AHCIBench([AHCITests.disk])
    bench.setPort(0x18, 0x10)
    bench.setPort(0x2c, 0x301)
    #expect(bench.get(0x28) == 1 && bench.get(0x20) & 0x80 != 0)
    bench.setPort(0x2c, 0x300)
    #expect(bench.get(0x28) == 0x123 && bench.get(0x20) == 0x150 && bench.get(0x30) == 0x0401_0000)
    #expect(bench.get(0x10) & 0x40_0040 == 0x40_0040)
    bench.setPort(0x30, 0xffff_ffff)
    #expect(bench.get(0x10) & 0x40_0040 == 0)
  }

  @Test func controllerResetEndsWhenTheBackendIsDone() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    bench.prepare(0, 0x25, count: 1, parts: [512])
    bench.setPort(0x38, 1)
    bench.write(4, 0x8000_0001)
    #expect(bench.read(4) & 1 == 1)
    bench.host.completeNext(&bench.ahci)
    #expect(bench.read(4) == 0x8000_0000 && bench.get(0x38) == 0 && bench.get(0x18) & 1 == 0)
    #expect(bench.get(0x00) == 0x1000, "the address of the command list stays")
  }

  @Test func drivesComeAndGo() {
    var bench = AHCIBench([AHCITests.disk, .none])
    bench.port = 1
    bench.setPort(0x14, 0x40_0040)
    bench.ahci.driveChanged(port: 1, AHCITests.disk, bench.host)
    #expect(bench.get(0x28) == 0x123 && bench.get(0x30) == 0x0401_0000 && bench.get(0x24) == 0x101)
    #expect(bench.host.level(0) && bench.read(8) == 2)
    bench.setPort(0x30, 0xffff_ffff)
    bench.write(8, 2)
    #expect(!bench.host.level(0))
    bench.ahci.driveChanged(port: 1, .none, bench.host)
    #expect(bench.get(0x28) == 0 && bench.get(0x30) == 0x1_0000 && bench.host.level(0))
  }

  @Test func aDriveThatGoesLeavesItsCommandsToBeGivenUp() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    bench.prepare(3, 0xca, lba: 7, count: 1, parts: [512])
    bench.prepare(4, 0xec, parts: [512])
    bench.setPort(0x38, 0x18)
    bench.ahci.driveChanged(port: 0, .none, bench.host)
    #expect(bench.get(0x28) == 0 && bench.get(0x24) == 0xffff_ffff && bench.get(0x20) == 0x7f, "no link, no drive")
    #expect(bench.get(0x38) == 0x18, "what was issued does not count as done")
    #expect(bench.get(0x10) & 0x0840_0040 == 0x0840_0000, "PRCS and IFS, not PCS")
    bench.setPort(0x18, 0x10)
    #expect(bench.get(0x18) & 0x8000 != 0 && bench.get(0x38) == 0, "the list runs while the backend has a request")
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x18) & 0x8000 == 0 && bench.get(0x20) == 0x7f && bench.host.pendingRequests.isEmpty)
    #expect(bench.get(0x10) & 1 == 0, "a late end is nobody's")
  }

  @Test func queuedCommandsOfADriveThatGoesAreGivenUp() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    for slot in 0..<3 { bench.prepare(slot, 0x60, lba: 9, count: UInt64(slot << 3), features: 1, parts: [512]) }
    bench.setPort(0x34, 7)
    bench.setPort(0x38, 7)
    #expect(bench.get(0x38) == 0 && bench.get(0x34) == 7 && bench.host.pendingRequests.count == 3)
    bench.ahci.driveChanged(port: 0, .none, bench.host)
    for _ in 0..<3 { bench.host.completeNext(&bench.ahci) }
    #expect(bench.get(0x34) == 7 && bench.get(0x10) & 8 == 0, "no frame says that they have ended")
    bench.setPort(0x18, 0x10)
    #expect(bench.get(0x34) == 0 && bench.get(0x18) & 0x8000 == 0)
  }

  @Test func aDriveComesOnlineWhenTheLastIsGoneForGood() {
    var bench = AHCIBench([AHCITests.disk], autoComplete: false)
    bench.prepare(0, 0xca, lba: 7, count: 1, parts: [512])
    bench.setPort(0x38, 1)
    bench.ahci.driveChanged(port: 0, .none, bench.host)
    bench.ahci.driveChanged(port: 0, AHCITests.disc, bench.host)
    #expect(bench.get(0x28) == 1 && bench.get(0x20) & 0x80 != 0, "there, but without a link")
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x28) == 0x123 && bench.get(0x24) == 0xeb14_0101 && bench.get(0x30) == 0x0401_0000)
    #expect(bench.peek(0x2040, 1) == 0x34 && bench.peek(0x2045, 1) == 0x14, "its first frame is posted")
    #expect(bench.get(0x38) == 1, "the old list stands still")
    bench.recover()
    // The new drive tells of its medium, then works.
    bench.command(0xa1, parts: [512])
    bench.host.completeNext(&bench.ahci)
    #expect(bench.get(0x38) == 0 && bench.peek(0x10000, 2) == 0x85c0)
  }

  @Test func aDriveThatComesBackWorksAfterAReset() {
    var bench = AHCIBench([AHCITests.disk, .none])
    bench.command(0x30, lba: 5, count: 1, parts: [512])
    bench.ahci.driveChanged(port: 0, .none, bench.host)
    bench.ahci.driveChanged(port: 0, AHCITests.disk, bench.host)
    #expect(bench.get(0x10) & 0x0040_0040 == 0x0040_0040, "PCS and PRCS show DIAG.X and DIAG.N")
    bench.setPort(0x10, 0xffff_ffff)
    #expect(bench.get(0x10) & 0x0040_0040 == 0x0040_0040, "until these are cleared")
    bench.recover()
    #expect(bench.get(0x10) & 0x0040_0040 == 0)
    // COMRESET, as drivers do it for a drive that came.
    bench.setPort(0x2c, 1)
    bench.setPort(0x2c, 0)
    #expect(bench.get(0x28) == 0x123 && bench.get(0x24) == 0x101 && bench.get(0x20) == 0x150)
    bench.recover()
    bench.command(0x20, lba: 5, count: 1, parts: [512])
    #expect(bench.get(0x38) == 0 && bench.get(0x20) & 1 == 0)
  }

  @Test func aPortThatIsOffHearsNothing() {
    var bench = AHCIBench([.none])
    bench.setPort(0x2c, 4)
    bench.ahci.driveChanged(port: 0, AHCITests.disk, bench.host)
    #expect(bench.get(0x28) == 4 && bench.get(0x30) == 0)
    bench.setPort(0x2c, 0)
    #expect(bench.get(0x28) == 0x123 && bench.get(0x30) == 0x0401_0000, "switched on, it finds the drive")
  }

  @Test func onlyPortsOfDrivesThatMayGoSaySo() {
    let host = FakeServices()
    var ahci = AHCI(drives: [AHCITests.disk, AHCITests.disk, .none], fixed: [0])
    ahci.reset(host)
    func command(_ port: UInt64) -> UInt64 { ahci.testRead(0x118 + port * 0x80, width: 4, host) }
    #expect(command(0) & 1 << 18 == 0 && command(1) & 1 << 18 != 0 && command(2) & 1 << 18 != 0, "HPCP")
    #expect((0..<3).allSatisfy { command($0) & 1 << 20 == 0 && command($0) & 1 << 19 == 0 }, "neither CPD nor MPSP")
    #expect(ahci.testRead(0, width: 4, host) & (1 << 28 | 1 << 5) == 0, "neither CAP.SMPS nor CAP.SXS")
  }

  @Test func aMessageIsSentForEachNewReason() {
    var bench = AHCIBench([AHCITests.disk], messages: true)
    bench.command(0xec, parts: [512])
    #expect(bench.host.messages.map(\.data) == [0x41] && bench.host.messages.first?.address == 0xfee0_0000)
    #expect(!bench.host.level(0))
    bench.command(0xea)
    #expect(bench.host.messages.count == 1, "the port's bit is set already")
    bench.write(8, 1)
    #expect(bench.host.messages.count == 2, "cleared while the port still has a reason")
    bench.setPort(0x10, 0xffff_ffff)
    bench.write(8, 1)
    #expect(bench.host.messages.count == 2 && bench.read(8) == 0)
  }

  @Test func conformance() {
    #expect(
      DeviceConformance.check(make: { AHCI(drives: [AHCITests.disk, AHCITests.disc, .none]) }, seeds: 60) == [])
  }
  @Test func aPortUnderNoiseStaysLawful() {
    // The list and its tables lie where the noise of DMA falls.
    var violations: [Violation] = []
    for seed in 1...60 {
      var bench = AHCIBench([AHCITests.disk, AHCITests.disc])
      bench.setPort(0x00, 0)
      bench.setPort(0x08, 0x400)
      var generator = SeededGenerator(seed: UInt64(seed))
      for index in 0..<0x8000 { bench.host.ram[index] = UInt8(truncatingIfNeeded: generator.next()) }
      for slot in 0..<32 {
        bench.poke(slot * 32, 5 | (generator.next() & 0xffff) << 16, 4)
        bench.poke(slot * 32 + 8, generator.next() & 0x7f80, 8)
        let table = Int(bench.peek(slot * 32 + 8, 8))
        if table >= 0x400 { bench.poke(table, 0x8027 | (generator.next() & 0xff) << 16, 3) }
      }
      bench.setPort(0x34, 0xffff_ffff)
      bench.setPort(0x38, 0xffff_ffff)
      do throws(Violation) {
        try DeviceConformance.exercise(
          &bench.ahci, (0..<400).map { _ in UInt8(truncatingIfNeeded: generator.next()) }, bench.host)
      } catch { violations.append(error) }
    }
    #expect(violations == [])
  }
}
