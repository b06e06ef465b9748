import SettingsFiles

extension MachineOption {
  private static let cards = 1...36
  private static let modes = [
    "none": "", "null": "", "nat": "NAT", "bridged": "BridgedInterface", "intnet": "InternalNetwork",
    "hostonly": "HostOnlyInterface", "hostonlynet": "HostOnlyNetwork", "generic": "GenericInterface",
    "natnetwork": "NATNetwork", "cloud": "CloudNetwork",
  ]
  private static let cardTypes = [
    "Am79C970A", "Am79C973", "Am79C960", "82540EM", "82543GC", "82545EM", "virtio", "NE1000", "NE2000", "WD8003",
    "WD8013", "3C503", "3C501",
  ]

  static let network: [MachineOption] = [
    MachineOption(
      "nic", cards,
      .own(1) { change, values throws(ServiceError) in
        let kind = values[0].lowercased()
        guard let mode = modes[kind] else { throw change.refuse(values[0]) }
        adapter(&change) { adapter in
          adapter["enabled"] = kind == "none" ? "false" : "true"
          setMode(&adapter, mode)
        }
      }),
    MachineOption(
      "nictype", cards,
      .own(1) { change, values throws(ServiceError) in
        guard let type = cardTypes.first(where: { $0.lowercased() == values[0].lowercased() }) else {
          throw change.refuse(values[0])
        }
        adapter(&change) { $0["type"] = type == "Am79C973" ? nil : type }
      }),
    MachineOption(
      "macaddress", cards,
      .own(1) { change, values throws(ServiceError) in
        let text = values[0].uppercased().filter { $0 != ":" && $0 != "-" }
        let isAuto = values[0].lowercased() == "auto"
        guard isAuto || text.utf8.count == 12 && text.allSatisfy(\.isHexDigit) else { throw change.refuse(values[0]) }
        adapter(&change) { $0["MACAddress"] = isAuto ? MachineSettings.randomMAC() : text }
      }),
    MachineOption(
      "cableconnected", cards,
      .own(1) { change, values throws(ServiceError) in
        guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
        adapter(&change) { $0["cable"] = flag ? nil : "false" }
      }),
    MachineOption(
      "nicspeed", cards,
      .own(1) { change, values throws(ServiceError) in
        guard let speed = UInt32(values[0]) else { throw change.refuse(values[0]) }
        adapter(&change) { $0["speed"] = speed == 0 ? nil : "\(speed)" }
      }),
    MachineOption(
      "nicbootprio", cards,
      .own(1) { change, values throws(ServiceError) in
        guard let priority = Int(values[0]), (0...4).contains(priority) else { throw change.refuse(values[0]) }
        adapter(&change) { $0["bootPriority"] = priority == 0 ? nil : "\(priority)" }
      }),
    MachineOption(
      "nicpromisc", cards,
      .own(1) { change, values throws(ServiceError) in
        let words = ["deny": "", "allow-vms": "AllowNetwork", "allow-all": "AllowAll"]
        guard let word = words[values[0].lowercased()] else { throw change.refuse(values[0]) }
        adapter(&change) { $0["promiscuousModePolicy"] = word.isEmpty ? nil : word }
      }),
    MachineOption(
      "nictrace", cards,
      .own(1) { change, values throws(ServiceError) in
        guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
        adapter(&change) { $0["trace"] = flag ? "true" : nil }
      }),
    MachineOption("nictracefile", cards, attribute("tracefile")),
    MachineOption(
      "nicbandwidthgroup", cards,
      .own(1) { change, values throws(ServiceError) in
        adapter(&change) { $0["bandwidthGroup"] = values[0] == "none" ? nil : values[0] }
      }),
    MachineOption(
      "nicproperty", cards,
      .own(1) { change, values throws(ServiceError) in
        let parts = values[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw change.refuse(values[0]) }
        mode(&change, "GenericInterface") { generic in
          generic.remove("Property") { $0["name"] == parts[0] }
          if !parts[1].isEmpty {
            generic.insert(SettingsElement("Property", [("name", parts[0]), ("value", parts[1])]))
          }
        }
      }),
    MachineOption("bridgeadapter", cards, named("BridgedInterface", "name")),
    MachineOption("hostonlyadapter", cards, named("HostOnlyInterface", "name")),
    MachineOption("hostonlynet", cards, named("HostOnlyNetwork", "name")),
    MachineOption("intnet", cards, named("InternalNetwork", "name")),
    MachineOption("nicgenericdrv", cards, named("GenericInterface", "driver")),
    MachineOption("natnetwork", cards, named("NATNetwork", "name")),
    MachineOption("cloudnetwork", cards, named("CloudNetwork", "name")),
    MachineOption(
      "natnet", cards,
      .own(1) { change, values throws(ServiceError) in
        mode(&change, "NAT") { $0["network"] = values[0] == "default" ? nil : values[0] }
      }),
    MachineOption("natbindip", cards, named("NAT", "hostip")),
    MachineOption(
      "natsettings", cards,
      .own(1) { change, values throws(ServiceError) in
        let numbers = values[0].split(separator: ",").map(String.init)
        guard numbers.count == 5, numbers.allSatisfy({ UInt32($0) != nil }) else { throw change.refuse(values[0]) }
        mode(&change, "NAT") { nat in
          for (name, value) in zip(["mtu", "socksnd", "sockrcv", "tcpsnd", "tcprcv"], numbers) {
            nat[name] = value == "0" ? nil : value
          }
        }
      }),
    MachineOption("natpf", cards, .own(1) { change, values throws(ServiceError) in try forward(&change, values) }),
    MachineOption(
      "nataliasmode", cards,
      .own(1) { change, values throws(ServiceError) in
        let words = values[0].split(separator: ",").map(String.init)
        mode(&change, "NAT") { nat in
          nat.remove("Alias")
          guard words != ["default"] else { return }
          var alias = SettingsElement("Alias")
          for (word, name) in [("log", "logging"), ("proxyonly", "proxy-only"), ("sameports", "use-same-ports")]
          where words.contains(word) { alias[name] = "true" }
          nat.insert(alias)
        }
      }),
    MachineOption("nattftpprefix", cards, below("TFTP", "prefix")),
    MachineOption("nattftpfile", cards, below("TFTP", "boot-file")),
    MachineOption("nattftpserver", cards, below("TFTP", "next-server")),
    MachineOption("natdnspassdomain", cards, dns("pass-domain", usual: true)),
    MachineOption("natdnsproxy", cards, dns("use-proxy", usual: false)),
    MachineOption("natdnshostresolver", cards, dns("use-host-resolver", usual: false)),
    MachineOption(
      "natlocalhostreachable", cards,
      .own(1) { change, values throws(ServiceError) in
        guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
        mode(&change, "NAT") { $0["localhost-reachable"] = flag ? "true" : "false" }
      }),
  ]

