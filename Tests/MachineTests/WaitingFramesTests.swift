import Base
import DeviceKit
import Devices
import Foundation
import GuestMemory
import StateFile
import Synchronization
import TestSupport
import Testing

@testable import HostNetwork
@testable import Machine

/// What is on its way between a card and its cable when a machine is saved is still on its way when it is back.
@Suite struct WaitingFramesTests {
  private static let card = MACAddress("08:00:27:00:00:01")
  /// For the card, told apart by its number.
  private static func frame(_ number: Int, to address: [UInt8] = card?.bytes ?? []) -> NetworkFrame {
    let head = address + [8, 0, 0x27, 0, 0, 9, 0x88, 0xb5]
    return NetworkFrame(head + [UInt8](repeating: UInt8(number), count: 86), isVerified: number % 2 == 0)
  }

  /// A machine that does nothing, with an e1000 whose cable leads to `attachment`.
  private static func configuration(
    _ folder: TemporaryFolder, _ attachment: MachineConfiguration.NetworkCard.Attachment = .null
  ) throws -> MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.memory = 16 << 20
    configuration.firmware = try folder.write("firmware", TinyFirmware.image(TinyFirmware.halt))
    configuration.network = [.init(attachment, model: .e1000)]
    configuration.network[0].mac = card
    configuration.network[0].bootROM = .none
    return configuration
  }
  /// Writes a register of the card, whose BAR is at E0000000h from the first call on.
  private static func set(_ machine: Machine, _ register: UInt64, _ value: UInt64) {
    for (place, content) in [(0x10, 0xe000_0000), (0x04, 6)] as [(UInt32, UInt32)] {
      machine.board.bus.portWrite(0xcf8, width: 4, 0x8000_0000 | UInt32(Board.firstNetworkPCISlot) << 11 | place)
      machine.board.bus.portWrite(0xcfc, width: 4, content)
    }
    machine.board.bus.memoryWrite(0xe000_0000 + register, width: 4, value)
  }
  /// CTRL.SLU, a ring of 64 buffers at 100000h (their descriptors at 80000h), receiver on; all buffers are the driver's.
  private static func setUp(_ machine: Machine) {
    for index in 0..<64 as Range<UInt64> {
      let address = 0x10_0000 + index * 2048
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: address >> ($0 * 8)) } + [UInt8](repeating: 0, count: 8)
      machine.memory.write(GuestPhysical(0x8_0000 + index * 16), bytes)
    }
    for (register, value) in [(0, 0x40), (0x2800, 0x8_0000), (0x2804, 0), (0x2808, 1024), (0x2810, 0), (0x2818, 0)] {
      set(machine, UInt64(register), UInt64(value))
    }
    set(machine, 0x100, 1 << 1)
  }
  private static func restored(_ configuration: MachineConfiguration, _ path: String) throws -> Machine {
    let saved = try SavedMachine(path)
    let machine = try Machine(configuration: configuration, saved: saved) { _ in }
    try machine.restore(saved)
    return machine
  }
  private static func wait(_ condition: () -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: 60)
    while !condition() {
      if Date() > deadline { return false }
      usleep(1000)
    }
    return true
  }

  @Test("frames that the guest has not taken reach it after the machine came back, and again after a second time")
  func inward() throws {
    let folder = try TemporaryFolder()
    let configuration = try WaitingFramesTests.configuration(folder)
    let machine = try Machine(configuration: configuration) { _ in }
    WaitingFramesTests.setUp(machine)
    let sent = (0..<20).map { WaitingFramesTests.frame($0) }
    machine.start()
    machine.network.cards[0].adapter.receive(sent)
    #expect(machine.network.cards[0].savedFrames() == sent)
    try machine.saveAndStop(to: folder.name("one"))
    // Saved again before the cable is in again: not started, or the time would have gone by.
    let second = try WaitingFramesTests.restored(configuration, folder.name("one"))
    #expect(second.network.cards[0].savedFrames() == sent)
    #expect(!second.network.cards[0].adapter.isLinkUp)
    // The driver gives its buffers; but nothing comes while the cable is out.
    WaitingFramesTests.set(second, 0x2818, 63)
    #expect(second.network.cards[0].savedFrames() == sent)
    second.start()
    #expect(WaitingFramesTests.wait { second.network.cards[0].savedFrames().isEmpty })
    second.pause()
    for (index, frame) in sent.enumerated() {
      let got = second.readMemory(physical: 0x10_0000 + UInt64(index) * 2048, count: frame.bytes.count)
      #expect(got == frame.bytes, "frame \(index)")
    }
    second.stop()
  }

  @Test("a snapshot keeps them, and they stay where they are") func snapshot() throws {
    let folder = try TemporaryFolder()
    let configuration = try WaitingFramesTests.configuration(folder)
    let machine = try Machine(configuration: configuration) { _ in }
    WaitingFramesTests.setUp(machine)
    let sent = (0..<5).map { WaitingFramesTests.frame($0) }
    machine.start()
    machine.network.cards[0].adapter.receive(sent)
    let done = Mutex<Result<SnapshotOutcome, MachineError>?>(nil)
    machine.takeSnapshot(to: folder.name("snapshot"), []) { _ in
    } completion: { result in
      done.withLock { $0 = result }
    }
    #expect(WaitingFramesTests.wait { done.withLock { $0 != nil } })
    #expect(machine.network.cards[0].savedFrames() == sent)
    machine.stop()
    let again = try WaitingFramesTests.restored(configuration, folder.name("snapshot"))
    #expect(again.network.cards[0].savedFrames() == sent)
    again.stop()
  }

  @Test("frames that limits keep back wait on, in both directions") func limits() throws {
    let folder = try TemporaryFolder()
    var configuration = try WaitingFramesTests.configuration(folder)
    // What is saved up lets the first few pass, as many as are in one frame of the largest size, and no more follow.
    let passing = NetworkFrame.limit / 1500
    configuration.network[0].bitsPerSecond = 8
    let machine = try Machine(configuration: configuration) { _ in }
    WaitingFramesTests.setUp(machine)
    machine.start()
    let adapter = machine.network.cards[0].adapter
    let large = (0..<100).map { number in
      NetworkFrame((WaitingFramesTests.card?.bytes ?? []) + [UInt8](repeating: UInt8(number), count: 1494))
    }
    adapter.receive(large)
    for frame in large { adapter.transmit(frame) }
    #expect(WaitingFramesTests.wait { adapter.keptFrames.outward.count == 100 - passing })
    try machine.saveAndStop(to: folder.name("state"))
    let second = try WaitingFramesTests.restored(configuration, folder.name("state"))
    #expect(second.network.cards[0].savedFrames() == large)
    // The limit counts from new; of those that it kept back then as many pass now, in their order.
    let again = second.network.cards[0].adapter
    #expect(WaitingFramesTests.wait { again.keptFrames.outward.count == 100 - 2 * passing })
    #expect(again.keptFrames.outward == Array(large.suffix(100 - 2 * passing)))
    second.stop()
  }

  @Test("a machine whose cable was out has none, and hears what comes when it is plugged in") func unplugged() throws {
    let folder = try TemporaryFolder()
    let configuration = try WaitingFramesTests.configuration(folder)
    let machine = try Machine(configuration: configuration) { _ in }
    WaitingFramesTests.setUp(machine)
    machine.start()
    try machine.setLink(card: "nic0", isUp: false)
    machine.network.cards[0].adapter.receive([WaitingFramesTests.frame(1)])
    try machine.saveAndStop(to: folder.name("state"))
    let second = try WaitingFramesTests.restored(configuration, folder.name("state"))
    #expect(second.network.cards[0].savedFrames() == [])
    // In by hand, before its time.
    try second.setLink(card: "nic0", isUp: true)
    WaitingFramesTests.set(second, 0x2818, 63)
    second.network.cards[0].adapter.receive([WaitingFramesTests.frame(2)])
    #expect(second.readMemory(physical: 0x10_0000, count: 20) == Array(WaitingFramesTests.frame(2).bytes.prefix(20)))
    second.stop()
  }

  @Test func hostileFramesAreRefused() throws {
    var waiting = WaitingFrames()
    waiting.inward = [.init(NetworkFrame([UInt8](repeating: 0, count: NetworkFrame.limit + 1)))]
    let bytes = StateWriter.encode(waiting)
    #expect(throws: StateError.self) { let _: WaitingFrames = try StateReader.decode(bytes) }
  }
}
