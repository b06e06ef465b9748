import Base

/// A PS/2 keyboard as seen from its cable: commands in, bytes out.
///
/// Spec: IBM PS/2 Technical Reference, *Keyboard (101- and 102-key)*, commands from the system.
/// Typematic settings and per-key set 3 types are acknowledged and have no effect: the host repeats keys.
struct PS2Keyboard: SavedState {
  static let queueLimit = 64

  /// Answers to commands; they overtake key codes.
  var responses: [UInt8] = []
  var keys: [UInt8] = []
  /// Command that waits for a parameter; 0 when none.
  var pendingCommand: UInt8 = 0
  var scanSet: UInt8 = 2
  var scanning = true
  /// Bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock.
  var leds: UInt8 = 0
  var lastSent: UInt8 = 0
  init() {}

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.bytes("responses", &responses, maximum: PS2Keyboard.queueLimit)
    try visit.bytes("keys", &keys, maximum: PS2Keyboard.queueLimit)
    try visit.field("pendingCommand", &pendingCommand)
    try visit.field("scanSet", &scanSet, in: 1...3)
    try visit.field("scanning", &scanning)
    try visit.field("leds", &leds, in: 0...7)
    try visit.field("lastSent", &lastSent)
  }

  /// Key codes of set 1 from the host; a run that does not fit is dropped whole, so that no half key stays
  /// in the queue.
  mutating func press(_ set1: [UInt8]) {
    guard scanning else { return }
    let bytes: [UInt8] =
      switch scanSet {
      case 1: set1
      case 3: ScanCodes.set3(set1)
      default: ScanCodes.set2(set1)
      }
    guard keys.count + bytes.count <= PS2Keyboard.queueLimit else { return }
    keys += bytes
  }

  /// Next byte for the controller.
  mutating func next() -> UInt8? {
    guard !responses.isEmpty || !keys.isEmpty else { return nil }
    let byte = responses.isEmpty ? keys.removeFirst() : responses.removeFirst()
    if byte != 0xfe { lastSent = byte }
    return byte
  }

  private mutating func answer(_ bytes: UInt8...) {
    guard responses.count + bytes.count <= PS2Keyboard.queueLimit else { return }
    responses += bytes
  }

  private mutating func restoreDefaults() {
    scanSet = 2
    keys = []
  }

  /// A byte from the system.
  mutating func command(_ byte: UInt8) {
    let pending = pendingCommand
    // FBh-FDh take key codes until something that is no key code comes.
    if pending != 0 && !(byte >= 0xed && pending != 0xf0) {
      parameter(byte, of: pending)
      return
    }
    pendingCommand = 0
    switch byte {
    case 0xed, 0xf0, 0xf3, 0xfb, 0xfc, 0xfd:
      answer(0xfa)
      pendingCommand = byte
    case 0xee: answer(0xee)
    case 0xf2: answer(0xfa, 0xab, 0x83)
    case 0xf4:
      keys = []
      scanning = true
      answer(0xfa)
    case 0xf5:
      restoreDefaults()
      scanning = false
      answer(0xfa)
    case 0xf6:
      restoreDefaults()
      scanning = true
      answer(0xfa)
    case 0xf7...0xfa: answer(0xfa)
    case 0xfe: answer(lastSent)
    case 0xff:
      self = PS2Keyboard()
      answer(0xfa, 0xaa)
    default: answer(0xfe)
    }
  }

  private mutating func parameter(_ byte: UInt8, of command: UInt8) {
    switch command {
    case 0xed:
      leds = byte & 7
      pendingCommand = 0
      answer(0xfa)
    case 0xf0:
      pendingCommand = 0
      switch byte {
      case 0: answer(0xfa, scanSet)
      case 1...3:
        scanSet = byte
        keys = []
        answer(0xfa)
      default: answer(0xfe)
      }
    case 0xf3:
      pendingCommand = 0
      answer(0xfa)
    default: answer(0xfa)
    }
  }
}
