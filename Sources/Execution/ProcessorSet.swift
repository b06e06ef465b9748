import Base
import GuestMemory
import HostSystem
import Synchronization
import X86Engine
import X86ISA

/// What a vCPU needs of the board around it; see `X86Engine.Platform`.
public typealias ProcessorPlatform = X86Engine.Platform
/// Registers that an instruction hands to the board.
public typealias RegisterCall = X86Engine.RegisterCall

/// How processors execute guest code; see `X86Engine.EngineChoice`.
public typealias ProcessorEngine = EngineChoice

/// What is to be seen of the code that processors execute; see `X86Engine.EngineInspection`.
public typealias ProcessorInspection = EngineInspection

/// What an engine counted; see `X86Engine.EngineReport`.
public typealias ProcessorReport = EngineReport

/// Translated code for people; see `X86Engine.BlockListing`.
public typealias CodeListing = BlockListing

/// Why a processor specification (`--cpu`) was refused.
public struct ProcessorSpecificationError: Error, Equatable {
  /// One line for a person.
  public let message: String
}

/// What the processors of a machine offer: profile, overrides and the host's bounds, already checked.
public struct ProcessorModel: Sendable {
  let model: CPUModel
  /// - Parameters:
  ///   - specification: `PROFILE[,+feature|-feature|LEAF.REGISTER=VALUE...]`.
  ///   - count: number of processors, for the topology leaves.
  public init(_ specification: String, count: Int) throws(ProcessorSpecificationError) {
    do throws(CPUProfileError) {
      model = try CPUProfile.model(specification, cpus: count)
    } catch {
      throw ProcessorSpecificationError(message: error.description)
    }
  }
}

extension ProcessorModel {
  /// CPUID as the guest sees it, with the parts that never change: numbers in the order leaf, subleaf, EAX, EBX, ECX, EDX.
  public var identification: [[UInt32]] {
    model.leaves.sorted { $0.key < $1.key }.map { key, leaf in
      [UInt32(key >> 32), UInt32(truncatingIfNeeded: key), leaf.eax, leaf.ebx, leaf.ecx, leaf.edx]
    }
  }
  /// The processor of a saved state, by its `identification`: nil when that is nonsense.
  public init?(identification: [[UInt32]]) {
    guard identification.count <= 256, identification.allSatisfy({ $0.count == 6 }) else { return nil }
    let leaves = identification.map { numbers in
      (
        UInt64(numbers[0]) << 32 | UInt64(numbers[1]),
        CPUModel.Leaf(eax: numbers[2], ebx: numbers[3], ecx: numbers[4], edx: numbers[5])
      )
    }
    model = CPUModel(leaves: Dictionary(leaves) { first, _ in first })
  }
  /// Names of features that this processor has and `other` lacks.
  public func features(missingIn other: ProcessorModel) -> [String] {
    CPUFeature.allCases.filter { model.has($0) && !other.model.has($0) }.map(\.name)
  }
}

/// What a processor has done since power-on.
public struct ProcessorStatistics: Sendable, Equatable {
  /// Instructions retired.
  public var instructions: UInt64
  /// Blocks decoded.
  public var decodedBlocks: UInt64
  /// Decoded blocks forgotten because their code changed.
  public var invalidatedBlocks: UInt64
}

/// A few registers of a processor, for people: exact while paused, a snapshot while running.
public struct ProcessorRegisters: Sendable, Equatable {
  public var rip: UInt64
  public var rflags: UInt64
  /// Selectors of ES, CS, SS, DS, FS, GS.
  public var selectors: [UInt16]
  /// Linear base of CS.
  public var codeBase: UInt64
  public var cr0: UInt64
  public var cr2: UInt64
  public var cr3: UInt64
  public var cr4: UInt64
  public var efer: UInt64
  /// The sixteen general registers by number.
  public var general: [UInt64]
  /// Waits in HLT.
  public var isHalted: Bool
  /// CF, PF, AF, ZF, SF, DF, OF.
  static let ownFlags: UInt64 = 0xcd5
}

