import Devices
import Testing

@testable import TextConsole

private func screen(_ lines: [String], columns: Int = 10, attribute: UInt8 = 7, cursor: TextScreen.Position? = nil)
  -> TextScreen
{
  var cells: [TextScreen.Cell] = []
  for line in lines {
    let bytes = Array(line.utf8) + Array(repeating: 32, count: max(0, columns - line.utf8.count))
    cells += bytes.map { TextScreen.Cell(code: $0, attribute: attribute) }
  }
  return TextScreen(columns: columns, rows: lines.count, cells: cells, cursor: cursor)
}

@Suite struct TerminalPainterTests {
  private func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).replacing("\u{1b}", with: "^")
  }

  @Test func onlyChangedCellsAreSent() {
    var painter = TerminalPainter(depth: .ansi16)
    func paint(_ screen: TextScreen, columns: Int = 4, rows: Int = 2) -> String {
      text(painter.paint(ConsoleScreen.text(screen).picture(columns: columns, rows: rows)))
    }
    #expect(paint(screen(["ab", "c"], columns: 4)) == "^[0m^[2J^[1;1H^[0;37;40mab  ^[2;1Hc   ")
    #expect(paint(screen(["ab", "c"], columns: 4)) == "")
    #expect(paint(screen(["ab", "cd"], columns: 4)) == "^[2;2Hd")
    #expect(paint(screen(["xb", "cy"], columns: 4)) == "^[1;1Hx^[2;2Hy")
    // A cursor appears where the pen stands already.
    let cursor = TextScreen.Position(column: 2, row: 1)
    #expect(paint(screen(["xb", "cy"], columns: 4, cursor: cursor)) == "^[?25h")
    #expect(paint(screen(["xb", "cy"], columns: 4)) == "^[?25l")
    // Another size: all of it.
    #expect(paint(screen(["x"], columns: 1), columns: 1, rows: 1) == "^[0m^[2J^[1;1H^[0;37;40mx")
  }

  @Test func colorsChangeOrderBetweenVGAAndANSI() {
    #expect(CellColor.vga(1) == .ansi(4) && CellColor.vga(4) == .ansi(1) && CellColor.vga(14) == .ansi(11))
    #expect(CellColor.ansi(9).selection(background: true, .ansi16) == "101")
    #expect(CellColor.rgb(0xff8000).selection(background: false, .trueColor) == "38;2;255;128;0")
    #expect(CellColor.rgb(0xffffff).selection(background: false, .palette256) == "38;5;231")
    #expect(CellColor.rgb(0xff0000).selection(background: false, .ansi16) == "91")
    #expect(ColorDepth(term: "xterm-256color", colorTerm: nil) == .palette256)
  }

  @Test func attributesBecomeColorsAndBlinking() {
    let picture = ConsoleScreen.text(screen(["x"], columns: 1, attribute: 0x9e)).picture(columns: 1, rows: 1)
    #expect(picture[0, 0] == TerminalCell("x", foreground: .ansi(11), background: .ansi(4), blinks: true))
  }

  @Test func screensAreCentredOrFollowTheCursor() {
    let small = ConsoleScreen.text(screen(["ab"], columns: 2)).picture(columns: 6, rows: 3)
    #expect(small[2, 1].scalar == "a" && small[3, 1].scalar == "b")
    let lines = (0..<25).map { "row \($0)" }
    let large = screen(lines, columns: 10, cursor: .init(column: 0, row: 24))
    let picture = ConsoleScreen.text(large).picture(columns: 10, rows: 20)
    #expect(picture[4, 19].scalar == "2" && picture[5, 19].scalar == "4")
    #expect(picture.cursor?.row == 19)
    // Cursor at the top: the bottom is cut away.
    let top = ConsoleScreen.text(screen(lines, columns: 10, cursor: .init(column: 0, row: 0)))
    #expect(top.picture(columns: 10, rows: 20)[4, 0].scalar == "0")
  }

  @Test func graphicsShowBlocksAndANotice() {
    var frame = Frame(width: 640, height: 480, color: 0x112233)
    for x in 0..<640 { for y in 240..<480 { frame.pixels[y * 640 + x] = 0xffffff } }
    let picture = ConsoleScreen.graphics(frame).picture(columns: 80, rows: 25)
    #expect(picture[40, 0].scalar == "▀" && picture[40, 0].foreground == .rgb(0x112233))
    #expect(picture[40, 20].background == .rgb(0xffffff))
    let notice = String(String.UnicodeScalarView((0..<7).map { picture[$0, 24].scalar }))
    #expect(notice == "640x480")
    // Odd shapes and tiny terminals.
    for (columns, rows) in [(1, 1), (2, 1), (1, 9), (200, 2)] {
      _ = ConsoleScreen.graphics(Frame(width: 3000, height: 1)).picture(columns: columns, rows: rows, status: "status")
      _ = ConsoleScreen.text(screen(["abc"], columns: 3)).picture(columns: columns, rows: rows)
    }
  }
}

