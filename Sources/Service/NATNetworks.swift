import SettingsFiles

/// Families of addresses: NAT networks keep ports and mappings of each on their own. Those of IPv6 are kept without effect.
public enum AddressFamily: Int, CaseIterable, Sendable {
  case ipv4 = 4, ipv6 = 6

  fileprivate var forwardList: String { "PortForwarding\(rawValue)" }
  fileprivate var mapping: String { "Loopback\(rawValue)" }
}

/// An address of the network at which machines reach services on an address of the host's own.
public struct LoopbackMapping: Sendable, Equatable {
  /// The host's, as 127.0.0.1.
  public var address: String
  /// Where it is in the network: so many addresses behind the network's first.
  public var offset: UInt32
  /// A network has no more addresses.
  public static let largestOffset: UInt32 = 0xff_ffff
  /// What may be an address of IPv6, as far as it is looked at here: an extended regular expression.
  public static let address6 = "[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"

  public init(address: String, offset: UInt32) {
    self.address = address
    self.offset = offset
  }
  /// ADDRESS=OFFSET; nil for anything else.
  public init?(parsing text: String) {
    let parts = text.split(separator: "=").map(String.init)
    guard parts.count == 2, let offset = UInt32(parts[1]) else { return nil }
    self.init(address: parts[0], offset: offset)
  }
  /// ADDRESS=OFFSET.
  public var text: String { "\(address)=\(offset)" }

  fileprivate func check(_ family: AddressFamily) throws(ServiceError) {
    let isAddress =
      switch family {
      case .ipv4: IPv4Text.number(address) != nil
      case .ipv6: address.contains(":") && address.allSatisfy { $0.isHexDigit && $0.isASCII || $0 == ":" || $0 == "." }
      }
    guard isAddress, (1...LoopbackMapping.largestOffset).contains(offset) else {
      throw ServiceError(.invalidArgument, "Invalid loopback rule '\(text)'", .registry)
    }
  }
}

/// What is in the settings of a NAT network.
extension SettingsElement {
  /// Ports of the host that lead into the network.
  public func natForwards(_ family: AddressFamily) -> [PortRule] {
    (child(family.forwardList)?.elements("Forwarding") ?? []).map(PortRule.init)
  }
  /// Throws for a name that another rule has.
  public mutating func addNATForward(_ rule: PortRule, _ family: AddressFamily) throws(ServiceError) {
    guard !natForwards(family).contains(where: { $0.name == rule.name }) else {
      throw ServiceError(.invalidArgument, "A NAT rule of this name already exists", .registry)
    }
    change(family.forwardList) { $0.insert(rule.element) }
  }
  /// Throws where there is none of this name.
  public mutating func removeNATForward(_ name: String, _ family: AddressFamily) throws(ServiceError) {
    guard natForwards(family).contains(where: { $0.name == name }) else {
      throw ServiceError(.objectNotFound, "Could not find a rule named '\(name)'", .registry)
    }
    change(family.forwardList) { $0.remove("Forwarding") { $0["name"] == name } }
  }
  /// What of the host's own addresses machines reach, and where.
  public func natLoopbacks(_ family: AddressFamily) -> [LoopbackMapping] {
    (child("Mappings")?.elements(family.mapping) ?? []).compactMap { element in
      element["offset"].flatMap(UInt32.init).map { LoopbackMapping(address: element["address"] ?? "", offset: $0) }
    }
  }
  /// In place of the one for the same address.
  public mutating func mapNATLoopback(_ mapping: LoopbackMapping, _ family: AddressFamily) throws(ServiceError) {
    try mapping.check(family)
    change("Mappings") { list in
      list.remove(family.mapping) { $0["address"] == mapping.address }
      list.insert(SettingsElement(family.mapping, [("address", mapping.address), ("offset", "\(mapping.offset)")]))
    }
  }
  /// Throws where there is none for this address.
  public mutating func removeNATLoopback(_ address: String, _ family: AddressFamily) throws(ServiceError) {
    guard natLoopbacks(family).contains(where: { $0.address == address }) else {
      throw ServiceError(.objectNotFound, "Could not find a loopback rule for '\(address)'", .registry)
    }
    change("Mappings") { $0.remove(family.mapping) { $0["address"] == address } }
    remove("Mappings") { $0.children.isEmpty }
  }
}
