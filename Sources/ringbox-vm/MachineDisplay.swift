import Base
import Devices
import Machine
import RemoteDisplay

/// A `Machine` as viewers want it.
final class MachineDisplay: DisplaySource {
  private let machine: Machine
  init(_ machine: Machine) { self.machine = machine }

  func picture() -> Picture {
    let frame = machine.screenshot()
    guard var picture = Picture(width: frame.width, height: frame.height, pixels: frame.pixels) else {
      return Picture(width: frame.width, height: frame.height)
    }
    picture.screens = frame.monitors.map { ScreenArea(x: $0.x, y: $0.y, width: $0.width, height: $0.height) }
    return picture
  }
  func keyboardInput(_ codes: [UInt8]) { machine.keyboardInput(codes) }
  var keyboardLEDs: KeyboardLEDs { machine.keyboardLEDs }
  func mouseInput(_ motion: PointerMotion) { machine.mouseInput(motion) }
  var isPointerAbsolute: Bool { machine.isPointerAbsolute }
}
