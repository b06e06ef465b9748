import Base
import Devices
import HostNetwork
import HostSystem

extension MachineConfiguration {
  /// A network card and what its cable leads to.
  public struct NetworkCard: Equatable, Sendable {
    /// The card that the guest sees; 8254x are Intel's numbers.
    public enum Model: String, Sendable, CaseIterable {
      case virtio, e1000, pcnet
      case i82545em = "82545em"
      case i82543gc = "82543gc"
    }
    /// What the cable leads to.
    public enum Attachment: Equatable, Sendable {
      case nat(NATConfiguration)
      /// Nothing.
      case null
      /// A switch of this name that machines of one user share.
      case internalNetwork(String)
      /// A tap or macvtap interface of the host.
      case bridged(String)
      /// A wire to another machine or program over UDP.
      case tunnel(local: IPv4Endpoint, remote: IPv4Endpoint)
    }
    /// The network boot program in the card's ROM.
    public enum BootROM: Equatable, Sendable {
      /// iPXE of the package ipxe-qemu, when it is installed and firmware boots the machine.
      case automatic
      case none
      case file(String)
    }

    /// What the cable leads to.
    public var attachment: Attachment
    /// The card that the guest sees.
    public var model: Model
    /// nil: made up for each run, as VirtualBox makes them up.
    public var mac: MACAddress?
    /// Whether the cable is in at power-on.
    public var isConnected = true
    /// File that gets every frame, as pcap.
    public var trace: String?
    /// Limit of each direction; nil: none.
    public var bitsPerSecond: UInt64?
    /// Cards of one group share what they may send, disks of one group what they may read and write.
    public struct RateGroup: Equatable, Sendable {
      /// By which they find each other.
      public var name: String
      /// What all of them may transfer together; 0: no limit, for now.
      public var bitsPerSecond: UInt64
      /// Whether there can be such a limit.
      static func isPossible(_ rate: Int64) -> Bool { rate == 0 || (1000...1_000_000_000_000).contains(rate) }
      /// A group of this rate.
      public init(name: String, bitsPerSecond: UInt64) { (self.name, self.bitsPerSecond) = (name, bitsPerSecond) }
    }
    /// Its group, if it has one.
    public var rateGroup: RateGroup?
    /// Which frames the card may hear that are not for it.
    public var promiscuous = NetworkAdapter.PromiscuousPolicy.deny
    /// What the card brings for booting from the network.
    public var bootROM = BootROM.automatic

    public init(_ attachment: Attachment = .nat(NATConfiguration()), model: Model = .virtio) {
      self.attachment = attachment
      self.model = model
    }
  }
}

extension MachineConfiguration.NetworkCard {
  /// Members that belong to one kind of attachment only.
  private static let ownMembers = [
    "nat": ["network", "hostForwards", "tftp", "bootFile", "ipv6", "localhost", "restrict"],
    "intnet": ["network"], "bridged": ["interface"], "udp": ["local", "remote"], "null": [],
  ]

  init(_ field: JSONField) throws(MachineError) {
    let members = try field.members().map { JSONField("\(field.name).\($0.key)", $0.value) }
    let kind = try members.first { $0.lastName == "kind" }?.string() ?? "nat"
    guard let own = MachineConfiguration.NetworkCard.ownMembers[kind] else {
      throw MachineError(.configuration, "\(field.name).kind: '\(kind)' is none of nat, null, intnet, bridged, udp")
    }
    self.init(.null)
    var nat = NATConfiguration()
    var network = "intnet"
    var ends: [String: IPv4Endpoint] = [:]
    for member in members where member.lastName != "kind" {
      let name = member.lastName
      if try readCommon(member) { continue }
      guard own.contains(name) else {
        throw MachineError(.configuration, "\(member.name): \(kind) has no such setting")
      }
      if kind == "nat" {
        try MachineConfiguration.NetworkCard.read(member, into: &nat)
      } else if ["network", "interface"].contains(name) {
        network = try member.string()
      } else {
        guard let end = IPv4Text.endpoint(try member.string(), fallback: 0x7f00_0001), end.port > 0 else {
          throw member.wrong("ADDRESS:PORT")
        }
        ends[name] = end
      }
    }
    switch kind {
    case "nat": attachment = .nat(nat)
    case "intnet": attachment = .internalNetwork(network)
    case "bridged":
      guard members.contains(where: { $0.lastName == "interface" }) else {
        throw MachineError(.configuration, "\(field.name): bridged needs an interface")
      }
      attachment = .bridged(network)
    case "udp":
      guard let local = ends["local"], let remote = ends["remote"] else {
        throw MachineError(.configuration, "\(field.name): udp needs local and remote")
      }
      attachment = .tunnel(local: local, remote: remote)
    default: attachment = .null
    }
  }

