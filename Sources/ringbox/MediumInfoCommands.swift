import ArgumentParser
import Base
import DiskImages
import Foundation
import HostSystem
import Service

/// `ringbox showmediuminfo`: what an image says about itself, and what the registry knows of it.
struct ShowMediumInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "showmediuminfo", abstract: "Shows what a medium says about itself, and who has it.",
    aliases: ["showhdinfo"])
  @Argument(help: "[disk|dvd|floppy] FILE|UUID") var words: [String] = []
  @Option(help: ArgumentHelp("Format, instead of finding out.", valueName: "format")) var format: String?
  @Flag(help: "As one line of JSON.") var json = false

  func run() throws {
    let names = try MediumSupport.words(words, 1...1, "showmediuminfo [disk] FILE|UUID")
    let registry = try MediumSupport.registry()
    let known = try registry.medium(names[0])
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    if let format { options.format = try MediumSupport.format(format) }
    if let known, known.medium.kind != .disk {
      let lines = try MediumLines(known.medium, registry, nil, isLong: true)
      return json ? MediumSupport.show(lines.json) : print(lines.text, terminator: "")
    }
    let info: ImageInfo
    do { info = try MediumSupport.attempt { try ImageLibrary().open(names[0], options).info() } } catch {
      // One that a machine writes to is known all the same.
      guard let known, HostPaths.exists(names[0]) else { throw error }
      let lines = try MediumLines(known.medium, registry, nil, isLong: true)
      return json ? MediumSupport.show(lines.json) : print(lines.text, terminator: "")
    }
    let medium =
      known?.medium
      ?? Medium(
        kind: .disk, uuid: info.uuid?.description ?? DiskUUID.zero.description, path: Paths.absolute(info.path),
        format: info.format.rawValue, type: "Normal",
        parent: info.variant == .differencing ? info.parentUUID?.description ?? DiskUUID.zero.description : nil)
    let lines = try MediumLines(medium, registry, info, isLong: true)
    guard !json else {
      return MediumSupport.show(lines.json.members?.reduce(into: info.json) { $0.set($1.key, $1.value) } ?? info.json)
    }
    print(lines.text, terminator: "")
    if let parent = info.parentPath { print("Parent:".padding(16) + parent) }
    for snapshot in info.snapshots { print("Snapshot:".padding(16) + "\(snapshot.id) \(snapshot.name)") }
  }
}

