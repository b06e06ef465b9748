import HostSystem

/// `@FILE` in front of the verb: words from a file, as a shell would take them apart.
enum ResponseFile {
  static func words(_ path: String) throws -> ArraySlice<String> {
    let bytes: [UInt8]
    do throws(FileError) { bytes = try WholeFile.read(path, maximum: 1 << 20) } catch {
      throw Failure.failure("Cannot read the response file '\(path)': \(error.reason)")
    }
    guard let words = split(String(decoding: bytes, as: UTF8.self)) else {
      throw Failure.usage("The response file '\(path)' ends inside quotation marks")
    }
    return words[...]
  }
  /// White space parts words; quotation marks of both kinds keep it, and a backslash takes away what the next character means.
  /// nil: a mark has no partner.
  static func split(_ text: String) -> [String]? {
    var words: [String] = [], word: String?
    var quote: Character?
    var characters = text.makeIterator()
    while let character = characters.next() {
      switch character {
      case "\\" where quote != "'":
        if let next = characters.next(), !next.isNewline { word = (word ?? "") + String(next) }
      case _ where character == quote: quote = nil
      case "\"" where quote == nil, "'" where quote == nil:
        quote = character
        word = word ?? ""
      case _ where character.isWhitespace && quote == nil:
        if let done = word { words.append(done) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    if let last = word { words.append(last) }
    return quote == nil ? words : nil
  }
}
