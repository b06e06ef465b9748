import Base
import HostSystem
import Synchronization

/// A device of any kind, as the machine keeps it in a list.
public protocol MachineComponent: AnyObject, Sendable {
  var name: String { get }
  var stateVersion: Int { get }
  /// Maps the regions that have a base and resets the device.
  func start() throws(BusError)
  /// Hardware reset.
  func reset()
  func saveState() -> [UInt8]
  /// Replaces the state; when it is refused the device keeps its old one.
  func restoreState(_ bytes: [UInt8], version: Int) throws(StateError)
  /// Block requests not yet completed: a state may only be saved at 0.
  var outstandingRequests: Int { get }
  func info() -> String
  /// Takes the component out of the machine for good: it lets go of bus, lines, timers and backends, and whatever comes
  /// for it from now on means nothing. Parts refer to each other in circles, which end here.
  func disconnect()
}

/// A device in a machine: the device, its lock, and its connections to bus, lines, timers and backends.
///
/// Every entry takes the device's lock. On a thread that holds it already (a device that reaches itself through the
/// bus) accesses are refused, all-ones and counted; line changes, completions and input are delivered after the call
/// that is under way.
///
/// A slot lives as long as its bus and timer queue, which refer to it, as it does to them until `disconnect`.
///
/// Lock order: device, then interrupt router (PIIX3), then shared line, then interrupt controller, then vCPU; bus
/// and timer queue locks are innermost. Output sinks are called with the device's lock held, so a sink must never
/// lead back to a device higher in that order.
public final class DeviceSlot<D: Device>: BusTarget, SlotEvents, MachineComponent {
  private struct Core {
    var device: D
    /// Set at the end of `init`, which nothing can overtake: the regions are not mapped yet. Nil again after `disconnect`.
    var services: SlotServices?

    mutating func read(_ access: Access) -> UInt64 {
      guard let services else { return .max }
      return device.read(access, services)
    }
    mutating func write(_ access: Access, _ value: UInt64) {
      guard let services else { return }
      device.write(access, value, services)
    }
    mutating func run<R>(_ body: (inout D, SlotServices) throws -> R) rethrows -> R? {
      guard let services else { return nil }
      return try body(&device, services)
    }
    mutating func deliver(_ event: Deferred) {
      guard let services else { return }
      switch event {
      case .line(let input, let level):
        device.lineChanged(input, level, services)
      case .completion(let completion, let epoch):
        services.outstanding -= 1
        if epoch == services.epoch { device.blockCompleted(completion, services) }
      case .input(let bytes):
        _ = device.received(bytes, services)
      case .frames: device.framesArrived(services)
      case .link(let isUp):
        guard services.isLinkUp != isUp else { return }
        services.isLinkUp = isUp
        device.linkChanged(services)
      case .timer(let timer):
        if services.takeDue(timer) { device.timerFired(timer, services) }
      }
    }
  }
  private enum Deferred: Sendable {
    case line(Int, Bool)
    case completion(BlockCompletion, epoch: Int)
    case input([UInt8])
    case frames
    case link(Bool)
    case timer(Int)
  }
  /// More deferred events than this in one call mean that devices feed each other in a circle.
  private static var deferredLimit: Int { 1024 }

  public let descriptor: DeviceDescriptor
  private let core: OwnedLock<Core>
  private let frames = FrameQueue()
  private let deferred = Mutex<[Deferred]>([])
  private let hasDeferred = Atomic<Bool>(false)
  private let refused = Atomic<Int>(0)
  private let holdsFrames = Atomic<Bool>(false)

  public init(
    _ device: D, machine: MachineServices, drives: [any BlockBackend] = [], character: (any CharacterBackend)? = nil,
    network: (any NetworkBackend)? = nil
  ) throws(BusError) {
    descriptor = device.descriptor
    core = OwnedLock(Core(device: device))
    let services = SlotServices(descriptor, machine, drives: drives, character: character, owner: self)
    services.network = network
    services.frames = frames
    for timer in descriptor.timers.indices {
      services.timers.append(machine.timers.register { self.timerExpired(timer) })
    }
    for (index, region) in descriptor.regions.enumerated() {
      services.mappings.append(try machine.bus.attach(self, region: index, region, owner: descriptor.name))
    }
    core.value.services = services
  }

