import Base
import Synchronization
import Testing

@testable import Devices

private final class Clock: LocalAPICClock {
  let time = Mutex(VirtualTime(nanoseconds: 0))
  let armed = Mutex<VirtualTime?>(nil)
  var now: VirtualTime { time.withLock { $0 } }
  var deadline: VirtualTime? { armed.withLock { $0 } }
  func arm(at time: VirtualTime) { armed.withLock { $0 = time } }
  func disarm() { armed.withLock { $0 = nil } }
  /// Two ticks a nanosecond.
  func time(ofTSC tsc: UInt64) -> VirtualTime { VirtualTime(nanoseconds: Int64(clamping: tsc / 2)) }

  func advance(_ apic: LocalAPIC, by ns: Int64) {
    let end = now.adding(nanoseconds: ns)
    while let due = deadline, due <= end {
      disarm()
      time.withLock { $0 = max($0, due) }
      apic.timerFired()
    }
    time.withLock { $0 = end }
  }
}

private final class Target: InterruptTarget {
  let log = Mutex<[String]>([])
  var events: [String] { log.withLock { $0.filter { $0 != "interrupt" } } }
  var wakeups: Int { log.withLock { $0.filter { $0 == "interrupt" }.count } }
  func interruptPending() { log.withLock { $0.append("interrupt") } }
  func raiseNMI() { log.withLock { $0.append("nmi") } }
  func raiseINIT() { log.withLock { $0.append("init") } }
  func raiseSIPI(vector: UInt8) { log.withLock { $0.append("sipi \(vector)") } }
}

/// Some local APICs on a bus, software-enabled.
private final class Board {
  let clocks: [Clock]
  let targets: [Target]
  let apics: [LocalAPIC]
  let bus: APICBus
  let ended = EndedVectors()
  final class EndedVectors: Sendable { let vectors = Mutex<[UInt8]>([]) }

  init(_ count: Int, enabled: Bool = true) {
    let clocks = (0..<count).map { _ in Clock() }
    self.clocks = clocks
    targets = (0..<count).map { _ in Target() }
    apics = (0..<count).map { LocalAPIC(id: UInt32($0), isBootProcessor: $0 == 0, clock: clocks[$0]) }
    let ended = ended
    bus = APICBus(apics) { vector in ended.vectors.withLock { $0.append(vector) } }
    for index in 0..<count {
      apics[index].attach(targets[index])
      if enabled { apics[index].write(offset: 0xf0, width: 4, 0x1ff) }
    }
  }
  func ipi(_ sender: Int, _ destination: UInt64, _ command: UInt64) {
    apics[sender].write(offset: 0x310, width: 4, destination << 24)
    apics[sender].write(offset: 0x300, width: 4, command)
  }
}

@Suite struct LocalAPICTests {
  @Test func periodicBeatsThatNobodyTookInTimeFollowAsTheyAreTaken() {
    let board = Board(1)
    let apic = board.apics[0]
    apic.write(offset: 0x320, width: 4, 0x2_0040)
    apic.write(offset: 0x3e0, width: 4, 0xb)
    apic.write(offset: 0x380, width: 4, 1_000_000)
    board.clocks[0].advance(apic, by: 10_200_000)
    var taken = 0
    while apic.acknowledge() == 0x40 {
      taken += 1
      apic.eoi()
    }
    #expect(taken == 10)
    // A masked timer owes nothing.
    board.clocks[0].advance(apic, by: 10_000_000)
    apic.write(offset: 0x320, width: 4, 0x3_0040)
    #expect(apic.acknowledge() == 0x40)
    apic.eoi()
    #expect(apic.acknowledge() == nil)
  }

