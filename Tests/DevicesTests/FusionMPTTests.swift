import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver's view of a Fusion-MPT adapter: request frame at 1000h, reply frames from 2000h on, sense data at 3000h, chain
/// at 4000h, data from 1_0000h on. Target 0 is a disk of 1 MiB, target 2 a read-only one, target 3 a CD-ROM drive.
struct FusionMPTBench {
  var mpt: FusionMPT
  let host: FakeServices

  struct Reply: Equatable {
    var function: UInt8, status: UInt16, context: UInt32
    /// SCSI status, SCSI state, bytes moved.
    var scsi: UInt8 = 0, state: UInt8 = 0, moved: UInt32 = 0
  }

  init(_ kind: FusionMPT.Kind = .parallel, autoComplete: Bool = true, starts: Bool = true) {
    host = FakeServices(diskBytes: 1 << 20, autoComplete: autoComplete)
    for index in host.disk.indices { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 &* 7 &+ index) }
    mpt = FusionMPT(
      kind,
      drives: [
        .disk(MediumInfo(sectors: 2048, serial: "S0")), .none, .disk(MediumInfo(sectors: 64, readOnly: true)),
        .cdrom(MediumInfo(sectors: 400)),
      ])
    mpt.reset(host)
    mpt.config.write(0x04, 7, width: 2)
    if starts { start() }
  }
  mutating func write(_ offset: UInt64, _ value: UInt64) { mpt.testWrite(offset, value, region: 1, width: 4, host) }
  mutating func read(_ offset: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: mpt.testRead(offset, region: 1, width: 4, host))
  }
  func poke(_ address: Int, _ value: UInt64, _ size: Int) {
    for byte in 0..<size { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
  func peek(_ address: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(host.ram[address + $1]) << UInt64($1 * 8) }
  }
  func bytes(_ address: Int, _ count: Int) -> [UInt8] { Array(host.ram[address..<(address + count)]) }

  /// What the last read of the doorbell showed.
  private var half: UInt16 = 0
  private mutating func readDoorbell() -> UInt32 {
    let value = read(0)
    half = UInt16(truncatingIfNeeded: value)
    return value
  }
  mutating func start() {
    _ = exchange(
      [4, 0, 0, 2, 0, 16, 1, 0] + [UInt8](repeating: 0, count: 4) + [80, 0] + [UInt8](repeating: 0, count: 34))
    for index in 0..<8 as Range<UInt64> { write(0x44, 0x2000 + index * 128) }
    write(0x34, 1)
  }
  /// A message through the doorbell with its answer, as Linux does it: the interrupt is acknowledged after each half word.
  @discardableResult
  mutating func exchange(_ request: [UInt8]) -> [UInt8] {
    write(0x30, 0)
    write(0x00, 0x42 << 24 | UInt64(request.count / 4) << 16)
    guard read(0x30) & 1 == 1 else { return [] }
    write(0x30, 0)
    for word in 0..<request.count / 4 { write(0, request.little(word * 4, 4)) }
    var answer: [UInt8] = []
    var count = 4
    while answer.count < count, read(0x30) & 1 == 1 {
      _ = readDoorbell()
      answer += [UInt8(half & 0xff), UInt8(half >> 8)]
      if answer.count == 4 { count = Int(answer[2]) * 4 }
      write(0x30, 0)
    }
    guard read(0x30) & 1 == 1 else { return [] }
    write(0x30, 0)
    return answer
  }

  /// Puts a SCSI IO request into the frame: a list of simple elements of `sizes` bytes from 1_0000h on.
  mutating func build(
    _ command: [UInt8], target: UInt8 = 0, bus: UInt8 = 0, unit: UInt8 = 0, context: UInt64 = 0x1234,
    isWrite: Bool = false, sizes: [Int] = [], is64: Bool = true
  ) {
    for index in 0..<128 { host.ram[0x1000 + index] = 0 }
    for (index, byte) in ([target, bus, 0, 0, UInt8(command.count), 64] as [UInt8]).enumerated() {
      host.ram[0x1000 + index] = byte
    }
    poke(0x1008, context, 4)
    host.ram[0x100d] = unit
    let count = sizes.reduce(0, +)
    poke(0x1014, count == 0 ? 0 : isWrite ? 1 << 24 : 2 << 24, 4)
    for (index, byte) in command.enumerated() { host.ram[0x1018 + index] = byte }
    poke(0x1028, UInt64(count), 4)
    poke(0x102c, 0x3000, 4)
    var at = 0x1030, data = 0x1_0000
    for (index, size) in sizes.enumerated() {
      let flags: UInt64 = (is64 ? 0x12 : 0x10) | (index == sizes.count - 1 ? 0xc1 : 0)
      poke(at, flags << 24 | UInt64(size), 4)
      poke(at + 4, UInt64(data), is64 ? 8 : 4)
      at += is64 ? 12 : 8
      data += size
    }
  }
  mutating func send() {
    write(0x40, 0x1000)
    host.settle(&mpt)
  }
  /// The next reply, with its frame given back; a context stands for success.
  mutating func take() -> Reply? {
    let value = read(0x44)
    if value == .max { return nil }
    guard value >> 31 == 1 else { return Reply(function: 0, status: 0, context: value) }
    let at = Int(value << 1)
    let reply = Reply(
      function: host.ram[at + 3], status: UInt16(peek(at + 0x0e, 2)), context: UInt32(peek(at + 8, 4)),
      scsi: host.ram[at + 3] == 0 ? host.ram[at + 0x0c] : 0, state: host.ram[at + 3] == 0 ? host.ram[at + 0x0d] : 0,
      moved: host.ram[at + 3] == 0 ? UInt32(peek(at + 0x14, 4)) : 0)
    write(0x44, UInt64(at))
    return reply
  }
  mutating func command(
    _ command: [UInt8], target: UInt8 = 0, bus: UInt8 = 0, unit: UInt8 = 0, isWrite: Bool = false, sizes: [Int] = [],
    is64: Bool = true
  ) -> Reply? {
    build(command, target: target, bus: bus, unit: unit, isWrite: isWrite, sizes: sizes, is64: is64)
    send()
    return take()
  }
  /// Reads a configuration page to 1_0000h: (status, bytes).
  mutating func page(
    _ type: UInt8, _ number: UInt8, address: UInt64 = 0, extended: UInt8 = 0, action: UInt8 = 1, size: Int = 512
  ) -> (status: UInt16, header: [UInt8], length: Int) {
    for index in 0..<128 { host.ram[0x1000 + index] = 0 }
    (host.ram[0x1000], host.ram[0x1003], host.ram[0x1006]) = (action, 4, extended)
    (host.ram[0x1016], host.ram[0x1017]) = (number, type)
    poke(0x1018, address, 4)
    poke(0x101c, 0xd1 << 24 | UInt64(size), 4)
    poke(0x1020, 0x1_0000, 4)
    send()
    let value = read(0x44)
    let at = Int(value << 1)
    defer { write(0x44, UInt64(at)) }
    let length = extended == 0 ? Int(host.ram[at + 0x15]) : Int(peek(at + 4, 2))
    return (UInt16(peek(at + 0x0e, 2)), bytes(at + 0x14, 4), length * 4)
  }
}

