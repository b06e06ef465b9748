import SettingsFiles

// What a DHCP server can give away: refused when it is set, because a network finds out too late.
extension Registry {
  /// Refuses a server of the global settings whose addresses have been changed to what no network has: a mask that is
  /// none, a range that is upside down, too long or outside of the server's network, a card's address out there.
  /// Settings that came so from elsewhere can be changed otherwise, and mended.
  static func checkServer(_ entry: SettingsElement, was: SettingsElement?) throws(ServiceError) {
    let attributes = ["IPAddress", "networkMask", "lowerIP", "upperIP"]
    let fixed = fixedAddresses(entry)
    guard attributes.contains(where: { entry[$0] != was?[$0] }) || fixed != was.map(fixedAddresses) else { return }
    let numbers = try attributes.map { attribute throws(ServiceError) -> UInt32 in
      let text = entry[attribute] ?? ""
      guard let number = IPv4Text.number(text) else { throw refuse("Invalid address '\(text)'") }
      return number
    }
    let (server, mask, lower, upper) = (numbers[0], numbers[1], numbers[2], numbers[3])
    guard mask != 0, ~mask & (~mask &+ 1) == 0 else {
      throw refuse("'\(IPv4Text.text(mask))' is no network mask")
    }
    let network = "\(IPv4Text.text(server & mask))/\(mask.nonzeroBitCount)"
    for (what, address) in [("lower", lower), ("upper", upper)] + fixed.map({ ("fixed", $0) }) {
      guard address & mask == server & mask else {
        throw refuse("The \(what) address \(IPv4Text.text(address)) is outside of the server's network \(network)")
      }
    }
    guard lower <= upper else {
      throw refuse(
        "The lower address \(IPv4Text.text(lower)) is above the upper address \(IPv4Text.text(upper))")
    }
    guard upper - lower < rangeLimit else {
      throw refuse(
        "From \(IPv4Text.text(lower)) to \(IPv4Text.text(upper)) there are more than \(rangeLimit) addresses")
    }
  }
  /// Addresses that a DHCP server can give away at most.
  private static let rangeLimit: UInt32 = 65_536

  private static func fixedAddresses(_ entry: SettingsElement) -> [UInt32] {
    entry.elements("Config").compactMap { $0["fixedAddress"].flatMap(IPv4Text.number) }
  }
  private static func refuse(_ text: String) -> ServiceError { ServiceError(.invalidArgument, text, .registry) }
}
