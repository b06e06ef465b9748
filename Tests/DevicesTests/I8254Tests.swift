import Base
import DeviceConformance
import DeviceKit
import Devices
import Testing

@Suite("i8254") struct I8254Tests {
  let host = FakeServices()

  func makePIT() -> I8254 {
    var pit = I8254()
    pit.reset(host)
    return pit
  }
  /// Control word, then the count's low and high byte.
  func program(_ pit: inout I8254, _ counter: UInt64, mode: UInt64, _ count: UInt64, bcd: UInt64 = 0) {
    pit.testWrite(3, counter << 6 | 0x30 | mode << 1 | bcd, host)
    pit.testWrite(counter, count & 0xff, host)
    pit.testWrite(counter, count >> 8, host)
  }
  func setClock(_ ticks: UInt64) { host.now = VirtualTime.at(ticks: ticks, hertz: I8254.frequency) }
  func latched(_ pit: inout I8254, _ counter: UInt64) -> UInt64 {
    pit.testWrite(3, counter << 6, host)
    let low = pit.testRead(counter, host)
    return low | pit.testRead(counter, host) << 8
  }
  func out2(_ pit: inout I8254) -> Bool { pit.testRead(0, region: 1, host) & 0x20 != 0 }

  @Test func rateGeneratorInterruptsAtItsFrequency() {
    var pit = makePIT()
    program(&pit, 0, mode: 2, 1193)
    host.clearRecords()
    host.advance(&pit, by: 999_846)
    #expect(host.risingEdges(0) == 0)
    host.advance(&pit, by: 2)
    #expect(host.risingEdges(0) == 1)
    host.advance(&pit, by: 999_000_000)
    #expect(host.risingEdges(0) == 1000)
  }

  @Test func terminalCountRaisesTheLineOnce() {
    var pit = makePIT()
    program(&pit, 0, mode: 0, 100)
    #expect(!host.level(0))
    host.advance(&pit, by: 83_809)
    #expect(!host.level(0))
    host.advance(&pit, by: 2)
    #expect(host.level(0))
    host.advance(&pit, by: 1_000_000_000)
    #expect(host.risingEdges(0) == 1)
    program(&pit, 0, mode: 4, 50)
    host.clearRecords()
    host.advance(&pit, by: 1_000_000_000)
    #expect(host.risingEdges(0) == 1)
  }

