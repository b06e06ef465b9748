import Base
import DeviceKit
import Devices
import DiskImages
import Execution
import GuestMemory
import HostSystem
import Synchronization

/// A virtual machine: built from a configuration, then driven from outside.
///
/// Every method may be called from any thread, but not from inside the event handler. `start`, `pause`, `resume`,
/// `reset` and `stop` return when the thing is done; they, and what devices ask for (reset, power-off), are carried
/// out one after the other on the machine's control thread.
public final class Machine: Sendable {
  public let configuration: MachineConfiguration
  private let events: @Sendable (MachineEvent) -> Void
  let control: ControlThread
  let memory: GuestMemory
  let model: ProcessorModel
  let board: Board
  let processors: ProcessorSet
  private let pins: [ProcessorPin]
  private let firmware: FirmwareImage
  private let serialInputs: [SerialInput?]
  private let fileSinks: [FileSink]
  private let outbox: Outbox
  private let display: DisplayAdapter
  let storage: Storage
  let background = BackgroundWork()
  let time: GuestTime

  private struct Progress {
    var state = MachineState.off
    var stopReason: StopReason?
    var resets = 0
    var waiters: [Parker] = []
  }
  private let progress = Mutex(Progress())

  /// Checks the configuration and everything it names, then builds the machine, switched off.
  ///
  /// Nothing outside is created or changed when this throws. `inspection`: what is to be seen of the code that the guest
  /// executes. `saved`: what `restore` will bring it back to.
  public init(
    configuration: MachineConfiguration, inspection: ProcessorInspection? = nil, saved: SavedMachine? = nil,
    events: @escaping @Sendable (MachineEvent) -> Void
  ) throws(MachineError) {
    try configuration.validate()
    let configuration = try saved?.adapt(configuration) ?? configuration
    self.configuration = configuration
    self.events = events
    if let saved {
      model = try saved.model(configuration)
    } else {
      do throws(ProcessorSpecificationError) {
        model = try ProcessorModel(configuration.cpu, count: configuration.cpus)
      } catch {
        throw MachineError(.configuration, error.message)
      }
    }
    firmware = try FirmwareImage(path: configuration.firmware)
    do throws(GuestMemoryError) {
      memory = try GuestMemory(ramSize: configuration.memory)
    } catch {
      throw .host("cannot reserve \(configuration.memory >> 20) MiB of guest memory", error)
    }
    try firmware.map(into: memory)

    var loader: BootLoader?
    if let kernel = configuration.kernel {
      let source = try KernelSource(configuration, kernel: kernel, lowMemory: memory.lowSize)
      loader = BootLoader { map, rsdp in
        Result { () throws(MachineError) in try source.plan(map, rsdp) }
      }
    }

    let control = ControlThread()
    let outbox = Outbox()
    self.control = control
    self.outbox = outbox
    var sinks = SinkSet(events: events)
    let serial = try sinks.serialBackends(configuration.serial)
    let debug = try sinks.debugBackend(configuration.debugConsole)
    fileSinks = sinks.files
    serialInputs = serial.map { $0 == nil ? nil : SerialInput() }

    let time = GuestTime(configuration)
    self.time = time
    let delegate = BoardDelegate(
      request: { request in
        if request.stopsMachine { time.schedule?.hold() }
        control.post { outbox.machine?.carryOut(request) }
      },
      tripleFault: { cpu in
        time.schedule?.hold()
        control.post { outbox.machine?.carryOutTripleFault(cpu) }
      },
      log: { device, kind, text in events(.log(device: device, kind: kind, text: text)) },
      keyboardLEDs: { events(.keyboardLEDs($0)) })
    let display = try DisplayAdapter(configuration.graphics)
    let storage = try Storage(configuration, memory: memory)
    if let schedule = time.schedule { storage.pace(time.clock, time.timers, schedule) }
    self.storage = storage
    self.display = display
    let plans: [Network.Plan]
    do throws(MachineError) {
      plans = try Network.plan(configuration)
    } catch {
      storage.close()
      throw error
    }
    do throws(BusError) {
      board = try Board(
        memory: memory, processors: configuration.cpus, serial: serial, debug: debug,
        display: display, mouse: configuration.mouse, storage: storage, network: plans, bootLoader: loader,
        time: time, delegate: delegate)
    } catch {
      throw .host("the board does not fit together", error)
    }
    processors = ProcessorSet(
      memory: memory, platform: board, model: model, count: configuration.cpus,
      engine: ProcessorEngine(rawValue: configuration.engine) ?? .recompiler, inspection: inspection,
      schedule: time.schedule)
    processors.onDivergence { report, test in
      control.post { outbox.machine?.shutDown(.divergence(report: report, testCase: test)) }
    }
    pins = board.attach(processors)
    time.connect(
      // Nothing on the processors' thread may hold the machine itself, whose end waits for that thread.
      checkpoint: { [storage, weak board] in if let board { Machine.endRequests(storage, board) } },
      reachedLimit: { control.post { outbox.machine?.shutDown(.instructionLimit) } })
    try powerUpDevices()
    connectSerialInputs()
    do throws(ThreadError) {
      try control.start()
      try board.timers.start()
      try processors.start()
    } catch {
      throw .host("cannot start a thread", error)
    }
    outbox.set(self)
    // What a deterministic machine waits for must come to an end.
    if time.schedule == nil {
      storage.holdFailures { drive, error in control.post { outbox.machine?.diskFailed(drive, error) } }
    }
    try network.start()
  }

