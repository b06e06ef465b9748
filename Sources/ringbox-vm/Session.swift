import Base
import ControlChannel
import HostSystem
import Machine
import RemoteDisplay
import Synchronization

/// A machine's run in this process: terminal, signals, ports and control channel around it, from power-on to exit.
///
/// Lives on the event loop's thread, which is the main thread. The machine's own threads only post events.
final class Session: LoopSource {
  /// Why the machine was told to stop; the guest's own reasons come from the machine.
  private enum Cause {
    case quit(String)
    case signal(Int32)
  }
  /// What the machine's threads tell the loop.
  private final class Inbox: Sendable {
    private let events = Mutex<[MachineEvent]>([])
    private let waker: LoopWaker
    init(_ waker: LoopWaker) { self.waker = waker }
    func post(_ event: MachineEvent) {
      events.withLock { $0.append(event) }
      waker.wake()
    }
    func take() -> [MachineEvent] {
      events.withLock { events in
        defer { events = [] }
        return events
      }
    }
  }
  /// Wishes from callbacks of the terminal, which run on the loop's thread inside another source.
  private final class Wishes: Sendable {
    struct State {
      var quit = false
      var hangUp = false
      var screenshot = false
      var lights = false
    }
    let state = Mutex(State())
  }

  private let options: SessionOptions
  private let machine: Machine
  private let saved: SavedMachine?
  private let adapter: MachineAdapter
  private let inspection: Inspection
  private let loop: EventLoop
  private let signals: SignalDescriptor
  private let lines: [SerialLine]
  private let terminal: HostTerminal?
  private let inbox: Inbox
  private let wishes: Wishes
  private var server: ControlServer?
  private var console: LiveScreen?
  private var display: DisplayServer?
  private var cause: Cause?
  private var stopAskedAt: Int64 = 0
  /// A second signal within this many nanoseconds of the first means the same.
  private static let patience: Int64 = 1_000_000_000
  private var reason: StopReason?
  private var tripleFaults = 0
  private static let toldTripleFaults = 8
  private let startedAt = HostClock.monotonicNanoseconds

  /// Builds and runs the machine; returns only by an error, before anything was created or changed.
  static func run(_ options: SessionOptions) throws {
    SignalDescriptor.ignoreBrokenPipes()
    do {
      // Before any thread exists, so that every thread leaves these signals to the loop.
      let signals = try SignalDescriptor([Signal.hangUp, Signal.interrupt, Signal.quit, Signal.user1, Signal.terminate])
      try Session(options, signals).run()
    } catch let error as SystemCallError {
      throw StartError(.failure, error.description)
    } catch let error as MachineError {
      throw StartError(error)
    }
  }

  private init(_ options: SessionOptions, _ signals: SignalDescriptor) throws {
    self.options = options
    self.signals = signals
    let waker = try LoopWaker()
    loop = EventLoop(waker: waker)
    let inbox = Inbox(waker)
    self.inbox = inbox
    wishes = Wishes()
    let usesTerminal = options.serial.contains(.stdio) && HostTerminal.isTerminal(0)
    terminal = usesTerminal ? HostTerminal(0) : nil
    terminal?.guardSettings()
    if options.isText, !HostTerminal.isTerminal(0) || !HostTerminal.isTerminal(1) {
      throw StartError(.failure, "--text needs a terminal as standard input and output")
    }
    if let path = options.screenshot, let obstacle = HostFiles.obstacle(toWriting: path) {
      throw StartError(.failure, "screenshot: cannot write '\(path)': \(obstacle.reason)")
    }
    let serial = options.serial.indices.map { SerialLine(name: "serial\($0)", waker: waker) }
    let debug = SerialLine(name: "debugcon", waker: waker)
    lines = serial + (options.debugConsole == .none ? [] : [debug])
    inspection = try Inspection(options.inspection)
    saved = try options.restore.map { path throws(MachineError) in try SavedMachine(path) }
    let wishes = wishes
    machine = try Machine(configuration: options.machine, inspection: inspection.engine, saved: saved) { event in
      switch event {
      case .serialOutput(let port, let bytes): if port < serial.count { serial[port].transmit(bytes) }
      case .debugOutput(let bytes): debug.transmit(bytes)
      case .keyboardLEDs:
        // A guest may blink as fast as it can: what counts is the state when the loop comes to it.
        wishes.state.withLock { $0.lights = true }
        waker.wake()
      default: inbox.post(event)
      }
    }
    adapter = MachineAdapter(machine)
    for (port, line) in serial.enumerated() {
      line.connect { [machine] bytes in machine.serialInput(port: port, bytes) }
    }
  }

