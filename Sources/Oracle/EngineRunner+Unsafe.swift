import Base
import Glibc
import GuestMemory
import X86Engine
import X86ISA

/// Cases on one of our engines: one vCPU at CPL 3 whose page tables map what the native child has mapped.
///
/// Belongs to the thread that made it. Several may share a thread: each takes it over for the time of a case.
@safe final class EngineRunner {
  // SAFETY(type): guest RAM is 2 MiB mapped at `memory.base`; every address here is a constant below that or bounded.
  private enum Physical {
    static let tables: UInt64 = 0x1000
    static let data: UInt64 = 0x10000
    static let readOnly: UInt64 = 0x12000
    static let code: UInt64 = 0x14000
    static let taskState: UInt64 = 0x16000
  }
  private let memory: GuestMemory
  private let board = EmptyPlatform()
  private let group = VcpuGroup()
  private let vcpu: Vcpu
  let engine: EngineChoice
  let model: CPUModel
  /// The recompiler: every status flag exact at every moment, not only where it can be read. Changes as cases go by.
  private(set) var keepsAllFlags = false
  private var templates: [[UInt8]] = []
  private var resident = -1
  private var mode: UInt32 = ~0
  private var casesSinceFlush = 0

  init(engine: EngineChoice) throws {
    self.engine = engine
    memory = try GuestMemory(ramSize: 2 << 20)
    model = try CPUProfile.model("host", cpus: 1)
    vcpu = Vcpu(index: 0, memory: memory, platform: board, model: model, group: group, engine: engine)
    group.observe(memory)
    buildPageTables()
    // SAFETY: inside RAM.
    unsafe memset(memory.base + Int(Physical.code), 0xcc, Window.codeBytes)
  }

  func setTemplates(_ templates: [[UInt8]], readOnly: [UInt8]) {
    self.templates = templates
    memory.write(GuestPhysical(Physical.readOnly), readOnly)
  }

