import Service
import SettingsFiles

/// `showvminfo` for people.
struct HumanInfo {
  private(set) var text = ""
  private let settings: MachineSettings
  private let registry: Registry

  init(_ settings: MachineSettings, _ registry: Registry) {
    self.settings = settings
    self.registry = registry
    let state = registry.state(settings)
    addIdentity()
    addProcessor()
    line("State:", "\(state.state.text) (since \(Timestamp.precise(state.since)))")
    addDisplay()
    addStorage()
    for slot in 0..<settings.cardCount { addCard(slot) }
    addDevices()
    addEnd(isOnline: state.state.isOnline)
  }

  private mutating func line(_ label: String, _ value: String) {
    text += label.padding(28) + " \(value)\n"
  }
  private mutating func line(_ label: String, _ flag: Bool) { line(label, flag ? "enabled" : "disabled") }

  private mutating func addIdentity() {
    line("Name:", settings.name)
    text += "Encryption:     disabled\n"
    line("Groups:", settings.groups.joined(separator: ","))
    line("Guest OS:", settings.osType.text)
    line("UUID:", settings.uuid)
    line("Config file:", settings.file.path)
    line("Snapshot folder:", settings.snapshotFolder)
    line("Log folder:", settings.logFolder(registry.home))
    line("Hardware UUID:", settings.hardware["uuid"].flatMap(SettingsUUID.normalized) ?? settings.uuid)
    line("Memory size:", "\(settings.memory)MB")
    line("Page Fusion:", settings.flag(["Memory"], "PageFusion", default: false))
    line("VRAM size:", "\(settings.number(["Display"], "VRAMSize", default: 8))MB")
    line("CPU exec cap:", "\(settings.number(["CPU"], "executionCap", default: 100))%")
    line("HPET:", settings.flag(["HPET"], default: false))
    line("CPUProfile:", settings.word(["CPU"], "CpuProfile", default: "host"))
    line("Chipset:", settings.word(["Chipset"], "type", default: "PIIX3").lowercased())
    line("Firmware:", settings.word(["Firmware"], "type", default: "BIOS"))
  }
  private mutating func addProcessor() {
    line("Number of CPUs:", "\(settings.cpus)")
    line("PAE:", settings.flag(["CPU", "PAE"], default: false))
    line("Long Mode:", settings.flag(["CPU", "LongMode"], default: settings.osType.is64Bit))
    line("Triple Fault Reset:", settings.flag(["CPU", "TripleFaultReset"], default: false))
    line("APIC:", settings.flag(["CPU", "APIC"], default: true))
    line("X2APIC:", settings.flag(["CPU", "X2APIC"], default: false))
    for leaf in settings.hardware.descendant(["CPU", "CpuIdTree"])?.elements("CpuIdLeaf") ?? [] {
      let numbers = ["id", "subleaf", "eax", "ebx", "ecx", "edx"].map { String(leaf.integer($0) ?? 0, radix: 16) }
      line("CPUID override:", numbers.joined(separator: " "))
    }
    let names = ["Floppy": "Floppy", "DVD": "DVD", "HardDisk": "HardDisk", "Network": "Network"]
    for (index, device) in settings.bootOrder.enumerated() {
      line("Boot Device \(index + 1):", names[device] ?? "Not Assigned")
    }
    line("ACPI:", settings.flag(["BIOS", "ACPI"], default: true))
    line("IOAPIC:", settings.flag(["BIOS", "IOAPIC"], default: false))
    line("Time offset:", "\(settings.number(["BIOS", "TimeOffset"], "value", default: 0))ms")
    line("RTC:", settings.word(["RTC"], "localOrUTC", default: "local time"))
    line("Paravirt. Provider:", settings.word(["Paravirt"], "provider", default: "Legacy"))
  }
  private mutating func addDisplay() {
    line("Graphics Controller:", settings.word(["Display"], "controller", default: "VBoxVGA"))
    line("Monitor count:", "\(settings.number(["Display"], "monitorCount", default: 1))")
    line("3D Acceleration:", settings.flag(["Display"], "accelerate3D", default: false))
    let teleporter = settings.machine.child("Teleporter"),
      tracing = settings.machine.descendant(["Debugging", "Tracing"])
    line("Teleporter Enabled:", teleporter?.bool("enabled") ?? false)
    line("Teleporter Port:", teleporter?["port"] ?? "0")
    line("Teleporter Address:", teleporter?["address"] ?? "")
    line("Tracing Enabled:", tracing?.bool("enabled") ?? false)
    line("Allow Tracing to Access VM:", tracing?.bool("allowTracingToAccessVM") ?? false)
    line("Tracing Configuration:", tracing?["config"] ?? "")
    if let icon = settings.machine["icon"] { line("Icon:", "\(icon.utf8.count / 4 * 3) bytes") }
    line("Autostart Enabled:", settings.machine.child("Autostart")?.bool("enabled") ?? false)
    line("Default Frontend:", settings.word(["Frontend", "Default"], "type", default: ""))
  }

