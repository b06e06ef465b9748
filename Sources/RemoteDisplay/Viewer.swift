import Base
import Compression
import Devices

/// What a viewer does to the machine and to the other viewers.
enum ViewerAction: Equatable {
  case key(KeyMap.Key, isDown: Bool)
  /// Position on the screen, and buttons: bit 0 left, 1 middle, 2 right, 3 and 4 wheel up and down.
  case pointer(x: Int, y: Int, buttons: UInt8)
  /// Distances, and buttons as above.
  case motion(dx: Int, dy: Int, buttons: UInt8)
  case clipboard(String)
  /// The password was wrong.
  case authenticationFailed
}

/// One viewer's side of the RFB protocol (RFC 6143): bytes in, bytes out, no socket and no clock.
///
/// Whatever comes in, memory stays bounded and nothing traps; a viewer that breaks the protocol is closed.
struct Viewer {
  enum Phase: Equatable {
    case version, security, response, initialisation, running
  }
  /// What it knows how to do.
  struct Abilities: Equatable {
    var encodings: [Int32] = []
    var cursor = false, desktopSize = false, extendedDesktopSize = false, fence = false
    var continuousUpdates = false, extendedKeys = false, extendedClipboard = false, motion = false
    var lights = false
  }
  /// Which protocol it chose: 3, 7 or 8.
  private(set) var minorVersion = 8
  private(set) var phase = Phase.version
  private(set) var isClosed = false
  /// Closed once its output is written.
  private(set) var isClosing = false
  private var wantsExclusive = false
  private var input: [UInt8] = []
  /// Bytes of a message that is too long to be kept and only counted down.
  private var skip = 0
  /// Bytes for the viewer.
  var output: [UInt8] = []
  /// What it asked for since the last look.
  private(set) var actions: [ViewerAction] = []

  private let password: String?
  private let challenge: [UInt8]
  private let name: String

  var format = PixelFormat()
  var abilities = Abilities()
  /// What the viewer shows, as far as it has been sent.
  var shown: Picture
  /// Of which screen that is all; nil when it is not known.
  var shownVersion: Int?
  /// What it wants to be told of: an area, and whether all of it.
  var request: (area: ScreenArea, isIncremental: Bool)?
  /// The area of continuous updates.
  var continuous: ScreenArea?
  var owesCursor = false, owesSize = false, owesExtendedKeys = false, owesMotion = false
  /// The keyboard's lights, and as the viewer has heard of them.
  var lights = KeyboardLEDs(), shownLights: KeyboardLEDs?
  /// It has been told that the mouse tells distances.
  var isRelative = false
  /// The guest takes places.
  private var isAbsolute = false
  var deflate: DeflateStream?
  /// The clipboard text it has heard of.
  var clipboard = ""
  /// It is to be told of `clipboard`.
  var owesClipboard = false
  /// With the extended clipboard: it wants to be told that there is a text, and takes so many bytes without having asked;
  /// what counts until it says something else.
  var takesNotices = true, unsolicitedLimit = 0
  /// Makes less than so many bytes of output wait before it is sent no more pictures.
  static let backlogLimit = 1 << 16
  static let inputLimit = 1 << 16
  static let clipboardLimit = 1 << 20
  private static let actionLimit = 4096

  /// - Parameters:
  ///   - password: nil lets everybody in.
  ///   - challenge: sixteen random bytes.
  init(name: String, password: String?, challenge: [UInt8], screen: Picture) {
    self.name = name
    self.password = password
    self.challenge = challenge
    shown = Picture(width: screen.width, height: screen.height)
    output = Array("RFB 003.008\n".utf8)
  }

  mutating func close() { isClosed = true }
  /// All of the output has gone out. Its room is kept while pictures come that need it.
  mutating func forgetOutput() {
    if output.capacity > Viewer.backlogLimit, output.count < output.capacity / 4 {
      output = []
    } else {
      output.removeAll(keepingCapacity: true)
    }
  }
  /// What the guest makes of the mouse. Viewers that can tell distances learn which of the two is wanted.
  mutating func tellMotion(isAbsolute: Bool) {
    self.isAbsolute = isAbsolute
    decideMotion()
  }
  mutating func decideMotion() {
    // Who cannot tell distances tells places anyway.
    if !abilities.motion { isRelative = false }
    owesMotion = abilities.motion && isRelative == isAbsolute
  }
  mutating func payMotion() {
    owesMotion = false
    isRelative = !isAbsolute
  }
  mutating func takeActions() -> [ViewerAction] {
    defer { actions = [] }
    return actions
  }
  /// Whether it has just come in and wants the others to go.
  mutating func takeExclusive() -> Bool {
    defer { wantsExclusive = false }
    return wantsExclusive && phase == .running
  }
  mutating func add(_ action: ViewerAction) {
    if actions.count < Viewer.actionLimit { actions.append(action) }
  }

