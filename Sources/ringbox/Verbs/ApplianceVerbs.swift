import Base
import Foundation
import HostSystem
import Service

/// `import` and `export`: machines as OVF and OVA.
enum ApplianceVerbs {
  static let importVerb = Verb(
    "import",
    usage: "FILE.ovf|FILE.ova [--dry-run|-n] [--options keepallmacs|keepnatmacs|importtovdi] [--vsys N [--ostype TYPE] "
      + "[--vmname NAME] [--settingsfile FILE] [--basefolder FOLDER] [--group GROUP] [--memory MB] [--cpus N] "
      + "[--description TEXT] [--eula show|accept] [--unit N [--ignore] [--disk FILE] [--controller N] [--port N] "
      + "[--scsitype BusLogic|LsiLogic]]]",
    "Makes machines of an appliance."
  ) { words, registry in
    let (names, options) = try words.parse(
      [
        "n": 0, "dryrun": 0, "detailedprogress": 0, "options": 1, "vsys": 1, "unit": 1, "ostype": 1, "vmname": 1,
        "settingsfile": 1, "basefolder": 1, "group": 1, "memory": 1, "cpus": 1, "description": 1, "eula": 1,
        "ignore": 0, "disk": 1, "controller": 1, "port": 1, "scsitype": 1,
      ], words: 1...1)
    var request = ImportRequest()
    let wish = try ImportWish(options, &request)
    let path = Paths.absolute(names[0])
    let isQuiet = words.wantsJSON
    func note(_ text: String) { if !isQuiet { HostStream.standard(2).writeAll(Array(text.utf8)) } }
    note("Interpreting \(path)...\n")
    let plan = try ImportPlan(path, request, registry)
    note("OK.\n")
    var text = PlanText(plan, wish).text
    guard !wish.isDry else { return Answer(text: text, json: PlanText.json(plan)) }
    if let open = plan.systems.firstIndex(where: { !$0.acceptsLicense }) {
      print(text, terminator: "")
      throw Failure.failure(
        "Cannot import until the license agreement of system \(open) is accepted: --vsys \(open) --eula accept")
    }
    let machines = try registry.importAppliance(plan, progress: MediumSupport.progress(isQuiet: isQuiet))
    text += "Successfully imported the appliance.\n"
    return Answer(
      text: text,
      json: .array(
        machines.map {
          ["name": .string($0.name), "uuid": .string($0.uuid), "settingsFile": .string($0.file.path)]
        }))
  }

  static let exportVerb = Verb(
    "export",
    usage: "NAME|UUID... --output FILE.ovf|FILE.ova [--ovf09|--ovf10|--ovf20] [--manifest] [--iso] "
      + "[--options manifest,iso,nomacs,nomacsbutnat] [--vsys N [--vmname NAME] [--product TEXT] [--producturl TEXT] "
      + "[--vendor TEXT] [--vendorurl TEXT] [--version TEXT] [--description TEXT] [--eula TEXT] [--eulafile FILE]]",
    "Writes machines as an appliance."
  ) { words, registry in
    let (names, options) = try words.parse(
      [
        "o": 1, "output": 1, "legacy09": 0, "ovf09": 0, "ovf10": 0, "ovf20": 0, "manifest": 0, "iso": 0, "options": 1,
        "vsys": 1, "vmname": 1, "product": 1, "producturl": 1, "vendor": 1, "vendorurl": 1, "version": 1,
        "description": 1, "eula": 1, "eulafile": 1,
      ], words: 1...64)
    var request = ExportRequest(machines: names, path: "")
    var system: Int?
    for option in options { try setExport(option, &request, &system) }
    guard !request.path.isEmpty else { throw Failure.usage("Missing --output argument with export command") }
    try registry.export(request, progress: MediumSupport.progress(isQuiet: words.wantsJSON))
    return Answer(
      text: "Successfully exported \(names.count) machine(s).\n",
      json: ["exported": .integer(Int64(names.count)), "file": .string(Paths.absolute(request.path))])
  }
  private static func setExport(_ option: Words.Option, _ request: inout ExportRequest, _ system: inout Int?) throws {
    switch option.name {
    case "o", "output": request.path = option.value
    case "legacy09", "ovf09": request.version = .legacy
    case "ovf10": request.version = .one
    case "ovf20": request.version = .two
    case "manifest": request.hasManifest = true
    case "iso": request.hasISOs = true
    case "options":
      for word in option.value.split(separator: ",").map({ $0.lowercased() }) {
        switch word {
        case "manifest", "createmanifest": request.hasManifest = true
        case "iso", "exportdvdimages": request.hasISOs = true
        case "nomacs", "stripallmacs": request.addresses = .new
        case "nomacsbutnat", "stripallnonnatmacs": request.addresses = .keepNAT
        default: throw Failure.usage("Invalid export options '\(option.value)'")
        }
      }
    case "vsys": system = try ImportWish.number(option)
    default:
      guard let system else { throw Failure.usage("Option \"--\(option.name)\" requires preceding --vsys option") }
      try setWords(option, &request.words[system, default: ExportRequest.Words()])
    }
  }
  private static func setWords(_ option: Words.Option, _ words: inout ExportRequest.Words) throws {
    let value = option.value
    switch option.name {
    case "vmname": words.name = value
    case "product": words.product = value
    case "producturl": words.productURL = value
    case "vendor": words.vendor = value
    case "vendorurl": words.vendorURL = value
    case "version": words.version = value
    case "description": words.text = value
    case "eula": words.license = value
    default:
      do { words.license = String(decoding: try WholeFile.read(value, maximum: 4 << 20), as: UTF8.self) } catch {
        throw Failure.failure("Cannot read license file \"\(value)\"")
      }
    }
  }
}

