import Base
import DiskImages
import Foundation
import HostSystem
import TestSupport
import Testing

@testable import Service

/// A snapshot of a running machine is deleted, and the machine's process or the service is killed meanwhile: the registry
/// and all disks are whole, the machine starts, and what was cut short can be asked for again.
@Suite("killed while images are merged", .serialized) struct KilledMergeTests {
  private enum Victim: String { case machine, service }
  private static let capacity = 4 << 20
  private let service: ServiceUnderTest
  private let registry: Registry
  /// What a disk shows, in each snapshot and now ("").
  private var contents: [String: [UInt8]] = [:]
  private var folder: String { service.folder.name("VirtualBox VMs/m") }
  private var pristine: String { service.folder.name("pristine") }

  /// A machine `m` that does nothing, with a disk under snapshots `s1`, `s2` and `s3`.
  init() throws {
    service = try ServiceUnderTest(faults: true)
    registry = Registry(
      home: try ServiceHome(
        folder: service.folder.name("home"), runtime: service.folder.name("run/ringbox"), user: service.folder.path))
    _ = try service.done("POST", "machines", ["name": "m", "options": ["memory": 16, "nic1": "none"]])
    let firmware = try service.folder.write("firmware", TinyFirmware.image(TinyFirmware.halt))
    _ = try service.machines.output(["setextradata", "m", "Ringbox/Firmware", firmware])
    try service.done("POST", "machines/m/controllers", ["name": "SATA", "bus": "sata"])
    let disk = "\(folder)/d.vdi"
    // Small blocks: more writes of the tables that say where they are.
    try ImageLibrary().create(
      disk, ImageCreation(.vdi, .dynamic, capacity: UInt64(KilledMergeTests.capacity), blockSize: 65_536))
    try service.done("PUT", "machines/m/controllers/SATA/drives/0/0", ["kind": "hdd", "medium": .string(disk)])
    var model = [UInt8](repeating: 0, count: KilledMergeTests.capacity)
    for level in 1...4 {
      try fill(level, &model)
      contents[level == 4 ? "" : "s\(level)"] = model
      if level < 4 { try service.finish("POST", "machines/m/snapshots", ["name": .string("s\(level)")]) }
    }
    try FileManager.default.copyItem(atPath: folder, toPath: pristine)
  }

