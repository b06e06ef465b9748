import Base
import CHost
import Glibc
import GuestMemory
import HostSystem
import Synchronization
import X86ISA

/// How a virtual processor executes guest code.
public enum EngineChoice: String, Sendable, CaseIterable {
  /// Translates guest code to host code, and keeps it.
  case recompiler
  /// Decodes guest code and calls a handler for each instruction: the reference.
  case interpreter
  /// The interpreter, with every run of translated code tried beside it and compared; slow.
  case verified
}

/// One virtual processor: owner of its state block, translation caches and decoded code.
///
/// `run()` executes on the thread that calls it, always the same one; `raise`, `signal` and the statistics may be
/// used from any thread.
// SAFETY(type): `block` and `tlb` are allocated and initialised by init and freed by deinit, when no thread runs the vCPU
// any more (a running thread holds a reference). @unchecked Sendable: the block is used by the vCPU's thread only, but for
// its atomic event word; everything else is immutable, atomic or behind a lock.
@safe public final class Vcpu: @unchecked Sendable {
  public let index: Int
  public let cpu: Cpu
  let engine: EngineChoice
  fileprivate let context: VcpuContext
  private let group: VcpuGroup
  /// The state block and the tables behind it (`VcpuLayout`).
  private let memory: MappedMemory
  private let block: UnsafeMutablePointer<CPUBlock>
  /// The thread inside `run()`, 0 when none.
  private let thread = Atomic<UInt>(0)
  /// Not executing guest code: nothing stale can be used before events are looked at again.
  let parked = Atomic<Bool>(true)
  /// What other vCPUs ask this one to forget.
  fileprivate let mailbox = Mutex<[CodeRequest]>([])

  public init(
    index: Int, memory: GuestMemory, platform: any Platform, model: CPUModel, group: VcpuGroup,
    engine: EngineChoice = .recompiler, inspection: EngineInspection = EngineInspection(), counted seed: UInt64? = nil
  ) {
    self.index = index
    self.engine = engine
    self.group = group
    // Two engines at once execute everything twice: there is nothing to count.
    let isInspected = !inspection.isEmpty && engine != .verified
    context = VcpuContext(
      memory: memory, platform: platform, index: index, model: model, group: group,
      inspection: isInspected ? VcpuInspection(inspection, index: index) : nil,
      // A thread has one sampler; and what samples say is not the same in every run.
      findsHotCode: engine == .recompiler && seed == nil && inspection.profile == nil)
    self.memory = MappedMemory(zeroed: VcpuLayout.end)
    // SAFETY: inside the fresh mapping, of which what is not zero is initialised here; `deinit` undoes it.
    do {
      let raw = unsafe self.memory.base
      unsafe block = raw.bindMemory(to: CPUBlock.self, capacity: 1)
      let near = VcpuLayout.views * VcpuLayout.nearCount
      let tlb = unsafe (raw + VcpuLayout.tlb).bindMemory(to: TLBEntry.self, capacity: 3 * EngineState.tlbCount + near)
      unsafe (tlb + 3 * EngineState.tlbCount).initialize(repeating: .emptyNear(), count: near)
      for view in 0..<3 {
        for index in [0, EngineState.otherWay] {
          unsafe (tlb + view * EngineState.tlbCount + index).initialize(to: TLBEntry(index: index))
        }
      }
      unsafe block.initialize(
        to: CPUBlock(
          engine: EngineState(
            context: .passUnretained(context), index: index, features: model.features, memory: MemoryView(memory),
            tlb: tlb, filled: FilledEntries(), blocks: BlockCache(),
            thunks: ThunkCache(), code: CodeCache(), recompiler: RecompilerState(block: raw))))
      unsafe cpu = Cpu(p: block)
    }
    cpu.prepareRecompiler()
    if engine != .interpreter { cpu.x.blockLimit = 1 }
    cpu.x.recompiler.leavesUnsteady = engine == .verified || seed != nil
    cpu.x.recompiler.treatsAllAsHot = engine == .verified
    cpu.x.recompiler.keepsAllFlags = engine == .recompiler && seed != nil
    if let seed {
      cpu.x.counting = Counting(
        isOn: true, isInterpreted: engine != .recompiler, numbers: SeededNumbers(seed: seed &+ UInt64(index)))
    }
    cpu.x.isInspected = isInspected
    inspection.perfMap?.add(
      cpu: PerfMap.forEver, start: cpu.x.code.address(0), size: cpu.x.code.stubEnd, name: "ringbox:stubs")
    cpu.reset()
    group.add(self)
  }

