import Base
import HostSystem
import Service
import SettingsFiles

/// Machines come, go and move.
enum CreateVerb {
  static let create = Verb(
    "createvm",
    usage:
      "--name NAME [--ostype TYPE] [--register] [--basefolder FOLDER] [--uuid UUID] [--groups GROUP,...] [--default]",
    "Makes a machine's folder and settings file."
  ) { words, registry in
    let (_, options) = try words.parse(
      [
        "name": 1, "ostype": 1, "basefolder": 1, "uuid": 1, "groups": 1, "register": 0, "default": 0, "cipher": 1,
        "passwordid": 1, "password": 1,
      ], words: 0...0)
    var creation = MachineCreation(name: "")
    var isRegistered = false, wantsDefaults = false
    for option in options {
      switch option.name {
      case "name": creation.name = option.value
      case "ostype":
        guard let type = OSType.named(option.value) else {
          throw ServiceError(.invalidArgument, "Guest OS type '\(option.value)' is invalid", .registry)
        }
        creation.type = type
      case "basefolder": creation.baseFolder = option.value
      case "uuid":
        guard let uuid = SettingsUUID.normalized(option.value) else {
          throw Failure.usage("Invalid UUID '\(option.value)'")
        }
        creation.uuid = uuid
      case "groups": creation.groups = option.value.split(separator: ",").map(String.init)
      case "register": isRegistered = true
      case "default": wantsDefaults = true
      default: throw Failure.failure("encrypted machines are not supported: --\(option.name)")
      }
    }
    guard !creation.name.isEmpty else { throw Failure.usage("Parameter --name is required") }
    // Clients look for the file's name when a machine is there already.
    try registry.checkPlace(of: creation)
    if isRegistered { try registry.refuseDouble(creation.name) }
    let (new, registers) = (creation, isRegistered)
    let settings = try registry.settling { () throws(ServiceError) in
      let settings = try registry.create(new)
      return registers ? try registry.register(settings.file.path) : settings
    }
    if wantsDefaults, isRegistered { try addDefaults(settings.uuid, registry) }
    let state = isRegistered ? "created and registered" : "created"
    return Answer(
      text: "Virtual machine '\(settings.name)' is \(state).\nUUID: \(settings.uuid)\n"
        + "Settings file: '\(settings.file.path)'\n",
      json: [
        "name": .string(settings.name), "uuid": .string(settings.uuid), "settingsFile": .string(settings.file.path),
        "registered": .bool(isRegistered),
      ])
  }
  /// What suits the guest system: controllers for a disk and a CD drive.
  private static func addDefaults(_ uuid: String, _ registry: Registry) throws {
    guard let ide = ControllerType.named("PIIX4"), let sata = ControllerType.named("AHCI") else { return }
    try registry.change(uuid) { settings throws(ServiceError) in
      try settings.addController("IDE", ide)
      try settings.addController("SATA", sata)
      try settings.attach(Attachment(controller: "IDE", port: 1, device: 0, kind: .dvd))
    }
  }

  static let register = Verb("registervm", usage: "FILE.vbox", "Takes a machine into the registry.") {
    words, registry in
    let (names, _) = try words.parse(["password": 1], words: 1...1)
    let settings = try registry.register(names[0])
    return Answer(json: ["name": .string(settings.name), "uuid": .string(settings.uuid)])
  }

  static let unregister = Verb(
    "unregistervm", usage: "NAME|UUID [--delete|--delete-all]", "Takes a machine out of the registry, and off the disk."
  ) { words, registry in
    let (names, options) = try words.parse(["delete": 0, "deleteall": 0], words: 1...1)
    let deletion: Registry.Deletion =
      options.contains { $0.name == "deleteall" } ? .withMedia : options.isEmpty ? .nothing : .ownFiles
    try registry.unregister(names[0], deletion)
    if deletion != .nothing { Progress.whole() }
    return .done
  }

  static let move = Verb("movevm", usage: "NAME|UUID --folder FOLDER [--type basic]", "Moves a machine's folder.") {
    words, registry in
    let (names, options) = try words.parse(["folder": 1, "type": 1], words: 1...1)
    guard let folder = options.last(where: { $0.name == "folder" })?.value else {
      throw Failure.usage("Missing argument: --folder FOLDER")
    }
    for option in options where option.name == "type" && option.value != "basic" {
      throw Failure.usage("Invalid --type argument '\(option.value)'")
    }
    try registry.move(names[0], into: folder)
    Progress.whole()
    return Answer(text: "Machine has been successfully moved into \(folder)\n")
  }
}

/// Progress as VBoxManage shows it, on standard error: `0%...10%...`, and so on to `100%`.
final class Progress {
  private var shown = -10

  /// Goes on to this many percent.
  func show(_ percent: Int) {
    var text = ""
    while shown + 10 <= min(percent, 100) {
      shown += 10
      text += shown == 100 ? "100%\n" : "\(shown)%..."
    }
    if !text.isEmpty { HostStream.standard(2).writeAll(Array(text.utf8)) }
  }
  /// Of what is done at once.
  static func whole() { Progress().show(100) }
}