  // MARK: Input

  /// Takes bytes in and reacts to every message that is complete.
  mutating func receive(_ bytes: [UInt8]) {
    guard !isClosed, !isClosing else { return }
    var bytes = bytes[...]
    if skip > 0 {
      let skipped = min(skip, bytes.count)
      skip -= skipped
      bytes = bytes.dropFirst(skipped)
    }
    input += bytes
    var at = 0
    while !isClosed, !isClosing {
      // Most messages are short, and looking at more would make many of them dear.
      let isLong = phase == .running && at < input.count && [2, 6, 251].contains(input[at])
      let used = handle(Array(input[at...].prefix(isLong ? Viewer.inputLimit + Viewer.clipboardLimit : 300)))
      guard used > 0 else { break }
      at += used
      if at > input.count {
        skip = at - input.count
        at = input.count
      }
    }
    input.removeFirst(at)
    // A message that is not complete by now is longer than any there is.
    if input.count > Viewer.inputLimit + Viewer.clipboardLimit { close() }
  }

  /// Handles one message at the start of `bytes`; returns its length, or 0 when it is not complete.
  private mutating func handle(_ bytes: [UInt8]) -> Int {
    switch phase {
    case .version: return handleVersion(bytes)
    case .security: return handleSecurity(bytes)
    case .response: return handleResponse(bytes)
    case .initialisation:
      guard let first = bytes.first else { return 0 }
      wantsExclusive = first == 0
      sendInitialisation()
      return 1
    case .running: return handleMessage(bytes)
    }
  }

  private mutating func handleVersion(_ bytes: [UInt8]) -> Int {
    guard bytes.count >= 12 else { return 0 }
    guard bytes.starts(with: Array("RFB 003.".utf8)), bytes[11] == 10,
      let minor = Int(String(decoding: bytes[8..<11], as: UTF8.self))
    else {
      close()
      return 12
    }
    // Numbers that were never published mean 3.3 (7.1.1).
    minorVersion = minor >= 8 ? 8 : minor == 7 ? 7 : 3
    let type: UInt8 = password == nil ? 1 : 2
    if minorVersion == 3 {
      output += [0, 0, 0, type]
      chose(type)
    } else {
      output += [1, type]
      phase = .security
    }
    return 12
  }
  private mutating func handleSecurity(_ bytes: [UInt8]) -> Int {
    guard let type = bytes.first else { return 0 }
    guard type == (password == nil ? 1 : 2) else {
      refuse("security type not offered")
      return 1
    }
    chose(type)
    return 1
  }
  private mutating func chose(_ type: UInt8) {
    if type == 2 {
      output += challenge
      phase = .response
    } else {
      // Only 3.8 has a result where nothing was checked.
      if minorVersion == 8 { output += [0, 0, 0, 0] }
      phase = .initialisation
    }
  }
  private mutating func handleResponse(_ bytes: [UInt8]) -> Int {
    guard bytes.count >= 16 else { return 0 }
    if let password, VNCAuthentication.matches(Array(bytes[..<16]), challenge: challenge, password: password) {
      output += [0, 0, 0, 0]
      phase = .initialisation
    } else {
      add(.authenticationFailed)
      refuse("wrong password")
    }
    return 16
  }
  /// Says no, and why where the version has room for that.
  mutating func refuse(_ reason: String) {
    output += [0, 0, 0, 1]
    if minorVersion == 8 { output += Viewer.long(reason.utf8.count) + Array(reason.utf8) }
    isClosing = true
  }

  private mutating func sendInitialisation() {
    output += Viewer.half(shown.width) + Viewer.half(shown.height) + format.bytes
    let title = Array(name.utf8.prefix(256))
    output += Viewer.long(title.count) + title
    phase = .running
  }

  static func half(_ value: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
  }
  static func long(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
