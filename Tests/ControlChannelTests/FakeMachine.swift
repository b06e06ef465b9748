import Base
import ControlChannel
import Synchronization

/// A machine that records what it is told.
final class FakeMachine: MachineControl {
  struct Recorded {
    var calls: [String] = []
    var codes: [UInt8] = []
    var screen: ScreenText? = ScreenText(rows: ["login: ", "       "], cursor: (7, 0))
    /// Scan codes taken by one call at most.
    var room = Int.max
  }
  let recorded = Mutex(Recorded())

  func record(_ call: String) { recorded.withLock { $0.calls.append(call) } }
  var calls: [String] { recorded.withLock { $0.calls } }
  var codes: [UInt8] { recorded.withLock { $0.codes } }

  var state: String { "running" }
  func pause() { record("pause") }
  func resume() { record("resume") }
  func reset() { record("reset") }
  func powerButton() throws(ControlError) { throw ControlError("the machine is off") }

  func saveState(
    path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    record("save \(path)")
    progress(50)
    completion(path == "/full" ? .failure(ControlError("no space")) : .success([("path", .string(path))]))
  }

  func prepareSnapshot(images: [JSON]) { record("prepare \(images.count)") }
  func mergeImage(
    parent: String, into path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    record("merge \(parent) \(path)")
    completion(parent == path ? .failure(ControlError("the same image")) : .success([("inUse", true)]))
  }
  func takeSnapshot(
    path: String, images: [JSON], progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    record("snapshot \(path) \(images.count)")
    completion(.success([("path", .string(path))]))
  }

  func scanCodes(typing character: Character) -> [UInt8]? {
    guard let value = character.asciiValue else { return nil }
    return [value, value | 0x80]
  }
  func scanCodes(chord: String) throws(ControlError) -> [UInt8] {
    guard chord == "ctrl-alt-delete" else { throw ControlError("unknown key in '\(chord)'") }
    return [0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d]
  }
  func keyboardInput(_ codes: [UInt8]) -> Int {
    recorded.withLock { state in
      let taken = min(codes.count, state.room)
      state.codes += codes.prefix(taken)
      return taken
    }
  }
  func mouseInput(_ motion: PointerMotion) {
    let place = motion.place.map { " at \($0.x) \($0.y)" } ?? ""
    record("mouse \(motion.dx) \(motion.dy) \(motion.dz) \(motion.buttons)\(place)")
  }
  let lights = Mutex(KeyboardLEDs())
  var keyboardLEDs: KeyboardLEDs { lights.withLock { $0 } }
  let pointerIsAbsolute = Mutex(false)
  var isPointerAbsolute: Bool { pointerIsAbsolute.withLock { $0 } }

  func textScreen() -> ScreenText? { recorded.withLock { $0.screen } }
  func screenshot() -> [UInt8] { [1, 2, 3, 4] }
  func hintMode(_ hint: ModeHint) throws(ControlError) {
    let origin = hint.origin.map { " at \($0.x) \($0.y)" } ?? ""
    record("hint \(hint.display) \(hint.width)x\(hint.height)x\(hint.bitsPerPixel) \(hint.isEnabled)\(origin)")
  }
  func startRecording(_ settings: RecordingSettings) throws(ControlError) {
    guard settings.path != "/nowhere" else { throw ControlError("no such folder") }
    record(
      "record \(settings.path) \(settings.width)x\(settings.height) \(settings.framesPerSecond) \(settings.seconds)")
  }
  func stopRecording(completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void) {
    record("recorded")
    completion(.success([("frames", 7)]))
  }
  func readMemory(_ address: UInt64, count: Int) -> [UInt8]? {
    address < 0x1000 ? (0..<count).map { UInt8(truncatingIfNeeded: $0) } : nil
  }
  func setLink(card: String, isUp: Bool) throws(ControlError) {
    guard card == "nic0" else { throw ControlError("no network card") }
    record("link \(card) \(isUp)")
  }
  func changeForward(card: String, rule: String, add: Bool) throws(ControlError) {
    guard rule != "bad" else { throw ControlError("bad rule") }
    record("forward \(card) \(rule) \(add)")
  }
  func limitGroup(_ group: String, bitsPerSecond: Int64) throws(ControlError) {
    guard group == "g" else { throw ControlError("no group") }
    record("limit \(group) \(bitsPerSecond)")
  }
  func setTrace(card: String, path: String?) throws(ControlError) {
    guard path != "/nowhere" else { throw ControlError("no such folder") }
    record("trace \(card) \(path ?? "-")")
  }
  func setPromiscuous(card: String, policy: String) throws(ControlError) {
    guard policy != "sometimes" else { throw ControlError("no policy") }
    record("promiscuous \(card) \(policy)")
  }
  func injectNMI() { record("nmi") }
  func registers(cpu: Int) -> [(name: String, value: UInt64)]? { cpu == 0 ? [("rip", 0xfff0)] : nil }
  func setRegisters(cpu: Int, _ values: [(name: String, value: UInt64)]) throws(ControlError) {
    guard cpu == 0 else { throw ControlError("no processor \(cpu)") }
    record("set " + values.map { "\($0.name)=\($0.value)" }.joined(separator: " "))
  }
  let logGroups = Mutex(LogGroups())
  func setLogGroups(_ text: String?) throws(ControlError) -> String {
    var groups = logGroups.withLock { $0 }
    if let text { try groups.apply(text) }
    let changed = groups
    logGroups.withLock { $0 = changed }
    return changed.text
  }
  var networkStatus: JSON { [["name": "nic0"]] }
  func changeMedium(drive: String, path: String?) { record("medium \(drive) \(path ?? "-")") }
  func attach(
    kind: String, _ drive: JSON, completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    record("attach \(kind) \(drive.text)")
    let isTaken = drive["port"] == 0
    completion(isTaken ? .failure(ControlError("no free port 0")) : .success([("drive", "disk1"), ("port", 2)]))
  }
  func detach(drive: String, completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void) {
    record("detach \(drive)")
    completion(drive == "disk0" ? .failure(ControlError("it stays")) : .success([]))
  }
  func listDrives(completion: @escaping @Sendable (JSON) -> Void) { completion([["name": "disk0"]]) }
  var deviceNames: [String] { ["i8254", "rtc"] }
  func deviceInfo(_ name: String) -> String? { name == "rtc" ? "time" : nil }
  var statistics: JSON { ["instructions": 7] }
  var engineStatistics: JSON { [["engine": "recompiler"]] }
  func dumpCode(cpu: Int, range: AddressRange, limit: Int) throws(ControlError) -> (text: String, more: Int) {
    guard cpu == 0 else { throw ControlError("no processor \(cpu)") }
    return ("\(range) \(limit)", 3)
  }
}