/// The options of an import, in their order: those behind `--vsys` and `--unit` are about these.
struct ImportWish {
  var isDry = false
  /// Systems whose license is to be shown.
  var shown: Set<Int> = []

  init(_ options: [Words.Option], _ request: inout ImportRequest) throws {
    var system: Int?, unit: Int?
    for option in options {
      switch option.name {
      case "n", "dryrun": isDry = true
      case "detailedprogress": break
      case "options":
        for word in option.value.split(separator: ",").map({ $0.lowercased() }) {
          switch word {
          case "keepallmacs": request.addresses = .keepAll
          case "keepnatmacs": request.addresses = .keepNAT
          case "importtovdi": request.makesVDI = true
          default: throw Failure.usage("Invalid import options '\(option.value)'")
          }
        }
      case "vsys": (system, unit) = (try ImportWish.number(option), nil)
      case "unit": unit = try ImportWish.number(option)
      default:
        guard let system else { throw Failure.usage("Option \"--\(option.name)\" requires preceding --vsys option") }
        try set(option, system, unit, &request.choices[system, default: ImportChoice()])
      }
    }
  }
  static func number(_ option: Words.Option) throws -> Int {
    guard let number = Int(option.value), (0..<100_000).contains(number) else {
      throw Failure.usage("Invalid --\(option.name) argument '\(option.value)'")
    }
    return number
  }

  private mutating func set(_ option: Words.Option, _ system: Int, _ unit: Int?, _ choice: inout ImportChoice) throws {
    let value = option.value
    switch option.name {
    case "ostype": choice.osType = value
    case "vmname": choice.name = value
    case "settingsfile": choice.settingsFile = value
    case "basefolder": choice.baseFolder = value
    case "group": choice.group = value
    case "description": choice.text = value
    case "memory": choice.memory = try ImportWish.number(option)
    case "cpus": choice.cpus = try ImportWish.number(option)
    case "eula":
      guard ["show", "accept"].contains(value) else {
        throw Failure.usage("Argument to --eula must be either \"show\" or \"accept\"")
      }
      if value == "accept" { choice.acceptsLicense = true } else { shown.insert(system) }
    default:
      guard let unit else { throw Failure.usage("Option \"--\(option.name)\" requires preceding --unit option") }
      try setUnit(option, &choice.units[unit, default: ImportChoice.Unit()])
    }
  }
  private func setUnit(_ option: Words.Option, _ unit: inout ImportChoice.Unit) throws {
    switch option.name {
    case "ignore": unit.isIgnored = true
    case "disk": unit.disk = option.value
    case "controller": unit.controller = option.value
    case "port": unit.port = try ImportWish.number(option)
    default:
      guard
        let type = ["BusLogic", "LsiLogic", "LsiLogicSas"].first(where: { $0.lowercased() == option.value.lowercased() }
        )
      else { throw Failure.usage("Invalid argument \"\(option.value)\" to --scsitype") }
      unit.scsiType = type
    }
  }
}

/// The list of what an import does, in VBoxManage's words.
struct PlanText {
  private(set) var text = "Disks:\n"
  private let wish: ImportWish

