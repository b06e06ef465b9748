import ArgumentParser
import Base
import DiskImages
import Foundation
import HostSystem

/// `ringbox showmediuminfo`: what an image says about itself.
struct ShowMediumInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "showmediuminfo", abstract: "Shows what a disk image says about itself.", aliases: ["showhdinfo"])
  @Argument(help: "[disk|dvd|floppy] FILE") var words: [String] = []
  @Option(help: ArgumentHelp("Format, instead of finding out.", valueName: "format")) var format: String?
  @Flag(help: "As one line of JSON.") var json = false

  func run() throws {
    let names = try MediumSupport.words(words, 1...1, "showmediuminfo [disk] FILE")
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    if let format { options.format = try MediumSupport.format(format) }
    let info = try MediumSupport.attempt { try ImageLibrary().open(names[0], options).info() }
    if json { return MediumSupport.show(info.json) }
    func line(_ name: String, _ value: String) {
      print(name.padding(toLength: 16, withPad: " ", startingAt: 0) + value)
    }
    let isChild = info.variant == .differencing
    line("UUID:", info.uuid?.description ?? DiskUUID.zero.description)
    line("Parent UUID:", isChild ? info.parentUUID?.description ?? DiskUUID.zero.description : "base")
    line("State:", "created")
    line("Type:", isChild ? "normal (differencing)" : "normal (base)")
    line("Location:", URL(fileURLWithPath: info.path).standardizedFileURL.path)
    line("Storage format:", info.format.rawValue)
    line("Format variant:", info.variantText)
    line("Capacity:", "\(info.capacity >> 20) MBytes")
    line("Size on disk:", "\(info.sizeOnDisk >> 20) MBytes")
    line("Encryption:", "disabled")
    if info.blockSize > 512 { line("Property:", "AllocationBlockSize=\(info.blockSize)") }
    if let parent = info.parentPath { line("Parent:", parent) }
    if !info.comment.isEmpty { line("Description:", info.comment) }
    for snapshot in info.snapshots { line("Snapshot:", "\(snapshot.id) \(snapshot.name)") }
  }
}

/// `ringbox modifymedium`: growth, compaction, another place or description.
struct ModifyMediumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "modifymedium", abstract: "Changes a disk image.", aliases: ["modifyhd", "modifyvdi"])
  @Argument(help: "[disk|dvd|floppy] FILE") var words: [String] = []
  @Option(help: ArgumentHelp("New size in MiB; disks can only grow.", valueName: "number")) var resize: String?
  @Option(help: ArgumentHelp("New size in bytes.", valueName: "number")) var resizebyte: String?
  @Flag(help: "Give space back that holds only zeroes.") var compact = false
  @Option(help: ArgumentHelp("New name of the file, or a folder.", valueName: "path")) var move: String?
  @Option(help: ArgumentHelp("Description that is kept in the image.", valueName: "text")) var description: String?
  @Option(help: ArgumentHelp("New UUID; 'new' for a random one.", valueName: "uuid")) var setuuid: String?
  @Option(help: ArgumentHelp("normal, writethrough, immutable, ...: needs the registry.", valueName: "type"))
  var type: String?
  @Option(help: ArgumentHelp("on or off: needs the registry.", valueName: "switch")) var autoreset: String?
  @Option(help: ArgumentHelp("Where the registry thinks the file is.", valueName: "path")) var setlocation: String?
  @Option(help: ArgumentHelp("name=value: needs the registry.", valueName: "property")) var property: [String] = []

  func run() throws {
    let names = try MediumSupport.words(words, 1...1, "modifymedium [disk] FILE CHANGE...")
    for (option, isGiven) in [
      ("--type", type != nil), ("--autoreset", autoreset != nil), ("--setlocation", setlocation != nil),
      ("--property", !property.isEmpty),
    ] where isGiven {
      throw Failure.failure("\(option) is kept in the registry of media, which there is not yet")
    }
    let size = try MediumSupport.size(resize, resizebyte)
    guard size != nil || compact || move != nil || description != nil || setuuid != nil else {
      throw Failure.usage("nothing to change: give --resize, --compact, --move, --description or --setuuid")
    }
    let library = ImageLibrary()
    let progress = MediumSupport.progress(isQuiet: false)
    try MediumSupport.attempt {
      if let size { try library.resize(names[0], to: size, progress: progress) }
      if compact { try library.compact(names[0], progress: progress) }
      try changeText(names[0], library)
      if let move { try rename(names[0], to: move, library) }
    }
  }
  private func changeText(_ path: String, _ library: ImageLibrary) throws {
    guard description != nil || setuuid != nil else { return }
    let uuid = setuuid == "new" ? DiskUUID() : try MediumSupport.uuid(setuuid, "--setuuid")
    var options = ImageLibrary.Options()
    (options.isAlone, options.keepsModification) = (true, true)
    let image = try library.open(path, options)
    if let description { try image.setComment(description) }
    if let uuid {
      try image.setUUID(uuid)
      print("UUID changed to: \(uuid)")
    }
    try image.close()
  }
  private func rename(_ path: String, to target: String, _ library: ImageLibrary) throws {
    let attributes = try? FileManager.default.attributesOfItem(atPath: target)
    let isFolder = attributes?[.type] as? FileAttributeType == .typeDirectory
    let place = isFolder ? "\(target)/\(URL(fileURLWithPath: path).lastPathComponent)" : target
    guard attributes == nil || isFolder else { throw DiskError.exists(path: place) }
    try library.move(path, to: place)
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
