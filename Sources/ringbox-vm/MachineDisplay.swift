import Devices
import Machine
import RemoteDisplay

/// A `Machine` as viewers want it.
final class MachineDisplay: DisplaySource {
  private let machine: Machine
  init(_ machine: Machine) { self.machine = machine }

  func picture() -> Picture {
    let frame = machine.screenshot()
    return Picture(width: frame.width, height: frame.height, pixels: frame.pixels)
      ?? Picture(width: frame.width, height: frame.height)
  }
  func keyboardInput(_ codes: [UInt8]) { machine.keyboardInput(codes) }
  func mouseInput(dx: Int, dy: Int, dz: Int, buttons: UInt8) {
    machine.mouseInput(dx: dx, dy: dy, dz: dz, buttons: buttons)
  }
}