  public var name: String { descriptor.name }
  public var stateVersion: Int { descriptor.stateVersion }
  /// Re-entrant accesses refused.
  public var refusedAccesses: Int { refused.load(ordering: .relaxed) }
  public var outstandingRequests: Int { enter { _, services in services.outstanding } ?? 0 }

  // MARK: Wiring

  /// Adds a receiver of an output line. It is called with this device's lock held.
  public func connect(output: Int, to sink: @escaping @Sendable (Bool) -> Void) {
    _ = enter { _, services in services.connect(output, to: sink) }
  }
  /// Adds a receiver of the output line called `name`; false if the device has none.
  @discardableResult
  public func connect(output name: String, to sink: @escaping @Sendable (Bool) -> Void) -> Bool {
    guard let output = descriptor.outputs.firstIndex(of: name) else { return false }
    connect(output: output, to: sink)
    return true
  }
  /// Says who knows what became of an edge of `output`. `query` is called with this device's lock held.
  public func connectFate(output: Int, _ query: @escaping @Sendable () -> InterruptFate) {
    _ = enter { _, services in services.connectFate(output, query) }
  }
  /// The driver of an input line, to be connected to another device's output.
  public func input(_ input: Int) -> @Sendable (Bool) -> Void { { level in self.setInput(input, level) } }
  /// The driver of the input line called `name`; nil if the device has none.
  public func input(_ name: String) -> (@Sendable (Bool) -> Void)? {
    descriptor.inputs.firstIndex(of: name).map { input($0) }
  }
  /// Calls `observer` now and at each move with region and base, so that a machine can back a region with RAM.
  public func observeMap(_ observer: @escaping @Sendable (Int, UInt64?) -> Void) {
    _ = enter { _, services in services.observeMap(observer) }
  }
  /// Maps a region from outside (fixed wiring that the descriptor leaves open).
  public func map(_ region: Int, at base: UInt64?) { _ = enter { _, services in services.map(region, at: base) } }

  public func start() throws(BusError) {
    let result: Result<Void, BusError>? = enter { device, services in
      for (index, region) in descriptor.regions.enumerated() {
        guard let base = region.base else { continue }
        do throws(BusError) {
          try services.place(index, at: base)
        } catch {
          return .failure(error)
        }
      }
      device.reset(services)
      return .success(())
    }
    if case .failure(let error)? = result { throw error }
  }

  // MARK: Entries

  /// Runs `body` with the device's lock held: the machine's way to a device. Nil when this thread holds it already.
  @discardableResult
  public func withDevice<R>(_ body: (inout D, SlotServices) throws -> R) rethrows -> R? { try enter(body) }

