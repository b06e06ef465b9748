import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct RTCTests {
  private func read(_ rtc: inout RTC, _ index: UInt64, _ host: FakeServices) -> UInt64 {
    rtc.testWrite(0, index, host)
    return rtc.testRead(1, host)
  }
  private func write(_ rtc: inout RTC, _ index: UInt64, _ value: UInt64, _ host: FakeServices) {
    rtc.testWrite(0, index, host)
    rtc.testWrite(1, value, host)
  }
  private func time(_ rtc: inout RTC, _ host: FakeServices) -> [UInt64] {
    var values: [UInt64] = []
    for index: UInt64 in [0x32, 9, 8, 7, 6, 4, 2, 0] { values.append(read(&rtc, index, host)) }
    return values
  }
  private func powered(_ host: FakeServices, wall: Int64) -> RTC {
    host.wallClockStart = wall
    var rtc = RTC()
    rtc.reset(host)
    return rtc
  }

  @Test func showsTheWallClockInBCDBinaryAndTwelveHours() {
    let host = FakeServices()
    // 2024-02-29 13:05:59 UTC, a Thursday.
    var rtc = powered(host, wall: 1_709_211_959)
    #expect(time(&rtc, host) == [0x20, 0x24, 0x02, 0x29, 5, 0x13, 0x05, 0x59])
    host.advance(&rtc, by: 1_000_000_000)
    #expect(read(&rtc, 2, host) == 0x06)
    write(&rtc, 0xb, 0x04, host)
    #expect(time(&rtc, host) == [20, 24, 2, 29, 5, 0x81, 6, 0])
  }

  @Test func settingTheClockHoldsAndThenRunsOn() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_709_211_959)
    write(&rtc, 0xb, 0x82, host)
    for (index, value) in [(0x32, 0x19), (9, 0x99), (8, 0x12), (7, 0x31), (4, 0x23), (2, 0x59), (0, 0x58), (6, 6)] {
      write(&rtc, UInt64(index), UInt64(value), host)
    }
    host.advance(&rtc, by: 5_000_000_000)
    #expect(read(&rtc, 0, host) == 0x58)
    write(&rtc, 0xb, 0x02, host)
    host.advance(&rtc, by: 2_000_000_000)
    #expect(time(&rtc, host) == [0x20, 0x00, 0x01, 0x01, 7, 0x00, 0x00, 0x00])
  }

  @Test func updateInProgressRisesBeforeTheTurn() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_000_000)
    host.advance(&rtc, by: 999_000_000)
    #expect(read(&rtc, 0xa, host) & 0x80 == 0)
    host.advance(&rtc, by: 800_000)
    #expect(read(&rtc, 0xa, host) & 0x80 == 0x80)
    host.advance(&rtc, by: 200_000)
    #expect(read(&rtc, 0xa, host) & 0x80 == 0)
  }

  @Test func periodicInterruptComesAt1024HertzAndReadingCAcknowledges() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_000_000)
    write(&rtc, 0xb, 0x42, host)
    host.advance(&rtc, by: 976_562)
    #expect(host.level(0))
    #expect(read(&rtc, 0xc, host) == 0xc0)
    #expect(!host.level(0))
    #expect(read(&rtc, 0xc, host) == 0)
    host.advance(&rtc, by: 976_562)
    #expect(host.level(0))
  }

  @Test func beatsThatWaitedFollowAfterRegisterCIsRead() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_000_000)
    write(&rtc, 0xb, 0x42, host)
    host.fates[0] = .waiting
    host.advance(&rtc, by: 9_765_624)
    #expect(host.risingEdges(0) == 1)
    host.fates[0] = .taken
    var beats = 0
    for _ in 0..<200 {
      host.advance(&rtc, by: 48_828)
      if read(&rtc, 0xc, host) & 0x40 != 0 { beats += 1 }
    }
    #expect(beats >= 19 && beats <= 20)
  }

  @Test func guestThatPollsWithTheInterruptMaskedSeesOneFlagForAll() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_000_000)
    write(&rtc, 0xb, 0x42, host)
    host.fates[0] = .ignored
    host.advance(&rtc, by: 9_765_624)
    #expect(read(&rtc, 0xc, host) & 0x40 == 0x40)
    host.advance(&rtc, by: 500_000)
    #expect(read(&rtc, 0xc, host) == 0)
  }

  @Test func updateAndAlarmInterrupts() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_709_211_959)
    write(&rtc, 1, 0x02, host)
    write(&rtc, 3, 0xff, host)
    write(&rtc, 5, 0xff, host)
    write(&rtc, 0xb, 0x22, host)
    host.advance(&rtc, by: 2_999_999_999)
    #expect(!host.level(0))
    host.advance(&rtc, by: 1)
    #expect(host.level(0))
    #expect(read(&rtc, 0xc, host) == 0xb0)
    write(&rtc, 0xb, 0x12, host)
    host.advance(&rtc, by: 1_000_000_000)
    #expect(read(&rtc, 0xc, host) == 0x90)
  }

  @Test func cmosBanksAndTheNMIMask() {
    let host = FakeServices()
    var rtc = powered(host, wall: 0)
    rtc.setCMOS(0x34, 0x12)
    rtc.setCMOS(0x0b, 0xff)
    #expect(read(&rtc, 0x34, host) == 0x12)
    #expect(read(&rtc, 0x0b, host) == 0x02)
    rtc.testWrite(2, 0x34, host)
    rtc.testWrite(3, 0x55, host)
    #expect(rtc.cmos(128 + 0x34) == 0x55)
    rtc.testWrite(0, 0x8f, host)
    #expect(host.level(1))
    rtc.reset(host)
    #expect(!host.level(1))
    #expect(rtc.cmos(0x34) == 0x12)
  }

  @Test func followsTheWallClockAfterAPause() {
    let host = FakeServices()
    var rtc = powered(host, wall: 1_709_211_959)
    #expect(read(&rtc, 2, host) == 0x05)
    host.wallClockStart += 3600
    #expect(read(&rtc, 4, host) == 0x14)
  }

  @Test func calendarRoundTrips() {
    for day in stride(from: Int64(0), through: 2_932_896, by: 97) {
      #expect(CivilDate(daysSince1970: day).daysSince1970 == day)
    }
    #expect(CivilDate(daysSince1970: 11_016) == CivilDate(year: 2000, month: 2, day: 29))
  }
}
