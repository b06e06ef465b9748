import HostSystem

/// Leases on disk, in the form in which VirtualBox's server writes them.
public enum LeaseFile {
  /// Bytes of a file at most.
  private static let limit = 16 << 20

  /// What is in the file; nothing when it cannot be read. What is not a lease is passed over.
  public static func read(_ path: String) -> [DHCPServer.Lease] {
    guard let bytes = try? WholeFile.read(path, maximum: limit) else { return [] }
    var leases: [DHCPServer.Lease] = []
    for element in String(decoding: bytes, as: UTF8.self).split(separator: "<Lease ").dropFirst() {
      guard let mac = value("mac", element).flatMap(hardware),
        let address = value("value", element).flatMap({ IPv4Text.address($0) }),
        let issued = value("issued", element).flatMap({ Int64($0) }),
        let duration = value("expiration", element).flatMap({ UInt32($0) })
      else { continue }
      // Far from the ends of the numbers: times are added and subtracted.
      let time = min(max(issued, 0), 1 << 40)
      leases.append(DHCPServer.Lease(hardware: mac, address: address, issued: time, duration: duration))
    }
    return leases
  }
  private static func value(_ name: String, _ element: Substring) -> String? {
    let parts = element.split(separator: "\"", omittingEmptySubsequences: false)
    for index in stride(from: 0, to: parts.count - 1, by: 2) {
      let label = parts[index].split { $0 == " " || $0 == "<" || $0 == "\n" }.last
      if label == "\(name)=" { return String(parts[index + 1]) }
    }
    return nil
  }
  /// Six bytes between colons.
  public static func hardware(_ text: String) -> [UInt8]? {
    let bytes = text.split(separator: ":", omittingEmptySubsequences: false).compactMap { UInt8($0, radix: 16) }
    return bytes.count == 6 && text.utf8.count == 17 ? bytes : nil
  }
  static func text(_ hardware: [UInt8]) -> String {
    hardware.map { byte in
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "0" + digits : digits
    }.joined(separator: ":")
  }

  /// Writes the file anew.
  static func write(_ leases: [DHCPServer.Lease], to path: String, now: Int64) throws(SystemCallError) {
    var text = "<?xml version=\"1.0\"?>\n<Leases version=\"1.0\">\n"
    for lease in leases {
      let state = lease.isOver(at: now) ? "expired" : "acked"
      text += "  <Lease mac=\"\(self.text(lease.hardware))\" network=\"0.0.0.0\" state=\"\(state)\">\n"
      text += "    <Address value=\"\(IPv4Text.text(lease.address))\"/>\n"
      text += "    <Time issued=\"\(lease.issued)\" expiration=\"\(lease.duration)\"/>\n  </Lease>\n"
    }
    try HostFiles.replace(path, with: Array((text + "</Leases>\n").utf8))
  }
}