  private func buildPageTables() {
    func store(_ address: UInt64, _ value: UInt64) {
      memory.write(GuestPhysical(address), (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) })
    }
    let tables = Physical.tables
    // PML4[0], PDPT[0], PD[128] (0x1000_0000 >> 21), then one page table; accessed and dirty bits set in advance.
    store(tables, tables + 0x1000 | 0x67)
    store(tables + 0x1000, tables + 0x2000 | 0x67)
    store(tables + 0x2000 + (Window.base >> 21) * 8, tables + 0x3000 | 0x67)
    let page: (UInt64, UInt64, UInt64) -> Void = { linear, physical, rights in
      store(tables + 0x3000 + (linear >> 12 & 511) * 8, physical | rights)
    }
    // A TSS whose I/O permission bitmap lies behind its limit, in supervisor space.
    store(tables + 0x800, tables + 0x4000 | 0x63)
    store(tables + 0x4000, tables + 0x5000 | 0x63)
    store(tables + 0x5000, tables + 0x6000 | 0x63)
    store(tables + 0x6000, Physical.taskState | 0x63)
    memory.write(GuestPhysical(Physical.taskState + 0x66), [0x68, 0x00])
    let noExecute: UInt64 = 1 << 63
    page(Window.data, Physical.data, 0x67 | noExecute)
    page(Window.data + 0x1000, Physical.data + 0x1000, 0x67 | noExecute)
    page(Window.readOnly, Physical.readOnly, 0x65 | noExecute)
    page(Window.code, Physical.code, 0x65)
    page(Window.code + 0x1000, Physical.code + 0x1000, 0x65)
  }

  /// Host address of the data pages.
  private var data: UnsafeMutableRawPointer { unsafe memory.base + Int(Physical.data) }

  /// Runs a case to its end or its fault.
  func run(_ test: OracleCase) -> Outcome {
    vcpu.attachToThread()
    defer { vcpu.detachFromThread() }
    prepare(test)
    var result = Outcome()
    if engine == .recompiler { recompile(test, &result) } else { interpret(test, &result) }
    collect(test, &result.image)
    if engine == .recompiler { settle(test, &result) }
    return result
  }

  private func interpret(_ test: OracleCase, _ result: inout Outcome) {
    let cpu = vcpu.cpu
    let end = test.endRIP
    // Repeated string instructions take several steps; sequences as many as they have instructions, programs more.
    for _ in 0..<100_000 {
      let before = cpu.rip
      if let fault = cpu.stepForOracle() {
        note(fault, &result)
        return
      }
      if test.isSingleStep || cpu.rip == end { return }
      // A jump to somewhere else meets a breakpoint there, or a page that cannot be fetched.
      if cpu.rip != before && !(test.input.rip..<end).contains(cpu.rip) {
        guard test.isProgram else { return }
        let fault = cpu.fetchForOracle() ?? .breakpoint
        if fault == .breakpoint { cpu.rip = cpu.rip &+ 1 }
        return note(fault, &result)
      }
    }
    result.isUnfinished = true
  }

  /// The breakpoints that surround the code, or an exception, end the run.
  private func recompile(_ test: OracleCase, _ result: inout Outcome) {
    note(vcpu.cpu.runForOracle(), &result)
  }

  private func note(_ fault: Fault, _ result: inout Outcome) {
    result.vector = fault.vector
    result.errorCode = fault.errorCode
    result.faultAddress = fault.vector == 14 ? vcpu.cpu.s.cr2 : 0
  }

  /// The breakpoint behind the code is no exception; nor is, after a single branch, what its target met.
  private func settle(_ test: OracleCase, _ result: inout Outcome) {
    if result.vector == 3 && result.image.rip == test.endRIP &+ 1 {
      result.vector = nil
      result.image.rip = test.endRIP
    } else if test.isSingleStep && result.vector == 3 {
      result.vector = nil
      result.image.rip = result.image.rip &- 1
    } else if test.isSingleStep && result.image.rip != test.input.rip {
      result.vector = nil
    }
    if result.vector == nil {
      result.errorCode = 0
      result.faultAddress = 0
    }
  }

  private func prepare(_ test: OracleCase) {
    let input = test.input
    let cpu = vcpu.cpu
    let template = Int(input.memoryTemplate) % templates.count
    if resident != template {
      // SAFETY: templates have `dataBytes` bytes.
      unsafe templates[template].withUnsafeBytes {
        unsafe data.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: Window.dataBytes)
      }
      resident = template
    }
    for patch in test.patches where patch.offset >= 0 && patch.offset + patch.bytes.count <= Window.dataBytes {
      for (index, byte) in patch.bytes.enumerated() {
        unsafe data.storeBytes(of: byte, toByteOffset: patch.offset + index, as: UInt8.self)
      }
    }
    placeCode(test, remove: false)
    if mode != input.mode & 3 {
      mode = input.mode & 3
      cpu.enterUserMode(
        test.codeSize, cr3: Physical.tables, fsBase: Window.fsBase, gsBase: Window.gsBase, base16: Window.base,
        tssBase: 0xffff_8000_0000_0000)
      cpu.forgetEverything()
    }
    casesSinceFlush += 1
    if casesSinceFlush >= 64 {
      startAfresh()
    } else {
      for page in 0..<UInt64(Window.codeBytes >> 12) { cpu.forgetCode(physicalPage: Physical.code >> 12 + page) }
    }
    for number in 0..<16 { cpu.s.regs[number] = input.general[number] }
    cpu.rip = input.rip
    cpu.setFlagsForOracle(input.rflags & 0xcd5 | 0x202)
    cpu.s.interruptShadow = 0
    cpu.s.mxcsr = input.mxcsr
    cpu.s.opmasks = input.opmasks
    cpu.s.vectors = input.vectors
    cpu.vectorsChanged()
    for word in 0..<20 { cpu.s.x87[word] = input.x87[word] }
    cpu.importX87()
  }

  /// Forgets what was decoded and translated, and goes over to the other way with flags.
  func startAfresh() {
    casesSinceFlush = 0
    keepsAllFlags.toggle()
    vcpu.cpu.keepAllFlags(keepsAllFlags)
    vcpu.cpu.treatAllAsHot(!keepsAllFlags)
    vcpu.cpu.forgetEverything()
  }

  private func placeCode(_ test: OracleCase, remove: Bool) {
    let offset = Int(test.input.codeOffset)
    // SAFETY: inside the code page.
    for index in 0..<min(test.code.count, Window.codeBytes - offset) {
      unsafe memory.base.storeBytes(
        of: remove ? 0xcc : test.code[index], toByteOffset: Int(Physical.code) + offset + index, as: UInt8.self)
    }
  }

  private func collect(_ test: OracleCase, _ image: inout ProcessorImage) {
    let cpu = vcpu.cpu
    cpu.exportX87()
    cpu.quietX87()
    for number in 0..<16 { image.general[number] = cpu.s.regs[number] }
    image.rip = cpu.rip
    image.rflags = cpu.rflags
    image.mxcsr = cpu.s.mxcsr
    image.opmasks = cpu.s.opmasks
    image.vectors = cpu.s.vectors
    for word in 0..<20 { image.x87[word] = cpu.s.x87[word] }
    placeCode(test, remove: true)
  }

  /// First offset at which the data pages differ from what the host left in its own; call once after each run.
  func firstMemoryDifference(_ test: OracleCase, from native: NativeRunner, case number: UInt32) -> Int? {
    unsafe native.withMemory(of: number) { unsafe firstMemoryDifference(test, from: $0) }
  }

  /// First offset at which the data pages differ from `other` (nil: from the template of the case), looking past what
  /// the case ignores. Call once after each run: it also finds out whether the pages must be reset.
  private func firstMemoryDifference(_ test: OracleCase, from other: UnsafeRawPointer?) -> Int? {
    let template = Int(test.input.memoryTemplate) % templates.count
    return unsafe templates[template].withUnsafeBytes { original in
      // SAFETY: both have `dataBytes` bytes.
      let start = unsafe original.baseAddress.unsafelyUnwrapped
      if unsafe memcmp(data, start, Window.dataBytes) != 0 { resident = -1 }
      let expected = unsafe other ?? start
      guard unsafe memcmp(data, expected, Window.dataBytes) != 0 else { return nil }
      for offset in 0..<Window.dataBytes {
        let mine = unsafe data.load(fromByteOffset: offset, as: UInt8.self)
        if unsafe mine == expected.load(fromByteOffset: offset, as: UInt8.self) { continue }
        if test.ignoredMemory.contains(where: { $0.contains(Window.data + UInt64(offset)) }) { continue }
        return offset
      }
      return nil
    }
  }
  /// Bytes of the data pages now.
  func dataBytes(_ range: Range<Int>) -> [UInt8] {
    range.clamped(to: 0..<Window.dataBytes).map { unsafe data.load(fromByteOffset: $0, as: UInt8.self) }
  }
}
