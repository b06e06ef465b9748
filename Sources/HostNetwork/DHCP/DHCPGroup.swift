/// Clients that have something in common, and what is special about them.
public struct DHCPGroup: Sendable, Equatable {
  /// What a client must be, or must not be.
  public struct Condition: Sendable, Equatable {
    /// What is looked at.
    public enum Kind: String, Sendable, CaseIterable {
      /// The address of the card, twelve digits with or without colons.
      case card = "MAC"
      /// Option 60, and option 77 (RFC 3004) as text.
      case vendorClass = "vendorClassID", userClass = "userClassID"
    }
    /// See `Kind`.
    public var kind: Kind
    /// What it is compared with: capital and small letters are the same.
    public var value: String
    /// `value` is a pattern: `*` stands for any text, `?` for one character.
    public var isPattern: Bool
    /// Whom it fits is not in the group.
    public var isExclusive: Bool
    /// Everything about it.
    public init(_ kind: Kind, _ value: String, isPattern: Bool = false, isExclusive: Bool = false) {
      self.kind = kind
      self.value = kind == .card ? value.filter { $0 != ":" && $0 != "-" } : value
      self.isPattern = isPattern
      self.isExclusive = isExclusive
    }

    func fits(_ client: Client) -> Bool {
      let text: String
      switch kind {
      case .card:
        text = client.hardware.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      case .vendorClass:
        guard let bytes = client.vendorClass else { return false }
        text = String(decoding: bytes, as: UTF8.self)
      case .userClass:
        guard let bytes = client.userClass else { return false }
        text = String(decoding: bytes, as: UTF8.self)
      }
      let (text8, value8) = (Array(text.lowercased().utf8), Array(value.lowercased().utf8))
      return isPattern ? DHCPGroup.matches(text8, value8) : text8 == value8
    }
  }
  /// What is known of a client.
  struct Client {
    var hardware: [UInt8]
    var vendorClass: [UInt8]?
    var userClass: [UInt8]?
  }

  /// Its name.
  public var name: String
  /// Without any nobody is in it.
  public var conditions: [Condition]
  /// What holds for its members.
  public var scope: DHCPConfiguration.Scope
  /// Everything about it.
  public init(name: String, conditions: [Condition], scope: DHCPConfiguration.Scope) {
    self.name = name
    self.conditions = conditions
    self.scope = scope
  }

  /// One of the conditions fits that let clients in, if there are any, and none that keeps them out.
  func contains(_ client: Client) -> Bool {
    let inclusive = conditions.filter { !$0.isExclusive }
    guard !conditions.isEmpty, inclusive.isEmpty || inclusive.contains(where: { $0.fits(client) }) else { return false }
    return !conditions.contains { $0.isExclusive && $0.fits(client) }
  }

  /// Whether a pattern fits all of a text; in time that grows with the product of their lengths only.
  static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
    let (star, one) = (UInt8(ascii: "*"), UInt8(ascii: "?"))
    var (at, place) = (0, 0)
    // Where the last star was, and up to where it has taken text.
    var retry: (place: Int, at: Int)?
    while at < text.count {
      if place < pattern.count, pattern[place] == star {
        retry = (place, at)
        place += 1
      } else if place < pattern.count, pattern[place] == one || pattern[place] == text[at] {
        place += 1
        at += 1
      } else if let last = retry {
        retry = (last.place, last.at + 1)
        (place, at) = (last.place + 1, last.at + 1)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == star }
  }
}
