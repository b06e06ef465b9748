import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver's view of an NVMe controller: admin queues at 1000h and 2000h, I/O queues at 3000h and 4000h, eight entries
/// each; data from 10000h on.
struct NVMeBench {
  var nvme: NVMe
  let host: FakeServices
  private var tails = [0, 0], heads = [0, 0], phases = [true, true]

  struct Completion: Equatable {
    var identifier: UInt16
    /// Without the bit that says not to try again.
    var status: UInt16
    var result: UInt32
  }

  init(
    _ medium: MediumInfo = MediumInfo(sectors: 2048, serial: "S1"), messages: Bool = false, autoComplete: Bool = true,
    queues: Bool = true
  ) {
    nvme = NVMe(medium)
    host = FakeServices(diskBytes: 1 << 20, autoComplete: autoComplete)
    for index in host.disk.indices { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 &* 7 &+ index) }
    nvme.reset(host)
    nvme.config.write(0x04, 6, width: 2)
    if messages {
      nvme.config.write(0x42, 0x8000, width: 2)
      nvme.configWritten(0x42, width: 2, host)
      for vector in 0..<2 as Range<UInt64> {
        write(0x2000 + vector * 16, 0xfee0_0000)
        write(0x2008 + vector * 16, 0x40 + vector)
        write(0x200c + vector * 16, 0)
      }
    }
    write(0x24, 0x0007_0007)
    write(0x28, 0x1000)
    write(0x30, 0x2000)
    write(0x14, 0x0046_0001)
    if queues {
      _ = admin(0x05, word10: 0x0007_0001, word11: 0x0001_0003, region: 0x4000)
      _ = admin(0x01, word10: 0x0007_0001, word11: 0x0001_0001, region: 0x3000)
    }
  }
  mutating func write(_ offset: UInt64, _ value: UInt64) { nvme.testWrite(offset, value, width: 4, host) }
  mutating func read(_ offset: UInt64) -> UInt64 { nvme.testRead(offset, width: 4, host) }
  func poke(_ address: Int, _ value: UInt64, _ size: Int) {
    for byte in 0..<size { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
  func peek(_ address: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(host.ram[address + $1]) << UInt64($1 * 8) }
  }
  func bytes(_ address: Int, _ count: Int) -> [UInt8] { Array(host.ram[address..<(address + count)]) }

  /// Puts a command into queue 0 or 1, without the doorbell.
  mutating func add(
    _ opcode: UInt8, queue: Int = 1, identifier: UInt64 = 7, namespace: UInt64 = 1, word10: UInt64 = 0,
    word11: UInt64 = 0, word12: UInt64 = 0, region: Int = 0x10000, second: Int = 0
  ) {
    let at = (queue == 0 ? 0x1000 : 0x3000) + tails[queue] * 64
    for byte in 0..<64 { host.ram[at + byte] = 0 }
    poke(at, UInt64(opcode) | identifier << 16, 4)
    poke(at + 4, namespace, 4)
    poke(at + 24, UInt64(region), 8)
    poke(at + 32, UInt64(second), 8)
    for (index, word) in [word10, word11, word12].enumerated() { poke(at + 40 + index * 4, word, 4) }
    tails[queue] = (tails[queue] + 1) % 8
  }
  mutating func ring(queue: Int = 1) {
    write(0x1000 + UInt64(queue) * 8, UInt64(tails[queue]))
    host.settle(&nvme)
  }
  /// Takes the next completion of a queue, if there is one; `acknowledge`: and tells the controller.
  mutating func take(queue: Int = 1, acknowledge: Bool = true) -> Completion? {
    let at = (queue == 0 ? 0x2000 : 0x4000) + heads[queue] * 16
    let status = UInt16(peek(at + 14, 2))
    guard (status & 1 == 1) == phases[queue] else { return nil }
    let completion = Completion(
      identifier: UInt16(peek(at + 12, 2)), status: status >> 1 & 0x7ff, result: UInt32(peek(at, 4)))
    heads[queue] = (heads[queue] + 1) % 8
    if heads[queue] == 0 { phases[queue].toggle() }
    if acknowledge { write(0x1004 + UInt64(queue) * 8, UInt64(heads[queue])) }
    return completion
  }
  /// An admin command with its end.
  mutating func admin(
    _ opcode: UInt8, namespace: UInt64 = 0, word10: UInt64 = 0, word11: UInt64 = 0, region: Int = 0x10000
  ) -> Completion? {
    add(opcode, queue: 0, namespace: namespace, word10: word10, word11: word11, region: region)
    ring(queue: 0)
    return take(queue: 0)
  }
  /// A command of queue 1 with its end.
  mutating func command(
    _ opcode: UInt8, namespace: UInt64 = 1, sector: UInt64 = 0, word12: UInt64 = 0, region: Int = 0x10000,
    second: Int = 0
  ) -> Completion? {
    add(
      opcode, namespace: namespace, word10: sector & 0xffff_ffff, word11: sector >> 32, word12: word12, region: region,
      second: second)
    ring()
    return take()
  }
}

