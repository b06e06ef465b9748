import Base

/// How the screen of a kept machine is recorded.
extension MachineSettings {
  /// Whether it is, from the start of the machine on.
  public var isRecorded: Bool { flag(["VideoCapture"], "enabled", default: false) }
  /// The file that a recording goes to.
  public var recordingFile: String {
    let name = hardware.child("VideoCapture")?["file"] ?? ""
    return Paths.resolve(name.isEmpty ? "\(self.name)-screen0.webm" : name, in: folder)
  }
  /// What the machine's process is told of it.
  public var recording: JSON {
    var result: JSON = ["path": .string(recordingFile)]
    for (member, attribute, usual) in [
      ("width", "horzRes", 1024), ("height", "vertRes", 768), ("framesPerSecond", "fps", 25), ("rate", "rate", 512),
      ("maximumSeconds", "maxTime", 0), ("maximumMebibytes", "maxSize", 0),
    ] {
      result.set(member, .integer(Int64(number(["VideoCapture"], attribute, default: usual))))
    }
    return result
  }
}

extension Registry {
  /// Changes how a running machine is recorded, by options of `modifyvm`, and begins or ends it.
  ///
  /// The number of pictures when it ends; nil otherwise.
  @discardableResult
  public func record(
    _ isOn: Bool?, _ options: [(String, String)], of settings: MachineSettings
  ) throws(ServiceError) -> Int64? {
    let client = try client(settings)
    for (option, value) in options { try keep(option, [value], settings) }
    guard let isOn else { return nil }
    var frames: Int64?
    if isOn {
      let members = try machine(settings.uuid).recording.members ?? []
      try client.command("recording-start", members.map { ($0.key, $0.value) })
    } else {
      frames = try client.command("recording-stop", seconds: 60)["frames"]?.integer
    }
    try keep("recording", [isOn ? "on" : "off"], settings)
    return frames
  }
}
