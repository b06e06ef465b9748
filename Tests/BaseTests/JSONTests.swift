import Base
import Testing

@Suite("JSON") struct JSONTests {
  @Test func writesWhatItReads() throws {
    let text = #"{"a":[1,-2,0.5,true,false,null],"b":{"c":"x\ny\"\\é😀"},"big":9223372036854775807}"#
    #expect(try JSON(parsing: text).text == text)
    #expect(try JSON(parsing: #"{"big":9223372036854775807}"#)["big"]?.integer == .max)
  }
  @Test func escapesAreDecoded() throws {
    #expect(try JSON(parsing: #""A\ud83d\ude00\/\b""#).string == "A😀/\u{8}")
    #expect(JSON.string("\u{1}\u{7f}").text == #""\u0001\u007f""#)
  }
  @Test func looseTextIsRefused() {
    let bad = [
      "", "{", "[1,]", "{\"a\":1,}", "01", "1.", "+1", ".5", "nul", "'a'", "[1] 2", "{\"a\":1,\"a\":2}", "\"\u{1}\"",
      "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"abc", "{1:2}", "1e999", "// x\n1", "[1 2]", "\"\\u12\"", "-",
    ]
    for text in bad { #expect(throws: JSON.ParseError.self, "\(text)") { try JSON(parsing: text) } }
    #expect(throws: JSON.ParseError.self) { try JSON(parsing: [0x22, 0xff, 0x22]) }
  }
  @Test func deepNestingIsRefusedWithoutExhaustingTheStack() {
    #expect(throws: JSON.ParseError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
  }
  @Test func membersCanBeSet() {
    var value: JSON = ["a": 1]
    value.set("b", "x")
    value.set("a", .number(.infinity))
    #expect(value.text == #"{"a":null,"b":"x"}"#)
  }
}
