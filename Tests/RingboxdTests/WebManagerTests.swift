import Foundation
import TestSupport
import Testing

/// The web manager in a real browser, used as a person would.
@Suite("web manager", .serialized) struct WebManagerTests {
  private let service: ServiceUnderTest
  init() throws { service = try ServiceUnderTest() }

  /// Makes a machine, boots it, types into its console, takes, restores and deletes a snapshot, removes it.
  @Test(.timeLimit(.minutes(10))) func aMachinesLifeInABrowser() throws {
    let url = try service.machines.output(["web"]).trimmingCharacters(in: .whitespacesAndNewlines)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "Tools/web-manager-test.py", url, service.folder.path]
    let output = try service.folder.file("browser.out")
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(service.folder.text("browser.out"))")
  }
}
