import Base

/// The value of `--nic`: what the cable leads to, and how the card is. The machine checks addresses and rules.
enum NetworkOption {
  private static let kinds = ["nat", "null", "intnet", "bridged", "udp"]
  private static let models = ["virtio", "e1000", "pcnet", "82545em", "82543gc"]
  private static let common = ["model", "mac", "cable", "pcap", "rate", "promisc", "rom"]
  private static let own = [
    "nat": ["net", "hostfwd", "tftp", "bootfile", "ipv6", "localhost", "restrict"], "null": [], "intnet": ["net"],
    "bridged": ["dev"],
    "udp": ["local", "remote"],
  ]

  /// "nat|null|intnet|bridged|udp[,SETTING=VALUE]...". A comma in a value is written twice.
  static func parse(_ text: String) throws -> JSON {
    var parts = OptionValues.splitAtSingleCommas(text)
    let kind = try OptionValues.choice(parts.removeFirst(), among: kinds, "--nic '\(text)': attachment")
    var members: JSON = ["kind": .string(kind)]
    var forwards: [JSON] = []
    var seen: Set<String> = []
    for part in parts {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = try OptionValues.choice(
        pair[0], among: (own[kind] ?? []) + common, "--nic '\(text)': setting of \(kind)")
      guard pair.count == 2, !pair[1].isEmpty else {
        throw Failure.usage("--nic '\(text)': '\(name)' needs a value, as in \(name)=VALUE")
      }
      guard seen.insert(name).inserted || name == "hostfwd" else {
        throw Failure.usage("--nic '\(text)': '\(name)' is given twice")
      }
      if name == "hostfwd" { forwards.append(.string(pair[1])) } else { try set(name, pair[1], &members, text) }
    }
    if !forwards.isEmpty { members.set("hostForwards", .array(forwards)) }
    if kind == "udp", !seen.isSuperset(of: ["local", "remote"]) {
      throw Failure.usage("--nic '\(text)': udp needs local=ADDRESS:PORT and remote=ADDRESS:PORT")
    }
    if kind == "bridged", !seen.contains("dev") {
      throw Failure.usage("--nic '\(text)': bridged needs dev=INTERFACE, a tap or macvtap of the host")
    }
    return members
  }

  private static func set(_ name: String, _ value: String, _ members: inout JSON, _ text: String) throws {
    let what = "--nic '\(text)': \(name)"
    func flag() throws -> JSON { .bool(try OptionValues.choice(value, among: ["on", "off"], what) == "on") }
    switch name {
    case "net": members.set("network", .string(value))
    case "dev": members.set("interface", .string(value))
    case "model": members.set("model", .string(try OptionValues.choice(value, among: models, what)))
    case "cable": members.set("connected", try flag())
    case "promisc":
      members.set("promiscuous", .string(try OptionValues.choice(value, among: ["deny", "allow-vms", "allow"], what)))
    case "rate": members.set("rate", .integer(try rate(value, what)))
    case "bootfile": members.set("bootFile", .string(value))
    case "ipv6", "localhost", "restrict": members.set(name, try flag())
    default: members.set(name, .string(value))
    }
  }

  /// "10M": bits a second, with decimal units.
  private static func rate(_ text: String, _ what: String) throws -> Int64 {
    let units: [Character: Int64] = ["K": 1_000, "M": 1_000_000, "G": 1_000_000_000]
    guard let last = text.uppercased().last, let unit = units[last], let number = Int64(text.dropLast()), number > 0,
      number <= 1_000_000_000_000 / unit
    else { throw Failure.usage("\(what) '\(text)': expected bits a second with a unit, such as 500K, 10M or 1G") }
    return number * unit
  }
}