  /// Writes to the disk as it is now: some blocks of the level's own, some that the level below has as well.
  private func fill(_ level: Int, _ model: inout [UInt8]) throws {
    let settings = try registry.machine("m")
    let image = try open(settings, settings.attachments, readOnly: false)
    for piece in 0..<6 {
      let start = (level * 3 + piece) * 131_072 % (KilledMergeTests.capacity - 65_536)
      let bytes = [UInt8](repeating: UInt8(level * 16 + piece), count: 40_960)
      try image.write(UInt64(start / 512), bytes)
      model.replaceSubrange(start..<start + bytes.count, with: bytes)
    }
    try image.close()
  }
  private func open(
    _ settings: MachineSettings, _ attachments: [Service.Attachment], readOnly: Bool = true
  ) throws -> any ManagedImage {
    let uuid = try #require(attachments.first { $0.kind == .disk }?.medium)
    let medium = try #require(settings.media.first { $0.uuid == uuid })
    return try ImageLibrary().open(medium.path, settings.imageOptions(readOnly: readOnly))
  }
  /// What is wrong with the machine, which does not run: its settings, its images, what they show.
  private func faults() throws -> [String] {
    let settings = try registry.machine("m")
    var faults: [String] = []
    for medium in settings.media where !FileManager.default.fileExists(atPath: medium.path) {
      faults.append("\(medium.path) is not there")
    }
    func check(_ name: String, _ attachments: [Service.Attachment]) throws {
      let image = try open(settings, attachments)
      let seen = try image.read(0, count: KilledMergeTests.capacity / 512)
      if seen != contents[name] { faults.append("'\(name)' shows something else") }
      let errors = try image.check().errors
      if !errors.isEmpty { faults.append("'\(name)': \(errors)") }
      try image.close()
    }
    try check("", settings.attachments)
    for node in SnapshotTree(settings).nodes {
      let hardware = settings.snapshotElement(node.uuid)?.child("Hardware")
      try check(node.name, MachineSettings.attachments(try #require(hardware)))
    }
    return faults
  }
  /// Files that no medium of the registry has.
  private var leftovers: [String] {
    get throws {
      let known = Set(try registry.machine("m").media.map(\.path))
      let files = try FileManager.default.subpathsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
      return files.filter { $0.hasSuffix(".vdi") && !known.contains($0) }
    }
  }

  private func reset() throws {
    try FileManager.default.removeItem(atPath: folder)
    try FileManager.default.copyItem(atPath: pristine, toPath: folder)
  }
  private func processID() throws -> Int32 {
    Int32(truncatingIfNeeded: try #require(try service.done("GET", "machines/m")["process"]?.integer))
  }
  /// Deletes the snapshot; `victim` is killed so many microseconds after it was asked for. nil: nobody is killed.
  private func delete(_ snapshot: String, killing victim: Victim, after delay: Int?) throws {
    try service.done("POST", "machines/m/start")
    let process = victim == .machine ? try processID() : service.identifier
    let task = try service.done("DELETE", "machines/m/snapshots/\(snapshot)")
    guard let delay else {
      let end = try service.done("GET", "tasks/\(task["id"]?.integer ?? 0)?wait=60")
      guard end["state"] == "done" else { throw ServiceUnderTest.Failed("not deleted: \(end.text)") }
      return
    }
    usleep(UInt32(delay))
    kill(process, SIGKILL)
    guard victim == .service else {
      // Until the task has ended the service may have images open.
      _ = try service.done("GET", "tasks/\(task["id"]?.integer ?? 0)?wait=60")
      return try service.waitForState("m", "aborted")
    }
    service.stop(SIGKILL)
    try service.start()
  }
  /// Asks again until it is done: what another request began may still be under way.
  private func deleteAgain(_ snapshot: String) throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while SnapshotTree(try registry.machine("m")).find(snapshot) != nil {
      let task = try service.done("DELETE", "machines/m/snapshots/\(snapshot)")
      let end = try service.done("GET", "tasks/\(task["id"]?.integer ?? 0)?wait=60")
      if end["state"] == "done" { return }
      guard Date() < deadline, end.text.contains("another snapshot") else {
        throw ServiceUnderTest.Failed("not deleted: \(end.text)")
      }
      usleep(50_000)
    }
  }

  /// Kills at the beginning, at the end and at moments in between.
  private func killNowAndThen(_ victim: Victim, _ snapshot: String) throws {
    let begin = HostClock.monotonicNanoseconds
    try delete(snapshot, killing: victim, after: nil)
    let whole = Int(HostClock.monotonicNanoseconds - begin) / 1000
    try service.done("POST", "machines/m/poweroff")
    try service.waitForState("m", "poweroff")
    #expect(try faults() == [])
    #expect(try leftovers == [])
    var unfinished = 0
    for round in 0..<KilledMergeTests.rounds {
      try reset()
      // Most of the time goes into what comes before, so that later moments would meet nothing.
      let delay = whole * round * round / (KilledMergeTests.rounds * KilledMergeTests.rounds)
      let label = Comment("\(victim.rawValue), \(snapshot), killed after \(delay) us")
      try delete(snapshot, killing: victim, after: delay)
      if SnapshotTree(try registry.machine("m")).find(snapshot) != nil { unfinished += 1 }
      try finishAfterKill(victim, snapshot, label)
    }
    #expect(unfinished > 0, "\(victim.rawValue), \(snapshot)")
  }
  /// Kills in front of each call that changes the machine's files, one after the other, until the work is done before.
  private func killAtEveryCall(_ victim: Victim, _ snapshot: String) throws {
    let program = victim == .machine ? "ringbox-vm" : "ringboxd"
    var call = 0
    while call < 1000 {
      call += 1
      try reset()
      try service.done("POST", "machines/m/start")
      try HostFaults.arm(service.folder, program, call: call, below: folder)
      defer { HostFaults.disarm(service.folder) }
      let task = try? service.done("DELETE", "machines/m/snapshots/\(snapshot)")
      let end = try? service.done("GET", "tasks/\(task?["id"]?.integer ?? 0)?wait=60")
      HostFaults.disarm(service.folder)
      let isDone = end?["state"] == "done"
      let label = Comment("\(victim.rawValue), \(snapshot), killed in front of call \(call)")
      if victim == .machine {
        if !isDone { try service.waitForState("m", "aborted") }
      } else if end == nil || !service.isRunning {
        // It gave no answer any more.
        for _ in 0..<500 where service.isRunning { usleep(10_000) }
        try service.start()
      }
      if isDone { break }
      try finishAfterKill(victim, snapshot, label)
    }
    #expect(call > 10, "the work of the \(victim.rawValue) changes files")
  }
  /// All is whole, and what was cut short is done when it is asked for again.
  private func finishAfterKill(_ victim: Victim, _ snapshot: String, _ label: Comment) throws {
    if victim == .machine {
      #expect(try faults() == [], label)
      try service.done("POST", "machines/m/start")
    }
    try deleteAgain(snapshot)
    #expect(try service.done("GET", "machines/m")["state"] == "running", label)
    try service.done("POST", "machines/m/poweroff")
    try service.waitForState("m", "poweroff")
    #expect(try faults() == [], label)
    #expect(try SnapshotTree(registry.machine("m")).find(snapshot) == nil, label)
    // An image that the settings have forgotten may stay behind, and no more than that one.
    #expect(try leftovers.count <= 1, label)
  }
  private static let rounds = (ProcessInfo.processInfo.environment["RINGBOX_LONG_TESTS"] ?? "").isEmpty ? 8 : 80

  @Test("the machine's process", arguments: ["s1", "s2", "s3"]) func machine(snapshot: String) throws {
    try killNowAndThen(.machine, snapshot)
  }
  @Test("in front of every call that changes a file", arguments: ["machine", "service"])
  func everyCall(victim: String) throws { try killAtEveryCall(try #require(Victim(rawValue: victim)), "s2") }
  @Test("the service", arguments: ["s2", "s3"]) func service(snapshot: String) throws {
    try killNowAndThen(.service, snapshot)
  }
}
