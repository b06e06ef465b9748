import Base
import DeviceKit

/// The Intel 8042 keyboard controller of the PS/2 with a keyboard and a mouse.
///
/// - Ports: 60h data; 64h status and command.
/// - Outputs: 0 "irq1", 1 "irq12".
/// - Input 0 "pointerNews": each rising edge makes the mouse send a packet, for an absolute pointer behind it.
/// - A20 (output port bit 1, commands DDh and DFh) and CPU reset (output port bit 0, pulse commands F0h-FEh)
///   become machine requests.
/// - Commands take no time: IBF never shows.
/// - Spec: IBM PS/2 Technical Reference, *Keyboard and auxiliary device controller*; Intel "8042" PC/AT firmware.
public struct I8042: Device {
  enum Status {
    static let obf: UInt8 = 0x01, sys: UInt8 = 0x04, command: UInt8 = 0x08, unlocked: UInt8 = 0x10, aux: UInt8 = 0x20
  }
  /// Command byte (controller RAM byte 0) bits.
  enum CCB {
    static let keyboardInterrupt: UInt8 = 0x01, mouseInterrupt: UInt8 = 0x02, sys: UInt8 = 0x04
    static let keyboardOff: UInt8 = 0x10, mouseOff: UInt8 = 0x20, translate: UInt8 = 0x40
  }
  enum Output { static let irq1 = 0, irq12 = 1 }
  /// Answers of the controller that may wait (diagnostic dumps are not modelled).
  static let queueLimit = 32

  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    /// Controller RAM; byte 0 is the command byte.
    var ram = [UInt8](repeating: 0, count: 32)
    /// Command that waits for its data byte on port 60h; 0 when none.
    var pendingCommand: UInt8 = 0
    var outputPort: UInt8 = 0xcf
    var outputBuffer: UInt8 = 0
    var full = false
    var fromMouse = false
    /// The last write went to port 64h.
    var lastWasCommand = false
    /// Bytes of the controller itself, with the source they pretend to have: pairs (1 = mouse, byte).
    var answers: [UInt8] = []
    /// A break prefix F0h of the keyboard awaits its key code in translation.
    var breakPrefix = false
    var keyboard = PS2Keyboard()
    var mouse = PS2Mouse()
    public init() { ram[0] = CCB.keyboardInterrupt | CCB.mouseInterrupt | CCB.translate }

    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedBytes("ram", &ram)
      try visit.field("pendingCommand", &pendingCommand)
      try visit.field("outputPort", &outputPort)
      try visit.field("outputBuffer", &outputBuffer)
      try visit.field("full", &full)
      try visit.field("fromMouse", &fromMouse)
      try visit.field("lastWasCommand", &lastWasCommand)
      try visit.bytes("answers", &answers, maximum: I8042.queueLimit * 2)
      try visit.field("breakPrefix", &breakPrefix)
      try visit.nested("keyboard", &keyboard)
      try visit.nested("mouse", &mouse)
    }
  }

  public let descriptor = DeviceDescriptor(
    name: "i8042",
    regions: [
      .ports(0x60...0x60, "keyboard data", accessWidth: 1),
      .ports(0x64...0x64, "keyboard command", accessWidth: 1),
    ],
    outputs: ["irq1", "irq12"], inputs: ["pointerNews"])
  public var state = State()
  private let ledsChanged: @Sendable (KeyboardLEDs) -> Void
  /// What `ledsChanged` was told last.
  private var toldLEDs = KeyboardLEDs()
  /// - Parameter ledsChanged: hears of every change of the keyboard's lights, with the device's lock held.
  public init(ledsChanged: @escaping @Sendable (KeyboardLEDs) -> Void = { _ in }) { self.ledsChanged = ledsChanged }

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    tellLEDs()
    drive(host)
    host.request(.a20(enabled: true))
  }

  public mutating func stateRestored(_ host: some DeviceServices) {
    tellLEDs()
    drive(host)
    host.request(.a20(enabled: isA20Enabled))
  }

  // MARK: Host side

  public var isA20Enabled: Bool { state.outputPort & 2 != 0 }
  /// The lights of the keyboard's locks, as the guest has set them.
  public var leds: KeyboardLEDs { KeyboardLEDs(rawValue: state.keyboard.leds) }
  private mutating func tellLEDs() {
    guard leds != toldLEDs else { return }
    toldLEDs = leds
    ledsChanged(leds)
  }
  /// Whether the guest's driver has turned mouse reporting on.
  public var isMouseActive: Bool { state.mouse.reporting }

  /// Key strokes in scan code set 1, for example E0h 48h E0h C8h for cursor-up pressed and released.
  /// Hand over whole codes; what does not fit into the queue is dropped a call at a time.
  public mutating func keyboardInput(_ set1: [UInt8], _ host: some DeviceServices) {
    state.keyboard.press(set1)
    pump(host)
  }

  /// Relative motion: x to the right, y down the screen, z with the wheel towards the user.
  /// - Parameter buttons: bit 0 left, 1 right, 2 middle, 3 and 4 the side buttons.
  public mutating func mouseInput(dx: Int, dy: Int, dz: Int, buttons: UInt8, _ host: some DeviceServices) {
    state.mouse.move(dx: dx, dy: dy, dz: dz, buttons: buttons)
    pump(host)
  }

  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard input == 0, level else { return }
    state.mouse.announce()
    pump(host)
  }

  // MARK: Ports

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.width == 1, access.offset == 0 else { return .max }
    if access.region == 1 {
      return UInt64(
        (state.full ? Status.obf : 0) | state.ram[0] & CCB.sys | (state.lastWasCommand ? Status.command : 0)
          | Status.unlocked | (state.full && state.fromMouse ? Status.aux : 0))
    }
    let byte = state.outputBuffer
    if state.full {
      state.full = false
      // The line falls before the next byte raises it: the 8259 needs the edge.
      drive(host)
      pump(host)
    }
    return UInt64(byte)
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.offset == 0 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    state.lastWasCommand = access.region == 1
    if access.region == 1 { command(byte, host) } else { data(byte, host) }
    pump(host)
  }

  private mutating func answer(_ byte: UInt8, fromMouse: Bool = false) {
    guard state.answers.count < I8042.queueLimit * 2 else { return }
    state.answers += [fromMouse ? 1 : 0, byte]
  }

  private mutating func command(_ byte: UInt8, _ host: some DeviceServices) {
    state.pendingCommand = 0
    switch byte {
    case 0x20...0x3f: answer(state.ram[Int(byte & 0x1f)])
    case 0x60...0x7f, 0xa5, 0xcb, 0xd1...0xd4: state.pendingCommand = byte
    case 0xa4: answer(0xf1)  // no password installed
    case 0xa6: break
    case 0xa7: state.ram[0] |= CCB.mouseOff
    case 0xa8: state.ram[0] &= ~CCB.mouseOff
    case 0xa9, 0xab: answer(0x00)
    case 0xaa:
      state.ram[0] = state.ram[0] & (CCB.translate | CCB.keyboardInterrupt | CCB.mouseInterrupt) | CCB.sys
      state.answers = []
      answer(0x55)
    case 0xad: state.ram[0] |= CCB.keyboardOff
    case 0xae: state.ram[0] &= ~CCB.keyboardOff
    // Input port: bit 7 keyboard not locked, bit 5 no manufacturing jumper.
    case 0xc0: answer(0xa0)
    case 0xd0: answer(outputPortNow)
    case 0xdd: setOutputPort(state.outputPort & ~2, host)
    case 0xdf: setOutputPort(state.outputPort | 2, host)
    case 0xe0: answer(0x00)
    case 0xf0...0xff:
      // Pulses the output port bits that are zero; bit 0 is the processor's reset.
      if byte & 1 == 0 { host.request(.reset(reason: "8042 pulse command")) }
    default: host.log(.guestError, "i8042: unknown command \(byte)")
    }
  }

  /// The output port with the states of the two interrupt lines.
  private var outputPortNow: UInt8 {
    state.outputPort & 0xcf | (state.full && !state.fromMouse ? 0x10 : 0) | (state.full && state.fromMouse ? 0x20 : 0)
  }

  private mutating func setOutputPort(_ value: UInt8, _ host: some DeviceServices) {
    let changed = (value ^ state.outputPort) & 2 != 0
    state.outputPort = value | 1
    if changed { host.request(.a20(enabled: value & 2 != 0)) }
    if value & 1 == 0 { host.request(.reset(reason: "8042 output port")) }
  }

  private mutating func data(_ byte: UInt8, _ host: some DeviceServices) {
    let command = state.pendingCommand
    state.pendingCommand = 0
    switch command {
    case 0:
      // A byte for the keyboard opens its interface.
      state.ram[0] &= ~CCB.keyboardOff
      state.keyboard.command(byte)
      tellLEDs()
    case 0x60...0x7f: state.ram[Int(command & 0x1f)] = byte
    // A password is taken in until its terminating zero.
    case 0xa5: if byte != 0 { state.pendingCommand = 0xa5 }
    case 0xd1: setOutputPort(byte, host)
    case 0xd2: answer(byte)
    case 0xd3: answer(byte, fromMouse: true)
    case 0xd4:
      state.ram[0] &= ~CCB.mouseOff
      state.mouse.command(byte)
    default: break
    }
  }

  // MARK: Output buffer

  /// Fills the output buffer when it is empty: the controller's answers first, then keyboard, then mouse.
  private mutating func pump(_ host: some DeviceServices) {
    if !state.full { fill() }
    drive(host)
  }

  private mutating func fill() {
    if state.answers.count >= 2 {
      load(state.answers[1], fromMouse: state.answers[0] == 1)
      state.answers.removeFirst(2)
      return
    }
    if state.ram[0] & CCB.keyboardOff == 0 {
      while let byte = state.keyboard.next() {
        guard let code = translate(byte) else { continue }
        return load(code, fromMouse: false)
      }
    }
    if state.ram[0] & CCB.mouseOff == 0, let byte = state.mouse.next() { load(byte, fromMouse: true) }
  }

  private mutating func load(_ byte: UInt8, fromMouse: Bool) {
    state.outputBuffer = byte
    state.fromMouse = fromMouse
    state.full = true
  }

  /// Set 2 to set 1 when CCB asks for it; nil for a break prefix, which becomes bit 7 of the next code.
  private mutating func translate(_ byte: UInt8) -> UInt8? {
    guard state.ram[0] & CCB.translate != 0 else {
      state.breakPrefix = false
      return byte
    }
    if byte == 0xf0 {
      state.breakPrefix = true
      return nil
    }
    let code = ScanCodes.translated(byte)
    // The prefix belongs to a key code, never to an answer.
    let isBreak = state.breakPrefix && byte < 0xe0
    state.breakPrefix = false
    return isBreak ? code | 0x80 : code
  }

  private func drive(_ host: some DeviceServices) {
    host.setLine(Output.irq1, state.full && !state.fromMouse && state.ram[0] & CCB.keyboardInterrupt != 0)
    host.setLine(Output.irq12, state.full && state.fromMouse && state.ram[0] & CCB.mouseInterrupt != 0)
  }

  public func info() -> String {
    """
    i8042: command byte 0x\(String(state.ram[0], radix: 16)), \(state.full ? "output full" : "output empty"), \
    A20 \(isA20Enabled ? "on" : "off")
    keyboard: set \(state.keyboard.scanSet), \(state.keyboard.scanning ? "scanning" : "off"), \
    LEDs \(state.keyboard.leds), \(state.keyboard.keys.count) bytes queued
    mouse: ID \(state.mouse.id), \(state.mouse.reporting ? "reporting" : "off"), rate \(state.mouse.sampleRate)
    """
  }
}
