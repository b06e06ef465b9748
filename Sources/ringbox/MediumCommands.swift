import ArgumentParser
import Base
import DiskImages
import Foundation
import HostSystem
import Service

/// `ringbox createmedium`: an empty disk image.
struct CreateMediumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "createmedium", abstract: "Creates a disk image.", aliases: ["createhd", "createvdi"])
  @Argument(help: "disk (may be left out).") var words: [String] = []
  @Option(help: ArgumentHelp("The new file; its suffix is added when there is none.", valueName: "file"))
  var filename: String?
  @Option(help: ArgumentHelp("Size in MiB.", valueName: "number")) var size: String?
  @Option(help: ArgumentHelp("Size in bytes.", valueName: "number")) var sizebyte: String?
  @Option(help: ArgumentHelp("VDI, VMDK, VHD, QCOW2 or RAW.", valueName: "format")) var format: String?
  @Option(help: ArgumentHelp("Standard, Fixed, Split2G, Stream, ESX; with commas between.", valueName: "words"))
  var variant = "Standard"
  @Option(help: ArgumentHelp("The image that the new one differs from.", valueName: "file")) var diffparent: String?
  @Option(help: ArgumentHelp("Bytes of the unit in which space is taken.", valueName: "number")) var blocksize: String?
  @Option(help: ArgumentHelp("UUID of the image.", valueName: "uuid")) var uuid: String?
  @Option(help: ArgumentHelp("NAME=VALUE, kept with the medium.", valueName: "property")) var property: [String] = []
  @Flag(help: "As one line of JSON; no progress.") var json = false

  func run() throws {
    _ = try MediumSupport.words(words, 0...1, "createmedium [disk] --filename FILE --size MIB")
    if words.first == "dvd" || words.first == "floppy" {
      throw Failure.usage("only disks can be created empty; a \(words[0]) image is a raw file")
    }
    guard let filename, !filename.isEmpty else { throw Failure.usage("--filename is missing") }
    let library = ImageLibrary.noted
    let id = try MediumSupport.uuid(uuid, "--uuid")
    let block = try blocksize.map { text -> UInt64 in
      guard let number = UInt64(text), number > 0 else { throw Failure.usage("--blocksize '\(text)': not a number") }
      return number
    }
    let named = try format.map { try MediumSupport.format($0) }
    let bytes = try MediumSupport.size(size, sizebyte)
    let properties = try property.map(MediumSupport.property)
    let progress = MediumSupport.progress(isQuiet: json)
    let info = try MediumSupport.attempt {
      if let diffparent {
        guard bytes == nil else { throw Failure.usage("a differencing image has the size of its parent") }
        let format = try named ?? library.open(diffparent, alone).info().format
        let path = CreateMediumCommand.named(filename, [.raw, .iso].contains(format) ? .vdi : format)
        return try library.createChild(path, of: diffparent, format: named, blockSize: block, uuid: id)
      }
      guard let bytes else { throw Failure.usage("--size or --sizebyte is missing") }
      let format = named ?? .vdi
      var creation = ImageCreation(
        format, try MediumSupport.variant(variant, format), capacity: bytes, blockSize: block)
      creation.uuid = id
      return try library.create(CreateMediumCommand.named(filename, format), creation)
    }
    for (key, value) in properties { try MediumSupport.registry().setMediumProperty(info.path, key, value) }
    progress.pass(1, of: 1)
    if json { return MediumSupport.show(info.json) }
    print("Medium created." + (info.uuid.map { " UUID: \($0)" } ?? ""))
  }
  private var alone: ImageLibrary.Options {
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    return options
  }
  /// The file's name, with the suffix of the format where it has none.
  static func named(_ path: String, _ format: ImageFormat) -> String {
    URL(fileURLWithPath: path).pathExtension.isEmpty ? "\(path).\(format.suffix)" : path
  }
}

/// `ringbox clonemedium`: a copy, in the same format or another.
struct CloneMediumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clonemedium", abstract: "Copies a disk image, into another format if you like.",
    aliases: ["clonehd", "clonevdi"])
  @Argument(help: "[disk] SOURCE TARGET") var words: [String] = []
  @Option(help: ArgumentHelp("Format of the copy; default: by the target's suffix, else VDI.", valueName: "format"))
  var format: String?
  @Option(help: ArgumentHelp("Variant of the copy, as for createmedium.", valueName: "words")) var variant = "Standard"
  @Option(help: ArgumentHelp("Format of the source, instead of finding out.", valueName: "format"))
  var sourceFormat: String?
  @Option(help: ArgumentHelp("Snapshot inside a QCOW2 source.", valueName: "name")) var snapshot: String?
  @Option(help: ArgumentHelp("Size of the copy in MiB, if it shall be larger.", valueName: "number"))
  var resize: String?
  @Flag(help: "Write into an image that exists.") var existing = false
  @Flag(help: "As one line of JSON; no progress.") var json = false

  func run() throws {
    let names = try MediumSupport.words(words, 2...2, "clonemedium [disk] SOURCE TARGET")
    let library = ImageLibrary.noted
    var options = MediumSupport.options(readOnly: true)
    options.snapshot = snapshot
    if let sourceFormat { options.format = try MediumSupport.format(sourceFormat) }
    let named = try format.map { try MediumSupport.format($0) }
    let size = try MediumSupport.size(resize, nil)
    let info = try MediumSupport.attempt {
      let source = try library.open(names[0], options)
      if existing {
        try MediumSupport.registry().refuseChange(of: names[1])
        return try library.copy(source, intoExisting: names[1], progress: MediumSupport.progress(isQuiet: json))
      }
      let format = named ?? ImageFormat(named: URL(fileURLWithPath: names[1]).pathExtension) ?? .vdi
      let creation = ImageCreation(
        format, try MediumSupport.variant(variant, format), capacity: max(size ?? 0, source.sectorCount * 512))
      return try library.clone(
        source, to: CreateMediumCommand.named(names[1], format), creation,
        progress: MediumSupport.progress(isQuiet: json))
    }
    if json { return MediumSupport.show(info.json) }
    print(
      "Clone medium created in format '\(info.format.rawValue)'." + (info.uuid.map { " UUID: \($0)" } ?? ""))
  }
}

