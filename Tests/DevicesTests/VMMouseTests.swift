import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite("vmmouse") struct VMMouseTests {
  private let host = FakeServices()
  private func made() -> VMMouse {
    var device = VMMouse()
    device.reset(host)
    return device
  }
  private func call(_ device: inout VMMouse, _ command: UInt32, _ parameter: UInt32 = 0) -> VMMouse.Registers {
    device.call(.init(eax: 0x564d_5868, ebx: parameter, ecx: command, edx: 0x5658), host)
  }
  /// As Linux's driver starts.
  private func enable(_ device: inout VMMouse, absolute: Bool = true) {
    _ = call(&device, 41, 0x4541_4552)
    #expect(call(&device, 40).eax == 1 && call(&device, 39, 1).eax == 0x3442_554a)
    _ = call(&device, 41, absolute ? 0x5342_4152 : 0x4c45_5252)
  }

  @Test func theVersionIsToldToThoseWhoKnowTheWord() {
    var device = made()
    let answer = call(&device, 10)
    #expect(answer.ebx == 0x564d_5868 && answer.eax != .max)
    #expect(device.call(.init(eax: 1, ebx: 2, ecx: 10, edx: 3), host) == .init(eax: .max, ebx: 2, ecx: 10, edx: 3))
    #expect(call(&device, 30).eax == .max)
  }

  @Test func untilTheDriverListensTheMouseIsAnOrdinaryOne() {
    var device = made()
    #expect(call(&device, 40).eax == 0xffff_0000)
    #expect(!device.move(PointerMotion(place: .init(x: 1, y: 2)), host) && !device.isAbsolute)
    enable(&device)
    #expect(device.isAbsolute && device.move(PointerMotion(place: .init(x: 1, y: 2)), host))
    _ = call(&device, 41, 0xf5)
    #expect(!device.isAbsolute && call(&device, 40).eax == 0xffff_0000)
  }

  @Test func placesButtonsAndWheelAreQueuedAndAnnounced() {
    var device = made()
    enable(&device)
    host.clearRecords()
    _ = device.move(PointerMotion(place: .init(x: 100, y: 65535), buttons: 1), host)
    _ = device.move(PointerMotion(place: .init(x: 7, y: 8), dz: -1, buttons: 6), host)
    #expect(host.risingEdges(0) == 2 && !host.level(0))
    #expect(call(&device, 40).eax == 8)
    #expect(call(&device, 39, 4) == .init(eax: 0x20, ebx: 100, ecx: 65535, edx: 0))
    #expect(call(&device, 39, 4) == .init(eax: 0x18, ebx: 7, ecx: 8, edx: 0xff))
    #expect(call(&device, 40).eax == 0)
  }

  @Test func distancesComeAsSuchAndGrowUpwards() {
    var device = made()
    enable(&device)
    _ = device.move(PointerMotion(dx: -3, dy: 5), host)
    #expect(
      call(&device, 39, 4) == .init(eax: 0x1_0000, ebx: UInt32(bitPattern: -3), ecx: UInt32(bitPattern: -5), edx: 0))
    enable(&device, absolute: false)
    _ = device.move(PointerMotion(place: .init(x: 9, y: 9), dx: .max, dy: .min), host)
    #expect(call(&device, 39, 4) == .init(eax: 0x1_0000, ebx: 0x7fff, ecx: 0x7fff, edx: 0))
  }

  @Test func aGuestThatDoesNotReadFindsTheLastPlaceAndEveryClick() {
    var device = made()
    enable(&device)
    for x in 0..<1000 { _ = device.move(PointerMotion(place: .init(x: UInt16(x), y: 0)), host) }
    #expect(call(&device, 40).eax == 4)
    for x in 0..<1000 {
      _ = device.move(PointerMotion(place: .init(x: UInt16(x), y: 1), buttons: UInt8(x & 1)), host)
    }
    #expect(call(&device, 40).eax == UInt32(VMMouse.packetLimit * 4))
    var last = VMMouse.Registers(eax: 0, ebx: 0, ecx: 0, edx: 0)
    for _ in 0..<VMMouse.packetLimit { last = call(&device, 39, 4) }
    #expect(last == .init(eax: 0x20, ebx: 999, ecx: 1, edx: 0))
  }

  @Test func wrongCountsSwitchItOff() {
    for count in [0, 2, 5, 0xffff] as [UInt32] {
      var device = made()
      _ = call(&device, 41, 0x4541_4552)
      #expect(call(&device, 39, count).eax == 0xffff_0000, "\(count)")
      #expect(call(&device, 40).eax == 0xffff_0000)
    }
  }

  @Test func anyCallsLeaveItLawful() {
    var device = made()
    var random = SeededGenerator(seed: 5)
    let commands: [UInt32] = [10, 39, 40, 41, 86, 0, .max]
    let parameters: [UInt32] = [0, 1, 2, 3, 4, 5, 0x4541_4552, 0x5342_4152, 0x4c45_5252, 0xf5, .max]
    for step in 0..<20_000 {
      _ = call(&device, commands.randomElement(using: &random) ?? 0, parameters.randomElement(using: &random) ?? 0)
      if step % 3 == 0 { _ = device.move(PointerMotion(place: .init(x: 5, y: 6), buttons: UInt8(step & 7)), host) }
      #expect(device.state.queue.count <= VMMouse.packetLimit * 4)
    }
    #expect(DeviceConformance.check(make: { VMMouse() }, seeds: 20) == [])
  }

  @Test func theStateComesBack() throws {
    var device = made()
    enable(&device)
    _ = device.move(PointerMotion(place: .init(x: 100, y: 200), buttons: 2), host)
    var other = made()
    other.state = try StateReader.decode(StateWriter.encode(device.state))
    #expect(other.isAbsolute && call(&other, 39, 4) == .init(eax: 0x10, ebx: 100, ecx: 200, edx: 0))
  }

  @Test func newsMakeThePS2MouseSendAPacket() {
    var keyboard = I8042()
    keyboard.reset(host)
    func drain() -> [UInt64] {
      var bytes: [UInt64] = []
      while keyboard.testRead(0, region: 1, host) & 1 != 0, bytes.count < 50 {
        bytes.append(keyboard.testRead(0, host))
      }
      return bytes
    }
    // A mouse that is off has nobody to tell.
    keyboard.lineChanged(0, true, host)
    #expect(drain() == [])
    keyboard.testWrite(0, 0xd4, region: 1, host)
    keyboard.testWrite(0, 0xf4, host)
    #expect(drain() == [0xfa])
    for _ in 0..<3 {
      keyboard.lineChanged(0, true, host)
      keyboard.lineChanged(0, false, host)
    }
    // One is enough for all that is behind it, and one more for what came while it was on its way.
    #expect([[8, 0, 0], [8, 0, 0, 8, 0, 0]].contains(drain()))
    #expect(drain() == [])
  }

  @Test func placesAreOfTheWholeScreen() {
    #expect(PointerMotion.Place(x: 0, y: 479, width: 640, height: 480) == .init(x: 0, y: 65535))
    #expect(PointerMotion.Place(x: 639, y: 0, width: 640, height: 480) == .init(x: 65535, y: 0))
    #expect(PointerMotion.Place(x: -5, y: 9000, width: 640, height: 480) == .init(x: 0, y: 65535))
    #expect(PointerMotion.Place(x: 3, y: 3, width: 1, height: 0) == .init(x: 0, y: 0))
  }
}
