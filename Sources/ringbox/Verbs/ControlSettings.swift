import Base
import HostSystem
import Service

/// Settings that `controlvm` changes while a machine runs.
extension Control {
  /// Subcommands that are options of `modifyvm` with one value; those behind which a number stands end in #.
  private static let settings = [
    "nictrace#": "nictrace", "nictracefile#": "nictracefile", "nicpromisc#": "nicpromisc",
    "nicproperty#": "nicproperty",
    "guestmemoryballoon": "guestmemoryballoon", "audioin": "audioin", "audioout": "audioout",
    "draganddrop": "draganddrop", "vrde": "vrde", "vrdp": "vrde", "vrdeport": "vrdeport", "vrdpport": "vrdeport",
    "vrdeproperty": "vrdeproperty", "vrdevideochannelquality": "vrdevideochannelquality",
    "vrdpvideochannelquality": "vrdevideochannelquality", "cpuexecutioncap": "cpuexecutioncap",
    "vmprocesspriority": "vmprocesspriority", "autostartenabled": "autostartenabled",
    "autostartenabled#": "autostartenabled", "autostartdelay": "autostartdelay", "autostartdelay#": "autostartdelay",
  ]
  /// What a cable can lead to, and the option that names it.
  private static let networks = [
    "bridged": "bridgeadapter", "intnet": "intnet", "hostonly": "hostonlyadapter", "hostonlynet": "hostonlynet",
    "generic": "nicgenericdrv", "natnetwork": "natnetwork",
  ]

  /// Carries out what only changes a setting; false when the word is none of those.
  func keepSetting(_ plain: String, _ verb: String, _ values: [String]) throws -> Bool {
    let digits = String(plain.reversed().prefix { $0.isNumber }.reversed())
    let word = digits.isEmpty ? plain : plain.dropLast(digits.count) + "#"
    switch word {
    case "nic#": try attach(digits, values)
    case "changeuartmode#":
      guard !values.isEmpty else { throw Failure.usage("Missing argument to '\(verb)'") }
      try keep("uartmode\(digits)", values)
    default:
      guard let option = Control.settings[word] else { return false }
      guard let value = values.first, values.count == 1 else { throw Failure.usage("\(verb) takes one value") }
      let isOfCard = option.hasPrefix("nic")
      try keep(isOfCard ? option + digits : option, [value])
    }
    return true
  }
  /// `nic1 bridged tap0`: what the cable of a card leads to, from the next start on.
  private func attach(_ number: String, _ values: [String]) throws {
    guard let kind = values.first?.lowercased(), values.count <= 2 else {
      throw Failure.usage("nic\(number) takes a kind of network, and its name")
    }
    let name = Control.networks[kind]
    guard values.count < 2 || name != nil else { throw Failure.usage("Invalid parameter '\(values[1])'") }
    if let name, values.count == 2 { _ = try registry.keepLive("\(name)\(number)", [values[1]], of: settings) }
    try keep("nic\(number)", [kind])
  }
  private func keep(_ option: String, _ values: [String]) throws {
    guard let (known, _) = MachineOption.named(option) else { throw Failure.usage("Invalid parameter '\(option)'") }
    let wanted = known.valueCount(values[0])
    guard values.count == wanted else { throw Failure.usage("\(option) takes \(wanted) values") }
    guard try !registry.keepLive(option, values, of: settings) else { return }
    // On standard error, where programs that read the answer do not look; and not the word that they look for there.
    _ = HostStream.standard(2).writeAll(
      Array("\(option): kept; it is in force from the machine's next start on\n".utf8))
  }
}
