import Base
import DeviceKit
import Execution
import GuestMemory
import HostSystem
import StateFile
import Synchronization

// Saving a machine into a file, and bringing it back.
extension Machine {
  /// Saves the machine into a new file and, when that is done, ends it: `StopReason.saved`. A machine that could not be
  /// saved goes on as before. Returns at once; `progress` gets percents, `completion` the end, both on other threads.
  public func saveState(
    to path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (MachineError?) -> Void
  ) {
    control.post { [self] in
      do throws(MachineError) {
        guard try standStill() else { return saveState(to: path, progress: progress, completion: completion) }
        try save(path, progress)
        completion(nil)
        shutDown(.saved(path))
      } catch { completion(error) }
    }
  }

  /// Stops the machine, if it runs, where it can be saved. On the control thread.
  ///
  /// False when a device of a deterministic machine has asked for something that is to be done before anything else: it is
  /// queued behind the caller, who tries again behind it.
  func standStill() throws(MachineError) -> Bool {
    guard state == .running || state == .paused else {
      throw MachineError(.state, "the machine is neither running nor paused")
    }
    if state == .running { halt(atCheckpoint: true) }
    return time.schedule?.isHeld != true
  }

  /// On the control thread, when the machine stands still.
  private func save(_ path: String, _ progress: @escaping @Sendable (Int) -> Void) throws(MachineError) {
    let before = state
    enter(.saving)
    do throws(MachineError) {
      try quiesce()
      try storage.flush()
      try write(path, board.save(processors), StandingMemory(memory: memory), progress)
    } catch {
      releaseInputs()
      if before == .running { runClocks() }
      enter(before)
      throw error
    }
  }

  /// Brings a machine that stands still to where nothing is on its way between its parts.
  func quiesce() throws(MachineError) {
    board.timers.settle()
    network.hold()
    let deadline = HostClock.monotonicNanoseconds &+ Machine.settlingLimit
    // A request that ends may lead to the next one.
    while true {
      let isWhole = storage.settle()
      let busy = board.components.filter { $0.outstandingRequests > 0 }
      if isWhole && busy.isEmpty { return }
      guard isWhole else {
        throw MachineError(.state, "a disk of the host has failed; mend it and resume the machine first")
      }
      guard HostClock.monotonicNanoseconds < deadline else {
        throw MachineError(.state, "\(busy.map(\.name).joined(separator: ", ")): requests do not end")
      }
    }
  }
  /// A deterministic machine's checkpoint: disk requests under way are carried out, and what follows from them.
  static func endRequests(_ storage: Storage, _ board: Board) {
    for _ in 0..<Machine.followingRequests {
      _ = storage.settle()
      if !board.components.contains(where: { $0.outstandingRequests > 0 }) { return }
    }
  }
  private static var followingRequests: Int { 10_000 }
  private static var settlingLimit: Int64 { 60_000_000_000 }
  func releaseInputs() { network.release() }

  /// What a state file says of the machine it is of.
  var savedDescription: JSON {
    let cards = network.cards.map { card -> JSON in
      ["model": .string(card.configuration.model.rawValue), "mac": .string(card.address.description)]
    }
    let drives = storage.drives.map { drive -> JSON in
      [
        "name": .string(drive.name), "place": .string(drive.place.text),
        "sectors": .integer(Int64(clamping: drive.medium.sectors)),
      ]
    }
    let words = model.identification.map { row in JSON.array(row.map { .integer(Int64($0)) }) }
    var description: JSON = [
      "name": .string(configuration.name), "time": .integer(HostClock.wallNanoseconds / 1_000_000_000),
      "engine": .string(configuration.engine), "tscHertz": .integer(Int64(clamping: processors.timestampHertz)),
      "cpuid": .array(words), "network": .array(cards), "drives": .array(drives),
      "sataPorts": .integer(Int64(storage.sataPorts.count)),
    ]
    if let schedule = time.schedule { description.set("deterministic", .string("\(schedule.seed)")) }
    for member in configuration.hardware.members ?? [] { description.set(member.key, member.value) }
    return description
  }

  func write(
    _ path: String, _ units: [MachineUnit], _ source: some MemorySource, _ progress: @escaping @Sendable (Int) -> Void
  ) throws(MachineError) {
    let told = Atomic<Int>(-1)
    do throws(StateFileError) {
      let writer = try StateFileWriter(path, description: savedDescription)
      for unit in units { try writer.add(unit: unit.name, version: unit.version, unit.state) }
      try writer.add(memory: source) { done in
        let percent = Int(done * 99)
        if told.max(percent, ordering: .relaxed).oldValue < percent { progress(percent) }
      }
      try writer.finish()
      progress(100)
    } catch { throw MachineError(.file, "cannot save the machine to '\(path)': \(error)") }
  }

  // MARK: Coming back

  /// Puts the machine, which must have been built for this state and not started, to where it was saved.
  public func restore(
    _ saved: SavedMachine, progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws(MachineError) {
    let outcome = Mutex<MachineError?>(nil)
    control.perform { [self] in
      do throws(MachineError) { try load(saved, progress) } catch { outcome.withLock { $0 = error } }
    }
    if let error = outcome.withLock({ $0 }) { throw error }
  }

  private func load(_ saved: SavedMachine, _ progress: @escaping @Sendable (Int) -> Void) throws(MachineError) {
    guard state == .off else { throw MachineError(.state, "the machine is on already") }
    try saved.check(storage)
    try saved.checkSpeed(processors.timestampHertz)
    for drive in storage.drives where drive.kind != .disk && saved.wasEmpty(drive) { drive.worker.eject() }
    guard memory.clearRAM() else { throw .host("cannot clear the guest's memory", "the host refuses") }
    let told = Atomic<Int>(-1)
    let units: [MachineUnit]
    do throws(StateFileError) {
      try saved.file.memory(size: memory.ramSize) { done in
        let percent = Int(done * 100)
        if told.max(percent, ordering: .relaxed).oldValue < percent { progress(percent) }
      } store: { [memory] offset, bytes in
        memory.writeRAM(at: offset, bytes)
      }
      units = try saved.file.units().map { MachineUnit(name: $0.name, version: $0.version, state: $0.state) }
    } catch { throw MachineError(.file, "saved state '\(saved.path)': \(error)") }
    do throws(UnitError) { try board.restore(units, processors) } catch { throw saved.refuse(error.text) }
    renewLinks()
  }
  /// Cables are out when the machine comes back, and in again after a while of guest time.
  private func renewLinks() {
    guard network.pullCables() else { return }
    // Nothing on the timers' thread may hold the machine itself, whose end waits for that thread.
    let timer = board.timers.register { [weak network] in network?.replugCables() }
    board.timers.arm(timer, at: board.clock.now.adding(nanoseconds: Machine.linkUpDelay))
  }
  private static var linkUpDelay: Int64 { 5_000_000_000 }
}

/// RAM of a machine that stands still.
struct StandingMemory: MemorySource {
  let memory: GuestMemory
  var size: UInt64 { memory.ramSize }
  func nextData(from offset: UInt64) -> UInt64? { memory.nextRAM(from: offset) }
  func take(at offset: UInt64) -> [UInt8] { memory.readRAM(at: offset, count: FrozenMemory.part) }
}
/// RAM as it was, of a machine that runs on.
struct PastMemory: MemorySource {
  let frozen: FrozenMemory
  var size: UInt64 { frozen.size }
  func nextData(from offset: UInt64) -> UInt64? { frozen.nextData(from: offset) }
  func take(at offset: UInt64) -> [UInt8] { frozen.take(at: offset) }
}