  /// Takes the machine apart. Its parts refer to each other in circles, and none of those references is weak where it is
  /// used often: processors know the board, devices the bus that knows them, the timers that call them, the lines between
  /// them. Here, when nothing uses them any more, they let go of each other.
  ///
  /// Runs wherever the last reference is dropped, which may be the control thread or a background thread.
  deinit {
    // Threads must not outlive what they use. What has been closed by `stop`, as usual, is so already.
    background.finish()
    processors.stop()
    storage.close()
    network.close()
    board.timers.stop()
    control.stop()
    time.schedule?.disconnect()
    board.disconnect()
  }

  var network: Network { board.network }

  private func powerUpDevices() throws(MachineError) {
    var data = FirmwareData(
      lowMemory: memory.lowSize, highMemory: memory.ramSize - memory.lowSize, processors: configuration.cpus,
      bootOrder: configuration.bootOrder, videoBIOS: FirmwareImage.videoBIOS(configuration.graphics.controller),
      displayIdentity: configuration.graphics.controller.identity)
    let floppies = storage.floppyDrives.map { FirmwareData.floppyType(sectors: $0.medium.sectors) }
    data.floppyTypes = (floppies.first ?? 0, floppies.count > 1 ? floppies[1] : 0)
    if board.bootLoader != nil { data.bootROM = BootLoader.rom }
    data.acpi = ACPITables(
      ACPITables.Parameters(
        processors: configuration.cpus, devices: board.presentDevices, pciWindow: Board.pciWindow(memory.lowSize)))
    data.smbios = SMBIOSTables(
      name: configuration.name, memory: memory.ramSize, lowMemory: memory.lowSize, processors: configuration.cpus,
      identity: configuration.identity)
    board.firmwareConfig.withDevice { device, _ in data.install(&device) }
    board.rtc.withDevice { device, _ in data.install(&device) }
    firmware.loadLegacyCopy(into: memory)
    do throws(BusError) {
      try board.start()
    } catch {
      throw .host("the board does not fit together", error)
    }
  }

  private func connectSerialInputs() {
    for (index, uart) in board.uarts.enumerated() {
      guard let port = board.serialPort(ofUART: index), let input = serialInputs[port] else { continue }
      // The line changes under the port's lock; bytes are handed over from the control thread.
      _ = uart.connect(output: "receiveReady") { [weak uart, control] isReady in
        guard isReady else { return }
        control.post { [weak uart] in if let uart { input.pump { uart.receive($0) } } }
      }
    }
  }

  // MARK: State