@Suite struct FusionMPTTests {
  private static let good = FusionMPTBench.Reply(function: 0, status: 0, context: 0x1234)

  @Test func handshakeBringsTheAdapterUp() {
    var bench = FusionMPTBench(starts: false)
    #expect(bench.read(0) >> 28 == 1, "ready")
    let facts = bench.exchange([0, 0, 0, 3] + [UInt8](repeating: 0, count: 8))
    #expect(facts.count == 80 && facts.little(0, 2) == 0x105 && facts[0x26] == 1 && facts[0x2e] == 16)
    let port = bench.exchange([0, 0, 0, 5] + [UInt8](repeating: 0, count: 8))
    #expect(port.count == 40 && port[0x15] == 1 && port.little(0x18, 2) == 7 && port.little(0x1a, 2) == 8)
    bench.start()
    #expect(bench.read(0) >> 28 == 2 && bench.read(0) >> 24 & 7 == 4, "operational, by the host driver")
    #expect(bench.exchange([0, 0, 0, 6] + [UInt8](repeating: 0, count: 8)).little(0x0e, 2) == 0)
    let event = bench.exchange([1, 0, 0, 7] + [UInt8](repeating: 0, count: 8))
    #expect(event.little(0x14, 4) == 0x0a && event[0x1c] == 1)
    #expect(bench.exchange([0, 0, 0, 9] + [UInt8](repeating: 0, count: 8)).little(0x0e, 2) == 1, "no such function")
    bench.write(0, 0x40 << 24)
    #expect(bench.read(0) >> 24 == 0x10 && bench.read(0x44) == .max, "ready again, queues empty")
  }

