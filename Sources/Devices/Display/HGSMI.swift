import Base
import DeviceKit

/// VirtualBox's shared-memory interface (HGSMI) with its video channel (VBVA): the guest leaves a command in video
/// memory and writes its offset to port 3D0h; the answer is in the same place when the write has ended.
///
/// - Spec: the constants and structures that VirtualBox publishes for drivers (MIT licence), as Linux's vboxvideo has
///   them: a header of 16 bytes, data, a tail of 8.
/// - What the host wants of the guest, a mode for a monitor, it puts into a list that the guest asks for; flags in video
///   memory and the interrupt tell that there is something new.
/// - Deviations: no pointer of the host's: where the guest's pointer is the interface does not tell, so the guest is
///   asked to draw it. Screens are read from video memory, not from dirty rectangles.
struct HGSMIState: SavedState {
  /// Where the guest wants flags of the host; all ones: nowhere.
  var flagsLocation: UInt32 = .max
  /// What the driver can do, as it says.
  var capabilities: UInt32 = 0
  /// One for each monitor.
  var screens: [Screen] = []
  /// What the host wants of each monitor.
  var hints: [Hint] = []
  /// Something is new, and the guest has not acknowledged it.
  var interrupts = false
  init() {}
  init(monitors: Int) {
    let count = min(HGSMIState.maximumScreens, max(1, monitors))
    screens = Array(repeating: Screen(), count: count)
    hints = Array(repeating: Hint(), count: count)
  }

  static let maximumScreens = 64

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("flagsLocation", &flagsLocation)
    try visit.field("capabilities", &capabilities)
    try visit.fixedList("screens", &screens)
    try visit.fixedList("hints", &hints)
    try visit.field("interrupts", &interrupts)
  }

  /// A mode that a monitor should have.
  struct Hint: SavedState {
    /// The host has said something.
    var isGiven = false
    var mode = DisplayModeHint()
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("isGiven", &isGiven)
      try visit.field("width", &mode.width)
      try visit.field("height", &mode.height)
      try visit.field("bitsPerPixel", &mode.bitsPerPixel)
      try visit.field("isEnabled", &mode.isEnabled)
      try visit.field("x", &mode.x)
      try visit.field("y", &mode.y)
    }
    /// As the guest reads it; all ones: none.
    func words(display: Int) -> [UInt32] {
      guard isGiven else { return [UInt32](repeating: .max, count: 8) }
      return [
        0x0801_add9, mode.width, mode.height, mode.bitsPerPixel, UInt32(display), mode.x ?? .max, mode.y ?? .max,
        mode.isEnabled ? 1 : 0,
      ]
    }
  }

  /// What the guest said of a monitor: its view (part of video memory), and the screen in it.
  struct Screen: SavedState {
    var viewOffset: UInt32 = 0
    var viewSize: UInt32 = 0
    var originX: Int32 = 0
    var originY: Int32 = 0
    /// Of the screen in the view.
    var startOffset: UInt32 = 0
    var lineSize: UInt32 = 0
    var width: UInt32 = 0
    var height: UInt32 = 0
    var bitsPerPixel: UInt16 = 0
    var flags: UInt16 = 0
    /// Offset of its ring of dirty rectangles; nil: it is off.
    var ring: UInt32?
    init() {}

    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("viewOffset", &viewOffset)
      try visit.field("viewSize", &viewSize)
      try visit.field("originX", &originX)
      try visit.field("originY", &originY)
      try visit.field("startOffset", &startOffset)
      try visit.field("lineSize", &lineSize)
      try visit.field("width", &width)
      try visit.field("height", &height)
      try visit.field("bitsPerPixel", &bitsPerPixel)
      try visit.field("flags", &flags)
      try visit.field("ring", &ring)
    }

    enum Flag { static let active: UInt16 = 1, disabled: UInt16 = 2, blank: UInt16 = 4, blank2: UInt16 = 8 }

    /// Nil while there is nothing to be seen.
    func area(memory size: Int) -> Scanout.Area? {
      guard flags & Flag.active != 0, flags & Flag.disabled == 0 else { return nil }
      let isBlank = flags & (Flag.blank | Flag.blank2) != 0
      var area = Scanout.Area(
        width: Int(width), height: Int(height), bitsPerPixel: isBlank ? 32 : Int(bitsPerPixel), pitch: Int(lineSize),
        start: Int(viewOffset) + Int(startOffset), memory: size)
      area?.x = Int(originX)
      area?.y = Int(originY)
      area?.isBlank = isBlank
      return area
    }
  }
}

