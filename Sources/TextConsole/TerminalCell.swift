/// How many colours the terminal can show.
public enum ColorDepth: Sendable {
  case ansi16
  case palette256
  case trueColor

  /// From the values of the environment variables TERM and COLORTERM.
  public init(term: String?, colorTerm: String?) {
    if colorTerm == "truecolor" || colorTerm == "24bit" {
      self = .trueColor
    } else if term?.contains("256") == true {
      self = .palette256
    } else {
      self = .ansi16
    }
  }
}

/// A colour of a terminal cell.
public enum CellColor: Sendable, Hashable {
  /// ANSI numbering: 0-7 dark, 8-15 bright; 1 is red.
  case ansi(UInt8)
  /// 0x00RRGGBB.
  case rgb(UInt32)

  /// A VGA colour, which has blue and red in each other's place.
  public static func vga(_ index: UInt8) -> CellColor {
    .ansi(index & 0x0a | (index & 1) << 2 | (index >> 2) & 1)
  }

  /// The numbers of the SGR sequence that selects the colour.
  func selection(background: Bool, _ depth: ColorDepth) -> String {
    switch (self, depth) {
    case (.ansi(let number), _):
      return "\(Int(number & 7) + (number > 7 ? 90 : 30) + (background ? 10 : 0))"
    case (.rgb(let color), .trueColor):
      return "\(background ? 48 : 38);2;\(color >> 16 & 255);\(color >> 8 & 255);\(color & 255)"
    case (.rgb(let color), .palette256):
      // The 6x6x6 cube from 16 on.
      func level(_ shift: UInt32) -> UInt32 { ((color >> shift & 255) * 5 + 127) / 255 }
      return "\(background ? 48 : 38);5;\(16 + 36 * level(16) + 6 * level(8) + level(0))"
    case (.rgb(let color), .ansi16):
      func bit(_ shift: UInt32) -> UInt8 { color >> shift & 255 >= 0x60 ? 1 : 0 }
      let bright: UInt8 = [16, 8, 0].contains { color >> $0 & 255 >= 0xd0 } ? 8 : 0
      return CellColor.ansi(bit(16) | bit(8) << 1 | bit(0) << 2 | bright).selection(background: background, depth)
    }
  }
}

/// What one place of the terminal shows.
public struct TerminalCell: Sendable, Hashable {
  /// One column wide.
  public var scalar: Unicode.Scalar
  /// Colour of the character.
  public var foreground: CellColor
  /// Colour behind it.
  public var background: CellColor
  /// SGR 5.
  public var blinks: Bool
  public init(
    _ scalar: Unicode.Scalar = " ", foreground: CellColor = .ansi(7), background: CellColor = .ansi(0),
    blinks: Bool = false
  ) {
    self.scalar = scalar
    self.foreground = foreground
    self.background = background
    self.blinks = blinks
  }
}

/// All places of the terminal at one moment.
public struct TerminalPicture: Sendable, Equatable {
  /// Width in cells, 1-1000.
  public let columns: Int
  /// Height in cells, 1-1000.
  public let rows: Int
  /// Row after row.
  public var cells: [TerminalCell]
  /// Column and row of the cursor, if it shows.
  public var cursor: (column: Int, row: Int)?

  public init(columns: Int, rows: Int) {
    self.columns = max(1, min(columns, 1000))
    self.rows = max(1, min(rows, 1000))
    cells = Array(repeating: TerminalCell(), count: self.columns * self.rows)
  }
  /// One cell; outside, reads give an empty one and writes are dropped.
  public subscript(column: Int, row: Int) -> TerminalCell {
    get {
      guard column >= 0, column < columns, row >= 0, row < rows else { return TerminalCell() }
      return cells[row * columns + column]
    }
    set { if column >= 0, column < columns, row >= 0, row < rows { cells[row * columns + column] = newValue } }
  }
  public static func == (a: Self, b: Self) -> Bool {
    a.columns == b.columns && a.rows == b.rows && a.cells == b.cells && a.cursor?.column == b.cursor?.column
      && a.cursor?.row == b.cursor?.row
  }
  /// Writes text over a row, in reverse colours.
  public mutating func write(status: String, row: Int) {
    for (column, scalar) in status.unicodeScalars.prefix(columns).enumerated() {
      self[column, row] = TerminalCell(scalar, foreground: .ansi(0), background: .ansi(7))
    }
  }
}
