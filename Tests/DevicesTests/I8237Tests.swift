import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct I8237Tests {
  private func open(_ host: FakeServices) -> I8237 {
    var dma = I8237()
    dma.reset(host)
    dma.testWrite(0x14, 0, region: 2, host)  // cascade unmasked
    return dma
  }
  private func program(
    _ dma: inout I8237, channel: Int, page: UInt64, address: UInt64, count: UInt64, mode: UInt64, _ host: FakeServices
  ) {
    dma.testWrite(0x0c, 0, host)
    dma.testWrite(UInt64(channel * 2), address & 0xff, host)
    dma.testWrite(UInt64(channel * 2), address >> 8, host)
    dma.testWrite(UInt64(channel * 2 + 1), count & 0xff, host)
    dma.testWrite(UInt64(channel * 2 + 1), count >> 8, host)
    dma.testWrite(UInt64(I8237.pageIndex[channel]), page, region: 1, host)
    dma.testWrite(0x0b, mode | UInt64(channel), host)
    dma.testWrite(0x0a, UInt64(channel), host)
  }

  @Test func transferRunsToTerminalCountAndMasksItself() {
    let host = FakeServices()
    var dma = open(host)
    program(&dma, channel: 2, page: 0x12, address: 0x3400, count: 511, mode: 0x44, host)
    #expect(
      dma.take(channel: 2, count: 100)
        == .init(address: GuestPhysical(0x12_3400), count: 100, direction: .toMemory, terminalCount: false))
    #expect(
      dma.take(channel: 2, count: 1000)
        == .init(address: GuestPhysical(0x12_3464), count: 412, direction: .toMemory, terminalCount: true))
    #expect(dma.take(channel: 2, count: 1) == nil)
    #expect(dma.testRead(8, host) == 0x04)
    #expect(dma.testRead(8, host) == 0)
  }

  @Test func autoInitializeReloadsAndTheAddressWrapsInItsPage() {
    let host = FakeServices()
    var dma = open(host)
    program(&dma, channel: 1, page: 1, address: 0xfff0, count: 31, mode: 0x58, host)
    #expect(dma.take(channel: 1, count: 64)?.count == 16)
    let wrapped = dma.take(channel: 1, count: 64)
    #expect(wrapped == .init(address: GuestPhysical(0x1_0000), count: 16, direction: .fromMemory, terminalCount: true))
    #expect(dma.view(1)?.remaining == 32)
    #expect(dma.view(1)?.address == GuestPhysical(0x1_fff0))
  }

  @Test func wordChannelsShiftTheAddress() {
    let host = FakeServices()
    var dma = open(host)
    for (port, value) in [(0x18, 0), (0x08, 0x00), (0x08, 0x80), (0x0a, 3), (0x0a, 0), (0x16, 0x46), (0x14, 2)] {
      // Channel 6: registers at twice the offset.
      dma.testWrite(UInt64(port), UInt64(value), region: 2, host)
    }
    dma.testWrite(9, 0x05, region: 1, host)
    #expect(
      dma.take(channel: 6, count: 100)
        == .init(
          address: GuestPhysical(0x05_0000 & 0xfe_0000 | 0x1_0000), count: 8, direction: .toMemory, terminalCount: true)
    )
  }

  @Test func masksCommandAndCascadeCloseAChannel() {
    let host = FakeServices()
    var dma = open(host)
    program(&dma, channel: 2, page: 0, address: 0, count: 10, mode: 0x44, host)
    dma.testWrite(8, 4, host)
    #expect(dma.take(channel: 2, count: 1) == nil)
    dma.testWrite(8, 0, host)
    dma.testWrite(0x14, 4, region: 2, host)
    #expect(dma.take(channel: 2, count: 1) == nil)
    dma.testWrite(0x14, 0, region: 2, host)
    #expect(dma.take(channel: 2, count: 1) != nil)
    #expect(dma.take(channel: 4, count: 1) == nil)
    #expect(dma.take(channel: -1, count: 1) == nil)
  }

  @Test func registersReadBackThroughTheFlipFlopAndRequestsShow() {
    let host = FakeServices()
    var dma = open(host)
    program(&dma, channel: 3, page: 0x20, address: 0xabcd, count: 0x1234, mode: 0x44, host)
    dma.testWrite(0x0c, 0, host)
    #expect(dma.testRead(6, host) == 0xcd)
    #expect(dma.testRead(6, host) == 0xab)
    #expect(dma.testRead(2, region: 1, host) == 0x20)
    dma.lineChanged(3, true, host)
    #expect(dma.testRead(8, host) == 0x80)
    dma.testWrite(0, 0x77, region: 1, host)
    #expect(dma.postCode == 0x77)
  }
}
