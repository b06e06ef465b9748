/// Why a settings file cannot be used. The text is a sentence for people.
public enum SettingsError: Error, Equatable, Sendable {
  /// The host said no.
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  /// It is not what it should be; the line of the file, where that is known.
  case malformed(path: String, line: Int?, reason: String)
  /// What is to be written has a control character, for which XML has no form.
  case unwritten(path: String, text: String)
  /// Written by something newer than we know.
  case newer(path: String, version: String)

  /// The file it is about.
  public var path: String {
    switch self {
    case .unreadable(let path, _), .unwritable(let path, _), .malformed(let path, _, _), .newer(let path, _),
      .unwritten(let path, _):
      path
    }
  }
}

extension SettingsError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "Cannot read '\(path)': \(reason)"
    case .unwritable(let path, let reason): "Cannot write '\(path)': \(reason)"
    case .unwritten(_, let text): "Invalid value '\(text)': settings cannot hold control characters"
    case .malformed(let path, let line, let reason):
      line.map { "'\(path)', line \($0): \(reason)" } ?? "'\(path)': \(reason)"
    case .newer(let path, let version):
      "'\(path)' has the settings version \(version), which is newer than \(SettingsVersion.newestRead); it was left as "
        + "it is"
    }
  }
}
