import Base
import DeviceConformance
import DeviceKit
import Devices
import Testing

extension PCIDevice {
  /// What the slot does for a guest's configuration write.
  mutating func testConfig(_ offset: Int, _ value: UInt32, width: Int = 1, _ host: FakeServices) {
    config.write(offset, value, width: width)
    mapBARs(host)
    configWritten(offset, width: width, host)
  }
}

@Suite("i440fx") struct I440FXTests {
  @Test func pamChangesReachTheMachine() {
    let host = FakeServices()
    var bridge = I440FX()
    bridge.reset(host)
    #expect(host.takeRequests().count == 13)
    bridge.testConfig(0x59, 0xff, host)
    #expect(host.takeRequests() == [.shadow(base: 0xf0000, size: 0x10000, readable: true, writable: true)])
    bridge.testConfig(0x5a, 0x0000_1200, width: 4, host)
    let requests = host.takeRequests()
    #expect(requests.count == 8)
    #expect(requests.contains(.shadow(base: 0xc8000, size: 0x4000, readable: false, writable: true)))
    #expect(requests.contains(.shadow(base: 0xcc000, size: 0x4000, readable: true, writable: false)))
    #expect(bridge.config.read(0x59, width: 1) == 0x30)
  }

  @Test func smramLocks() {
    let host = FakeServices()
    var bridge = I440FX()
    bridge.reset(host)
    bridge.testConfig(0x72, 0x4a, host)
    #expect(bridge.config.read(0x72, width: 1) == 0x4a)
    bridge.testConfig(0x72, 0x5a, host)
    bridge.testConfig(0x72, 0x4a, host)
    #expect(bridge.config.read(0x72, width: 1) == 0x1a)
    bridge.reset(host)
    bridge.testConfig(0x72, 0x4a, host)
    #expect(bridge.config.read(0x72, width: 1) == 0x4a)
  }

  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(make: { I440FX() }, seeds: 50)
    #expect(violations.isEmpty, "\(violations)")
  }
}

@Suite("piix3") struct PIIX3Tests {
  @Test func pirqsFollowTheirRoutesAndShareLines() {
    let host = FakeServices()
    var bridge = PIIX3()
    bridge.reset(host)
    bridge.lineChanged(0, true, host)
    #expect(host.edges.isEmpty)
    bridge.testConfig(0x60, 0x0b0a_0b0a, width: 4, host)
    #expect(host.level(10) && !host.level(11))
    bridge.lineChanged(2, true, host)
    bridge.lineChanged(0, false, host)
    #expect(host.level(10))
    bridge.testConfig(0x62, 0x80, host)
    #expect(!host.level(10))
    bridge.testConfig(0x62, 0x0d, host)
    #expect(!host.level(13))
    bridge.testConfig(0x62, 0x05, host)
    #expect(host.level(5))
  }

  @Test func resetControlRegisterResets() {
    let host = FakeServices()
    var bridge = PIIX3()
    bridge.reset(host)
    bridge.testWrite(0, 0x02, host)
    #expect(host.takeRequests().isEmpty)
    #expect(bridge.testRead(0, host) == 2)
    bridge.testWrite(0, 0x06, host)
    #expect(host.takeRequests().count == 1)
  }

  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(make: { PIIX3() }, seeds: 100)
    #expect(violations.isEmpty, "\(violations)")
  }
}

@Suite("port 92h") struct Port92Tests {
  @Test func gateAndResetReachTheMachine() {
    let host = FakeServices()
    var port = Port92()
    port.reset(host)
    _ = host.takeRequests()
    port.testWrite(0, 0, host)
    #expect(port.testRead(0, host) == 0)
    port.testWrite(0, 3, host)
    #expect(port.testRead(0, host) == 2)
    #expect(host.takeRequests() == [.a20(enabled: false), .a20(enabled: true), .reset(reason: "port 92h")])
  }
  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(make: { Port92() }, seeds: 50)
    #expect(violations.isEmpty, "\(violations)")
  }
}

@Suite("piix4pm") struct PIIX4PMTests {
  let host = FakeServices()

  /// As firmware leaves it: blocks mapped, ACPI on.
  func makePM() -> PIIX4PM {
    var pm = PIIX4PM()
    pm.reset(host)
    pm.testConfig(0x40, 0x601, width: 4, host)
    pm.testConfig(0x80, 1, host)
    pm.testConfig(0x90, 0x701, width: 4, host)
    pm.testConfig(0xd2, 9, host)
    pm.testWrite(0, 0xf1, region: 2, host)
    return pm
  }

  @Test func blocksAppearWhereFirmwarePutsThem() {
    var pm = makePM()
    #expect(host.mapped == [0: 0x600, 1: 0x700])
    #expect(pm.testRead(4, width: 2, host) == 1)
    pm.testConfig(0x80, 0, host)
    #expect(host.mapped[0] == nil)
    pm.testWrite(0, 0xf0, region: 2, host)
    #expect(pm.testRead(4, width: 2, host) == 0)
  }

  @Test func timerCountsAndItsOverflowInterrupts() {
    var pm = makePM()
    host.advance(&pm, by: 1_000_000_000)
    #expect(pm.testRead(8, width: 4, host) == 3_579_545)
    pm.testWrite(2, 1, width: 2, host)
    host.advance(&pm, by: 1_343_000_000)
    #expect(!host.level(0))
    host.advance(&pm, by: 1_000_000)
    #expect(host.level(0))
    #expect(pm.testRead(0, width: 2, host) == 1)
    pm.testWrite(0, 1, width: 2, host)
    #expect(!host.level(0))
    host.advance(&pm, by: 2_344_000_000)
    #expect(host.level(0))
    host.advance(&pm, by: 1_000_000_000)
    #expect(pm.testRead(8, width: 4, host) < 1 << 24)
  }

  @Test func powerButtonAndGPEsRaiseSCI() {
    var pm = makePM()
    pm.pressPowerButton(host)
    #expect(!host.level(0))
    pm.testWrite(2, 0x100, width: 2, host)
    #expect(host.level(0))
    pm.testWrite(1, 0x01, host)
    #expect(!host.level(0))
    pm.lineChanged(2 + 4, true, host)
    pm.testWrite(2, 0x10, region: 3, width: 2, host)
    #expect(host.level(0))
    #expect(pm.testRead(0x0c, width: 2, host) == 0x10)
    pm.testWrite(0, 0xffff, region: 3, width: 2, host)
    #expect(!host.level(0))
  }

  @Test func sleepTypeZeroPowersOffAndOthersAreRefused() {
    var pm = makePM()
    pm.testWrite(4, 0x2401, width: 2, host)
    #expect(host.takeRequests().isEmpty)
    #expect(pm.testRead(4, width: 2, host) == 0x401)
    pm.testWrite(4, 0x2001, width: 2, host)
    #expect(host.takeRequests() == [.powerOff(reason: "ACPI S5")])
    pm.testWrite(5, 0x20, host)
    #expect(host.takeRequests() == [.powerOff(reason: "ACPI S5")])
  }

  @Test func smbusTransactionsFindNoDevice() {
    var pm = makePM()
    pm.testWrite(4, 0xa1, region: 1, host)
    pm.testWrite(2, 0x48, region: 1, host)
    #expect(pm.testRead(0, region: 1, host) == 4)
    pm.testWrite(0, 0x1e, region: 1, host)
    #expect(pm.testRead(0, region: 1, host) == 0)
  }

  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(make: { PIIX4PM() })
    #expect(violations.isEmpty, "\(violations)")
  }
}