/// What the host would like a monitor to show.
public struct DisplayModeHint: Sendable, Equatable {
  /// Pixels of a row.
  public var width: UInt32 = 0
  /// Rows.
  public var height: UInt32 = 0
  /// Guests choose their own.
  public var bitsPerPixel: UInt32 = 32
  /// Whether the monitor is there at all.
  public var isEnabled = true
  /// Where it lies among the others; nil: the guest decides.
  public var x: UInt32?
  /// See `x`.
  public var y: UInt32?
  public init() {}
}

/// Numbers of the interface.
private enum HGSMI {
  static let headerSize = 16, tailSize = 8
  /// No command is longer: a pointer's shape is the longest.
  static let maximumData = 1 << 20
  enum Channel { static let setup: UInt8 = 1, video: UInt8 = 2 }
  enum Setup { static let flagsLocation: UInt16 = 0 }
  enum Command {
    static let queryConfiguration: UInt16 = 1, infoView: UInt16 = 3, flush: UInt16 = 5, infoScreen: UInt16 = 6
    static let enable: UInt16 = 7, pointerShape: UInt16 = 8, infoCapabilities: UInt16 = 12
    static let queryModeHints: UInt16 = 19
  }
  enum Configuration {
    static let monitorCount: UInt32 = 0, hostHeapSize: UInt32 = 1, modeHints: UInt32 = 2
    static let guestCursor: UInt32 = 3, cursorCapabilities: UInt32 = 4, screenFlags: UInt32 = 5
    static let maximumRecord: UInt32 = 6
  }
  enum Status { static let success: Int32 = 0, invalidParameter: Int32 = -2, notSupported: Int32 = -37 }
  enum Enable { static let on: UInt32 = 1, off: UInt32 = 2, extended: UInt32 = 4, absolute: UInt32 = 8 }
  /// What the driver says of itself.
  enum Capability { static let interrupts: UInt32 = 2 }
  /// Flags of the host's in video memory.
  enum HostFlag {
    static let interrupt: UInt64 = 2, vsync: UInt64 = 0x10, hotplug: UInt64 = 0x20, cursor: UInt64 = 0x40
  }
  /// Offsets in a ring of dirty rectangles.
  enum Ring {
    static let hostEvents = 0, orders = 4, dataOffset = 8, freeOffset = 12, firstRecord = 272, freeRecord = 276
    static let data = 288
    /// Host event: the ring is to be used.
    static let modeEnabled: UInt64 = 1
  }

  /// The one-at-a-time hash (Bob Jenkins) over offset, header and the first half of the tail.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var hash: UInt32 = 0
    for byte in bytes {
      hash &+= UInt32(byte)
      hash &+= hash << 10
      hash ^= hash >> 6
    }
    hash &+= hash << 3
    hash ^= hash >> 11
    return hash &+ hash << 15
  }
}

extension VGA {
  /// A dword was written to port 3D0h: the offset of a command.
  mutating func hgsmiSubmit(_ offset: UInt32, _ host: some DeviceServices) {
    let at = Int(offset)
    guard at <= memory.size - HGSMI.headerSize - HGSMI.tailSize else {
      return host.log(.guestError, "HGSMI command at \(at), outside video memory")
    }
    let header = memory.read(at, count: HGSMI.headerSize)
    let size = Int(load32(at))
    guard size <= min(HGSMI.maximumData, memory.size - at - HGSMI.headerSize - HGSMI.tailSize) else {
      return host.log(.guestError, "HGSMI command of \(size) bytes")
    }
    let data = at + HGSMI.headerSize
    let tail = data + size
    let place = (0..<4).map { UInt8(truncatingIfNeeded: offset >> UInt32($0 * 8)) }
    guard HGSMI.checksum(place + header + memory.read(tail, count: 4)) == load32(tail + 4) else {
      return host.log(.guestError, "HGSMI command with a wrong checksum")
    }
    let command = UInt16(header[6]) | UInt16(header[7]) << 8
    switch header[5] {
    case HGSMI.Channel.setup where command == HGSMI.Setup.flagsLocation && size >= 8:
      let location = load32(data)
      registers.hgsmi?.flagsLocation = location
    case HGSMI.Channel.video: videoCommand(command, at: data, size: size, host)
    default: host.log(.unimplemented, "HGSMI channel \(header[5]), command \(command)")
    }
  }