  public var state: MachineState { progress.withLock { $0.state } }
  /// Why the machine stopped; nil before that.
  public var stopReason: StopReason? { progress.withLock { $0.stopReason } }

  func report(_ event: MachineEvent) { events(event) }
  func enter(_ state: MachineState) {
    progress.withLock { $0.state = state }
    events(.stateChanged(state))
  }

  /// Powers the machine on.
  public func start() {
    control.perform { [self] in
      guard state == .off else { return }
      runClocks()
      enter(.running)
    }
  }
  /// Freezes processors and guest time.
  public func pause() {
    control.perform { [self] in
      guard state == .running else { return }
      halt(atCheckpoint: true)
      enter(.paused)
    }
  }
  public func resume() {
    control.perform { [self] in
      guard state == .paused else { return }
      storage.retry()
      runClocks()
      enter(.running)
    }
  }
  /// Presses the reset button. A paused machine stays paused.
  public func reset() { control.perform { [self] in hardwareReset("requested") } }
  /// Pushes the power button: an event that the guest's operating system may obey.
  public func powerButton() {
    board.powerManagement.withDevice { device, services in device.pressPowerButton(services) }
  }
  /// Raises a non-maskable interrupt.
  public func nmi() { board.pulseNMI() }
  /// Switches the machine off at once. Disks are flushed; the machine cannot be started again.
  public func stop() { control.perform { [self] in shutDown(.requested) } }

  /// Returns when the machine has stopped, with the reason. Not from inside the event handler.
  @discardableResult
  public func waitUntilStopped() -> StopReason {
    let parker = Parker()
    let reason = progress.withLock { progress in
      if progress.stopReason == nil { progress.waiters.append(parker) }
      return progress.stopReason
    }
    if let reason { return reason }
    parker.park()
    return progress.withLock { $0.stopReason } ?? .requested
  }

  // MARK: On the control thread

  func runClocks() {
    board.clock.resume()
    processors.resume()
  }
  /// `atCheckpoint`: a deterministic machine runs on to where it can be saved; see `Schedule`.
  func halt(atCheckpoint: Bool = false) {
    processors.pause(atCheckpoint: atCheckpoint)
    board.clock.pause()
  }

  private func hardwareReset(_ reason: String) {
    let before = state
    guard before != .stopped else { return }
    if before == .running { halt() }
    // Transfers under way must not reach the memory of the new start.
    storage.drain()
    board.reset()
    firmware.loadLegacyCopy(into: memory)
    processors.reset()
    progress.withLock { $0.resets += 1 }
    events(.reset(reason: reason))
    if before == .running { runClocks() }
  }

  func shutDown(_ reason: StopReason) {
    guard state != .stopped else { return }
    if state == .running { halt() }
    background.finish()
    storage.close()
    network.close()
    for sink in fileSinks { sink.flush() }
    let waiters = progress.withLock { progress in
      progress.state = .stopped
      progress.stopReason = reason
      defer { progress.waiters = [] }
      return progress.waiters
    }
    events(.stateChanged(.stopped))
    events(.stopped(reason))
    for waiter in waiters { waiter.unpark() }
  }

  fileprivate func carryOut(_ request: MachineRequest) {
    // Requests made before a stop or pause took effect are still carried out; a stopped machine ignores them.
    guard state == .running || state == .paused else { return }
    switch request {
    case .reset(let reason):
      if configuration.exitOn.reset { shutDown(.reset(reason)) } else { hardwareReset(reason) }
    case .powerOff(let reason): shutDown(.powerOff(reason))
    case .nmi: board.pulseNMI()
    case .a20, .shadow: break
    }
  }

  /// A disk of the host failed in a way that may pass: the guest waits until somebody mends it and resumes the machine.
  fileprivate func diskFailed(_ drive: String, _ error: DiskError) {
    guard state != .stopped else { return }
    events(.diskFailed(drive: drive, text: error.description))
    guard state == .running else { return }
    halt()
    enter(.paused)
  }

