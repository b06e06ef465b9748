import Base
import Foundation
import TestSupport
import Testing

/// `--deterministic`: the same seed, the same run, on whatever engine.
@Suite("Deterministic machines", .serialized) struct DeterminismTests {
  private struct Run: Equatable {
    var state: String
    var instructions: Int64
    var nanoseconds: Int64
    var console: String
  }

  private func run(_ arguments: [String], seed: UInt64, stopAt: Int64?) throws -> Run {
    let folder = try TemporaryFolder()
    let serial = folder.name("serial")
    let limit = stopAt.map { ["--stop-at-instructions", "\($0)"] } ?? []
    let whole = ["run"] + arguments + ["--serial", "file:\(serial)", "--json", "--deterministic", "\(seed)"] + limit
    let result = try RingboxProgram.run(whole, timeout: GuestAssets.bootTimeout)
    #expect(result.status == (stopAt == nil ? 0 : 5), "\(result.errors)")
    let line = try JSON(parsing: String(result.output.split(separator: "\n").last ?? ""))
    let found = try #require(line["deterministic"], "\(result.output)")
    #expect(found["seed"]?.string == "\(seed)")
    #expect(result.errors.contains("state \(found["state"]?.string ?? "?")"), "\(result.errors)")
    return Run(
      state: try #require(found["state"]?.string), instructions: try #require(found["instructions"]?.integer),
      nanoseconds: try #require(found["nanoseconds"]?.integer), console: folder.text("serial"))
  }

  @Test("firmware with two processors: seeds repeat, and differ") func firmware() throws {
    let machine = ["--memory", "64M", "--cpus", "2"]
    let first = try run(machine, seed: 1, stopAt: 20_000_000)
    #expect(first.instructions == 20_000_000)
    #expect(try run(machine, seed: 1, stopAt: 20_000_000) == first)
    #expect(try run(machine, seed: 2, stopAt: 20_000_000).state != first.state)
    #expect(try run(machine, seed: 1, stopAt: 20_000_001).state != first.state)
    #expect(try run(machine + ["--engine", "interpreter"], seed: 1, stopAt: 20_000_000) == first)
  }

  @Test("a disk's data comes at the same time") func disk() throws {
    let program = try BootProgram("disk", filled: true)
    let machine = program.arguments(["--snapshot"])
    let first = try run(machine, seed: 5, stopAt: 60_000_000)
    #expect(first.console.contains("done"))
    #expect(try run(machine + ["--engine", "interpreter"], seed: 5, stopAt: 60_000_000) == first)
  }

  @Test("GRUB and the beginning of a kernel") func grub() throws {
    let image = try GuestAssets.copy("grub-disk.img")
    let machine = ["--memory", "512M", "--cpus", "2", "--disk", "\(image.path),if=virtio,snapshot"]
    let first = try run(machine, seed: 9, stopAt: 300_000_000)
    #expect(first.console.contains("GNU GRUB"))
    #expect(try run(machine + ["--engine", "interpreter"], seed: 9, stopAt: 300_000_000) == first)
  }

  /// The kernel's decompressor alone takes billions of instructions.
  @Test("a kernel with two processors", .enabled(if: GuestAssets.hasTime)) func kernel() throws {
    let machine = GuestAssets.linux("amd64", extra: ["--cpus", "2"])
    let end: Int64 = 6_000_000_000
    let first = try run(machine, seed: 3, stopAt: end)
    #expect(first.console.contains(GuestAssets.marker))
    #expect(try run(machine, seed: 3, stopAt: end) == first)
    #expect(try run(machine + ["--engine", "interpreter"], seed: 3, stopAt: end) == first)
    #expect(try run(machine, seed: 4, stopAt: end).state != first.state)
  }

  @Test("what a network brings follows from no seed") func network() throws {
    let result = try RingboxProgram.run(["run", "--deterministic", "1", "--nic", "nat"])
    #expect(result.status == 2)
    #expect(result.errors.contains("network"), "\(result.errors)")
  }
}
