import Base
import DeviceKit

/// The two 8259A interrupt controllers of a PC/AT, as integrated in PIIX3: master at 20h, slave at A0h on the
/// master's IR2, edge/level control registers at 4D0h-4D1h.
///
/// Inputs irq0...irq15 (irq2 is the cascade and ignored), output "intr". The vCPU calls `acknowledge` for INTA.
///
/// - Spec: Intel 231468 "8259A", *Programming the 8259A*; Intel 290550 "82371FB/SB PIIX/PIIX3", 2.5.3 and 3.7.
/// - An edge stays latched when its line falls before INTA; real chips then answer with IR7. Devices here pulse.
/// - Not modelled: 8080 mode, buffered mode, ICW1.LTIM (PIIX3 replaces it by ELCR).
public struct I8259A: Device {
  /// Power-on state of the pair.
  public struct State: SavedState {
    public var master = I8259AChip()
    public var slave = I8259AChip()
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("master", &master)
      try visit.nested("slave", &slave)
    }
  }
  private enum Block { static let master = 0, slave = 1, elcr = 2 }
  /// Bits that can be made level-triggered: not IRQ 0-2, 8 and 13 (PIIX3 3.7.1.7-8).
  private static let elcrMask: (master: UInt8, slave: UInt8) = (0xf8, 0xde)

  public var state = State()
  public let descriptor = DeviceDescriptor(
    name: "i8259",
    regions: [
      .ports(0x20...0x21, "master", accessWidth: 1), .ports(0xa0...0xa1, "slave", accessWidth: 1),
      .ports(0x4d0...0x4d1, "ELCR", accessWidth: 1),
    ],
    outputs: ["intr"], inputs: (0..<16).map { "irq\($0)" })

  public init() {}

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    update(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) { update(host) }

  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    switch input {
    case 0, 1, 3...7: state.master.setLine(input, level)
    case 8...15: state.slave.setLine(input - 8, level)
    default: return
    }
    update(host)
  }

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.offset < 2 else { return 0xff }
    defer { update(host) }  // a polled read acknowledges
    switch access.region {
    case Block.master: return UInt64(state.master.read(access.offset))
    case Block.slave: return UInt64(state.slave.read(access.offset))
    case Block.elcr: return UInt64(access.offset == 0 ? state.master.elcr : state.slave.elcr)
    default: return 0xff
    }
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.offset < 2 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    switch access.region {
    case Block.master: state.master.write(access.offset, byte)
    case Block.slave: state.slave.write(access.offset, byte)
    case Block.elcr where access.offset == 0: state.master.elcr = byte & I8259A.elcrMask.master
    case Block.elcr: state.slave.elcr = byte & I8259A.elcrMask.slave
    default: return
    }
    update(host)
  }

  /// The INTA cycle: the vector for the processor. A request that went away gives IR7 of the chip that was asked,
  /// without an in-service bit (spurious IRQ7, IRQ15).
  public mutating func acknowledge(_ host: some DeviceServices) -> UInt8 {
    defer { update(host) }
    guard let input = state.master.pending else { return state.master.vectorBase | 7 }
    state.master.takeIntoService(input)
    guard input == 2 else { return state.master.vectorBase | UInt8(input) }
    guard let slaveInput = state.slave.pending else { return state.slave.vectorBase | 7 }
    state.slave.takeIntoService(slaveInput)
    return state.slave.vectorBase | UInt8(slaveInput)
  }

  /// What has become of the last edge on an input.
  public func fate(of input: Int) -> InterruptFate {
    guard input >= 8 else { return state.master.fate(of: input) }
    let isHeard = state.master.imr & 1 << 2 == 0
    return isHeard ? state.slave.fate(of: input - 8) : .ignored
  }

  public func info() -> String { "master \(state.master.summary)\nslave  \(state.slave.summary)" }

  private mutating func update(_ host: some DeviceServices) {
    // The cascade is level-sensitive here: the request stands while the slave has one, whatever ELCR says.
    state.master.cascadeRequest = state.slave.pending != nil
    host.setLine(0, state.master.pending != nil)
  }
}

/// One 8259A. `pending` is its INT output.
public struct I8259AChip: SavedState {
  /// Levels of the IR inputs.
  public private(set) var lines: UInt8 = 0
  /// Edges seen and not yet acknowledged.
  public private(set) var latched: UInt8 = 0
  public private(set) var imr: UInt8 = 0
  public private(set) var isr: UInt8 = 0
  /// Inputs in level mode.
  public var elcr: UInt8 = 0
  public private(set) var vectorBase: UInt8 = 0
  /// The input of lowest priority; 7 unless rotated.
  public private(set) var lowest: UInt8 = 7
  /// Next initialisation word expected: 0 none, 2 ICW2, 3 ICW3, 4 ICW4.
  public private(set) var expectedICW: UInt8 = 0
  private var icw1: UInt8 = 0
  private var icw4: UInt8 = 0
  private var rotatesOnAEOI = false
  private var specialMask = false
  private var isPolled = false
  private var readsISR = false
  /// The slave's INT on IR2 (master only); follows from the slave's state.
  var cascadeRequest = false

