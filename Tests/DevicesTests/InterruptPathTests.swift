import Base
import DeviceKit
import Synchronization
import Testing

@testable import Devices

/// An I/O APIC in its slot, a bus and local APICs on a timer queue: the whole path of an interrupt.
@Suite struct InterruptPathTests {
  private final class NoRAM: DMASpace {
    func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8] { [UInt8](repeating: 0xff, count: count) }
    func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8]) {}
  }
  private final class Board: Sendable {
    let clock = VirtualClock(manualWithWallSeconds: 0)
    let timers: TimerQueue
    let apic: LocalAPIC
    let bus: APICBus
    let ioapic: DeviceSlot<IOAPIC>
    let io = IOBus()

    init() throws {
      timers = TimerQueue(clock: clock)
      let apicClock = QueuedAPICClock(clock: clock, timers: timers) { VirtualTime(nanoseconds: Int64(clamping: $0)) }
      apic = LocalAPIC(id: 0, isBootProcessor: true, clock: apicClock)
      apicClock.connect(apic)
      let link = SlotLink()
      let bus = APICBus([apic]) { vector in
        link.slot.withLock { $0 }?.withDevice { device, host in device.endOfInterrupt(vector: vector, host) }
      }
      self.bus = bus
      ioapic = try DeviceSlot(
        IOAPIC(),
        machine: MachineServices(
          bus: io, clock: clock, timers: timers, dma: NoRAM(), request: { _ in },
          messageInterrupt: { bus.messageInterrupt(address: $0, data: $1) }))
      try ioapic.start()
      link.slot.withLock { $0 = ioapic }
      apic.write(offset: 0xf0, width: 4, 0x1ff)
    }
    final class SlotLink: Sendable { let slot = Mutex<DeviceSlot<IOAPIC>?>(nil) }
  }

  @Test func levelInterruptRepeatsThroughTheGuestsEOI() throws {
    let board = try Board()
    board.io.memoryWrite(0xfec0_0000, width: 4, 0x10 + 2 * 16)
    board.io.memoryWrite(0xfec0_0010, width: 4, 0x8061)
    board.ioapic.setInput(16, true)
    #expect(board.apic.acknowledge() == 0x61)
    #expect(board.apic.pendingVector() == nil)
    board.apic.eoi()
    #expect(board.apic.acknowledge() == 0x61)
    board.ioapic.setInput(16, false)
    board.apic.eoi()
    #expect(board.apic.pendingVector() == nil)
  }

  @Test func edgeWaitsInTheLocalAPICUntilTheProcessorTakesIt() throws {
    let board = try Board()
    func message() -> InterruptMessage? { board.ioapic.withDevice { device, _ in device.message(ofPin: 2) } ?? nil }
    #expect(message() == nil)
    board.io.memoryWrite(0xfec0_0000, width: 4, 0x10 + 2 * 2)
    board.io.memoryWrite(0xfec0_0010, width: 4, 0x0030)
    let edge = try #require(message())
    #expect(!board.bus.isWaiting(edge))
    board.ioapic.setInput(2, true)
    #expect(board.bus.isWaiting(edge))
    #expect(board.apic.acknowledge() == 0x30)
    #expect(!board.bus.isWaiting(edge))
  }

  @Test func timerOnTheQueueInterrupts() throws {
    let board = try Board()
    board.apic.write(offset: 0x320, width: 4, 0x2_0040)
    board.apic.write(offset: 0x3e0, width: 4, 0xb)
    board.apic.write(offset: 0x380, width: 4, 1_000_000)
    #expect(board.timers.advance(to: VirtualTime(nanoseconds: 999_999)) == 0)
    #expect(board.timers.advance(to: VirtualTime(nanoseconds: 3_000_000)) == 3)
    #expect(board.apic.acknowledge() == 0x40)
    board.apic.write(offset: 0x380, width: 4, 0)
    #expect(board.timers.nextDeadline == nil)
  }

  /// Senders, an EOI-ing processor and register writes at once: nothing is lost and nothing waits for ever.
  @Test func crossTrafficNeitherDeadlocksNorLosesTheLine() async throws {
    let board = try Board()
    board.io.memoryWrite(0xfec0_0000, width: 4, 0x10 + 2 * 16)
    board.io.memoryWrite(0xfec0_0010, width: 4, 0x8061)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for _ in 0..<500 { board.ioapic.setInput(16, true); board.ioapic.setInput(16, false) } }
      group.addTask { for _ in 0..<500 { board.bus.messageInterrupt(address: 0xfee0_0000, data: 0x71) } }
      group.addTask { for _ in 0..<500 where board.apic.acknowledge() != nil { board.apic.eoi() } }
    }
    board.ioapic.setInput(16, true)
    while board.apic.acknowledge() != nil, board.apic.read(offset: 0x130, width: 4) & 2 == 0 { board.apic.eoi() }
    #expect(board.apic.read(offset: 0x130, width: 4) & 2 == 2)
  }
}