@Suite struct NVMeTests {
  private static func ended(_ status: UInt16, result: UInt32 = 0) -> NVMeBench.Completion {
    NVMeBench.Completion(identifier: 7, status: status, result: result)
  }
  private static let good = ended(0)

  @Test func becomesReadyWhenEnabled() {
    var bench = NVMeBench(queues: false)
    #expect(bench.read(0x1c) == 1 && bench.read(0x08) == 0x1_0400 && bench.read(0) & 0xffff == 1023)
    bench.write(0x14, 0)
    #expect(bench.read(0x1c) == 0)
    bench.write(0x24, 0)
    bench.write(0x14, 0x0046_0001)
    #expect(bench.read(0x1c) == 2, "queues of one entry are a fatal error")
  }

  @Test func identifiesControllerAndNamespace() {
    var bench = NVMeBench(queues: false)
    #expect(bench.admin(0x06, word10: 1) == NVMeTests.good)
    #expect(bench.bytes(0x10004, 2) == Array("S1".utf8) && bench.host.ram[0x10000 + 77] == 9)
    #expect(bench.peek(0x10000 + 516, 4) == 1 && bench.bytes(0x10000 + 768, 4) == Array("nqn.".utf8))
    #expect(bench.admin(0x06, namespace: 1, word10: 0) == NVMeTests.good)
    #expect(bench.peek(0x10000, 8) == 2048 && bench.host.ram[0x10000 + 130] == 9)
    #expect(bench.admin(0x06, word10: 2) == NVMeTests.good)
    #expect(bench.peek(0x10000, 8) == 1)
    #expect(bench.admin(0x06, namespace: 2, word10: 0) == NVMeTests.ended(0x0b))
    #expect(bench.admin(0x06, word10: 0x7f) == NVMeTests.ended(2))
    #expect(bench.admin(0xff) == NVMeTests.ended(1))
  }

  @Test func queuesAreMadeAndDeleted() {
    var bench = NVMeBench()
    #expect(bench.admin(0x05, word10: 0x0007_0001, word11: 1) == NVMeTests.ended(0x101), "there already")
    #expect(bench.admin(0x05, word10: 0x0007_0063, word11: 1) == NVMeTests.ended(0x101))
    #expect(bench.admin(0x05, word10: 0x0000_0002, word11: 1) == NVMeTests.ended(0x102))
    #expect(bench.admin(0x05, word10: 0x0007_0002, word11: 0x0063_0001) == NVMeTests.ended(0x108))
    #expect(bench.admin(0x01, word10: 0x0007_0002, word11: 0x0005_0001) == NVMeTests.ended(0x100))
    #expect(bench.admin(0x04, word10: 1) == NVMeTests.ended(0x10c), "its submission queue is there")
    #expect(bench.admin(0x00, word10: 1) == NVMeTests.good)
    #expect(bench.admin(0x04, word10: 1) == NVMeTests.good)
    #expect(bench.admin(0x00, word10: 1) == NVMeTests.ended(0x101))
  }

  @Test func readsAndWritesGoByRegionPages() {
    var bench = NVMeBench()
    #expect(bench.command(0x02, sector: 3, word12: 1, region: 0x10400) == NVMeTests.good)
    #expect(bench.bytes(0x10400, 1024) == Array(bench.host.disk[1536..<2560]))
    for index in 0..<512 { bench.host.ram[0x10000 + index] = 0x5a }
    #expect(bench.command(0x01, sector: 9) == NVMeTests.good)
    #expect(bench.host.disk[4608..<5120].allSatisfy { $0 == 0x5a })
    // 12 KiB from the middle of a page: the rest by a list, whose last entry in its page leads to the next.
    bench.poke(0x20ff0, 0x30000, 8)
    bench.poke(0x20ff8, 0x21000, 8)
    bench.poke(0x21000, 0x32000, 8)
    bench.poke(0x21008, 0x34000, 8)
    #expect(bench.command(0x02, sector: 100, word12: 23, region: 0x11800, second: 0x20ff0) == NVMeTests.good)
    let disk = bench.host.disk[51200..<63488]
    #expect(bench.bytes(0x11800, 2048) == Array(disk.prefix(2048)))
    #expect(bench.bytes(0x30000, 4096) == Array(disk.dropFirst(2048).prefix(4096)))
    #expect(bench.bytes(0x32000, 4096) == Array(disk.dropFirst(6144).prefix(4096)))
    #expect(bench.bytes(0x34000, 2048) == Array(disk.suffix(2048)))
  }

