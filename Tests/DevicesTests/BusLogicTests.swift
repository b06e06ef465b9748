import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

/// A driver's view of a BusLogic adapter: eight mailboxes of each kind at 1000h, control blocks from 2000h on, lists of
/// their data at 4000h, sense data at 3000h, data from 1_0000h on. Target 0 is a disk of 1 MiB, target 2 a CD-ROM drive.
struct BusLogicBench {
  var adapter: BusLogic
  let host: FakeServices
  let isExtended: Bool
  private var outgoing = 0, incoming = 0
  private var size: Int { isExtended ? 8 : 4 }

  struct End: Equatable {
    var block: UInt64
    /// Completion code of the mailbox; adapter and target status of the block.
    var completion: UInt8, adapter: UInt8 = 0, target: UInt8 = 0
  }

  init(isExtended: Bool = true, autoComplete: Bool = true, starts: Bool = true, isStrict: Bool = true) {
    self.isExtended = isExtended
    host = FakeServices(diskBytes: 1 << 20, autoComplete: autoComplete)
    for index in host.disk.indices { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 &* 7 &+ index) }
    adapter = BusLogic(drives: [.disk(MediumInfo(sectors: 2048)), .none, .cdrom(MediumInfo(sectors: 400))])
    adapter.reset(host)
    guard starts else { return }
    _ = command(isExtended ? [0x81, 8, 0, 0x10, 0, 0] : [0x01, 8, 0, 0x10, 0])
    _ = command([0x8f, isStrict ? 1 : 0])
    _ = command([0x96, 1])
  }
  mutating func write(_ offset: UInt64, _ value: UInt8) { adapter.testWrite(offset, UInt64(value), host) }
  mutating func read(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: adapter.testRead(offset, host)) }
  func poke(_ address: Int, _ value: UInt64, _ size: Int) {
    for byte in 0..<size { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
  func big(_ address: Int, _ value: Int) {
    for byte in 0..<3 { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> (16 - byte * 8)) }
  }
  func peek(_ address: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(host.ram[address + $1]) << UInt64($1 * 8) }
  }
  func bytes(_ address: Int, _ count: Int) -> [UInt8] { Array(host.ram[address..<(address + count)]) }

  /// A command of the adapter; nil when it is refused.
  mutating func command(_ bytes: [UInt8]) -> [UInt8]? {
    guard read(0) & 0x18 == 0x10 else { return nil }
    for byte in bytes { write(1, byte) }
    var answer: [UInt8] = []
    while read(0) & 4 != 0, answer.count < 300 { answer.append(read(1)) }
    let isInvalid = read(0) & 1 != 0
    write(0, 0x20)
    return isInvalid ? nil : answer
  }
  /// Puts a control block and its list of elements of `sizes` bytes into memory.
  func build(
    _ command: [UInt8], at block: Int = 0x2000, opcode: UInt8 = 4, target: UInt8 = 0, unit: UInt8 = 0,
    direction: UInt8 = 0, sizes: [Int] = []
  ) {
    for index in 0..<64 { host.ram[block + index] = 0 }
    host.ram[block] = opcode
    (host.ram[block + 2], host.ram[block + 3]) = (UInt8(command.count), 18)
    let isList = opcode == 2 || opcode == 4
    let element = isExtended ? 8 : 6
    let count = isList ? sizes.count * element : sizes.reduce(0, +)
    if isExtended {
      host.ram[block + 1] = direction << 3
      poke(block + 4, UInt64(count), 4)
      poke(block + 8, isList ? 0x4000 : 0x1_0000, 4)
      (host.ram[block + 16], host.ram[block + 17]) = (target, unit)
      poke(block + 36, 0x3000, 4)
    } else {
      host.ram[block + 1] = target << 5 | direction << 3 | unit
      big(block + 4, count)
      big(block + 7, isList ? 0x4000 : 0x1_0000)
    }
    for (index, byte) in command.enumerated() { host.ram[block + 18 + index] = byte }
    var data = 0x1_0000
    for (index, size) in sizes.enumerated() where isList {
      if isExtended {
        poke(0x4000 + index * 8, UInt64(size), 4)
        poke(0x4004 + index * 8, UInt64(data), 4)
      } else {
        big(0x4000 + index * 6, size)
        big(0x4003 + index * 6, data)
      }
      data += size
    }
  }
  /// Puts a block into the next outgoing mailbox, and tells the adapter.
  mutating func send(_ block: Int = 0x2000, action: UInt8 = 1, tells: Bool = true) {
    let at = 0x1000 + outgoing * size
    if isExtended { poke(at, UInt64(block), 4) } else { big(at + 1, block) }
    host.ram[at + (isExtended ? 7 : 0)] = action
    outgoing = (outgoing + 1) % 8
    guard tells else { return }
    write(1, 2)
    host.settle(&adapter)
  }
  /// Takes the next incoming mailbox, if there is something in it.
  mutating func take() -> End? {
    let at = 0x1000 + 8 * size + incoming * size
    let flag = at + (isExtended ? 7 : 0)
    guard host.ram[flag] != 0 else { return nil }
    let block =
      isExtended
      ? peek(at, 4) : UInt64(host.ram[at + 1]) << 16 | UInt64(host.ram[at + 2]) << 8 | UInt64(host.ram[at + 3])
    let end = End(
      block: block, completion: host.ram[flag], adapter: host.ram[Int(block) + 14], target: host.ram[Int(block) + 15])
    host.ram[flag] = 0
    incoming = (incoming + 1) % 8
    return end
  }
  mutating func perform(
    _ command: [UInt8], opcode: UInt8 = 4, target: UInt8 = 0, unit: UInt8 = 0, direction: UInt8 = 0, sizes: [Int] = []
  ) -> End? {
    build(command, opcode: opcode, target: target, unit: unit, direction: direction, sizes: sizes)
    send()
    return take()
  }
}

