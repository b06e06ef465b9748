import Base
import Foundation
import GuestMemory
import Synchronization
import X86Engine

/// The smallest machine that a guest of `Tests/Guests` needs: RAM, vCPUs, test ports, interrupts on request.
///
/// No firmware: the reset vector, like everything outside RAM, is answered by `memoryRead`.
final class GuestBoard: Platform {
  /// What the guest said and did, as seen from all vCPUs.
  struct Log: Sendable {
    var checks = 0
    /// Description of the check made last: where to look when the guest did not end well.
    var lastCheck = ""
    var failures: [String] = []
    var text = ""
    var exitCode: UInt8?
    var tripleFaults = 0
  }

  /// Register halves on their way to a check.
  private struct Check: Sendable {
    var actual: UInt64 = 0
    var wanted: UInt64 = 0
  }

  private struct State: Sendable {
    var log = Log()
    var checks: [Check]
    /// Vectors waiting for each vCPU.
    var interrupts: [[UInt8]]
    var priorities: [UInt8]
    /// Bytes behind ports 0x300...0x3ff and the MMIO page.
    var ports = [UInt8](repeating: 0xff, count: 256)
    var portAccesses: UInt32 = 0
    var mmio = [UInt8](repeating: 0, count: 4096)
    /// Where the next byte of a device's access to memory goes.
    var dmaAddress: UInt64 = 0
    var isEnded = false
    /// Counted runs: guest time now, and signals that wait for their time.
    var time: Int64 = 0
    var late: [(due: Int64, signal: UInt32)] = []
  }

  static let mmioPage: UInt64 = 0xfe00_0000
  static let loadAddress: UInt64 = 0x7c00

  let memory: GuestMemory
  private let group = VcpuGroup()
  private let state: Mutex<State>
  private let vcpuBox = Mutex<[Vcpu]>([])
  private let finished = DispatchSemaphore(value: 0)
  private let isCounted: Bool

  /// `seed`: the vCPUs run by counted turns (`runCounted`).
  init(memorySize: UInt64, cpus: Int, model: CPUModel, engine: EngineChoice, seed: UInt64? = nil) throws {
    isCounted = seed != nil
    memory = try GuestMemory(ramSize: memorySize)
    state = Mutex(
      State(
        checks: Array(repeating: Check(), count: cpus), interrupts: Array(repeating: [], count: cpus),
        priorities: Array(repeating: 0, count: cpus)))
    group.observe(memory)
    group.onDivergence { [weak self] found in self?.end { $0.failures.append(found.report) } }
    for index in 0..<cpus {
      let vcpu = Vcpu(
        index: index, memory: memory, platform: self, model: model, group: group, engine: engine, counted: seed)
      // Counted time stamps begin at nought; others at whatever the host's counter is.
      if seed != nil { vcpu.cpu.s.tscOffset = 0 }
      vcpuBox.withLock { $0.append(vcpu) }
    }
  }

  var vcpus: [Vcpu] { vcpuBox.withLock { $0 } }
  var log: Log { state.withLock { $0.log } }

