import Base
import HostSystem
import Service
import SettingsFiles

/// Machines as clients of the API see them.
extension MachineService {
  func summary(_ entry: Registry.Entry) -> JSON {
    switch entry.settings {
    case .failure(let error):
      return [
        "uuid": .string(entry.uuid), "name": .string(entry.name), "settingsFile": .string(entry.path),
        "accessible": false, "accessError": .string("\(error)"),
      ]
    case .success(let settings): return summary(settings)
    }
  }
  func summary(_ settings: MachineSettings) -> JSON {
    let state = registry.state(settings), type = settings.osType
    return [
      "uuid": .string(settings.uuid), "name": .string(settings.name), "settingsFile": .string(settings.file.path),
      "accessible": true, "state": .string(state.state.rawValue), "since": .string(state.since),
      "groups": .array(settings.groups.map { .string($0) }), "osType": .string(type.id),
      "osDescription": .string(type.text), "memory": .integer(Int64(settings.memory)),
      "cpus": .integer(Int64(settings.cpus)), "snapshots": .integer(Int64(SnapshotTree(settings).nodes.count)),
    ]
  }
  func details(_ entry: Registry.Entry) -> JSON {
    var json = summary(entry)
    guard case .success(let settings) = entry.settings else { return json }
    json.set("description", .string(settings.text ?? ""))
    json.set("folder", .string(settings.folder))
    json.set("logFolder", .string(settings.logFolder(registry.home)))
    json.set("snapshotFolder", .string(settings.snapshotFolder))
    json.set("hardware", hardware(settings))
    json.set("controllers", .array(controllers(settings)))
    json.set("adapters", .array((1...8).map { adapter($0, settings) }))
    json.set("serialPorts", .array((0..<4).map { serialPort($0, settings) }))
    json.set("currentSnapshot", SnapshotTree(settings).current.map { .string($0) } ?? .null)
    let isOnline = json["state"]?.string.flatMap(VMState.init(rawValue:))?.isOnline == true
    let process = isOnline ? (try? registry.client(settings))?.process : nil
    json.set("process", process.map { .integer(Int64($0)) } ?? .null)
    return json
  }

