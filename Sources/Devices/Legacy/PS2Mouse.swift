import Base

/// A PS/2 mouse with the wheel and five-button extensions of the IntelliMouse.
///
/// Spec: IBM PS/2 Technical Reference, *Mouse*; Microsoft "IntelliMouse" enabling sequences (sample rates 200-100-80,
/// 200-200-80). Motion is gathered until the previous packet has left, so a slow guest gets few, long steps and the
/// queue stays short.
struct PS2Mouse: SavedState {
  static let queueLimit = 32
  static let motionLimit: Int32 = 1 << 20

  var queue: [UInt8] = []
  var pendingCommand: UInt8 = 0
  /// 0 plain, 3 wheel, 4 wheel and five buttons.
  var id: UInt8 = 0
  var sampleRate: UInt8 = 100
  var previousRates: [UInt8] = [0, 0]
  var resolution: UInt8 = 2
  var doubleScale = false
  var reporting = false
  var remote = false
  var wrap = false
  /// Bit 0 left, 1 right, 2 middle, 3 and 4 the side buttons.
  var buttons: UInt8 = 0
  var reportedButtons: UInt8 = 0
  /// Motion not yet reported; y grows upwards.
  var dx: Int32 = 0
  var dy: Int32 = 0
  var dz: Int32 = 0
  var lastSent: UInt8 = 0
  init() {}

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.bytes("queue", &queue, maximum: PS2Mouse.queueLimit)
    try visit.field("pendingCommand", &pendingCommand)
    try visit.field("id", &id, in: 0...4)
    try visit.field("sampleRate", &sampleRate)
    try visit.fixedBytes("previousRates", &previousRates)
    try visit.field("resolution", &resolution, in: 0...3)
    try visit.field("doubleScale", &doubleScale)
    try visit.field("reporting", &reporting)
    try visit.field("remote", &remote)
    try visit.field("wrap", &wrap)
    try visit.field("buttons", &buttons, in: 0...0x1f)
    try visit.field("reportedButtons", &reportedButtons, in: 0...0x1f)
    try visit.field("dx", &dx, in: -PS2Mouse.motionLimit...PS2Mouse.motionLimit)
    try visit.field("dy", &dy, in: -PS2Mouse.motionLimit...PS2Mouse.motionLimit)
    try visit.field("dz", &dz, in: -PS2Mouse.motionLimit...PS2Mouse.motionLimit)
    try visit.field("lastSent", &lastSent)
  }

  /// Motion from the host. `dy` grows downwards as on a screen, `dz` when the wheel turns towards the user.
  mutating func move(dx: Int, dy: Int, dz: Int, buttons: UInt8) {
    func sum(_ old: Int32, _ step: Int) -> Int32 {
      let total = Int64(old) + Int64(max(-0x1_0000, min(0x1_0000, step)))
      return Int32(max(-Int64(PS2Mouse.motionLimit), min(Int64(PS2Mouse.motionLimit), total)))
    }
    self.buttons = buttons & 0x1f
    guard reporting || remote else { return }
    self.dx = sum(self.dx, dx)
    self.dy = sum(self.dy, dy == .min ? .max : -dy)
    self.dz = sum(self.dz, dz)
    report()
  }

  /// Sends a packet though nothing moved, as soon as the last has left: by it a driver learns that there is something
  /// elsewhere. Nobody has been told of the buttons, so to say.
  mutating func announce() {
    guard reporting else { return }
    reportedButtons = buttons ^ 1
    report()
  }

  /// In stream mode, queues a packet when the last has left and there is news.
  private mutating func report() {
    guard reporting, !remote, !wrap, queue.isEmpty else { return }
    let visibleButtons: UInt8 = id == 4 ? 0x1f : 7
    let moved = dx != 0 || dy != 0 || (dz != 0 && id != 0)
    guard moved || (buttons ^ reportedButtons) & visibleButtons != 0 else { return }
    sendPacket()
  }

  private mutating func sendPacket() {
    func take(_ value: inout Int32, _ limit: ClosedRange<Int32>) -> Int32 {
      let part = min(max(value, limit.lowerBound), limit.upperBound)
      value -= part
      return part
    }
    let x = take(&dx, -255...255)
    let y = take(&dy, -255...255)
    var packet: [UInt8] = [
      0x08 | buttons & 7 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0),
      UInt8(truncatingIfNeeded: x), UInt8(truncatingIfNeeded: y),
    ]
    switch id {
    case 3: packet.append(UInt8(truncatingIfNeeded: take(&dz, -127...127)))
    case 4:
      let z = UInt8(truncatingIfNeeded: take(&dz, -7...7)) & 0xf
      packet.append(z | (buttons & 0x18) << 1)
    default: dz = 0
    }
    reportedButtons = buttons
    answer(packet)
  }

  /// Next byte for the controller.
  mutating func next() -> UInt8? {
    report()
    guard !queue.isEmpty else { return nil }
    let byte = queue.removeFirst()
    if byte != 0xfe { lastSent = byte }
    return byte
  }

  private mutating func answer(_ bytes: [UInt8]) {
    guard queue.count + bytes.count <= PS2Mouse.queueLimit else { return }
    queue += bytes
  }

  private mutating func stopMotion() {
    dx = 0
    dy = 0
    dz = 0
    reportedButtons = buttons
  }

  private mutating func restoreDefaults() {
    sampleRate = 100
    resolution = 2
    doubleScale = false
    reporting = false
    remote = false
    stopMotion()
  }

  /// A byte from the system.
  mutating func command(_ byte: UInt8) {
    // Any command stops the transmission that is under way.
    queue = []
    if wrap && byte != 0xec && byte != 0xff { return answer([byte]) }
    if pendingCommand != 0 { return parameter(byte) }
    switch byte {
    case 0xe6, 0xe7:
      doubleScale = byte == 0xe7
      answer([0xfa])
    case 0xe8, 0xf3:
      pendingCommand = byte
      answer([0xfa])
    case 0xe9: answer([0xfa, status, resolution, sampleRate])
    case 0xea, 0xf0:
      remote = byte == 0xf0
      stopMotion()
      answer([0xfa])
    case 0xeb:
      answer([0xfa])
      sendPacket()
    case 0xec, 0xee:
      wrap = byte == 0xee
      answer([0xfa])
    case 0xf2: answer([0xfa, id])
    case 0xf4, 0xf5:
      reporting = byte == 0xf4
      stopMotion()
      answer([0xfa])
    case 0xf6:
      restoreDefaults()
      answer([0xfa])
    case 0xfe: answer([lastSent])
    case 0xff:
      let held = buttons
      self = PS2Mouse()
      buttons = held
      answer([0xfa, 0xaa, 0x00])
    default: answer([0xfe])
    }
  }

  /// Byte 1 of the status request: bit 6 remote, 5 reporting, 4 scaling 2:1, then left, middle, right.
  private var status: UInt8 {
    (remote ? 0x40 : 0) | (reporting ? 0x20 : 0) | (doubleScale ? 0x10 : 0) | (buttons & 1) << 2
      | (buttons & 4) >> 1 | (buttons & 2) >> 1
  }

  private mutating func parameter(_ byte: UInt8) {
    let command = pendingCommand
    pendingCommand = 0
    if command == 0xe8 {
      resolution = byte & 3
    } else {
      if previousRates == [200, 100] && byte == 80 { id = max(id, 3) }
      if previousRates == [200, 200] && byte == 80 && id >= 3 { id = 4 }
      previousRates = [previousRates[1], byte]
      sampleRate = byte
    }
    answer([0xfa])
  }
}
