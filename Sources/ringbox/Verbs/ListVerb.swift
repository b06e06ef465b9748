import Base
import DiskImages
import Foundation
import Service
import SettingsFiles

/// `list`: what there is.
enum ListVerb {
  static let verb = Verb(
    "list",
    usage: "[--long] [--sorted] vms|runningvms|ostypes|hostinfo|systemproperties|hdds|dvds|floppies|hddbackends|groups|"
      + "dhcpservers|hostonlyifs|hostonlynets|natnetworks|natnets|intnets|bridgedifs|hostifs|extpacks|screenshotformats|"
      + "cpu-profiles|usbfilters|hostdvds|hostfloppies|hostdrives|hostcpuids|usbhost|webcams|cloudnets|cloudproviders|"
      + "cloudprofiles|updates",
    "Lists machines, media and what the host offers."
  ) { words, registry in
    let (topics, options) = try words.parse(
      ["long": 0, "l": 0, "sorted": 0, "s": 0, "multiple": 0, "m": 0, "settingspwfile": 1], words: 1...32)
    let list = Listing(
      registry: registry, isLong: options.contains { $0.name == "long" || $0.name == "l" },
      isSorted: options.contains { $0.name == "sorted" || $0.name == "s" })
    let isMultiple = options.contains { $0.name == "multiple" || $0.name == "m" }
    guard topics.count == 1 || isMultiple else { throw Failure.usage("Invalid parameter '\(topics[1])'") }
    var text = ""
    var json: [JSON] = []
    for topic in topics {
      let answer = try list.answer(topic)
      text += (isMultiple ? "\(topic):\n\n" : "") + answer.text
      json.append(answer.json)
    }
    return Answer(text: text, json: json.count == 1 ? json[0] : .array(json))
  }
}

/// One kind of thing after the other.
struct Listing {
  let registry: Registry
  let isLong: Bool
  let isSorted: Bool

  func answer(_ topic: String) throws -> Answer {
    switch topic {
    case "vms": return machines(try registry.machines())
    case "runningvms": return machines(try registry.running())
    case "ostypes": return osTypes
    case "hostinfo": return hostInfo
    case "systemproperties": return try systemProperties()
    case "hdds": return try media(.disk)
    case "dvds": return try media(.dvd)
    case "floppies": return try media(.floppy)
    case "hddbackends": return backends
    case "groups":
      let names = Set(try registry.machines().flatMap { (try? $0.settings.get().groups) ?? [] } + ["/"]).sorted()
      return Answer(text: names.map { "\"\($0)\"\n" }.joined(), json: .array(names.map { .string($0) }))
    case "dhcpservers": return try dhcpServers()
    case "hostonlyifs": return try NetworkListing(registry).hostOnlyInterfaces()
    case "hostonlynets": return try NetworkListing(registry).hostOnlyNetworks()
    case "natnetworks", "natnets": return try NetworkListing(registry).natNetworks(isLong: isLong)
    case "intnets": return try internalNetworks()
    case "extpacks": return Answer(text: "Extension Packs: 0\n", json: [])
    case "screenshotformats": return Answer(text: "BitmapFormat: PNG\n", json: ["PNG"])
    case "bridgedifs", "hostifs": return NetworkListing.bridgedInterfaces()
    case "cpu-profiles": return try processors()
    case "hostcpuids": return try identification()
    case "usbfilters": return try filters()
    case "hostdvds", "hostfloppies", "cloudnets", "usbhost", "webcams", "cloudproviders", "cloudprofiles",
      "hostdrives", "updates":
      // There are none, and clients must hear that without an error.
      return Answer(json: [])
    default: throw Failure.usage("Unknown subcommand \"\(topic)\".")
    }
  }

  // MARK: Machines

  private func machines(_ entries: [Registry.Entry]) -> Answer {
    let entries = isSorted ? entries.sorted { $0.name < $1.name } : entries
    let json = JSON.array(
      entries.map { entry in
        var json: JSON = [
          "name": .string(entry.name), "uuid": .string(entry.uuid), "settingsFile": .string(entry.path),
        ]
        if case .failure(let error) = entry.settings { json.set("accessError", .string("\(error)")) }
        return json
      })
    guard isLong else {
      return Answer(text: entries.map { "\"\($0.name)\" {\($0.uuid)}\n" }.joined(), json: json)
    }
    let texts = entries.map { InfoVerb.answer($0, registry, isForPrograms: false).text }
    return Answer(text: texts.joined(separator: "\n\n"), json: json)
  }
  private var osTypes: Answer {
    let types = isSorted ? OSType.all.sorted { $0.text < $1.text } : OSType.all
    let text = types.map { type in
      "ID:          \(type.id)\nDescription: \(type.text)\nFamily ID:   \(type.family)\n"
        + "Family Desc: \(type.familyText)\n64 bit:      \(type.is64Bit)\n\n"
    }
    return Answer(
      text: text.joined(),
      json: .array(
        types.map {
          [
            "id": .string($0.id), "description": .string($0.text), "family": .string($0.family),
            "is64Bit": .bool($0.is64Bit),
          ]
        }))
  }