/// The virtual processors of one machine, each on a thread of its own; with a schedule all on one, by turns.
///
/// `start`, `resume`, `pause`, `reset` and `stop` belong to one controlling thread, which is never a vCPU thread; the
/// signals (`raiseInterrupt` and the like) may come from anywhere and only set a flag and wake.
/// Lock order: none is taken while guest code runs or while calling out.
public final class ProcessorSet: Sendable {
  private enum Goal { static let paused = 0, running = 1, ended = 2 }

  /// One thread's place: where it waits while the machine is paused.
  private final class Seat: Sendable {
    let parker = Parker()
    let isParked = Atomic<Bool>(true)
  }

  private let vcpus: [Vcpu]
  private let group = VcpuGroup()
  private let seats: [Seat]
  private let schedule: Schedule?
  private let goal = Atomic<Int>(Goal.paused)
  private let controller = Parker()
  private let threads = Mutex<[HostThread]>([])
  private let counter = TimestampCounter()
  /// The host's time-stamp counter when the processors last stopped: guest counters stand still from there on.
  private let pausedAt: Atomic<UInt64>
  private static let a20Mask = ~UInt64(1 << 20)

  public init(
    memory: GuestMemory, platform: any ProcessorPlatform, model: ProcessorModel, count: Int,
    engine: ProcessorEngine = .recompiler, inspection: ProcessorInspection? = nil, schedule: Schedule? = nil
  ) {
    self.schedule = schedule
    pausedAt = Atomic(schedule == nil ? TimestampCounter.now : 0)
    let group = group
    vcpus = (0..<count).map {
      Vcpu(
        index: $0, memory: memory, platform: platform, model: model.model, group: group, engine: engine,
        inspection: inspection ?? EngineInspection(), counted: schedule?.seed)
    }
    seats = (0..<(schedule == nil ? count : 1)).map { _ in Seat() }
    group.observe(memory)
    reset()
  }

  /// Threads hold a reference: they have ended.
  deinit { group.disband() }

  /// Number of processors.
  public var count: Int { vcpus.count }

  // MARK: Life

  /// Creates the threads, paused.
  public func start() throws(ThreadError) {
    for index in seats.indices {
      let thread = try HostThread(name: "cpu\(index)") { [vcpus, seats, schedule, self] in
        self.serve(seats[index]) {
          if let schedule { schedule.run(vcpus) { self.isRunning } } else { vcpus[index].run() }
        }
      }
      threads.withLock { $0.append(thread) }
    }
  }
  private var isRunning: Bool { goal.load(ordering: .sequentiallyConsistent) == Goal.running }

  private func serve(_ seat: Seat, _ execute: () -> Void) {
    while true {
      switch goal.load(ordering: .sequentiallyConsistent) {
      case Goal.running:
        seat.isParked.store(false, ordering: .sequentiallyConsistent)
        // Looked at again: a pause that did not see this thread leave its seat does not wait for it.
        if isRunning { execute() }
        seat.isParked.store(true, ordering: .sequentiallyConsistent)
        controller.unpark()
      case Goal.ended:
        return
      default:
        seat.parker.park()
      }
    }
  }

  /// Lets every processor execute.
  public func resume() {
    guard goal.load(ordering: .relaxed) == Goal.paused else { return }
    let pause = ticks &- pausedAt.load(ordering: .relaxed)
    for vcpu in vcpus { vcpu.cpu.s.tscOffset &-= pause }
    goal.store(Goal.running, ordering: .sequentiallyConsistent)
    schedule?.release()
    for seat in seats { seat.parker.unpark() }
  }

  /// Stops every processor at an instruction boundary; when it returns none is executing.
  ///
  /// `atCheckpoint`: with a schedule they run on to where a saved state can be taken from, unless they are held before.
  public func pause(atCheckpoint: Bool = false) {
    guard goal.load(ordering: .relaxed) == Goal.running else { return }
    if atCheckpoint, let schedule { _ = schedule.reachCheckpoint() }
    leave(Goal.paused)
    pausedAt.store(ticks, ordering: .relaxed)
  }