  init(_ plan: ImportPlan, _ wish: ImportWish) {
    self.wish = wish
    for disk in plan.disks { text += "  \(disk)\n" }
    text += "\n"
    for (index, system) in plan.systems.enumerated() {
      text += "Virtual system \(index):\n"
      for (number, unit) in system.units.enumerated() { add(unit, number, index) }
      text += "\n"
    }
  }
  private mutating func add(_ unit: ImportPlan.Unit, _ number: Int, _ system: Int) {
    let padded = number < 10 ? " \(number)" : "\(number)"
    let (line, hint) = words(unit, number, system)
    text += "\(padded): \(line)\n"
    if !hint.isEmpty { text += "    (\(hint))\n" }
  }
  private func words(_ unit: ImportPlan.Unit, _ number: Int, _ system: Int) -> (line: String, hint: String) {
    let vsys = "--vsys \(system)"
    let disable = "disable with \"\(vsys) --unit \(number) --ignore\""
    func suggested(_ what: String, _ option: String, _ argument: String) -> (String, String) {
      unit.isChosen
        ? ("\(what) specified with --\(option): \"\(unit.value)\"", "")
        : ("Suggested \(what) \"\(unit.value)\"", "change with \"\(vsys) --\(option) \(argument)\"")
    }
    func part(_ line: String, _ disabled: String) -> (String, String) {
      unit.isIgnored ? ("\(disabled) -- disabled", "") : (line, disable)
    }
    func controller(_ bus: String) -> (String, String) {
      let line = "\(bus) controller, type \(unit.value)"
      if unit.isIgnored { return ("\(line) -- disabled", "") }
      let change = bus == "SCSI" ? "--scsitype {BusLogic|LsiLogic}" : "--controller <name>"
      return (line, "change with \"\(vsys) --unit \(number) \(change)\"; \(disable)")
    }
    switch unit.kind {
    case .osType:
      return unit.isChosen
        ? ("OS type specified with --ostype: \"\(unit.value)\"", "")
        : (
          "Suggested OS type: \"\(unit.value)\"",
          "change with \"\(vsys) --ostype <type>\"; use \"list ostypes\" to list all possible values"
        )
    case .name: return suggested("VM name", "vmname", "<name>")
    case .group: return suggested("VM group", "group", "<group>")
    case .settingsFile: return suggested("VM settings file name", "settingsfile", "<filename>")
    case .baseFolder: return suggested("VM base folder", "basefolder", "<path>")
    case .product: return ("Product (ignored): \(unit.value)", "")
    case .productURL: return ("ProductUrl (ignored): \(unit.value)", "")
    case .vendor: return ("Vendor (ignored): \(unit.value)", "")
    case .vendorURL: return ("VendorUrl (ignored): \(unit.value)", "")
    case .version: return ("Version (ignored): \(unit.value)", "")
    case .text:
      return unit.isChosen
        ? ("Description specified with --description: \"\(unit.value)\"", "")
        : ("Description \"\(unit.value)\"", "change with \"\(vsys) --description <desc>\"")
    case .license:
      if wish.shown.contains(system) { return ("End-user license agreement:\n\n\(unit.value)\n", "") }
      return (
        "End-user license agreement",
        "display with \"\(vsys) --eula show\";\n    accept with \"\(vsys) --eula accept\""
      )
    case .cpus:
      return unit.isChosen
        ? ("No. of CPUs specified with --cpus: \(unit.value)", "")
        : ("Number of CPUs: \(unit.value)", "change with \"\(vsys) --cpus <n>\"")
    case .memory:
      return unit.isChosen
        ? ("Guest memory specified with --memory: \(unit.value) MB", "")
        : ("Guest memory: \(unit.value) MB", "change with \"\(vsys) --memory <MB>\"")
    case .sound:
      return part(
        "Sound card (appliance expects \"\(unit.original)\", can change on import)", "Sound card \"\(unit.original)\"")
    case .usb: return part("USB controller", "USB controller")
    case .network: return ("Network adapter: orig \(unit.original), config 3, extra \(unit.extra)", "")
    case .floppy: return part("Floppy", "Floppy")
    case .cdrom: return part("CD-ROM", "CD-ROM")
    case .ide: return controller("IDE")
    case .sata: return controller("SATA")
    case .scsi: return controller("SCSI")
    case .sas: return controller("SAS")
    case .virtioSCSI: return controller("VirtioSCSI")
    case .nvme: return controller("NVMe")
    case .disk:
      let line = "Hard disk image: source image=\(unit.original), target path=\(unit.value), \(unit.extra)"
      if unit.isIgnored { return ("\(line) -- disabled", "") }
      return (line, "change target path with \"\(vsys) --unit \(number) --disk path\"; \(disable)")
    }
  }

  static func json(_ plan: ImportPlan) -> JSON {
    .array(
      plan.systems.map { system in
        [
          "name": .string(system.value(.name)), "settingsFile": .string(system.value(.settingsFile)),
          "osType": .string(system.value(.osType)),
          "units": .array(
            system.units.enumerated().map { number, unit in
              [
                "unit": .integer(Int64(number)), "kind": .string("\(unit.kind)"), "original": .string(unit.original),
                "value": .string(unit.value), "extra": .string(unit.extra), "ignored": .bool(unit.isIgnored),
              ]
            }),
        ]
      })
  }
}