  fileprivate func carryOutTripleFault(_ cpu: Int) {
    guard state == .running || state == .paused else { return }
    if configuration.exitOn.tripleFault || configuration.exitOn.reset {
      shutDown(.tripleFault(cpu: cpu))
    } else {
      hardwareReset("triple fault on CPU \(cpu)")
    }
  }

  // MARK: Input

  /// Key strokes as scan codes of set 1, for example E0h 48h E0h C8h for cursor-up pressed and released.
  public func keyboardInput(_ scancodes: [UInt8]) {
    board.keyboard.withDevice { device, services in device.keyboardInput(scancodes, services) }
  }
  /// Bytes of key strokes that the guest has not read.
  public var waitingKeyBytes: Int {
    board.keyboard.withDevice { device, _ in device.waitingKeyBytes } ?? 0
  }
  /// The lights of the keyboard's locks, as the guest has set them.
  public var keyboardLEDs: KeyboardLEDs { board.keyboard.withDevice { device, _ in device.leds } ?? [] }
  /// What the user did with the mouse: the guest is told the place if its driver wants that, and the distances otherwise.
  public func mouseInput(_ motion: PointerMotion) {
    if board.pointer?.withDevice({ device, services in device.move(motion, services) }) == true { return }
    board.keyboard.withDevice { device, services in
      device.mouseInput(dx: motion.dx, dy: motion.dy, dz: motion.dz, buttons: motion.buttons, services)
    }
  }
  /// The guest's driver wants places.
  public var isPointerAbsolute: Bool { board.pointer?.withDevice { device, _ in device.isAbsolute } == true }
  /// Bytes for COM port `port` (0 = COM1); returns how many were taken: a guest that does not read leaves 1 MiB waiting.
  @discardableResult
  public func serialInput(port: Int, _ bytes: [UInt8]) -> Int {
    guard serialInputs.indices.contains(port), let input = serialInputs[port],
      let uart = board.uart(ofPort: port)
    else { return 0 }
    let taken = input.append(bytes)
    control.post { input.pump { uart.receive($0) } }
    return taken
  }

  /// Asks the guest's display driver for another mode of one monitor (from 0).
  public func hint(_ mode: DisplayModeHint, display: Int) throws(MachineError) {
    guard state != .stopped else { throw MachineError(.state, "the machine has stopped") }
    guard board.vga.withDevice({ device, services in device.hint(mode, display: display, services) }) == true else {
      throw MachineError(
        .configuration,
        "the display adapter has no monitor \(display) that hears of modes (those of vga, VBoxVGA and VBoxSVGA do)")
    }
  }

  // MARK: Looking in

  /// A deterministic machine's run up to now, for comparing it with another; nil while it runs, and of other machines.
  public var determinism: Determinism? {
    guard let schedule = time.schedule, state != .running else { return nil }
    return Determinism(
      seed: schedule.seed, instructions: schedule.instructions, nanoseconds: schedule.now,
      state: board.memory.stateHash { processors.addState(to: &$0) })
  }

  /// Guest-physical memory as devices see it: RAM and ROM; the rest reads FFh. At most 16 MiB at a time.
  public func readMemory(physical address: UInt64, count: Int) -> [UInt8] {
    memory.read(GuestPhysical(address), count: min(max(0, count), 16 << 20))
  }

  /// The text on the screen; nil while the guest shows graphics.
  public func textScreen() -> TextScreen? {
    guard let registers = board.vga.withDevice({ device, _ in device.registers }) else { return nil }
    return TextScreen(registers, display.video.memory)
  }
  /// The picture on the screen, as a tube would show it: 32 bits a pixel, 00RRGGBBh.
  public func screenshot() -> Frame {
    let shown = board.vga.withDevice { device, _ in
      device.updatePointer()
      return device.registers
    }
    guard let registers = shown else { return Frame(width: 640, height: 480) }
    var renderer = ScreenRenderer()
    return renderer.render(registers, display.video.memory, time: board.clock.now)
  }

