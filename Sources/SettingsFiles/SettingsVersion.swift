/// The version in the root element of a settings file: "1.19-linux". The word after the hyphen says where it was written.
public struct SettingsVersion: Comparable, Sendable, CustomStringConvertible {
  /// Compared in this order.
  public var major: Int, minor: Int
  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }
  /// nil unless the text is "NUMBER.NUMBER", with or without a platform.
  public init?(_ text: String) {
    let numbers = text.prefix { $0 != "-" }.split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 2, let major = Int(numbers[0]), let minor = Int(numbers[1]), (0...999).contains(minor),
      (0...999).contains(major)
    else { return nil }
    self.init(major, minor)
  }
  public var description: String { "\(major).\(minor)" }
  public static func < (a: SettingsVersion, b: SettingsVersion) -> Bool {
    (a.major, a.minor) < (b.major, b.minor)
  }

  /// VirtualBox 2.0 wrote this one.
  public static let oldestRead = SettingsVersion(1, 3)
  /// VirtualBox 7.1 writes this one.
  public static let newestRead = SettingsVersion(1, 20)
  /// What is written, unless a file is newer already.
  public static let written = SettingsVersion(1, 19)
  /// What is written behind the version.
  public static let platform = "linux"
}
