import Base
import Foundation
import HostSystem
import TestSupport
import Testing

/// What a machine leaves behind and shows besides its serial port.
@Suite("a machine's outputs") struct OutputTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func firmware(_ code: [UInt8]) throws -> [String] {
    ["--memory", "1M", "--firmware", try folder.write("rom", TinyFirmware.image(code))]
  }
  private static let pngSignature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  @Test func screenshotIsWrittenAtTheEndAndOnTheSignal() throws {
    let path = folder.name("screen.png")
    let code = TinyFirmware.printing("up") + TinyFirmware.halt
    let vm = try VM.launch(arguments: ["--screenshot", path] + (try firmware(code)))
    try vm.waitForSerial("up", timeout: 20)
    #expect(folder.bytes("screen.png").isEmpty)
    vm.signal(SIGUSR1)
    let deadline = Date(timeIntervalSinceNow: 20)
    while folder.bytes("screen.png").isEmpty, Date() < deadline { usleep(20_000) }
    #expect(folder.bytes("screen.png").starts(with: OutputTests.pngSignature))
    try FileManager.default.removeItem(atPath: path)
    #expect(try vm.quit() == 5)
    #expect(folder.bytes("screen.png").starts(with: OutputTests.pngSignature))
  }

  @Test func debugConsoleGoesWhereItIsTold() throws {
    let code = TinyFirmware.debugging("to the developer") + TinyFirmware.powerOff
    let log = folder.name("debug.log")
    let result = try RingboxProgram.run(
      ["run", "--serial", "none", "--debugcon", "file:\(log)"] + (try firmware(code)))
    #expect(result.status == 0, "\(result.errors)")
    #expect(folder.text("debug.log") == "to the developer")
    let second = try RingboxProgram.run(
      ["run", "--serial", "none", "--debugcon", "stdio"] + (try firmware(code)))
    #expect(second.output == "to the developer")
  }

  @Test func serialPortOverTCPCarriesBothWays() throws {
    // A port that is free now; the machine refuses with a message if somebody takes it meanwhile.
    let port = UInt16.random(in: 20_000..<60_000)
    let vm = try VM.launch(arguments: ["--serial", "tcp:\(port)"] + (try firmware(TinyFirmware.echo)))
    let stream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(stream) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(stream, $0, size) }
    }
    try #require(connected == 0)
    #expect(write(stream, "abc", 3) == 3)
    var answer: [UInt8] = []
    let deadline = Date(timeIntervalSinceNow: 20)
    while answer.count < 3, Date() < deadline {
      var byte: UInt8 = 0
      if read(stream, &byte, 1) == 1 { answer.append(byte) }
    }
    #expect(answer == Array("abc".utf8))
    #expect(try vm.quit() == 5)
  }

  @Test func mediaAreChangedThroughTheControlChannel() throws {
    let floppy = try folder.write("a.img", [UInt8](repeating: 0, count: 1440 << 10))
    let disc = try folder.write("b.iso", [UInt8](repeating: 0, count: 64 << 11))
    let code = TinyFirmware.printing("up") + TinyFirmware.halt
    let vm = try VM.launch(arguments: ["--floppy", floppy, "--cdrom", disc] + (try firmware(code)))
    try vm.waitForSerial("up", timeout: 20)
    for (drive, path) in [("floppy0", floppy), ("cdrom0", disc)] {
      try vm.control.command("eject", ["drive": .string(drive)])
      #expect(try vm.control.waitForEvent("medium-changed", timeout: 10)["path"] == .null)
      try vm.control.command("insert", ["drive": .string(drive), "path": .string(path)])
      #expect(try vm.control.waitForEvent("medium-changed", timeout: 10)["path"]?.string == path)
      #expect(throws: ControlClient.Failed.self) {
        try vm.control.command("insert", ["drive": .string(drive), "path": .string(path + ".absent")])
      }
    }
    #expect(throws: ControlClient.Failed.self) { try vm.control.command("eject", ["drive": "disk0"]) }
    #expect(try vm.quit() == 5)
  }
}
