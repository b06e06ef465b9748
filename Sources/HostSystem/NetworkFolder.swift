/// Where the switches of this user's networks are: a folder for each, which no other user may enter. The ports are sockets
/// in it, and so is whoever serves the network.
public enum NetworkFolder {
  /// Of all networks: in the user's folder for things of this session, or with a name of its own where that one is too
  /// long for the names of sockets.
  public static var base: String {
    guard let runtime = ProcessImage.environment("XDG_RUNTIME_DIR"), runtime.hasPrefix("/") else {
      return "/tmp/ringbox-net-\(PrivateFolder.userID)"
    }
    if runtime.utf8.count < 40 { return "\(runtime)/ringbox-net" }
    return "/tmp/ringbox-net-\(PrivateFolder.userID)-\(hash(runtime))"
  }
  /// The folder of a network; nil: it cannot have that name. Plain names are their own folders; others get one that no
  /// plain name has, and that is short enough.
  public static func path(_ network: String) -> String? {
    if isPlain(network) { return "\(base)/\(network)" }
    guard (1...255).contains(network.utf8.count), network.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      return nil
    }
    return "\(base)/~\(hash(network))"
  }
  /// Where the service of a network is spoken to.
  public static func serviceSocket(_ network: String) -> String? { path(network).map { "\($0)/.service" } }

  /// Makes the folder, if the network can have that name.
  public static func prepare(_ network: String) throws(SystemCallError) -> String? {
    guard let folder = path(network) else { return nil }
    try PrivateFolder.prepare(base)
    try PrivateFolder.prepare(folder)
    return folder
  }

  /// 1 to 32 letters, digits, dots, dashes and underscores, the first a letter or digit.
  public static func isPlain(_ text: String) -> Bool {
    guard (1...32).contains(text.utf8.count), let first = text.utf8.first else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    return isWord(first) && text.utf8.allSatisfy { isWord($0) || [0x2d, 0x2e, 0x5f].contains($0) }
  }
  /// FNV-1a, 64 bits.
  private static func hash(_ text: String) -> String {
    String(text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 16)
  }
}
