import Base
import DiskImages
import Foundation
import HostSystem
import Service
import SettingsFiles

/// Verbs that look into things: limits of bandwidth, figures, devices, bytes of media.
enum InspectVerbs {
  // MARK: Bandwidth

  static let bandwidth = Verb(
    "bandwidthctl",
    usage: "NAME|UUID add GROUP --type disk|network --limit N[k|m|g|K|M|G] | set GROUP --limit N[k|m|g|K|M|G] | "
      + "remove GROUP | list [--machinereadable]",
    "Keeps groups of devices that share a limit."
  ) { words, registry in
    let machine = try words.next("name or UUID of the machine")
    let verb = try words.next("add, set, remove or list")
    let (names, options) = try words.parse(["type": 1, "limit": 1, "name": 1, "machinereadable": 0], words: 0...1)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    if verb == "list" {
      return bandwidthList(try registry.machine(machine), isForPrograms: !options.isEmpty)
    }
    guard let name = names.first ?? value("name"), !name.isEmpty else {
      throw Failure.usage("Missing argument: name of the group")
    }
    let type = try value("type").map { text in
      guard let type = ["Disk", "Network"].first(where: { $0.lowercased() == text.lowercased() }) else {
        throw Failure.usage("Invalid --type argument '\(text)'")
      }
      return type
    }
    let limit = try value("limit").map(bytesPerSecond)
    switch verb {
    case "add":
      guard let type, let limit else { throw Failure.usage("--type and --limit are required") }
      try registry.changeShared(machine) { settings throws(ServiceError) in
        try settings.addBandwidthGroup(name, type: type, limit: limit)
      }
    case "set":
      guard let limit else { throw Failure.usage("--limit is required") }
      try registry.changeShared(machine) { settings throws(ServiceError) in
        try settings.limitBandwidthGroup(name, to: limit)
      }
    case "remove":
      try registry.changeShared(machine) { settings throws(ServiceError) in try settings.removeBandwidthGroup(name) }
    default: throw Failure.usage("Invalid parameter '\(verb)'")
    }
    try registry.applyBandwidth(ofGroup: name, to: machine)
    return .done
  }
  /// Small letters are bits, capital ones bytes; a bare number is MiB.
  private static func bytesPerSecond(_ text: String) throws -> UInt64 {
    let units: [Character: UInt64] = [
      "k": 1000 / 8, "m": 1_000_000 / 8, "g": 1_000_000_000 / 8, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30,
    ]
    let unit = text.last.flatMap { units[$0] }
    guard let number = UInt64(unit == nil ? text : String(text.dropLast())) else {
      throw Failure.usage("Invalid --limit argument '\(text)'")
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1 << 20)
    guard !overflow, product <= UInt64(Int64.max) else { throw Failure.usage("Invalid --limit argument '\(text)'") }
    return product
  }
  private static func bandwidthList(_ settings: MachineSettings, isForPrograms: Bool) -> Answer {
    let groups = settings.bandwidthGroups
    var text = "", json: [JSON] = []
    for (index, group) in groups.enumerated() {
      let name = group["name"] ?? "", type = group["type"] ?? ""
      let limit = UInt64(group["maxBytesPerSec"] ?? "") ?? 0
      if isForPrograms {
        text += "BandwidthGroup\(index)=\(name),\(type),\(limit)\n"
      } else {
        let shown = limit == 0 ? "none (disabled)" : "\(limit >> 20) mbytes/sec (\(limit) bytes/sec)"
        text += "#\(index): Name: '\(name)', Type: \(type), Limit: \(shown)\n"
      }
      json.append(["name": .string(name), "type": .string(type), "limit": .integer(Int64(clamping: limit))])
    }
    if groups.isEmpty, !isForPrograms { text = "There are no bandwidth groups.\n" }
    return Answer(text: text, json: .array(json))
  }

  // MARK: Bytes of media

  static let mediumIO = Verb(
    "mediumio",
    usage: "--disk|--dvd|--floppy FILE|UUID cat [--hex] [--offset N] [--size N] [--output FILE] | "
      + "stream --output FILE [--format FORMAT] [--variant WORDS] | formatfat [--quick]",
    "Shows, copies and replaces what is in a medium."
  ) { words, registry in
    let (names, options) = try words.parse(
      [
        "disk": 1, "dvd": 1, "floppy": 1, "passwordfile": 1, "hex": 0, "offset": 1, "size": 1, "output": 1, "format": 1,
        "variant": 1, "quick": 0,
      ], words: 1...1)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    func number(_ name: String) throws -> UInt64? {
      try value(name).map { text in
        guard let number = UInt64(text) else { throw Failure.usage("Invalid --\(name) argument '\(text)'") }
        return number
      }
    }
    guard let medium = options.first(where: { ["disk", "dvd", "floppy"].contains($0.name) }) else {
      throw Failure.usage("No medium specified: --disk, --dvd or --floppy")
    }
    let path = try MediumSupport.words([medium.value], 1...1, "mediumio --disk FILE|UUID")[0]
    let offset = try number("offset"), size = try number("size")
    let formatName = value("format"), variantName = value("variant") ?? "Standard", output = value("output")
    let isHex = options.contains { $0.name == "hex" }, isQuiet = words.wantsJSON
    if names[0] == "formatfat" {
      let isQuick = options.contains { $0.name == "quick" }
      return try MediumSupport.attempt {
        try registry.refuseChange(of: path)
        try formatFAT(medium.name, path, isQuick: isQuick)
        return .done
      }
    }
    return try MediumSupport.attempt {
      let image: any DiskImage =
        medium.name == "disk"
        ? try ImageLibrary().open(path, MediumSupport.options(readOnly: true))
        : try RawImage(path: path, readOnly: true, tail: .fill)
      switch names[0] {
      case "cat":
        try write(MediumBytes(image, offset: offset ?? 0, size: size), isHex: isHex, to: output)
        return output == nil ? Answer(text: "", json: ["ok": true]) : .done
      case "stream":
        guard let output else { throw Failure.usage("Missing argument: --output FILE") }
        let format = try MediumSupport.format(formatName ?? "VDI")
        let creation = ImageCreation(
          format, try MediumSupport.variant(variantName, format), capacity: image.sectorCount * 512)
        let info = try ImageLibrary().clone(
          image, to: Paths.absolute(output), creation, progress: MediumSupport.progress(isQuiet: isQuiet))
        return Answer(json: info.json)
      default: throw Failure.usage("Invalid parameter '\(names[0])'")
      }
    }
  }
  private static func formatFAT(_ kind: String, _ path: String, isQuick: Bool) throws {
    switch kind {
    case "disk":
      let image = try ImageLibrary().open(path, MediumSupport.options(readOnly: false))
      try image.formatFAT(isQuick: isQuick)
      try image.close()
    case "floppy": try RawImage(path: path).formatFAT(isQuick: isQuick)
    default: throw ServiceError(.invalidArgument, "Nothing can be written to a DVD: '\(path)'", .medium)
    }
  }
  private static func write(_ bytes: MediumBytes, isHex: Bool, to path: String?) throws {
    let file = try path.map { try OutputFile(creating: Paths.absolute($0)) }
    try bytes.forEachPiece(isHex: isHex) { output in
      let isWritten = file.map { $0.append(output) } ?? HostStream.standard(1).writeAll(output)
      guard isWritten else { throw Failure.failure("cannot write the output") }
    }
  }
}