  deinit {
    // SAFETY: nothing runs any more; the pointers were allocated by init.
    do {
      unsafe block.pointee.engine.blocks.deallocate()
      unsafe block.pointee.engine.thunks.deallocate()
      unsafe block.pointee.engine.filled.deallocate()
      unsafe block.pointee.engine.code.deallocate()
      unsafe block.pointee.engine.recompiler.deallocate()
      unsafe block.pointee.engine.shadow.deallocate()
      unsafe block.pointee.engine.snapshots.deallocate()
      unsafe block.deinitialize(count: 1)
    }
  }

  // MARK: Counted turns, for a vCPU made with a seed

  /// Guest time that an instruction takes: a slow processor, so that waiting in a loop takes few instructions.
  public static let nanosecondsPerInstruction: Int64 = 10

  /// Executes `count` instructions at most, of which the last one ends at guest time `end` (ns). Answers how many were
  /// executed: fewer when there is nothing to do before an event.
  public func runTurn(_ count: Int64, endingAt end: Int64) -> Int64 {
    withThread {
      context.inspection?.startSampling(cpu)
      defer { context.inspection?.stopSampling(cpu) }
      return runTurnOnThread(count, endingAt: end)
    }
  }
  private func runTurnOnThread(_ count: Int64, endingAt end: Int64) -> Int64 {
    cpu.g.budget = count
    cpu.x.counting.turnEnd = end
    let before = cpu.s.instructionCount
    _ = cpu.runTurn(engine)
    let executed = count &- cpu.g.budget &- (end &- cpu.x.counting.turnEnd) / Vcpu.nanosecondsPerInstruction
    cpu.s.instructionCount = before &+ UInt64(executed)
    return executed
  }
  /// The calling thread is the vCPU's while `body` runs.
  func withThread<T>(_ body: () throws -> T) rethrows -> T {
    thread.store(UInt(bitPattern: Int(pthread_self())), ordering: .relaxed)
    cpu.enterThread()
    parked.store(false, ordering: .sequentiallyConsistent)
    defer {
      cpu.leaveThread()
      parked.store(true, ordering: .sequentiallyConsistent)
      thread.store(0, ordering: .relaxed)
    }
    return try body()
  }
  /// Guest time in the turn under way.
  public var countedTime: Int64 { cpu.countedTime }
  /// The turn under way is to end at this guest time, or behind the instruction being executed. On the vCPU's thread only.
  public func endTurn(at time: Int64) {
    guard isCurrent else { return }
    let excess = (cpu.x.counting.turnEnd &- max(time, cpu.countedTime)) / Vcpu.nanosecondsPerInstruction
    guard excess > 0 else { return }
    cpu.x.counting.turnEnd &-= excess &* Vcpu.nanosecondsPerInstruction
    cpu.g.budget &-= excess
  }
  /// Nothing to execute before an event.
  public var isIdle: Bool { cpu.isIdle }
  /// What RDRAND and RDSEED give next. Only between turns.
  public var randomNumbers: SeededNumbers {
    get { cpu.x.counting.numbers }
    set { cpu.x.counting.numbers = newValue }
  }
  /// Looks up every translation of an address anew, as a processor that has just been restored does. Only between turns.
  public func forgetTranslations() { cpu.flushTLB() }

