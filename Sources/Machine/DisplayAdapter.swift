import Devices

/// The display adapter of a configuration, with its memories.
struct DisplayAdapter: Sendable {
  let kind: VGA.Kind
  let video: DisplayMemory
  /// The command FIFO, of adapters that have one.
  let fifo: DisplayMemory?

  /// Dwords for half a million commands; VMware's has as many.
  private static let fifoSize = 2 << 20

  init(_ graphics: MachineConfiguration.Graphics) throws(MachineError) {
    video = try DisplayMemory(size: graphics.memory)
    fifo = graphics.controller.hasSVGA ? try DisplayMemory(size: DisplayAdapter.fifoSize) : nil
    kind = VGA.Kind(graphics.controller, monitors: graphics.monitors, fifo: fifo?.memory)
  }
}