  public func read(region: Int, offset: UInt64, width: Int) -> UInt64 {
    guard core.enter() else {
      refused.add(1, ordering: .relaxed)
      return .max
    }
    let value = core.value.read(Access(region: region, offset: offset, width: width))
    leave()
    return value
  }
  public func write(region: Int, offset: UInt64, width: Int, value: UInt64) {
    guard core.enter() else {
      refused.add(1, ordering: .relaxed)
      return
    }
    core.value.write(Access(region: region, offset: offset, width: width), value)
    leave()
  }
  /// Changes an input line.
  public func setInput(_ input: Int, _ level: Bool) {
    enterOrDefer(.line(input, level))
  }
  /// Bytes from the character backend; returns how many were taken (all of them when they had to be put off).
  public func receive(_ bytes: [UInt8]) -> Int {
    if let taken = enter({ device, services in device.received(bytes, services) }) {
      return min(max(0, taken), bytes.count)
    }
    `defer`(.input(bytes))
    return bytes.count
  }
  /// A frame from the network backend; false when too many wait already.
  @discardableResult
  public func receive(_ frame: NetworkFrame) -> Bool {
    guard frames.append(frame) else { return false }
    frameWaits()
    return true
  }
  /// Several frames from the network backend at once; those beyond the room there is are dropped.
  public func receive(_ batch: [NetworkFrame]) {
    for frame in batch { frames.append(frame) }
    frameWaits()
  }
  private func frameWaits() { if !holdsFrames.load(ordering: .sequentiallyConsistent) { enterOrDefer(.frames) } }
  /// While held, frames wait and the card does not hear of them: its state and guest memory stay as they are.
  public func holdFrames(_ isHeld: Bool) {
    holdsFrames.store(isHeld, ordering: .sequentiallyConsistent)
    frames.hold(isHeld)
    // Waits for a delivery under way; or delivers what came meanwhile.
    if isHeld { _ = enter { _, _ in } } else if !frames.isEmpty { enterOrDefer(.frames) }
  }
  /// Frames that the card has not taken yet.
  public var waitingFrames: Int { frames.count }
  /// These frames, for a saved state, in their order. To be asked while they are held.
  public var savedFrames: [NetworkFrame] { frames.peek(.max) }
  /// Plugs the cable of a network card in or out.
  public func setLink(_ isUp: Bool) { enterOrDefer(.link(isUp)) }
  func timerExpired(_ timer: Int) { enterOrDefer(.timer(timer)) }
  func blockEnded(_ completion: BlockCompletion, epoch: Int) { enterOrDefer(.completion(completion, epoch: epoch)) }

  // MARK: State

  public func reset() {
    _ = enter { device, services in
      services.epoch += 1
      frames.removeAll()
      device.reset(services)
    }
  }
  public func saveState() -> [UInt8] { enter { device, _ in StateWriter.encode(device.state) } ?? [] }
  public func restoreState(_ bytes: [UInt8], version: Int) throws(StateError) {
    guard version == descriptor.stateVersion else { throw .outOfRange(field: "version") }
    let result: Result<Void, StateError>? = enter { device, services in
      do throws(StateError) {
        let state = try StateReader.decode(bytes, into: device.state)
        services.epoch += 1
        services.disarmAll()
        frames.removeAll()
        device.state = state
        device.stateRestored(services)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    if case .failure(let error)? = result { throw error }
  }
  public func info() -> String { enter { device, _ in device.info() } ?? "busy" }
  public func disconnect() {
    guard core.enter() else { return }
    let services = core.value.services
    core.value.services = nil
    leave()
    // What nobody else needs goes here, with no lock held.
    _ = consume services
  }

  // MARK: Lock

  private func enter<R>(_ body: (inout D, SlotServices) throws -> R) rethrows -> R? {
    guard core.enter() else { return nil }
    defer { leave() }
    return try core.value.run(body)
  }
  /// Delivers what was put off during the call that ends, then gives the lock back.
  private func leave() {
    if hasDeferred.load(ordering: .relaxed) { deliverDeferred() }
    core.leave()
  }
  private func enterOrDefer(_ event: Deferred) {
    guard core.enter() else {
      `defer`(event)
      return
    }
    core.value.deliver(event)
    leave()
  }
  /// Only the thread that holds the lock gets here, so the holder's own check sees the flag.
  private func `defer`(_ event: Deferred) {
    deferred.withLock { events in
      guard events.count < DeviceSlot.deferredLimit else {
        refused.add(1, ordering: .relaxed)
        return
      }
      events.append(event)
    }
    hasDeferred.store(true, ordering: .relaxed)
  }
  private func deliverDeferred() {
    var delivered = 0
    while true {
      let events = deferred.withLock { events in
        defer { events = [] }
        return events
      }
      guard !events.isEmpty else { break }
      for event in events {
        delivered += 1
        // Completions are bounded by what the device submitted; never lose one.
        if case .completion = event {
        } else if delivered > DeviceSlot.deferredLimit {
          refused.add(1, ordering: .relaxed)
          continue
        }
        core.value.deliver(event)
      }
    }
    hasDeferred.store(false, ordering: .relaxed)
  }
}
