import HostSystem
import SettingsFiles

/// A network that only machines and the host are on, and the host's side of it, as it was asked for. No interface of the
/// host is made for it: `VirtualNetwork` says how the host is reached.
public struct HostOnlyInterface: Sendable, Equatable {
  /// vboxnet0, vboxnet1, ...
  public var name: String
  /// Of the host in this network, with dots.
  public var address: String, mask: String
  /// The same of IPv6; empty and 0: none.
  public var address6 = "", prefix6 = 0
  /// The host asks a server for its address.
  public var usesDHCP = false
  /// Ports of the host that lead into the network, as `PortRule.forward` writes them.
  public var forwards: [String] = []
  /// Machines reach services on the host's loopback address at the host's address in this network.
  public var reachesServices = false

  /// The number in its name.
  public var number: Int { Int(name.dropFirst("vboxnet".count)) ?? 0 }
  /// As VirtualBox makes it.
  public var hardwareAddress: String { "0a:00:27:00:00:\(HostOnlyInterface.hex(number, 2))" }
  /// Made of its name and its hardware address.
  public var uuid: String {
    let digit = (0x30 + number % 10) << 8 | 0x74
    return
      "786f6276-656e-\(HostOnlyInterface.hex(digit & 0xfff | 0x4000, 4))-8000-0a00270000\(HostOnlyInterface.hex(number, 2))"
  }
  /// The name of its network.
  public var network: String { "HostInterfaceNetworking-\(name)" }
  private static func hex(_ number: Int, _ digits: Int) -> String {
    let text = String(number & 0xffff, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + String(text.suffix(digits))
  }
}

extension Registry {
  /// Names of the interfaces; the rest is in VirtualBox's own keys.
  private static let listKey = "Ringbox/HostOnlyInterfaces"

  /// By number.
  public func hostOnlyInterfaces() throws(ServiceError) -> [HostOnlyInterface] {
    Registry.hostOnlyInterfaces(try global().root)
  }
  private static func hostOnlyInterfaces(_ root: SettingsElement) -> [HostOnlyInterface] {
    let data = Dictionary(MachineSettings.extraData(root).map { ($0.key, $0.value) }) { $1 }
    let names = (data[listKey] ?? "").split(separator: ",").map(String.init)
    return names.map { name in
      func value(_ key: String) -> String { data["HostOnly/\(name)/\(key)"] ?? "" }
      return HostOnlyInterface(
        name: name, address: value("IPAddress"), mask: value("IPNetMask"), address6: value("IPV6Address"),
        prefix6: Int(value("IPV6NetMask")) ?? 0, usesDHCP: value("DHCP") == "1",
        forwards: (data["Ringbox/HostOnly/\(name)/Forwards"] ?? "").split(separator: ",").map(String.init),
        reachesServices: data["Ringbox/HostOnly/\(name)/Services"] == "1")
    }.sorted { $0.number < $1.number }
  }
  /// The first free name and network.
  public func createHostOnlyInterface() throws(ServiceError) -> HostOnlyInterface {
    try changeGlobal { global throws(ServiceError) in
      let known = Registry.hostOnlyInterfaces(global.root)
      guard let number = (0..<128).first(where: { free in !known.contains { $0.number == free } }) else {
        throw ServiceError(.failure, "There are too many host-only interfaces", .host)
      }
      let new = HostOnlyInterface(
        name: "vboxnet\(number)", address: "192.168.\(min(255, 56 + number)).1", mask: "255.255.255.0")
      Registry.write(known + [new], new, &global.root)
      return new
    }
  }
  /// Changes one; nil takes it away.
  public func changeHostOnlyInterface(
    _ name: String, _ body: (inout HostOnlyInterface?) throws(ServiceError) -> Void
  ) throws(ServiceError) {
    try changeGlobal { global throws(ServiceError) in
      var known = Registry.hostOnlyInterfaces(global.root)
      guard let index = known.firstIndex(where: { $0.name == name }) else {
        throw ServiceError(.invalidArgument, "The host network interface named '\(name)' could not be found", .host)
      }
      var changed: HostOnlyInterface? = known[index]
      try body(&changed)
      if let changed { known[index] = changed } else { known.remove(at: index) }
      let gone = HostOnlyInterface(name: name, address: "", mask: "")
      Registry.write(known, changed ?? gone, &global.root)
    }
  }
  private static func write(_ all: [HostOnlyInterface], _ one: HostOnlyInterface, _ root: inout SettingsElement) {
    MachineSettings.setExtraData(&root, listKey, all.map(\.name).joined(separator: ","))
    for (key, value) in [
      ("IPAddress", one.address), ("IPNetMask", one.mask), ("IPV6Address", one.address6),
      ("IPV6NetMask", one.prefix6 == 0 ? "" : "\(one.prefix6)"), ("DHCP", one.usesDHCP ? "1" : ""),
    ] { MachineSettings.setExtraData(&root, "HostOnly/\(one.name)/\(key)", value) }
    for (key, value) in [
      ("Forwards", one.forwards.joined(separator: ",")), ("Services", one.reachesServices ? "1" : ""),
    ] { MachineSettings.setExtraData(&root, "Ringbox/HostOnly/\(one.name)/\(key)", value) }
  }