  /// Executes until `CPUEvent.stop`; sleeps without using the processor while the guest is halted.
  public func run() {
    thread.store(UInt(bitPattern: Int(pthread_self())), ordering: .relaxed)
    cpu.enterThread()
    defer { cpu.leaveThread() }
    context.inspection?.startSampling(cpu)
    defer { context.inspection?.stopSampling(cpu) }
    cpu.startSampling()
    defer { cpu.stopSampling() }
    while true {
      parked.store(false, ordering: .sequentiallyConsistent)
      let outcome =
        switch engine {
        case .recompiler: cpu.runRecompiled()
        case .interpreter: cpu.run()
        case .verified: cpu.runVerified()
        }
      parked.store(true, ordering: .sequentiallyConsistent)
      if outcome == .stopped { break }
      cpu.sleepUntilEvent()
    }
    thread.store(0, ordering: .relaxed)
  }

  var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(bitPattern: Int(pthread_self())) }

  /// INIT (SDM 3A, 9.4.4). A STARTUP IPI that came before it came to a running processor: it is lost.
  public func initialize() {
    cpu.clear(CPUEvent.startup)
    cpu.raise(CPUEvent.initSignal)
  }

  /// STARTUP IPI (SDM 3A, 9.4.4).
  public func startup(vector: UInt8) {
    // SAFETY: a plain aligned word, published by the event that follows.
    unsafe block.pointee.engine.startupVector = UInt32(vector)
    cpu.raise(CPUEvent.startup)
  }

  /// Hardware reset. Only while the vCPU is not running.
  public func reset() {
    cpu.reset()
    cpu.flushTLB()
    cpu.x.blocks.removeAll()
    cpu.forgetAllCode()
    cpu.x.code.statistics.resetFlushes &+= 1
    cpu.clear(~0)
  }

  /// Tells the instrumentation client what was counted up to now. Only while the vCPU is not running.
  public func tellCounts() { context.inspection?.tellCounts() }

  /// What the engine counted since power-on.
  public var statistics: EngineStatistics {
    EngineStatistics(
      instructions: cpu.s.instructionCount, decodedBlocks: cpu.x.blocks.decodedBlocks,
      invalidatedBlocks: cpu.x.blocks.invalidatedBlocks, cacheFlushes: cpu.x.blocks.fullFlushes,
      undefined: cpu.x.undefinedCount)
  }
}

/// What the engine counted since power-on.
public struct EngineStatistics: Sendable, Equatable {
  /// Instructions retired.
  public var instructions: UInt64
  /// Blocks decoded.
  public var decodedBlocks: UInt64
  /// Decoded blocks forgotten because their code changed.
  public var invalidatedBlocks: UInt64
  /// Times all decoded code was forgotten for want of room.
  public var cacheFlushes: UInt64
  /// Encodings met that this processor model does not offer.
  public var undefined: UInt64
}

/// What one vCPU asks of another about code.
private enum CodeRequest {
  /// The physical page becomes code: no translation may let a store through unnoticed.
  case dropWriteRights(page: UInt64)
  /// Bytes that code was decoded from were written.
  case codeWritten(UInt64, Int)
}

/// The vCPUs of one machine, as far as they must agree on what is code.
///
/// The law: before a vCPU reads bytes to decode them, no other vCPU may hold a translation that lets it store to
/// that page unnoticed. `dropWriteRights` therefore waits until every running vCPU has passed an instruction-block
/// boundary; a vCPU that waits serves requests of others, so two that wait for each other both get on.
public final class VcpuGroup: Sendable {
  /// The host's time-stamp counter when the guest's stood at zero.
  let tscBase = rb_rdtsc()
  private let members = Mutex<[Vcpu]>([])
  public init() {}

  // MARK: The engine `verified`

  /// One vCPU at a time, in the order of their tickets: another's stores would look like a difference.
  private let nextTicket = Atomic<UInt>(0)
  private let servedTicket = Atomic<UInt>(0)
  private let reporter = Mutex<(@Sendable (Divergence) -> Void)?>(nil)

