import Glibc

/// A network interface of the host.
public struct HostInterface: Sendable, Equatable {
  /// eth0 and the like.
  public var name: String
  /// Switched on.
  public var isUp: Bool
  /// Reaches only the host itself.
  public var isLoopback: Bool
  /// Frames as Ethernet's.
  public var isEthernet: Bool
  /// By radio.
  public var isWireless: Bool
  /// Of the card, with colons; empty: none.
  public var hardwareAddress: String
  /// The first address and mask with dots; empty: none.
  public var address = "", mask = ""
  /// The first address of IPv6 and how many of its bits are the network's; empty and 0: none.
  public var address6 = "", prefix6 = 0

  /// All interfaces, in the order of the kernel's numbers.
  public static func all() -> [HostInterface] {
    var list: UnsafeMutablePointer<ifaddrs>?
    // SAFETY: the call fills the local; the list is freed when all of it has been copied.
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var found: [HostInterface] = []
    // SAFETY: entries of a list that is not yet freed.
    var next = unsafe list
    while let entry = unsafe next {
      unsafe next = entry.pointee.ifa_next
      unsafe add(entry, to: &found)
    }
    return found
  }

  /// What an entry says: an interface has several, one for each address.
  // SAFETY: the caller's entry is one of getifaddrs: its name is a C string, its addresses point to records of the family
  // that they begin with, or to nothing.
  private static func add(_ entry: UnsafeMutablePointer<ifaddrs>, to found: inout [HostInterface]) {
    let name = unsafe String(cString: entry.pointee.ifa_name)
    let index = found.firstIndex { $0.name == name } ?? found.count
    if index == found.count { found.append(unsafe HostInterface(name: name, flags: entry.pointee.ifa_flags)) }
    guard let address = unsafe entry.pointee.ifa_addr else { return }
    let mask = unsafe entry.pointee.ifa_netmask
    switch Int32(unsafe address.pointee.sa_family) {
    case AF_INET where found[index].address.isEmpty:
      found[index].address = unsafe text(address)
      if let mask = unsafe mask { found[index].mask = unsafe text(mask) }
    case AF_INET6 where found[index].address6.isEmpty:
      found[index].address6 = unsafe text(address)
      if let mask = unsafe mask { found[index].prefix6 = unsafe bits(mask) }
    default: break
    }
  }
  // SAFETY: the caller's record is one of IPv6.
  private static func bits(_ mask: UnsafeMutablePointer<sockaddr>) -> Int {
    unsafe mask.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { record in
      unsafe withUnsafeBytes(of: record.pointee.sin6_addr) { unsafe $0.reduce(0) { $0 + $1.nonzeroBitCount } }
    }
  }

  private init(name: String, flags: UInt32) {
    self.name = name
    // IFF_UP and IFF_LOOPBACK.
    isUp = flags & 1 != 0
    isLoopback = flags & 8 != 0
    let folder = "/sys/class/net/\(name)"
    func line(_ file: String) -> String {
      let bytes = (try? WholeFile.read("\(folder)/\(file)", maximum: 256)) ?? []
      return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }
    // ARPHRD_ETHER.
    isEthernet = line("type") == "1"
    isWireless = HostPaths.exists("\(folder)/wireless")
    hardwareAddress = isEthernet ? line("address") : ""
  }

  /// The address of a record as people write it.
  // SAFETY: the caller's record is of the family that it begins with, and as long as that family's are.
  private static func text(_ address: UnsafeMutablePointer<sockaddr>) -> String {
    let isOld = unsafe Int32(address.pointee.sa_family) == AF_INET
    let size = isOld ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
    var buffer = [CChar](repeating: 0, count: 256)
    // SAFETY: the buffer is as long as it is said to be. NI_NUMERICHOST: no name is looked up.
    let code = unsafe getnameinfo(address, socklen_t(size), &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
    guard code == 0 else { return "" }
    let bytes = buffer.prefix { $0 != 0 && $0 != 37 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
