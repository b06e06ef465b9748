import Base
import DiskImages
import Service

/// Verbs of VBoxManage for which there are no means here: they say so, as VirtualBox says it of what it cannot do.
enum MissingVerbs {
  private static let reasons = [
    ("guestcontrol", "NAME|UUID ...", "Programs and files in the guest need guest additions, of which there are none."),
    ("unattended", "detect|install ...", "Unattended installation is not supported."),
    ("encryptmedium", "FILE|UUID ...", "Encryption of media is not supported."),
    ("checkmediumpwd", "FILE|UUID FILE", "Encryption of media is not supported."),
    ("encryptvm", "NAME|UUID ...", "Encryption of machines is not supported."),
    ("modifynvram", "NAME|UUID ...", "The firmware's variables cannot be changed from outside."),
    ("usbdevsource", "add|remove ...", "USB devices of the host are not supported."),
    ("updatecheck", "perform|list|modify", "There is nobody to ask for updates."),
    ("signova", "FILE ...", "Signing of appliances is not supported."),
    ("cloud", "...", "Clouds are not supported."), ("cloudprofile", "...", "Clouds are not supported."),
  ]
  static let all =
    [extensionPacks, developers]
    + reasons.map { name, usage, reason in
      Verb(name, usage: usage, reason) { _, _ in
        throw ServiceError(.notSupported, "\(name) is not supported: \(reason)", .registry)
      }
    }

  /// Of VirtualBox's commands for developers, the one that people use.
  private static let developers = Verb(
    "internalcommands", usage: "sethduuid FILE [UUID]", "Gives a disk image another UUID."
  ) { words, registry in
    let verb = try words.next("sethduuid")
    let (names, _) = try words.parse([:], words: 0...8)
    guard ["sethduuid", "setvdiuuid"].contains(verb) else {
      throw ServiceError(.notSupported, "internalcommands \(verb) is not supported", .registry)
    }
    guard let name = names.first, names.count <= 2 else { throw Failure.usage("sethduuid takes a file and a UUID") }
    let uuid = names.count > 1 ? try MediumSupport.uuid(names[1], "UUID") ?? DiskUUID() : DiskUUID()
    // As modifymedium --setuuid: whoever knows the disk knows it by the new UUID.
    try registry.setUUID(name, uuid)
    return Answer(text: "UUID changed to: \(uuid)\n", json: ["uuid": .string("\(uuid)")])
  }
  private static let extensionPacks = Verb(
    "extpack", usage: "install [--replace] [--accept-license=SHA256] FILE | uninstall [--force] NAME | cleanup",
    "Extension packs are not supported."
  ) { words, _ in
    let verb = try words.next("install, uninstall or cleanup")
    let (names, _) = try words.parse(["replace": 0, "acceptlicense": 1, "force": 0], words: 0...1)
    switch verb {
    case "cleanup": return Answer(text: "Successfully performed extension pack cleanup\n")
    case "uninstall":
      let name = names.first ?? ""
      throw ServiceError(.objectNotFound, "No extension pack by the name '\(name)' was found", .registry)
    case "install":
      throw ServiceError(.notSupported, "extpack install is not supported: there are no extension packs", .registry)
    default: throw Failure.usage("Invalid parameter '\(verb)'")
    }
  }
}