  func takeTurn(for cpu: Cpu) {
    let ticket = nextTicket.wrappingAdd(1, ordering: .relaxed).oldValue
    while servedTicket.load(ordering: .acquiring) != ticket {
      // Who has the turn may wait for this vCPU to forget code.
      if cpu.pendingEvents & CPUEvent.codeChanged != 0 { collect(for: cpu) }
      sched_yield()
    }
  }
  func endTurn() { servedTicket.wrappingAdd(1, ordering: .releasing) }

  /// Hears of every divergence of recompiler and interpreter; the vCPU has stopped then.
  public func onDivergence(_ handler: @escaping @Sendable (Divergence) -> Void) { reporter.withLock { $0 = handler } }
  func report(_ divergence: Divergence) { reporter.withLock { $0 }?(divergence) }

  func add(_ vcpu: Vcpu) { members.withLock { $0.append(vcpu) } }
  /// Lets the members go, which refer to their group. They must not run any more.
  public func disband() {
    let former = members.withLock { members in
      defer { members = [] }
      return members
    }
    _ = consume former
  }

  /// Connects the group to guest memory: stores to code by devices and vCPUs reach every member.
  public func observe(_ memory: GuestMemory) {
    memory.addCodeListener { [weak self] address, count in self?.codeWritten(address.value, count) }
  }

  private func codeWritten(_ physical: UInt64, _ count: Int) {
    for vcpu in members.withLock({ $0 }) {
      if vcpu.isCurrent {
        vcpu.cpu.invalidateCode(physical, count)
      } else if vcpu.context.codeChunks.contains(physical, count) {
        vcpu.mailbox.withLock { $0.append(.codeWritten(physical, count)) }
        vcpu.cpu.raise(CPUEvent.codeChanged)
      }
    }
  }

  /// Takes every stale right to store to a page that is about to be decoded.
  func dropWriteRights(page: UInt64, for cpu: Cpu) {
    cpu.dropWriteTags(page: page)
    let others = members.withLock { $0 }.filter { $0.index != cpu.index }
    for vcpu in others {
      vcpu.mailbox.withLock { $0.append(.dropWriteRights(page: page)) }
      vcpu.cpu.raise(CPUEvent.codeChanged)
    }
    for vcpu in others {
      while !vcpu.parked.load(ordering: .sequentiallyConsistent), !vcpu.mailbox.withLock({ $0.isEmpty }) {
        collect(for: cpu)
        cpu.spin()
      }
    }
  }

  /// Serves what other vCPUs asked of this one. On its own thread.
  func collect(for cpu: Cpu) {
    guard let vcpu = members.withLock({ $0.first { $0.index == cpu.index } }) else { return }
    cpu.clear(CPUEvent.codeChanged)
    // The box is emptied last: an empty box tells the waiting vCPU that the rights are gone.
    while true {
      let requests = vcpu.mailbox.withLock { $0 }
      if requests.isEmpty { return }
      for request in requests {
        switch request {
        case .dropWriteRights(let page): cpu.dropWriteTags(page: page)
        case .codeWritten(let physical, let count): cpu.invalidateCode(physical, count)
        }
      }
      vcpu.mailbox.withLock { $0.removeFirst(requests.count) }
    }
  }
}

extension Cpu {
  /// Waits for an event, other than those that could not be served in the present state.
  func sleepUntilEvent() {
    let events = pendingEvents
    let others = CPUEvent.stop | CPUEvent.flushTLB | CPUEvent.codeChanged
    if events & (wakeable | others) == 0 { sleep(seen: events) }
  }

  /// What the engine has to do for itself does not count.
  var isIdle: Bool { s.activity != Activity.running && pendingEvents & wakeable == 0 }

  /// Events of the guest that a processor in this state does not sleep through.
  private var wakeable: UInt32 {
    var wakeable = CPUEvent.initSignal
    switch s.activity {
    case Activity.halted:
      if pendingEvents & CPUEvent.nmiBlocked == 0 { wakeable |= CPUEvent.nmi }
      if s.systemFlags & RFLAGS.if != 0 { wakeable |= CPUEvent.interrupt }
    case Activity.waitForStartup: wakeable |= CPUEvent.startup
    default: break
    }
    return wakeable
  }
}
