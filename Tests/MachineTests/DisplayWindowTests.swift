import Base
import Devices
import GuestMemory
import Testing

@testable import Machine

/// Video memory at A0000h-BFFFFh as plain memory of the guest.
@Suite struct DisplayWindowTests {
  private let memory: GuestMemory
  private let display: DisplayMemory
  private let window: DisplayWindow

  init() throws {
    memory = try GuestMemory(ramSize: 2 << 20)
    display = try DisplayMemory()
    window = DisplayWindow(memory: memory, display: display, link: ProcessorLink())
    memory.setFlags(GuestMemory.PageFlag.mmio, clear: 0, at: GuestPhysical(0xa0000), size: 0x20000)
  }
  private func isPlain(_ address: UInt64) -> Bool { memory.backing(of: GuestPhysical(address)).directWrite }

  @Test func bytesOfAnOpenWindowAreVideoMemory() {
    #expect(!isPlain(0xa0000))
    window.move(to: LinearWindow(base: 0xa0000, size: 0x10000, offset: 0))
    #expect(isPlain(0xa0000) && isPlain(0xaffff) && !isPlain(0xb0000) && isPlain(0x9ffff))
    memory.write(GuestPhysical(0xa0123), [1, 2, 3])
    #expect(display.memory.read(0x123, count: 3) == [1, 2, 3])
    window.move(to: nil)
    #expect(!isPlain(0xa0000))
    #expect(memory.read(GuestPhysical(0xa0123), count: 1) == [0xff])
  }

  @Test func banksMoveTheWindow() {
    window.move(to: LinearWindow(base: 0xa0000, size: 0x10000, offset: 0))
    window.move(to: LinearWindow(base: 0xa0000, size: 0x10000, offset: 0x50000))
    memory.write(GuestPhysical(0xa0001), [7])
    #expect(display.memory.read(0x50001, count: 1) == [7])
    #expect(display.memory.read(1, count: 1) == [0])
    window.move(to: LinearWindow(base: 0xb8000, size: 0x8000, offset: 0))
    #expect(!isPlain(0xa0000) && isPlain(0xb8000) && isPlain(0xbffff))
  }

  @Test func memoryBesideTheWindowStaysTheGuestsOwn() {
    memory.write(GuestPhysical(0x9fff0), [UInt8](repeating: 5, count: 16))
    memory.write(GuestPhysical(0xc0000), [6])
    window.move(to: LinearWindow(base: 0xa0000, size: 0x20000, offset: 0))
    #expect(memory.read(GuestPhysical(0x9fff0), count: 17) == [UInt8](repeating: 5, count: 16) + [0])
    #expect(memory.read(GuestPhysical(0xc0000), count: 1) == [6])
  }

  @Test func windowOutsideRAMIsRefused() throws {
    let file = display.file.descriptor
    #expect(throws: GuestMemoryError.self) {
      try memory.overlayDeviceMemory(descriptor: file, fileOffset: 0, at: GuestPhysical(2 << 20), size: 0x1000)
    }
    #expect(throws: GuestMemoryError.self) {
      try memory.overlayDeviceMemory(descriptor: file, fileOffset: 1, at: GuestPhysical(0), size: 0x1000)
    }
  }
}
