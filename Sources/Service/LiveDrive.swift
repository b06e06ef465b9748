import Base

/// A drive of a machine that runs, while its process and its settings change: what a list of unfinished work says of it.
struct LiveDrive: Equatable, Sendable {
  /// What happens to it.
  enum Way: String, Sendable {
    /// It comes, in place of another perhaps.
    case into
    case out
    /// It stays, and gets another medium, or none.
    case medium
  }
  /// UUID.
  var machine: String
  /// Where it is, from 0.
  var controller: String, port: Int, device: Int
  /// What the machine's process calls it.
  var name: String
  var way = Way.into

  init(_ machine: String, _ drive: DriveChange) {
    (self.machine, controller, port, device) = (machine, drive.controller, drive.port, drive.device)
    name = "\(controller)-\(port)-\(device)"
  }
  /// From the words of a list.
  init?(_ words: [String]) {
    guard words.count == 6, let port = Int(words[2]), let device = Int(words[3]), let way = Way(rawValue: words[5])
    else { return nil }
    (machine, controller, self.port, self.device, name, self.way) = (words[0], words[1], port, device, words[4], way)
  }
  var words: [String] { [machine, controller, "\(port)", "\(device)", name, way.rawValue] }

  /// What the settings say of the place.
  func current(_ settings: MachineSettings) -> Attachment? {
    settings.attachments.first { $0.controller == controller && $0.port == port && $0.device == device }
  }
}

extension VMClient {
  /// What the machine's process says of a drive, behind all that it was told before; nil: it has none there.
  func drive(_ live: LiveDrive) throws(ServiceError) -> JSON? {
    try command("drives")["drives"]?.array?.first { $0["slot"]?.string == live.name || $0["name"]?.string == live.name }
  }
  /// What was written is brought onto stable storage, which may take its time.
  func detach(_ live: LiveDrive) throws(ServiceError) {
    try command("detach", [("drive", .string(live.name))], seconds: 600)
  }
}
