import HostSystem
import Service

/// The pages of the web manager, as they lie beside the program.
struct WebFiles: Sendable {
  private let folder: String?

  init() {
    let own = ProcessImage.path.map { Paths.folder(of: $0) } ?? "."
    let places = ["\(own)/ringbox_ringboxd.resources/Web", "\(own)/../share/ringbox/web"]
    folder = places.first { HostPaths.exists("\($0)/index.html") }
  }
  private static let types = [
    "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
  ]

  /// The file of this path; nil when there is none. Names are plain: no folders, no dots but one.
  func file(_ path: String) -> (type: String, bytes: [UInt8])? {
    let name = path == "/" ? "index.html" : String(path.dropFirst())
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let folder, parts.count == 2, let type = WebFiles.types[String(parts[1])],
      !parts[0].isEmpty,
      parts[0].utf8.allSatisfy({ Character(Unicode.Scalar($0)).isLetter || $0 == UInt8(ascii: "-") }),
      let bytes = try? WholeFile.read("\(folder)/\(name)", maximum: 1 << 20)
    else { return nil }
    return (type, bytes)
  }
  /// Pages load only what comes from here and are shown in no frame.
  static let headers = [
    (
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache"),
    ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
  ]
}
