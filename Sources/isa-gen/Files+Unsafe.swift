import Glibc

/// Whole-file text input and output for a build tool.
enum Files {
  /// Contents of a file, nil when it cannot be read.
  static func read(_ path: String) -> String? {
    // SAFETY: fopen gets NUL-terminated strings that live through the call; its result is checked before use.
    guard let file = unsafe fopen(path, "r") else { return nil }
    // SAFETY: file is open and closed once.
    defer { unsafe _ = fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      // SAFETY: the buffer is as long as the count passed.
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Replaces a file's contents; false on failure.
  static func write(_ text: String, to path: String) -> Bool {
    // SAFETY: as in read.
    guard let file = unsafe fopen(path, "w") else { return false }
    let bytes = Array(text.utf8)
    // SAFETY: pointer and count describe the same array.
    let written = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
    // SAFETY: file is open and closed once.
    return unsafe fclose(file) == 0 && written == bytes.count
  }

  /// Removes a file if it exists.
  static func remove(_ path: String) {
    // SAFETY: the path is a NUL-terminated string that lives through the call.
    unsafe _ = unlink(path)
  }

  static func exit(_ code: Int32) -> Never { Glibc.exit(code) }
}
