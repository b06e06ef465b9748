import Base
import DiskImages
import Service
import SettingsFiles

/// `clonevm`: a copy of a machine.
enum CloneVerb {
  static let verb = Verb(
    "clonevm",
    usage: "NAME|UUID [--name NAME] [--register] [--snapshot SNAPSHOT] [--mode machine|machineandchildren|all] "
      + "[--options link,keepallmacs,keepnatmacs,keepdisknames,keephwuuids] [--groups GROUP,...] "
      + "[--basefolder FOLDER] [--uuid UUID]",
    "Makes a copy of a machine."
  ) { words, registry in
    let (names, options) = try words.parse(
      ["name": 1, "snapshot": 1, "mode": 1, "options": 1, "groups": 1, "basefolder": 1, "uuid": 1, "register": 0],
      words: 1...1)
    var request = CloneRequest()
    for option in options { try set(option, &request) }
    let isQuiet = words.wantsJSON
    let copy = try registry.clone(names[0], request, progress: MediumSupport.progress(isQuiet: isQuiet))
    return Answer(
      text: "Machine has been successfully cloned as \"\(copy.name)\"\n",
      json: [
        "name": .string(copy.name), "uuid": .string(copy.uuid), "settingsFile": .string(copy.file.path),
        "registered": .bool(request.registers),
      ])
  }
  private static func set(_ option: Words.Option, _ request: inout CloneRequest) throws {
    let value = option.value
    switch option.name {
    case "name": request.name = value
    case "snapshot": request.snapshot = value
    case "groups": request.groups = value.split(separator: ",").map(String.init)
    case "basefolder": request.baseFolder = value
    case "register": request.registers = true
    case "mode":
      guard let mode = CloneRequest.Mode(rawValue: value.lowercased()) else {
        throw Failure.usage("Invalid clone mode '\(value)'")
      }
      request.mode = mode
    case "uuid":
      guard let uuid = SettingsUUID.normalized(value) else { throw Failure.usage("Invalid UUID '\(value)'") }
      request.uuid = uuid
    default:
      for word in value.split(separator: ",").map({ $0.lowercased() }) {
        switch word {
        case "link": request.isLinked = true
        case "keepallmacs": request.addresses = .keepAll
        case "keepnatmacs": request.addresses = .keepNAT
        case "keepdisknames": request.keepsDiskNames = true
        case "keephwuuids": request.keepsHardwareUUIDs = true
        default: throw Failure.usage("Invalid clone options '\(value)'")
        }
      }
    }
  }
}
