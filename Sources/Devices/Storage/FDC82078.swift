import Base
import DeviceKit

/// Intel 82078 floppy disk controller in AT mode with two drives, on ISA DMA channel 2.
///
/// - Outputs "irq6" and "drq2"; backends 0 and 1 are drives A and B.
/// - Data goes through the DMA channel handed in, or, with the ND bit of SPECIFY, byte by byte through the FIFO port.
/// - The command FIFO has a fixed size and every index is bounded by the command's length in the table.
/// - Spec: Intel 290468 "82078 64 pin CHMOS single-chip floppy disk controller", sections 2, 5 and 6.
/// - Not modelled: rotation and head timing, sector sizes other than 512, deleted data marks, SCAN commands.
public struct FDC82078: Device {
  public struct Drive: SavedState {
    /// Cylinder the heads stand on.
    var track: UInt8 = 0
    /// Disk change line: set until a step pulse with a medium in the drive.
    var changed = true
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("track", &track)
      try visit.field("changed", &changed)
    }
  }
  enum Phase: UInt8, Sendable {
    case command, result
    /// Bytes move between `buffer` and the guest.
    case toGuest, fromGuest
    /// The backend works.
    case reading, writing
  }

  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    var drives = [Drive(), Drive()]
    var dor: UInt8 = FloppyDOR.nReset | FloppyDOR.dmaGate
    var tdr: UInt8 = 0
    /// Data rate select, bits 0-1 (also written through CCR).
    var dsr: UInt8 = 2
    var phase = Phase.command
    /// Command bytes, then result bytes.
    var fifo = [UInt8](repeating: 0, count: 16)
    var fifoPosition: UInt8 = 0
    /// Bytes of the command or result.
    var fifoCount: UInt8 = 0
    var interrupt = false
    /// Drives (bit n) whose reset or seek SENSE INTERRUPT STATUS has yet to report.
    var resetSense: UInt8 = 0
    var seekSense: UInt8 = 0
    /// Drives (bit n) whose last seek failed.
    var seekFailed: UInt8 = 0
    // SPECIFY, CONFIGURE, PERPENDICULAR MODE, LOCK
    var specify0: UInt8 = 0
    var specify1: UInt8 = 0
    var configure: UInt8 = 0x20
    var precompensation: UInt8 = 0
    var perpendicular: UInt8 = 0
    var locked = false
    // Transfer under way
    var command = [UInt8](repeating: 0, count: 9)
    var head: UInt8 = 0
    var sector: UInt8 = 1
    var position: UInt32 = 0
    var terminalCount = false
    var retries: UInt16 = 0
    var buffer: [UInt8] = []

    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedList("drives", &drives)
      try visit.field("dor", &dor)
      try visit.field("tdr", &tdr)
      try visit.field("dsr", &dsr)
      try visit.field("phase", &phase)
      try visit.fixedBytes("fifo", &fifo)
      try visit.field("fifoCount", &fifoCount, in: 0...16)
      try visit.field("fifoPosition", &fifoPosition, in: 0...fifoCount)
      try visit.field("interrupt", &interrupt)
      try visit.field("resetSense", &resetSense, in: 0...15)
      try visit.field("seekSense", &seekSense, in: 0...15)
      try visit.field("seekFailed", &seekFailed, in: 0...15)
      try visit.field("specify0", &specify0)
      try visit.field("specify1", &specify1)
      try visit.field("configure", &configure)
      try visit.field("precompensation", &precompensation)
      try visit.field("perpendicular", &perpendicular)
      try visit.field("locked", &locked)
      try visit.fixedBytes("command", &command)
      try visit.field("head", &head, in: 0...1)
      try visit.field("sector", &sector)
      try visit.bytes("buffer", &buffer, maximum: FDC82078.bufferLimit)
      try visit.field("position", &position, in: 0...UInt32(buffer.count))
      try visit.field("terminalCount", &terminalCount)
      try visit.field("retries", &retries)
    }
  }
  /// A track of the largest medium.
  static let bufferLimit = 36 * 512

  public let descriptor = DeviceDescriptor(
    name: "fdc",
    regions: [
      .ports(0x3f0...0x3f5, "floppy", accessWidth: 1), .ports(0x3f7...0x3f7, "floppy DIR/CCR", accessWidth: 1),
    ],
    outputs: ["irq6", "drq2"], timers: ["DRQ poll"])
  public var state = State()
  var media: [MediumInfo]
  let dma: any DMAChannel
  var activeTag: UInt64?
  var lastTag: UInt64 = 0

  /// `media`: what is in drives A and B (`sectors` 0: empty). Fewer than two: the others do not exist.
  public init(media: [MediumInfo], dma: any DMAChannel) {
    self.media = Array(media.prefix(2))
    self.dma = dma
  }

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    activeTag = nil
    host.disarm(0)
    updateLines(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    activeTag = nil
    submitPending(host)
    if state.retries > 0 { host.arm(0, at: host.now.adding(nanoseconds: FDC82078.pollNanoseconds)) }
    updateLines(host)
  }
  /// How often a closed DMA channel is looked at again, and how many times.
  static let pollNanoseconds: Int64 = 1_000_000
  static let pollLimit: UInt16 = 1000

  // MARK: Media

  /// The machine changed what is in a drive.
  public mutating func mediumChanged(drive: Int, _ medium: MediumInfo, _ host: some DeviceServices) {
    guard media.indices.contains(drive) else { return }
    media[drive] = medium
    state.drives[drive].changed = true
  }
  func geometry(_ drive: Int) -> FloppyGeometry? {
    media.indices.contains(drive) ? FloppyGeometry.of(sectors: media[drive].sectors) : nil
  }

  // MARK: Ports

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    switch (access.region, access.offset) {
    case (0, 2): return UInt64(state.dor)
    case (0, 3): return UInt64(state.tdr & 3)
    case (0, 4): return UInt64(mainStatus)
    case (0, 5): return UInt64(readFIFO(host))
    case (1, 0):
      // DIR: bit 7 is the change line of the selected drive, if its motor runs; the others belong to the fixed disk.
      let drive = Int(state.dor & 3)
      let running = state.dor >> (4 + UInt8(drive)) & 1 == 1 && media.indices.contains(drive)
      return running && state.drives[drive].changed ? 0xff : 0x7f
    default: return .max
    }
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch (access.region, access.offset) {
    case (0, 2): writeDOR(byte, host)
    case (0, 3): state.tdr = byte & 3
    case (0, 4):
      state.dsr = byte & 0x7f
      if byte & 0x80 != 0 { softwareReset(host, released: state.dor & FloppyDOR.nReset != 0) }
    case (0, 5): writeFIFO(byte, host)
    case (1, 0): state.dsr = state.dsr & 0x7c | byte & 3
    default: break
    }
  }

  private var mainStatus: UInt8 {
    guard state.dor & FloppyDOR.nReset != 0 else { return 0 }
    let busy = FloppyMSR.commandBusy
    switch state.phase {
    case .command: return FloppyMSR.rqm | (state.fifoPosition > 0 ? busy : 0)
    case .result: return FloppyMSR.rqm | FloppyMSR.dio | busy
    case .toGuest: return busy | (usesDMA ? 0 : FloppyMSR.rqm | FloppyMSR.dio | FloppyMSR.nonDMA)
    case .fromGuest: return busy | (usesDMA ? 0 : FloppyMSR.rqm | FloppyMSR.nonDMA)
    case .reading, .writing: return busy | (usesDMA ? 0 : FloppyMSR.nonDMA)
    }
  }
  /// ND bit of SPECIFY.
  var usesDMA: Bool { state.specify1 & 1 == 0 }

  private mutating func writeDOR(_ value: UInt8, _ host: some DeviceServices) {
    let before = state.dor
    state.dor = value
    if value & FloppyDOR.nReset == 0 {
      if before & FloppyDOR.nReset != 0 { softwareReset(host, released: false) }
    } else if before & FloppyDOR.nReset == 0 {
      softwareReset(host, released: true)
    }
    updateLines(host)
  }
  /// Reset by DOR or DSR: registers of LOCK stay. With polling enabled, an interrupt tells of its end.
  private mutating func softwareReset(_ host: some DeviceServices, released: Bool) {
    activeTag = nil
    host.disarm(0)
    enterCommandPhase()
    (state.interrupt, state.seekSense, state.seekFailed, state.resetSense) = (false, 0, 0, 0)
    if !state.locked {
      state.configure = 0x20
      state.precompensation = 0
    }
    state.perpendicular &= 0x3c
    if released, state.configure & 0x10 == 0 {
      state.resetSense = 0xf
      state.interrupt = true
    }
    updateLines(host)
  }
  mutating func enterCommandPhase() {
    state.phase = .command
    (state.fifoPosition, state.fifoCount) = (0, 0)
    state.buffer = []
    state.position = 0
    state.retries = 0
    state.terminalCount = false
  }
  func updateLines(_ host: some DeviceServices) {
    let gate = state.dor & FloppyDOR.dmaGate != 0 && state.dor & FloppyDOR.nReset != 0
    host.setLine(0, state.interrupt && gate)
    host.setLine(1, gate && usesDMA && (state.phase == .toGuest || state.phase == .fromGuest))
  }

  // MARK: FIFO

  private mutating func readFIFO(_ host: some DeviceServices) -> UInt8 {
    switch state.phase {
    case .result:
      if state.interrupt {
        state.interrupt = false
        updateLines(host)
      }
      let at = Int(state.fifoPosition)
      guard at < Int(state.fifoCount), at < state.fifo.count else {
        enterCommandPhase()
        return 0xff
      }
      let value = state.fifo[at]
      state.fifoPosition += 1
      if state.fifoPosition >= state.fifoCount { enterCommandPhase() }
      return value
    case .toGuest where !usesDMA && Int(state.position) < state.buffer.count:
      let value = state.buffer[Int(state.position)]
      state.position += 1
      lowerDataInterrupt(host)
      if Int(state.position) == state.buffer.count { bufferMoved(host) }
      return value
    default: return 0xff
    }
  }
  private mutating func writeFIFO(_ value: UInt8, _ host: some DeviceServices) {
    guard state.dor & FloppyDOR.nReset != 0 else { return }
    switch state.phase {
    case .command:
      if state.fifoPosition == 0 { state.fifoCount = FloppyCommand.length(value) }
      let at = Int(state.fifoPosition)
      guard at < Int(state.fifoCount), at < state.fifo.count else { return }
      state.fifo[at] = value
      state.fifoPosition += 1
      if state.fifoPosition == state.fifoCount { execute(Array(state.fifo.prefix(Int(state.fifoCount))), host) }
    case .fromGuest where !usesDMA && Int(state.position) < state.buffer.count:
      state.buffer[Int(state.position)] = value
      state.position += 1
      lowerDataInterrupt(host)
      if Int(state.position) == state.buffer.count { bufferMoved(host) }
    default: break
    }
  }
  private mutating func lowerDataInterrupt(_ host: some DeviceServices) {
    guard state.interrupt else { return }
    state.interrupt = false
    updateLines(host)
  }
  /// Offers a result; `interrupt` as commands with an execution phase have one.
  mutating func enterResultPhase(_ bytes: [UInt8], interrupt: Bool, _ host: some DeviceServices) {
    enterCommandPhase()
    state.phase = .result
    state.fifoCount = UInt8(min(bytes.count, state.fifo.count))
    for (index, byte) in bytes.prefix(state.fifo.count).enumerated() { state.fifo[index] = byte }
    if interrupt { state.interrupt = true }
    updateLines(host)
  }

  public func info() -> String {
    let drives = media.indices.map { drive in
      "drive \(drive): \(media[drive].sectors) sectors, track \(state.drives[drive].track)"
        + (state.drives[drive].changed ? ", changed" : "")
    }
    return (["FDC: \(state.phase), DOR 0x\(String(state.dor, radix: 16))"] + drives).joined(separator: "\n")
  }
}

/// Digital output register.
enum FloppyDOR { static let nReset: UInt8 = 0x04, dmaGate: UInt8 = 0x08 }
/// Main status register.
enum FloppyMSR {
  static let rqm: UInt8 = 0x80, dio: UInt8 = 0x40, nonDMA: UInt8 = 0x20, commandBusy: UInt8 = 0x10
}