  // MARK: Servers and networks of the global settings

  /// A list below `NetserviceRegistry`: DHCP servers, NAT networks, host-only networks.
  public enum NetworkList: Sendable {
    case dhcpServers, natNetworks, hostOnlyNetworks

    var path: [String] { ["NetserviceRegistry", "\(element)s"] }
    var element: String {
      switch self {
      case .dhcpServers: "DHCPServer"
      case .natNetworks: "NATNetwork"
      case .hostOnlyNetworks: "HostOnlyNetwork"
      }
    }
    /// The attribute that tells them apart.
    public var key: String { self == .hostOnlyNetworks ? "name" : "networkName" }
  }
  /// All entries of a list, in the order of the file.
  public func networks(_ list: NetworkList) throws(ServiceError) -> [SettingsElement] {
    try global().root.descendant(list.path)?.elements(list.element) ?? []
  }
  /// Changes the entry of this name, which is nil when it is not there; setting nil takes it away. DHCP servers that
  /// could not give away anything are refused.
  public func changeNetwork(
    _ list: NetworkList, _ name: String, _ body: (inout SettingsElement?) throws -> Void
  ) throws {
    var failure: (any Error)?
    try changeGlobal { global in
      let former = global.root.descendant(list.path)?.elements(list.element).first { $0[list.key] == name }
      var entry = former
      do {
        try body(&entry)
        if list == .dhcpServers, let entry { try Registry.checkServer(entry, was: former) }
      } catch {
        failure = error
        return
      }
      let changed = entry
      global.root.change(path: list.path) { entries in
        let place = entries.children.firstIndex {
          if case .element(let other) = $0 { other.name == list.element && other[list.key] == name } else { false }
        }
        if let place { entries.children.remove(at: place) }
        if let changed { entries.children.insert(.element(changed), at: place ?? entries.children.count) }
      }
    }
    if let failure { throw failure }
  }
  /// A new entry of this name.
  public static func network(_ list: NetworkList, _ name: String) -> SettingsElement {
    SettingsElement(list.element, [(list.key, name)])
  }
}

/// Addresses of IPv4 as text.
public enum IPv4Text {
  /// nil for what is none.
  public static func number(_ text: String) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard let byte = UInt8(part) else { return nil }
      number = number << 8 | UInt32(byte)
    }
    return number
  }
  /// With dots.
  public static func text(_ number: UInt32) -> String {
    (0..<4).map { "\(number >> UInt32(24 - 8 * $0) & 0xff)" }.joined(separator: ".")
  }
  /// "10.0.2.0/24": its first address and the number of fixed bits.
  public static func network(_ text: String) -> (address: UInt32, bits: Int)? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let address = number(parts[0]), let bits = Int(parts[1]), (1...30).contains(bits) else {
      return nil
    }
    return (address & (UInt32.max << UInt32(32 - bits)), bits)
  }
}

extension Registry {
  /// Names of the internal networks that some machine has a card on, in order.
  public func internalNetworks() throws(ServiceError) -> [String] {
    var names: Set<String> = []
    for entry in try machines() {
      guard case .success(let settings) = entry.settings else { continue }
      for adapter in settings.hardware.child("Network")?.elements("Adapter") ?? [] {
        if let network = adapter.child("InternalNetwork") { names.insert(network["name"] ?? "intnet") }
      }
    }
    return names.sorted()
  }
  /// Interfaces of the host that a cable may lead to. What is not Ethernet cannot carry a card's frames.
  public static func bridgedInterfaces() -> [HostInterface] {
    HostInterface.all().filter { $0.isEthernet && !$0.isLoopback && !$0.name.hasPrefix("vboxnet") }
  }
}
