import DeviceConformance
import Foundation
import Testing

@testable import RemoteDisplay

@Suite("Viewer fuzz") struct ViewerFuzzTests {
  @Test("whatever bytes come, memory stays bounded and nothing traps") func bytes() {
    // RINGBOX_FUZZ_SECONDS makes a long run of it, with other bytes each time.
    let seconds = ProcessInfo.processInfo.environment["RINGBOX_FUZZ_SECONDS"].flatMap { Double($0) }
    let end = Date(timeIntervalSinceNow: seconds ?? 0)
    var generator = SeededGenerator(seed: seconds == nil ? 42 : .random(in: 0...(.max)))
    let screen = Screens.noise(40, 30)
    let types: [UInt8] = [0, 2, 3, 4, 5, 6, 150, 248, 251, 255]
    var round = 0
    while round < 3000 || Date() < end {
      round += 1
      var viewer = Viewer(
        name: "vm", password: round % 3 == 0 ? "pw" : nil, challenge: [UInt8](repeating: 7, count: 16), screen: screen)
      if round % 5 != 0 { viewer.receive(Array("RFB 003.008\n".utf8) + [1, 1]) }
      if round % 7 == 0 {
        viewer.receive(
          Messages.encodings([16, 5, 1, -239, -223, -308, -312, -313, -258, -257, Encoding.extendedClipboard]))
      }
      for _ in 0..<30 {
        var bytes = (0..<Int(generator.next() % 40)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        if !bytes.isEmpty, generator.next() % 4 != 0 {
          bytes[0] = types[Int(generator.next() % UInt64(types.count))]
          // Mostly small lengths, so that messages end.
          for index in bytes.indices.dropFirst() where generator.next() % 2 == 0 { bytes[index] = 0 }
        }
        if generator.next() % 5 == 0, bytes.count > 4 {
          // An extended clipboard of the right length, with flags that mean something.
          let flags = 1 << (24 + Int(generator.next() % 5)) | 1
          bytes = [6, 0, 0, 0] + Messages.long(-(bytes.count)) + Messages.long(flags) + bytes.dropFirst(4)
        }
        viewer.receive(bytes)
        viewer.offerClipboard("round \(round)")
        viewer.update(round % 2 == 0 ? screen : Screens.solid(50, 20, UInt32(round)))
        _ = viewer.takeActions()
        #expect(viewer.output.count < 1 << 20)
        if generator.next() % 3 == 0 { viewer.output = [] }
      }
    }
  }
}
