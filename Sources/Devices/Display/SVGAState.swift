import Base

/// Registers of VMware's SVGA II adapter, and the pointer that the guest has defined.
///
/// - Spec: register, capability and command numbers of VMware's svga_reg.h, which VMware publishes under the MIT
///   licence.
struct SVGAState: SavedState {
  /// Register numbers.
  enum Register {
    static let id: UInt32 = 0, enable: UInt32 = 1, width: UInt32 = 2, height: UInt32 = 3, maximumWidth: UInt32 = 4
    static let maximumHeight: UInt32 = 5, depth: UInt32 = 6, bitsPerPixel: UInt32 = 7, pseudocolor: UInt32 = 8
    static let redMask: UInt32 = 9, greenMask: UInt32 = 10, blueMask: UInt32 = 11, bytesPerLine: UInt32 = 12
    static let frameBufferStart: UInt32 = 13, frameBufferOffset: UInt32 = 14, videoMemory: UInt32 = 15
    static let frameBufferSize: UInt32 = 16, capabilities: UInt32 = 17, memoryStart: UInt32 = 18
    static let memorySize: UInt32 = 19, configDone: UInt32 = 20, sync: UInt32 = 21, busy: UInt32 = 22
    static let guestID: UInt32 = 23, cursorID: UInt32 = 24, cursorX: UInt32 = 25, cursorY: UInt32 = 26
    static let cursorOn: UInt32 = 27, hostBitsPerPixel: UInt32 = 28, scratchSize: UInt32 = 29
    static let memoryRegisters: UInt32 = 30, displayCount: UInt32 = 31, pitchLock: UInt32 = 32, irqMask: UInt32 = 33
    static let guestDisplays: UInt32 = 34, displayID: UInt32 = 35, displayIsPrimary: UInt32 = 36
    static let displayX: UInt32 = 37, displayHeight: UInt32 = 40, regionID: UInt32 = 41
    static let regionDescriptor: UInt32 = 42, maximumRegions: UInt32 = 43, maximumDescriptors: UInt32 = 44
    static let traces: UInt32 = 45, maximumPages: UInt32 = 46, totalMemory: UInt32 = 47
    static let commandLow: UInt32 = 48, commandHigh: UInt32 = 49
  }
  /// Bits of the enable register.
  enum Enable { static let enabled: UInt32 = 1, hidden: UInt32 = 2 }
  enum Capability {
    static let cursor: UInt32 = 0x20, cursorBypass: UInt32 = 0xc0, alphaCursor: UInt32 = 0x200
    static let extendedFIFO: UInt32 = 0x8000, multipleMonitors: UInt32 = 0x1_0000, pitchLock: UInt32 = 0x2_0000
    static let irqMask: UInt32 = 0x4_0000, displayTopology: UInt32 = 0x8_0000
    static let regions: UInt32 = 0x50_0000, screenObjects: UInt32 = 0x80_0000, commandBuffers: UInt32 = 0x100_0000
    static let all =
      cursor | cursorBypass | alphaCursor | extendedFIFO | multipleMonitors | pitchLock | irqMask
      | displayTopology | regions | screenObjects | commandBuffers
  }
  /// Bits of the interrupt registers.
  enum Interrupt {
    static let anyFence: UInt32 = 1, progress: UInt32 = 2, fenceGoal: UInt32 = 4
    static let buffer: UInt32 = 8, error: UInt32 = 0x10
    static let all: UInt32 = 0x1f
  }
  static let newestID: UInt32 = 0x9000_0002
  static let ids: ClosedRange<UInt32> = 0x9000_0000...newestID
  static let maximumDisplays = 10
  /// Pointers are at most so wide and high.
  static let maximumPointer = 256