/// `ringbox modifymedium`: growth, compaction, another place, type or description.
struct ModifyMediumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "modifymedium", abstract: "Changes a medium.", aliases: ["modifyhd", "modifyvdi"])
  @Argument(help: "[disk|dvd|floppy] FILE|UUID") var words: [String] = []
  @Option(help: ArgumentHelp("New size in MiB; disks can only grow.", valueName: "number")) var resize: String?
  @Option(help: ArgumentHelp("New size in bytes.", valueName: "number")) var resizebyte: String?
  @Flag(help: "Give space back that holds only zeroes.") var compact = false
  @Option(help: ArgumentHelp("New name of the file, or a folder.", valueName: "path")) var move: String?
  @Option(help: ArgumentHelp("Description that is kept with the medium.", valueName: "text")) var description: String?
  @Option(help: ArgumentHelp("New UUID; 'new' for a random one.", valueName: "uuid")) var setuuid: String?
  @Option(
    help: ArgumentHelp("normal, writethrough, immutable, shareable, readonly or multiattach.", valueName: "type"))
  var type: String?
  @Option(help: ArgumentHelp("Whether an image over an immutable disk forgets at power-on.", valueName: "on|off"))
  var autoreset: String?
  @Option(help: ArgumentHelp("Where somebody else has put the file.", valueName: "path")) var setlocation: String?
  @Option(help: ArgumentHelp("NAME=VALUE; without a value it is taken away.", valueName: "property"))
  var property: [String] = []
  @Flag(help: "Answer in JSON; no progress.") var json = false

  func run() throws {
    var name = try MediumSupport.words(words, 1...1, "modifymedium [disk] FILE|UUID CHANGE...")[0]
    let size = try MediumSupport.size(resize, resizebyte)
    let uuid = setuuid == "new" ? DiskUUID() : try MediumSupport.uuid(setuuid, "--setuuid")
    let resets = try autoreset.map { try Words.flag($0, "autoreset") }
    let type = try type.map { text in
      guard let type = DriveChange.types.first(where: { $0.lowercased() == text.lowercased() }) else {
        throw Failure.usage("Invalid --type argument '\(text)'")
      }
      return type
    }
    let properties = try property.map(MediumSupport.property)
    guard
      size != nil || compact || move != nil || description != nil || uuid != nil || type != nil || resets != nil
        || setlocation != nil || !properties.isEmpty
    else { throw Failure.usage("nothing to change: give --resize, --compact, --move, --type, ...") }
    let registry = try MediumSupport.registry()
    if let setlocation { name = try registry.relocateMedium(name, to: setlocation) }
    if let type { try registry.setType(name, type) }
    if let resets { try registry.setAutoReset(name, resets) }
    for (key, value) in properties { try registry.setMediumProperty(name, key, value.isEmpty ? nil : value) }
    if let description { try registry.describe(name, description) }
    if let uuid { try registry.setUUID(name, uuid) }
    try work(name, size, registry)
    if json { return MediumSupport.show(["ok": true]) }
    if let uuid { print("UUID changed to: \(uuid)") }
  }
  /// What takes its time.
  private func work(_ name: String, _ size: UInt64?, _ registry: Registry) throws {
    func shown(_ body: (WorkProgress) throws -> Void) throws {
      let progress = MediumSupport.progress(isQuiet: json)
      try MediumSupport.attempt { try body(progress) }
      progress.pass(1, of: 1)
    }
    if let size { try shown { try registry.resize(name, to: size, progress: $0) } }
    if compact { try shown { try ImageLibrary.noted.compact(name, progress: $0) } }
    if let move { try shown { try registry.moveMedium(name, to: move, progress: $0) } }
  }
}

/// `ringbox checkmedium`: looks at all tables of an image.
struct CheckMediumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkmedium", abstract: "Looks for errors in a disk image, and mends them with --repair.",
    discussion: "Exit status: 0 sound (space may be lost), 1 errors or failure, 2 wrong usage.")
  @Argument(help: "[disk] FILE") var words: [String] = []
  @Option(help: ArgumentHelp("Format, instead of finding out.", valueName: "format")) var format: String?
  @Flag(help: "Mend what can be mended.") var repair = false
  @Flag(help: "As one line of JSON.") var json = false

  func run() throws {
    let names = try MediumSupport.words(words, 1...1, "checkmedium [disk] FILE [--repair]")
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    if let format { options.format = try MediumSupport.format(format) }
    let library = ImageLibrary()
    let check = try MediumSupport.attempt { () throws -> ImageCheck in
      let first = try library.open(names[0], options).check()
      guard repair, !first.errors.isEmpty || first.leakedBytes > 0 else { return first }
      try library.repair(names[0], options)
      return try library.open(names[0], options).check()
    }
    if json {
      MediumSupport.show([
        "errors": .array(check.errors.map { .string($0) }), "leakedBytes": .integer(Int64(clamping: check.leakedBytes)),
        "storedBlocks": .integer(Int64(clamping: check.storedBlocks)),
        "blocks": .integer(Int64(clamping: check.blocks)),
      ])
    } else {
      for error in check.errors { print("error: \(error)") }
      print("\(check.storedBlocks) of \(check.blocks) blocks are stored, \(check.leakedBytes) bytes are lost")
    }
    guard check.errors.isEmpty else { throw Failure.failure("\(names[0]) has errors") }
  }
}