  private func run() throws {
    if let path = options.control {
      do {
        server = try ControlServer(path: path, machine: adapter, lines: lines, waker: loop.waker) { [wishes] in
          wishes.state.withLock { $0.quit = true }
        }
      } catch {
        throw StartError(.failure, "control: cannot listen on '\(path)': \(error.reason)")
      }
    }
    var endpoints = Endpoints()
    do {
      try openDisplay()
      let destinations = options.serial + (options.debugConsole == .none ? [] : [options.debugConsole])
      try endpoints.open(Array(zip(destinations, lines)))
      try restore()
    } catch {
      server?.close()
      display?.close()
      throw error
    }
    endpoints.commit()
    for (port, path) in endpoints.terminals { Report.line("\(port) is \(path)") }
    for line in lines { loop.add(line) }
    if let server { loop.add(server) }
    loop.add(self)
    connectTerminal()
    machine.start()
    do throws(ThreadError) { try display?.start() } catch {
      throw SystemCallError(call: "pthread_create", code: error.errorNumber)
    }
    if options.isText { try showScreen() }
    if let recording = options.recording {
      // The machine is worth more than its film.
      do throws(ControlError) { try adapter.startRecording(recording) } catch { tell("recording: \(error)") }
    }
    loop.run()
    finish()
  }

  private func restore() throws {
    guard let saved, let path = options.restore else { return }
    try machine.restore(saved)
    guard options.consumesState else { return }
    // From here on the disks move on: nobody may come back to this state.
    try HostPaths.remove(path)
    try HostPaths.synchronize(folder: path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".")
  }

  private func openDisplay() throws {
    guard let viewers = options.viewers else { return }
    do throws(SystemCallError) {
      display = try DisplayServer(
        at: viewers.address, name: options.machine.name, password: viewers.password, source: MachineDisplay(machine))
    } catch {
      throw StartError(.failure, "vnc: cannot listen on '\(viewers.text)': \(error.reason)")
    }
  }

  private func connectTerminal() {
    guard let terminal, let port = options.serial.firstIndex(of: .stdio) else { return }
    let line = lines[port]
    line.attachTerminal(
      escape: { [wishes, line] action in
        switch action {
        case .quit: wishes.state.withLock { $0.quit = true }
        case .help: line.show(TerminalEscape.helpText)
        case .input: break
        }
      },
      hangUp: { [wishes] in wishes.state.withLock { $0.hangUp = true } })
    terminal.makeRaw()
  }

  private func showScreen() throws {
    let waker = loop.waker
    do throws(ThreadError) {
      console = try LiveScreen(machine) { [wishes] action in
        wishes.state.withLock { state in
          switch action {
          case .quit: state.quit = true
          case .hangUp: state.hangUp = true
          case .screenshot: state.screenshot = true
          }
        }
        waker.wake()
      }
    } catch { throw SystemCallError(call: "pthread_create", code: error.errorNumber) }
  }

  // MARK: Loop

  var interests: [PollEntry] { [PollEntry(signals.raw)] }
  var deadline: Int64? { nil }

  func service(_ ready: [PollEntry], now: Int64) {
    while let signal = signals.next() { handle(signal) }
    let wished = wishes.state.withLock { state in
      defer { state = .init() }
      return state
    }
    if wished.quit { stop(.quit("quit")) }
    if wished.hangUp { stop(.signal(Signal.hangUp)) }
    if wished.screenshot { takeScreenshot() }
    if wished.lights { server?.lightsChanged() }
    for event in inbox.take() { handle(event) }
  }

  private func handle(_ signal: Int32) {
    if signal == Signal.user1 {
      takeScreenshot()
    } else {
      stop(.signal(signal))
    }
  }

  private func handle(_ event: MachineEvent) {
    switch event {
    case .stateChanged(let state): server?.broadcast("state", [("state", .string(state.rawValue))])
    case .reset(let reason):
      // Nobody asked for this one: say what happened, before clients hear of it and look.
      if reason.contains("triple fault") { tellTripleFault(reason) }
      server?.broadcast("reset", [("reason", .string(reason))])
    case .stopped(let reason):
      self.reason = reason
      loop.stop()
    case .diskFailed(let drive, let text):
      server?.broadcast("disk-failed", [("drive", .string(drive)), ("text", .string(text))])
      tell("paused: \(drive): \(text); mend it and resume")
    case .log(let device, _, let text):
      guard adapter.tells(device) else { break }
      server?.broadcast("log", [("device", .string(device)), ("text", .string(text))])
    case .serialOutput, .debugOutput, .keyboardLEDs: break
    }
  }

