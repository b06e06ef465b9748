import Base
import DeviceKit

/// Intel 8254 programmable interval timer with port B (61h), wired as on the PC/AT.
///
/// Output "out0" interrupts (IRQ 0). Counter 1 once timed the memory refresh; counter 2's gate is port B bit 0.
/// In modes 2-4 the line rests high and each edge is a low-high pulse, which saves a timer per falling edge.
///
/// Guests count edges to keep time, so an edge that comes while the last one still waits for a processor, or that the
/// host woke too late for, is not lost: it is delivered when the guest has taken the one before. Output "late" tells
/// the board that edges wait, input "taken" that a processor took an interrupt. Where nobody says so, late edges come
/// half a period apart. Edges that every interrupt controller masks are not kept.
///
/// - Spec: Intel 231164 "8254", *Control Word Format*, *Read-Back Command*, *Mode Definitions*;
///   Intel 290550 "PIIX3", 3.7.3 (NMI status and control register, port 61h).
public struct I8254: Device {
  public struct State: SavedState {
    public var counters = [I8254Counter(), I8254Counter(), I8254Counter()]
    /// Port B bits 3-0: I/O check and parity masks, speaker data, gate 2.
    public var portB: UInt8 = 0
    /// Edges of OUT0 due and not yet delivered; output "late" is true while there are any.
    public var backlog: UInt32 = 0
    public var nextDelivery: VirtualTime?
    public var line = false
    public init() { counters[2].setGate(false, 0) }
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedList("counters", &counters)
      try visit.field("portB", &portB, in: 0...0x0f)
      try visit.field("backlog", &backlog, in: 0...I8254.backlogLimit)
      try visit.field("nextDelivery", &nextDelivery)
      try visit.field("line", &line)
    }
  }
  /// Input clock in hertz (14.31818 MHz / 12).
  public static let frequency: UInt64 = 1_193_182
  /// Shortest time between two edges in nanoseconds: faster ones merge, as no PC could serve them.
  private static let leastSpacing: Int64 = 50_000
  /// Missed edges beyond a second's worth are dropped.
  private static let backlogNanoseconds: UInt64 = 1_000_000_000
  private static let backlogLimit = UInt32(backlogNanoseconds / UInt64(leastSpacing))
  /// Refresh requests come every 18 input clocks; bit 4 of port B toggles with each.
  private static let refreshClocks: UInt64 = 18

  public var state = State()
  public let descriptor = DeviceDescriptor(
    name: "i8254",
    regions: [
      .ports(0x40...0x43, "counters and control word", accessWidth: 1), .ports(0x61...0x61, "port B", accessWidth: 1),
    ],
    outputs: ["out0", "speaker", "late"], inputs: ["taken"], timers: ["out0"])
  private enum Output { static let out0 = 0, speaker = 1, late = 2 }

  public init() {}

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    host.disarm(0)
    for output in [Output.out0, Output.speaker, Output.late] { host.setLine(output, false) }
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    host.setLine(Output.out0, state.line)
    host.setLine(Output.speaker, state.portB & 2 != 0)
    host.setLine(Output.late, state.backlog > 0)
    if let time = state.nextDelivery { host.arm(0, at: time) } else { host.disarm(0) }
  }

  private func clock(_ host: some DeviceServices) -> UInt64 { host.now.ticks(hertz: I8254.frequency) }

  // MARK: Ports

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    if access.region == 1 { return UInt64(readPortB(host)) }
    guard access.region == 0, access.offset < 3 else { return 0xff }
    return UInt64(state.counters[Int(access.offset)].read(clock(host)))
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    let byte = UInt8(truncatingIfNeeded: value)
    if access.region == 1 {
      state.portB = byte & 0x0f
      state.counters[2].setGate(byte & 1 != 0, clock(host))
      host.setLine(Output.speaker, byte & 2 != 0)
      return
    }
    guard access.region == 0, access.offset < 4 else { return }
    if access.offset == 3 {
      writeControl(byte, host)
      return
    }
    let index = Int(access.offset)
    let isComplete = state.counters[index].write(byte, clock(host))
    if index == 0 { counter0Changed(restarted: isComplete && state.counters[0].isOneShot, host) }
  }

  private mutating func writeControl(_ value: UInt8, _ host: some DeviceServices) {
    let now = clock(host)
    let selected = Int(value >> 6)
    if selected == 3 {
      for index in 0..<3 where value >> UInt8(index + 1) & 1 == 1 {
        if value & 0x20 == 0 { state.counters[index].latchCount(now) }
        if value & 0x10 == 0 { state.counters[index].latchStatus(now) }
      }
    } else if value & 0x30 == 0 {
      state.counters[selected].latchCount(now)
    } else {
      state.counters[selected].writeControl(value)
      if selected == 0 { counter0Changed(restarted: true, host) }
    }
  }

  private mutating func readPortB(_ host: some DeviceServices) -> UInt8 {
    let now = clock(host)
    state.counters[2].settle(now)
    let refresh: UInt8 = now / I8254.refreshClocks & 1 == 1 ? 0x10 : 0
    return state.portB | refresh | (state.counters[2].output(now) ? 0x20 : 0)
  }

  // MARK: OUT0

  /// After a control word or count: the line follows OUT and the timer the new sequence.
  private mutating func counter0Changed(restarted: Bool, _ host: some DeviceServices) {
    if restarted { state.backlog = 0 }
    if state.counters[0].mode == .interruptOnTerminalCount {
      drive(state.counters[0].output(clock(host)), host)
    } else {
      drive(true, host)
    }
    collectEdges(host)
    host.setLine(Output.late, state.backlog > 0)
    schedule(delivered: false, host)
  }
  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    guard timer == 0 else { return }
    state.nextDelivery = nil
    collectEdges(host)
    schedule(delivered: deliver(host), host)
  }
  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard input == 0, level, state.backlog > 0 else { return }
    collectEdges(host)
    if deliver(host) { schedule(delivered: true, host) }
  }
  /// Sends one edge, unless there is none or the last one still waits.
  private mutating func deliver(_ host: some DeviceServices) -> Bool {
    guard state.backlog > 0 else { return false }
    switch host.fate(of: Output.out0) {
    case .waiting:
      host.setLine(Output.late, true)
      return false
    case .ignored: state.backlog = 0
    case .taken: state.backlog -= 1
    }
    // First: whoever takes the edge must see whether there are more.
    host.setLine(Output.late, state.backlog > 0)
    drive(false, host)
    drive(true, host)
    return true
  }
  private mutating func drive(_ level: Bool, _ host: some DeviceServices) {
    state.line = level
    host.setLine(Output.out0, level)
  }

  /// Nanoseconds between edges, at least `leastSpacing`.
  private var spacing: Int64 {
    max(I8254.leastSpacing, Int64(state.counters[0].period * 1_000_000_000 / I8254.frequency))
  }
  private mutating func collectEdges(_ host: some DeviceServices) {
    let new = state.counters[0].takeEdges(clock(host))
    let limit = max(1, I8254.backlogNanoseconds / UInt64(spacing))
    // Faster than anyone can serve: one edge stands for all that came since the last.
    let isTooFast = spacing == I8254.leastSpacing
    let sum = UInt64(state.backlog).addingReportingOverflow(new)
    state.backlog = UInt32(min(sum.overflow ? limit : sum.partialValue, isTooFast ? 1 : limit))
  }
  /// Arms for the next edge, or for a late one; `delivered`: one went out just now, so keep a distance from it.
  private mutating func schedule(delivered: Bool, _ host: some DeviceServices) {
    let soonest = host.now.adding(nanoseconds: max(I8254.leastSpacing, spacing / 2))
    var time: VirtualTime?
    if state.backlog > 0 {
      time = min(soonest, state.nextDelivery ?? soonest)
    } else if let edge = state.counters[0].nextEdge() {
      let due = VirtualTime.at(ticks: edge, hertz: I8254.frequency)
      time = delivered || spacing == I8254.leastSpacing ? max(due, soonest) : due
    }
    state.nextDelivery = time
    if let time { host.arm(0, at: time) } else { host.disarm(0) }
  }

  public func info() -> String {
    let lines = state.counters.enumerated().map { "counter \($0): mode \($1.mode.rawValue) period \($1.period)" }
    return (lines + ["port B \(state.portB), backlog \(state.backlog)"]).joined(separator: "\n")
  }
}
