import Base
import SettingsFiles

/// How the screen of a kept machine is recorded.
extension MachineSettings {
  /// Whether it is, from the start of the machine on.
  public var isRecorded: Bool { machine.child("Recording")?.bool("enabled") ?? false }
  /// Whether what is recorded has this screen in it.
  public var recordsScreen: Bool { recordedScreen?.bool("enabled") ?? true }
  /// Of the recorder, as the user has given them.
  public var recordingOptions: String { recordedScreen?["options"] ?? "" }
  /// The first screen, which stands for all: they are one picture. Writers put screens into a list or beside each other.
  private var recordedScreen: SettingsElement? {
    let recording = machine.child("Recording")
    let screens = recording?.child("Screens")?.elements("Screen") ?? recording?.elements("Screen") ?? []
    return screens.first { ($0.integer("id") ?? 0) == 0 }
  }
  /// Sets an attribute of that screen; nil takes it away.
  mutating func setRecordedScreen(_ attribute: String, _ value: String?) {
    if value == nil, recordedScreen?[attribute] == nil { return }
    machine.change("Recording") { recording in
      func change(_ list: inout SettingsElement) {
        if !list.elements("Screen").contains(where: { ($0.integer("id") ?? 0) == 0 }) {
          list.insert(SettingsElement("Screen", [("id", "0"), ("enabled", "true")]))
        }
        list.changeAll("Screen") { if ($0.integer("id") ?? 0) == 0 { $0[attribute] = value } }
      }
      if recording.child("Screen") != nil { change(&recording) } else { recording.change("Screens", change) }
    }
  }
  /// The file that a recording goes to.
  public var recordingFile: String {
    let name = recordedScreen?["file"] ?? ""
    return Paths.resolve(name.isEmpty ? "\(self.name)-screen0.webm" : name, in: folder)
  }
  /// What the machine's process is told of it.
  public var recording: JSON {
    var result: JSON = ["path": .string(recordingFile)]
    for (member, attribute, usual) in [
      ("width", "horzRes", 1024), ("height", "vertRes", 768), ("framesPerSecond", "fps", 25), ("rate", "rateKbps", 512),
      ("maximumSeconds", "maxTimeS", 0), ("maximumMebibytes", "maxSizeMB", 0),
    ] {
      result.set(member, .integer(Int64(recordedScreen?.integer(attribute) ?? usual)))
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
