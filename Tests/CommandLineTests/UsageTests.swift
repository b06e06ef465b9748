import Base
import Foundation
import TestSupport
import Testing

/// Runs `ringbox` and expects one line on standard error, the given status and words, and nothing on standard output.
func expectRefusal(
  _ arguments: [String], status: Int32, _ words: String..., location: SourceLocation = #_sourceLocation
) throws {
  let result = try RingboxProgram.run(arguments)
  let shown = Comment(rawValue: "\(arguments): \(result.status) '\(result.errors)'")
  #expect(result.status == status, shown, sourceLocation: location)
  #expect(result.output == "", shown, sourceLocation: location)
  #expect(result.errors.hasPrefix("ringbox: ") && result.errors.hasSuffix("\n"), shown, sourceLocation: location)
  #expect(result.errors.filter(\.isNewline).count == 1, shown, sourceLocation: location)
  for word in words { #expect(result.errors.contains(word), shown, sourceLocation: location) }
}

@Suite("wrong usage") struct UsageTests {
  @Test func unknownWordsComeWithTheNearestMatch() throws {
    try expectRefusal(["run", "--memry", "5M"], status: 2, "--memry", "'--memory'")
    try expectRefusal(["ran"], status: 2, "'ran'", "did you mean 'run'")
    try expectRefusal(["run", "--cpu", "x86-64-v9"], status: 2, "x86-64-v9", "did you mean", "pentium")
    try expectRefusal(["run", "--cpu", "host,-avxx"], status: 2, "avxx", "did you mean 'avx'")
    try expectRefusal(["run", "--engine", "interpeter"], status: 2, "did you mean 'interpreter'")
    try expectRefusal(["run", "--engine", "kvm"], status: 2, "kvm", "there are: recompiler, interpreter")
    try expectRefusal(["run", "--serial", "stdi"], status: 2, "did you mean 'stdio'")
    try expectRefusal(["run", "--exit-on", "rest"], status: 2, "did you mean 'reset'")
    try expectRefusal(["run", "--rtc", "utcc"], status: 2, "did you mean 'utc'")
    try expectRefusal(["run", "--disk", "x,if=virtoi"], status: 2, "did you mean 'virtio'")
    try expectRefusal(["run", "--disk", "x,readnly"], status: 2, "did you mean 'readonly'")
    try expectRefusal(["run", "--display", "txt"], status: 2, "did you mean 'text'")
  }

  @Test func impossibleNumbersAreRefused() throws {
    for memory in ["0", "0M", "-1M", "512", "M", "", "1.5G", "99999999999999G", "2T", "1537K"] {
      try expectRefusal(["run", "--memory=\(memory)"], status: 2, "--memory")
    }
    for cpus in ["0", "65", "-1", "two", ""] { try expectRefusal(["run", "--cpus=\(cpus)"], status: 2, "--cpus") }
    for seed in ["-1", "x", "", "1.5", "18446744073709551616"] {
      try expectRefusal(["run", "--deterministic=\(seed)"], status: 2, "--deterministic")
    }
    for number in ["0", "-1", "x", ""] {
      let limit = "--stop-at-instructions=\(number)"
      try expectRefusal(["run", "--deterministic", "1", limit], status: 2, "--stop-at-instructions")
    }
    try expectRefusal(["run", "--stop-at-instructions", "1"], status: 2, "needs --deterministic")
    for port in ["0", "65536", "x", ""] { try expectRefusal(["run", "--serial", "tcp:\(port)"], status: 2, "tcp") }
  }

  @Test func networkCardsAreCheckedBeforeAnythingStarts() throws {
    for (card, word) in [
      ("natt", "did you mean 'nat'"), ("nat,modl=e1000", "did you mean 'model'"), ("nat,model=e100", "'e1000'"),
      ("nat,model", "needs a value"), ("nat,mac=01:00:00:00:00:00", "no address"), ("nat,mac=", "needs a value"),
      ("nat,hostfwd=tcp:22", "expected tcp|udp"), ("nat,net=10.0.2.7/24", "did you mean 10.0.2.0/24"),
      ("nat,rate=10", "unit"), ("nat,cable=maybe", "on, off"), ("udp,local=:1", "remote"),
      ("intnet,hostfwd=x", "setting"),
      ("udp,local=x,remote=y", "ADDRESS:PORT"), ("nat,model=e1000,model=pcnet", "twice"), ("bridged", "needs dev="),
      ("null,net=a", "setting"),
    ] { try expectRefusal(["run", "--nic", card], status: 2, word) }
    try expectRefusal(["run", "--nic", "intnet,net=" + String(repeating: "n", count: 256)], status: 1, "name")
    try expectRefusal(["run", "--nic", "bridged,dev=nosuchtap"], status: 1, "nosuchtap")
    let same = "null,mac=08:00:27:00:00:01"
    try expectRefusal(["run", "--nic", same, "--nic", same], status: 2, "same MAC")
    try expectRefusal(["run"] + Array(repeating: ["--nic", "null"], count: 9).flatMap { $0 }, status: 2, "8 network")
    try expectRefusal(["run", "--nic", "null,rom=/nonexistent.rom"], status: 1, "network boot ROM", "No such file")
    try expectRefusal(["run", "--nic", "null,pcap=/nonexistent/x"], status: 1, "/nonexistent/x")
  }

  @Test func viewersNeedAnAddressAndOutsideAPassword() throws {
    for (place, word) in [
      ("5901", "ADDRESS:PORT"), ("127.0.0.1:0", "ADDRESS:PORT"), ("127.0.0:1", "ADDRESS:PORT"), ("unix:", "path"),
      ("0.0.0.0:5901", "needs a password"), ("127.0.0.1:5901,password=", "1 to 8"),
      ("127.0.0.1:5901,password=longerthaneight", "1 to 8"), (":5901,pasword=x", "did you mean 'password'"),
    ] { try expectRefusal(["run", "--vnc", place], status: 2, word) }
    try expectRefusal(["run", "--vnc", ":5901,password-file=/nonexistent"], status: 1, "/nonexistent")
    try expectRefusal(["run", "--vnc", "unix:/nonexistent/socket"], status: 1, "vnc", "/nonexistent/socket")
  }

  @Test func combinationsThatMakeNoSenseAreRefused() throws {
    try expectRefusal(["run", "--initrd", "x"], status: 2, "--kernel")
    try expectRefusal(["run", "--append", "quiet"], status: 2, "--kernel")
    try expectRefusal(["run", "--text", "--serial", "stdio"], status: 2, "terminal")
    try expectRefusal(["run", "--serial", "stdio", "--serial", "stdio"], status: 2, "only one")
    try expectRefusal(["run"] + Array(repeating: ["--serial", "none"], count: 5).flatMap { $0 }, status: 2, "4 ports")
    try expectRefusal(["run", "--boot", "cx"], status: 2, "'x'")
    try expectRefusal(["run", "--boot", "cc"], status: 2, "once")
    try expectRefusal(["run", "--control", "/tmp/x"], status: 2, "unix:PATH")
    try expectRefusal(["run", "--control", "unix:/" + String(repeating: "x", count: 200)], status: 2, "107")
    try expectRefusal(["run", "--serial", "file:"], status: 2, "file:PATH")
    try expectRefusal(["run", "surplus"], status: 2, "surplus")
    try expectRefusal(["run", "--memory"], status: 2, "--memory")
  }

  @Test func helpVersionAndProfilesAreShown() throws {
    let help = try RingboxProgram.run(["--help"])
    #expect(help.status == 0 && help.output.contains("run"))
    #expect(try RingboxProgram.run(["run", "--help"]).output.contains("--kernel"))
    #expect(try RingboxProgram.run(["version"]).output.hasPrefix("ringbox "))
    let list = try RingboxProgram.run(["list-cpus", "--json"])
    let profiles = try JSON(parsing: list.output)["profiles"]?.array ?? []
    #expect(profiles.contains { $0["name"] == "x86-64-v2" && $0["features"]?.array?.contains("sse4_2") == true })
  }

  @Test func machineProgramRefusesToBeStartedByHand() throws {
    let program = try RingboxProgram.path() + "-vm"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 2)
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text.contains("ringbox run"))
  }
}
