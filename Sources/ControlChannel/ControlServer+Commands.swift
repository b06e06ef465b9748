import Base
import HostSystem

extension ControlServer {
  typealias Reply = (Result<[(String, JSON)], ControlError>) -> Void

  /// All commands, for messages about unknown ones.
  static let commands = [
    "attach", "detach", "device-info", "drives", "dump-code", "eject", "engine-statistics", "forward-add",
    "forward-remove", "insert", "keys",
    "limit", "link", "log-groups", "merge", "mode-hint", "mouse", "network", "nmi", "pause", "power-button",
    "promiscuous", "quit",
    "read-memory", "recording-start", "recording-stop", "registers", "reset", "resume", "save-state", "scancodes",
    "screen-text", "screenshot", "serial-read", "serial-watch", "serial-write", "set-registers",
    "snapshot", "snapshot-prepare", "statistics", "status", "trace", "type", "wait-for-text",
  ]
  private static let memoryLimit: Int64 = 256 << 10
  private static let blockLimit: Int64 = 1024

  /// Carries out a request. Returns the members of the reply, or nil when `later` will be called.
  func perform(
    _ request: ControlRequest, _ connection: ControlConnection, _ now: Int64, later: @escaping Reply
  ) throws(ControlError) -> [(String, JSON)]? {
    var arguments = request.arguments
    switch request.command {
    case "type", "keys", "scancodes": return try typeKeys(request.command, &arguments, later)
    case "mouse": return try moveMouse(&arguments)
    case "mode-hint": return try hintMode(&arguments)
    case "wait-for-text": return try waitForText(&arguments, connection, now, later)
    case "serial-read": return try readSerial(&arguments, connection)
    case "serial-watch": return try watchSerial(&arguments, connection)
    case "serial-write": return try writeSerial(&arguments)
    case "screen-text", "screenshot", "read-memory": return try look(request.command, &arguments)
    case "device-info", "dump-code", "engine-statistics", "registers", "statistics", "status":
      return try report(request.command, &arguments)
    case "set-registers": return try setRegisters(&arguments)
    case "log-groups":
      let settings = try arguments.string("settings", limit: 4096)
      try arguments.finish()
      return [("settings", .string(try machine.setLogGroups(settings)))]
    case "eject", "insert":
      let drive = try arguments.requiredString("drive", limit: 256)
      let path = request.command == "insert" ? try arguments.requiredString("path", limit: 4096) : nil
      try arguments.finish()
      try machine.changeMedium(drive: drive, path: path)
      broadcast("medium-changed", [("drive", .string(drive)), ("path", path.map { .string($0) } ?? .null)])
      return []
    case "attach":
      try attach(&arguments, later)
      return nil
    case "detach":
      try detach(&arguments, later)
      return nil
    case "drives":
      try arguments.finish()
      let completion = reports("drives", later).completion
      machine.listDrives { completion(.success([("drives", $0)])) }
      return nil
    case "save-state":
      try saveState(&arguments, later)
      return nil
    case "snapshot":
      try takeSnapshot(&arguments, later)
      return nil
    case "merge":
      try mergeImage(&arguments, later)
      return nil
    case "recording-start": return try startRecording(&arguments)
    case "recording-stop":
      try arguments.finish()
      machine.stopRecording(completion: reports("recording-stop", later).completion)
      return nil
    case "snapshot-prepare":
      let images = try arguments.list("images", limit: ControlServer.imageLimit) ?? []
      try arguments.finish()
      try machine.prepareSnapshot(images: images)
      return []
    case "forward-add", "forward-remove", "limit", "link", "network", "promiscuous", "trace":
      return try manageNetwork(request.command, &arguments)
    case "nmi", "pause", "resume", "reset", "power-button", "quit":
      try arguments.finish()
      switch request.command {
      case "nmi": machine.injectNMI()
      case "pause": try machine.pause()
      case "resume": try machine.resume()
      case "reset": try machine.reset()
      case "power-button": try machine.powerButton()
      default: quit()
      }
      return []
    default:
      let hint = NearestMatch.find(request.command, among: ControlServer.commands).map { "; did you mean '\($0)'?" }
      throw ControlError("unknown command '\(request.command)'\(hint ?? "")")
    }
  }

  // MARK: Saved states

  /// As many disks as a machine may have, and more.
  private static let imageLimit = 256

