import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver with one queue of eight entries at fixed places in RAM.
struct VirtioBench<F: VirtioFunction> {
  var device: VirtioPCI<F>
  let host = FakeServices(diskBytes: 64 * 512)
  let descriptors = 0x1000, available = 0x2000, used = 0x3000
  var nextDescriptor = 0
  var availableIndex: UInt16 = 0

  init(_ function: F, features: UInt64 = 0, messages: Bool = false, start: Bool = true) {
    device = VirtioPCI(function)
    device.reset(host)
    for index in host.disk.indices { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 + 1) }
    if messages {
      poke(0x04, 6, 2)
      device.config.write(0x42, 0x8000, width: 2)
      device.configWritten(0x42, width: 2, host)
      for vector in 0..<2 {
        device.testWrite(UInt64(vector * 16), 0xfee0_0000, region: 1, width: 4, host)
        device.testWrite(UInt64(vector * 16 + 8), UInt64(0x40 + vector), region: 1, width: 4, host)
        device.testWrite(UInt64(vector * 16 + 12), 0, region: 1, width: 4, host)
      }
    }
    if start { setUp(features) }
  }
  mutating func setUp(_ features: UInt64) {
    write(20, 1, 1)
    write(20, 3, 1)
    for half in 0..<2 {
      write(8, UInt64(half), 4)
      write(12, (features | VirtioFeature.version1) >> UInt64(half * 32) & 0xffff_ffff, 4)
    }
    write(20, 0xb, 1)
    write(22, 0, 2)
    write(24, 8, 2)
    write(26, 1, 2)
    write(32, UInt64(descriptors), 4)
    write(40, UInt64(available), 8)
    write(48, UInt64(used), 4)
    write(28, 1, 2)
    write(20, 0xf, 1)
  }
  mutating func write(_ offset: UInt64, _ value: UInt64, _ width: Int) {
    device.testWrite(offset, value, width: width, host)
  }
  mutating func read(_ offset: UInt64, _ width: Int) -> UInt64 { device.testRead(offset, width: width, host) }
  func poke(_ address: Int, _ value: UInt64, _ size: Int) {
    for byte in 0..<size { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
  func peek(_ address: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(host.ram[address + $1]) << UInt64($1 * 8) }
  }
  func descriptor(_ at: Int, _ address: Int, _ count: Int, flags: UInt64, next: Int = 0) {
    poke(at, UInt64(address), 8)
    poke(at + 8, UInt64(count), 4)
    poke(at + 12, flags, 2)
    poke(at + 14, UInt64(next), 2)
  }
  /// Puts a chain into the available ring; returns its head.
  @discardableResult
  mutating func add(_ parts: [(address: Int, count: Int, writable: Bool)]) -> Int {
    let head = nextDescriptor
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      descriptor(
        descriptors + nextDescriptor * 16, part.address, part.count, flags: (part.writable ? 2 : 0) | (isLast ? 0 : 1),
        next: (nextDescriptor + 1) % 8)
      nextDescriptor = (nextDescriptor + 1) % 8
    }
    offer(head)
    return head
  }
  mutating func offer(_ head: Int) {
    poke(available + 4 + Int(availableIndex % 8) * 2, UInt64(head), 2)
    availableIndex &+= 1
    poke(available + 2, UInt64(availableIndex), 2)
  }
  mutating func notify() { write(0x3000, 0, 2) }
  func header(_ kind: UInt64, sector: UInt64, at address: Int = 0x5000) {
    poke(address, kind, 8)
    poke(address + 8, sector, 8)
  }
}

@Suite struct VirtioTests {
  static let medium = MediumInfo(sectors: 64, serial: "disk-1")
  static func block(
    features: UInt64 = 0, messages: Bool = false, medium: MediumInfo = VirtioTests.medium
  ) -> VirtioBench<VirtioBlockFunction> {
    VirtioBench(VirtioBlockFunction(medium), features: features, messages: messages)
  }

