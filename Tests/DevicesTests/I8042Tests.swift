import Base
import DeviceConformance
import DeviceKit
import Synchronization
import Testing

@testable import Devices

@Suite struct I8042Tests {
  private func command(_ device: inout I8042, _ bytes: UInt64..., host: FakeServices) {
    device.testWrite(0, bytes[0], region: 1, host)
    for byte in bytes.dropFirst() { device.testWrite(0, byte, host) }
  }
  private func drain(_ device: inout I8042, _ host: FakeServices) -> [UInt64] {
    var bytes: [UInt64] = []
    while device.testRead(0, region: 1, host) & 1 != 0, bytes.count < 200 { bytes.append(device.testRead(0, host)) }
    return bytes
  }
  private func mouse(_ device: inout I8042, _ bytes: [UInt64], _ host: FakeServices) -> [UInt64] {
    var answers: [UInt64] = []
    for byte in bytes {
      command(&device, 0xd4, byte, host: host)
      answers += drain(&device, host)
    }
    return answers
  }

  @Test func selfTestsAndCommandByte() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    command(&device, 0xaa, host: host)
    #expect(drain(&device, host) == [0x55])
    #expect(device.testRead(0, region: 1, host) & 4 == 4)
    command(&device, 0xab, host: host)
    command(&device, 0xa9, host: host)
    #expect(drain(&device, host) == [0, 0])
    command(&device, 0x60, 0x30, host: host)
    command(&device, 0x20, host: host)
    #expect(drain(&device, host) == [0x30])
  }

  @Test func keysComeTranslatedWithOneInterruptEach() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    host.clearRecords()
    // A; cursor up; F7; Pause.
    let strokes: [UInt8] = [0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8, 0x41, 0xc1, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]
    device.keyboardInput(strokes, host)
    #expect(host.level(0))
    #expect(drain(&device, host) == strokes.map(UInt64.init))
    #expect(host.risingEdges(0) == strokes.count)
    #expect(!host.level(0))
  }

  @Test func untranslatedKeysAreSet2AndSet3() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    command(&device, 0x60, 0x00, host: host)
    device.keyboardInput([0x1e, 0x9e, 0xe0, 0x48, 0x41], host)
    #expect(drain(&device, host) == [0x1c, 0xf0, 0x1c, 0xe0, 0x75, 0x83])
    #expect(!host.level(0))
    device.testWrite(0, 0xf0, host)
    device.testWrite(0, 3, host)
    #expect(drain(&device, host) == [0xfa, 0xfa])
    device.keyboardInput([0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8], host)
    #expect(drain(&device, host) == [0x1c, 0xf0, 0x1c, 0x63, 0xf0, 0x63])
  }

  @Test func translationIsABijection() {
    for set1 in UInt8(0)..<0x80 {
      #expect(ScanCodes.translated(ScanCodes.set2OfSet1[Int(set1)]) == set1)
    }
  }

  @Test func keyboardCommands() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    var answers: [[UInt64]] = []
    for bytes: [UInt64] in [[0xff], [0xf2], [0xed, 5], [0xee], [0xf3, 0x20], [0xf0, 0], [0x99], [0xf5]] {
      for byte in bytes { device.testWrite(0, byte, host) }
      answers.append(drain(&device, host))
    }
    #expect(
      answers == [
        [0xfa, 0xaa], [0xfa, 0xab, 0x41], [0xfa, 0xfa], [0xee], [0xfa, 0xfa], [0xfa, 0xfa, 0x41], [0xfe], [0xfa],
      ])
    #expect(device.leds == [.scroll, .caps])
    device.keyboardInput([0x1e], host)
    #expect(drain(&device, host) == [])
  }

  @Test func changesOfTheLightsAreTold() {
    let host = FakeServices()
    let told = Mutex<[KeyboardLEDs]>([])
    var device = I8042(ledsChanged: { lights in told.withLock { $0.append(lights) } })
    device.reset(host)
    for byte: UInt64 in [0xed, 4, 0xed, 4, 0xed, 2] { device.testWrite(0, byte, host) }
    #expect(told.withLock { $0 } == [.caps, .num])
    // A reset puts them out, a saved state lights them again.
    let saved = device.state
    device.reset(host)
    device.state = saved
    device.stateRestored(host)
    #expect(told.withLock { $0 } == [.caps, .num, [], .num])
  }

  @Test func mouseReportsMotionWithSignsAndButtons() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    #expect(mouse(&device, [0xff, 0xf2, 0xf4], host) == [0xfa, 0xaa, 0, 0xfa, 0, 0xfa])
    host.clearRecords()
    device.mouseInput(dx: -3, dy: 5, dz: 0, buttons: 1, host)
    #expect(host.level(1) && device.testRead(0, region: 1, host) & 0x20 != 0)
    #expect(drain(&device, host) == [0x39, 0xfd, 0xfb])
    // A long way while the guest is slow comes in several packets.
    device.mouseInput(dx: 200, dy: 0, dz: 0, buttons: 0, host)
    device.mouseInput(dx: 200, dy: 0, dz: 0, buttons: 0, host)
    #expect(drain(&device, host) == [0x08, 200, 0, 0x08, 200, 0])
  }

  @Test func theKnockTurnsOnWheelAndThenFiveButtons() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    #expect(mouse(&device, [0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2], host).last == 3)
    #expect(mouse(&device, [0xf3, 200, 0xf3, 200, 0xf3, 80, 0xf2], host).last == 4)
    _ = mouse(&device, [0xf4], host)
    device.mouseInput(dx: 1, dy: 0, dz: -1, buttons: 0x10, host)
    #expect(drain(&device, host) == [0x08, 1, 0, 0x2f])
    #expect(mouse(&device, [0xf6, 0xf0, 0xeb], host).count == 7)
  }

  @Test func a20AndResetLines() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    host.clearRecords()
    command(&device, 0xd1, 0xdd, host: host)
    command(&device, 0xdf, host: host)
    command(&device, 0xfe, host: host)
    #expect(
      host.takeRequests() == [.a20(enabled: false), .a20(enabled: true), .reset(reason: "8042 pulse command")])
    #expect(device.isA20Enabled)
  }

  @Test func disabledInterfacesHoldTheirBytes() {
    let host = FakeServices()
    var device = I8042()
    device.reset(host)
    command(&device, 0xad, host: host)
    device.keyboardInput([0x1e], host)
    #expect(drain(&device, host) == [])
    command(&device, 0xae, host: host)
    #expect(drain(&device, host) == [0x1e])
    for _ in 0..<1000 { device.keyboardInput([0x1e, 0x9e], host) }
    #expect(device.state.keyboard.keys.count <= PS2Keyboard.queueLimit)
  }
}