  private func saveState(_ arguments: inout ControlArguments, _ later: @escaping Reply) throws(ControlError) {
    let path = try arguments.requiredString("path", limit: 4096)
    try arguments.finish()
    let (progress, completion) = reports("save-state", later)
    machine.saveState(path: path, progress: progress, completion: completion)
  }
  private func takeSnapshot(_ arguments: inout ControlArguments, _ later: @escaping Reply) throws(ControlError) {
    let path = try arguments.requiredString("path", limit: 4096)
    let images = try arguments.list("images", limit: ControlServer.imageLimit) ?? []
    try arguments.finish()
    let (progress, completion) = reports("snapshot", later)
    machine.takeSnapshot(path: path, images: images, progress: progress, completion: completion)
  }
  private func mergeImage(_ arguments: inout ControlArguments, _ later: @escaping Reply) throws(ControlError) {
    let parent = try arguments.requiredString("parent", limit: 4096)
    let path = try arguments.requiredString("path", limit: 4096)
    try arguments.finish()
    let (progress, completion) = reports("merge", later)
    machine.mergeImage(parent: parent, into: path, progress: progress, completion: completion)
  }
  /// What other threads call while a command is carried out, and at its end.
  private func reports(_ command: String, _ later: @escaping Reply) -> (
    progress: @Sendable (Int) -> Void, completion: @Sendable (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    let number = promise(later)
    let outside = outside
    return (
      { outside.post(.event("progress", [("command", .string(command)), ("percent", .integer(Int64($0)))])) },
      { outside.post(.reply(number, $0)) }
    )
  }

  // MARK: Drives

  private func attach(_ arguments: inout ControlArguments, _ later: @escaping Reply) throws(ControlError) {
    let disk = try arguments.object("disk"), cdrom = try arguments.object("cdrom")
    try arguments.finish()
    guard let drive = disk ?? cdrom, (disk == nil) != (cdrom == nil) else {
      throw ControlError("either \"disk\" or \"cdrom\" is needed")
    }
    let (completion, outside) = (reports("attach", later).completion, outside)
    let path = drive["path"] ?? .null, slot = drive["slot"] ?? .null
    machine.attach(kind: disk == nil ? "cdrom" : "disk", drive) { result in
      if case .success(let members) = result {
        outside.post(.event("drive-attached", members + [("path", path), ("slot", slot)]))
      }
      completion(result)
    }
  }
  private func detach(_ arguments: inout ControlArguments, _ later: @escaping Reply) throws(ControlError) {
    let drive = try arguments.requiredString("drive", limit: 256)
    try arguments.finish()
    let (completion, outside) = (reports("detach", later).completion, outside)
    machine.detach(drive: drive) { result in
      if case .success = result { outside.post(.event("drive-detached", [("drive", .string(drive))])) }
      completion(result)
    }
  }

  // MARK: Recording

  private func startRecording(_ arguments: inout ControlArguments) throws(ControlError) -> [(String, JSON)] {
    var settings = RecordingSettings(path: try arguments.requiredString("path", limit: 4096))
    for member in RecordingSettings.members {
      guard let number = try arguments.integer(member.name, in: member.range) else { continue }
      settings[keyPath: member.place] = Int(number)
    }
    try arguments.finish()
    try machine.startRecording(settings)
    return []
  }

  // MARK: Network

  private func manageNetwork(
    _ command: String, _ arguments: inout ControlArguments
  ) throws(ControlError) -> [(String, JSON)] {
    if command == "network" {
      try arguments.finish()
      return [("cards", machine.networkStatus)]
    }
    if command == "limit" {
      let group = try arguments.requiredString("group", limit: 256)
      let rate = try arguments.integer("bitsPerSecond", in: 0...1_000_000_000_000) ?? 0
      try arguments.finish()
      try machine.limitGroup(group, bitsPerSecond: rate)
      return []
    }
    let card = try arguments.string("card", limit: 64) ?? "nic0"
    if command == "link" {
      let state = try arguments.requiredString("state", limit: 16)
      try arguments.finish()
      guard ["up", "down"].contains(state) else { throw ControlError("\"state\" must be \"up\" or \"down\"") }
      try machine.setLink(card: card, isUp: state == "up")
      broadcast("link", [("card", .string(card)), ("state", .string(state))])
      return []
    }
    if command == "trace" {
      let path = try arguments.string("path", limit: 4096)
      try arguments.finish()
      try machine.setTrace(card: card, path: path)
      return []
    }
    if command == "promiscuous" {
      let policy = try arguments.requiredString("policy", limit: 16)
      try arguments.finish()
      try machine.setPromiscuous(card: card, policy: policy)
      return []
    }
    let rule = try arguments.requiredString("rule", limit: 256)
    try arguments.finish()
    try machine.changeForward(card: card, rule: rule, add: command == "forward-add")
    return []
  }

  // MARK: Keyboard and mouse

  private func typeKeys(
    _ command: String, _ arguments: inout ControlArguments, _ later: @escaping Reply
  ) throws(ControlError) -> [(String, JSON)]? {
    let interval = try arguments.integer("interval", in: 0...10_000) ?? 10
    var strokes: [[UInt8]] = []
    switch command {
    case "type":
      for character in try arguments.requiredString("text") {
        guard let codes = machine.scanCodes(typing: character) else {
          throw ControlError("no key types '\(character)'")
        }
        strokes.append(codes)
      }
    case "keys":
      guard let chords = try arguments.list("keys", limit: 1024) else { throw ControlError("\"keys\" is missing") }
      for chord in chords {
        guard let text = chord.string else { throw ControlError("\"keys\" must be a list of strings") }
        strokes.append(try machine.scanCodes(chord: text))
      }
    default:
      guard let codes = try arguments.list("codes", limit: 4096) else { throw ControlError("\"codes\" is missing") }
      for code in codes {
        guard let number = code.integer, let byte = UInt8(exactly: number) else {
          throw ControlError("\"codes\" must be a list of bytes")
        }
        // Prefixes stay with the code they belong to.
        if let last = strokes.last?.last, last == 0xe0 || last == 0xe1 {
          strokes[strokes.count - 1].append(byte)
        } else {
          strokes.append([byte])
        }
      }
    }
    try arguments.finish()
    guard strokes.count <= keys.room else { throw ControlError("too many key strokes are waiting already") }
    guard !strokes.isEmpty else { return [] }
    let count = Int64(strokes.count)
    keys.append(strokes, interval: interval * 1_000_000) { outcome in
      switch outcome {
      case .typed: later(.success([("strokes", .integer(count))]))
      case .unread: later(.failure(ControlError("the guest does not read its keyboard; not all keys were typed")))
      }
    }
    return nil
  }

  private func moveMouse(_ arguments: inout ControlArguments) throws(ControlError) -> [(String, JSON)] {
    let range: ClosedRange<Int64> = -32768...32767
    let dx = try arguments.integer("dx", in: range) ?? 0
    let dy = try arguments.integer("dy", in: range) ?? 0
    let dz = try arguments.integer("dz", in: range) ?? 0
    let x = try arguments.integer("x", in: 0...65535)
    let y = try arguments.integer("y", in: 0...65535)
    guard (x == nil) == (y == nil) else { throw ControlError("\"x\" and \"y\" go together") }
    let names = try arguments.list("buttons", limit: 8)
    try arguments.finish()
    if let names {
      mouseButtons = 0
      for name in names {
        switch name.string {
        case "left": mouseButtons |= 1
        case "right": mouseButtons |= 2
        case "middle": mouseButtons |= 4
        default: throw ControlError("\"buttons\" must be a list of \"left\", \"right\" and \"middle\"")
        }
      }
    }
    var motion = PointerMotion(dx: Int(dx), dy: Int(dy), dz: Int(dz), buttons: mouseButtons)
    if let x, let y {
      motion.place = .init(x: UInt16(x), y: UInt16(y))
      guard machine.isPointerAbsolute else { throw ControlError("the guest does not take places of the mouse") }
    }
    machine.mouseInput(motion)
    return [("absolute", .bool(machine.isPointerAbsolute))]
  }

  private func hintMode(_ arguments: inout ControlArguments) throws(ControlError) -> [(String, JSON)] {
    var hint = ModeHint()
    hint.display = Int(try arguments.integer("display", in: 0...63) ?? 0)
    hint.isEnabled = try arguments.flag("enabled") ?? true
    let size: ClosedRange<Int64> = 0...16384
    hint.width = Int(try arguments.integer("width", in: size) ?? 0)
    hint.height = Int(try arguments.integer("height", in: size) ?? 0)
    hint.bitsPerPixel = Int(try arguments.integer("bitsPerPixel", in: 0...32) ?? 32)
    let (x, y) = (try arguments.integer("x", in: size), try arguments.integer("y", in: size))
    try arguments.finish()
    guard hint.width > 0 && hint.height > 0 || !hint.isEnabled else {
      throw ControlError("\"width\" and \"height\" are missing")
    }
    guard (x == nil) == (y == nil) else { throw ControlError("\"x\" and \"y\" go together") }
    if let x, let y { hint.origin = ModeHint.Origin(x: Int(x), y: Int(y)) }
    try machine.hintMode(hint)
    return []
  }

  // MARK: Text

  private func line(_ name: String) throws(ControlError) -> SerialLine {
    if let line = lines.first(where: { $0.name == name }) { return line }
    throw ControlError("no port '\(name)' (there are: \(lines.map(\.name).joined(separator: ", ")))")
  }

  private func waitForText(
    _ arguments: inout ControlArguments, _ connection: ControlConnection, _ now: Int64, _ later: @escaping Reply
  ) throws(ControlError) -> [(String, JSON)]? {
    let text = try arguments.requiredString("text", limit: 4096)
    let place = try arguments.string("where", limit: 64) ?? "screen"
    let timeout = try arguments.seconds("timeout", default: 60, maximum: 86400)
    let from = try arguments.integer("from", in: 0...Int64.max)
    try arguments.finish()
    guard !text.isEmpty else { throw ControlError("\"text\" is empty") }
    let source = place == "screen" ? nil : try line(place)
    let start = source.map { from ?? connection.waitPositions[$0.name] ?? 0 } ?? 0
    try add(
      TextWait(connection, text: text, line: source, from: start, now: now, timeout: timeout, reply: later))
    return nil
  }

  private func readSerial(
    _ arguments: inout ControlArguments, _ connection: ControlConnection
  ) throws(ControlError) -> [(String, JSON)] {
    let source = try line(try arguments.string("port", limit: 64) ?? "serial0")
    let from = try arguments.integer("from", in: 0...Int64.max) ?? connection.readPositions[source.name] ?? 0
    let limit = try arguments.integer("limit", in: 0...(1 << 20)) ?? 65536
    let encoding = try arguments.string("encoding", limit: 16) ?? "text"
    try arguments.finish()
    guard ["text", "base64"].contains(encoding) else {
      throw ControlError("\"encoding\" must be \"text\" or \"base64\"")
    }
    let (start, bytes) = source.read(from: from, limit: Int(limit))
    connection.readPositions[source.name] = start &+ Int64(bytes.count)
    let data = encoding == "text" ? String(decoding: bytes, as: UTF8.self) : ByteText.base64(bytes)
    return [
      ("start", .integer(start)), ("end", .integer(start &+ Int64(bytes.count))),
      (encoding == "text" ? "text" : "data", .string(data)),
    ]
  }

  /// From now on the port's output comes as events.
  private func watchSerial(
    _ arguments: inout ControlArguments, _ connection: ControlConnection
  ) throws(ControlError) -> [(String, JSON)] {
    let source = try line(try arguments.string("port", limit: 64) ?? "serial0")
    let from = try arguments.integer("from", in: 0...Int64.max)
    try arguments.finish()
    let start = source.read(from: from ?? source.end, limit: 0).start
    connection.watched[source.name] = start
    return [("start", .integer(start)), ("end", .integer(source.end))]
  }

  private func writeSerial(_ arguments: inout ControlArguments) throws(ControlError) -> [(String, JSON)] {
    let target = try line(try arguments.string("port", limit: 64) ?? "serial0")
    let text = try arguments.string("text", limit: 1 << 19)
    let hex = try arguments.string("hex", limit: 1 << 19)
    try arguments.finish()
    var bytes = Array((text ?? "").utf8)
    if let hex {
      guard text == nil, let decoded = ByteText.bytes(hex: hex) else {
        throw ControlError("give \"text\", or pairs of digits as \"hex\"")
      }
      bytes = decoded
    } else if text == nil {
      throw ControlError("\"text\" or \"hex\" is missing")
    }
    guard target.write(bytes) else { throw ControlError("too much input is waiting for \(target.name) already") }
    return []
  }

  // MARK: Looking

  private func look(
    _ command: String, _ arguments: inout ControlArguments
  ) throws(ControlError) -> [(String, JSON)] {
    switch command {
    case "screen-text":
      try arguments.finish()
      guard let screen = machine.textScreen() else { return [("mode", "graphics")] }
      var reply: [(String, JSON)] = [("mode", "text"), ("rows", .array(screen.rows.map { .string($0) }))]
      if let cursor = screen.cursor {
        reply.append(("cursor", ["column": .integer(Int64(cursor.column)), "row": .integer(Int64(cursor.row))]))
      }
      return reply
    case "screenshot":
      let path = try arguments.string("path", limit: 4096)
      try arguments.finish()
      let image = try machine.screenshot()
      guard let path else { return [("png", .string(ByteText.base64(image)))] }
      do throws(SystemCallError) {
        try HostFiles.replace(path, with: image)
      } catch { throw ControlError("cannot write '\(path)': \(error.reason)") }
      return [("path", .string(path))]
    default:
      let address = try arguments.address("address")
      let count = try arguments.integer("count", in: 1...ControlServer.memoryLimit) ?? 16
      try arguments.finish()
      guard let bytes = machine.readMemory(address, count: Int(count)) else {
        throw ControlError("no memory at 0x\(String(address, radix: 16))")
      }
      return [("address", .string("0x\(String(address, radix: 16))")), ("hex", .string(ByteText.hex(bytes)))]
    }
  }

  private func report(
    _ command: String, _ arguments: inout ControlArguments
  ) throws(ControlError) -> [(String, JSON)] {
    switch command {
    case "status":
      try arguments.finish()
      let lights = ControlServer.members(machine.keyboardLEDs).map { JSON.Member($0.0, $0.1) }
      return [("state", .string(machine.state)), ("leds", .object(lights))]
    case "engine-statistics":
      try arguments.finish()
      return [("cpus", machine.engineStatistics)]
    case "dump-code": return try dumpCode(&arguments)
    case "registers":
      let cpu = try arguments.integer("cpu", in: 0...63) ?? 0
      try arguments.finish()
      guard let registers = machine.registers(cpu: Int(cpu)) else { throw ControlError("no processor \(cpu)") }
      let members = registers.map { JSON.Member($0.name, .string("0x\(String($0.value, radix: 16))")) }
      return [("registers", .object(members))]
    case "statistics":
      try arguments.finish()
      let dropped = lines.map { JSON.Member($0.name, .integer($0.dropped)) }
      return [("statistics", machine.statistics), ("droppedOutput", .object(dropped))]
    default:
      let name = try arguments.string("name", limit: 64)
      try arguments.finish()
      guard let name else { return [("devices", .array(machine.deviceNames.map { .string($0) }))] }
      guard let info = machine.deviceInfo(name) else {
        let hint = NearestMatch.find(name, among: machine.deviceNames).map { "; did you mean '\($0)'?" } ?? ""
        throw ControlError("no device '\(name)'\(hint)")
      }
      return [("name", .string(name)), ("info", .string(info))]
    }
  }

  private func setRegisters(_ arguments: inout ControlArguments) throws(ControlError) -> [(String, JSON)] {
    let cpu = try arguments.integer("cpu", in: 0...63) ?? 0
    let members = try arguments.object("registers")?.members ?? []
    try arguments.finish()
    guard !members.isEmpty else { throw ControlError("\"registers\" is missing") }
    var values: [(name: String, value: UInt64)] = []
    for member in members {
      var value = ControlArguments([member])
      values.append((member.key.lowercased(), try value.address(member.key)))
    }
    try machine.setRegisters(cpu: Int(cpu), values)
    return []
  }
  private func dumpCode(_ arguments: inout ControlArguments) throws(ControlError) -> [(String, JSON)] {
    let text = try arguments.requiredString("range", limit: 64)
    let cpu = try arguments.integer("cpu", in: 0...63) ?? 0
    let limit = try arguments.integer("limit", in: 1...ControlServer.blockLimit) ?? 64
    try arguments.finish()
    guard let range = AddressRange(parsing: text) else {
      throw ControlError("\"range\" must be an address, \"START-END\" or \"START+LENGTH\"")
    }
    let (listing, more) = try machine.dumpCode(cpu: Int(cpu), range: range, limit: Int(limit))
    return [("text", .string(listing)), ("more", .integer(Int64(more)))]
  }
}
