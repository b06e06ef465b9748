import Base
import Foundation
import StateFile
import Synchronization
import Testing

@testable import Machine

/// Saving a machine and bringing it back, with guests of a few instructions.
@Suite(.serialized) struct SavedStateTests {
  /// Counts up two words at 500h and 508h, one after the other.
  private static let counting: [UInt8] = [
    0x31, 0xc0, 0x8e, 0xd8, 0x66, 0xff, 0x06, 0x00, 0x05, 0x66, 0xff, 0x06, 0x08, 0x05, 0xeb, 0xf4,
  ]
  /// Fills 10000h to 8FFFFh with a number, then with the next, and so on.
  private static let filling: [UInt8] = [
    0x31, 0xc0, 0x8e, 0xd8, 0x66, 0x31, 0xc0, 0xbb, 0x00, 0x10, 0x8e, 0xc3, 0x31, 0xff, 0xb9, 0x00, 0x40, 0xf3, 0x66,
    0xab, 0x81, 0xc3, 0x00, 0x10, 0x81, 0xfb, 0x00, 0x90, 0x75, 0xec, 0x66, 0x40, 0xeb, 0xe5,
  ]

  /// A folder for one test's files, gone with it.
  private final class Place {
    let path = NSTemporaryDirectory() + "ringbox-saved-\(UUID().uuidString)"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func name(_ file: String) -> String { "\(path)/\(file)" }
    func configuration(_ code: [UInt8], engine: String = "recompiler") throws -> MachineConfiguration {
      var image = [UInt8](repeating: 0xf4, count: 65536)
      image.replaceSubrange(0..<code.count, with: code)
      // jmp 0: the reset vector is at IP FFF0h.
      image.replaceSubrange(0xfff0..<0xfff3, with: [0xe9, 0x0d, 0x00])
      try Data(image).write(to: URL(fileURLWithPath: name("firmware")))
      var configuration = MachineConfiguration()
      configuration.memory = 16 << 20
      configuration.serial = [.stdio]
      configuration.firmware = name("firmware")
      configuration.engine = engine
      return configuration
    }
  }

  private static func word(_ machine: Machine, _ address: UInt64) -> UInt32 {
    machine.readMemory(physical: address, count: 4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
  private static func wait(_ condition: () -> Bool) -> Bool { Listener().wait(seconds: 60, for: condition) }

  private static func save(_ machine: Machine, _ path: String) -> MachineError? {
    let done = Mutex<Result<Void, MachineError>?>(nil)
    machine.saveState(to: path) { _ in
    } completion: { error in
      done.withLock { $0 = error.map { .failure($0) } ?? .success(()) }
    }
    _ = wait { done.withLock { $0 != nil } }
    if case .failure(let error)? = done.withLock({ $0 }) { return error }
    return nil
  }
  private static func restored(_ configuration: MachineConfiguration, _ path: String) throws -> Machine {
    let saved = try SavedMachine(path)
    let machine = try Machine(configuration: configuration, saved: saved) { _ in }
    try machine.restore(saved)
    return machine
  }

  @Test(
    "a machine comes back to where it was, on either engine",
    arguments: [
      ("recompiler", "recompiler"), ("interpreter", "interpreter"), ("recompiler", "interpreter"),
      ("interpreter", "recompiler"),
    ])
  func comesBack(engines: (first: String, second: String)) throws {
    let place = try Place()
    var configuration = try place.configuration(SavedStateTests.counting, engine: engines.first)
    let machine = try Machine(configuration: configuration) { _ in }
    machine.start()
    try #require(SavedStateTests.wait { SavedStateTests.word(machine, 0x508) > 1000 })
    #expect(SavedStateTests.save(machine, place.name("state")) == nil)
    #expect(SavedStateTests.wait { machine.stopReason == .saved(place.name("state")) })
    configuration.engine = engines.second
    let second = try SavedStateTests.restored(configuration, place.name("state"))
    #expect(second.readMemory(physical: 0, count: 16 << 20) == machine.readMemory(physical: 0, count: 16 << 20))
    // The configuration names the engine.
    for name in machine.deviceNames where name != "cfgm" {
      #expect(second.deviceInfo(name) == machine.deviceInfo(name), "\(name)")
    }
    #expect(second.status["guestNanoseconds"] == machine.status["guestNanoseconds"])
    let before = SavedStateTests.word(second, 0x500)
    second.start()
    #expect(SavedStateTests.wait { SavedStateTests.word(second, 0x508) > before + 1000 })
    second.pause()
    // No instruction was lost or done twice.
    let difference = SavedStateTests.word(second, 0x500) &- SavedStateTests.word(second, 0x508)
    #expect(difference <= 1)
    second.stop()
  }

  @Test("a machine that cannot be saved goes on") func goesOn() throws {
    let place = try Place()
    let machine = try Machine(configuration: try place.configuration(SavedStateTests.counting)) { _ in }
    machine.start()
    #expect(SavedStateTests.save(machine, "/proc/nowhere/state")?.kind == .file)
    #expect(machine.state == .running)
    let before = SavedStateTests.word(machine, 0x500)
    #expect(SavedStateTests.wait { SavedStateTests.word(machine, 0x500) > before })
    machine.stop()
    #expect(SavedStateTests.save(machine, place.name("late"))?.kind == .state)
  }

  @Test("another machine's state is refused, with the reason") func refused() throws {
    let place = try Place()
    let configuration = try place.configuration(SavedStateTests.counting)
    let machine = try Machine(configuration: configuration) { _ in }
    machine.start()
    #expect(SavedStateTests.save(machine, place.name("state")) == nil)
    let changes: [(String, (inout MachineConfiguration) -> Void)] = [
      ("memory", { $0.memory = 32 << 20 }), ("cpus", { $0.cpus = 2 }), ("cpu", { $0.cpu = "x86-64-v2" }),
      ("serial", { $0.serial = [] }), ("network", { $0.network = [.init(.null, model: .e1000)] }),
    ]
    for (word, change) in changes {
      var other = configuration
      change(&other)
      let error = #expect(throws: MachineError.self) { _ = try SavedStateTests.restored(other, place.name("state")) }
      #expect(error?.description.contains(word) == true, "\(word): \(error?.description ?? "")")
    }
    let none = #expect(throws: MachineError.self) { _ = try SavedMachine(place.name("firmware")) }
    #expect(none?.description.contains("is no saved state") == true)
  }

  @Test("a processor that this host lacks is refused, a speed that it has not, too") func otherHost() throws {
    let place = try Place()
    let configuration = try place.configuration(SavedStateTests.counting)
    let machine = try Machine(configuration: configuration) { _ in }
    machine.start()
    #expect(SavedStateTests.save(machine, place.name("state")) == nil)
    let file = try StateFileReader(place.name("state"))
    func rewrite(_ change: (inout JSON) -> Void) throws {
      var description = file.description
      change(&description)
      let writer = try StateFileWriter(place.name("other"), description: description)
      for unit in try file.units() { try writer.add(unit: unit.name, version: unit.version, unit.state) }
      try writer.finish()
    }
    // Leaf 7, ECX bit 13: total memory encryption of guests, which is never offered; ECX bit 5: WAITPKG.
    try rewrite { description in
      let leaves = (description["cpuid"]?.array ?? []).map { row -> JSON in
        var numbers = row.array ?? []
        if numbers.first?.integer == 7, numbers.count == 6 { for index in 2..<6 { numbers[index] = 0xffff_ffff } }
        return .array(numbers)
      }
      description.set("cpuid", .array(leaves))
    }
    let lacking = #expect(throws: MachineError.self) {
      _ = try SavedStateTests.restored(configuration, place.name("other"))
    }
    #expect(lacking?.description.contains("lacks") == true, "\(lacking?.description ?? "")")
    try rewrite { $0.set("tscHertz", 1_000_000) }
    let slow = #expect(throws: MachineError.self) {
      _ = try SavedStateTests.restored(configuration, place.name("other"))
    }
    #expect(slow?.description.contains("MHz") == true)
  }

