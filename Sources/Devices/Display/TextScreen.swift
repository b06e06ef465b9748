import Base

/// What a text mode shows, as values: character cells, cursor, colours.
public struct TextScreen: Sendable, Equatable {
  /// One character cell, as it lies in planes 0 and 1.
  public struct Cell: Sendable, Equatable {
    /// Code page 437.
    public var code: UInt8
    /// Foreground in bits 3-0, background in bits 6-4, blinking or a bright background in bit 7.
    public var attribute: UInt8
    public init(code: UInt8, attribute: UInt8) {
      self.code = code
      self.attribute = attribute
    }
    /// The character as Unicode.
    public var scalar: Unicode.Scalar { CodePage437.scalar(code) }
  }
  /// A cell of the screen, counted from 0 at the top left.
  public struct Position: Sendable, Equatable {
    /// From the left.
    public var column: Int
    /// From the top.
    public var row: Int
    public init(column: Int, row: Int) {
      self.column = column
      self.row = row
    }
  }

  /// Cells of a row; at least 1.
  public var columns: Int
  /// Rows; at least 1.
  public var rows: Int
  /// Row after row.
  public var cells: [Cell]
  /// Nil while the cursor is off or outside the screen.
  public var cursor: Position?
  /// Attribute bit 7 means blinking.
  public var blinkEnabled: Bool
  /// 0x00RRGGBB of the 16 colours.
  public var palette: [UInt32]

  public init(
    columns: Int, rows: Int, cells: [Cell], cursor: Position? = nil, blinkEnabled: Bool = true,
    palette: [UInt32] = TextScreen.standardPalette
  ) {
    self.columns = max(1, columns)
    self.rows = max(1, rows)
    let missing = max(0, self.columns * self.rows - cells.count)
    self.cells = cells.prefix(self.columns * self.rows) + Array(repeating: Cell(code: 32, attribute: 7), count: missing)
    self.cursor = cursor
    self.blinkEnabled = blinkEnabled
    self.palette = palette
  }

  /// The colours of the colour graphics adapter.
  public static let standardPalette: [UInt32] = [
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
  ]

  /// The screen of a VGA; nil in graphics modes and while the display is off.
  public init?(_ registers: VGARegisters, _ memory: VideoMemory) {
    guard registers.scanout == nil, !registers.dispi.enabled, !registers.isGraphics, !registers.isBlanked else {
      return nil
    }
    let columns = registers.columns
    let height = registers.rowHeight << (registers.scanDoubling ? 1 : 0)
    let rows = max(1, registers.scanLines / height)
    let splitRow = registers.lineCompare < registers.scanLines ? (registers.lineCompare + height) / height : .max
    var cells: [Cell] = []
    cells.reserveCapacity(columns * rows)
    var cursor: Position?
    let start = registers.startAddress + Int(registers.crtc[8] >> 5 & 3)
    for row in 0..<rows {
      let first = row < splitRow ? start + row * registers.rowOffset : (row - splitRow) * registers.rowOffset
      for column in 0..<columns {
        let address = (first + column) & 0xffff
        let planes = memory.loadPlanes(address)
        cells.append(
          Cell(code: UInt8(truncatingIfNeeded: planes), attribute: UInt8(truncatingIfNeeded: planes >> 8)))
        if address == registers.cursorAddress, cursor == nil { cursor = Position(column: column, row: row) }
      }
    }
    let shape = registers.crtc
    // CRA bit 5 switches the cursor off; a start below the end shows none.
    if shape[0x0a] & 0x20 != 0 || shape[0x0a] & 0x1f > shape[0x0b] & 0x1f { cursor = nil }
    self.init(
      columns: columns, rows: rows, cells: cells, cursor: cursor, blinkEnabled: registers.blinkEnabled,
      palette: registers.attributeColors)
  }

  /// Whether the display is switched off, in whatever mode.
  public static func isOff(_ registers: VGARegisters) -> Bool { registers.isBlanked }

  /// One cell; an empty one outside the screen.
  public subscript(column: Int, row: Int) -> Cell {
    guard column >= 0, column < columns, row >= 0, row < rows else { return Cell(code: 0, attribute: 0) }
    return cells[row * columns + column]
  }
  /// Colour number of the character, 0-15.
  public func foreground(_ cell: Cell) -> UInt8 { cell.attribute & 15 }
  /// Colour number behind it, 0-15, or 0-7 while attribute bit 7 means blinking.
  public func background(_ cell: Cell) -> UInt8 { cell.attribute >> 4 & (blinkEnabled ? 7 : 15) }
  /// Whether the character blinks.
  public func blinks(_ cell: Cell) -> Bool { blinkEnabled && cell.attribute & 0x80 != 0 }

  /// One row as a string, without the blanks at its end.
  public func line(_ row: Int) -> String {
    guard row >= 0, row < rows else { return "" }
    var scalars = cells[(row * columns)..<((row + 1) * columns)].map(\.scalar)
    while scalars.last == " " { scalars.removeLast() }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }
  /// All rows, without blanks at their ends and empty rows at the end of the screen.
  public var text: String {
    var lines = (0..<rows).map(line)
    while lines.last == "" { lines.removeLast() }
    return lines.joined(separator: "\n")
  }

  /// Where `wanted` first appears within a row, or, going on from row to row as long lines do on a console, across rows.
  public func find(_ wanted: String) -> Position? {
    let pattern = Array(wanted.unicodeScalars)
    guard !pattern.isEmpty, pattern.count <= cells.count else { return nil }
    for first in 0...(cells.count - pattern.count)
    where pattern.indices.allSatisfy({ cells[first + $0].scalar == pattern[$0] }) {
      return Position(column: first % columns, row: first / columns)
    }
    return nil
  }
  /// Whether `wanted` is on the screen; see `find`.
  public func contains(_ wanted: String) -> Bool { find(wanted) != nil }
}
