import Base
import Execution
import Foundation
import GuestMemory
import HostNetwork
import HostSystem
import Synchronization
import TestSupport
import Testing

@testable import Machine

/// A machine that nobody refers to any more is gone: its memory, its threads, its descriptors. In processes of their own,
/// where nobody else opens files and starts threads.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: FirmwareImage.defaultPath)))
struct MachineEndTests {
  /// How a machine comes to its end.
  private enum End: Codable, CaseIterable {
    /// It is switched off first, as front ends do.
    case stopped
    /// It is dropped while it runs.
    case running
    case paused
    /// It has never been switched on.
    case off
    case reset
    /// It is saved, which ends it, and dropped from within its last words.
    case saved
    /// It is dropped while it takes a snapshot.
    case snapshot
  }

  /// Parts that everything else hangs on.
  private struct Parts {
    weak var machine: Machine?
    weak var board: Board?
    weak var processors: ProcessorSet?
    weak var memory: GuestMemory?
    init(_ machine: Machine) {
      self.machine = machine
      board = machine.board
      processors = machine.processors
      memory = machine.memory
    }
    var left: [String] {
      [
        machine.map { _ in "machine" }, board.map { _ in "board" }, processors.map { _ in "processors" },
        memory.map { _ in "memory" },
      ].compactMap { $0 }
    }
  }

  /// Open descriptors of this process, and names of threads that machines have started.
  private struct Host: Equatable {
    var descriptors: Int
    var threads: [String]
    static var now: Host {
      let files = FileManager.default
      let threads = ((try? files.contentsOfDirectory(atPath: "/proc/self/task")) ?? []).compactMap {
        files.contents(atPath: "/proc/self/task/\($0)/comm").map { String(decoding: $0, as: UTF8.self) }
      }
      let ours = [
        "control", "timers", "cpu", "disk", "cdrom", "floppy", "nat", "switch", "tunnel", "pacer", "snapshot",
      ]
      return Host(
        descriptors: (try? files.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0,
        threads: threads.filter { name in ours.contains { name.hasPrefix($0) } })
    }
  }

  private static func configuration(_ folder: TemporaryFolder, _ engine: String, seed: UInt64?) throws
    -> MachineConfiguration
  {
    var configuration = MachineConfiguration()
    configuration.memory = 32 << 20
    configuration.cpus = 2
    configuration.engine = engine
    configuration.deterministicSeed = seed
    configuration.serial = [.stdio, .file(folder.name("serial")), .none, .stdio]
    configuration.debugConsole = .file(folder.name("debug"))
    let blank = [UInt8](repeating: 0, count: 1 << 20)
    for interface in MachineConfiguration.DiskInterface.allCases {
      for copy in 0..<(interface == .ide ? 1 : 2) {
        let path = try folder.write("\(interface)\(copy)", blank)
        configuration.disks.append(.init(path: path, interface: interface, snapshot: copy == 1))
        configuration.disks[configuration.disks.count - 1].format = "raw"
      }
    }
    let disc = try folder.write("disc", [UInt8](repeating: 0, count: 64 << 10))
    configuration.cdroms = [.init(path: disc), .init(path: disc, interface: .sata)]
    configuration.floppies = [try folder.write("floppy", [UInt8](repeating: 0, count: 1_474_560))]
    let port = UInt16.random(in: 20_000...30_000)
    let wire = { (local: UInt16, remote: UInt16) in
      MachineConfiguration.NetworkCard.Attachment.tunnel(
        local: IPv4Endpoint(address: 0x7f00_0001, port: local), remote: IPv4Endpoint(address: 0x7f00_0001, port: remote)
      )
    }
    // What comes from a network follows from no seed.
    guard seed == nil else { return configuration }
    configuration.network = [
      .init(.nat(NATConfiguration()), model: .virtio), .init(.nat(NATConfiguration()), model: .e1000),
      .init(.null, model: .pcnet), .init(.internalNetwork("end-\(getpid())"), model: .i82545em),
      .init(wire(port, port + 1), model: .i82543gc), .init(wire(port + 1, port), model: .virtio),
    ]
    configuration.network[0].bitsPerSecond = 1_000_000
    configuration.network[1].rateGroup = .init(name: "all", bitsPerSecond: 1_000_000)
    configuration.network[2].trace = folder.name("trace")
    return configuration
  }