  @Test func lateWakeupsDeliverMissedEdgesSpacedOut() {
    var pit = makePIT()
    program(&pit, 0, mode: 2, 1193)
    host.clearRecords()
    host.wakeLate(&pit, by: 10_200_000)
    #expect(host.risingEdges(0) == 1)
    host.advance(&pit, by: 400_000)
    #expect(host.risingEdges(0) == 1)
    host.advance(&pit, to: VirtualTime(nanoseconds: 40_000_000))
    #expect(host.risingEdges(0) == 40)
    let times = host.edges.filter { $0.output == 0 && $0.level }.map(\.time.nanoseconds)
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 499_000 })
    host.wakeLate(&pit, by: 3_600_000_000_000)
    #expect(pit.state.backlog <= 1001)
  }

  @Test func edgesThatNobodyTookInTimeFollowOneByOneAsTheyAreTaken() {
    var pit = makePIT()
    host.latchesEdges = true
    program(&pit, 0, mode: 2, 1193)
    host.fates[0] = .taken
    host.clearRecords()
    host.advance(&pit, by: 10_200_000)
    #expect(host.risingEdges(0) == 1)
    #expect(host.level(2))
    for taken in 2...10 {
      host.fates[0] = .taken
      pit.lineChanged(0, true, host)
      #expect(host.risingEdges(0) == taken)
    }
    #expect(!host.level(2))
    host.fates[0] = .taken
    pit.lineChanged(0, true, host)
    #expect(host.risingEdges(0) == 10)
    // On time again from here on.
    host.advance(&pit, by: 900_000)
    #expect(host.risingEdges(0) == 11)
  }

  @Test func starvedGuestGetsEveryTickThatItsTimerOwes() {
    // A virtual processor that runs 2 ms in every 50 must still count 1000 ticks a second.
    var pit = makePIT()
    host.latchesEdges = true
    program(&pit, 0, mode: 2, 1193)
    host.fates[0] = .taken
    host.clearRecords()
    var taken = 0
    for slice in 0..<1000 {
      host.advance(&pit, by: 1_000_000)
      guard slice % 50 >= 48 else { continue }
      for _ in 0..<100 where host.fates[0] == .waiting {
        taken += 1
        host.fates[0] = .taken
        if host.level(2) { pit.lineChanged(0, true, host) }
      }
    }
    #expect(taken >= 999 && taken <= 1001)
  }

  @Test func maskedInterruptKeepsNoEdges() {
    var pit = makePIT()
    program(&pit, 0, mode: 2, 1193)
    host.fates[0] = .ignored
    host.wakeLate(&pit, by: 100_000_000)
    #expect(pit.state.backlog == 0)
    #expect(!host.level(2))
  }

  @Test func fastCountsDoNotFlood() {
    var pit = makePIT()
    program(&pit, 0, mode: 2, 2)
    host.clearRecords()
    let fired = host.advance(&pit, by: 10_000_000)
    #expect(fired <= 201)
    #expect(host.risingEdges(0) <= 201)
  }

  @Test func countsDownInEachMode() {
    var pit = makePIT()
    pit.testWrite(0, 1, region: 1, host)
    program(&pit, 2, mode: 0, 10)
    setClock(4)
    #expect(latched(&pit, 2) == 6)
    setClock(11)
    #expect(latched(&pit, 2) == 0xffff)
    #expect(out2(&pit))
    setClock(100)
    program(&pit, 2, mode: 2, 10)
    setClock(109)
    #expect(latched(&pit, 2) == 1)
    #expect(!out2(&pit))
    setClock(110)
    #expect(latched(&pit, 2) == 10)
    #expect(out2(&pit))
    setClock(200)
    program(&pit, 2, mode: 3, 5)
    let wave: [(count: UInt64, out: Bool)] = [(4, true), (2, true), (0, true), (4, false), (2, false), (4, true)]
    for (clock, expected) in wave.enumerated() {
      setClock(200 + UInt64(clock))
      #expect(latched(&pit, 2) == expected.count)
      #expect(out2(&pit) == expected.out)
    }
    setClock(300)
    program(&pit, 2, mode: 0, 0x1234, bcd: 1)
    setClock(335)
    #expect(latched(&pit, 2) == 0x1199)
  }

  @Test func gateTwoStopsAndTriggers() {
    var pit = makePIT()
    pit.testWrite(0, 0, region: 1, host)
    program(&pit, 2, mode: 0, 100)
    setClock(50)
    #expect(latched(&pit, 2) == 100)
    pit.testWrite(0, 1, region: 1, host)
    setClock(149)
    #expect(!out2(&pit))
    setClock(150)
    #expect(out2(&pit))
    pit.testWrite(0, 0, region: 1, host)
    program(&pit, 2, mode: 1, 20)
    #expect(out2(&pit))
    pit.testWrite(0, 1, region: 1, host)
    #expect(!out2(&pit))
    setClock(169)
    #expect(!out2(&pit))
    setClock(170)
    #expect(out2(&pit))
    pit.testWrite(0, 0, region: 1, host)
    program(&pit, 2, mode: 5, 20)
    pit.testWrite(0, 1, region: 1, host)
    setClock(190)
    #expect(!out2(&pit))
    setClock(191)
    #expect(out2(&pit))
  }

  @Test func newPeriodicCountWaitsForTheEndOfThePeriod() {
    var pit = makePIT()
    pit.testWrite(0, 1, region: 1, host)
    program(&pit, 2, mode: 2, 100)
    setClock(30)
    pit.testWrite(2, 10, host)
    pit.testWrite(2, 0, host)
    #expect(latched(&pit, 2) == 70)
    setClock(104)
    #expect(latched(&pit, 2) == 6)
  }

  @Test func readBackLatchesStatusThenCount() {
    var pit = makePIT()
    pit.testWrite(3, 0xb4, host)
    pit.testWrite(3, 0xe8, host)
    #expect(pit.testRead(2, host) == 0xf4)  // OUT high, null count, RW 3, mode 2
    pit.testWrite(0, 1, region: 1, host)
    pit.testWrite(2, 0x34, host)
    pit.testWrite(2, 0x12, host)
    setClock(4)
    pit.testWrite(3, 0xc8, host)  // count and status of counter 2
    setClock(1000)
    #expect(pit.testRead(2, host) == 0xb4)
    #expect(pit.testRead(2, host) == 0x30)
    #expect(pit.testRead(2, host) == 0x12)
  }

  @Test func refreshBitToggles() {
    var pit = makePIT()
    setClock(17)
    let before = pit.testRead(0, region: 1, host) & 0x10
    setClock(18)
    #expect(pit.testRead(0, region: 1, host) & 0x10 != before)
    pit.testWrite(0, 0xff, region: 1, host)
    #expect(pit.testRead(0, region: 1, host) & 0x0f == 0x0f)
    #expect(host.level(1))
  }

  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(make: { I8254() })
    #expect(violations.isEmpty, "\(violations)")
  }
}