  /// What the pages of settings show, by the names of the options that change it.
  private func hardware(_ settings: MachineSettings) -> JSON {
    let boot = settings.bootOrder.map {
      ["DVD": "dvd", "HardDisk": "disk", "Network": "net", "Floppy": "floppy"][$0] ?? "none"
    }
    return [
      "memory": .integer(Int64(settings.memory)), "cpus": .integer(Int64(settings.cpus)),
      "vram": .integer(Int64(settings.number(["Display"], "VRAMSize", default: 8))),
      "firmware": .string(settings.word(["Firmware"], "type", default: "BIOS").lowercased()),
      "chipset": .string(settings.word(["Chipset"], "type", default: "PIIX3").lowercased()),
      "graphicscontroller": .string(settings.word(["Display"], "controller", default: "VBoxVGA").lowercased()),
      "clipboardmode": .string(settings.word(["Clipboard"], "mode", default: "Disabled").lowercased()),
      "ioapic": .bool(settings.flag(["BIOS", "IOAPIC"], default: false)),
      "acpi": .bool(settings.flag(["BIOS", "ACPI"], default: true)),
      "pae": .bool(settings.flag(["CPU", "PAE"], default: false)),
      "longmode": .bool(settings.flag(["CPU", "LongMode"], default: settings.osType.is64Bit)),
      "x2apic": .bool(settings.flag(["CPU", "X2APIC"], default: false)),
      "hpet": .bool(settings.flag(["HPET"], default: false)),
      "rtcuseutc": .bool(settings.word(["RTC"], "localOrUTC", default: "Local") == "UTC"),
      "boot1": .string(boot[0]), "boot2": .string(boot[1]), "boot3": .string(boot[2]), "boot4": .string(boot[3]),
    ]
  }
  private func controllers(_ settings: MachineSettings) -> [JSON] {
    let media = Dictionary(settings.media.map { ($0.uuid, $0) }) { first, _ in first }
    return settings.controllers.map { controller in
      let type = ControllerType.named(controller["type"] ?? ""), name = controller["name"] ?? ""
      let drives = settings.attachments.filter { $0.controller == name }.map { drive($0, media) }
      func number(_ value: Int?) -> JSON { .integer(Int64(value ?? 1)) }
      return [
        "name": .string(name), "type": .string(controller["type"] ?? ""), "bus": .string(type?.bus ?? "unknown"),
        "ports": number(controller.integer("PortCount") ?? type?.ports), "maximumPorts": number(type?.maximumPorts),
        "devicesPerPort": number(type?.devices), "bootable": .bool(controller.bool("Bootable") ?? true),
        "hostIOCache": .bool(controller.bool("useHostIOCache") ?? false),
        "drives": .array(drives),
      ]
    }
  }
  private func drive(_ attachment: Attachment, _ media: [String: Medium]) -> JSON {
    let medium = attachment.medium.flatMap { media[$0] }
    return [
      "port": .integer(Int64(attachment.port)), "device": .integer(Int64(attachment.device)),
      "kind": .string(attachment.kind.word), "medium": attachment.medium.map { .string($0) } ?? .null,
      "path": medium.map { .string($0.path) } ?? .null, "type": medium.map { .string($0.type) } ?? .null,
      "nonrotational": .bool(attachment.isNonrotational), "discard": .bool(attachment.discards),
      "hotPluggable": .bool(attachment.isHotPluggable), "temporaryEject": .bool(attachment.isTemporaryEject),
      "passthrough": .bool(attachment.isPassedThrough),
      "bandwidthGroup": attachment.bandwidthGroup.map { .string($0) } ?? .null,
    ]
  }
  private func adapter(_ number: Int, _ settings: MachineSettings) -> JSON {
    let adapter = settings.slot("Network", "Adapter", number - 1)
    let kinds: [(element: String, name: String, attribute: String)] = [
      ("NAT", "nat", "network"), ("BridgedInterface", "bridged", "name"), ("InternalNetwork", "intnet", "name"),
      ("HostOnlyInterface", "hostonly", "name"), ("HostOnlyNetwork", "hostonlynet", "name"),
      ("GenericInterface", "generic", "driver"), ("NATNetwork", "natnetwork", "name"),
    ]
    let kind = kinds.first { adapter?.child($0.element) != nil }
    let network = kind.flatMap { adapter?.child($0.element)?[$0.attribute] } ?? ""
    let isThere = adapter?.bool("enabled") == true
    let policies = ["AllowNetwork": "allow-vms", "AllowAll": "allow-all"]
    return [
      "number": .integer(Int64(number)), "enabled": .bool(isThere), "type": .string(adapter?["type"] ?? "Am79C973"),
      "attachment": .string(isThere ? kind?.name ?? "null" : "none"), "network": .string(network),
      "mac": .string(adapter?["MACAddress"] ?? ""), "cable": .bool(adapter?.bool("cable") ?? true),
      "forwards": .array(settings.forwards(slot: number - 1).map(\.json)),
      "promiscuous": .string(policies[adapter?["promiscuousModePolicy"] ?? ""] ?? "deny"),
      "trace": adapter?.bool("trace") == true ? .string(adapter?["tracefile"] ?? "") : .null,
    ]
  }
  private func serialPort(_ slot: Int, _ settings: MachineSettings) -> JSON {
    let port = settings.slot("UART", "Port", slot)
    return [
      "number": .integer(Int64(slot + 1)), "enabled": .bool(port?.bool("enabled") == true),
      "mode": .string(port?["hostMode"] ?? "Disconnected"), "path": .string(port?["path"] ?? ""),
    ]
  }
  func snapshots(_ settings: MachineSettings) -> [JSON] {
    let tree = SnapshotTree(settings)
    return tree.nodes.map { node in
      [
        "uuid": .string(node.uuid), "name": .string(node.name), "description": .string(node.text ?? ""),
        "time": .string(node.time), "parent": node.parent.map { .string($0) } ?? .null,
        "current": .bool(node.uuid == tree.current),
      ]
    }
  }
}

extension Medium.Kind {
  /// As the command line calls drives of the kind.
  var word: String { self == .disk ? "hdd" : self == .dvd ? "dvddrive" : "fdd" }
  init?(word: String) {
    guard let kind = Medium.Kind.allCases.first(where: { $0.word == word }) else { return nil }
    self = kind
  }
}

extension PortRule {
  var json: JSON {
    [
      "name": .string(name), "protocol": .string(isUDP ? "udp" : "tcp"), "hostAddress": .string(hostIP),
      "hostPort": .integer(Int64(hostPort)), "guestAddress": .string(guestIP),
      "guestPort": .integer(Int64(guestPort)), "rule": .string(text),
    ]
  }
}