  // MARK: Adapters

  private static func adapter(_ change: inout Change, _ body: (inout SettingsElement) -> Void) {
    let slot = change.number - 1
    let isNew = change.settings.slot("Network", "Adapter", slot) == nil
    change.slot("Network", "Adapter") { adapter in
      if isNew {
        adapter["MACAddress"] = MachineSettings.randomMAC()
        adapter["type"] = "82540EM"
      }
      body(&adapter)
    }
  }
  /// What the cable leads to now; the settings of what it led to before are kept aside.
  private static func setMode(_ adapter: inout SettingsElement, _ mode: String) {
    guard adapter.child(mode) == nil || mode.isEmpty else { return }
    let all = Set(modes.values).subtracting([""])
    for element in adapter.elements where all.contains(element.name) {
      adapter.remove(element.name)
      if !element.attributes.isEmpty || !element.children.isEmpty {
        adapter.change("DisabledModes") { aside in
          aside.remove(element.name)
          aside.insert(element)
        }
      }
    }
    guard !mode.isEmpty else { return }
    let kept = adapter.child("DisabledModes")?.child(mode)
    adapter.change("DisabledModes") { $0.remove(mode) }
    adapter.remove("DisabledModes") { $0.children.isEmpty }
    adapter.insert(kept ?? SettingsElement(mode, mode == "NAT" ? [("localhost-reachable", "false")] : []))
  }
  /// Changes the settings of a mode, whether the adapter is in it or not.
  private static func mode(_ change: inout Change, _ mode: String, _ body: (inout SettingsElement) -> Void) {
    adapter(&change) { adapter in
      if adapter.child(mode) != nil {
        adapter.change(mode, body)
      } else {
        adapter.change("DisabledModes") { $0.change(mode, body) }
      }
    }
  }
  private static func named(_ name: String, _ attribute: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      mode(&change, name) { $0[attribute] = values[0].isEmpty || values[0] == "none" ? nil : values[0] }
    }
  }
  private static func attribute(_ name: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      adapter(&change) { $0[name] = values[0].isEmpty ? nil : values[0] }
    }
  }
  private static func below(_ element: String, _ attribute: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      mode(&change, "NAT") { $0.set([element], attribute, values[0].isEmpty || values[0] == "none" ? nil : values[0]) }
    }
  }
  private static func dns(_ attribute: String, usual: Bool) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
      mode(&change, "NAT") { $0.set(["DNS"], attribute, flag == usual ? nil : flag ? "true" : "false") }
    }
  }

  // MARK: Port forwards

  private static func forward(_ change: inout Change, _ values: [String]) throws(ServiceError) {
    let rules = change.settings.forwards(slot: change.number - 1)
    if values[0] == "delete" {
      guard values.count == 2, rules.contains(where: { $0.name == values[1] }) else {
        throw ServiceError(.invalidArgument, "No NAT rule of the name '\(values.last ?? "")'")
      }
      mode(&change, "NAT") { $0.remove("Forwarding") { $0["name"] == values[1] } }
      return
    }
    let rule = try PortRule(parsing: values[0])
    guard !rules.contains(where: { $0.name == rule.name }) else {
      throw ServiceError(.invalidArgument, "A NAT rule of this name already exists")
    }
    let clash = rules.first { $0.isUDP == rule.isUDP && $0.hostPort == rule.hostPort && $0.hostIP == rule.hostIP }
    if clash != nil {
      throw ServiceError(.invalidArgument, "A NAT rule for this host port and this host IP already exists")
    }
    mode(&change, "NAT") { nat in
      // By name, as the clients see them.
      let place = nat.children.firstIndex {
        if case .element(let other) = $0, other.name == "Forwarding" {
          (other["name"] ?? "") > rule.name
        } else {
          false
        }
      }
      if let place { nat.children.insert(.element(rule.element), at: place) } else { nat.insert(rule.element) }
    }
  }
}