  @Test func firmwareReadsTheAnswerWithoutAcknowledging() {
    var bench = FusionMPTBench(starts: false)
    bench.write(0, 0x42 << 24 | 6 << 16)
    for word in [0x0200_0002, 0x0000_0108, 0, 4, 0, 0] as [UInt64] { bench.write(0, word) }
    var answer: [UInt32] = []
    for _ in 0..<10 { answer.append(bench.read(0) & 0xffff) }
    bench.write(0x30, 0)
    #expect(answer[1] == 0x0205 && answer[7] == 0 && bench.read(0) == 0x2200_0000)
  }

  @Test func framesLieAtAnyMultipleOfFour() {
    var bench = FusionMPTBench()
    bench.build([0, 0, 0, 0, 0, 0])
    for index in (0..<128).reversed() { bench.host.ram[0x1004 + index] = bench.host.ram[0x1000 + index] }
    bench.write(0x40, 0x1004 | 2)
    #expect(bench.take() == FusionMPTTests.good)
  }

  @Test func diagnosticResetNeedsItsKeys() {
    var bench = FusionMPTBench()
    bench.write(0x08, 4)
    #expect(bench.read(0) >> 28 == 2)
    for key in [0xff, 4, 0xb, 2, 7, 0xd] as [UInt64] { bench.write(4, key) }
    #expect(bench.read(8) & 0x80 != 0)
    bench.write(0x08, 0x84)
    #expect(bench.read(0) == 0x1000_0000 && bench.read(8) == 0x20)
    for key in [4, 0xb, 2, 7, 0xd] as [UInt64] { bench.write(4, key) }
    bench.write(8, 0x80)
    bench.write(4, 0xffff_ffff)
    #expect(bench.read(8) == 0)
  }

  @Test func commandsMoveDataByListsOfAnyShape() {
    for is64 in [true, false] {
      var bench = FusionMPTBench()
      let read = bench.command([0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0], sizes: [100, 412, 512], is64: is64)
      #expect(read == FusionMPTTests.good && bench.bytes(0x1_0000, 1024) == Array(bench.host.disk[2560..<3584]))
      for index in 0..<512 { bench.host.ram[0x1_0000 + index] = 0x5a }
      let write = bench.command([0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0], isWrite: true, sizes: [512], is64: is64)
      #expect(write == FusionMPTTests.good && bench.host.disk[4608..<5120].allSatisfy { $0 == 0x5a })
      #expect(bench.command([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == FusionMPTTests.good)
    }
  }

