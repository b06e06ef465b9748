/// What may be the name of something that settings files keep.
enum Names {
  /// Throws for a name with control characters: settings files cannot hold most of them, and lists and logs that people and
  /// programs read line by line would be torn apart by the others.
  static func check(_ name: String, _ what: String, _ subject: ServiceError.Subject = .machine) throws(ServiceError) {
    guard name.unicodeScalars.contains(where: isControl) else { return }
    let shown = String(String.UnicodeScalarView(name.unicodeScalars.map { isControl($0) ? "?" : $0 }))
    throw ServiceError(
      .invalidArgument, "Invalid name '\(shown)' of \(what): it has a control character in it (VERR_INVALID_NAME)",
      subject)
  }
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || scalar.value == 0x7f || scalar.value == 0xfffe || scalar.value == 0xffff
  }
}
