import Base
import Testing

@testable import Devices

@Suite struct KeyMapTests {
  @Test func everyPrintableCharacterHasAStrokeThatTypesIt() throws {
    for value in 0x20..<0x7f as Range<UInt8> {
      let scalar = Unicode.Scalar(value)
      let stroke = try #require(KeyMap.stroke(scalar))
      #expect(KeyMap.scalar(stroke) == scalar)
    }
    #expect(KeyMap.stroke("é") == nil)
  }
  @Test func keysHaveCodesThatComeBack() {
    for (name, key) in KeyMap.keys {
      #expect((0x01...0x7f).contains(key.code), "\(name)")
      if name != "pause" { #expect(key.breakCodes.last.map { $0 & 0x80 } == 0x80, "\(name)") }
    }
  }
  @Test func textSynthesizesShift() throws {
    #expect(try KeyMap.scanCodes(typing: "aA\n") == [0x1e, 0x9e, 0x2a, 0x1e, 0x9e, 0xaa, 0x1c, 0x9c])
    #expect(throws: KeyMapError.noKeyFor("☃")) { try KeyMap.scanCodes(typing: "a☃") }
  }
  @Test func chordsPressInOrderAndReleaseInReverse() throws {
    #expect(
      try KeyMap.scanCodes(chord: "ctrl-alt-del") == [0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d])
    #expect(try KeyMap.scanCodes(chord: "F1") == [0x3b, 0xbb])
    #expect(try KeyMap.scanCodes(chord: "ctrl--") == [0x1d, 0x0c, 0x8c, 0x9d])
    #expect(try KeyMap.scanCodes(chord: "alt++") == [0x38, 0x2a, 0x0d, 0x8d, 0xaa, 0xb8])
    #expect(try KeyMap.scanCodes(chord: "pause") == [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5])
    #expect(throws: KeyMapError.unknownKey("entr", nearest: "enter")) { try KeyMap.scanCodes(chord: "entr") }
    #expect(throws: KeyMapError.self) { try KeyMap.scanCodes(chord: "") }
  }
}
