import Base
import DeviceKit

/// Intel 82093AA I/O APIC with 24 inputs and the EOI register of version 20h.
///
/// - Inputs: pin n is the assertion of interrupt n: true means asserted. The polarity bit is kept but has no effect,
///   because lines carry assertion, not voltage.
/// - Interrupts leave through `messageInterrupt` in the form of SDM 3A, 11.11.
/// - Spec: Intel 290566 "82093AA"; EOI register: ICH9 data sheet, 13.5.
public struct IOAPIC: Device {
  public static let pinCount = 24

  /// Redirection table entry bits.
  enum Entry {
    static let logical: UInt64 = 1 << 11
    static let remoteIRR: UInt64 = 1 << 14
    static let level: UInt64 = 1 << 15
    static let masked: UInt64 = 1 << 16
    static let writable: UInt64 = 0xff00_0000_0001_afff
  }

  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    var select: UInt8 = 0
    var id: UInt8 = 0
    var entries = [UInt64](repeating: Entry.masked, count: IOAPIC.pinCount)
    /// Bit n: input n is asserted.
    var levels: UInt32 = 0
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("select", &select)
      try visit.field("id", &id, in: 0...15)
      try visit.fixedIntegers("entries", &entries, in: 0...UInt64.max)
      try visit.field("levels", &levels, in: 0...0xff_ffff)
    }
  }

  public let descriptor: DeviceDescriptor
  public var state = State()
  private let resetID: UInt8

  /// - Parameters:
  ///   - base: guest-physical address of the register window.
  ///   - id: I/O APIC ID after reset, as the firmware tables name it.
  public init(base: UInt64 = 0xfec0_0000, id: UInt8 = 0) {
    resetID = id & 0xf
    state.id = resetID
    descriptor = DeviceDescriptor(
      name: "ioapic", regions: [.memory(base, size: 0x1000, "I/O APIC")],
      inputs: (0..<IOAPIC.pinCount).map { "pin\($0)" })
  }

  public mutating func reset(_ host: some DeviceServices) {
    let levels = state.levels
    state = State()
    state.id = resetID
    // The inputs are driven by others, who keep driving them.
    state.levels = levels
  }

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    switch access.offset {
    case 0x00: UInt64(state.select)
    case 0x10: UInt64(window)
    default: .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    switch access.offset {
    case 0x00: state.select = UInt8(truncatingIfNeeded: value)
    case 0x10: setWindow(UInt32(truncatingIfNeeded: value), host)
    case 0x40: endOfInterrupt(vector: UInt8(truncatingIfNeeded: value), host)
    default: host.log(.guestError, "I/O APIC: write at offset \(access.offset)")
    }
  }

  /// The register that IOREGSEL names.
  private var window: UInt32 {
    switch state.select {
    case 0x00, 0x02: return UInt32(state.id) << 24
    case 0x01: return UInt32(IOAPIC.pinCount - 1) << 16 | 0x20
    case 0x10..<(0x10 + UInt8(IOAPIC.pinCount) * 2):
      let entry = state.entries[Int(state.select - 0x10) / 2]
      return UInt32(truncatingIfNeeded: state.select & 1 == 1 ? entry >> 32 : entry)
    default: return .max
    }
  }

  private mutating func setWindow(_ value: UInt32, _ host: some DeviceServices) {
    if state.select == 0 { state.id = UInt8(truncatingIfNeeded: value >> 24) & 0xf }
    guard state.select >= 0x10, Int(state.select - 0x10) / 2 < IOAPIC.pinCount else { return }
    let pin = Int(state.select - 0x10) / 2
    let old = state.entries[pin]
    var new =
      state.select & 1 == 1
      ? old & 0xffff_ffff | UInt64(value) << 32
      : old & ~0xffff_ffff | UInt64(value)
    new = new & Entry.writable | old & Entry.remoteIRR
    // Edge mode has no remote IRR; guests turn a pin to edge and back to clear a stuck one.
    if new & Entry.level == 0 { new &= ~Entry.remoteIRR }
    state.entries[pin] = new
    serveLevel(pin, host)
  }

  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard input >= 0, input < IOAPIC.pinCount else { return }
    let bit: UInt32 = 1 << UInt32(input)
    let was = state.levels & bit != 0
    state.levels = level ? state.levels | bit : state.levels & ~bit
    guard level, !was else { return }
    let entry = state.entries[input]
    if entry & Entry.level != 0 {
      serveLevel(input, host)
    } else if entry & Entry.masked == 0 {
      // An edge on a masked input is lost (290566, 3.2.4).
      send(entry, host)
    }
  }

  /// The message that an edge on `pin` sends; nil while the entry is masked.
  public func message(ofPin pin: Int) -> InterruptMessage? {
    guard state.entries.indices.contains(pin), state.entries[pin] & Entry.masked == 0 else { return nil }
    let (address, data) = encoded(state.entries[pin])
    return InterruptMessage(address: address, data: data)
  }

  /// A processor has ended `vector`: level entries with it may interrupt again.
  public mutating func endOfInterrupt(vector: UInt8, _ host: some DeviceServices) {
    for pin in 0..<IOAPIC.pinCount {
      let entry = state.entries[pin]
      guard entry & 0xff == UInt64(vector), entry & (Entry.level | Entry.remoteIRR) == Entry.level | Entry.remoteIRR
      else { continue }
      state.entries[pin] = entry & ~Entry.remoteIRR
      serveLevel(pin, host)
    }
  }

  /// Sends a level entry whose input is asserted and which waits for no EOI.
  private mutating func serveLevel(_ pin: Int, _ host: some DeviceServices) {
    let entry = state.entries[pin]
    guard entry & (Entry.level | Entry.masked | Entry.remoteIRR) == Entry.level,
      state.levels & 1 << UInt32(pin) != 0
    else { return }
    // Only fixed and lowest-priority interrupts are answered by an EOI.
    if entry >> 8 & 7 <= 1 { state.entries[pin] = entry | Entry.remoteIRR }
    send(entry, host)
  }

  private func send(_ entry: UInt64, _ host: some DeviceServices) {
    let (address, data) = encoded(entry)
    host.messageInterrupt(address: address, data: data)
  }
  private func encoded(_ entry: UInt64) -> (address: UInt64, data: UInt32) {
    let logical: UInt64 = entry & Entry.logical != 0 ? 4 : 0
    let level: UInt32 = entry & Entry.level != 0 ? 0xc000 : 0
    return (0xfee0_0000 | (entry >> 56) << 12 | logical, UInt32(truncatingIfNeeded: entry & 0x7ff) | level)
  }

  public func info() -> String {
    var lines = ["I/O APIC ID \(state.id), asserted inputs 0x\(String(state.levels, radix: 16))"]
    for (pin, entry) in state.entries.enumerated() where entry & Entry.masked == 0 {
      lines.append(
        "pin \(pin): vector 0x\(String(entry & 0xff, radix: 16)), mode \(entry >> 8 & 7), "
          + "\(entry & Entry.level != 0 ? "level" : "edge"), destination \(entry >> 56)"
          + "\(entry & Entry.logical != 0 ? " logical" : "")\(entry & Entry.remoteIRR != 0 ? ", in service" : "")")
    }
    return lines.joined(separator: "\n")
  }
}
