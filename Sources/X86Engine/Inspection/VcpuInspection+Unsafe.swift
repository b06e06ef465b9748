import CHost
import X86ISA

/// What a machine's user wants to see of the code that it executes. Empty normally, and then nothing costs anything.
public struct EngineInspection: Sendable {
  /// Is told of every translation, for `perf`.
  public var perfMap: PerfMap?
  /// Collects samples.
  public var profile: GuestProfile?
  /// Is called by translated code.
  public var client: (any Instrumentation)?
  /// Nothing, or what is given.
  public init(perfMap: PerfMap? = nil, profile: GuestProfile? = nil, client: (any Instrumentation)? = nil) {
    self.perfMap = perfMap
    self.profile = profile
    self.client = client
  }
  /// Nobody looks.
  public var isEmpty: Bool { perfMap == nil && profile == nil && client == nil }
}

/// The inspection of one vCPU: its counters and samples.
// SAFETY(type): counters are allocated in init with the capacity below and freed in deinit, when generated code does not use
// them: the vCPU's context holds this object. Everything is used by the vCPU's thread, or while that does not run: hence
// @unchecked Sendable.
@safe final class VcpuInspection: @unchecked Sendable {
  static let counterCapacity = 1 << 20
  private static let ringCapacity = 1 << 12

  let request: EngineInspection
  let points: InstrumentationPoints
  private let index: Int
  private let counters: UnsafeMutablePointer<UInt64>
  /// What each counter counts.
  private var runs: [CountedRun] = []
  private let sampler: ThreadSampler

  init(_ request: EngineInspection, index: Int) {
    self.request = request
    self.index = index
    points = request.client?.points ?? []
    sampler = ThreadSampler(capacity: VcpuInspection.ringCapacity)
    // SAFETY: a fresh allocation of a trivial type; counters are initialised as they are given out.
    unsafe counters = .allocate(capacity: points.contains(.counts) ? VcpuInspection.counterCapacity : 1)
  }
  deinit {
    // SAFETY: see the type.
    unsafe counters.deallocate()
  }

  // MARK: Counting

  /// Address of a new counter at 0; nil when there are no more until code is forgotten.
  func addCounter(_ run: CountedRun) -> UInt64? {
    guard runs.count < VcpuInspection.counterCapacity else { return nil }
    // SAFETY: below the capacity.
    let counter = unsafe counters + runs.count
    unsafe counter.initialize(to: 0)
    runs.append(run)
    return UInt64(UInt(bitPattern: counter))
  }

  /// Tells the client what was counted since it was told before.
  func tellCounts() {
    guard let client = request.client else { return }
    for (place, run) in runs.enumerated() {
      // SAFETY: one initialised counter for each run.
      let times = unsafe counters[place]
      guard times > 0 else { continue }
      unsafe counters[place] = 0
      client.counted(run, times: times)
    }
  }

  /// The code that the counters are in is gone.
  func forgetCounters() {
    tellCounts()
    runs.removeAll(keepingCapacity: true)
  }

  // MARK: Calls

  /// Whether the client wants a call before this instruction.
  func callsBefore(_ i: Instruction, isFirst: Bool) -> Bool {
    if points.isDisjoint(with: .calls) { return false }
    if points.contains(.instruction) || points.contains(.block) && isFirst { return true }
    if points.contains(.memoryAccess), i.accessesOperand || i.isString || i.stackBytes != 0 { return true }
    return points.contains(.branch) && i.isBranch
  }