/// `ringbox convertfromraw`: an image from the bytes of a file or a pipe.
struct ConvertFromRawCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convertfromraw", abstract: "Makes a disk image from raw bytes.", aliases: ["convertdd"])
  @Argument(help: "FILE|stdin TARGET [BYTES]") var words: [String] = []
  @Option(help: ArgumentHelp("Format of the image; default VDI.", valueName: "format")) var format = "VDI"
  @Option(help: ArgumentHelp("Variant of the image, as for createmedium.", valueName: "words"))
  var variant = "Standard"
  @Option(help: ArgumentHelp("UUID of the image.", valueName: "uuid")) var uuid: String?
  @Flag(help: "As one line of JSON.") var json = false

  func run() throws {
    guard (2...3).contains(words.count) else {
      throw Failure.usage("expected: convertfromraw FILE TARGET, or convertfromraw stdin TARGET BYTES")
    }
    let format = try MediumSupport.format(format)
    var creation = ImageCreation(format, try MediumSupport.variant(variant, format), capacity: 512)
    creation.uuid = try MediumSupport.uuid(uuid, "--uuid")
    let library = ImageLibrary.noted
    let info = try MediumSupport.attempt {
      let source = try source()
      creation.capacity = source.sectorCount * 512
      note("Converting from raw image file=\"\(words[0])\" to file=\"\(words[1])\"...")
      let kind = creation.variant == .fixed || creation.variant == .splitFixed ? "fixed" : "dynamic"
      let mebibytes = (creation.capacity + (1 << 20) - 1) >> 20
      note("Creating \(kind) image with size \(creation.capacity) bytes (\(mebibytes)MB)...")
      return try library.clone(source, to: words[1], creation)
    }
    if json { MediumSupport.show(info.json) }
  }
  private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
  private func source() throws -> any DiskImage {
    guard words[0] == "stdin" else {
      guard words.count == 2 else { throw Failure.usage("BYTES is for stdin only") }
      return try RawImage(path: words[0], readOnly: true, tail: .fill)
    }
    guard words.count == 3, let bytes = UInt64(words[2]), bytes > 0, bytes <= 1 << 56 else {
      throw Failure.usage("stdin needs the number of bytes as the third word")
    }
    return PipeImage(sectors: (bytes + 511) / 512, bytes: bytes)
  }
}

/// `ringbox mergemedium`: puts a differencing image into its parent.
struct MergeMediumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mergemedium", abstract: "Merges a differencing image with its parent.",
    discussion: """
      Without options the parent takes in what the image holds; the image can then be removed. A merge that was cut \
      short can be done again: until it is complete, and after, the image shows the same.
      """)
  @Argument(help: "[disk] FILE") var words: [String] = []
  @Flag(help: "The image takes in what its parent holds, and becomes a child of the parent's parent.")
  var takeParent = false
  @Flag(help: "Remove the image after it was merged into its parent, also from the registry.") var delete = false
  @Flag(help: "As one line of JSON; no progress.") var json = false

  func run() throws {
    let names = try MediumSupport.words(words, 1...1, "mergemedium [disk] FILE [--take-parent | --delete]")
    if takeParent, delete { throw Failure.usage("--take-parent and --delete exclude each other") }
    let library = ImageLibrary.noted
    let progress = MediumSupport.progress(isQuiet: json)
    let info = try MediumSupport.attempt {
      let options = MediumSupport.options()
      guard !takeParent else {
        return try MediumSupport.registry().takeParent(into: names[0], options, progress: progress)
      }
      let registry = try MediumSupport.registry()
      try registry.refuseMerge(of: names[0])
      if delete { try registry.refuseClosing(of: names[0]) }
      let parent = try library.mergeIntoParent(names[0], options, progress: progress)
      if delete { try registry.closeMedium(names[0], delete: true) }
      return parent
    }
    if json { MediumSupport.show(info.json) }
  }
}