  @Test func listsGoOnInChains() {
    var bench = FusionMPTBench()
    bench.build([0x28, 0, 0, 0, 0, 5, 0, 0, 3, 0], sizes: [512, 512, 512])
    // The first element stays, a chain element at 60 leads to the second, and from there one to the third.
    bench.host.ram[0x1002] = 60 / 4
    bench.poke(0x1030, 0x92 << 24 | 512, 4)
    bench.poke(0x103c, 24 | 3 << 16 | 0x32 << 24, 4)
    bench.poke(0x1040, 0x4000, 8)
    bench.poke(0x4000, 0x92 << 24 | 512, 4)
    bench.poke(0x4004, 0x1_0200, 8)
    bench.poke(0x400c, 12 | 0x30 << 24, 4)
    bench.poke(0x4010, 0x5000, 4)
    bench.poke(0x5000, 0xd3 << 24 | 512, 4)
    bench.poke(0x5004, 0x1_0400, 8)
    bench.send()
    #expect(bench.take() == FusionMPTTests.good)
    #expect(bench.bytes(0x1_0000, 1536) == Array(bench.host.disk[2560..<4096]))
    // A chain that leads to itself.
    bench.build([0x28, 0, 0, 0, 0, 5, 0, 0, 3, 0], sizes: [512, 512, 512])
    bench.host.ram[0x1002] = 60 / 4
    bench.poke(0x1030, 0x92 << 24 | 512, 4)
    bench.poke(0x103c, 24 | 3 << 16 | 0x32 << 24, 4)
    bench.poke(0x1040, 0x4000, 8)
    bench.poke(0x400c, 24 | 3 << 16 | 0x30 << 24, 4)
    bench.poke(0x4010, 0x4000, 4)
    bench.send()
    #expect(bench.take()?.status == 3)
  }

  @Test func whatDoesNotEndWellHasAReplyFrame() {
    var bench = FusionMPTBench()
    let check = bench.command([0x28, 0, 0, 0, 8, 0, 0, 0, 1, 0], sizes: [512])
    #expect(check == FusionMPTBench.Reply(function: 0, status: 0x45, context: 0x1234, scsi: 2, state: 1))
    #expect(bench.host.ram[0x3002] == 5 && bench.host.ram[0x300c] == 0x21)
    let short = bench.command([0x12, 0, 0, 0, 255, 0], sizes: [255])
    #expect(short == FusionMPTBench.Reply(function: 0, status: 0x45, context: 0x1234, moved: 36))
    #expect(bench.command([0, 0, 0, 0, 0, 0], target: 1)?.status == 0x43)
    #expect(bench.command([0, 0, 0, 0, 0, 0], target: 7)?.status == 0x43, "the adapter itself")
    #expect(bench.command([0, 0, 0, 0, 0, 0], target: 16)?.status == 0x42)
    #expect(bench.command([0, 0, 0, 0, 0, 0], bus: 1)?.status == 0x41)
    #expect(bench.command([0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0], sizes: [512])?.status == 0x47)
    #expect(bench.command([0, 0, 0, 0, 0, 0], unit: 1)?.scsi == 2)
    let write = bench.command([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0], target: 2, isWrite: true, sizes: [512])
    #expect(write?.scsi == 2 && bench.host.ram[0x3002] == 7)
  }

  @Test func discsAreReadAndChanged() {
    var bench = FusionMPTBench()
    #expect(bench.command([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], target: 3, sizes: [8]) == FusionMPTTests.good)
    #expect(bench.bytes(0x1_0000, 8) == [0, 0, 0, 99, 0, 0, 8, 0])
    let read = bench.command([0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0], target: 3, sizes: [2048])
    #expect(read == FusionMPTTests.good && bench.bytes(0x1_0000, 2048) == Array(bench.host.disk[6144..<8192]))
    bench.mpt.mediumChanged(target: 3, MediumInfo(sectors: 0), bench.host)
    #expect(bench.command([0, 0, 0, 0, 0, 0], target: 3)?.scsi == 2 && bench.host.ram[0x300c] == 0x3a)
    bench.mpt.mediumChanged(target: 3, MediumInfo(sectors: 800), bench.host)
    #expect(bench.command([0, 0, 0, 0, 0, 0], target: 3)?.scsi == 2 && bench.host.ram[0x300c] == 0x28)
    #expect(bench.command([0, 0, 0, 0, 0, 0], target: 3) == FusionMPTTests.good)
  }