  private enum ICW1 { static let ic4: UInt8 = 0x01, sngl: UInt8 = 0x02 }
  private enum ICW4 { static let aeoi: UInt8 = 0x02, sfnm: UInt8 = 0x10 }

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("lines", &lines)
    try visit.field("latched", &latched)
    try visit.field("imr", &imr)
    try visit.field("isr", &isr)
    try visit.field("elcr", &elcr)
    try visit.field("vectorBase", &vectorBase)
    guard vectorBase & 7 == 0 else { throw .outOfRange(field: "vectorBase") }
    try visit.field("lowest", &lowest, in: 0...7)
    try visit.field("expectedICW", &expectedICW, in: 0...4)
    try visit.field("icw1", &icw1)
    try visit.field("icw4", &icw4)
    try visit.field("rotatesOnAEOI", &rotatesOnAEOI)
    try visit.field("specialMask", &specialMask)
    try visit.field("isPolled", &isPolled)
    try visit.field("readsISR", &readsISR)
    try visit.field("cascadeRequest", &cascadeRequest)
  }

  /// Requests: latched edges, and inputs in level mode as they are now.
  var irr: UInt8 { (latched & ~elcr) | (lines & elcr) | (cascadeRequest ? 1 << 2 : 0) }

  func fate(of input: Int) -> InterruptFate {
    let bit = UInt8(1) << UInt8(input & 7)
    return imr & bit != 0 ? .ignored : irr & bit != 0 ? .waiting : .taken
  }

  /// The request that would interrupt now: unmasked and of higher priority than all in service.
  var pending: Int? {
    let requests = irr & ~imr
    guard requests != 0 else { return nil }
    // Special mask mode: a masked input in service holds nobody back. Special fully nested mode: nor does the cascade.
    var blocking = specialMask ? isr & ~imr : isr
    if icw4 & ICW4.sfnm != 0, cascadeRequest { blocking &= ~(1 << 2) }
    guard let request = highest(requests) else { return nil }
    guard let serving = highest(blocking) else { return request }
    return rank(request) < rank(serving) ? request : nil
  }

  /// 0 is the highest priority.
  private func rank(_ input: Int) -> Int { (input - Int(lowest) - 1) & 7 }
  private func highest(_ set: UInt8) -> Int? {
    guard set != 0 else { return nil }
    for step in 1...8 {
      let input = (Int(lowest) + step) & 7
      if set >> UInt8(input) & 1 == 1 { return input }
    }
    return nil
  }

  mutating func setLine(_ input: Int, _ level: Bool) {
    let bit = UInt8(1) << UInt8(input & 7)
    if level {
      if lines & bit == 0, elcr & bit == 0 { latched |= bit }
      lines |= bit
    } else {
      lines &= ~bit
    }
  }

  /// INTA or poll took `input`.
  mutating func takeIntoService(_ input: Int) {
    let bit = UInt8(1) << UInt8(input & 7)
    latched &= ~bit
    if icw4 & ICW4.aeoi == 0 {
      isr |= bit
    } else if rotatesOnAEOI {
      lowest = UInt8(input & 7)
    }
  }

  mutating func read(_ offset: UInt64) -> UInt8 {
    if isPolled {
      isPolled = false
      guard let input = pending else { return 0 }
      takeIntoService(input)
      return 0x80 | UInt8(input)
    }
    return offset == 1 ? imr : readsISR ? isr : irr
  }

  mutating func write(_ offset: UInt64, _ value: UInt8) {
    if offset == 1 {
      writeData(value)
    } else if value & 0x10 != 0 {
      initialize(value)
    } else if value & 0x08 != 0 {
      writeOCW3(value)
    } else {
      writeOCW2(value)
    }
  }

  /// ICW1 resets everything but line levels and ELCR.
  private mutating func initialize(_ value: UInt8) {
    let kept = (lines: lines, elcr: elcr, base: vectorBase, cascade: cascadeRequest)
    self = I8259AChip()
    lines = kept.lines
    elcr = kept.elcr
    vectorBase = kept.base
    cascadeRequest = kept.cascade
    icw1 = value
    expectedICW = 2
  }
  private mutating func writeData(_ value: UInt8) {
    let afterICW3: UInt8 = icw1 & ICW1.ic4 != 0 ? 4 : 0
    switch expectedICW {
    case 2:
      vectorBase = value & 0xf8
      expectedICW = icw1 & ICW1.sngl != 0 ? afterICW3 : 3
    case 3:
      // The cascade is wired to IR2 on a PC; ICW3 can only repeat that.
      expectedICW = afterICW3
    case 4:
      icw4 = value
      expectedICW = 0
    default:
      imr = value
    }
  }
  private mutating func writeOCW2(_ value: UInt8) {
    let level = value & 7
    let serving = specialMask ? isr & ~imr : isr
    switch value >> 5 {  // R, SL, EOI
    case 0b000: rotatesOnAEOI = false
    case 0b100: rotatesOnAEOI = true
    case 0b001:
      if let input = highest(serving) { isr &= ~(1 << UInt8(input)) }
    case 0b101:
      guard let input = highest(serving) else { return }
      isr &= ~(1 << UInt8(input))
      lowest = UInt8(input)
    case 0b011: isr &= ~(1 << level)
    case 0b111:
      isr &= ~(1 << level)
      lowest = level
    case 0b110: lowest = level
    default: break  // 010: no operation
    }
  }
  private mutating func writeOCW3(_ value: UInt8) {
    if value & 0x40 != 0 { specialMask = value & 0x20 != 0 }  // ESMM, SMM
    if value & 0x04 != 0 {
      isPolled = true
    } else if value & 0x02 != 0 {
      readsISR = value & 0x01 != 0  // RR, RIS
    }
  }

  var summary: String {
    func hex(_ value: UInt8) -> String { String(value, radix: 16) }
    return "irr \(hex(irr)) imr \(hex(imr)) isr \(hex(isr)) elcr \(hex(elcr)) base \(hex(vectorBase)) lowest \(lowest)"
  }
}