  /// A device's own description of its state; nil when there is no such device.
  public func deviceInfo(_ name: String) -> String? {
    if name == Machine.configurationTree { return configuration.tree }
    if let component = board.components.first(where: { $0.name == name }) { return component.info() }
    return board.apics.indices.first { Machine.apicName($0) == name }.map { board.apics[$0].info() }
  }
  public var deviceNames: [String] {
    [Machine.configurationTree] + board.components.map(\.name) + board.apics.indices.map(Machine.apicName)
  }
  /// The name that VirtualBox's debugger knows its configuration by.
  private static let configurationTree = "cfgm"
  /// A processor's local APIC.
  private static func apicName(_ cpu: Int) -> String { "apic\(cpu)" }

  /// What the machine is doing, for people and scripts.
  public var status: JSON {
    let (state, resets, reason) = progress.withLock { ($0.state, $0.resets, $0.stopReason) }
    let cpus = (0..<processors.count).map { cpu -> JSON in
      let statistics = processors.statistics(cpu)
      let registers = processors.registers(cpu)
      return .object([
        "instructions": .integer(Int64(clamping: statistics.instructions)),
        "decodedBlocks": .integer(Int64(clamping: statistics.decodedBlocks)),
        "halted": .bool(registers.isHalted), "rip": .string(String(registers.rip, radix: 16)),
      ])
    }
    return .object([
      "name": .string(configuration.name), "state": .string(state.rawValue),
      "stopReason": reason.map { .string($0.text) } ?? .null, "resets": .integer(Int64(resets)),
      "guestNanoseconds": .integer(board.clock.now.nanoseconds), "memory": .integer(Int64(configuration.memory)),
      "unclaimedAccesses": .integer(Int64(board.bus.unclaimedAccesses)), "cpus": .array(cpus),
      "network": networkStatus, "disks": diskStatus,
    ])
  }
  /// What has passed each drive, as a list of objects.
  private var diskStatus: JSON {
    .array(
      storage.drives.map { drive in
        let traffic = drive.worker.traffic
        func number(_ value: UInt64) -> JSON { .integer(Int64(clamping: value)) }
        return [
          "name": .string(drive.name), "readBytes": number(traffic.readBytes), "reads": number(traffic.reads),
          "writtenBytes": number(traffic.writtenBytes), "writes": number(traffic.writes),
        ]
      })
  }
}

/// How closures that the machine owns find the machine: it may be gone.
private final class Outbox: Sendable {
  private final class Weak: Sendable {
    weak let machine: Machine?
    init(_ machine: Machine) { self.machine = machine }
  }
  private let slot = AtomicLazyReference<Weak>()
  func set(_ machine: Machine) { _ = slot.storeIfNil(Weak(machine)) }
  var machine: Machine? { slot.load()?.machine }
}

/// Makes the character backends that a configuration asks for.
private struct SinkSet {
  let events: @Sendable (MachineEvent) -> Void
  var files: [FileSink] = []
  init(events: @escaping @Sendable (MachineEvent) -> Void) { self.events = events }

  private mutating func file(_ path: String, _ what: String) throws(MachineError) -> FileSink {
    do throws(FileError) {
      let sink = try FileSink(path)
      files.append(sink)
      return sink
    } catch {
      throw .unreadable(what, error)
    }
  }
  mutating func serialBackends(
    _ ports: [MachineConfiguration.SerialPort]
  ) throws(MachineError) -> [(any CharacterBackend)?] {
    var backends: [(any CharacterBackend)?] = []
    for (index, port) in ports.enumerated() {
      switch port {
      case .none: backends.append(nil)
      case .file(let path): backends.append(try file(path, "serial port"))
      case .stdio, .tcp, .pty, .unix:
        backends.append(EventSink { [events] in events(.serialOutput(port: index, bytes: $0)) })
      }
    }
    return backends
  }
  mutating func debugBackend(_ port: MachineConfiguration.SerialPort) throws(MachineError) -> (any CharacterBackend)? {
    switch port {
    case .none: return nil
    case .file(let path): return try file(path, "debug console")
    case .stdio, .tcp, .pty, .unix: return EventSink { [events] in events(.debugOutput($0)) }
    }
  }
}