  @Test func interruptFollowsRepliesAndMask() {
    var bench = FusionMPTBench()
    #expect(!bench.host.level(0))
    bench.build([0, 0, 0, 0, 0, 0])
    bench.send()
    #expect(bench.host.level(0) && bench.read(0x30) & 8 != 0)
    bench.write(0x34, 9)
    #expect(!bench.host.level(0))
    bench.write(0x34, 1)
    #expect(bench.host.level(0) && bench.read(0x44) == 0x1234 && !bench.host.level(0))
    // MSI: one message when replies come up.
    bench.mpt.config.write(0x9a, 1, width: 2)
    bench.mpt.configWritten(0x9a, width: 2, bench.host)
    bench.send()
    bench.send()
    #expect(bench.host.messages.count == 1 && !bench.host.level(0))
  }

  @Test func repliesWaitForFrames() {
    var bench = FusionMPTBench(starts: false)
    bench.exchange(
      [4, 0, 0, 2, 0, 16, 1, 0] + [UInt8](repeating: 0, count: 4) + [80, 0] + [UInt8](repeating: 0, count: 34))
    bench.build([0, 0, 0, 0, 0, 0], target: 1)
    bench.send()
    #expect(bench.read(0x44) == .max)
    bench.write(0x44, 0x2000)
    #expect(bench.take()?.status == 0x43)
    for _ in 0..<600 { bench.send() }
    #expect(bench.read(0) >> 28 == 4, "a fault")
    bench.write(0, 0x40 << 24)
    #expect(bench.read(0) >> 28 == 1)
  }

  @Test func resetsAndTaskManagementWaitForTheBackend() {
    var bench = FusionMPTBench(autoComplete: false)
    bench.build([0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0], sizes: [512])
    bench.write(0x40, 0x1000)
    for index in 0..<128 { bench.host.ram[0x1800 + index] = 0 }
    (bench.host.ram[0x1803], bench.host.ram[0x1805], bench.host.ram[0x1808]) = (1, 1, 0x77)
    bench.poke(0x1830, 0x1234, 4)
    bench.write(0x48, 0x1800)
    #expect(bench.read(0x44) == .max)
    bench.host.completeNext(&bench.mpt)
    #expect(bench.take() == FusionMPTTests.good)
    #expect(bench.take() == FusionMPTBench.Reply(function: 1, status: 0, context: 0x77))
    bench.write(0x48, 0x1800)
    #expect(bench.take()?.function == 1, "nothing to wait for")
    bench.write(0x40, 0x1000)
    bench.write(0, 0x40 << 24)
    #expect(bench.read(0) >> 28 == 0, "still in reset")
    bench.host.completeNext(&bench.mpt)
    #expect(bench.read(0) >> 28 == 1 && bench.read(0x44) == .max)
  }