  /// Runs all vCPUs until the guest exits, goes into shutdown, or `seconds` have passed; false on the last.
  func run(seconds: Double) -> Bool {
    let vcpus = self.vcpus
    let group = DispatchGroup()
    for vcpu in vcpus {
      group.enter()
      let thread = Thread {
        vcpu.run()
        group.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    let ended = finished.wait(timeout: .now() + seconds) == .success
    for vcpu in vcpus { vcpu.cpu.raise(CPUEvent.stop) }
    let stopped = group.wait(timeout: .now() + 5) == .success
    // The vCPUs hold the board: let go of them.
    vcpuBox.withLock { $0 = [] }
    return ended && stopped
  }

  /// Gives the vCPUs turns of `turn` instructions, one after the other, until the guest exits or `limit` instructions were
  /// executed; how many, or nil at the limit.
  func runCounted(turn: Int64, limit: Int64) -> Int64? {
    let vcpus = self.vcpus
    defer { vcpuBox.withLock { $0 = [] } }
    var executed: Int64 = 0
    while executed < limit {
      for vcpu in vcpus {
        let (time, due) = state.withLock { ($0.time, $0.late.map(\.due).min() ?? .max) }
        if due <= time {
          let signals = state.withLock { state in
            defer { state.late.removeAll { $0.due <= time } }
            return state.late.filter { $0.due <= time }.map(\.signal)
          }
          for signal in signals { send(signal) }
        }
        if vcpus.allSatisfy(\.isIdle) {
          guard due < .max else { return nil }
          state.withLock { $0.time = max($0.time, due) }
          continue
        }
        if vcpu.isIdle { continue }
        let length = min(turn, max(1, (due - time) / Vcpu.nanosecondsPerInstruction))
        let count = vcpu.runTurn(length, endingAt: time + length * Vcpu.nanosecondsPerInstruction)
        executed += count
        let isEnded = state.withLock { state in
          state.time += count * Vcpu.nanosecondsPerInstruction
          return state.isEnded
        }
        if isEnded { return executed }
      }
    }
    return nil
  }

  /// Of all vCPUs and the memory.
  func stateHash(_ vcpus: [Vcpu]) -> StateHash {
    var hash = StateHash()
    for vcpu in vcpus { vcpu.addState(to: &hash) }
    let bytes = memory.read(GuestPhysical(0), count: Int(memory.ramSize))
    for page in stride(from: 0, to: bytes.count, by: 0x1000) { hash.add(bytes[page..<page + 0x1000], at: UInt64(page)) }
    return hash
  }

  // MARK: Ports

  func portRead(_ port: UInt16, width: Int, cpu: Int) -> UInt32 {
    switch port {
    case 0xea: return state.withLock { $0.portAccesses }
    case 0x300..<0x400:
      return state.withLock { state in
        state.portAccesses &+= 1
        var value: UInt32 = 0
        for byte in 0..<width { value |= UInt32(state.ports[(Int(port) &+ byte) & 0xff]) << UInt32(8 * byte) }
        return value
      }
    default: return ~0
    }
  }

  func portWrite(_ port: UInt16, width: Int, value: UInt32, cpu: Int) {
    switch port {
    case 0x92: setA20(value & 2 != 0, cpu: cpu)
    case 0xe0: state.withLock { $0.checks[cpu].actual = UInt64(value) }
    case 0xe1: state.withLock { $0.checks[cpu].actual |= UInt64(value) << 32 }
    case 0xe2: state.withLock { $0.checks[cpu].wanted = UInt64(value) }
    case 0xe3: state.withLock { $0.checks[cpu].wanted |= UInt64(value) << 32 }
    case 0xe4: check(message: UInt64(value), cpu: cpu)
    case 0xe6: signal(value, from: cpu)
    case 0xe7: state.withLock { $0.dmaAddress = UInt64(value) }
    case 0xe8: transfer((0..<width).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) })
    case 0xe9: state.withLock { $0.log.text.unicodeScalars.append(Unicode.Scalar(UInt8(truncatingIfNeeded: value))) }
    case 0xf4: end { $0.exitCode = UInt8(truncatingIfNeeded: value) }
    case 0x300..<0x400:
      state.withLock { state in
        state.portAccesses &+= 1
        for byte in 0..<width {
          state.ports[(Int(port) &+ byte) & 0xff] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte))
        }
      }
    default: break
    }
  }

  private func end(_ note: (inout Log) -> Void) {
    let vcpus = self.vcpus
    state.withLock { state in
      note(&state.log)
      state.isEnded = true
      // Behind this instruction.
      if isCounted { for vcpu in vcpus { vcpu.endTurn(at: 0) } }
    }
    finished.signal()
  }

  /// A device stores bytes into memory, as DMA does.
  private func transfer(_ bytes: [UInt8]) {
    let address = state.withLock { state in
      defer { state.dmaAddress &+= UInt64(bytes.count) }
      return state.dmaAddress
    }
    memory.write(GuestPhysical(address), bytes)
  }

  private func check(message: UInt64, cpu: Int) {
    let text = memory.read(GuestPhysical(message), count: 160).prefix { $0 != 0 }
    state.withLock { state in
      state.log.checks += 1
      let check = state.checks[cpu]
      let what = String(decoding: text, as: UTF8.self)
      state.log.lastCheck = what
      if check.actual != check.wanted, state.log.failures.count < 12 {
        state.log.failures.append("\(what): is \(hex(check.actual)), should be \(hex(check.wanted))")
      }
    }
  }

  private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  /// The gate sits between processor and memory; the machine's own board does the same on port 92h.
  private func setA20(_ open: Bool, cpu: Int) {
    guard cpu < vcpus.count else { return }
    let cpu = vcpus[cpu].cpu
    cpu.s.physicalMask = open ? ~0 : ~(1 << 20)
    cpu.raise(CPUEvent.flushTLB)
  }

  // MARK: Interrupts

  /// Bits 7:0 vector, 15:8 kind, 23:16 delay in milliseconds, 31:24 vCPU.
  private func signal(_ value: UInt32, from cpu: Int) {
    let delay = value >> 16 & 0xff
    if delay == 0 { return send(value) }
    if isCounted {
      let due = vcpus[cpu].countedTime + Int64(delay) * 1_000_000
      state.withLock { $0.late.append((due, value)) }
      return vcpus[cpu].endTurn(at: due)
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(delay))) { [weak self] in self?.send(value) }
  }

  private func send(_ value: UInt32) {
    let number = Int(value >> 24)
    let vcpus = self.vcpus
    guard number < vcpus.count else { return }
    let vector = UInt8(truncatingIfNeeded: value)
    switch value >> 8 & 0xff {
    case 0:
      state.withLock { $0.interrupts[number].append(vector) }
      vcpus[number].cpu.raise(CPUEvent.interrupt)
    case 1: vcpus[number].cpu.raise(CPUEvent.nmi)
    case 2: vcpus[number].initialize()
    default: vcpus[number].startup(vector: vector)
    }
  }

  func acknowledgeInterrupt(cpu: Int) -> UInt8? {
    let (vector, more) = state.withLock { state -> (UInt8?, Bool) in
      guard !state.interrupts[cpu].isEmpty else { return (nil, false) }
      return (state.interrupts[cpu].removeFirst(), !state.interrupts[cpu].isEmpty)
    }
    if more { vcpus[cpu].cpu.raise(CPUEvent.interrupt) }
    return vector
  }

  func tripleFault(cpu: Int) { end { $0.tripleFaults += 1 } }

  // MARK: Bus

  func memoryRead(_ address: UInt64, width: Int, cpu: Int) -> UInt64 {
    var value: UInt64 = 0
    for byte in 0..<width { value |= UInt64(busByte(address &+ UInt64(byte))) << UInt64(8 * byte) }
    return value
  }

  private func busByte(_ address: UInt64) -> UInt8 {
    // Reset vector: JMP FAR 0000:7C00.
    let reset: [UInt8] = [0xea, 0x00, 0x7c, 0x00, 0x00]
    switch address {
    case 0xffff_fff0...0xffff_fff4: return reset[Int(address - 0xffff_fff0)]
    case GuestBoard.mmioPage..<(GuestBoard.mmioPage + 0x1000):
      return state.withLock { $0.mmio[Int(address & 0xfff)] }
    default: return 0xff
    }
  }

  func memoryWrite(_ address: UInt64, width: Int, value: UInt64, cpu: Int) {
    guard address & ~0xfff == GuestBoard.mmioPage else { return }
    state.withLock { state in
      for byte in 0..<width {
        state.mmio[Int((address &+ UInt64(byte)) & 0xfff)] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
      }
    }
  }

  // MARK: The local APIC that is not there

  func readAPIC(msr: UInt32, cpu: Int) -> UInt64? { nil }
  func writeAPIC(msr: UInt32, value: UInt64, cpu: Int) -> Bool { false }
  func setAPICBase(_ value: UInt64, cpu: Int) -> Bool { true }
  func taskPriority(cpu: Int) -> UInt8 { state.withLock { $0.priorities[cpu] } }
  func setTaskPriority(_ value: UInt8, cpu: Int) { state.withLock { $0.priorities[cpu] = value } }
}
