import Base

/// Who the machine says it is, in its SMBIOS tables: guests, their licences and their management tools look there.
///
/// - Spec: DMTF DSP0134 "SMBIOS" 2.8: 7.1 (BIOS), 7.2 (system), 7.3 (board), 7.4 (chassis), 7.12 (strings of the maker).
public struct MachineIdentity: Equatable, Sendable {
  /// One text of the tables; the raw value is its member in JSON.
  public enum Text: String, Sendable, CaseIterable {
    case biosVendor, biosVersion, biosReleaseDate
    case systemVendor, systemProduct, systemVersion, systemSerial, systemSKU, systemFamily
    case boardVendor, boardProduct, boardVersion, boardSerial, boardAssetTag, boardLocation
    case chassisVendor, chassisVersion, chassisSerial, chassisAssetTag
    /// Strings of the maker's own (type 11).
    case makerVersion, makerRevision
  }
  /// The system's UUID as its 16 bytes are written down; nil: not set.
  public var uuid: [UInt8]?
  /// Texts other than the usual ones; an empty one is left out of the tables.
  public var texts: [Text: String] = [:]
  /// No longer text gets into the tables.
  public static let textLimit = 64

  public init() {}

  /// What a table shows: a text that was set, or the usual one; nil: nothing.
  func text(_ text: Text, machine name: String) -> String? {
    if let own = texts[text] { return own.isEmpty ? nil : own }
    switch text {
    case .biosVendor: return "SeaBIOS"
    case .biosVersion, .systemVendor, .boardVendor, .chassisVendor: return "Ringbox"
    case .biosReleaseDate: return "01/01/2026"
    case .systemProduct, .boardProduct: return "Virtual Machine"
    case .systemVersion, .boardVersion: return "1"
    case .systemFamily: return name
    default: return nil
    }
  }

  /// The form in which one program hands it to another; `init(_:)` reads it.
  var json: JSON {
    var members: [JSON.Member] = []
    if let uuid { members.append(JSON.Member("uuid", .string(MachineIdentity.hex(uuid)))) }
    for text in Text.allCases {
      if let value = texts[text] { members.append(JSON.Member(text.rawValue, .string(value))) }
    }
    return .object(members)
  }
  init(_ field: JSONField) throws(MachineError) {
    for member in try field.members() {
      let field = JSONField("\(field.name).\(member.key)", member.value)
      if member.key == "uuid" {
        uuid = try MachineIdentity.bytes(field)
      } else if let text = Text(rawValue: member.key) {
        texts[text] = try field.string()
      } else {
        throw MachineError(.configuration, "unknown member '\(field.name)'")
      }
    }
  }
  private static func bytes(_ field: JSONField) throws(MachineError) -> [UInt8]? {
    guard let text = try field.optionalString() else { return nil }
    let digits = text.utf8.filter { $0 != 0x2d }.map { UInt8(String(UnicodeScalar($0)), radix: 16) }
    let nibbles = digits.compactMap { $0 }
    guard digits.count == 32, nibbles.count == 32 else { throw field.wrong("a UUID") }
    return (0..<16).map { nibbles[2 * $0] << 4 | nibbles[2 * $0 + 1] }
  }
  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
