import Base
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Machine

/// A deterministic machine that is saved and brought back must go on as the one that nobody has disturbed: proven with a
/// guest that works, `Tests/Guests/boot/work.s`, by comparing processors, RAM, and what came out of the serial port.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: FirmwareImage.defaultPath)), .serialized)
struct DeterministicStateTests {
  /// A folder with the guest's disk.
  private final class Place {
    let folder: TemporaryFolder
    private let disk: [UInt8]
    init() throws {
      folder = try TemporaryFolder()
      let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Guests/boot").path
      try Place.run(
        "/usr/bin/as", ["--32", "-o", folder.name("o"), "\(sources)/boot.inc", "\(sources)/work.s"])
      try Place.run(
        "/usr/bin/ld",
        ["-m", "elf_i386", "-N", "-Ttext=0x7c00", "-e", "_start", "--oformat", "binary", "-o", folder.name("bin")]
          + [folder.name("o")])
      let program = folder.bytes("bin")
      disk = program + [UInt8](repeating: 0, count: (1 << 20) - program.count)
    }
    private static func run(_ program: String, _ arguments: [String]) throws {
      let process = try Process.run(URL(fileURLWithPath: program), arguments: arguments)
      process.waitUntilExit()
      try #require(process.terminationStatus == 0, "\(program) \(arguments)")
    }
    /// A machine with a fresh disk of its own.
    func configuration(
      _ name: String, _ interface: MachineConfiguration.DiskInterface, seed: UInt64, cpus: Int = 1
    ) throws -> MachineConfiguration {
      var configuration = MachineConfiguration()
      configuration.memory = 32 << 20
      configuration.cpus = cpus
      configuration.serial = [.stdio]
      configuration.disks = [.init(path: try folder.write(name, disk), interface: interface)]
      configuration.disks[0].format = "raw"
      configuration.deterministicSeed = seed
      return configuration
    }
  }

