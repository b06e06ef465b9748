import Base
import GuestMemory
import Synchronization

/// What recompiler and interpreter disagreed on, for people and for a test.
public struct Divergence: Sendable, Equatable {
  /// What differs, guest and host code, states.
  public var report: String
  /// The same run once more: the text of a `DivergenceCase`.
  public var testCase: String
}

/// A run of guest code as a file, with all that it depends on: the processor's model and state, and every page of memory that
/// it looked at. Both engines can be asked for it again, without the machine it came from.
///
/// Not in it: what the code cache held. A mistake about code that had changed need not come back.
struct DivergenceCase {
  /// What differed when it was found.
  var note: String
  var leaves: [UInt64: CPUModel.Leaf]
  var ramSize: UInt64
  var state: ProcessorState
  /// By guest-physical page number; pages of zeroes only are left out.
  var pages: [UInt64: [UInt8]]

  private static let pageSize = 0x1000
  /// A trial looks at a few pages for each of its blocks.
  private static let pageLimit = 4096
  /// As much as a machine may have (GuestMemory maps it lazily).
  private static let ramLimit: UInt64 = 1 << 40

  // MARK: The file

  var json: String {
    let model = leaves.sorted { $0.key < $1.key }.map { key, leaf in
      JSON.Member(
        ByteText.hex(key),
        .string([leaf.eax, leaf.ebx, leaf.ecx, leaf.edx].map { ByteText.hex($0) }.joined(separator: " ")))
    }
    let memory = pages.sorted { $0.key < $1.key }.map { page, bytes in
      JSON.Member(ByteText.hex(page << 12), .string(ByteText.hex(DivergenceCase.trimmed(bytes))))
    }
    let members: [JSON.Member] = [
      .init("note", .string(note)), .init("ram", .string(ByteText.hex(ramSize))), .init("model", .object(model)),
      .init("state", .string(ByteText.hex(StateWriter.encode(state)))), .init("memory", .object(memory)),
    ]
    return JSON.object(members).textByLines
  }

  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    Array(bytes.prefix((bytes.lastIndex { $0 != 0 } ?? -1) + 1))
  }

  /// Reads a file's text; nil when it is not such a file, or describes what no processor can be in.
  init?(json text: String) {
    guard let json = try? JSON(parsing: text), let ram = json["ram"]?.string.flatMap(ByteText.number(hex:)),
      ram > 0, ram & 0xfff == 0, ram <= DivergenceCase.ramLimit,
      let encoded = json["state"]?.string.flatMap(ByteText.bytes(hex:)),
      let state = try? StateReader.decode(encoded, into: ProcessorState()),
      let model = json["model"]?.members, let memory = json["memory"]?.members,
      memory.count <= DivergenceCase.pageLimit
    else { return nil }
    note = json["note"]?.string ?? ""
    ramSize = ram
    self.state = state
    leaves = [:]
    pages = [:]
    for member in model {
      let words = (member.value.string ?? "").split(separator: " ").compactMap { ByteText.number(hex: String($0)) }
      guard let key = ByteText.number(hex: member.key), words.count == 4, words.allSatisfy({ $0 >> 32 == 0 }) else {
        return nil
      }
      leaves[key] = CPUModel.Leaf(
        eax: UInt32(words[0]), ebx: UInt32(words[1]), ecx: UInt32(words[2]), edx: UInt32(words[3]))
    }
    for member in memory {
      guard let address = ByteText.number(hex: member.key), address & 0xfff == 0,
        let bytes = member.value.string.flatMap(ByteText.bytes(hex:)), bytes.count <= DivergenceCase.pageSize
      else { return nil }
      pages[address >> 12] = bytes
    }
  }

  init(note: String, leaves: [UInt64: CPUModel.Leaf], ramSize: UInt64, state: ProcessorState) {
    (self.note, self.leaves, self.ramSize, self.state) = (note, leaves, ramSize, state)
    pages = [:]
  }

  // MARK: Once more

  /// Runs it on both engines; what they disagree on, nil when they agree. `prepare` sees the vCPU before.
  func replay(prepare: (Cpu) throws -> Void = { _ in }) throws -> Divergence? {
    let memory = try GuestMemory(ramSize: ramSize)
    let group = VcpuGroup()
    defer { group.disband() }
    group.observe(memory)
    let vcpu = Vcpu(
      index: 0, memory: memory, platform: EmptyPlatform(), model: CPUModel(leaves: leaves), group: group,
      engine: .verified)
    for (page, bytes) in pages { memory.write(GuestPhysical(page << 12), bytes) }
    try vcpu.check(state)
    vcpu.restore(state, hostTSC: 0)
    let found = Mutex<Divergence?>(nil)
    group.onDivergence { divergence in found.withLock { $0 = divergence } }
    try vcpu.withThread {
      try prepare(vcpu.cpu)
      _ = vcpu.cpu.runTrialAndCompare()
    }
    return found.withLock { $0 }
  }
}

extension Cpu {
  /// The run of a report with all that it depends on. The vCPU is in the state before.
  func testCase(_ report: DivergenceReport) -> DivergenceCase {
    var state = ProcessorState(self, hostTSC: 0)
    // Events come behind the run, if at all; the rest is of its past only.
    (state.events, state.tsc, state.instructions) = (0, 0, 0)
    var test = DivergenceCase(
      note: report.differences.prefix(3).joined(separator: "; "), leaves: model.leaves, ramSize: memory.ramSize,
      state: state)
    for page in pagesLookedAt(report) { test.pages[page] = pageContents(page) }
    for (page, bytes) in report.originals { test.pages[page] = bytes }
    test.pages = test.pages.filter { page in page.value.contains { $0 != 0 } }
    return test
  }

  /// What was noted, and the code itself with the tables that lead to it.
  private func pagesLookedAt(_ report: DivergenceReport) -> Set<UInt64> {
    x.shadow.begin(report.originals)
    defer { x.shadow.end() }
    var pages: Set<UInt64> = []
    for block in report.trial.blocks {
      let record = blockRecord(block)
      let linear = s.codeSize == 2 ? record.rip : (s.segments[Seg.cs].base &+ record.rip) & 0xffff_ffff
      for address in [linear, linear &+ UInt64(record.guestBytes)] { _ = quietTranslate(address) }
      pages.insert(record.physical >> 12)
      if record.secondPage != ~0 { pages.insert(record.secondPage >> 12) }
    }
    return pages.union(x.shadow.noted ?? [])
  }
}