  @Test func listsThatLeadNowhereAreRefused() {
    var bench = NVMeBench()
    // A list at the end of a page that leads to itself.
    bench.poke(0x20ff8, 0x20ff8, 8)
    #expect(bench.command(0x02, word12: 23, second: 0x20ff8) == NVMeTests.ended(0x13))
    for page in 0..<16 { bench.poke(0x20ff8 + page * 0x1000, UInt64(0x21ff8 + page * 0x1000), 8) }
    #expect(bench.command(0x02, word12: 23, second: 0x20ff8) == NVMeTests.ended(0x13))
    #expect(bench.command(0x02, word12: 15, second: 0x20100) == NVMeTests.ended(0x13))
    #expect(bench.command(0x02, word12: 0xffff, second: 0x20000) == NVMeTests.ended(2), "larger than MDTS")
  }

  @Test func whatCannotBeDoneIsSaid() {
    var bench = NVMeBench()
    #expect(bench.command(0x02, sector: 2048) == NVMeTests.ended(0x80))
    #expect(bench.command(0x02, namespace: 2) == NVMeTests.ended(0x0b))
    #expect(bench.command(0x7f) == NVMeTests.ended(1))
    var locked = NVMeBench(MediumInfo(sectors: 8, readOnly: true))
    #expect(locked.command(0x01) == NVMeTests.ended(0x20))
    var failing = NVMeBench(autoComplete: false)
    _ = failing.command(0x02)
    failing.host.completeNext(&failing.nvme, status: .ioError)
    #expect(failing.take() == NVMeTests.ended(0x281))
    _ = failing.command(0x01)
    failing.host.completeNext(&failing.nvme, status: .ioError)
    #expect(failing.take() == NVMeTests.ended(0x280))
  }

  @Test func blocksAreFlushedZeroedAndGivenUp() {
    var bench = NVMeBench()
    #expect(bench.command(0x00) == NVMeTests.good && bench.command(0x00, namespace: 0xffff_ffff) == NVMeTests.good)
    #expect(bench.command(0x08, sector: 2, word12: 1) == NVMeTests.good)
    #expect(bench.host.disk[1024..<2048].allSatisfy { $0 == 0 } && bench.host.disk[2049] != 0)
    bench.poke(0x10004, 1, 4)
    bench.poke(0x10008, 8, 8)
    bench.poke(0x10014, 2, 4)
    bench.poke(0x10018, 16, 8)
    // Number of ranges - 1 and the attribute stand where other commands have the sector.
    #expect(bench.command(0x09, sector: 1 | 4 << 32) == NVMeTests.good)
    #expect(bench.host.disk[4096..<4608].allSatisfy { $0 == 0 } && bench.host.disk[8192..<9216].allSatisfy { $0 == 0 })
    bench.poke(0x10018, 2047, 8)
    #expect(bench.command(0x09, sector: 1 | 4 << 32) == NVMeTests.ended(0x80))
  }

  @Test func forcedWritesAreFlushed() {
    var bench = NVMeBench(autoComplete: false)
    #expect(bench.command(0x01, word12: 1 << 30) == nil)
    bench.host.completeNext(&bench.nvme)
    #expect(bench.take() == nil && bench.host.pendingRequests.first?.request.operation == .flush)
    bench.host.completeNext(&bench.nvme)
    #expect(bench.take() == NVMeTests.good)
    #expect(bench.admin(0x0a, word10: 6) == NVMeTests.ended(0, result: 1))
    #expect(bench.admin(0x09, word10: 6, word11: 0) == NVMeTests.good)
    _ = bench.command(0x01)
    bench.host.completeNext(&bench.nvme)
    #expect(bench.host.pendingRequests.count == 1, "without a write cache every write is flushed")
  }

