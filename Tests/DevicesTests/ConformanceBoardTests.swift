import Base
import DeviceKit
import Devices
import HostSystem
import Synchronization
import Testing

/// The interrupt paths of a board, wired as a machine does it.
@Suite("Board wiring") struct BoardTests {
  @Test func timerAndPCIInterruptsReachTheProcessorAsVectors() throws {
    let bus = IOBus()
    let clock = VirtualClock(manualWithWallSeconds: 0)
    let timers = TimerQueue(clock: clock)
    let requests = Mutex<[MachineRequest]>([])
    let machine = MachineServices(
      bus: bus, clock: clock, timers: timers, dma: NoRAM(), request: { made in requests.withLock { $0.append(made) } })
    let pic = try DeviceSlot(I8259A(), machine: machine)
    let pit = try DeviceSlot(I8254(), machine: machine)
    let piix3 = try DeviceSlot(PIIX3(), machine: machine)
    let card = try DeviceSlot(Loopback(), machine: machine)
    let pci = try PCIBus(bus)
    let lines = (0..<16).map { _ in SharedLine() }
    for (irq, line) in lines.enumerated() {
      line.connect(to: pic.input(irq))
      piix3.connect(output: irq, to: line.source())
    }
    pit.connect(output: "out0", to: lines[0].source())
    for (pirq, line) in pci.interruptLines.enumerated() { line.connect(to: piix3.input(pirq)) }
    #expect(pci.plug(piix3, device: 1))
    #expect(pci.plug(card, device: 3, interruptOutput: "intx"))
    pci.setResetControl(piix3)
    let components: [any MachineComponent] = [pci, pic, pit, piix3, card]
    for component in components { try component.start() }
    let intr = Atomic<Bool>(false)
    let setINTR: @Sendable (Bool) -> Void = { intr.store($0, ordering: .relaxed) }
    pic.connect(output: "intr", to: setINTR)
    func isAsking() -> Bool { intr.load(ordering: .relaxed) }

    for (port, words) in [(0x20, [0x11, 0x20, 4, 1, 0]), (0xa0, [0x11, 0x28, 2, 1, 0])] as [(UInt16, [UInt32])] {
      bus.portWrite(port, width: 1, words[0])
      for word in words.dropFirst() { bus.portWrite(port + 1, width: 1, word) }
    }
    bus.portWrite(0x43, width: 1, 0x34)
    bus.portWrite(0x40, width: 1, 0xa9)
    bus.portWrite(0x40, width: 1, 4)
    // Programming OUT high is an edge of its own.
    #expect(pic.withDevice { device, host in device.acknowledge(host) } == 0x20)
    bus.portWrite(0x20, width: 1, 0x20)
    #expect(!isAsking())
    timers.advance(to: VirtualTime(nanoseconds: 1_000_000))
    #expect(isAsking())
    #expect(pic.withDevice { device, host in device.acknowledge(host) } == 0x20)
    bus.portWrite(0x20, width: 1, 0x20)

    bus.portWrite(0xcf8, width: 4, 0x8000_0860)
    bus.portWrite(0xcfc, width: 4, 0x0b0b_0b0b)
    bus.portWrite(0x4d1, width: 1, 0x08)
    card.write(region: 0, offset: 0, width: 1, value: 1)
    #expect(pic.withDevice { device, host in device.acknowledge(host) } == 0x2b)
    card.write(region: 0, offset: 0, width: 1, value: 0)
    bus.portWrite(0xa0, width: 1, 0x20)
    bus.portWrite(0x20, width: 1, 0x20)
    #expect(!isAsking())
    bus.portWrite(0xcf9, width: 1, 6)
    #expect(requests.withLock { $0 } == [.reset(reason: "reset control register CF9h")])
    timers.stop()
  }

  @Test func accessesRaceWithMovesSafely() throws {
    let bus = IOBus()
    let first = OffsetTarget()
    let second = OffsetTarget()
    let low = try bus.attach(first, region: 0, .memory(0, size: 0x2000, "moving"), owner: "moving")
    let ports = try bus.attach(second, region: 1, .ports(0...7, "ports"), owner: "ports")
    let stop = Atomic<Bool>(false)
    let bad = Atomic<Int>(0)
    let reader: @Sendable () -> Void = {
      while !stop.load(ordering: .relaxed) {
        for address in [0xe000_0004, 0xe000_1004, 0xf000_0004] as [UInt64] {
          let value = bus.memoryRead(address, width: 4)
          if value != 0x4 && value != 0x1004 && value != 0xffff_ffff { bad.add(1, ordering: .relaxed) }
        }
        _ = bus.portRead(0x102, width: 4)
      }
    }
    let threads = try (0..<2).map { try HostThread(name: "reader \($0)", reader) }
    for round in 0..<100 {
      try bus.map(low, at: round & 1 == 0 ? 0xe000_0000 : 0xf000_0000)
      try bus.map(ports, at: round & 1 == 0 ? 0x100 : nil)
    }
    stop.store(true, ordering: .relaxed)
    for thread in threads { thread.join() }
    let failures = bad.load(ordering: .relaxed)
    #expect(failures == 0)
  }
}

/// Answers with the offset.
final class OffsetTarget: BusTarget {
  func read(region: Int, offset: UInt64, width: Int) -> UInt64 { offset }
  func write(region: Int, offset: UInt64, width: Int, value: UInt64) {}
}
