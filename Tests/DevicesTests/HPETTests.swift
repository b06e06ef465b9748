import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct HPETTests {
  private func started(_ host: FakeServices, config: UInt64 = 1) -> HPET {
    var hpet = HPET()
    hpet.reset(host)
    hpet.testWrite(0x10, config, width: 8, host)
    return hpet
  }

  @Test func capabilitiesGiveTheTickInFemtoseconds() {
    let host = FakeServices()
    var hpet = HPET()
    #expect(hpet.testRead(4, width: 4, host) == 10_000_000)
    #expect(hpet.testRead(0, width: 4, host) & 0xffff_ffff == 0x8086_a201)
    #expect(hpet.testRead(0x104, width: 4, host) == 0x00f0_0000)
  }

  @Test func counterRunsOnlyWhileEnabledAndIsWritableWhileStopped() {
    let host = FakeServices()
    var hpet = started(host)
    host.advance(&hpet, by: 1_234)
    #expect(hpet.testRead(0xf0, width: 8, host) == 123)
    hpet.testWrite(0x10, 0, width: 8, host)
    host.advance(&hpet, by: 1_000)
    #expect(hpet.testRead(0xf0, width: 8, host) == 123)
    hpet.testWrite(0xf0, 0x1_0000_0005, width: 8, host)
    #expect(hpet.testRead(0xf4, width: 4, host) == 1)
  }

  @Test func oneShotEdgeFiresOnceAtItsMatch() {
    let host = FakeServices()
    var hpet = started(host)
    hpet.testWrite(0x140, 20 << 9 | 4, width: 8, host)
    hpet.testWrite(0x148, 500, width: 8, host)
    host.advance(&hpet, by: 4_999)
    #expect(host.risingEdges(2) == 0)
    host.advance(&hpet, by: 1)
    #expect(host.risingEdges(2) == 1)
    host.advance(&hpet, by: 10_000_000)
    #expect(host.risingEdges(2) == 1)
  }

  @Test func periodicInLegacyReplacementDrivesIRQ0() {
    let host = FakeServices()
    var hpet = started(host, config: 3)
    #expect(host.level(6))
    hpet.testWrite(0x100, 0x4c, width: 8, host)  // enabled, periodic, VAL_SET
    hpet.testWrite(0x108, 150_000, width: 8, host)  // first match
    hpet.testWrite(0x108, 100_000, width: 8, host)  // period
    host.advance(&hpet, by: 1_500_000)
    #expect(host.risingEdges(0) == 1)
    #expect(hpet.testRead(0x108, width: 8, host) == 250_000)
    host.advance(&hpet, by: 3_000_000)
    #expect(host.risingEdges(0) == 4)
    hpet.testWrite(0x10, 1, width: 8, host)
    #expect(!host.level(6))
  }

  /// Comparator 0, periodic, 1 ms, in legacy replacement.
  private func ticking(_ host: FakeServices) -> HPET {
    var hpet = started(host, config: 3)
    hpet.testWrite(0x100, 0x4c, width: 8, host)
    hpet.testWrite(0x108, 100_000, width: 8, host)
    hpet.testWrite(0x108, 100_000, width: 8, host)
    host.clearRecords()
    return hpet
  }

  @Test func beatsThatNobodyTookInTimeFollowOneByOneAsTheyAreTaken() {
    let host = FakeServices()
    var hpet = ticking(host)
    host.latchesEdges = true
    host.advance(&hpet, by: 10_200_000)
    #expect(host.risingEdges(0) == 1)
    #expect(host.level(7))
    for taken in 2...10 {
      host.fates[0] = .taken
      hpet.lineChanged(0, true, host)
      #expect(host.risingEdges(0) == taken)
    }
    #expect(!host.level(7))
    host.fates[0] = .taken
    host.advance(&hpet, by: 900_000)
    #expect(host.risingEdges(0) == 11)
  }

  @Test func lateWakeupLosesNoBeat() {
    let host = FakeServices()
    var hpet = ticking(host)
    host.wakeLate(&hpet, by: 10_200_000)
    #expect(host.risingEdges(0) == 1)
    host.advance(&hpet, by: 30_000_000)
    #expect(host.risingEdges(0) == 40)
    host.wakeLate(&hpet, by: 3_600_000_000_000)
    #expect(hpet.state.comparators[0].late <= 1000)
  }

  @Test func maskedInterruptKeepsNoBeats() {
    let host = FakeServices()
    var hpet = ticking(host)
    host.fates[0] = .ignored
    host.wakeLate(&hpet, by: 100_000_000)
    #expect(hpet.state.comparators[0].late == 0)
    #expect(!host.level(7))
  }

  @Test func levelStaysUntilTheStatusBitIsCleared() {
    let host = FakeServices()
    var hpet = started(host)
    hpet.testWrite(0x120, 22 << 9 | 6, width: 8, host)
    hpet.testWrite(0x128, 1_000, width: 8, host)
    host.advance(&hpet, by: 10_000)
    #expect(host.level(4))
    #expect(hpet.testRead(0x20, width: 8, host) == 2)
    hpet.testWrite(0x20, 2, width: 8, host)
    #expect(!host.level(4))
  }

  @Test func tinyPeriodDoesNotStormTheHost() {
    let host = FakeServices()
    var hpet = started(host)
    hpet.testWrite(0x140, 20 << 9 | 0x4c, width: 8, host)
    hpet.testWrite(0x148, 1, width: 8, host)
    let fired = host.advance(&hpet, by: 1_000_000)
    #expect(fired <= 51)
    #expect(host.risingEdges(2) >= 40)
  }
}
