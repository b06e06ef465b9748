import Base
import Devices

/// What the guest shows, as the terminal needs it.
public enum ConsoleScreen: Sendable {
  case text(TextScreen)
  case graphics(Frame)
  /// Nothing to see: display off, machine paused.
  case notice(String)

  /// The screen of a VGA; `renderer` keeps the last picture.
  public init(
    _ registers: VGARegisters, _ memory: VideoMemory, time: VirtualTime, renderer: inout ScreenRenderer
  ) {
    if let text = TextScreen(registers, memory) {
      self = .text(text)
    } else if TextScreen.isOff(registers) {
      self = .notice("the guest's display is off")
    } else {
      self = .graphics(renderer.render(registers, memory, time: time))
    }
  }

  /// Laid out for a terminal: centred when that is larger, cut when it is smaller, then following the cursor.
  /// `status` covers the bottom row.
  public func picture(columns: Int, rows: Int, status: String? = nil) -> TerminalPicture {
    var picture = TerminalPicture(columns: columns, rows: rows)
    switch self {
    case .text(let screen): ConsoleScreen.place(screen, &picture)
    case .graphics(let frame):
      ConsoleScreen.place(frame, &picture)
      picture.write(
        status: "\(frame.width)x\(frame.height) graphics, shown in blocks; Ctrl-] s saves a picture",
        row: picture.rows - 1)
    case .notice(let text):
      let column = max(0, (picture.columns - text.unicodeScalars.count) / 2)
      for (offset, scalar) in text.unicodeScalars.enumerated() {
        picture[column + offset, picture.rows / 2] = TerminalCell(scalar)
      }
    }
    if let status { picture.write(status: status, row: picture.rows - 1) }
    return picture
  }

  private static func place(_ screen: TextScreen, _ picture: inout TerminalPicture) {
    let left = max(0, (picture.columns - screen.columns) / 2)
    let top = max(0, (picture.rows - screen.rows) / 2)
    // Cut away as little as keeps the cursor in sight.
    let firstColumn = max(0, min((screen.cursor?.column ?? 0) - picture.columns + 1, screen.columns - picture.columns))
    let firstRow = max(0, min((screen.cursor?.row ?? 0) - picture.rows + 1, screen.rows - picture.rows))
    let colors = (0..<16).map { index -> CellColor in
      // Palettes that the guest did not change are the terminal's own colours, which its user chose.
      let usual = screen.palette[index] == TextScreen.standardPalette[index]
      return usual ? .vga(UInt8(index)) : .rgb(screen.palette[index])
    }
    for row in 0..<min(screen.rows, picture.rows) {
      for column in 0..<min(screen.columns, picture.columns) {
        let cell = screen[firstColumn + column, firstRow + row]
        picture[left + column, top + row] = TerminalCell(
          cell.scalar, foreground: colors[Int(screen.foreground(cell))],
          background: colors[Int(screen.background(cell))],
          blinks: screen.blinks(cell))
      }
    }
    if let cursor = screen.cursor, cursor.column >= firstColumn, cursor.row >= firstRow {
      picture.cursor = (left + cursor.column - firstColumn, top + cursor.row - firstRow)
    }
  }

  /// Half blocks: each cell shows two pixels, one above the other. Keeps the shape, cells being twice as high as wide.
  private static func place(_ frame: Frame, _ picture: inout TerminalPicture) {
    let availableRows = max(1, picture.rows - 1)
    let width = max(1, min(picture.columns, availableRows * 2 * frame.width / frame.height))
    let height = max(2, min(availableRows * 2, picture.columns * frame.height / frame.width)) & ~1
    let left = (picture.columns - width) / 2
    let top = (availableRows - height / 2) / 2
    func sample(_ x: Int, _ y: Int) -> CellColor {
      .rgb(frame[(2 * x + 1) * frame.width / (2 * width), (2 * y + 1) * frame.height / (2 * height)])
    }
    for row in 0..<(height / 2) {
      for column in 0..<width {
        picture[left + column, top + row] = TerminalCell(
          "▀", foreground: sample(column, row * 2), background: sample(column, row * 2 + 1))
      }
    }
  }
}
