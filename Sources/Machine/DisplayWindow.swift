import Base
import Devices
import GuestMemory

/// Shows the guest video memory itself at A0000h-BFFFFh while every access there means just that byte; the rest of the
/// time (planar modes, text, a closed window) accesses go to the display.
///
/// Called with the display's lock held. A processor that has not yet flushed its translations may still store to the
/// window as it was: the one that moved it has, because OUT ends its block.
final class DisplayWindow: Sendable {
  private let memory: GuestMemory
  private let display: DisplayMemory
  private let link: ProcessorLink

  init(memory: GuestMemory, display: DisplayMemory, link: ProcessorLink) {
    self.memory = memory
    self.display = display
    self.link = link
  }

  func move(to window: LinearWindow?) {
    let whole = (base: UInt64(0xa0000), size: UInt64(0x20000))
    guard let window else { return close(whole.base, whole.size) }
    // What the window no longer covers, below and above.
    let end = window.base + UInt64(window.size)
    if window.base > whole.base { close(whole.base, window.base - whole.base) }
    if end < whole.base + whole.size { close(end, whole.base + whole.size - end) }
    do throws(GuestMemoryError) {
      try memory.overlayDeviceMemory(
        descriptor: display.file.descriptor, fileOffset: UInt64(window.offset), at: GuestPhysical(window.base),
        size: UInt64(window.size))
    } catch {
      // The host refuses: accesses go to the device one by one, with the same results.
      close(window.base, UInt64(window.size))
    }
  }

  private func close(_ base: UInt64, _ size: UInt64) {
    guard memory.backing(of: GuestPhysical(base)).isMemory else { return }
    memory.setFlags(GuestMemory.PageFlag.mmio, clear: 0, at: GuestPhysical(base), size: size)
    link.processors?.memoryMapChanged()
  }
}
