import DiskImages
import Foundation
import TestSupport
import Testing

@testable import Service

/// Every verb that changes the registry or disks, killed in front of each call that changes a file. Whatever the moment,
/// the next command finds the registry whole and every machine as before or as after, and nothing is left over; and the
/// verb, said again, does what is left to do.
@Suite("verbs killed at every write", .serialized) struct KilledVerbTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var words: [String]
    /// Said again after it was done already, it complains.
    var isRefusedTwice = false
    var testDescription: String { words.filter { !$0.hasPrefix("/") }.joined(separator: " ") }
    init(_ text: String, isRefusedTwice: Bool = false) {
      words = text.split(separator: " ").map(String.init)
      self.isRefusedTwice = isRefusedTwice
    }
  }
  /// `@`: the folder.
  static let cases = [
    Case("createvm --name new --register", isRefusedTwice: true),
    Case("modifyvm a --memory 96 --nic1 intnet"),
    Case("modifyvm b --name other", isRefusedTwice: true),
    Case("registervm @/loose/loose.vbox", isRefusedTwice: true),
    Case("unregistervm b", isRefusedTwice: true),
    Case("unregistervm a --delete", isRefusedTwice: true),
    Case("movevm a --folder @/elsewhere"),
    Case("clonevm a --name copy --register", isRefusedTwice: true),
    Case("clonevm a --name copy --snapshot s1 --options link --register", isRefusedTwice: true),
    Case("clonevm a --name copy --mode all --register", isRefusedTwice: true),
    Case("snapshot a take s3"),
    Case("snapshot a delete s1", isRefusedTwice: true),
    Case("snapshot a restore s1"),
    Case("createmedium --filename @/new.vdi --size 1", isRefusedTwice: true),
    Case("modifymedium @/free.vdi --resize 2"),
    Case("modifymedium @/free.vdi --move @/elsewhere.vdi", isRefusedTwice: true),
    Case("modifymedium @/used.vdi --setuuid 01234567-89ab-cdef-0123-456789abcdef"),
    Case("closemedium @/free.vdi --delete", isRefusedTwice: true),
    Case("mergemedium @/over.vdi --take-parent", isRefusedTwice: true),
    Case("storageattach b --storagectl SATA --port 0 --type hdd --medium @/free.vdi"),
    Case("storageattach b --storagectl SATA --port 1 --type hdd --medium @/base.vdi"),
    Case("storageattach a --storagectl SATA --port 0 --medium none", isRefusedTwice: true),
    Case("import @/a.ova --vsys 0 --vmname imported", isRefusedTwice: true),
    Case("setextradata a key value"),
    Case("discardstate saved", isRefusedTwice: true),
  ]

  private let folder: TemporaryFolder
  private let environment: [String: String]
  private let program: String
  private var data: String { folder.name("data") }
  private var pristine: String { folder.name("pristine") }

  /// Machines `a` (a disk under two snapshots), `b` (a SATA controller, a disk), `saved`; `loose`, which nobody knows; disks.
  init() throws {
    folder = try TemporaryFolder()
    let target = try RingboxProgram.path()
    let whole = target.hasPrefix("/") ? target : FileManager.default.currentDirectoryPath + "/" + target
    program = folder.name("VBoxManage")
    try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: whole)
    environment = [
      "HOME": folder.name("data"), "VBOX_USER_HOME": folder.name("data/home"), "XDG_RUNTIME_DIR": folder.name("run"),
      "RINGBOXD_GRACE": "1", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
    ]
    for name in ["data", "run", "data/loose"] {
      try FileManager.default.createDirectory(atPath: folder.name(name), withIntermediateDirectories: true)
    }
    try makeMachines()
    try FileManager.default.copyItem(atPath: data, toPath: pristine)
  }
  private func makeMachines() throws {
    let home = try ServiceHome(folder: "\(data)/home", runtime: folder.name("run/ringbox"), user: data)
    let registry = Registry(home: home)
    func disk(_ path: String, _ seed: UInt8) throws {
      try ImageLibrary().create(path, ImageCreation(.vdi, .dynamic, capacity: 1 << 20, blockSize: 65_536))
      try fill(path, seed)
    }
    func attach(_ machine: String, _ path: String, _ port: Int = 0, type: String? = nil) throws {
      var change = DriveChange(controller: "SATA", port: port, device: 0)
      (change.medium, change.kind, change.type) = (path, .disk, type)
      try registry.change(machine, change)
    }
    let sata = try #require(ControllerType.onBus("sata"))
    for name in ["a", "b", "saved"] {
      _ = try registry.register(registry.create(MachineCreation(name: name)).file.path)
      try registry.change(name) { settings throws(ServiceError) in try settings.addController("SATA", sata) }
    }
    let own = "\(try registry.machine("a").folder)/a.vdi"
    try disk(own, 1)
    try attach("a", own)
    for (index, name) in ["s1", "s2"].enumerated() {
      _ = try registry.takeSnapshot("a", name: name, text: nil)
      let settings = try registry.machine("a")
      let top = try #require(settings.attachments[0].medium.flatMap(settings.medium))
      try fill(top.path, UInt8(index + 2), settings.imageOptions(readOnly: false))
    }
    for (name, seed) in [("used", 11), ("free", 12), ("base", 13)] as [(String, UInt8)] {
      try disk("\(data)/\(name).vdi", seed)
      _ = try registry.knownMedium("\(data)/\(name).vdi")
    }
    try disk("\(data)/under.vdi", 14)
    _ = try ImageLibrary().createChild("\(data)/over.vdi", of: "\(data)/under.vdi", format: nil, uuid: nil)
    try fill("\(data)/over.vdi", 15)
    for name in ["under", "over"] { _ = try registry.knownMedium("\(data)/\(name).vdi") }
    try attach("b", "\(data)/used.vdi", 2)
    try registry.setType("\(data)/base.vdi", "MultiAttach")
    let state = "\(try registry.machine("saved").folder)/Snapshots/2026-01-01T00-00-00-000000000Z.sav"
    try FileManager.default.createDirectory(
      atPath: (state as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try "a state".write(toFile: state, atomically: false, encoding: .utf8)
    try registry.changeShared("saved") { $0.stateFile = state }
    var loose = MachineCreation(name: "loose")
    loose.baseFolder = data
    _ = try registry.create(loose)
    let made = try run(["export", "a", "--output", "\(data)/a.ova"])
    #expect(made.status == 0, "\(made.errors)")
  }
  private func fill(_ path: String, _ seed: UInt8, _ options: ImageLibrary.Options = .init()) throws {
    let image = try ImageLibrary().open(path, options)
    for piece in 0..<4 {
      let bytes = [UInt8](repeating: seed &* 16 &+ UInt8(piece), count: 4096)
      try image.write(UInt64((Int(seed) * 3 + piece) % 16 * 128), bytes)
    }
    try image.close()
  }

  private func run(_ words: [String], _ faults: [String: String] = [:]) throws -> RingboxProgram.Result {
    try RingboxProgram.run(
      words.map { $0.replacingOccurrences(of: "@", with: data) },
      environment: environment.merging(faults) { $1 }, program: program, timeout: 60)
  }
  private func reset() throws {
    try? FileManager.default.removeItem(atPath: data)
    try FileManager.default.copyItem(atPath: pristine, toPath: data)
  }

  private static let hasTime = !(ProcessInfo.processInfo.environment["RINGBOX_LONG_TESTS"] ?? "").isEmpty

  @Test("whole at every moment", arguments: cases) func verb(_ verb: Case) throws {
    let faults = try HostFaults.environment(folder)
    let before = try RegistryPicture(data)
    #expect(before.faults == [])
    try HostFaults.arm(folder, "VBoxManage", call: Int(Int32.max), below: data)
    let whole = try run(verb.words, faults)
    HostFaults.disarm(folder)
    try #require(whole.status == 0, "\(whole.errors)")
    let calls = try #require(HostFaults.count(folder))
    let after = try RegistryPicture(data)
    #expect(after.faults == [])
    #expect(after.lines != before.lines || after.files != before.files, "the verb does something")
    // Some moments, spread over all; with time, each.
    let rounds = KilledVerbTests.hasTime ? calls : min(calls, 6)
    for round in 0..<rounds {
      let call = 1 + round * calls / rounds
      let label = "killed in front of call \(call) of \(calls)"
      try reset()
      try HostFaults.arm(folder, "VBoxManage", call: call, below: data)
      let killed = try run(verb.words, faults)
      HostFaults.disarm(folder)
      #expect(killed.status == 137, "\(label): \(killed.errors)")
      // Whatever command comes next finds all in order.
      #expect(try run(["list", "vms"]).status == 0)
      let found = try RegistryPicture(data)
      #expect(found.faults == [], "\(label)")
      #expect(
        found.lines == before.lines || found.lines == after.lines,
        "\(label): \(KilledVerbTests.difference(found.lines, before.lines)) of before, \(KilledVerbTests.difference(found.lines, after.lines)) of after"
      )
      #expect(
        found.files == before.files || found.files == after.files,
        "\(label): \(KilledVerbTests.difference(Array(found.files), Array(found.lines == after.lines ? after.files : before.files)))"
      )
      let again = try run(verb.words)
      #expect(again.status == 0 || verb.isRefusedTwice && found.lines == after.lines, "\(label): \(again.errors)")
      guard again.status == 0, found.lines != after.lines else { continue }
      let last = try RegistryPicture(data)
      #expect(last.faults == [] && last.lines == after.lines, "\(label), said again: \(last.faults)")
    }
  }
  private static func difference(_ found: [String], _ expected: [String]) -> String {
    let more = Set(found).subtracting(expected).sorted(), less = Set(expected).subtracting(found).sorted()
    return "+\(more) -\(less)"
  }
}
