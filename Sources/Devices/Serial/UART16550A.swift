import Base
import DeviceKit

/// National PC16550D serial port as COM1 to COM4.
///
/// - Outputs: 0 "irq", gated by MCR.OUT2 as on the PC; 1 "receiveReady", true while `received` would take a byte.
/// - Bytes go to the backend as they are written: the divisor is stored and sets only the receive time-out.
/// - Spec: National Semiconductor TL/C/8652 "PC16550D", sections 8.0-8.10.
public struct UART16550A: Device {
  static let fifoSize = 16
  static let triggerLevels = [1, 4, 8, 14]

  enum IER { static let rda: UInt8 = 1, thre: UInt8 = 2, line: UInt8 = 4, modem: UInt8 = 8 }
  enum LSR {
    static let dr: UInt8 = 0x01, oe: UInt8 = 0x02, bi: UInt8 = 0x10, thre: UInt8 = 0x20, temt: UInt8 = 0x40
    static let errors: UInt8 = 0x1e
  }
  enum MCR { static let out2: UInt8 = 0x08, loop: UInt8 = 0x10 }
  enum MSR { static let cts: UInt8 = 0x10, dsr: UInt8 = 0x20, ri: UInt8 = 0x40, dcd: UInt8 = 0x80 }
  enum Output { static let irq = 0, receiveReady = 1 }

  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    var ier: UInt8 = 0
    var lcr: UInt8 = 0
    var mcr: UInt8 = 0
    var scratch: UInt8 = 0
    var divisor: UInt16 = 12
    /// FCR bits 0 (enable) and 6-7 (trigger level).
    var fcr: UInt8 = 0
    /// Error bits of LSR; the others follow from the FIFO.
    var lineErrors: UInt8 = 0
    /// Inputs of the modem (upper four MSR bits) as the backend drives them.
    var modemInputs: UInt8 = MSR.cts | MSR.dsr | MSR.dcd
    /// Delta bits of MSR.
    var modemDeltas: UInt8 = 0
    var threPending = false
    var timedOut = false
    var fifo: [UInt8] = []
    var timeout: VirtualTime?
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("ier", &ier, in: 0...0x0f)
      try visit.field("lcr", &lcr)
      try visit.field("mcr", &mcr, in: 0...0x1f)
      try visit.field("scratch", &scratch)
      try visit.field("divisor", &divisor)
      try visit.field("fcr", &fcr, in: 0...0xc1)
      try visit.field("lineErrors", &lineErrors, in: 0...LSR.errors)
      try visit.field("modemInputs", &modemInputs)
      try visit.field("modemDeltas", &modemDeltas, in: 0...0x0f)
      try visit.field("threPending", &threPending)
      try visit.field("timedOut", &timedOut)
      try visit.bytes("fifo", &fifo, maximum: UART16550A.fifoSize)
      try visit.field("timeout", &timeout)
    }
  }

  public let descriptor: DeviceDescriptor
  public var state = State()

  /// - Parameters:
  ///   - name: "serial0" and so on.
  ///   - base: first of eight ports; COM1...COM4 stand at 3F8h, 2F8h, 3E8h, 2E8h with interrupts 4, 3, 4, 3.
  public init(name: String, base: UInt16) {
    let first = min(base, 0xfff8)
    descriptor = DeviceDescriptor(
      name: name, regions: [.ports(first...(first + 7), "serial port", accessWidth: 1)],
      outputs: ["irq", "receiveReady"], timers: ["receive time-out"])
  }

  /// Bytes that `received` would take now.
  public var receiveRoom: Int { max(0, (fifoEnabled ? UART16550A.fifoSize : 1) - state.fifo.count) }

  private var fifoEnabled: Bool { state.fcr & 1 != 0 }
  private var trigger: Int { fifoEnabled ? UART16550A.triggerLevels[Int(state.fcr >> 6)] : 1 }
  private var loopback: Bool { state.mcr & MCR.loop != 0 }

  public mutating func reset(_ host: some DeviceServices) {
    let inputs = state.modemInputs
    state = State()
    state.modemInputs = inputs
    host.disarm(0)
    update(host)
  }

  public mutating func stateRestored(_ host: some DeviceServices) {
    state.modemInputs &= 0xf0
    state.fcr &= 0xc1
    if let timeout = state.timeout { host.arm(0, at: timeout) } else { host.disarm(0) }
    update(host)
  }

  // MARK: Registers

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    // The chip sits on an 8-bit bus.
    guard access.width == 1 else { return .max }
    let latch = state.lcr & 0x80 != 0
    switch access.offset {
    case 0: return latch ? UInt64(state.divisor & 0xff) : UInt64(takeByte(host))
    case 1: return latch ? UInt64(state.divisor >> 8) : UInt64(state.ier)
    case 2:
      let source = interruptSource
      if source == 0x02 {
        state.threPending = false
        update(host)
      }
      return UInt64(source | (fifoEnabled ? 0xc0 : 0))
    case 3: return UInt64(state.lcr)
    case 4: return UInt64(state.mcr)
    case 5:
      let value = state.lineErrors | LSR.thre | LSR.temt | (state.fifo.isEmpty ? 0 : LSR.dr)
      state.lineErrors = 0
      update(host)
      return UInt64(value)
    case 6:
      let value = modemStatus | state.modemDeltas
      state.modemDeltas = 0
      update(host)
      return UInt64(value)
    case 7: return UInt64(state.scratch)
    default: return .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    let byte = UInt8(truncatingIfNeeded: value)
    let latch = state.lcr & 0x80 != 0
    switch access.offset {
    case 0 where latch: state.divisor = state.divisor & 0xff00 | UInt16(byte)
    case 0: send(byte, host)
    case 1 where latch: state.divisor = state.divisor & 0x00ff | UInt16(byte) << 8
    case 1:
      // Enabling THRE while the transmitter is empty interrupts at once.
      if byte & IER.thre != 0 && state.ier & IER.thre == 0 { state.threPending = true }
      state.ier = byte & 0x0f
      update(host)
    case 2: setFIFOControl(byte, host)
    case 3: state.lcr = byte
    case 4:
      changeModem { $0.mcr = byte & 0x1f }
      update(host)
    case 7: state.scratch = byte
    default: break  // LSR and MSR are for factory test
    }
  }

  private mutating func setFIFOControl(_ byte: UInt8, _ host: some DeviceServices) {
    let enableChanged = (byte ^ state.fcr) & 1 != 0
    // Bits other than the enable are programmed only together with it.
    state.fcr = byte & 1 != 0 ? byte & 0xc1 : 0
    if enableChanged || byte & 3 == 3 {
      state.fifo = []
      clearTimeout(host)
    }
    if byte & 5 == 5 { state.threPending = true }
    update(host)
  }

  private mutating func send(_ byte: UInt8, _ host: some DeviceServices) {
    // The holding register fills, which withdraws the request, and empties at once.
    state.threPending = false
    update(host)
    if loopback { _ = accept([byte], host, dropping: true) } else { host.transmit([byte]) }
    state.threPending = true
    update(host)
  }

  // MARK: Receiver

  public mutating func received(_ bytes: [UInt8], _ host: some DeviceServices) -> Int {
    loopback ? 0 : accept(bytes, host, dropping: false)
  }

  /// Fills the FIFO. With `dropping`, what does not fit is lost as an overrun.
  private mutating func accept(_ bytes: [UInt8], _ host: some DeviceServices, dropping: Bool) -> Int {
    let count = min(bytes.count, receiveRoom)
    if count < bytes.count && dropping { state.lineErrors |= LSR.oe }
    guard count > 0 else {
      update(host)
      return 0
    }
    state.fifo += bytes.prefix(count)
    restartTimeout(host)
    update(host)
    return count
  }

  private mutating func takeByte(_ host: some DeviceServices) -> UInt8 {
    let byte = state.fifo.isEmpty ? 0 : state.fifo.removeFirst()
    clearTimeout(host)
    if !state.fifo.isEmpty { restartTimeout(host) }
    update(host)
    return byte
  }

  /// Four character times without traffic raise the time-out interrupt (8.4, FIFO interrupt mode).
  private mutating func restartTimeout(_ host: some DeviceServices) {
    guard fifoEnabled else { return }
    // 1.8432 MHz / 16 / divisor baud; about ten bits a character.
    let bit = Int64(max(1, state.divisor)) * 1_000_000_000 / 115_200
    let time = host.now.adding(nanoseconds: bit * 40)
    state.timeout = time
    host.arm(0, at: time)
  }
  private mutating func clearTimeout(_ host: some DeviceServices) {
    state.timedOut = false
    guard state.timeout != nil else { return }
    state.timeout = nil
    host.disarm(0)
  }

  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    state.timeout = nil
    state.timedOut = fifoEnabled && !state.fifo.isEmpty
    update(host)
  }

  // MARK: Modem

  /// Sets the modem inputs that the backend drives (true = active); they start with CTS, DSR and DCD on.
  public mutating func setModemInputs(cts: Bool, dsr: Bool, ri: Bool, dcd: Bool, _ host: some DeviceServices) {
    changeModem {
      $0.modemInputs =
        (cts ? MSR.cts : 0) | (dsr ? MSR.dsr : 0) | (ri ? MSR.ri : 0) | (dcd ? MSR.dcd : 0)
    }
    update(host)
  }

  /// Upper half of MSR; in loopback the MCR outputs come back as inputs (8.6).
  private var modemStatus: UInt8 {
    guard loopback else { return state.modemInputs & 0xf0 }
    let mcr = state.mcr
    return (mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4
  }

  private mutating func changeModem(_ body: (inout State) -> Void) {
    let before = modemStatus
    body(&state)
    let changed = (before ^ modemStatus) >> 4
    // RI counts only its trailing edge.
    let ringEnded = before & MSR.ri != 0 && modemStatus & MSR.ri == 0
    state.modemDeltas |= changed & 0x0b | (ringEnded ? 4 : 0)
  }

  // MARK: Interrupt

  /// IIR bits 0-3 in the order of priority (table IV): 1 when nothing is pending.
  private var interruptSource: UInt8 {
    let ier = state.ier
    if ier & IER.line != 0 && state.lineErrors & LSR.errors != 0 { return 0x06 }
    if ier & IER.rda != 0 {
      if state.fifo.count >= trigger { return 0x04 }
      if state.timedOut { return 0x0c }
    }
    if ier & IER.thre != 0 && state.threPending { return 0x02 }
    if ier & IER.modem != 0 && state.modemDeltas != 0 { return 0x00 }
    return 0x01
  }

  private func update(_ host: some DeviceServices) {
    host.setLine(Output.irq, interruptSource != 0x01 && state.mcr & MCR.out2 != 0)
    host.setLine(Output.receiveReady, receiveRoom > 0 && !loopback)
  }

  public func info() -> String {
    func hex(_ value: UInt8) -> String { "0x" + String(value, radix: 16) }
    return """
      \(descriptor.name): IER \(hex(state.ier)) IIR \(hex(interruptSource)) LCR \(hex(state.lcr)) \
      MCR \(hex(state.mcr)) MSR \(hex(modemStatus | state.modemDeltas))
      divisor \(state.divisor), FIFO \(fifoEnabled ? "on" : "off"), \(state.fifo.count) bytes waiting
      """
  }
}