  /// Calls the client before the instruction at RIP.
  func call(_ cpu: Cpu, _ i: Instruction, isFirst: Bool) {
    guard let client = request.client else { return }
    let place = GuestPlace(
      cpu: index, address: cpu.codeLinear, codeSize: CodeSize(rawValue: cpu.s.codeSize) ?? .bits16,
      privilege: Int(cpu.s.cpl), instruction: i)
    if isFirst, points.contains(.block) { client.block(place) }
    if points.contains(.instruction) { client.instruction(place) }
    let start = cpu.rip
    cpu.rip = start &+ UInt64(i.length)
    let accesses = points.contains(.memoryAccess) ? cpu.accesses(i) : []
    let branch = points.contains(.branch) && i.isBranch ? cpu.branch(i, next: cpu.rip) : nil
    cpu.rip = start
    for access in accesses { client.memoryAccess(access, place) }
    if let branch { client.branch(branch, place) }
  }

  // MARK: Samples

  /// Sampling of the calling thread, which runs `cpu`, begins and ends.
  func startSampling(_ cpu: Cpu) {
    guard let profile = request.profile else { return }
    if !sampler.start(cpu, hertz: profile.hertz) { profile.fail() }
  }
  func stopSampling(_ cpu: Cpu) {
    sampler.stop()
    collectSamples(cpu)
  }

  /// Takes the samples out of the ring while the code they lie in is still known.
  func collectSamples(_ cpu: Cpu) {
    guard let profile = request.profile else { return }
    var found: [GuestProfile.Place] = []
    while let sample = sampler.take() { found.append(place(of: sample, cpu)) }
    if !found.isEmpty { profile.add(found) }
  }

  private func place(of sample: rb_sample, _ cpu: Cpu) -> GuestProfile.Place {
    if let block = cpu.block(atHost: sample.host) {
      let record = cpu.blockRecord(block)
      return GuestProfile.Place(cpu: self.index, privilege: record.key.cpl, isEngine: false, address: record.linear)
    }
    let address = sample.code_size == 2 ? sample.guest : (sample.base &+ sample.guest) & 0xffff_ffff
    return GuestProfile.Place(cpu: self.index, privilege: sample.privilege, isEngine: true, address: address)
  }
}

extension Cpu {
  /// Generated code calls the client at a site.
  // SAFETY: kept instructions stay in place until all code is forgotten.
  func runHook(_ index: UInt32, _ site: Site) -> UInt {
    x.code.statistics.hooks &+= 1
    rip = blockRecord(site.block).rip &+ UInt64(site.guest)
    statusFlags = Cpu.unpacked(g.savedFlags)
    if let i = unsafe x.code.instruction(of: site, generation: 0) {
      unsafe context.inspection?.call(self, i.pointee, isFirst: site.isWrite)
    } else if let (i, _) = peek(rip, blockRecord(site.block).key) {
      context.inspection?.call(self, i, isFirst: site.isWrite)
    }
    return x.code.address(site.resume)
  }

  /// The interpreter is about to execute the instruction at RIP outside of any block.
  func inspectStep() {
    guard let inspection = context.inspection, !inspection.points.isEmpty, let (i, length) = peek(rip, modeKey) else {
      return
    }
    if inspection.points.contains(.counts) {
      let run = CountedRun(
        cpu: self.index, address: codeLinear, count: length, codeSize: CodeSize(rawValue: s.codeSize) ?? .bits16,
        privilege: Int(s.cpl), operations: [i.op])
      inspection.request.client?.counted(run, times: 1)
    }
    if inspection.callsBefore(i, isFirst: true) { inspection.call(self, i, isFirst: true) }
  }

  func collectSamples() { context.inspection?.collectSamples(self) }

  /// A block was translated: its record, and its number.
  func noteTranslation(_ block: TranslationBlock, _ number: UInt32) {
    context.inspection?.request.perfMap?.add(
      cpu: self.index, start: x.code.address(block.indirectEntry), size: Int(block.codeEnd &- block.indirectEntry),
      address: block.linear, privilege: block.key.cpl)
  }

  /// All code is about to be forgotten.
  func noteFlush() {
    guard let inspection = context.inspection else { return }
    inspection.collectSamples(self)
    inspection.forgetCounters()
    inspection.request.perfMap?.forget(cpu: self.index)
  }
}