/// A port of the host that leads to one of the guest.
public struct PortRule: Sendable, Equatable {
  /// By which it is taken away again.
  public var name: String
  /// UDP instead of TCP.
  public var isUDP: Bool
  /// Where the host listens; an empty address is any.
  public var hostIP: String, hostPort: UInt16
  /// Where it leads to; an empty address is whatever the guest has.
  public var guestIP: String, guestPort: UInt16

  /// "NAME,tcp|udp,HOST-IP,HOST-PORT,GUEST-IP,GUEST-PORT"; name and addresses may be empty.
  public init(parsing text: String) throws(ServiceError) {
    let fields = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 6, ["tcp", "udp"].contains(fields[1].lowercased()), let hostPort = UInt16(fields[3]),
      let guestPort = UInt16(fields[5]), guestPort > 0
    else { throw ServiceError(.invalidArgument, "Invalid port-forward rule '\(text)'") }
    isUDP = fields[1].lowercased() == "udp"
    (hostIP, self.hostPort, guestIP, self.guestPort) = (fields[2], hostPort, fields[4], guestPort)
    try Names.check(fields[0], "a port-forward rule")
    name = fields[0].isEmpty ? "\(fields[1].lowercased())_\(hostPort)_\(guestPort)" : fields[0]
  }
  /// As settings files have it.
  public init(_ element: SettingsElement) {
    name = element["name"] ?? ""
    isUDP = element["proto"] == "0"
    hostIP = element["hostip"] ?? ""
    guestIP = element["guestip"] ?? ""
    hostPort = element["hostport"].flatMap(UInt16.init) ?? 0
    guestPort = element["guestport"].flatMap(UInt16.init) ?? 0
  }
  /// As settings files have it.
  public var element: SettingsElement {
    var element = SettingsElement("Forwarding", [("name", name), ("proto", isUDP ? "0" : "1")])
    if !hostIP.isEmpty { element["hostip"] = hostIP }
    if hostPort != 0 { element["hostport"] = "\(hostPort)" }
    if !guestIP.isEmpty { element["guestip"] = guestIP }
    element["guestport"] = "\(guestPort)"
    return element
  }
  /// As clients read it.
  public var text: String { "\(name),\(isUDP ? "udp" : "tcp"),\(hostIP),\(hostPort),\(guestIP),\(guestPort)" }
  /// As the control channel of a machine takes it.
  public var forward: String {
    "\(isUDP ? "udp" : "tcp"):\(hostIP):\(hostPort)-\(guestIP):\(guestPort)"
  }
}