  /// Register that the value port reaches.
  var index: UInt32 = 0
  var id = SVGAState.newestID
  var enable: UInt32 = 0
  var width: UInt32 = 1024
  var height: UInt32 = 768
  var bitsPerPixel: UInt32 = 32
  /// Bytes from line to line; 0: what the width needs.
  var pitchLock: UInt32 = 0
  /// The FIFO is set up.
  var configDone = false
  var guestID: UInt32 = 0
  var traces: UInt32 = 0
  var irqMask: UInt32 = 0
  var irqStatus: UInt32 = 0
  var cursorID: UInt32 = 0
  var cursorX: UInt32 = 0
  var cursorY: UInt32 = 0
  var cursorOn: UInt32 = 0
  /// Displays that the guest uses, and which of them the registers 36 to 40 mean.
  var guestDisplays: UInt32 = 1
  var displayID: UInt32 = 0
  /// Registers 36 to 40 of each display.
  var displays = [UInt32](repeating: 0, count: 5 * SVGAState.maximumDisplays)
  var pointer = Pointer()
  /// The FIFO's count of pointer moves when it was looked at.
  var cursorCount: UInt32 = 0
  /// Screen objects by number; while there is one, the registers say nothing of what is shown.
  var screens = Array(repeating: SVGAScreen(), count: SVGAState.maximumDisplays)
  /// What pixels are copied from and to.
  var image = SVGAImage()
  /// Guest memory that has a number.
  var regions: [SVGARegion] = []
  /// The number that a list of pages will get.
  var regionNumber: UInt32 = 0
  /// Upper half of the address of a command buffer's header.
  var commandHigh: UInt32 = 0
  init() {}

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("index", &index)
    try visit.field("id", &id, in: SVGAState.ids)
    try visit.field("enable", &enable, in: 0...3)
    try visit.field("width", &width)
    try visit.field("height", &height)
    try visit.field("bitsPerPixel", &bitsPerPixel, in: 1...32)
    try visit.field("pitchLock", &pitchLock)
    try visit.field("configDone", &configDone)
    try visit.field("guestID", &guestID)
    try visit.field("traces", &traces)
    try visit.field("irqMask", &irqMask)
    try visit.field("irqStatus", &irqStatus, in: 0...Interrupt.all)
    try visit.field("cursorID", &cursorID)
    try visit.field("cursorX", &cursorX)
    try visit.field("cursorY", &cursorY)
    try visit.field("cursorOn", &cursorOn)
    try visit.field("guestDisplays", &guestDisplays)
    try visit.field("displayID", &displayID)
    try visit.fixedIntegers("displays", &displays, in: 0...UInt32.max)
    try visit.nested("pointer", &pointer)
    try visit.field("cursorCount", &cursorCount)
    try visit.fixedList("screens", &screens)
    try visit.nested("image", &image)
    try visit.list("regions", &regions, maximum: Int(SVGARegion.maximumNumber))
    guard pagesInUse <= Int(SVGARegion.maximumPages) else { throw .outOfRange(field: "regions") }
    try visit.field("regionNumber", &regionNumber)
    try visit.field("commandHigh", &commandHigh)
  }

  /// The pointer's picture.
  struct Pointer: SavedState {
    var hotX: UInt32 = 0
    var hotY: UInt32 = 0
    /// Pixels of a row; 0: none is defined.
    var width: UInt16 = 0
    /// AARRGGBBh, colours multiplied by alpha.
    var pixels: [UInt32] = []
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("hotX", &hotX)
      try visit.field("hotY", &hotY)
      try visit.field("width", &width, in: 0...UInt16(SVGAState.maximumPointer))
      var bytes = pixels.flatMap { pixel in (0..<4).map { UInt8(truncatingIfNeeded: pixel >> UInt32($0 * 8)) } }
      try visit.bytes("pixels", &bytes, maximum: 4 * SVGAState.maximumPointer * SVGAState.maximumPointer)
      pixels = stride(from: 0, to: bytes.count - 3, by: 4).map { at in
        (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
      }
    }
  }

  // MARK: Derived

  var isShown: Bool { enable & (Enable.enabled | Enable.hidden) == Enable.enabled }
  var bytesPerPixel: UInt32 { (bitsPerPixel + 7) / 8 }
  var pitch: UInt32 { max(pitchLock, width &* bytesPerPixel) }
  /// Where in `displays` a register of the selected display is.
  func displayIndex(_ register: UInt32) -> Int? {
    displayID < SVGAState.maximumDisplays ? Int(displayID * 5 + register - Register.displayIsPrimary) : nil
  }

  /// Nil while the VGA is to be seen.
  func scanout(memory size: Int) -> Scanout? {
    guard isShown else { return nil }
    var areas: [Scanout.Area] = []
    if screens.contains(where: \.isDefined) {
      areas = screens.filter { $0.flags & SVGAScreen.Flag.deactivated == 0 }.compactMap { $0.area(memory: size) }
    } else {
      let area = Scanout.Area(
        width: Int(width), height: Int(height), bitsPerPixel: Int(bitsPerPixel), pitch: Int(pitch), start: 0,
        memory: size)
      if let area { areas = [area] }
    }
    guard !areas.isEmpty else { return nil }
    var scanout = Scanout(areas: areas)
    // 1 shows the pointer; 2 and 3 are for guests that draw into what lies under it.
    if cursorOn == 1 || cursorOn == 3, pointer.width > 0 {
      scanout.pointer = Scanout.Pointer(
        x: Int(Int32(bitPattern: cursorX)) - Int(pointer.hotX), y: Int(Int32(bitPattern: cursorY)) - Int(pointer.hotY),
        width: Int(pointer.width), pixels: pointer.pixels)
    }
    return scanout
  }
}