  /// True when the member is one that every card has.
  private mutating func readCommon(_ member: JSONField) throws(MachineError) -> Bool {
    switch member.lastName {
    case "model": model = try member.choice()
    case "mac":
      guard let text = try member.optionalString() else { return true }
      guard let address = MACAddress(text) else {
        throw MachineError(
          .configuration, "\(member.name): '\(text)' is no address for a card, such as 08:00:27:12:34:56")
      }
      mac = address
    case "connected": isConnected = try member.bool()
    case "pcap": trace = try member.optionalString()
    case "rate":
      if member.value != .null { bitsPerSecond = UInt64(try member.integer(in: 1000...1_000_000_000_000)) }
    case "rateGroup":
      rateGroup = try RateGroup(member)
    case "promiscuous": promiscuous = try member.choice()
    case "rom":
      switch try member.string() {
      case "auto": bootROM = .automatic
      case "off": bootROM = .none
      case let path: bootROM = .file(path)
      }
    default: return false
    }
    return true
  }

  private static func read(_ member: JSONField, into nat: inout NATConfiguration) throws(MachineError) {
    do throws(NetworkError) {
      switch member.lastName {
      case "network": try nat.setNetwork(try string(member))
      case "hostForwards":
        for text in try strings(member) { nat.forwards.append(try PortForward(parsing: text)) }
      case "tftp": nat.tftpFolder = try string(member)
      case "bootFile": nat.bootFile = try string(member)
      case "ipv6": nat.ipv6 = try flag(member)
      case "localhost": nat.reachesLoopback = try flag(member)
      default: nat.isRestricted = try flag(member)
      }
    } catch {
      throw MachineError(.configuration, error.description)
    }
  }
  // The same as `JSONField` has, with the error type of its neighbours.
  private static func string(_ member: JSONField) throws(NetworkError) -> String {
    do throws(MachineError) { return try member.string() } catch { throw NetworkError(error.description) }
  }
  private static func strings(_ member: JSONField) throws(NetworkError) -> [String] {
    do throws(MachineError) {
      return try member.list { item throws(MachineError) in try item.string() }
    } catch { throw NetworkError(error.description) }
  }
  private static func flag(_ member: JSONField) throws(NetworkError) -> Bool {
    do throws(MachineError) { return try member.bool() } catch { throw NetworkError(error.description) }
  }

  var json: JSON {
    var members: [(String, JSON)] = []
    func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
    switch attachment {
    case .null: members.append(("kind", "null"))
    case .internalNetwork(let name): members += [("kind", "intnet"), ("network", .string(name))]
    case .bridged(let name): members += [("kind", "bridged"), ("interface", .string(name))]
    case .tunnel(let local, let remote):
      members += [("kind", "udp"), ("local", Self.endpoint(local)), ("remote", Self.endpoint(remote))]
    case .nat(let nat):
      members += [
        ("kind", "nat"), ("network", .string("\(IPv4Text.text(nat.network))/\(nat.prefix)")),
        ("hostForwards", .array(nat.forwards.map { .string($0.description) })), ("ipv6", .bool(nat.ipv6)),
        ("localhost", .bool(nat.reachesLoopback)), ("restrict", .bool(nat.isRestricted)),
      ]
      if let folder = nat.tftpFolder { members.append(("tftp", .string(folder))) }
      if let file = nat.bootFile { members.append(("bootFile", .string(file))) }
    }
    let rom: JSON =
      switch bootROM {
      case .automatic: "auto"
      case .none: "off"
      case .file(let path): .string(path)
      }
    members += [
      ("model", .string(model.rawValue)), ("mac", text(mac?.description)), ("connected", .bool(isConnected)),
      ("pcap", text(trace)), ("rate", bitsPerSecond.map { .integer(Int64(clamping: $0)) } ?? .null),
      ("promiscuous", .string(promiscuous.rawValue)), ("rom", rom),
    ]
    if let rateGroup { members.append(("rateGroup", rateGroup.json)) }
    return .object(members.map { JSON.Member($0.0, $0.1) })
  }
  private static func endpoint(_ endpoint: IPv4Endpoint) -> JSON {
    .string("\(IPv4Text.text(endpoint.address)):\(endpoint.port)")
  }
}

extension MachineConfiguration.NetworkCard.RateGroup {
  init(_ field: JSONField) throws(MachineError) {
    guard let name = field.value["name"]?.string, let rate = field.value["rate"]?.integer,
      MachineConfiguration.NetworkCard.RateGroup.isPossible(rate)
    else { throw field.wrong("a name and a rate of 1000 to 1000000000000 bits a second, or 0 for none") }
    self.init(name: name, bitsPerSecond: UInt64(rate))
  }
  var json: JSON { ["name": .string(name), "rate": .integer(Int64(clamping: bitsPerSecond))] }
}