  @Test func configurationSpaceLeadsToTheStructures() {
    var bench = VirtioTests.block()
    let config = bench.device.config
    #expect(config.get32(0) == 0x1042_1af4 && config.bytes[8] >= 1)
    var at = Int(config.bytes[0x34])
    var types: [UInt8] = []
    while at != 0, types.count < 10 {
      types.append(config.bytes[at] == 9 ? config.bytes[at + 3] : 0x80 | config.bytes[at])
      at = Int(config.bytes[at + 1])
    }
    #expect(types == [0x91, 1, 3, 4, 2, 5])
    #expect(bench.read(20, 1) == 0xf && bench.read(18, 2) == 1 && bench.read(0x2000, 8) == 64)
    // The same through the configuration access window.
    bench.device.config.write(0xa4, 4, width: 1)
    bench.device.config.write(0xa8, 0x2000, width: 4)
    bench.device.config.write(0xac, 4, width: 4)
    bench.device.configWillRead(0xb0, width: 4, bench.host)
    #expect(bench.device.config.read(0xb0, width: 4) == 64)
  }

  @Test func readsAreScatteredStraightIntoGuestMemory() {
    var bench = VirtioTests.block()
    bench.header(0, sector: 3)
    bench.add([(0x5000, 16, false), (0x6000, 200, true), (0x7000, 824, true), (0x5100, 1, true)])
    bench.host.ram[0x5100] = 0xff
    bench.notify()
    #expect(bench.host.pendingRequests.count == 1 && bench.peek(bench.used + 2, 2) == 0)
    bench.host.completeNext(&bench.device)
    #expect(bench.peek(bench.used + 2, 2) == 1 && bench.peek(bench.used + 4, 8) == 1025 << 32)
    #expect(bench.host.ram[0x5100] == 0 && bench.host.ram[0x6000] == 4 && bench.host.ram[0x7000 + 823] == 5)
    #expect(bench.host.level(0))
    #expect(bench.read(0x1000, 1) == 1 && !bench.host.level(0))
  }

  @Test func requestsEndInTheOrderOfTheBackendWithOneMessageEach() {
    var bench = VirtioTests.block(messages: true)
    bench.header(1, sector: 10)
    bench.header(4, sector: 0, at: 0x5020)
    for index in 0..<512 { bench.host.ram[0x6000 + index] = 0x77 }
    let write = bench.add([(0x5000, 16, false), (0x6000, 512, false), (0x5100, 1, true)])
    let flush = bench.add([(0x5020, 16, false), (0x5101, 1, true)])
    bench.notify()
    while bench.host.completeNext(&bench.device) {}
    #expect(bench.peek(bench.used + 4, 4) == UInt64(write) && bench.peek(bench.used + 12, 4) == UInt64(flush))
    #expect(bench.host.disk[5120..<5632].allSatisfy { $0 == 0x77 })
    #expect(bench.host.messages.map(\.data) == [0x41, 0x41])
    #expect(bench.host.messages.allSatisfy { $0.address == 0xfee0_0000 })
    #expect(!bench.host.level(0))
  }

  @Test func identityDiscardAndErrorsAreAnswered() {
    var bench = VirtioTests.block()
    bench.header(8, sector: 0)
    bench.add([(0x5000, 16, false), (0x6000, 20, true), (0x5100, 1, true)])
    bench.notify()
    #expect(Array(bench.host.ram[0x6000..<0x6006]) == Array("disk-1".utf8))
    bench.header(11, sector: 0, at: 0x5020)
    bench.poke(0x6100, 8, 8)
    bench.poke(0x6108, 8, 4)
    bench.add([(0x5020, 16, false), (0x6100, 16, false), (0x5101, 1, true)])
    bench.notify()
    bench.host.completeNext(&bench.device)
    #expect(bench.host.disk[4096..<8192].allSatisfy { $0 == 0 } && bench.host.ram[0x5101] == 0)
    bench.header(0, sector: 64, at: 0x5040)
    bench.nextDescriptor = 0
    bench.add([(0x5040, 16, false), (0x6000, 512, true), (0x5102, 1, true)])
    bench.header(99, sector: 0, at: 0x5060)
    bench.add([(0x5060, 16, false), (0x5103, 1, true)])
    bench.notify()
    #expect(bench.host.ram[0x5102] == 1 && bench.host.ram[0x5103] == 2)
  }

