import Base
import DeviceKit
import Devices
import DiskImages
import GuestMemory
import HostSystem
import Synchronization
import Testing

/// Guest RAM, a bus and an IDE controller on a real image file, as in a machine.
@Suite struct EndToEndTests {
  final class RAM: DMASpace {
    let memory: GuestMemory
    init(_ memory: GuestMemory) { self.memory = memory }
    func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8] { memory.read(address, count: count) }
    func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8]) { memory.write(address, bytes) }
  }

  @Test func busMasterMovesSectorsBetweenFileAndGuestMemory() throws {
    let file = try ScratchFile(sectors: 64)
    let memory = try GuestMemory(ramSize: 1 << 20)
    let worker = try BlockWorker(try RawImage(path: file.path), memory: memory)
    defer { worker.close() }
    let clock = VirtualClock()
    let bus = IOBus()
    let services = MachineServices(
      bus: bus, clock: clock, timers: TimerQueue(clock: clock), dma: RAM(memory), request: { _ in })
    let ide = PIIX3IDE(drives: [.disk(worker.mediumInfo(serial: "E2E"))])
    let slot = try DeviceSlot(ide, machine: services, drives: [worker])
    try slot.start()
    slot.configWrite(0x20, width: 4, 0xc000)
    slot.configWrite(0x04, width: 2, 5)
    let done = Parker()
    slot.connect(output: 0) { level in if level { done.unpark() } }

    func dma(_ command: UInt64, _ start: UInt64, sector: UInt64) {
      memory.write(GuestPhysical(0x1000), [0, 0, 1, 0, 0, 4, 0, 0x80])  // 1024 bytes at 64 KiB
      slot.write(region: 4, offset: 0, width: 1, value: 0)
      slot.write(region: 4, offset: 4, width: 4, value: 0x1000)
      for (register, value): (UInt64, UInt64) in [(6, 0xe0), (2, 2), (3, sector), (4, 0), (5, 0), (7, command)] {
        slot.write(region: 0, offset: register, width: 1, value: value)
      }
      slot.write(region: 4, offset: 0, width: 1, value: start)
      #expect(done.park(until: HostClock.monotonicNanoseconds + 5_000_000_000))
      #expect(slot.read(region: 0, offset: 7, width: 1) == 0x50)
    }
    dma(0xc8, 9, sector: 7)
    #expect(
      memory.read(GuestPhysical(0x10000), count: 1024) == [UInt8](repeating: 7, count: 512)
        + [UInt8](repeating: 8, count: 512))
    memory.write(GuestPhysical(0x10000), [UInt8](repeating: 0xcd, count: 1024))
    dma(0xca, 1, sector: 60)
    #expect(try file.contents()[(60 * 512)..<(62 * 512)].allSatisfy { $0 == 0xcd })
  }
}
