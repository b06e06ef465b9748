/// Draws pictures on a terminal by sending only what changed.
///
/// Spec: ECMA-48, 8.3.21 (CUP), 8.3.117 (SGR); DEC private mode 25 (cursor).
public struct TerminalPainter {
  private let depth: ColorDepth
  private var shown: TerminalPicture?
  private var cursorVisible = false
  /// Place and attributes that the terminal is known to be at; nil when unknown.
  private var pen: (column: Int, row: Int)?
  private var style: TerminalCell?
  public init(depth: ColorDepth) { self.depth = depth }

  /// The next picture is drawn in full.
  public mutating func invalidate() {
    shown = nil
    pen = nil
    style = nil
  }

  /// Bytes that turn the last picture into `picture`; empty when nothing changed.
  public mutating func paint(_ picture: TerminalPicture) -> [UInt8] {
    guard picture != shown else { return [] }
    var output = ""
    let old = shown.flatMap { $0.columns == picture.columns && $0.rows == picture.rows ? $0 : nil }
    if old == nil {
      pen = nil
      style = nil
      output += "\u{1b}[0m\u{1b}[2J"
    }
    for row in 0..<picture.rows {
      for column in 0..<picture.columns {
        let cell = picture[column, row]
        if let old, old[column, row] == cell { continue }
        draw(cell, column, row, picture.columns, &output)
      }
    }
    finish(picture.cursor, &output)
    shown = picture
    return Array(output.utf8)
  }

  private mutating func draw(_ cell: TerminalCell, _ column: Int, _ row: Int, _ columns: Int, _ output: inout String) {
    if pen?.column != column || pen?.row != row { output += "\u{1b}[\(row + 1);\(column + 1)H" }
    let same =
      style?.foreground == cell.foreground && style?.background == cell.background && style?.blinks == cell.blinks
    if style == nil || !same {
      let colors =
        "\(cell.foreground.selection(background: false, depth));\(cell.background.selection(background: true, depth))"
      output += "\u{1b}[0;\(cell.blinks ? "5;" : "")\(colors)m"
      style = cell
    }
    output.unicodeScalars.append(cell.scalar)
    // Where the pen stands after the last column differs between terminals.
    pen = column + 1 < columns ? (column + 1, row) : nil
  }

  private mutating func finish(_ cursor: (column: Int, row: Int)?, _ output: inout String) {
    guard let cursor else {
      if cursorVisible { output += "\u{1b}[?25l" }
      cursorVisible = false
      return
    }
    if pen?.column != cursor.column || pen?.row != cursor.row {
      output += "\u{1b}[\(cursor.row + 1);\(cursor.column + 1)H"
      pen = cursor
    }
    if !cursorVisible { output += "\u{1b}[?25h" }
    cursorVisible = true
  }
}