  @Test func noCommandIsTakenWithoutRoomForItsEnd() {
    var bench = NVMeBench(autoComplete: false)
    for identifier in 0..<7 as Range<UInt64> { bench.add(0x02, identifier: identifier) }
    bench.ring()
    #expect(bench.host.pendingRequests.count == 7)
    while bench.host.completeNext(&bench.nvme) {}
    for identifier in 7..<10 as Range<UInt64> { bench.add(0x02, identifier: identifier) }
    bench.ring()
    #expect(bench.host.pendingRequests.isEmpty, "the completion queue is full")
    for identifier in 0..<7 as Range<UInt16> { #expect(bench.take()?.identifier == identifier) }
    #expect(bench.host.pendingRequests.count == 3)
    while bench.host.completeNext(&bench.nvme) {}
    for identifier in 7..<10 as Range<UInt16> { #expect(bench.take()?.identifier == identifier) }
    #expect(bench.take() == nil)
  }

  @Test func interruptsFollowTheCompletionQueues() {
    var bench = NVMeBench(messages: true)
    #expect(bench.host.messages.map(\.data) == [0x40, 0x40] && !bench.host.level(0))
    _ = bench.command(0x02)
    #expect(bench.host.messages.last?.data == 0x41)
    var pin = NVMeBench()
    pin.add(0x02)
    pin.ring()
    #expect(pin.host.level(0))
    pin.write(0x0c, 2)
    #expect(!pin.host.level(0), "masked")
    pin.write(0x10, 2)
    #expect(pin.host.level(0))
    _ = pin.take()
    #expect(!pin.host.level(0), "until the driver has taken all")
  }

  @Test func resetsAndDeletionsWaitForTheBackend() {
    var bench = NVMeBench(autoComplete: false)
    bench.add(0x02)
    bench.ring()
    #expect(bench.admin(0x00, word10: 1) == nil)
    bench.host.completeNext(&bench.nvme)
    #expect(bench.take() == NVMeTests.good && bench.take(queue: 0) == NVMeTests.good)
    var second = NVMeBench(autoComplete: false)
    second.add(0x02)
    second.ring()
    second.write(0x14, 0)
    #expect(second.read(0x1c) == 1)
    second.host.completeNext(&second.nvme)
    #expect(second.read(0x1c) == 0 && second.take() == nil)
  }

  @Test func shutdownFlushes() {
    var bench = NVMeBench(autoComplete: false)
    bench.write(0x14, 0x0046_4001)
    #expect(bench.read(0x1c) == 5 && bench.host.pendingRequests.first?.request.operation == .flush)
    bench.host.completeNext(&bench.nvme)
    #expect(bench.read(0x1c) == 9)
  }

  @Test func featuresLogsAndEvents() {
    var bench = NVMeBench(queues: false)
    #expect(bench.admin(0x09, word10: 7, word11: 0x00ff_00ff) == NVMeTests.ended(0, result: 0x000f_000f))
    #expect(bench.admin(0x09, word10: 0x0b, word11: 0x1f) == NVMeTests.good)
    #expect(bench.admin(0x0a, word10: 0x0b) == NVMeTests.ended(0, result: 0x1f))
    #expect(bench.admin(0x09, word10: 0x7f) == NVMeTests.ended(2))
    #expect(bench.admin(0x02, word10: 127 << 16 | 2) == NVMeTests.good && bench.peek(0x10001, 2) == 310)
    #expect(bench.admin(0x02, word10: 0xffff << 16 | 2) == NVMeTests.ended(2))
    #expect(bench.admin(0x08) == NVMeTests.ended(0, result: 1))
    for _ in 0..<4 { #expect(bench.admin(0x0c) == nil) }
    #expect(bench.admin(0x0c) == NVMeTests.ended(0x105))
  }

  @Test func conformance() {
    #expect(DeviceConformance.check(make: { NVMe(MediumInfo(sectors: 64)) }, seeds: 60) == [])
  }
  @Test func aRunningControllerUnderNoiseStaysLawful() {
    var violations: [Violation] = []
    for seed in 1...60 {
      var bench = NVMeBench()
      var generator = SeededGenerator(seed: UInt64(seed))
      for index in 0x1000..<0x8000 { bench.host.ram[index] = UInt8(truncatingIfNeeded: generator.next()) }
      for slot in 0..<16 {
        let at = (slot < 8 ? 0x1000 : 0x3000) + (slot & 7) * 64
        bench.poke(at, UInt64(generator.next() % 13), 2)
        bench.poke(at + 4, 1, 4)
        bench.poke(at + 24, generator.next() & 0xfff0, 8)
        bench.poke(at + 32, generator.next() & 0xfff8, 8)
        bench.poke(at + 40, generator.next() & 0x0003_003f, 8)
      }
      for queue in 0..<2 as Range<UInt64> { bench.write(0x1000 + queue * 8, generator.next() & 7) }
      do throws(Violation) {
        try DeviceConformance.exercise(
          &bench.nvme, (0..<400).map { _ in UInt8(truncatingIfNeeded: generator.next()) }, bench.host)
      } catch { violations.append(error) }
    }
    #expect(violations == [])
  }
}
