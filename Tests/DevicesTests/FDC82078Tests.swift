import Base
import DeviceConformance
import DeviceKit
import Synchronization
import Testing

@testable import Devices

/// A DMA channel at a fixed address that counts down.
final class FakeChannel: DMAChannel {
  struct Setting {
    var address: UInt64 = 0x8000
    var remaining = 0
    var direction = I8237.Direction.toMemory
  }
  let setting = Mutex(Setting())
  func program(_ address: UInt64, _ count: Int, _ direction: I8237.Direction) {
    setting.withLock { $0 = Setting(address: address, remaining: count, direction: direction) }
  }
  func take(_ count: Int) -> I8237.Grant? {
    setting.withLock { setting in
      let size = min(count, setting.remaining, 700)
      guard size > 0 else { return nil }
      defer {
        setting.address += UInt64(size)
        setting.remaining -= size
      }
      return I8237.Grant(
        address: GuestPhysical(setting.address), count: size, direction: setting.direction,
        terminalCount: size == setting.remaining)
    }
  }
}
/// A channel without memory of its own, so that devices on it behave the same when loaded elsewhere.
final class SteadyChannel: DMAChannel {
  func take(_ count: Int) -> I8237.Grant? {
    count & 0x400 != 0
      ? nil
      : I8237.Grant(
        address: GuestPhysical(0x8000), count: min(count, 512), direction: .toMemory, terminalCount: count <= 512)
  }
}

struct FloppyBench {
  var fdc: FDC82078
  let host = FakeServices(diskBytes: 2880 * 512, autoComplete: true)
  let channel = FakeChannel()

  init(_ media: [MediumInfo] = [MediumInfo(sectors: 2880)], dma: Bool = true) {
    fdc = FDC82078(media: media, dma: channel)
    fdc.reset(host)
    for index in host.disk.indices { host.disk[index] = UInt8(truncatingIfNeeded: index / 512 &+ 1) }
    fdc.testWrite(2, 0, host)
    fdc.testWrite(2, 0x1c, host)
    for _ in 0..<4 { _ = command([8]) }
    fdc.testWrite(0, 0, region: 1, host)
    _ = command([3, 0xaf, dma ? 2 : 3])
    _ = command([7, 0])
    _ = command([8])
  }
  /// Writes a command and, once there is one, reads the result.
  mutating func command(_ bytes: [UInt8]) -> [UInt8] {
    for byte in bytes { fdc.testWrite(5, UInt64(byte), host) }
    host.settle(&fdc)
    return result()
  }
  mutating func result() -> [UInt8] {
    var result: [UInt8] = []
    while fdc.testRead(4, host) & 0xf0 == 0xd0, result.count < 16 {
      result.append(UInt8(truncatingIfNeeded: fdc.testRead(5, host)))
    }
    return result
  }
}

