import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct IOAPICTests {
  private func program(_ ioapic: inout IOAPIC, pin: Int, low: UInt64, high: UInt64 = 0, _ host: FakeServices) {
    ioapic.testWrite(0, UInt64(0x11 + pin * 2), width: 4, host)
    ioapic.testWrite(0x10, high, width: 4, host)
    ioapic.testWrite(0, UInt64(0x10 + pin * 2), width: 4, host)
    ioapic.testWrite(0x10, low, width: 4, host)
  }
  private func entry(_ ioapic: inout IOAPIC, pin: Int, _ host: FakeServices) -> UInt64 {
    ioapic.testWrite(0, UInt64(0x10 + pin * 2), width: 4, host)
    return ioapic.testRead(0x10, width: 4, host)
  }

  private func sent(_ host: FakeServices) -> [[UInt64]] { host.messages.map { [$0.address, UInt64($0.data)] } }

  @Test func versionAndIdentification() {
    let host = FakeServices()
    var ioapic = IOAPIC(id: 2)
    ioapic.reset(host)
    ioapic.testWrite(0, 1, width: 4, host)
    #expect(ioapic.testRead(0x10, width: 4, host) == 0x0017_0020)
    ioapic.testWrite(0, 0, width: 4, host)
    #expect(ioapic.testRead(0x10, width: 4, host) == 0x0200_0000)
    #expect(entry(&ioapic, pin: 23, host) == 0x1_0000)
    ioapic.testWrite(0, 0x40, width: 4, host)
    #expect(ioapic.testRead(0x10, width: 4, host) & 0xffff_ffff == 0xffff_ffff)
  }

  @Test func edgeSendsOnceARiseAndIsLostWhileMasked() {
    let host = FakeServices()
    var ioapic = IOAPIC()
    program(&ioapic, pin: 4, low: 0x934, high: 0x0300_0000, host)
    ioapic.lineChanged(4, true, host)
    ioapic.lineChanged(4, true, host)
    #expect(sent(host) == [[0xfee0_3004, 0x134]])
    ioapic.lineChanged(4, false, host)
    program(&ioapic, pin: 4, low: 0x1_0034, host)
    ioapic.lineChanged(4, true, host)
    program(&ioapic, pin: 4, low: 0x34, host)
    #expect(host.messages.count == 1)
  }

  @Test func levelWaitsForEndOfInterruptAndRepeatsWhileAsserted() {
    let host = FakeServices()
    var ioapic = IOAPIC()
    program(&ioapic, pin: 11, low: 0xa051, host)
    ioapic.lineChanged(11, true, host)
    ioapic.lineChanged(11, false, host)
    ioapic.lineChanged(11, true, host)
    #expect(sent(host) == [[0xfee0_0000, 0xc051]])
    #expect(entry(&ioapic, pin: 11, host) == 0xe051)
    ioapic.endOfInterrupt(vector: 0x50, host)
    #expect(host.messages.count == 1)
    ioapic.endOfInterrupt(vector: 0x51, host)
    #expect(host.messages.count == 2)
    ioapic.lineChanged(11, false, host)
    ioapic.testWrite(0x40, 0x51, width: 4, host)
    #expect(host.messages.count == 2)
    #expect(entry(&ioapic, pin: 11, host) == 0xa051)
  }

  @Test func unmaskingAnAssertedLevelInputSends() {
    let host = FakeServices()
    var ioapic = IOAPIC()
    program(&ioapic, pin: 9, low: 0x1_8061, host)
    ioapic.lineChanged(9, true, host)
    #expect(host.messages.isEmpty)
    program(&ioapic, pin: 9, low: 0x8061, host)
    #expect(host.messages.count == 1)
  }

  @Test func turningAPinToEdgeAndBackClearsRemoteIRR() {
    let host = FakeServices()
    var ioapic = IOAPIC()
    program(&ioapic, pin: 9, low: 0x8061, host)
    ioapic.lineChanged(9, true, host)
    ioapic.lineChanged(9, false, host)
    program(&ioapic, pin: 9, low: 0x1_0061, host)
    program(&ioapic, pin: 9, low: 0x8061, host)
    #expect(entry(&ioapic, pin: 9, host) & 0x4000 == 0)
  }
}
