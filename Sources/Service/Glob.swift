/// Patterns with `*` and `?`.
public enum Glob {
  /// Whether all of the text fits.
  public static func matches(_ text: String, _ pattern: String) -> Bool {
    let text = Array(text), pattern = Array(pattern)
    var (t, p) = (0, 0)
    /// Where the last `*` was, and what it covers so far.
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
        (t, p) = (t + 1, p + 1)
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        (t, p) = (last.text + 1, last.pattern + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
  /// Whether some pattern of a list with `|` between its patterns fits.
  public static func matchesAny(_ text: String, _ patterns: String) -> Bool {
    patterns.split(separator: "|").contains { matches(text, String($0)) }
  }
}
