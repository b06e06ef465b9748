import Base
import DeviceConformance
import Testing

@testable import Devices

@Suite("EDID") struct EDIDTests {
  private func word(_ bytes: [UInt8], _ at: Int) -> Int { Int(bytes[at]) | Int(bytes[at + 1]) << 8 }
  /// Width, height, and pictures a second of the detailed timing at an offset.
  private func timing(_ bytes: [UInt8], _ at: Int) -> [Int] {
    let width = Int(bytes[at + 2]) | Int(bytes[at + 4] >> 4) << 8
    let height = Int(bytes[at + 5]) | Int(bytes[at + 7] >> 4) << 8
    let blank = (Int(bytes[at + 3]) | Int(bytes[at + 4] & 15) << 8, Int(bytes[at + 6]) | Int(bytes[at + 7] & 15) << 8)
    let pixels = (width + blank.0) * (height + blank.1)
    return [width, height, (word(bytes, at) * 10_000 + pixels / 2) / pixels]
  }

  @Test func blocksAreWhatTheStandardSays() {
    let bytes = EDID(preferred: EDID.Size(width: 1400, height: 1050), memory: 64 << 20).bytes
    #expect(bytes.count == 256)
    for block in [bytes[..<128], bytes[128...]] { #expect(block.reduce(0, &+) == 0) }
    #expect(Array(bytes[..<8]) == [0, 255, 255, 255, 255, 255, 255, 0])
    // Three letters of five bits: "RBX". Version 1.4; one extension.
    let letters = [bytes[8] >> 2 & 31, bytes[8] << 3 & 24 | bytes[9] >> 5, bytes[9] & 31]
    #expect(String(decoding: letters.map { $0 + 0x40 }, as: UTF8.self) == "RBX")
    #expect(bytes[18] == 1 && bytes[19] == 4 && bytes[126] == 1)
    #expect(timing(bytes, 54) == [1400, 1050, 60])
    #expect(Array(bytes[90..<108]) == [0, 0, 0, 0xfc, 0] + Array("Ringbox\n     ".utf8))
    // The extension: CTA-861 revision 3, timings from byte 7, up to 4K.
    #expect(Array(bytes[128..<131]) == [2, 3, 7])
    #expect(timing(bytes, 135) == [3840, 2160, 60])
    // As CVT's reduced blanking has it: 533.25 MHz, 4000 x 2222.
    #expect(word(bytes, 135) == 53325)
  }

  @Test func onlyWhatFitsIntoTheVideoMemoryIsOffered() {
    let bytes = EDID(preferred: EDID.Size(width: 3840, height: 2160), memory: 4 << 20).bytes
    #expect(timing(bytes, 54) == [1024, 768, 60])
    // 1280x720 alone of the standard timings is small enough.
    #expect(Array(bytes[38..<54]) == [129, 0xc0] + [UInt8](repeating: 1, count: 14))
    #expect(timing(bytes, 135) == [1280, 800, 60] && word(bytes, 153) == 0)
  }

  @Test func impossibleWishesAreBroughtIntoWhatCanBeSaid() {
    for (wish, said) in [
      (EDID.Size(width: 16384, height: 16384), [4088, 2304]), (EDID.Size(width: 0, height: -5), [64, 64]),
      (EDID.Size(width: 1366, height: 768), [1360, 768]),
    ] {
      let bytes = EDID(preferred: wish, memory: 64 << 20).bytes
      let shown = timing(bytes, 54)
      // Clocks are told in steps, which are long for a tiny picture.
      #expect(Array(shown[..<2]) == said && (50...60).contains(shown[2]), "\(shown)")
      #expect(bytes[..<128].reduce(0, &+) == 0)
    }
  }

  @Test func theHostsWishIsThePreferredTimingAndOutlivesAReset() {
    let host = FakeServices()
    var vga = VGA(memory: VideoMemory(size: 16 << 20))
    var mode = DisplayModeHint()
    (mode.width, mode.height) = (1152, 864)
    let isHeard = vga.hint(mode, display: 0, host)
    #expect(isHeard)
    #expect(timing(vga.edid.bytes, 54) == [1152, 864, 60])
    vga.reset(host)
    #expect(timing(vga.edid.bytes, 54) == [1152, 864, 60])
    // There is one monitor, and it stays.
    let isHeardOfAnother = vga.hint(mode, display: 1, host)
    #expect(!isHeardOfAnother)
    mode.isEnabled = false
    let isHeardWhenGone = vga.hint(mode, display: 0, host)
    #expect(!isHeardWhenGone)
    // VMware's adapter has no place for an EDID.
    var other = VGA(memory: VideoMemory(size: 16 << 20), kind: VGA.Kind(.vmSVGA))
    mode.isEnabled = true
    let isHeardByVMware = other.hint(mode, display: 0, host)
    #expect(!isHeardByVMware)
  }
}
