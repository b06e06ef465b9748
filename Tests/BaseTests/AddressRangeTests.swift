import Base
import Testing

@Suite("address ranges") struct AddressRangeTests {
  @Test func threeFormsAreRead() {
    #expect(AddressRange(parsing: "0x1000-0x2000") == AddressRange(start: 0x1000, last: 0x1fff))
    #expect(AddressRange(parsing: "0x1000+16") == AddressRange(start: 0x1000, last: 0x100f))
    #expect(AddressRange(parsing: "4096") == AddressRange(start: 4096, last: 4096))
    #expect(AddressRange(parsing: "0xffffffffffffffff")?.last == .max)
    #expect(AddressRange(parsing: "0xffffffff81000000-0xffffffffffffffff")?.last == UInt64.max - 1)
  }
  @Test func nonsenseIsRefused() {
    for text in [
      "", "-", "+", "x", "0x", "1-", "-1", "+1", "2-1", "1-1", "1+0", "1+-1", "0x1g", "1-2-3", "1 - 2",
      "0xffffffffffffffff+2", "99999999999999999999", "٣",
    ] { #expect(AddressRange(parsing: text) == nil, "\(text)") }
  }
  @Test func overlapCountsBothEnds() throws {
    let range = try #require(AddressRange(start: 0x100, last: 0x1ff))
    #expect(range.overlaps(0xff, count: 2) && range.overlaps(0x1ff, count: 1) && range.overlaps(0, count: .max))
    #expect(!range.overlaps(0xff, count: 1) && !range.overlaps(0x200, count: 1) && !range.overlaps(0x100, count: 0))
    #expect(AddressRange.all.overlaps(.max, count: 2))
  }
}
