import Base

extension Registry {
  /// The size of a running machine's first screen as clients know it, `"720,400,0"@0,0 1`: width, height, depth (0: text),
  /// place and that it is on. nil when the machine does not say.
  public func videoMode(_ settings: MachineSettings) -> String? {
    guard let client = try? client(settings),
      let info = try? client.command("device-info", [("name", "vga")], seconds: 3)["info"]?.string
    else { return nil }
    return VideoMode(info).map { "\"\($0.width),\($0.height),\($0.depth)\"@\($0.x),\($0.y) 1" }
  }
}

/// What a display adapter says of its screen in words.
struct VideoMode: Equatable {
  /// In pixels.
  var width: Int, height: Int
  /// Bits; 0 for text.
  var depth: Int
  /// Where the screen lies among others.
  var x = 0, y = 0

  /// Of `text 80 columns, 400 lines, ...`, `graphics ...`, or anything with `1024x768x32` and perhaps `at 0,0`.
  init?(_ info: String) {
    let words = info.split(whereSeparator: { " ,;".contains($0) }).map(String.init)
    let plane = words.lazy.map { $0.split(separator: "x").compactMap { Int($0) } }.first { $0.count == 3 }
    if let plane {
      (width, height, depth) = (plane[0], plane[1], plane[2])
      if let at = words.firstIndex(of: "at"), words.count > at + 2 {
        (x, y) = (Int(words[at + 1]) ?? 0, Int(words[at + 2]) ?? 0)
      }
      return
    }
    guard words.count >= 5, words[2] == "columns", words[4] == "lines", let columns = Int(words[1]),
      let lines = Int(words[3])
    else { return nil }
    // Characters are nine pixels wide in text modes, eight where a picture is made of them.
    let isText = words[0] == "text"
    (width, height, depth) = (columns * (isText ? 9 : 8), lines, isText ? 0 : 8)
  }
}