  @Test func pagesOfTheParallelAdapter() {
    var bench = FusionMPTBench()
    let manufacturing = bench.page(9, 0, action: 0)
    #expect(manufacturing.status == 0 && manufacturing.header == [0, 19, 0, 9] && manufacturing.length == 0x4c)
    _ = bench.page(9, 0)
    #expect(bench.bytes(0x1_001c, 7) == Array("RINGBOX".utf8))
    for (type, numbers) in [(0, 0...4), (1, 0...6), (3, 0...2), (4, 0...3), (9, 0...6)] as [(UInt8, ClosedRange<UInt8>)]
    {
      for number in numbers { #expect(bench.page(type, number).status == 0, "\(type) \(number)") }
      #expect(bench.page(type, numbers.upperBound + 1).status == 0x22)
    }
    #expect(bench.page(5, 0).status == 0x21 && bench.page(15, 0, extended: 0x12).status == 0x21)
    #expect(bench.page(9, 0, action: 9).status == 0x20 && bench.page(9, 0, action: 2).status == 0x25)
    #expect(bench.page(4, 0, address: 16).status == 0x22)
    // What a driver asks a target for is what it gets, as far as the port can.
    bench.poke(0x1_0004, 0xffff_0fff, 4)
    #expect(bench.page(4, 1, address: 2, action: 2, size: 16).status == 0)
    _ = bench.page(4, 0, address: 2)
    #expect(bench.peek(0x1_0004, 4) == 0x207f_0f03)
  }

  @Test func pagesOfTheSASAdapter() {
    var bench = FusionMPTBench(.serial)
    let unit = bench.page(15, 0, extended: 0x10)
    #expect(unit.status == 0 && unit.header == [4, 0, 0, 15] && unit.length == 0x10 + 8 * 16)
    #expect(bench.host.ram[0x1_000c] == 8 && bench.peek(0x1_0018, 2) == 2 && bench.peek(0x1_0028, 2) == 0)
    #expect(bench.page(15, 0, address: 2, extended: 0x13).status == 0 && bench.peek(0x1_0014, 2) == 4)
    #expect(bench.page(15, 0, address: 8, extended: 0x13).status == 0x22)
    // The devices one after the other: the adapter and three drives.
    var handles: [UInt64] = [], addresses: Set<UInt64> = []
    var handle: UInt64 = 0xffff
    while bench.page(15, 0, address: handle, extended: 0x12).status == 0, handles.count < 10 {
      handle = bench.peek(0x1_0018, 2)
      handles.append(handle)
      addresses.insert(bench.peek(0x1_000c, 8))
    }
    #expect(handles == [1, 2, 4, 5] && addresses.count == 4)
    #expect(bench.page(15, 0, address: 2 << 28 | 3, extended: 0x12).status == 0x22, "nothing is plugged in")
    #expect(bench.page(15, 0, address: 1 << 28 | 2, extended: 0x12).status == 0 && bench.peek(0x1_0018, 2) == 4)
    #expect(bench.page(15, 0, address: 0xffff, extended: 0x11).status == 0x22, "no expanders")
    #expect(bench.page(15, 0, address: 1 << 28, extended: 0x15).status == 0 && bench.page(3, 0).status == 0x21)
    #expect(bench.command([0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0], sizes: [512]) == FusionMPTTests.good)
  }

  @Test(arguments: [FusionMPT.Kind.parallel, .serial]) func conformance(kind: FusionMPT.Kind) {
    #expect(DeviceConformance.check(make: { FusionMPTBench(kind, starts: false).mpt }, seeds: 60) == [])
  }
  @Test func aRunningAdapterUnderNoiseStaysLawful() {
    var violations: [Violation] = []
    for seed in 1...60 {
      var bench = FusionMPTBench(seed & 1 == 0 ? .parallel : .serial, autoComplete: seed & 2 == 0)
      var generator = SeededGenerator(seed: UInt64(seed))
      for index in 0x1000..<0x6000 { bench.host.ram[index] = UInt8(truncatingIfNeeded: generator.next()) }
      for _ in 0..<40 {
        let commands: [[UInt8]] = [
          [0x28, 0, 0, 0, 0, UInt8(generator.next() & 63), 0, 0, 2, 0], [0x2a, 0, 0, 0, 0, 3, 0, 0, 1, 0],
          [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], [0x12, 0, 0, 0, 36, 0], [UInt8(generator.next() & 255), 0, 0, 0, 0, 0],
        ]
        bench.build(
          commands[Int(generator.next() % 5)], target: UInt8(generator.next() & 3), isWrite: generator.next() & 1 == 0,
          sizes: [512, Int(generator.next() & 1023)], is64: generator.next() & 1 == 0)
        let at = Int(generator.next() % 128)
        if generator.next() & 1 == 0 { bench.host.ram[0x1000 + at] = UInt8(truncatingIfNeeded: generator.next()) }
        bench.write(generator.next() & 7 == 0 ? 0x48 : 0x40, 0x1000)
        if generator.next() & 3 == 0 { _ = bench.take() }
      }
      do throws(Violation) {
        try DeviceConformance.exercise(
          &bench.mpt, (0..<400).map { _ in UInt8(truncatingIfNeeded: generator.next()) }, bench.host)
      } catch { violations.append(error) }
    }
    #expect(violations == [])
  }
}
