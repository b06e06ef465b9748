import Foundation
import TestSupport
import Testing

/// The web manager in a real browser, used as a person would.
@Suite("web manager", .serialized) struct WebManagerTests {
  private let service: ServiceUnderTest
  init() throws { service = try ServiceUnderTest() }

  /// Makes a machine, boots it, types into its console, takes, restores and deletes a snapshot, removes it.
  @Test(.timeLimit(.minutes(10))) func aMachinesLifeInABrowser() throws {
    try browse([])
  }

  /// A terminal on a machine's serial port: what it shows, what is typed, several pages.
  @Test(.timeLimit(.minutes(10))) func aSerialPortIsATerminal() throws {
    let assets = ProcessInfo.processInfo.environment["RINGBOX_ASSETS"] ?? ".build/guest-assets"
    let machines = service.machines
    _ = try machines.output(["createvm", "--name", "serial", "--ostype", "Debian_64", "--register"])
    _ = try machines.output(["modifyvm", "serial", "--memory", "256", "--nic1", "none", "--uart1", "0x3F8", "4"])
    let current = FileManager.default.currentDirectoryPath
    let folder = assets.hasPrefix("/") ? assets : "\(current)/\(assets)"
    for (key, value) in [
      ("Kernel", "\(folder)/amd64/linux"), ("Initrd", "\(folder)/amd64/busybox.gz"), ("Append", "console=ttyS0 quiet"),
    ] {
      _ = try machines.output(["setextradata", "serial", "Ringbox/\(key)", value])
    }
    _ = try machines.output(["startvm", "serial", "--type", "headless"])
    try browse([try #require(try machines.info("serial", "UUID"))])
    _ = try machines.output(["controlvm", "serial", "poweroff"])
  }

  private func browse(_ words: [String]) throws {
    let url = try service.machines.output(["web"]).trimmingCharacters(in: .whitespacesAndNewlines)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "Tools/web-manager-test.py", url, service.folder.path] + words
    let output = try service.folder.file("browser.out")
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nowhere
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(service.folder.text("browser.out"))")
  }
}