@Suite struct BusLogicTests {
  private static let good = BusLogicBench.End(block: 0x2000, completion: 1)

  @Test func tellsWhatItIs() {
    var bench = BusLogicBench(starts: false)
    #expect(bench.read(0) == 0x30 && bench.read(2) == 0 && bench.read(3) == 0x80)
    #expect(bench.command([0x04]) == Array("AA50".utf8))
    #expect(bench.command([0x84]) == Array("6".utf8) && bench.command([0x85]) == Array("L".utf8))
    #expect(bench.command([0x8b, 5]) == Array("958  ".utf8))
    #expect(bench.command([0x8d, 14])?[0] == 0x45 && bench.command([0x8d, 14])?[13] == 9)
    #expect(bench.command([0x0b])?[2] == 7 && bench.command([0x0d, 34])?.count == 34)
    #expect(bench.command([0x24]) == [5, 0] && bench.command([0x0a]) == [1, 0, 1, 0, 0, 0, 0, 0])
    #expect(bench.command([0x86])?.count == 4 && bench.command([0x1f, 0x5a]) == [0x5a])
    #expect(bench.command([0x91, 64, 64])?.prefix(2) == Array("FA".utf8)[...])
    #expect(bench.command([0x90, 0, 2, 7, 8]) == [] && bench.command([0x91, 0, 2]) == [7, 8])
    #expect(
      bench.command([0x0c]) == nil && bench.command([0x91, 200, 100]) == nil
        && bench.command([0x81, 0, 0, 0, 0, 0]) == nil)
    #expect(bench.command([0x81, 8, 0, 0x10, 0, 0]) == [] && bench.read(0) == 0x10)
  }

  @Test func commandsEndWithAnInterrupt() {
    var bench = BusLogicBench(starts: false)
    bench.write(1, 0x00)
    #expect(bench.read(2) == 0x84 && bench.host.level(0))
    bench.write(0, 0x20)
    #expect(bench.read(2) == 0 && !bench.host.level(0))
    bench.write(1, 0x04)
    #expect(bench.read(0) & 0x14 == 4 && bench.read(2) == 0)
    for _ in 0..<4 { _ = bench.read(1) }
    #expect(bench.read(2) == 0x84)
    bench.write(0, 0x20)
    // The adapter's memory is fetched without one.
    for byte in [0x91, 0, 1] as [UInt8] { bench.write(1, byte) }
    _ = bench.read(1)
    #expect(bench.read(2) == 0 && bench.read(0) & 0x10 != 0)
    _ = bench.command([0x25, 0])
    bench.write(1, 0x00)
    #expect(bench.read(2) == 0x84 && !bench.host.level(0))
  }

  @Test func resetIsSeenAndPasses() {
    var bench = BusLogicBench()
    bench.write(0, 0x80)
    bench.host.advance(&bench.adapter, by: 1_000_000_000)
    #expect(bench.read(0) == 0x80, "however late the driver looks")
    #expect(bench.read(0) == 0x30)
    bench.write(0, 0x40)
    #expect(bench.read(0) == 0x80 && bench.read(0) == 0x80)
    bench.host.advance(&bench.adapter, by: 1_000_000)
    #expect(bench.read(0) == 0x80 && bench.read(0) == 0x30)
  }

  @Test(arguments: [true, false]) func blocksMoveData(isExtended: Bool) {
    var bench = BusLogicBench(isExtended: isExtended)
    for opcode in [0, 2, 3, 4] as [UInt8] {
      let sizes = opcode == 2 || opcode == 4 ? [100, 412, 512] : [1024]
      let read = bench.perform([0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0], opcode: opcode, direction: 1, sizes: sizes)
      #expect(read == BusLogicTests.good && bench.bytes(0x1_0000, 1024) == Array(bench.host.disk[2560..<3584]))
    }
    for index in 0..<512 { bench.host.ram[0x1_0000 + index] = 0x5a }
    #expect(bench.perform([0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0], direction: 2, sizes: [512]) == BusLogicTests.good)
    #expect(bench.host.disk[4608..<5120].allSatisfy { $0 == 0x5a })
    // Commands decide about the direction where the block does not.
    #expect(bench.perform([0x12, 0, 0, 0, 255, 0], opcode: 3, sizes: [255]) == BusLogicTests.good)
    #expect(isExtended ? bench.peek(0x2004, 4) == 219 : bench.bytes(0x2004, 3) == [0, 0, 219])
    #expect(Array(bench.host.ram[0x1_0008..<0x1_000f]) == Array("RINGBOX".utf8))
    #expect(bench.perform([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], direction: 3) == BusLogicTests.good)
    let disc = bench.perform([0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0], target: 2, direction: 1, sizes: [2048])
    #expect(disc == BusLogicTests.good && bench.bytes(0x1_0000, 2048) == Array(bench.host.disk[6144..<8192]))
  }

  @Test(arguments: [true, false]) func failuresAreTold(isExtended: Bool) {
    var bench = BusLogicBench(isExtended: isExtended)
    func end(_ adapter: UInt8, _ target: UInt8 = 0) -> BusLogicBench.End {
      BusLogicBench.End(block: 0x2000, completion: 4, adapter: adapter, target: target)
    }
    #expect(bench.perform([0, 0, 0, 0, 0, 0], target: 1) == end(0x11))
    #expect(bench.perform([0, 0, 0, 0, 0, 0], target: 7) == end(0x11))
    #expect(bench.perform([0x28, 0, 0, 0, 8, 0, 0, 0, 1, 0], direction: 1, sizes: [512]) == end(0, 2))
    let sense = isExtended ? 0x3000 : 0x2000 + 28
    #expect(bench.host.ram[sense + 2] == 5 && bench.host.ram[sense + 12] == 0x21)
    #expect(bench.perform([0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0], direction: 1, sizes: [512]) == end(0x12))
    #expect(bench.perform([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], direction: 2, sizes: [512]) == end(0x12))
    #expect(bench.perform([0, 0, 0, 0, 0, 0], opcode: 0x55) == end(0x16))
    #expect(bench.perform([0, 0, 0, 0, 0, 0], unit: 1) == end(0, 2))
    #expect(bench.perform([], opcode: 0x81) == BusLogicTests.good, "bus device reset")
    bench.send(0x2000, action: 2)
    #expect(bench.take()?.completion == 3, "nothing to abort")
    bench.send(0x2000, action: 9)
    #expect(bench.take()?.completion == 4)
  }

  @Test func mailboxesAreTakenInOrder() {
    for isStrict in [true, false] {
      var bench = BusLogicBench(isStrict: isStrict)
      for index in 0..<3 { bench.build([0, 0, 0, 0, 0, 0], at: 0x2000 + index * 64) }
      for index in 0..<3 { bench.send(0x2000 + index * 64, tells: index == 2) }
      #expect((0..<3).map { _ in bench.take()?.block } == [0x2000, 0x2040, 0x2080])
      #expect(bench.read(2) == 0x81 && bench.host.level(0))
      bench.write(0, 0x20)
      // Behind a free one: only looked for without the strict order.
      bench.send(0x2000, action: 0, tells: false)
      bench.send(0x2040)
      #expect(bench.take()?.block == (isStrict ? nil : 0x2040))
    }
  }

  @Test func endsWaitForMailboxes() {
    var bench = BusLogicBench()
    for _ in 0..<12 {
      bench.build([0, 0, 0, 0, 0, 0])
      bench.send()
    }
    for _ in 0..<8 { #expect(bench.take() == BusLogicTests.good) }
    #expect(bench.take() == nil)
    bench.host.advance(&bench.adapter, by: 1_000_000_000)
    for _ in 0..<4 { #expect(bench.take() == BusLogicTests.good) }
    #expect(bench.take() == nil && bench.host.deadlines.isEmpty)
  }

  @Test func aResetWaitsForTheBackend() {
    var bench = BusLogicBench(autoComplete: false)
    bench.build([0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0], direction: 1, sizes: [512])
    bench.send()
    bench.write(0, 0x80)
    bench.host.advance(&bench.adapter, by: 1_000_000_000)
    for _ in 0..<3 { #expect(bench.read(0) == 0x80) }
    bench.host.completeNext(&bench.adapter)
    #expect(bench.read(0) == 0x80 && bench.read(0) == 0x30)
    #expect(bench.take() == nil, "it belongs to nobody any more")
  }

  @Test func isaPortsMove() {
    var bench = BusLogicBench(starts: false)
    #expect(bench.host.mapped[2] == nil)
    #expect(bench.command([0x95, 0]) == [] && bench.host.mapped[2] == 0x330)
    #expect(bench.adapter.testRead(0, region: 2, bench.host) == 0x30)
    #expect(bench.command([0x95, 6]) == [] && bench.host.mapped[2] == nil && bench.command([0x95, 9]) == nil)
  }

  @Test func conformance() {
    #expect(DeviceConformance.check(make: { BusLogicBench(starts: false).adapter }, seeds: 60) == [])
  }
  @Test func aRunningAdapterUnderNoiseStaysLawful() {
    var violations: [Violation] = []
    for seed in 1...60 {
      var bench = BusLogicBench(isExtended: seed & 1 == 0, autoComplete: seed & 2 == 0, isStrict: seed & 4 == 0)
      var generator = SeededGenerator(seed: UInt64(seed))
      for index in 0x2000..<0x6000 { bench.host.ram[index] = UInt8(truncatingIfNeeded: generator.next()) }
      for _ in 0..<40 {
        let commands: [[UInt8]] = [
          [0x28, 0, 0, 0, 0, UInt8(generator.next() & 63), 0, 0, 2, 0], [0x2a, 0, 0, 0, 0, 3, 0, 0, 1, 0],
          [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], [0x12, 0, 0, 0, 36, 0], [UInt8(generator.next() & 255), 0, 0, 0, 0, 0],
        ]
        bench.build(
          commands[Int(generator.next() % 5)], opcode: UInt8(generator.next() % 6), target: UInt8(generator.next() & 3),
          direction: UInt8(generator.next() & 3), sizes: [512, Int(generator.next() & 1023)])
        let at = Int(generator.next() % 128)
        if generator.next() & 1 == 0 { bench.host.ram[0x2000 + at] = UInt8(truncatingIfNeeded: generator.next()) }
        bench.send(action: UInt8(generator.next() % 4), tells: generator.next() & 3 != 0)
        if generator.next() & 3 == 0 { _ = bench.take() }
      }
      do throws(Violation) {
        try DeviceConformance.exercise(
          &bench.adapter, (0..<400).map { _ in UInt8(truncatingIfNeeded: generator.next()) }, bench.host)
      } catch { violations.append(error) }
    }
    #expect(violations == [])
  }
}
