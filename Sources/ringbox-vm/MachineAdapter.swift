import Base
import Compression
import ControlChannel
import Devices
import HostSystem
import Machine
import Synchronization

/// A `Machine` as the control channel wants it.
final class MachineAdapter: MachineControl {
  private let machine: Machine
  private let recorder = Mutex<Recorder?>(nil)
  private let logGroups = Mutex(LogGroups())
  init(_ machine: Machine) { self.machine = machine }

  var state: String { machine.state.rawValue }
  private func require(_ state: MachineState, _ text: String) throws(ControlError) {
    guard machine.state == state else { throw ControlError(text) }
  }
  func pause() throws(ControlError) {
    try require(.running, "the machine is not running")
    machine.pause()
  }
  func resume() throws(ControlError) {
    try require(.paused, "the machine is not paused")
    machine.resume()
  }
  func reset() { machine.reset() }
  func injectNMI() { machine.nmi() }
  func powerButton() { machine.powerButton() }

  func saveState(
    path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    machine.saveState(to: path, progress: progress) { error in
      completion(error.map { .failure(ControlError($0.description)) } ?? .success([("path", .string(path))]))
    }
  }

  func prepareSnapshot(images: [JSON]) throws(ControlError) {
    do throws(MachineError) { try machine.prepareSnapshot(try SnapshotImage.list(images)) } catch {
      throw ControlError(error.description)
    }
  }
  func takeSnapshot(
    path: String, images: [JSON], progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    let list: [SnapshotImage]
    do throws(MachineError) { list = try SnapshotImage.list(images) } catch {
      return completion(.failure(ControlError(error.description)))
    }
    machine.takeSnapshot(to: path, list, progress: progress) { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error.description)))
      case .success(let outcome):
        completion(
          .success([
            ("path", outcome.failure == nil ? .string(path) : .null),
            ("failure", outcome.failure.map { .string($0) } ?? .null),
            ("pauseMilliseconds", .number(Double(outcome.pauseNanoseconds) / 1e6)),
            ("keptPages", .integer(Int64(outcome.keptPages))),
          ]))
      }
    }
  }

  func mergeImage(
    parent: String, into path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    machine.mergeImage(parent, into: path, progress: progress) { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error.description)))
      case .success(let outcome): completion(.success([("inUse", .bool(outcome != .elsewhere))]))
      }
    }
  }

  func scanCodes(typing character: Character) -> [UInt8]? { try? KeyMap.scanCodes(typing: String(character)) }
  func scanCodes(chord: String) throws(ControlError) -> [UInt8] {
    do throws(KeyMapError) { return try KeyMap.scanCodes(chord: chord) } catch {
      throw ControlError(error.description)
    }
  }
  func keyboardInput(_ codes: [UInt8]) -> Int {
    // The keyboard's own queue is short, and what does not fit is lost.
    guard machine.waitingKeyBytes == 0 else { return 0 }
    machine.keyboardInput(codes)
    return codes.count
  }
  var keyboardLEDs: KeyboardLEDs { machine.keyboardLEDs }
  func mouseInput(_ motion: PointerMotion) { machine.mouseInput(motion) }
  var isPointerAbsolute: Bool { machine.isPointerAbsolute }

  func textScreen() -> ScreenText? {
    guard let screen = machine.textScreen() else { return nil }
    return ScreenText(
      rows: (0..<screen.rows).map { screen.line($0) }, cursor: screen.cursor.map { ($0.column, $0.row) })
  }
  func screenshot() throws(ControlError) -> [UInt8] {
    let frame = machine.screenshot()
    guard let image = PNGEncoder.encode(width: frame.width, height: frame.height, pixels: frame.pixels) else {
      throw ControlError("the picture of \(frame.width)x\(frame.height) does not fit into a PNG file")
    }
    return image
  }

  func hintMode(_ hint: ModeHint) throws(ControlError) {
    var mode = DisplayModeHint()
    mode.width = UInt32(clamping: hint.width)
    mode.height = UInt32(clamping: hint.height)
    mode.bitsPerPixel = UInt32(clamping: hint.bitsPerPixel)
    mode.isEnabled = hint.isEnabled
    mode.x = hint.origin.map { UInt32(clamping: $0.x) }
    mode.y = hint.origin.map { UInt32(clamping: $0.y) }
    do throws(MachineError) { try machine.hint(mode, display: hint.display) } catch {
      throw ControlError(error.description)
    }
  }

  func startRecording(_ settings: RecordingSettings) throws(ControlError) {
    let error: ControlError? = recorder.withLock { recorder in
      guard recorder == nil else { return ControlError("the screen is being recorded already") }
      do throws(ControlError) {
        recorder = try Recorder(settings) { [machine] in machine.screenshot() }
        return nil
      } catch { return error }
    }
    if let error { throw error }
  }
  func stopRecording(completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void) {
    guard let recorder = takeRecorder() else {
      return completion(.failure(ControlError("the screen is not being recorded")))
    }
    let finish: @Sendable () -> Void = {
      let outcome = recorder.stop()
      completion(
        outcome.failure.map { .failure(ControlError("the recording is not whole: \($0)")) }
          ?? .success([
            ("path", .string(recorder.settings.path)), ("frames", .integer(Int64(outcome.frames))),
          ]))
    }
    // The encoder may take seconds for what it still has.
    if (try? HostThread(name: "recorder-end", finish)) == nil { finish() }
  }
  private func takeRecorder() -> Recorder? {
    recorder.withLock { recorder in
      defer { recorder = nil }
      return recorder
    }
  }
  /// Before the process ends: what was recorded becomes a whole file. Why it did not; nil: it did.
  func endRecording() -> String? { takeRecorder()?.stop().failure }

  func readMemory(_ address: UInt64, count: Int) -> [UInt8]? { machine.readMemory(physical: address, count: count) }
  func changeMedium(drive: String, path: String?) throws(ControlError) {
    do throws(MachineError) { try machine.mediumChange(drive: drive, path: path) } catch {
      throw ControlError(error.description)
    }
  }
  func attach(
    kind: String, _ drive: JSON, completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    do throws(MachineError) {
      machine.attach(try MachineConfiguration.NewDrive(kind, drive)) { result in
        switch result {
        case .failure(let error): completion(.failure(ControlError(error.description)))
        case .success(let drive):
          completion(.success([("drive", .string(drive.name)), ("port", .integer(Int64(drive.port)))]))
        }
      }
    } catch { completion(.failure(ControlError(error.description))) }
  }
  func detach(
    drive: String, completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    machine.detach(drive: drive) { error in
      completion(error.map { .failure(ControlError($0.description)) } ?? .success([]))
    }
  }
  func listDrives(completion: @escaping @Sendable (JSON) -> Void) { machine.listDrives(completion: completion) }

  func setLink(card: String, isUp: Bool) throws(ControlError) {
    do throws(MachineError) { try machine.setLink(card: card, isUp: isUp) } catch {
      throw ControlError(error.description)
    }
  }
  func changeForward(card: String, rule: String, add: Bool) throws(ControlError) {
    do throws(MachineError) { try machine.changeForward(card: card, rule, add: add) } catch {
      throw ControlError(error.description)
    }
  }
  func limitGroup(_ group: String, bitsPerSecond: Int64) throws(ControlError) {
    do throws(MachineError) { try machine.limitGroup(group, bitsPerSecond: bitsPerSecond) } catch {
      throw ControlError(error.description)
    }
  }
  func setTrace(card: String, path: String?) throws(ControlError) {
    do throws(MachineError) { try machine.setTrace(card: card, path: path) } catch {
      throw ControlError(error.description)
    }
  }
  func setPromiscuous(card: String, policy: String) throws(ControlError) {
    do throws(MachineError) { try machine.setPromiscuous(card: card, policy) } catch {
      throw ControlError(error.description)
    }
  }
  var networkStatus: JSON { machine.networkStatus }

  var deviceNames: [String] { machine.deviceNames }
  func deviceInfo(_ name: String) -> String? { machine.deviceInfo(name) }
  var statistics: JSON { machine.status }
  var engineStatistics: JSON { .array(machine.engineReports.map(\.json)) }
  private static let general = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"] + (8...15).map { "r\($0)" }
  func setRegisters(cpu: Int, _ values: [(name: String, value: UInt64)]) throws(ControlError) {
    var rip: UInt64?, rflags: UInt64?, general: [Int: UInt64] = [:]
    for (name, value) in values {
      if name == "rip" {
        rip = value
      } else if name == "rflags" {
        rflags = value
      } else if let number = MachineAdapter.general.firstIndex(of: name) {
        general[number] = value
      } else {
        throw ControlError("the register '\(name)' cannot be set")
      }
    }
    do throws(MachineError) {
      try machine.setRegisters(cpu: cpu, rip: rip, rflags: rflags, general: general)
    } catch { throw ControlError(error.description) }
  }
  func setLogGroups(_ text: String?) throws(ControlError) -> String {
    var groups = logGroups.withLock { $0 }
    if let text { try groups.apply(text) }
    let changed = groups
    logGroups.withLock { $0 = changed }
    return changed.text
  }
  /// Whether clients hear of what this device says.
  func tells(_ device: String) -> Bool { logGroups.withLock { $0.tells(device) } }
  func registers(cpu: Int) -> [(name: String, value: UInt64)]? {
    guard let found = machine.registers(cpu: cpu) else { return nil }
    let general = MachineAdapter.general
    let segments = ["es", "cs", "ss", "ds", "fs", "gs"]
    return zip(general, found.general).map { ($0, $1) } + [("rip", found.rip), ("rflags", found.rflags)]
      + zip(segments, found.selectors).map { ($0, UInt64($1)) }
      + [("cr0", found.cr0), ("cr2", found.cr2), ("cr3", found.cr3), ("cr4", found.cr4), ("efer", found.efer)]
  }
  func dumpCode(cpu: Int, range: AddressRange, limit: Int) throws(ControlError) -> (text: String, more: Int) {
    guard let found = machine.codeListings(cpu: cpu, in: range, limit: limit) else {
      throw ControlError("no processor \(cpu)")
    }
    return (found.blocks.reduce("") { $0 + $1.text }, found.more)
  }
}