  /// Collects what the serial port says, over several machines.
  private final class Output: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func take(_ event: MachineEvent) {
      if case .serialOutput(_, let new) = event { bytes.withLock { $0 += new } }
    }
    var count: Int { bytes.withLock { $0.count } }
    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
  }

  private struct Run: Equatable {
    var determinism: Determinism?
    var output: String
  }

  /// Runs, is saved and brought back so many times; `milliseconds` apart, more or less.
  private static func cycled(
    _ configuration: MachineConfiguration, _ count: Int, milliseconds: UInt32, state: String,
    engines: [String] = ["recompiler"]
  ) throws -> Run {
    var configuration = configuration
    let output = Output()
    configuration.engine = engines[0]
    var machine = try Machine(configuration: configuration) { output.take($0) }
    machine.start()
    // BIOS and boot sector first.
    while output.count < 3 { usleep(1000) }
    for cycle in 1...count {
      usleep(UInt32.random(in: 0...(2 * milliseconds * 1000)))
      try machine.saveAndStop(to: state)
      let saved = try SavedMachine(state)
      configuration.engine = engines[cycle % engines.count]
      let before = machine.determinism
      let next = try Machine(configuration: configuration, saved: saved) { output.take($0) }
      try next.restore(saved)
      try #require(next.determinism == before, "cycle \(cycle)")
      // Nothing is lost on the way: what comes back would be saved as the same.
      for (unit, again) in zip(machine.board.save(machine.processors), next.board.save(next.processors)) {
        try #require(unit.name == again.name && unit.state == again.state, "cycle \(cycle): \(unit.name)")
      }
      machine = next
      machine.start()
    }
    usleep(milliseconds * 1000)
    machine.pause()
    defer { machine.stop() }
    return Run(determinism: machine.determinism, output: output.text)
  }
  /// The same machine, that nobody disturbs, after as many instructions.
  private static func undisturbed(_ configuration: MachineConfiguration, like run: Run) throws -> Run {
    var configuration = configuration
    configuration.instructionLimit = run.determinism?.instructions
    let output = Output()
    let machine = try Machine(configuration: configuration) { output.take($0) }
    machine.start()
    #expect(machine.waitUntilStopped() == .instructionLimit)
    return Run(determinism: machine.determinism, output: output.text)
  }

  @Test(
    "saved and brought back, a machine goes on as if nothing had been",
    arguments: [MachineConfiguration.DiskInterface.ide, .virtio, .sata, .nvme, .scsi])
  func goesOn(interface: MachineConfiguration.DiskInterface) throws {
    let place = try Place()
    let run = try DeterministicStateTests.cycled(
      try place.configuration("first", interface, seed: 7), 3, milliseconds: 20, state: place.folder.name("state"))
    let whole = try DeterministicStateTests.undisturbed(
      try place.configuration("second", interface, seed: 7), like: run)
    #expect(run == whole)
    #expect(run.output.count > 20)
    #expect(place.folder.bytes("first") == place.folder.bytes("second"))
  }

  @Test("engines by turns, two processors") func engines() throws {
    let place = try Place()
    let run = try DeterministicStateTests.cycled(
      try place.configuration("first", .ide, seed: 8, cpus: 2), 4, milliseconds: 20, state: place.folder.name("state"),
      engines: ["recompiler", "interpreter"])
    let whole = try DeterministicStateTests.undisturbed(
      try place.configuration("second", .ide, seed: 8, cpus: 2), like: run)
    // The firmware may keep flags that are undefined, which is where engines may differ.
    #expect(run.determinism?.nanoseconds == whole.determinism?.nanoseconds && run.output == whole.output)
  }

  /// RINGBOX_SAVE_CYCLES says how often, a thousand times else.
  @Test(
    "a thousand cycles under load without a divergence",
    .enabled(if: !(ProcessInfo.processInfo.environment["RINGBOX_LONG_TESTS"] ?? "").isEmpty))
  func thousand() throws {
    let count = Int(ProcessInfo.processInfo.environment["RINGBOX_SAVE_CYCLES"] ?? "") ?? 1000
    let place = try Place()
    let run = try DeterministicStateTests.cycled(
      try place.configuration("first", .virtio, seed: 9), max(1, count), milliseconds: 20,
      state: place.folder.name("state"))
    let whole = try DeterministicStateTests.undisturbed(try place.configuration("second", .virtio, seed: 9), like: run)
    #expect(run == whole)
    print("\(count) cycles: \(run.determinism.map { "\($0)" } ?? "")")
  }

  @Test("a snapshot, a pause and a failed attempt change nothing") func undisturbed() throws {
    let place = try Place()
    let output = Output()
    let machine = try Machine(configuration: try place.configuration("first", .virtio, seed: 3)) { output.take($0) }
    machine.start()
    while output.count < 10 { usleep(1000) }
    let done = Mutex<Result<SnapshotOutcome, MachineError>?>(nil)
    machine.takeSnapshot(to: place.folder.name("snapshot"), []) { _ in
    } completion: { result in
      done.withLock { $0 = result }
    }
    while done.withLock({ $0 == nil }) { usleep(500) }
    #expect(try done.withLock({ $0 })?.get().failure == nil)
    machine.pause()
    machine.resume()
    #expect(throws: MachineError.self) { try machine.saveAndStop(to: "/proc/nowhere/state") }
    usleep(20_000)
    machine.pause()
    let run = Run(determinism: machine.determinism, output: output.text)
    machine.stop()
    let whole = try DeterministicStateTests.undisturbed(try place.configuration("second", .virtio, seed: 3), like: run)
    #expect(run == whole)
    // And from the snapshot the way leads to the same place. Its disk is the one of that moment.
    let saved = try SavedMachine(place.folder.name("snapshot"))
    #expect(saved.file.description["deterministic"]?.string == "3")
  }

  @Test("another seed's state is refused, and that of a machine without one") func otherSeed() throws {
    let place = try Place()
    var configuration = try place.configuration("disk", .ide, seed: 1)
    let machine = try Machine(configuration: configuration) { _ in }
    machine.start()
    try machine.saveAndStop(to: place.folder.name("state"))
    let saved = try SavedMachine(place.folder.name("state"))
    for seed in [2, nil] as [UInt64?] {
      configuration.deterministicSeed = seed
      let error = #expect(throws: MachineError.self) {
        _ = try Machine(configuration: configuration, saved: saved) { _ in }
      }
      #expect(error?.description.contains("deterministic, with seed 1") == true, "\(error?.description ?? "")")
    }
  }
}
