import Base
import DeviceKit
import Devices
import Execution

/// The state of one part of a machine, as a file of a saved machine has it.
struct MachineUnit: Sendable {
  var name: String
  var version: Int
  var state: [UInt8]
}

/// What the board itself has to keep: time.
struct BoardState: SavedState {
  var time = VirtualTime(nanoseconds: 0)
  init() {}
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("time", &time)
    guard time.nanoseconds >= 0 else { throw .outOfRange(field: "time") }
  }
  static let version = 1
  static let apicVersion = 1
}

extension Board {
  /// Components with names that differ: a second `virtio-blk` is `virtio-blk.1`.
  var namedComponents: [(name: String, component: any MachineComponent)] {
    var seen: [String: Int] = [:]
    return components.map { component in
      let number = seen[component.name, default: 0]
      seen[component.name] = number + 1
      return (number == 0 ? component.name : "\(component.name).\(number)", component)
    }
  }

  /// Everything but RAM, while the machine stands still.
  func save(_ processors: ProcessorSet) -> [MachineUnit] {
    var board = BoardState()
    board.time = clock.now
    var units = [MachineUnit(name: "board", version: BoardState.version, state: StateWriter.encode(board))]
    if let schedule = processors.saveSchedule() {
      units.append(MachineUnit(name: "schedule", version: ProcessorSet.scheduleVersion, state: schedule))
    }
    for (name, component) in namedComponents {
      units.append(MachineUnit(name: name, version: component.stateVersion, state: component.saveState()))
    }
    for card in network.cards where !card.waiting.isEmpty {
      let state = StateWriter.encode(card.waiting)
      units.append(MachineUnit(name: card.waitingUnit, version: WaitingFrames.version, state: state))
    }
    for (index, apic) in apics.enumerated() {
      units.append(
        MachineUnit(
          name: "apic\(index)", version: BoardState.apicVersion, state: StateWriter.encode(apic.save())))
    }
    for index in 0..<processors.count {
      units.append(
        MachineUnit(name: "cpu\(index)", version: ProcessorSet.stateVersion, state: processors.save(index)))
    }
    return units
  }

  /// Puts the parts of a machine that has not run yet into these states.
  ///
  /// Devices drive their lines when they come back, and controllers see edges that were seen long ago: so interrupt
  /// controllers come after those who drive them, local APICs after these, and processors last. The HPET comes before the
  /// timers whose lines it takes over.
  func restore(_ units: [MachineUnit], _ processors: ProcessorSet) throws(UnitError) {
    var rest: [String: MachineUnit] = [:]
    for unit in units { rest[unit.name] = unit }
    func take(_ name: String, _ version: Int) throws(UnitError) -> [UInt8] {
      guard let unit = rest.removeValue(forKey: name) else { throw UnitError("it has no unit '\(name)'") }
      guard unit.version == version else {
        throw UnitError("'\(name)' has the format \(unit.version), this program has \(version)")
      }
      return unit.state
    }
    func understood(_ name: String, _ body: () throws(StateError) -> Void) throws(UnitError) {
      do throws(StateError) { try body() } catch { throw UnitError("'\(name)' is not understood: \(error)") }
    }
    let time = try take("board", BoardState.version)
    try understood("board") { () throws(StateError) in
      let state: BoardState = try StateReader.decode(time)
      clock.set(state.time)
    }
    if processors.hasSchedule {
      let schedule = try take("schedule", ProcessorSet.scheduleVersion)
      try understood("schedule") { () throws(StateError) in try processors.restoreSchedule(schedule) }
    }
    let order: [any MachineComponent] = [hpet]
    let last: [any MachineComponent] = [isaBridge, ioapic, pic]
    func place(_ component: any MachineComponent) -> Int {
      if order.contains(where: { $0 === component }) { return 0 }
      return 1 + (last.firstIndex { $0 === component }.map { $0 + 1 } ?? 0)
    }
    let named = namedComponents
    for stage in 0...(1 + last.count) {
      for (name, component) in named where place(component) == stage {
        let state = try take(name, component.stateVersion)
        try understood(name) { () throws(StateError) in
          try component.restoreState(state, version: component.stateVersion)
        }
      }
    }
    for card in network.cards where rest[card.waitingUnit] != nil {
      let state = try take(card.waitingUnit, WaitingFrames.version)
      try understood(card.waitingUnit) { () throws(StateError) in card.restore(try StateReader.decode(state)) }
    }
    for (index, apic) in apics.enumerated() {
      let state = try take("apic\(index)", BoardState.apicVersion)
      try understood("apic\(index)") { () throws(StateError) in apic.restore(try StateReader.decode(state)) }
    }
    var states: [[UInt8]] = []
    for index in 0..<processors.count { states.append(try take("cpu\(index)", ProcessorSet.stateVersion)) }
    try understood("cpu") { () throws(StateError) in try processors.restore(states) }
    if let extra = rest.keys.min() { throw UnitError("this machine has nothing called '\(extra)'") }
  }
}

/// Why the parts of a saved machine do not fit; the rest of a sentence.
struct UnitError: Error {
  var text: String
  init(_ text: String) { self.text = text }
}