  /// Ends the threads and waits for them.
  public func stop() {
    leave(Goal.ended)
    for seat in seats { seat.parker.unpark() }
    let ending = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in ending { thread.join() }
  }

  private func leave(_ next: Int) {
    goal.store(next, ordering: .sequentiallyConsistent)
    // Turns are short; what interrupted one would be no part of the schedule.
    if schedule == nil { for vcpu in vcpus { vcpu.cpu.raise(CPUEvent.stop) } }
    schedule?.parker.unpark()
    for seat in seats {
      while !seat.isParked.load(ordering: .sequentiallyConsistent) { controller.park() }
    }
  }

  /// Hardware reset of all processors, while paused: processor 0 at the reset vector, the others wait for SIPI.
  public func reset() {
    schedule?.release()
    for vcpu in vcpus {
      vcpu.reset()
      // One offset for all: guests expect counters that agree.
      vcpu.cpu.s.tscOffset = 0 &- pausedAt.load(ordering: .relaxed)
    }
  }

  /// Hears when recompiler and interpreter disagree (engine `verified`), on a processor's thread; that processor has
  /// stopped for good. The report is for people, the test case a file for `X86EngineTests`.
  public func onDivergence(_ handler: @escaping @Sendable (_ report: String, _ testCase: String) -> Void) {
    group.onDivergence { handler($0.report, $0.testCase) }
  }

  // MARK: Saved states, while paused

  /// Format of what `save` gives.
  public static let stateVersion = 1
  public func save(_ cpu: Int) -> [UInt8] {
    StateWriter.encode(vcpus[cpu].save(hostTSC: pausedAt.load(ordering: .relaxed)))
  }
  /// Puts all processors into states that `save` gave; on an error none has changed.
  public func restore(_ states: [[UInt8]]) throws(StateError) {
    guard states.count == vcpus.count else { throw .outOfRange(field: "cpus") }
    var decoded: [ProcessorState] = []
    for (vcpu, bytes) in zip(vcpus, states) {
      let state: ProcessorState = try StateReader.decode(bytes)
      try vcpu.check(state)
      decoded.append(state)
    }
    let now = ticks
    pausedAt.store(now, ordering: .relaxed)
    for (vcpu, state) in zip(vcpus, decoded) { vcpu.restore(state, hostTSC: now) }
  }

  /// How far the schedule has come, if there is one; the processors must have paused at a checkpoint.
  public func saveSchedule() -> [UInt8]? {
    guard let schedule else { return nil }
    var position = schedule.position
    position.processors = vcpus.map { SchedulePosition.Numbers($0.randomNumbers) }
    return StateWriter.encode(position)
  }
  public var hasSchedule: Bool { schedule != nil }
  /// Goes on from what `saveSchedule` gave. Before devices and processors come back: they ask what time it is.
  public func restoreSchedule(_ bytes: [UInt8]) throws(StateError) {
    guard let schedule else { throw .outOfRange(field: "schedule") }
    var position: SchedulePosition = try StateReader.decode(bytes)
    let processors = position.processors
    guard processors.count == vcpus.count else { throw .outOfRange(field: "processors") }
    position.processors = []
    guard schedule.restore(position) else { throw .outOfRange(field: "seed") }
    for (vcpu, saved) in zip(vcpus, processors) { vcpu.randomNumbers = saved.numbers }
  }
  public static let scheduleVersion = 1

  // MARK: Signals, from any thread