@Suite struct TerminalInputTests {
  private func chords(_ text: String) -> [String] {
    var input = TerminalInput()
    let names: [KeyMap.Key: String] = [
      KeyMap.control: "C", KeyMap.alt: "A", KeyMap.shift: "S",
    ]
    return (input.feed(Array(text.utf8)) + input.flush()).map { keys in
      keys.map { key in
        names[key] ?? KeyMap.scalar(.init(key: key, shift: false)).map(String.init)
          ?? KeyMap.keys.filter { $0.value == key }.keys.min() ?? "?"
      }.joined(separator: "-")
    }
  }

  @Test func charactersAndControls() {
    #expect(chords("aB\r\t\u{7f}") == ["a", "S-b", "enter", "tab", "backspace"])
    #expect(chords("\u{1}\u{3}\u{1c}\u{1f}\u{0}") == ["C-a", "C-c", "C-\\", "C--", "C- "])
  }
  @Test func sequencesOfCommonTerminals() {
    #expect(chords("\u{1b}[A\u{1b}OB\u{1b}[1;5C\u{1b}[1;3D") == ["up", "down", "C-right", "A-left"])
    #expect(chords("\u{1b}OP\u{1b}[15~\u{1b}[24;2~\u{1b}[[E") == ["f1", "f5", "S-f12", "f5"])
    #expect(chords("\u{1b}[3~\u{1b}[5~\u{1b}[H\u{1b}[4~\u{1b}[Z") == ["del", "pageup", "home", "end", "S-tab"])
  }
  @Test func escapeAloneAndAlt() {
    #expect(chords("\u{1b}") == ["esc"])
    #expect(chords("\u{1b}x\u{1b}\u{18}") == ["A-x", "A-C-x"])
    #expect(chords("\u{1b}\u{1b}") == ["esc", "esc"])
  }
  @Test func unknownInputIsDroppedAndTheNextKeyWorks() {
    #expect(chords("é☃\u{1b}[99zq") == ["q"])
    var input = TerminalInput()
    #expect(input.feed([0xff, 0xc3, 0x61, 0xe2, 0x98]).count == 1)
    // The unfinished character goes, the next one counts.
    #expect(input.feed([UInt8](repeating: 0x30, count: 100)).count == 100)
    let endless: [UInt8] = [0x1b, 0x5b] + [UInt8](repeating: 0x31, count: 100)
    _ = input.feed(endless)
    #expect(input.feed([0x61]).count == 1)
  }
}

@Suite struct ConsoleKeysTests {
  @Test func commandsFollowTheEscapeKey() {
    var keys = ConsoleKeys()
    #expect(keys.feed(Array("a".utf8)) == [.scanCodes([0x1e, 0x9e])])
    #expect(keys.feed([0x1d]) == [.awaitingCommand(true)])
    #expect(keys.feed(Array("q".utf8)) == [.awaitingCommand(false), .command(.quit)])
    #expect(keys.feed([0x1d, 0x53]) == [.awaitingCommand(true), .awaitingCommand(false), .command(.screenshot)])
    // Twice: the guest gets it.
    #expect(
      keys.feed([0x1d, 0x1d]) == [
        .awaitingCommand(true), .awaitingCommand(false), .scanCodes([0x1d, 0x1b, 0x9b, 0x9d]),
      ])
    #expect(keys.feed([0x1d, 0x31]) == [.awaitingCommand(true), .awaitingCommand(false)])
  }
}
