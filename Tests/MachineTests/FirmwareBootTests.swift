import Base
import Foundation
import Synchronization
import Testing

@testable import Machine

/// Collects what a machine says; polls are by short sleeps, because the guest runs in real time.
final class Listener: Sendable {
  private let text = Mutex<[UInt8]>([])
  private let seen = Mutex<[MachineEvent]>([])
  func take(_ event: MachineEvent) {
    switch event {
    case .debugOutput(let bytes): text.withLock { $0 += bytes }
    default: seen.withLock { $0.append(event) }
    }
  }
  var debugText: String { text.withLock { String(decoding: $0, as: UTF8.self) } }
  var events: [MachineEvent] { seen.withLock { $0 } }

  func wait(seconds: Double, for condition: () -> Bool) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if condition() { return true }
      usleep(10_000)
    }
    return condition()
  }
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: FirmwareImage.defaultPath)), .serialized)
struct FirmwareBootTests {
  private static func configuration(memory: UInt64 = 32 << 20) -> MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.memory = memory
    configuration.serial = []
    configuration.debugConsole = .stdio
    return configuration
  }

  @Test func seabiosReachesItsNoBootableDeviceMessageOnTheScreen() throws {
    let listener = Listener()
    let machine = try Machine(configuration: FirmwareBootTests.configuration()) { listener.take($0) }
    machine.start()
    let reached = listener.wait(seconds: 120) {
      machine.textScreen()?.contains("No bootable device") == true
    }
    #expect(reached, "\(listener.debugText) \(machine.status.text)")
    #expect(listener.debugText.contains("No bootable device"))
    #expect(listener.debugText.contains("via xsdt"), "the ACPI tables were not found")
    #expect(machine.status["state"]?.string == "running")

    machine.pause()
    let frozen = machine.status["guestNanoseconds"]?.integer
    usleep(50_000)
    #expect(machine.state == .paused)
    #expect(machine.status["guestNanoseconds"]?.integer == frozen)
    machine.resume()

    machine.stop()
    #expect(machine.waitUntilStopped() == .requested)
    #expect(machine.readMemory(physical: 0xfffffff0, count: 1) == [0xea])
  }

  /// A flat Multiboot kernel at 2 MiB: says K on the debug console when entered as the specification says, then does
  /// what `ending` says.
  private static func kernel(_ ending: [UInt8]) throws -> String {
    var image = ByteBuilder()
    for word in [0x1bad_b002, 0x10003, 0 &- (0x1bad_b002 &+ 0x10003)] as [UInt32] { image.append(word) }
    for word in [0x20_0000, 0x20_0000, 0, 0, 0x20_0020] as [UInt32] { image.append(word) }
    image.bytes += [0x3d, 0x02, 0xb0, 0xad, 0x2b]  // cmp eax, 2BADB002h
    image.bytes += [0x75, 0x06]  // jne past the output
    image.bytes += [0x66, 0xba, 0x02, 0x04, 0xb0, 0x4b]  // mov dx, 402h; mov al, 'K'
    image.bytes += [0xee] + ending  // out dx, al
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("ringbox-\(UUID()).bin").path
    try Data(image.bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func multibootKernelRunsAndSwitchesTheMachineOff() throws {
    // mov dx, 604h; mov ax, 2000h (SLP_EN, S5); out dx, ax; hlt
    let path = try FirmwareBootTests.kernel([0x66, 0xba, 4, 6, 0x66, 0xb8, 0, 0x20, 0x66, 0xef, 0xf4])
    defer { unlink(path) }
    var configuration = FirmwareBootTests.configuration()
    configuration.kernel = path
    configuration.append = "hello"
    let listener = Listener()
    let machine = try Machine(configuration: configuration) { listener.take($0) }
    machine.start()
    #expect(listener.wait(seconds: 120) { machine.state == .stopped }, "\(listener.debugText)")
    #expect(listener.debugText.hasSuffix("K"))
    #expect(machine.stopReason == .powerOff("ACPI S5"))
    machine.stop()
  }

  @Test func tripleFaultEndsTheMachineWhenAsked() throws {
    // lidt of an empty table (its six bytes follow the code); int 3
    let path = try FirmwareBootTests.kernel([0x0f, 0x01, 0x1d, 0x37, 0x00, 0x20, 0x00, 0xcc, 0, 0, 0, 0, 0, 0, 0])
    defer { unlink(path) }
    var configuration = FirmwareBootTests.configuration()
    configuration.kernel = path
    configuration.exitOn.tripleFault = true
    let listener = Listener()
    let machine = try Machine(configuration: configuration) { listener.take($0) }
    machine.start()
    #expect(listener.wait(seconds: 120) { machine.state == .stopped }, "\(listener.debugText)")
    #expect(machine.stopReason == .tripleFault(cpu: 0))
  }
}
