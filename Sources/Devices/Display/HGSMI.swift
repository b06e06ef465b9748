import Base
import DeviceKit

/// VirtualBox's shared-memory interface (HGSMI) with its video channel (VBVA): the guest leaves a command in video
/// memory and writes its offset to port 3D0h; the answer is in the same place when the write has ended.
///
/// - Spec: the constants and structures that VirtualBox publishes for drivers (MIT licence), as Linux's vboxvideo has
///   them: a header of 16 bytes, data, a tail of 8.
/// - Deviations: no pointer of the host's: where the guest's pointer is the interface does not tell, so the guest is
///   asked to draw it. Screens are read from video memory, not from dirty rectangles.
struct HGSMIState: SavedState {
  /// Where the guest wants flags of the host; all ones: nowhere.
  var flagsLocation: UInt32 = .max
  /// What the driver can do, as it says.
  var capabilities: UInt32 = 0
  /// One for each monitor.
  var screens: [Screen] = []
  init() {}
  init(monitors: Int) { screens = Array(repeating: Screen(), count: min(HGSMIState.maximumScreens, max(1, monitors))) }

  static let maximumScreens = 64

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("flagsLocation", &flagsLocation)
    try visit.field("capabilities", &capabilities)
    try visit.fixedList("screens", &screens)
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
      // All ones in a hint mean that there is none.
      for at in stride(from: 8, to: size - 3, by: 4) { store32(data + at, .max) }
      answer(data + 4, HGSMI.Status.success)
    default: host.log(.unimplemented, "VBVA command \(command) with \(size) bytes")
    }
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
