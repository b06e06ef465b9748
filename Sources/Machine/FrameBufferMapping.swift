import Base
import GuestMemory
import Synchronization

/// Backs the BAR of a display adapter's memory with the memory itself, wherever the guest puts the BAR.
///
/// Called with the display's lock held. Host mappings of a former place stay until something else is mapped there: a
/// processor that has not yet flushed its translations may still store to it, and hits video memory.
final class FrameBufferMapping: Sendable {
  private let memory: GuestMemory
  private let display: DisplayMemory
  private let link: ProcessorLink
  private let place = Mutex<UInt64?>(nil)

  init(memory: GuestMemory, display: DisplayMemory, link: ProcessorLink) {
    self.memory = memory
    self.display = display
    self.link = link
  }

  func move(to base: UInt64?) {
    place.withLock { place in
      guard place != base else { return }
      let size = UInt64(display.size)
      if let old = place {
        memory.setFlags(0, clear: GuestMemory.PageFlag.backed, at: GuestPhysical(old), size: size)
        link.processors?.memoryMapChanged()
      }
      place = base
      guard let base else { return }
      do throws(GuestMemoryError) {
        try memory.mapDeviceMemory(
          descriptor: display.file.descriptor, at: GuestPhysical(base), size: size, readOnly: false)
      } catch {
        // Over RAM or above 4 GiB: accesses go to the device one by one, with the same results.
        place = nil
      }
      link.processors?.memoryMapChanged()
    }
  }
}
