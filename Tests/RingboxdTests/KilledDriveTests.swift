import Foundation
import TestSupport
import Testing

@testable import Service

/// Drives of a machine that runs, where whoever changes them, or the machine's process, is killed in front of each call that
/// changes a file. Whatever the moment, settings and process agree once the next command has begun: the drive is as before
/// or as after, and no image is left over or missing.
@Suite("drives changed live, killed at every write", .serialized) struct KilledDriveTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var place: String, medium: String
    /// Said again after it was done, it complains.
    var isRefusedTwice: Bool { medium == "none" }
    var testDescription: String { "\(medium) at \(place)" }
    init(_ place: String, _ medium: String) { (self.place, self.medium) = (place, medium) }
  }
  /// `@`: the folder.
  static let cases = [
    Case("SATA 2", "@/new.vdi"), Case("SATA 2", "@/base.vdi"), Case("SATA 2", "@/shared.vdi"),
    Case("SATA 2", "@/one.iso"),
    Case("SATA 1", "none"), Case("SATA 1", "@/new.vdi"), Case("SATA 3", "none"), Case("SATA 3", "@/new.vdi"),
    Case("IDE 1", "@/two.iso"), Case("IDE 1", "emptydrive"),
  ]

  private let folder: TemporaryFolder
  private let environment: [String: String]
  private let program: String
  private var data: String { folder.name("data") }
  private var pristine: String { folder.name("pristine") }
  private let registry: Registry

  /// The machine `m`: a disk that stays, one that may go, an image over an immutable disk that may go, a CD.
  init() throws {
    folder = try TemporaryFolder()
    let target = try RingboxProgram.path()
    let whole = target.hasPrefix("/") ? target : FileManager.default.currentDirectoryPath + "/" + target
    program = folder.name("VBoxManage")
    try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: whole)
    for name in ["data", "run"] {
      try FileManager.default.createDirectory(atPath: folder.name(name), withIntermediateDirectories: true)
    }
    let own = [
      "HOME": folder.name("data"), "VBOX_USER_HOME": folder.name("data/home"), "XDG_RUNTIME_DIR": folder.name("run"),
      "RINGBOXD_GRACE": "1", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
    ]
    environment = own.merging(try HostFaults.environment(folder)) { $1 }
    registry = Registry(
      home: try ServiceHome(
        folder: folder.name("data/home"), runtime: folder.name("run/ringbox"), user: folder.name("data")))
    try makeMachine()
    try FileManager.default.copyItem(atPath: data, toPath: pristine)
  }
  private func makeMachine() throws {
    try Data(TinyFirmware.image(TinyFirmware.halt)).write(to: URL(fileURLWithPath: "\(data)/firmware"))
    for name in ["one.iso", "two.iso"] { try Data(count: 65_536).write(to: URL(fileURLWithPath: "\(data)/\(name)")) }
    try check(["createvm", "--name", "m", "--register"])
    try check(["modifyvm", "m", "--memory", "16"])
    try check(["setextradata", "m", "Ringbox/Firmware", "\(data)/firmware"])
    try check(["storagectl", "m", "--name", "SATA", "--add", "sata", "--portcount", "4"])
    try check(["storagectl", "m", "--name", "IDE", "--add", "ide"])
    for name in ["first", "second", "new", "base", "shared", "below"] {
      try check(["createmedium", "--filename", "\(data)/\(name).vdi", "--size", "1"])
    }
    try check(["modifymedium", "\(data)/base.vdi", "--type", "immutable"])
    try check(["modifymedium", "\(data)/below.vdi", "--type", "immutable"])
    try check(["modifymedium", "\(data)/shared.vdi", "--type", "multiattach"])
    for (port, name) in [(0, "first"), (1, "second"), (3, "below")] {
      try check(
        words(Case("SATA \(port)", "@/\(name).vdi")) + ["--hotpluggable", port == 0 ? "off" : "on"])
    }
    try check(words(Case("IDE 1", "@/one.iso")))
  }

  private func run(_ words: [String]) throws -> RingboxProgram.Result {
    try RingboxProgram.run(
      words.map { $0.replacingOccurrences(of: "@", with: data) }, environment: environment, program: program,
      timeout: 60)
  }
  private func check(_ words: [String]) throws {
    let result = try run(words)
    try #require(result.status == 0, "\(words): \(result.errors)")
  }
  private func words(_ change: Case) -> [String] {
    let place = change.place.split(separator: " ").map(String.init)
    let words = [
      "storageattach", "m", "--storagectl", place[0], "--port", place[1], "--device", "0", "--medium", change.medium,
    ]
    guard change.medium != "none" else { return words }
    return words + ["--type", change.medium.hasSuffix(".vdi") ? "hdd" : "dvddrive"]
  }
  /// The machine runs, with nothing changed yet.
  private func reset() throws {
    HostFaults.disarm(folder)
    if try registry.state(registry.machine("m")).state.isOnline { try check(["controlvm", "m", "poweroff"]) }
    try? FileManager.default.removeItem(atPath: data)
    try FileManager.default.copyItem(atPath: pristine, toPath: data)
    try check(["startvm", "m", "--type", "headless"])
  }

  /// What is where, without the UUIDs of images.
  private struct Picture: Equatable {
    var settings: [String], process: [String], files: [String]
    func difference(_ other: Picture) -> String {
      let own = Set(settings + process + files), others = Set(other.settings + other.process + other.files)
      return "+\(own.subtracting(others).sorted()) -\(others.subtracting(own).sorted())"
    }
  }
  private func plain(_ path: String?) -> String {
    (path ?? "-").replacingOccurrences(of: data, with: "@")
      .replacingOccurrences(of: "\\{[0-9a-f-]{36}\\}", with: "U", options: .regularExpression)
  }
  private func picture(isRunning: Bool = true) throws -> Picture {
    let settings = try registry.machine("m")
    let attached = settings.attachments.map { attachment in
      "\(attachment.place) \(plain(attachment.medium.flatMap(settings.medium)?.path))"
    }
    var process: [String] = []
    if isRunning {
      let drives = try registry.client(settings).command("drives")["drives"]?.array ?? []
      process = drives.map { "\($0["slot"]?.string ?? "") \(plain($0["path"]?.string))" }
    }
    let files = try FileManager.default.subpathsOfDirectory(atPath: data).filter { path in
      !["-prev", "-tmp", ".lock", "home/Unfinished", "ringboxd.log"].contains(where: path.hasSuffix)
        && !path.contains("/Logs")
    }
    return Picture(
      settings: attached.sorted(), process: process.sorted(), files: files.map { plain($0) }.sorted())
  }
  private func expectSettled(_ label: String) throws -> Picture {
    #expect(try run(["list", "vms"]).status == 0)
    let found = try picture()
    #expect(found.settings == found.process, "\(label): settings and process differ")
    let unfinished = (try? FileManager.default.contentsOfDirectory(atPath: "\(data)/home/Unfinished")) ?? []
    #expect(unfinished == [], "\(label)")
    return found
  }

  private static let hasTime = !(ProcessInfo.processInfo.environment["RINGBOX_LONG_TESTS"] ?? "").isEmpty

  @Test("the one who changes them is killed", arguments: cases) func changer(_ change: Case) throws {
    try reset()
    let before = try expectSettled("before")
    try HostFaults.arm(folder, "VBoxManage", call: Int(Int32.max), below: data)
    let whole = try run(words(change))
    HostFaults.disarm(folder)
    try #require(whole.status == 0, "\(whole.errors)")
    let calls = try #require(HostFaults.count(folder))
    let after = try expectSettled("after")
    #expect(after.settings != before.settings)
    let rounds = KilledDriveTests.hasTime ? calls : min(calls, 4)
    for round in 0..<rounds {
      let call = 1 + round * calls / rounds, label = "killed in front of call \(call) of \(calls)"
      try reset()
      try HostFaults.arm(folder, "VBoxManage", call: call, below: data)
      #expect(try run(words(change)).status == 137, "\(label)")
      HostFaults.disarm(folder)
      let found = try expectSettled(label)
      #expect(found == before || found == after, "\(label): \(found.difference(before)), \(found.difference(after))")
      let again = try run(words(change))
      #expect(again.status == 0 || change.isRefusedTwice && found == after, "\(label): \(again.errors)")
      #expect(try expectSettled("\(label), said again").settings == after.settings)
    }
    try check(["controlvm", "m", "poweroff"])
  }

  @Test("the machine's process is killed", arguments: hasTime ? cases : [cases[0], cases[4], cases[8]]) func process(
    _ change: Case
  ) throws {
    try reset()
    let before = try picture(isRunning: false)
    try check(words(change))
    let after = try picture(isRunning: false)
    for call in 1...(KilledDriveTests.hasTime ? 1000 : 2) {
      let label = "killed in front of call \(call)"
      try reset()
      try HostFaults.arm(folder, "ringbox-vm", call: call, below: data)
      let isDone = try run(words(change)).status == 0
      HostFaults.disarm(folder)
      // A process that is being ended has its locks for a moment yet.
      for _ in 0..<500 {
        let isOnline = try registry.state(registry.machine("m")).state.isOnline
        if isDone || !isOnline { break }
        usleep(10_000)
      }
      #expect(try run(["list", "vms"]).status == 0)
      let isRunning = try registry.state(registry.machine("m")).state.isOnline
      let found = try picture(isRunning: false)
      #expect(found == before || found == after, "\(label): \(found.difference(before)), \(found.difference(after))")
      // It did not come to so many calls.
      if isRunning { break }
      try check(["startvm", "m", "--type", "headless"])
      _ = try expectSettled("\(label), started again")
    }
    try check(["controlvm", "m", "poweroff"])
  }

  @Test("a drive that cannot be had costs nothing") func refused() throws {
    try reset()
    let before = try expectSettled("before")
    try FileManager.default.removeItem(atPath: "\(data)/new.vdi")
    try FileManager.default.createDirectory(atPath: "\(data)/new.vdi", withIntermediateDirectories: true)
    for place in ["SATA 1", "SATA 2"] {
      #expect(try run(words(Case(place, "@/new.vdi"))).status == 1)
      #expect(try run(words(Case(place, "@/nowhere.vdi"))).status == 1)
    }
    try FileManager.default.removeItem(atPath: "\(data)/two.iso")
    try FileManager.default.createDirectory(atPath: "\(data)/two.iso", withIntermediateDirectories: true)
    #expect(try run(words(Case("IDE 1", "@/two.iso"))).status == 1)
    let found = try expectSettled("after")
    #expect(found.settings == before.settings)
    try check(["controlvm", "m", "poweroff"])
  }
}
