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

@Suite struct FirmwareBootTests {
  @Test(.enabled(if: FileManager.default.fileExists(atPath: FirmwareImage.defaultPath)))
  func seabiosReachesItsNoBootableDeviceMessage() throws {
    let listener = Listener()
    var configuration = MachineConfiguration()
    configuration.memory = 64 << 20
    configuration.serial = []
    configuration.debugConsole = .stdio
    let machine = try Machine(configuration: configuration) { listener.take($0) }
    machine.start()
    let reached = listener.wait(seconds: 60) { listener.debugText.contains("No bootable device") }
    if !reached { print(listener.debugText, machine.status.text, listener.events) }
    if ProcessInfo.processInfo.environment["SHOW"] != nil { print(listener.debugText, machine.status.text) }
    #expect(reached)
    machine.stop()
    #expect(machine.waitUntilStopped() == .requested)
  }
}