  /// A guest can fault and restart for ever: the first times are told, then each power of two.
  private func tellTripleFault(_ reason: String) {
    tripleFaults += 1
    let isMany = tripleFaults > Session.toldTripleFaults
    guard !isMany || tripleFaults & (tripleFaults - 1) == 0 else { return }
    tell("reset: \(reason)\(isMany ? " (\(tripleFaults) times)" : "")")
  }

  /// Stops the machine in an orderly way; asked again by a signal after a while, ends the process at once.
  private func stop(_ why: Cause) {
    let now = HostClock.monotonicNanoseconds
    if cause != nil {
      // timeout(1), for one, sends its signal twice in a row: that is no sign of impatience.
      guard case .signal(let number) = why, now &- stopAskedAt >= Session.patience else { return }
      terminal?.restore()
      console?.end()
      HostProcess.exit(ExitStatus.signal(number).code)
    }
    stopAskedAt = now
    cause = why
    // Flushing disks takes a while, and the loop must stay awake for the second signal.
    let thread = try? HostThread(name: "stop") { [machine] in machine.stop() }
    if thread == nil { machine.stop() }
  }

  private func takeScreenshot() {
    guard let path = options.screenshot else {
      console?.show("start with --screenshot FILE.png to save pictures")
      return
    }
    do {
      let image = try adapter.screenshot()
      try HostFiles.replace(path, with: image)
    } catch let error as SystemCallError {
      tell("screenshot: cannot write '\(path)': \(error.reason)")
    } catch {
      tell("screenshot: \(error)")
    }
  }

  /// A line for the user, wherever that does not spoil the screen.
  private func tell(_ text: String) {
    if let console, console.isShowing { console.show(text) } else { Report.line(text, raw: terminal != nil) }
  }

  // MARK: End

  private var outcome: (text: String, status: ExitStatus) {
    switch (reason, cause) {
    case (.powerOff, _): (reason?.text ?? "power off", .poweredOff)
    case (.reset, _): (reason?.text ?? "reset", .reset)
    case (.tripleFault, _): (reason?.text ?? "triple fault", .tripleFault)
    case (.saved, _): ("saved", .saved)
    case (.instructionLimit, _): (reason?.text ?? "instruction limit", .quit)
    case (.divergence, _): (reason?.text ?? "divergence", .divergence)
    case (_, .signal(let number)): ("signal \(number)", .signal(number))
    case (_, .quit(let text)): (text, .quit)
    default: ("stopped", .failure)
    }
  }

  private func finish() -> Never {
    let (text, status) = outcome
    console?.end()
    display?.close()
    if options.screenshot != nil { takeScreenshot() }
    if let failure = adapter.endRecording() { tell("recording: \(failure)") }
    for line in lines { line.flush(milliseconds: 1000) }
    server?.deliver()
    server?.broadcast("exit", [("reason", .string(text)), ("exitStatus", .integer(Int64(status.code)))])
    server?.close()
    terminal?.restore()
    if status == .reset || status == .tripleFault { Report.line("the guest stopped: \(text)") }
    let determinism = machine.determinism
    if let determinism { Report.line(Report.text(determinism)) }
    inspection.finish(machine, wantsStatusLine: options.wantsStatusLine) { Report.line($0) }
    if case .divergence(let report, let testCase) = reason { Report.divergence(report, testCase) }
    if options.wantsStatusLine {
      let seconds = Double(HostClock.monotonicNanoseconds - startedAt) / 1e9
      var line = Report.status(reason: text, status, seconds: seconds, machine: machine.status)
      if case .saved(let path) = reason { line.set("stateFile", .string(path)) }
      if let determinism { line.set("deterministic", Report.json(determinism)) }
      if let statistics = inspection.statistics(machine) { line.set("engine", statistics) }
      HostStream.standard(1).writeAll(Array((line.text + "\n").utf8), milliseconds: 2000)
    }
    HostProcess.exit(status.code)
  }
}

/// Signal numbers of Linux on x86-64 (signal(7)).
enum Signal {
  static let hangUp: Int32 = 1
  static let interrupt: Int32 = 2
  static let quit: Int32 = 3
  static let user1: Int32 = 10
  static let terminate: Int32 = 15
}
