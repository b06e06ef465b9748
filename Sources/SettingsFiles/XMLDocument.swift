/// XML documents of other kinds, such as descriptions of appliances: as hostile as settings files, and bounded as they.
public enum XMLDocument {
  /// The root element.
  public static func parse(_ bytes: [UInt8], path: String) throws(SettingsError) -> SettingsElement {
    try XMLText.parse(bytes, path: path).1
  }
  /// The document's text.
  public static func bytes(_ root: SettingsElement) -> [UInt8] { XMLText.write(prologue: [], root) }
}