  /// Makes a machine, lets it run a little, and leaves nothing but weak references.
  private static func life(
    _ configuration: MachineConfiguration, _ folder: TemporaryFolder, _ end: End
  ) throws -> Parts {
    let machine = try Machine(configuration: configuration) { _ in }
    let parts = Parts(machine)
    guard end != .off else { return parts }
    machine.start()
    let deadline = HostClock.monotonicNanoseconds + 10_000_000_000
    while machine.processors.statistics(0).instructions < 20_000, HostClock.monotonicNanoseconds < deadline {
      usleep(1000)
    }
    switch end {
    case .stopped: machine.stop()
    case .paused: machine.pause()
    case .reset:
      machine.reset()
      machine.stop()
    case .saved:
      machine.saveState(to: folder.name("state-\(UInt32.random(in: 0...(.max)))")) { _ in
      } completion: { _ in
      }
    case .snapshot:
      let name = folder.name("snapshot-\(UInt32.random(in: 0...(.max)))")
      machine.takeSnapshot(to: name, []) { _ in
      } completion: { _ in
      }
    case .running, .off: break
    }
    return parts
  }

  /// Threads need a while to end.
  private static func wait(_ condition: () -> Bool) -> Bool {
    let deadline = HostClock.monotonicNanoseconds + 20_000_000_000
    while !condition() {
      if HostClock.monotonicNanoseconds > deadline { return false }
      usleep(1000)
    }
    return true
  }
  /// What of a dropped machine is still there after a while.
  private static func remains(_ parts: Parts, _ before: Host) -> String? {
    if wait({ parts.left.isEmpty && Host.now == before }) { return nil }
    return "\(parts.left); \(before) before, \(Host.now) after"
  }

  /// Whatever is left of machines that came to their ends.
  private static func faults(_ kind: String) throws -> [String] {
    let folder = try TemporaryFolder()
    let isCounted = kind == "deterministic"
    let configuration = try configuration(folder, isCounted ? "recompiler" : kind, seed: isCounted ? 5 : nil)
    // What is made once in a process is made by the first.
    let first = try life(configuration, folder, .stopped)
    guard wait({ first.left.isEmpty && Host.now.threads.isEmpty }) else { return ["the first: \(first.left)"] }
    let before = Host.now
    return try End.allCases.compactMap { end in
      let parts = try life(configuration, folder, end)
      return remains(parts, before).map { "\(kind), \(end): \($0)" }
    }
  }
  /// The same of machines that could not be made.
  private static func faultsOfFailures() throws -> [String] {
    let folder = try TemporaryFolder()
    let configuration = try configuration(folder, "interpreter", seed: nil)
    let first = try life(configuration, folder, .off)
    guard wait({ first.left.isEmpty && Host.now.threads.isEmpty }) else { return ["the first: \(first.left)"] }
    let before = Host.now
    var failing = [configuration, configuration, configuration]
    failing[0].disks[3].path = folder.name("nowhere")
    failing[1].network[5].attachment = failing[1].network[4].attachment
    failing[2].firmware = folder.name("nowhere")
    return failing.enumerated().compactMap { index, configuration in
      if (try? Machine(configuration: configuration) { _ in }) != nil { return "\(index) was made" }
      return wait({ Host.now == before }) ? nil : "\(index): \(before) before, \(Host.now) after"
    }
  }
  /// Runs `body` on a thread of its own, with room for what a debug build needs.
  private static func onThread(_ body: @escaping @Sendable () throws -> [String]) throws -> [String] {
    let faults = Mutex<[String]>([])
    let thread = try HostThread(name: "test") {
      do {
        let found = try body()
        faults.withLock { $0 = found }
      } catch { faults.withLock { $0 = ["\(error)"] } }
    }
    thread.join()
    return faults.withLock { $0 }
  }

  @Test("nothing is left of a machine that was dropped", arguments: ["recompiler", "interpreter", "deterministic"])
  func isGone(kind: String) async {
    await #expect(processExitsWith: .success) { [kind] in
      let faults = try MachineEndTests.onThread { try MachineEndTests.faults(kind) }
      #expect(faults == [])
    }
  }
  @Test func nothingIsLeftOfAMachineThatCouldNotBeMade() async {
    await #expect(processExitsWith: .success) {
      let faults = try MachineEndTests.onThread { try MachineEndTests.faultsOfFailures() }
      #expect(faults == [])
    }
  }
}
