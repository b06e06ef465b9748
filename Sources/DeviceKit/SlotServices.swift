import Base

/// What a slot can be asked to do from the outside, whatever its device is.
protocol SlotEvents: AnyObject, Sendable {
  func timerExpired(_ timer: Int)
  func blockEnded(_ completion: BlockCompletion, epoch: Int)
}

/// The `DeviceServices` of a real machine. Lives behind its slot's lock and is only used with that lock held.
public final class SlotServices: DeviceServices {
  private let name: String
  private let machine: MachineServices
  private let drives: [any BlockBackend]
  private let character: (any CharacterBackend)?
  /// The slot, which outlives its services. Not weak: weak references make every retain of the slot slow.
  unowned var owner: any SlotEvents
  var timers: [TimerQueue.Timer] = []
  var mappings: [BusMapping] = []
  private var sinks: [[@Sendable (Bool) -> Void]]
  private var levels: [Bool]
  /// Deadlines as the device set them; tell a timer that still matters from one that was just disarmed.
  private var deadlines: [VirtualTime?]
  private var positions: [UInt64?] = []
  private var fates: [(@Sendable () -> InterruptFate)?]
  private var mapObserver: (@Sendable (Int, UInt64?) -> Void)?
  /// Requests the backends still have.
  var outstanding = 0
  /// Goes up at each reset and restore; completions of an earlier epoch mean nothing to the device.
  var epoch = 0
  /// What is behind a network card, and the frames that wait for it.
  var network: (any NetworkBackend)?
  var frames: FrameQueue?
  public internal(set) var isLinkUp = true
  private var logged = 0

  init(
    _ descriptor: DeviceDescriptor, _ machine: MachineServices, drives: [any BlockBackend],
    character: (any CharacterBackend)?, owner: any SlotEvents
  ) {
    self.owner = owner
    name = descriptor.name
    self.machine = machine
    self.drives = drives
    self.character = character
    sinks = Array(repeating: [], count: descriptor.outputs.count)
    levels = Array(repeating: false, count: descriptor.outputs.count)
    fates = Array(repeating: nil, count: descriptor.outputs.count)
    deadlines = Array(repeating: nil, count: descriptor.timers.count)
    positions = Array(repeating: nil, count: descriptor.regions.count)
  }

  // MARK: Wiring

  func connect(_ output: Int, to sink: @escaping @Sendable (Bool) -> Void) {
    guard sinks.indices.contains(output) else { return }
    sinks[output].append(sink)
    if levels[output] { sink(true) }
  }
  func connectFate(_ output: Int, _ query: @escaping @Sendable () -> InterruptFate) {
    if fates.indices.contains(output) { fates[output] = query }
  }
  func observeMap(_ observer: @escaping @Sendable (Int, UInt64?) -> Void) {
    mapObserver = observer
    for (region, base) in positions.enumerated() where base != nil { observer(region, base) }
  }
  /// Moves a region; one that was refused counts as moved, because the bus lets it in once there is room.
  func place(_ region: Int, at base: UInt64?) throws(BusError) {
    guard mappings.indices.contains(region), positions[region] != base else { return }
    positions[region] = base
    defer { mapObserver?(region, base) }
    try machine.bus.map(mappings[region], at: base)
  }
  /// Whether `timer` is due now; if so it becomes disarmed.
  func takeDue(_ timer: Int) -> Bool {
    guard deadlines.indices.contains(timer), let deadline = deadlines[timer], deadline <= now else { return false }
    deadlines[timer] = nil
    return true
  }
  func disarmAll() { for timer in deadlines.indices { disarm(timer) } }

  // MARK: DeviceServices

  public var now: VirtualTime { machine.clock.now }
  public var wallClockSeconds: Int64 { machine.clock.wallClockSeconds }

  public func setLine(_ output: Int, _ level: Bool) {
    guard levels.indices.contains(output), levels[output] != level else { return }
    levels[output] = level
    for sink in sinks[output] { sink(level) }
  }
  public func fate(of output: Int) -> InterruptFate {
    fates.indices.contains(output) ? fates[output]?() ?? .taken : .taken
  }
  public func arm(_ timer: Int, at time: VirtualTime) {
    guard timers.indices.contains(timer), deadlines.indices.contains(timer) else { return }
    deadlines[timer] = time
    machine.timers.arm(timers[timer], at: time)
  }
  public func disarm(_ timer: Int) {
    guard timers.indices.contains(timer), deadlines.indices.contains(timer), deadlines[timer] != nil else { return }
    deadlines[timer] = nil
    machine.timers.disarm(timers[timer])
  }
  public func map(_ region: Int, at base: UInt64?) {
    do {
      try place(region, at: base)
    } catch {
      log(.guestError, "region \(region) not mapped: \(error)")
    }
  }
  public func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8] {
    machine.dma.dmaRead(address, count: max(0, count))
  }
  public func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8]) { machine.dma.dmaWrite(address, bytes) }
  public func messageInterrupt(address: UInt64, data: UInt32) { machine.messageInterrupt(address, data) }
  public func submit(_ request: BlockRequest, drive: Int) {
    outstanding += 1
    let tag = request.tag
    let epoch = epoch
    guard drives.indices.contains(drive) else {
      owner.blockEnded(BlockCompletion(tag: tag, drive: drive, status: .noMedium), epoch: epoch)
      return
    }
    drives[drive].submit(request) { [owner] completion in
      var completion = completion
      completion.drive = drive
      completion.tag = tag
      owner.blockEnded(completion, epoch: epoch)
    }
  }
  public func transmit(_ bytes: [UInt8]) { character?.transmit(bytes) }
  public var maximumFrame: Int { network?.maximumFrame ?? NetworkFrame.ordinaryLimit }
  public func transmit(_ frame: NetworkFrame) { if isLinkUp { network?.transmit(frame) } }
  public func nextFrame(remove: Bool) -> NetworkFrame? { remove ? frames?.next() : frames?.first }
  public func request(_ request: MachineRequest) { machine.request(request) }
  public func log(_ kind: LogKind, _ message: @autoclosure () -> String) {
    logged += 1
    // A guest can cause any number of these: show the first ones, then each power of two.
    guard logged <= 32 || logged & (logged - 1) == 0 else { return }
    machine.log(name, kind, logged <= 32 ? message() : "\(message()) (message \(logged))")
  }
}