  private mutating func addStorage() {
    text += "Storage Controllers:\n"
    let media = Dictionary(settings.media.map { ($0.uuid, $0) }) { first, _ in first }
    let attachments = settings.attachments
    for (index, controller) in settings.controllers.enumerated() {
      let type = ControllerType.named(controller["type"] ?? "")
      let name = controller["name"] ?? ""
      text += "#\(index): '\(name)', Type: \(type?.shown ?? "unknown"), Instance: \(controller["Instance"] ?? "0"), "
      text += "Ports: \(controller["PortCount"] ?? "1") (max \(type?.maximumPorts ?? 1)), "
      text += "\(controller.bool("Bootable") ?? true ? "Bootable" : "Not bootable")\n"
      for attachment in attachments where attachment.controller == name {
        let place = "  Port \(attachment.port), Unit \(attachment.device): "
        guard let uuid = attachment.medium else {
          text += place + "Empty\n"
          continue
        }
        text += place + "UUID: \(uuid)\n    Location: \"\(media[uuid]?.path ?? "")\"\n"
        if let group = attachment.bandwidthGroup { text += "    Bandwidth group: \(group)\n" }
        if attachment.isPassedThrough { text += "    Passthrough: on\n" }
      }
    }
  }
  private mutating func addCard(_ slot: Int) {
    let label = "NIC \(slot + 1):"
    guard let adapter = settings.slot("Network", "Adapter", slot), adapter.bool("enabled") == true else {
      return line(label, "disabled")
    }
    let kind = CardKind(adapter)
    let policies = ["AllowNetwork": "allow-vms", "AllowAll": "allow-all"]
    line(
      label,
      "MAC: \(adapter["MACAddress"] ?? ""), Attachment: \(kind.text), "
        + "Cable connected: \(adapter.bool("cable") ?? true ? "on" : "off"), "
        + "Trace: \(adapter.bool("trace") ?? false ? "on" : "off") (file: \(adapter["tracefile"] ?? "none")), "
        + "Type: \(adapter["type"] ?? "Am79C973"), Reported speed: \((adapter.integer("speed") ?? 0) / 1000) Mbps, "
        + "Boot priority: \(adapter["bootPriority"] ?? "0"), "
        + "Promisc Policy: \(policies[adapter["promiscuousModePolicy"] ?? ""] ?? "deny"), "
        + "Bandwidth group: \(adapter["bandwidthGroup"] ?? "none")")
    guard kind.name == "nat", let nat = adapter.child("NAT") else { return }
    text += "NIC \(slot + 1) Settings:  MTU: \(nat["mtu"] ?? "0"), Socket (send: \(nat["socksnd"] ?? "64"), "
    text += "receive: \(nat["sockrcv"] ?? "64")), TCP Window (send:\(nat["tcpsnd"] ?? "64"), "
    text += "receive: \(nat["tcprcv"] ?? "64"))\n"
    for (index, rule) in settings.forwards(slot: slot).enumerated() {
      text += "NIC \(slot + 1) Rule(\(index)):   name = \(rule.name), protocol = \(rule.isUDP ? "udp" : "tcp"), "
      text += "host ip = \(rule.hostIP), host port = \(rule.hostPort), guest ip = \(rule.guestIP), "
      text += "guest port = \(rule.guestPort)\n"
    }
  }
  private mutating func addDevices() {
    line("Pointing Device:", settings.word(["HID"], "Pointing", default: "PS/2 Mouse"))
    line("Keyboard Device:", settings.word(["HID"], "Keyboard", default: "PS/2 Keyboard"))
    for slot in 0..<4 {
      guard let port = settings.slot("UART", "Port", slot), port.bool("enabled") == true else {
        line("UART \(slot + 1):", "disabled")
        continue
      }
      line(
        "UART \(slot + 1):",
        "I/O base: \(port["IOBase"] ?? ""), IRQ: \(port["IRQ"] ?? ""), \(port["hostMode"] ?? "Disconnected") "
          + "'\(port["path"] ?? "")', \(port["uartType"] ?? "16550A")")
    }
    line("Audio:", settings.flag(["AudioAdapter"], "enabled", default: false))
    line("Clipboard Mode:", settings.word(["Clipboard"], "mode", default: "disabled"))
    line("Drag and drop Mode:", settings.word(["DragAndDrop"], "mode", default: "disabled"))
    line("VRDE:", settings.flag(["RemoteDisplay"], default: false))
  }
  private mutating func addEnd(isOnline: Bool) {
    let folders = settings.sharedFolders
    text += "\nShared folders:\(folders.isEmpty ? "<none>" : "")\n"
    for folder in folders {
      text += "Name: '\(folder.name)', Host path: '\(folder.path)' "
      text +=
        "(\(folder.isTransient ? "transient" : "machine") mapping), \(folder.isWritable ? "writable" : "readonly")\n"
    }
    if let description = settings.text { text += "\nDescription:\n\(description)\n" }
    let tree = SnapshotTree(settings)
    if !tree.nodes.isEmpty { text += "\n* Snapshots:\n\(tree.humanText)" }
    text += "\n* Guest:\n"
    line("Configured memory balloon:", "\(settings.number(["Guest"], "memoryBalloonSize", default: 0))MB")
  }
}

extension SnapshotTree {
  /// A line each, the current one with an asterisk.
  var humanText: String {
    nodes.map { node in
      let indent = String(repeating: "   ", count: node.depth + 1)
      let note = node.text.map { "\(indent)Description:\n\($0)\n" } ?? ""
      return "\(indent)Name: \(node.name) (UUID: \(node.uuid))\(node.uuid == current ? " *" : "")\n\(note)"
    }.joined()
  }
}

extension String {
  func padding(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