extension MachineSettings {
  /// The rules of a card, whether it is attached to NAT now or not.
  public func forwards(slot number: Int) -> [PortRule] {
    guard let adapter = slot("Network", "Adapter", number) else { return [] }
    let nat = adapter.child("NAT") ?? adapter.descendant(["DisabledModes", "NAT"])
    return (nat?.elements("Forwarding") ?? []).map(PortRule.init)
  }
}

// MARK: Serial and parallel ports

extension MachineOption {
  static let ports: [MachineOption] = [
    MachineOption(
      "uart", 1...4, .own(1) { change, values throws(ServiceError) in try setPort(&change, "UART", values) }),
    MachineOption("lpt", 1...2, .own(1) { change, values throws(ServiceError) in try setPort(&change, "LPT", values) }),
    MachineOption(
      "lptmode", 1...2,
      .own(1) { change, values throws(ServiceError) in
        change.slot("LPT", "Port") { $0["path"] = values[0] }
      }),
    MachineOption(
      "uarttype", 1...4,
      .own(1) { change, values throws(ServiceError) in
        let types = ["16450", "16550A", "16750"]
        guard let type = types.first(where: { $0.lowercased() == values[0].lowercased() }) else {
          throw change.refuse(values[0])
        }
        change.slot("UART", "Port") { $0["uartType"] = type == "16550A" ? nil : type }
      }),
    MachineOption("uartmode", 1...4, .own(1) { change, values throws(ServiceError) in try setMode(&change, values) }),
  ]
  private static func number(_ text: String) -> Int? {
    text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
  }
  private static func setPort(_ change: inout Change, _ list: String, _ values: [String]) throws(ServiceError) {
    if values[0].lowercased() == "off" {
      change.slot(list, "Port") { $0["enabled"] = "false" }
      return
    }
    guard values.count == 2, let base = number(values[0]), (0...0xffff).contains(base), let irq = number(values[1]),
      (0...255).contains(irq)
    else { throw change.refuse(values.joined(separator: " ")) }
    change.slot(list, "Port") { port in
      port["enabled"] = "true"
      port["IOBase"] = "0x" + String(base, radix: 16)
      port["IRQ"] = "\(irq)"
      if list == "UART", port["hostMode"] == nil { port["hostMode"] = "Disconnected" }
    }
  }
  private static func setMode(_ change: inout Change, _ values: [String]) throws(ServiceError) {
    let kind = values[0].lowercased()
    let modes = [
      "disconnected": ("Disconnected", ""), "file": ("RawFile", ""), "server": ("HostPipe", "true"),
      "client": ("HostPipe", "false"), "tcpserver": ("TCP", "true"), "tcpclient": ("TCP", "false"),
    ]
    let (mode, server) = modes[kind] ?? ("HostDevice", "")
    guard values[0].hasPrefix("/") || modes[kind] != nil else { throw change.refuse(values[0]) }
    let path = mode == "HostDevice" ? values[0] : values.count > 1 ? values[1] : nil
    change.slot("UART", "Port") { port in
      port["server"] = server.isEmpty ? nil : server
      port["path"] = mode == "Disconnected" ? nil : path
      port["hostMode"] = mode
    }
  }

  /// Values that an option takes here: some take more behind certain words.
  public func valueCount(_ first: String) -> Int {
    let word = first.lowercased()
    switch names[0] {
    case "natpf": return word == "delete" ? 2 : 1
    case "uart", "lpt": return word == "off" ? 1 : 2
    case "uartmode": return word == "disconnected" || word.hasPrefix("/") ? 1 : 2
    default: return valueCount
    }
  }
}