@Suite struct FDC82078Tests {
  @Test func resetIsSensedOnEachDrive() {
    var bench = FloppyBench()
    bench.fdc.testWrite(2, 0, bench.host)
    #expect(!bench.host.level(0))
    bench.fdc.testWrite(2, 0x0c, bench.host)
    #expect(bench.host.level(0))
    #expect(bench.command([8]) == [0xc0, 0])
    #expect(!bench.host.level(0))
    for drive in 1..<4 { #expect(bench.command([8])[0] == 0xc0 | UInt8(drive)) }
    #expect(bench.command([8]) == [0x80])
  }

  @Test func sectorsAreReadByDMAAcrossHeads() {
    var bench = FloppyBench()
    #expect(bench.command([0x0f, 0, 1]).isEmpty && bench.host.level(0))
    #expect(bench.command([8]) == [0x20, 1])
    bench.channel.program(0x8000, 3 * 512, .toMemory)
    // Cylinder 1, head 0, sectors 17 and 18, then sector 1 of head 1.
    let result = bench.command([0xe6, 0, 1, 0, 17, 2, 18, 0x1b, 0xff])
    #expect(result == [0x04, 0, 0, 1, 1, 2, 2])
    #expect(Array(bench.host.ram[0x8000..<0x8600]) == Array(bench.host.disk[(52 * 512)..<(55 * 512)]))
    #expect(!bench.host.level(1))
  }

  @Test func sectorsAreWrittenByDMAWithImpliedSeek() {
    var bench = FloppyBench()
    _ = bench.command([0x13, 0, 0x60, 0])
    for index in 0..<1024 { bench.host.ram[0x8000 + index] = 0xa5 }
    bench.channel.program(0x8000, 1024, .fromMemory)
    let result = bench.command([0xc5, 4, 2, 1, 3, 2, 18, 0x1b, 0xff])
    #expect(result == [0x04, 0, 0, 2, 1, 5, 2])
    let first = ((2 * 2 + 1) * 18 + 2) * 512
    #expect(bench.host.disk[first..<(first + 1024)].allSatisfy { $0 == 0xa5 })
    #expect(bench.host.disk[first + 1024] != 0xa5)
  }

  @Test func withoutDMABytesGoThroughTheFIFO() {
    var bench = FloppyBench(dma: false)
    for byte: UInt8 in [0x46, 0, 0, 0, 2, 2, 2, 0x1b, 0xff] { bench.fdc.testWrite(5, UInt64(byte), bench.host) }
    bench.host.settle(&bench.fdc)
    var bytes: [UInt8] = []
    #expect(bench.host.level(0))
    while bench.fdc.testRead(4, bench.host) == 0xf0 { bytes.append(UInt8(bench.fdc.testRead(5, bench.host))) }
    #expect(bytes == [UInt8](repeating: 2, count: 512))
    // Without terminal count the end is that of the cylinder.
    #expect(bench.result() == [0x40, 0x80, 0, 0, 0, 2, 2])
  }

  @Test func aClosedChannelIsWaitedForAndThenOverrun() {
    var bench = FloppyBench()
    for byte: UInt8 in [0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff] { bench.fdc.testWrite(5, UInt64(byte), bench.host) }
    bench.host.settle(&bench.fdc)
    #expect(bench.host.level(1))
    bench.host.advance(&bench.fdc, by: 5_000_000)
    bench.channel.program(0x8000, 512, .toMemory)
    bench.host.advance(&bench.fdc, by: 2_000_000)
    #expect(bench.result() == [0, 0, 0, 0, 0, 2, 2])
    for byte: UInt8 in [0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff] { bench.fdc.testWrite(5, UInt64(byte), bench.host) }
    bench.host.settle(&bench.fdc)
    bench.host.advance(&bench.fdc, by: 2_000_000_000)
    #expect(bench.result().prefix(2) == [0x40, 0x10])
  }

  @Test func mistakesAreReported() {
    var bench = FloppyBench([MediumInfo(sectors: 2880, readOnly: true), MediumInfo(sectors: 0)])
    #expect(bench.command([0xff]) == [0x80])
    #expect(bench.command([0x45, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]).prefix(2) == [0x40, 0x02])
    #expect(bench.command([0x46, 0, 0, 0, 19, 2, 19, 0x1b, 0xff]).prefix(2) == [0x40, 0x04])
    #expect(bench.command([0x46, 0, 5, 0, 1, 2, 18, 0x1b, 0xff]).prefix(3) == [0x40, 0x04, 0x10])
    #expect(bench.command([0x4a, 1]).prefix(2) == [0x41, 0x01])
    bench.fdc.testWrite(0, 2, region: 1, bench.host)  // 250 kbit/s
    #expect(bench.command([0x4a, 0]).prefix(2) == [0x40, 0x01])
  }

  @Test func formatFillsTheTrack() {
    var bench = FloppyBench()
    bench.channel.program(0x8000, 18 * 4, .fromMemory)
    #expect(bench.command([0x4d, 0, 2, 18, 0x50, 0xf6]).prefix(3) == [0, 0, 0])
    #expect(bench.host.disk[0..<(18 * 512)].allSatisfy { $0 == 0xf6 } && bench.host.disk[18 * 512] != 0xf6)
  }

  @Test func changeLineEndsWithAStep() {
    var bench = FloppyBench()
    #expect(bench.fdc.testRead(0, region: 1, bench.host) == 0x7f)
    bench.fdc.mediumChanged(drive: 0, MediumInfo(sectors: 1440), bench.host)
    #expect(bench.fdc.testRead(0, region: 1, bench.host) == 0xff)
    _ = bench.command([0x0f, 0, 1])
    #expect(bench.fdc.testRead(0, region: 1, bench.host) == 0x7f)
  }

  @Test func versionAndRegistersAreTold() {
    var bench = FloppyBench()
    #expect(bench.command([0x10]) == [0x90])
    #expect(bench.command([0x94]) == [0x10])
    #expect(bench.command([0x0e]).count == 10)
  }

  @Test func conformance() {
    let media = [MediumInfo(sectors: 2880), MediumInfo(sectors: 720, readOnly: true)]
    let channel = SteadyChannel()
    #expect(DeviceConformance.check(make: { FDC82078(media: media, dma: channel) }, seeds: 80) == [])
  }
}