  /// The interrupt controllers may have something for this processor.
  public func raiseInterrupt(_ cpu: Int) { raise(CPUEvent.interrupt, cpu) }
  public func raiseNMI(_ cpu: Int) { raise(CPUEvent.nmi, cpu) }
  public func raiseINIT(_ cpu: Int) {
    vcpus[cpu].initialize()
    schedule?.parker.unpark()
  }
  /// STARTUP IPI with its vector.
  public func startup(_ cpu: Int, vector: UInt8) {
    vcpus[cpu].startup(vector: vector)
    schedule?.parker.unpark()
  }
  private func raise(_ event: UInt32, _ cpu: Int) {
    vcpus[cpu].cpu.raise(event)
    schedule?.parker.unpark()
  }

  /// Pages changed between RAM, ROM and MMIO: translations are looked up anew.
  public func memoryMapChanged() { for vcpu in vcpus { vcpu.cpu.raise(CPUEvent.flushTLB) } }

  /// The A20 gate: when closed, physical address bit 20 reads as zero.
  public func setA20(enabled: Bool) {
    let mask = enabled ? ~0 : ProcessorSet.a20Mask
    // A plain word, published by the event: each processor goes on with the old gate up to its next block boundary.
    for vcpu in vcpus where vcpu.cpu.s.physicalMask != mask {
      vcpu.cpu.s.physicalMask = mask
      vcpu.cpu.raise(CPUEvent.flushTLB)
    }
  }

  // MARK: Time

  /// The time-stamp counter of a processor now. Meant for its own thread: the guest can move it there.
  public func timestamp(_ cpu: Int) -> UInt64 { ticks &+ vcpus[cpu].cpu.s.tscOffset }
  private var ticks: UInt64 { schedule.map { UInt64(bitPattern: $0.now) } ?? TimestampCounter.now }
  /// Ticks per second of the guest's and the host's counter.
  public var timestampHertz: UInt64 { schedule == nil ? counter.hertz : 1_000_000_000 }

  // MARK: For people

  /// Adds everything that guests can tell of the processors. While paused.
  public func addState(to hash: inout StateHash) { for vcpu in vcpus { vcpu.addState(to: &hash) } }

  public func statistics(_ cpu: Int) -> ProcessorStatistics {
    let counted = vcpus[cpu].statistics
    return ProcessorStatistics(
      instructions: counted.instructions, decodedBlocks: counted.decodedBlocks,
      invalidatedBlocks: counted.invalidatedBlocks)
  }

  /// What a processor's engine counted: exact while paused, a snapshot while running.
  public func report(_ cpu: Int) -> ProcessorReport { vcpus[cpu].report(hertz: counter.hertz) }

  /// Translated code of a processor in a range of linear addresses, and how much more there is. While paused.
  public func listings(_ cpu: Int, in range: AddressRange, limit: Int) -> (blocks: [CodeListing], more: Int) {
    vcpus[cpu].listings(in: range, limit: limit)
  }

  /// Tells the instrumentation client what was counted up to now. While paused.
  public func tellCounts() { for vcpu in vcpus { vcpu.tellCounts() } }

  /// Changes registers of a processor, while paused: RIP, RFLAGS as far as its bits belong to programs (the status flags
  /// and DF), and general registers by number.
  public func setRegisters(_ cpu: Int, rip: UInt64?, rflags: UInt64?, general: [Int: UInt64]) {
    let state = vcpus[cpu].cpu
    if let rip { state.rip = rip }
    if let rflags {
      state.setRFLAGS(state.rflags & ~ProcessorRegisters.ownFlags | rflags & ProcessorRegisters.ownFlags)
    }
    for (number, value) in general where (0..<16).contains(number) { state.s.regs[number] = value }
  }

  public func registers(_ cpu: Int) -> ProcessorRegisters {
    let state = vcpus[cpu].cpu
    return ProcessorRegisters(
      rip: state.rip, rflags: state.rflags, selectors: (0..<6).map { state.s.segments[$0].selector },
      codeBase: state.s.segments[Seg.cs].base, cr0: state.s.cr0, cr2: state.s.cr2,
      cr3: state.s.cr3, cr4: state.s.cr4, efer: state.s.efer, general: (0..<16).map { state.s.regs[$0] },
      isHalted: state.s.activity == Activity.halted)
  }
}