  // MARK: Host

  private var hostInfo: Answer {
    let info = ProcessInfo.processInfo
    let available =
      (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n")
      .first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    let release =
      (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    let rows: [(String, String)] = [
      ("Host time", Timestamp.precise(Timestamp.text(Timestamp.now)) + "Z"),
      ("Processor online count", "\(info.activeProcessorCount)"), ("Processor count", "\(info.processorCount)"),
      ("Processor supports HW virtualization", "no"), ("Processor supports PAE", "yes"),
      ("Processor supports long mode", "yes"), ("Processor supports nested HW virtualization", "no"),
      ("Memory size", "\(info.physicalMemory >> 20) MByte"), ("Memory available", "\(available >> 10) MByte"),
      ("Operating system", "Linux"), ("Operating system version", release),
    ]
    return Answer(
      text: "Host Information:\n\n" + rows.map { "\($0.0): \($0.1)\n" }.joined(),
      json: .object(rows.map { JSON.Member($0.0, .string($0.1)) }))
  }

  private func systemProperties() throws -> Answer {
    let properties = try registry.global().root.child("SystemProperties")
    func set(_ attribute: String, _ usual: String) -> String { properties?[attribute] ?? usual }
    let rows: [(String, String)] = [
      ("API version", "7_0"), ("Minimum guest RAM size", "4 Megabytes"),
      ("Maximum guest RAM size", "2097152 Megabytes"),
      ("Minimum video RAM size", "0 Megabytes"), ("Maximum video RAM size", "256 Megabytes"),
      ("Maximum guest monitor count", "64"), ("Minimum guest CPU count", "1"), ("Maximum guest CPU count", "64"),
      ("Virtual disk limit (info)", "72057594037927936 Bytes"), ("Maximum Serial Port count", "4"),
      ("Maximum Parallel Port count", "2"), ("Maximum Boot Position", "4"),
      ("Maximum PIIX3 Network Adapter count", "8"), ("Maximum ICH9 Network Adapter count", "36"),
      ("Maximum PIIX3 IDE Controllers", "1"), ("Maximum PIIX3 IDE Port count", "2"),
      ("Maximum Devices per IDE Port", "2"),
      ("Maximum PIIX3 SATA Controllers", "1"), ("Maximum SATA Port count", "30"),
      ("Maximum Devices per SATA Port", "1"),
      ("Maximum PIIX3 Floppy Controllers", "1"), ("Maximum Floppy Port count", "1"),
      ("Maximum Devices per Floppy Port", "2"), ("Free disk space warning at", "0 Bytes"),
      ("Free disk space warning at", "0 %"), ("Free disk space error at", "0 Bytes"),
      ("Free disk space error at", "0 %"),
      ("Default machine folder", try registry.defaultMachineFolder()), ("Raw-mode Supported", "no"),
      ("Exclusive HW virtualization use", set("exclusiveHwVirt", "true") == "false" ? "off" : "on"),
      ("Default hard disk format", set("defaultHardDiskFormat", "VDI")),
      ("VRDE auth library", set("VRDEAuthLibrary", "VBoxAuth")),
      ("Webservice auth. library", set("webServiceAuthLibrary", "VBoxAuth")),
      ("Remote desktop ExtPack", set("defaultVRDEExtPack", "")),
      ("VM encryption ExtPack", set("defaultCryptoExtPack", "")),
      ("Log history count", set("LogHistoryCount", "3")), ("Default frontend", set("defaultFrontend", "")),
      ("Default audio driver", "Null"), ("Autostart database path", set("autostartDatabasePath", "")),
      ("Default Guest Additions ISO", ""), ("Logging Level", set("LoggingLevel", "all")),
      ("Proxy Mode", ["1": "NoProxy", "2": "Manual"][set("proxyMode", "0")] ?? "System"),
      ("Proxy URL", set("proxyUrl", "")), ("User language", set("LanguageId", "C")),
    ]
    return Answer(
      text: rows.map { "\($0.0):".padding(32) + " \($0.1)\n" }.joined(),
      // Two labels are there twice; the first of each counts.
      json: rows.reversed().reduce(into: [:]) { $0.set($1.0, .string($1.1)) })
  }

  /// The processors that a guest can be shown, as the program of machines knows them.
  /// What the program that runs machines says in JSON.
  private func told(_ arguments: [String]) throws -> JSON {
    let process = Process(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: try Launcher.find("ringbox-vm"))
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (try? JSON(parsing: text)) ?? .null
  }
  /// CPUID of the host's processor: a line for each leaf.
  private func identification() throws -> Answer {
    func hex(_ number: Int64) -> String {
      let digits = String(UInt32(truncatingIfNeeded: number), radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }
    let leaves = try told(["--list-cpuid"])
    let lines = (leaves.array ?? []).map { leaf in
      let words = (leaf.array ?? []).map { hex($0.integer ?? 0) }
      return "\(words.first ?? "")  \(words.dropFirst().joined(separator: " "))\n"
    }
    return Answer(
      text: "Host CPUIDs:\n\nLeaf no.  EAX      EBX      ECX      EDX\n" + lines.joined(), json: leaves)
  }
  private func processors() throws -> Answer {
    let names = try told(["--list-cpus", "--json"])["profiles"]?.array?.compactMap { $0["name"]?.string } ?? []
    let lines = names.enumerated().map { "#\($0 < 10 ? "0" : "")\($0): \($1) [x86]\n" }
    return Answer(text: lines.joined(), json: .array(names.map { .string($0) }))
  }
  private func filters() throws -> Answer {
    let all = try registry.usbFilters()
    var text = "Global USB Device Filters:\n\n" + (all.isEmpty ? "<none>\n" : "")
    let labels = [
      ("active", "Active"), ("name", "Name"), ("action", "Action"), ("vendorId", "VendorId"),
      ("productId", "ProductId"), ("revision", "Revision"), ("manufacturer", "Manufacturer"), ("product", "Product"),
      ("serialNumber", "Serial Number"),
    ]
    for (index, filter) in all.enumerated() {
      text += "Index:".padding(18) + "\(index)\n"
      for (attribute, label) in labels { text += "\(label):".padding(18) + (filter[attribute] ?? "") + "\n" }
      text += "\n"
    }
    return Answer(
      text: text,
      json: .array(all.map { filter in .object(filter.attributes.map { JSON.Member($0.name, .string($0.value)) }) }))
  }

  // MARK: Media

  private func media(_ kind: Medium.Kind) throws -> Answer {
    let known = try registry.media(kind)
    var text = "", json: [JSON] = []
    for (medium, _) in known {
      let info = try MediumLines(medium, registry, nil, isLong: isLong)
      text += info.text + "\n"
      json.append(info.json)
    }
    return Answer(text: text, json: .array(json))
  }
  private var backends: Answer {
    let formats = ImageFormat.allCases.filter { $0 != .iso }
    let text = formats.enumerated().map { index, format in
      "Backend \(index): id='\(format.rawValue)' description='\(format.rawValue)' extensions='\(format.suffix)'\n"
    }
    return Answer(
      text: "Supported hard disk backends:\n\n" + text.joined(), json: .array(formats.map { .string($0.rawValue) }))
  }

  // MARK: Networks

  private func dhcpServers() throws -> Answer {
    let servers =
      try registry.global().root.descendant(["NetserviceRegistry", "DHCPServers"])?.elements("DHCPServer") ?? []
    let text = servers.map { server in
      """
      NetworkName:    \(server["networkName"] ?? "")
      Dhcpd IP:       \(server["IPAddress"] ?? "")
      LowerIPAddress: \(server["lowerIP"] ?? "")
      UpperIPAddress: \(server["upperIP"] ?? "")
      NetworkMask:    \(server["networkMask"] ?? "")
      Enabled:        \(server.bool("enabled") == true ? "Yes" : "No")
      Global Configuration:
          minLeaseTime:     default
          defaultLeaseTime: default
          maxLeaseTime:     default
          Forced options:   None
          Suppressed opts.: None
          DHCP options:
            1/legacy: \(server["networkMask"] ?? "")
      \(groups(server))
      Individual Configs:   None


      """
    }
    return Answer(
      text: text.joined(),
      json: .array(
        servers.map { server in
          func text(_ name: String) -> JSON { .string(server[name] ?? "") }
          return [
            "networkName": text("networkName"), "address": text("IPAddress"), "mask": text("networkMask"),
            "lower": text("lowerIP"), "upper": text("upperIP"), "enabled": .bool(server.bool("enabled") ?? false),
            "settings": .array(server.elements.map(Listing.json)),
          ]
        }))
  }
  /// Options, groups and what else a server has, as it is kept.
  private static func json(_ element: SettingsElement) -> JSON {
    var json: JSON = ["kind": .string(element.name)]
    for attribute in element.attributes { json.set(attribute.name, .string(attribute.value)) }
    if !element.elements.isEmpty { json.set("parts", .array(element.elements.map(Listing.json))) }
    return json
  }
  private func groups(_ server: SettingsElement) -> String {
    let lines = server.elements("Group").flatMap { group in
      ["Group:                \(group["name"] ?? "")"]
        + group.elements("Condition").map { condition in
          let verb = condition.bool("inclusive") == false ? "exclude" : "include"
          return "    \(verb) \(condition["type"] ?? ""): \(condition["value"] ?? "")"
        }
        + group.elements("Option").map { "    option \($0["name"] ?? ""): \($0["value"] ?? "")" }
    }
    return lines.isEmpty ? "Groups:               None" : lines.joined(separator: "\n")
  }
  private func internalNetworks() throws -> Answer {
    let names = try registry.internalNetworks()
    return Answer(text: names.map { "Name:        \($0)\n" }.joined(), json: .array(names.map { .string($0) }))
  }
}