  private func load32(_ at: Int) -> UInt32 { UInt32(truncatingIfNeeded: memory.load(at, width: 4)) }
  private func store32(_ at: Int, _ value: UInt32) { memory.store(at, width: 4, UInt64(value)) }
  private func answer(_ at: Int, _ status: Int32) { store32(at, UInt32(bitPattern: status)) }

  private mutating func videoCommand(_ command: UInt16, at data: Int, size: Int, _ host: some DeviceServices) {
    switch command {
    case HGSMI.Command.queryConfiguration where size >= 8: queryConfiguration(at: data)
    case HGSMI.Command.infoView:
      for entry in stride(from: 0, to: size - 15, by: 16) { infoView(at: data + entry) }
    case HGSMI.Command.flush: flushRings()
    case HGSMI.Command.infoScreen where size >= 32: infoScreen(at: data)
    case HGSMI.Command.enable where size >= 12: enableRing(at: data, size: size)
    case HGSMI.Command.pointerShape where size >= 4: answer(data, HGSMI.Status.notSupported)
    case HGSMI.Command.infoCapabilities where size >= 8:
      let capabilities = load32(data + 4)
      registers.hgsmi?.capabilities = capabilities
      answer(data, HGSMI.Status.success)
    case HGSMI.Command.queryModeHints where size >= 8:
      queryModeHints(at: data, size: size)
    default: host.log(.unimplemented, "VBVA command \(command) with \(size) bytes")
    }
  }

  /// How many hints of which size the guest has room for, a result, and then the hints. What a hint has no word for is all
  /// ones.
  private func queryModeHints(at data: Int, size: Int) {
    let request = load32(data)
    let (count, bytes) = (Int(request & 0xffff), Int(request >> 16))
    for at in stride(from: 8, to: size - 3, by: 4) { store32(data + at, .max) }
    for (display, hint) in (registers.hgsmi?.hints ?? []).prefix(count).enumerated() where bytes >= 4 {
      for (index, word) in hint.words(display: display).prefix(bytes / 4).enumerated() {
        let at = 8 + display * bytes + index * 4
        if at <= size - 4 { store32(data + at, word) }
      }
    }
    answer(data + 4, HGSMI.Status.success)
  }

  // MARK: What the host wants

  /// The host would like a monitor to have another mode, or to be gone: told by HGSMI, or by the EDID of the adapter that
  /// has registers in memory, which guests read when their driver starts or when they look again. False when the adapter or its guest's driver would
  /// never hear of it.
  public mutating func hint(_ mode: DisplayModeHint, display: Int, _ host: some DeviceServices) -> Bool {
    if controller == .vga, display == 0, mode.isEnabled {
      edid = EDID(preferred: EDID.Size(width: Int(mode.width), height: Int(mode.height)), memory: memory.size)
      return true
    }
    guard let hgsmi = registers.hgsmi, hgsmi.hints.indices.contains(display) else { return false }
    registers.hgsmi?.hints[display].isGiven = true
    registers.hgsmi?.hints[display].mode = mode
    // Who has no driver yet finds the hint when it has one.
    guard hgsmi.capabilities & HGSMI.Capability.interrupts != 0, let place = flagsPlace else { return true }
    memory.store(place, width: 4, memory.load(place, width: 4) | HGSMI.HostFlag.interrupt | HGSMI.HostFlag.hotplug)
    registers.hgsmi?.interrupts = true
    driveInterrupt(host)
    return true
  }
  /// The guest has seen the flags.
  mutating func hgsmiAcknowledge(_ host: some DeviceServices) {
    if let place = flagsPlace {
      let seen = HGSMI.HostFlag.interrupt | HGSMI.HostFlag.vsync | HGSMI.HostFlag.hotplug | HGSMI.HostFlag.cursor
      memory.store(place, width: 4, memory.load(place, width: 4) & ~seen)
    }
    registers.hgsmi?.interrupts = false
    driveInterrupt(host)
  }
  private var flagsPlace: Int? {
    guard let location = registers.hgsmi?.flagsLocation, Int(location) <= memory.size - 4 else { return nil }
    return Int(location)
  }

