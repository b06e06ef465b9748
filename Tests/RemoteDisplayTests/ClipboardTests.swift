import Compression
import Foundation
import TestSupport
import Testing

@testable import RemoteDisplay

@Suite("Shared clipboards", .serialized) struct ClipboardTests {
  private func wait(_ condition: () -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: 30)
    while Date() < deadline {
      if condition() { return true }
      usleep(50_000)
    }
    return false
  }

  @Test("TigerVNC's viewers on two desktops share what is copied, whatever the letters")
  func realViewers() throws {
    let folders = [try TemporaryFolder(), try TemporaryFolder()]
    let path = folders[0].name("vnc")
    let server = try DisplayServer(
      at: .local(path), name: "vm", password: nil, source: FakeScreen(Screens.text(320, 200)))
    try server.start()
    defer { server.close() }
    let desktops = try folders.map { try Desktop($0) }
    let viewers = try desktops.map { try $0.launch(["xtigervncviewer", "-Shared", path], log: "viewer.log") }
    defer { for viewer in viewers { viewer.terminate() } }
    // A viewer hands over what was copied when it has the keyboard.
    for desktop in desktops { try desktop.tool(["windowfocus", "--sync", try desktop.waitForWindow("TigerVNC")]) }
    #expect(wait { server.viewerCount == 2 })
    for (from, to, text) in [
      (0, 1, "größer\nals ☃"), (1, 0, "und zurück"), (0, 1, String(repeating: "viel ", count: 2000)),
    ] {
      try desktops[from].copy(text)
      #expect(
        wait { desktops[to].clipboard == text },
        "\(desktops[to].clipboard ?? "nothing"): \(folders[from].text("viewer.log"))")
    }
  }

  /// As senders make it who keep their stream: flushed, without an end.
  private func flushed(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8) + [0]
    return DeflateStream()?.compress(Messages.long(bytes.count) + bytes) ?? []
  }
  @Test func streamsThatAreOnlyFlushedAreRead() {
    var viewer = Viewer.running(Picture(width: 10, height: 10), [Encoding.extendedClipboard])
    let data = flushed("über\r\n")
    viewer.receive([6, 0, 0, 0] + Messages.long(-(4 + data.count)) + [0x10, 0, 0, 1] + data)
    #expect(viewer.takeActions() == [.clipboard("über\n")])
    // Cut short, or nonsense: nothing.
    for broken in [Array(data.prefix(9)), [1, 2, 3, 4]] {
      viewer.receive([6, 0, 0, 0] + Messages.long(-(4 + broken.count)) + [0x10, 0, 0, 1] + broken)
    }
    #expect(viewer.takeActions() == [] && !viewer.isClosed)
  }

  @Test("a viewer is told, or handed, a text as it says it wants to be") func capabilities() {
    var viewer = Viewer.running(Picture(width: 10, height: 10), [Encoding.extendedClipboard])
    func caps(_ flags: UInt8, _ size: Int) -> [UInt8] {
      [6, 0, 0, 0] + Messages.long(-8) + [flags, 0, 0, 1] + Messages.long(size)
    }
    // Caps with provide alone: short texts come unasked, long ones not at all.
    viewer.receive(caps(0x11, 10))
    viewer.offerClipboard("short")
    #expect(Array(viewer.takeOutput().dropFirst(8).prefix(4)) == [0x10, 0, 0, 1])
    viewer.offerClipboard("longer than ten")
    #expect(viewer.takeOutput() == [])
    // With notify it asks for them.
    viewer.receive(caps(0x19, 10))
    viewer.offerClipboard("short again")
    #expect(viewer.takeOutput() == [3, 0, 0, 0] + Messages.long(-4) + [0x08, 0, 0, 1])
    viewer.receive(caps(0x01, 10))
    viewer.offerClipboard("nobody wants it")
    #expect(viewer.takeOutput() == [])
  }

  @Test func aBusyViewerIsToldLaterAndOfTheLastTextOnly() {
    var viewer = Viewer.running(Screens.noise(200, 200))
    viewer.receive(Messages.request(viewer.shown, incremental: false))
    viewer.update(Screens.noise(200, 200))
    #expect(viewer.output.count > Viewer.backlogLimit)
    let waiting = viewer.output.count
    for text in ["one", "two"] { viewer.offerClipboard(text) }
    #expect(viewer.output.count == waiting)
    viewer.output = []
    viewer.sendOwedClipboard()
    #expect(viewer.takeOutput() == [3, 0, 0, 0, 0, 0, 0, 3] + Array("two".utf8))
    viewer.sendOwedClipboard()
    #expect(viewer.takeOutput() == [])
  }
}