  /// Whatever is in a state: it is refused, or the machine runs somehow.
  @Test("mutated states are refused or run") func mutated() throws {
    let place = try Place()
    var configuration = try place.configuration(SavedStateTests.counting)
    configuration.network = [.init(.null), .init(.null, model: .e1000)]
    let machine = try Machine(configuration: configuration) { _ in }
    machine.start()
    #expect(SavedStateTests.save(machine, place.name("state")) == nil)
    let file = try StateFileReader(place.name("state"))
    let units = try file.units()
    var seed: UInt64 = UInt64(ProcessInfo.processInfo.environment["FUZZ_SEED"] ?? "") ?? 7
    func random(_ limit: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % max(1, limit)
    }
    let rounds = Int(ProcessInfo.processInfo.environment["FUZZ_SEEDS"] ?? "") ?? 60
    var ran = 0
    for round in 0..<rounds {
      let writer = try StateFileWriter(place.name("mutant"), description: file.description)
      let chosen = round % 3 == 0 ? units.firstIndex { $0.name == "cpu0" } ?? 0 : random(units.count)
      for (index, unit) in units.enumerated() {
        var state = unit.state
        if index == chosen, !state.isEmpty {
          for _ in 0...random(3) { state[random(state.count)] = UInt8(truncatingIfNeeded: random(256)) }
        }
        try writer.add(unit: unit.name, version: unit.version, state)
      }
      try writer.finish()
      guard let mutant = try? SavedStateTests.restored(configuration, place.name("mutant")) else { continue }
      mutant.start()
      usleep(3000)
      mutant.stop()
      ran += 1
    }
    #expect(ran > 0)
  }

  @Test("a snapshot of a machine that runs on is of one moment", arguments: ["recompiler", "interpreter"])
  func live(engine: String) throws {
    let place = try Place()
    let configuration = try place.configuration(SavedStateTests.filling, engine: engine)
    let machine = try Machine(configuration: configuration) { _ in }
    machine.start()
    try #require(SavedStateTests.wait { SavedStateTests.word(machine, 0x8fffc) > 3 })
    for round in 0..<5 {
      let path = place.name("snapshot\(round)")
      let outcome = Mutex<Result<SnapshotOutcome, MachineError>?>(nil)
      machine.takeSnapshot(to: path, []) { _ in
      } completion: { result in
        outcome.withLock { $0 = result }
      }
      #expect(SavedStateTests.wait { outcome.withLock { $0 != nil } })
      let result = try #require(outcome.withLock { $0 }).get()
      #expect(result.failure == nil)
      #expect(machine.state == .running)
      let copy = try SavedStateTests.restored(configuration, path)
      // One number up to some place, and the one before it from there on.
      let bytes = copy.readMemory(physical: 0x10000, count: 0x80000)
      var steps = 0
      var last: UInt32?
      for at in stride(from: 0, to: bytes.count, by: 4) {
        let word = (0..<4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[at + $1]) }
        if let last, last != word {
          steps += 1
          #expect(word == last &- 1, "at \(at)")
        }
        last = word
      }
      #expect(steps <= 1, "round \(round): \(steps) steps")
      // And it goes on from there.
      let before = SavedStateTests.word(copy, 0x10000)
      copy.start()
      #expect(SavedStateTests.wait { SavedStateTests.word(copy, 0x10000) > before + 2 })
      copy.stop()
    }
    machine.stop()
  }
}