  private func queryConfiguration(at data: Int) {
    let value: UInt32
    switch load32(data) {
    case HGSMI.Configuration.monitorCount: value = UInt32(monitors)
    case HGSMI.Configuration.hostHeapSize, HGSMI.Configuration.cursorCapabilities: value = 0
    case HGSMI.Configuration.modeHints, HGSMI.Configuration.guestCursor:
      value = UInt32(bitPattern: HGSMI.Status.success)
    case HGSMI.Configuration.screenFlags: value = 0xf
    case HGSMI.Configuration.maximumRecord: value = 64 << 10
    // The guest finds the value that it had put there.
    default: return
    }
    store32(data + 4, value)
  }

  private mutating func infoView(at data: Int) {
    let screen = Int(load32(data))
    guard registers.hgsmi?.screens.indices.contains(screen) == true else { return }
    let (offset, size) = (load32(data + 4), load32(data + 8))
    registers.hgsmi?.screens[screen].viewOffset = offset
    registers.hgsmi?.screens[screen].viewSize = size
    scanoutChanged()
  }

  private mutating func infoScreen(at data: Int) {
    let number = Int(load32(data))
    guard var screen = registers.hgsmi?.screens, screen.indices.contains(number) else { return }
    screen[number].originX = Int32(bitPattern: load32(data + 4))
    screen[number].originY = Int32(bitPattern: load32(data + 8))
    screen[number].startOffset = load32(data + 12)
    screen[number].lineSize = load32(data + 16)
    screen[number].width = load32(data + 20)
    screen[number].height = load32(data + 24)
    screen[number].bitsPerPixel = UInt16(truncatingIfNeeded: memory.load(data + 28, width: 2))
    screen[number].flags = UInt16(truncatingIfNeeded: memory.load(data + 30, width: 2))
    registers.hgsmi?.screens = screen
    scanoutChanged()
  }

  // MARK: Rings of dirty rectangles

  private mutating func enableRing(at data: Int, size: Int) {
    let flags = load32(data)
    let number = flags & HGSMI.Enable.extended != 0 && size >= 16 ? Int(load32(data + 12)) : 0
    guard let screens = registers.hgsmi?.screens, screens.indices.contains(number) else {
      return answer(data + 8, HGSMI.Status.invalidParameter)
    }
    if flags & HGSMI.Enable.on != 0, flags & HGSMI.Enable.off == 0 {
      let base = flags & HGSMI.Enable.absolute != 0 ? 0 : screens[number].viewOffset
      let (offset, overflow) = base.addingReportingOverflow(load32(data + 4))
      guard !overflow, Int(offset) <= memory.size - HGSMI.Ring.data else {
        return answer(data + 8, HGSMI.Status.invalidParameter)
      }
      registers.hgsmi?.screens[number].ring = offset
      memory.store(Int(offset) + HGSMI.Ring.hostEvents, width: 4, HGSMI.Ring.modeEnabled)
      memory.store(Int(offset) + HGSMI.Ring.orders, width: 4, 0)
    } else {
      if let ring = screens[number].ring { memory.store(Int(ring) + HGSMI.Ring.hostEvents, width: 4, 0) }
      registers.hgsmi?.screens[number].ring = nil
    }
    answer(data + 8, HGSMI.Status.success)
  }

  /// What is in the rings has been seen: pictures are made of all of video memory.
  private func flushRings() {
    for screen in registers.hgsmi?.screens ?? [] {
      guard let ring = screen.ring.map({ Int($0) }) else { continue }
      store32(ring + HGSMI.Ring.dataOffset, load32(ring + HGSMI.Ring.freeOffset))
      store32(ring + HGSMI.Ring.firstRecord, load32(ring + HGSMI.Ring.freeRecord))
    }
  }
}