  @Test func higherPriorityClassPreemptsAndEqualWaits() {
    let board = Board(1)
    let apic = board.apics[0]
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x41)
    #expect(apic.acknowledge() == 0x41)
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x4f)
    #expect(apic.pendingVector() == nil)
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x50)
    #expect(apic.acknowledge() == 0x50)
    apic.eoi()
    #expect(apic.pendingVector() == nil)
    apic.write(offset: 0xb0, width: 4, 0)
    #expect(apic.acknowledge() == 0x4f)
  }

  @Test func taskPriorityHoldsInterruptsBackUntilLowered() {
    let board = Board(1)
    let apic = board.apics[0]
    apic.cr8 = 5
    #expect(apic.read(offset: 0x80, width: 4) == 0x50)
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x55)
    #expect(apic.pendingVector() == nil)
    let before = board.targets[0].wakeups
    apic.cr8 = 4
    #expect(apic.pendingVector() == 0x55)
    #expect(board.targets[0].wakeups > before)
  }

  @Test func levelVectorIsBroadcastAtItsEnd() {
    let board = Board(1)
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0xc061)
    #expect(board.apics[0].acknowledge() == 0x61)
    #expect(board.ended.vectors.withLock { $0 } == [])
    board.apics[0].eoi()
    #expect(board.ended.vectors.withLock { $0 } == [0x61])
  }

  @Test func oneShotTimerCountsDownAndInterruptsOnce() {
    let board = Board(1)
    let apic = board.apics[0]
    apic.write(offset: 0x320, width: 4, 0x30)
    apic.write(offset: 0x3e0, width: 4, 0b0011)  // divide by 16
    apic.write(offset: 0x380, width: 4, 1000)
    board.clocks[0].advance(apic, by: 8_000)
    #expect(apic.read(offset: 0x390, width: 4) == 500)
    board.clocks[0].advance(apic, by: 7_999)
    #expect(apic.pendingVector() == nil)
    board.clocks[0].advance(apic, by: 1)
    #expect(apic.acknowledge() == 0x30)
    #expect(apic.read(offset: 0x390, width: 4) == 0)
    #expect(board.clocks[0].deadline == nil)
  }

  @Test func periodicTimerKeepsItsPhaseAndIsThinnedWhenTooFast() {
    let board = Board(1)
    let apic = board.apics[0]
    apic.write(offset: 0x320, width: 4, 0x2_0030)
    apic.write(offset: 0x3e0, width: 4, 0b1011)  // divide by 1
    apic.write(offset: 0x380, width: 4, 1_000_000)
    for _ in 0..<3 {
      board.clocks[0].advance(apic, by: 1_000_000)
      #expect(apic.acknowledge() == 0x30)
      apic.eoi()
    }
    apic.write(offset: 0x380, width: 4, 1)
    board.clocks[0].advance(apic, by: 10)
    let next = board.clocks[0].deadline
    #expect(next.map { $0.nanoseconds - board.clocks[0].now.nanoseconds >= 19_000 } == true)
  }

  @Test func tscDeadlineFiresAndReadsZeroAfterwards() {
    let board = Board(1)
    let apic = board.apics[0]
    apic.tscDeadline = 500
    #expect(apic.tscDeadline == 0)
    apic.write(offset: 0x320, width: 4, 0x4_0031)
    apic.tscDeadline = 20_000
    apic.write(offset: 0x380, width: 4, 5)
    #expect(apic.tscDeadline == 20_000)
    board.clocks[0].advance(apic, by: 10_000)
    #expect(apic.pendingVector() == 0x31)
    #expect(apic.tscDeadline == 0)
  }

  @Test func initAndStartUpReachTheNamedProcessorOnly() {
    let board = Board(3)
    board.ipi(0, 2, 0x4500)
    board.ipi(0, 2, 0x8500)  // de-assert: nothing
    board.ipi(0, 2, 0x4608)
    board.ipi(0, 1, 0x4400)
    #expect(board.targets[2].events == ["init", "sipi 8"])
    #expect(board.targets[1].events == ["nmi"])
    #expect(board.targets[0].events == [])
  }

  @Test func shorthandsNameSelfAllAndOthers() {
    let board = Board(3)
    board.ipi(1, 0, 0x4_0040)
    #expect(board.apics.map { $0.pendingVector() } == [nil, 0x40, nil])
    board.ipi(1, 0, 0xc_0051)
    #expect(board.apics.map { $0.pendingVector() } == [0x51, 0x40, 0x51])
    board.ipi(1, 0, 0x8_0062)
    #expect(board.apics.map { $0.pendingVector() } == [0x62, 0x62, 0x62])
  }

  @Test func logicalFlatAndClusterDestinations() {
    let board = Board(3)
    for (index, apic) in board.apics.enumerated() { apic.write(offset: 0xd0, width: 4, 1 << UInt64(24 + index)) }
    board.ipi(0, 0b110, 0x0840)
    #expect(board.apics.map { $0.pendingVector() } == [nil, 0x40, 0x40])
    for (index, apic) in board.apics.enumerated() {
      apic.write(offset: 0xe0, width: 4, 0x0fff_ffff)
      apic.write(offset: 0xd0, width: 4, UInt64(index < 2 ? 0x10 | 1 << index : 0x21) << 24)
    }
    board.ipi(0, 0x21, 0x0850)
    board.ipi(0, 0x13, 0x0860)
    #expect(board.apics.map { $0.pendingVector() } == [0x60, 0x60, 0x50])
  }

  @Test func lowestPriorityPicksTheLeastBusy() {
    let board = Board(3)
    board.apics[0].cr8 = 3
    board.apics[2].cr8 = 2
    board.ipi(0, 0xff, 0x4140)
    #expect(board.apics.map { $0.pendingVector() } == [nil, 0x40, nil])
  }

  @Test func x2APICUsesMSRsAndRefusesReservedOnes() {
    let board = Board(2)
    let apic = board.apics[1]
    #expect(apic.readMSR(0x802) == nil)
    #expect(!apic.setAPICBase(0xfee0_0400))
    #expect(apic.setAPICBase(0xfee0_0c00))
    #expect(apic.mode == .x2APIC)
    #expect(apic.registerPage == nil)
    #expect(apic.readMSR(0x802) == 1)
    #expect(apic.readMSR(0x80d) == 2)
    #expect(apic.readMSR(0x80e) == nil)
    #expect(!apic.writeMSR(0x80b, 1))
    #expect(!apic.writeMSR(0x808, 0x100))
    #expect(apic.writeMSR(0x83f, 0x70))
    #expect(apic.pendingVector() == 0x70)
    #expect(apic.writeMSR(0x830, 0x0000_0000_0000_4044))
    #expect(board.apics[0].pendingVector() == 0x44)
    #expect(!apic.setAPICBase(0xfee0_0800))
    #expect(apic.setAPICBase(0xfee0_0000))
    #expect(apic.acceptsPIC)
  }

  @Test func virtualWireIsOpenOnTheBootProcessorAndFollowsLINT0() {
    let board = Board(2, enabled: false)
    #expect(board.apics[0].acceptsPIC)
    #expect(!board.apics[1].acceptsPIC)
    board.apics[0].write(offset: 0xf0, width: 4, 0x1ff)
    board.apics[0].write(offset: 0x350, width: 4, 0x1_0700)
    #expect(!board.apics[0].acceptsPIC)
    board.apics[0].write(offset: 0x360, width: 4, 0x400)
    board.apics[0].lint(1, true)
    board.apics[0].lint(1, true)
    #expect(board.targets[0].events == ["nmi"])
  }

  @Test func errorsShowAfterAWriteToESRAndRaiseTheErrorEntry() {
    let board = Board(1)
    let apic = board.apics[0]
    apic.write(offset: 0x370, width: 4, 0xfe)
    board.ipi(0, 0, 0x4005)
    #expect(apic.pendingVector() == 0xfe)
    #expect(apic.read(offset: 0x280, width: 4) == 0)
    apic.write(offset: 0x280, width: 4, 0)
    #expect(apic.read(offset: 0x280, width: 4) == 0x20)
    apic.write(offset: 0x280, width: 4, 0)
    #expect(apic.read(offset: 0x280, width: 4) == 0)
  }

  @Test func softwareDisableMasksEntriesAndRefusesInterrupts() {
    let board = Board(1)
    board.apics[0].write(offset: 0x320, width: 4, 0x30)
    board.apics[0].write(offset: 0xf0, width: 4, 0xff)
    #expect(board.apics[0].read(offset: 0x320, width: 4) == 0x1_0030)
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x41)
    #expect(board.apics[0].pendingVector() == nil)
  }

  @Test func stateSurvivesASaveAndArmsTheTimerAgain() throws {
    let board = Board(1)
    let apic = board.apics[0]
    apic.write(offset: 0x320, width: 4, 0x30)
    apic.write(offset: 0x380, width: 4, 1000)
    board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x41)
    let bytes = StateWriter.encode(apic.save())
    let other = Board(1)
    other.apics[0].restore(try StateReader.decode(bytes))
    #expect(other.apics[0].save() == apic.save())
    #expect(other.clocks[0].deadline == VirtualTime(nanoseconds: 2000))
    #expect(other.apics[0].acknowledge() == 0x41)
  }

  @Test func noAccessTraps() {
    let board = Board(2)
    let apic = board.apics[0]
    var seed: UInt64 = 1
    func random() -> UInt64 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return seed >> 16
    }
    for _ in 0..<3000 {
      let value = random() << 20 ^ random()
      switch random() % 8 {
      case 0: _ = apic.read(offset: random() % 0x1100, width: Int(random() % 10))
      case 1, 2, 3: apic.write(offset: random() % 256 * 16, width: Int(random() % 10), value)
      case 4: _ = apic.writeMSR(UInt32(0x800 + random() % 0x50), value)
      case 5: _ = apic.readMSR(UInt32(0x800 + random() % 0x50))
      case 6: _ = apic.setAPICBase(0xfee0_0000 | value & 0xc00)
      default: board.clocks[0].advance(apic, by: Int64(random() % 100_000))
      }
      _ = apic.acknowledge()
    }
    _ = apic.info()
  }
}
