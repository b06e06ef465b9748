import HostSystem

/// Moments as settings files and their readers write them.
public enum Timestamp {
  /// Seconds since 1970.
  public static var now: Int64 { HostClock.wallNanoseconds / 1_000_000_000 }

  /// "2023-01-01T00:00:00Z".
  public static func text(_ seconds: Int64) -> String {
    let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
    let rest = seconds - days * 86400
    // Days since 1970 to the civil calendar, with years that begin in March.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let day = shifted - era * 146_097
    let yearOfEra = (day - day / 1460 + day / 36524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let civilMonth = month < 10 ? month + 3 : month - 9
    let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(civilMonth))-\(two(dayOfYear - (153 * month + 2) / 5 + 1))T"
      + "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }
  /// As `showvminfo` writes it: nanoseconds and no letter at the end.
  public static func precise(_ text: String) -> String {
    "\(text.hasSuffix("Z") ? String(text.dropLast()) : text).000000000"
  }
  /// A name for files: now, with nanoseconds and without colons.
  public static func fileName() -> String {
    let nanoseconds = HostClock.wallNanoseconds
    let fraction = String(nanoseconds % 1_000_000_000)
    let padded = String(repeating: "0", count: max(0, 9 - fraction.count)) + fraction
    return text(nanoseconds / 1_000_000_000).dropLast().replacing(":", with: "-") + "-\(padded)Z"
  }
}