  @Test func readOnlyMediaRefuseWrites() {
    var bench = VirtioTests.block(medium: MediumInfo(sectors: 64, readOnly: true))
    bench.write(0, 0, 4)
    #expect(bench.read(4, 4) & 0x20 != 0)
    bench.header(1, sector: 0)
    bench.add([(0x5000, 16, false), (0x6000, 512, false), (0x5100, 1, true)])
    bench.notify()
    #expect(bench.host.ram[0x5100] == 1 && bench.host.pendingRequests.isEmpty)
  }

  @Test func indirectTablesNeedNegotiationAndMustNotNest() {
    var bench = VirtioTests.block(features: VirtioFeature.indirect)
    bench.header(0, sector: 0)
    bench.descriptor(0x8000, 0x5000, 16, flags: 1, next: 1)
    bench.descriptor(0x8010, 0x6000, 512, flags: 3, next: 2)
    bench.descriptor(0x8020, 0x5100, 1, flags: 2)
    bench.descriptor(bench.descriptors, 0x8000, 48, flags: 4)
    bench.offer(0)
    bench.notify()
    #expect(bench.host.completeNext(&bench.device) && bench.host.ram[0x6000] == 1)
    bench.descriptor(0x8000, 0x8000, 16, flags: 4)
    bench.offer(0)
    bench.notify()
    #expect(bench.read(20, 1) & 0x40 != 0)
  }

  @Test func brokenRingsStopTheDeviceUntilReset() {
    for broken in 0..<4 {
      var bench = VirtioTests.block()
      switch broken {
      case 0: bench.poke(bench.available + 2, 9, 2)
      case 1: bench.offer(8)
      case 2:
        bench.descriptor(bench.descriptors, 0x5000, 16, flags: 1, next: 0)
        bench.offer(0)
      default: bench.add([(0x5000, 16, true), (0x6000, 16, false)])
      }
      bench.notify()
      #expect(bench.read(20, 1) & 0x40 != 0, "case \(broken)")
      bench.write(20, 0, 1)
      #expect(bench.read(20, 1) == 0)
    }
  }

  @Test func eventIndexHoldsInterruptsBack() {
    var bench = VirtioTests.block(features: VirtioFeature.eventIndex, messages: true)
    bench.poke(bench.available + 4 + 16, 1, 2)  // used_event: tell after the second
    bench.header(8, sector: 0)
    for _ in 0..<2 { bench.add([(0x5000, 16, false), (0x6000, 20, true), (0x5100, 1, true)]) }
    bench.notify()
    #expect(bench.host.messages.count == 1)
    #expect(bench.peek(bench.used + 4 + 64, 2) == 2)  // avail_event
  }

  @Test func resetWaitsForRequestsUnderWay() {
    var bench = VirtioTests.block()
    bench.header(0, sector: 0)
    bench.add([(0x5000, 16, false), (0x6000, 512, true), (0x5100, 1, true)])
    bench.notify()
    bench.write(20, 0, 1)
    #expect(bench.read(20, 1) != 0)
    bench.host.completeNext(&bench.device)
    #expect(bench.read(20, 1) == 0 && bench.peek(bench.used + 2, 2) == 0)
  }

  @Test func entropyFillsWhatTheDriverOffers() {
    var bench = VirtioBench(VirtioEntropyFunction { count in (0..<count).map { UInt8(truncatingIfNeeded: $0 + 1) } })
    bench.add([(0x6000, 4, true), (0x7000, 4, true)])
    bench.notify()
    #expect(Array(bench.host.ram[0x6000..<0x6004]) == [1, 2, 3, 4] && bench.host.ram[0x7003] == 8)
    #expect(bench.peek(bench.used + 4, 8) == 8 << 32)
  }

  @Test func featuresAreRefusedUnlessOffered() {
    var bench = VirtioBench(VirtioBlockFunction(VirtioTests.medium), start: false)
    bench.write(20, 3, 1)
    bench.write(20, 0xb, 1)
    #expect(bench.read(20, 1) == 3)  // without VERSION_1
    bench.setUp(1 << 50)
    #expect(bench.read(20, 1) == 3)
  }

  @Test func conformance() {
    #expect(DeviceConformance.check(make: { VirtioBlock(VirtioBlockFunction(VirtioTests.medium)) }, seeds: 60) == [])
    #expect(
      DeviceConformance.check(
        make: { VirtioRNG(VirtioEntropyFunction { Array(repeating: 5, count: $0) }) }, seeds: 60) == [])
  }
}
