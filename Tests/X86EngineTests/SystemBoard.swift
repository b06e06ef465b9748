import Base
import GuestMemory

@testable import X86Engine

/// A platform that answers nothing and remembers what system instructions told it.
final class FakePlatform: Platform, @unchecked Sendable {
  var tripleFaults = 0
  weak var vcpu: Vcpu?
  var priority: UInt8 = 0
  /// The vector of an interrupt that waits.
  var interrupt: UInt8?
  var apicMSRs: [UInt32: UInt64] = [:]

  /// What the last call handed over; nil: there is no such port.
  var calls: [RegisterCall]?
  func registerCall(_ call: RegisterCall, cpu: Int) -> RegisterCall? {
    guard calls != nil else { return nil }
    calls?.append(call)
    return RegisterCall(eax: call.eax ^ 1, ebx: 0xffff_fff0, ecx: 3, edx: call.edx)
  }
  func portRead(_ port: UInt16, width: Int, cpu: Int) -> UInt32 { 0xffff_ffff }
  /// Port F4h stops the processor.
  func portWrite(_ port: UInt16, width: Int, value: UInt32, cpu: Int) {
    if port == 0xf4 { vcpu?.cpu.raise(CPUEvent.stop) }
  }
  func memoryRead(_ address: UInt64, width: Int, cpu: Int) -> UInt64 { ~0 }
  func memoryWrite(_ address: UInt64, width: Int, value: UInt64, cpu: Int) {}
  func acknowledgeInterrupt(cpu: Int) -> UInt8? {
    defer { interrupt = nil }
    return interrupt
  }
  func readAPIC(msr: UInt32, cpu: Int) -> UInt64? { apicMSRs[msr] }
  func writeAPIC(msr: UInt32, value: UInt64, cpu: Int) -> Bool {
    apicMSRs[msr] = value
    return true
  }
  func setAPICBase(_ value: UInt64, cpu: Int) -> Bool { true }
  func taskPriority(cpu: Int) -> UInt8 { priority }
  func setTaskPriority(_ value: UInt8, cpu: Int) { priority = value }
  func tripleFault(cpu: Int) { tripleFaults += 1 }
}

/// One vCPU with 16 MiB of RAM, and hand-built tables in it.
final class SystemBoard {
  let memory: GuestMemory
  let platform = FakePlatform()
  let group = VcpuGroup()
  let vcpu: Vcpu
  var cpu: Cpu { vcpu.cpu }

  static let gdt: UInt64 = 0x1000
  static let idt: UInt64 = 0x2000
  static let tss: UInt64 = 0x3000
  static let otherTSS: UInt64 = 0x3800

  // Selectors of the table that `enterProtectedMode` builds.
  static let code: UInt16 = 0x08
  static let data: UInt16 = 0x10
  static let userCode: UInt16 = 0x1b
  static let userData: UInt16 = 0x23
  static let task: UInt16 = 0x28
  static let conforming: UInt16 = 0x30
  static let gate: UInt16 = 0x38
  static let otherTask: UInt16 = 0x40
  static let absent: UInt16 = 0x48
  static let code64: UInt16 = 0x50
  static let expandDown: UInt16 = 0x58
  static let readOnly: UInt16 = 0x60
  /// 16 bytes long.
  static let task64: UInt16 = 0x70
  static let userCode64: UInt16 = 0x83
  static let taskGate: UInt16 = 0x88
  static let gate64: UInt16 = 0x90

  init(
    leaves: [UInt64: CPUModel.Leaf] = SystemBoard.intel, inspection: EngineInspection = EngineInspection(),
    engine: EngineChoice = .recompiler, counted seed: UInt64? = nil
  ) throws {
    memory = try GuestMemory(ramSize: 16 << 20)
    group.observe(memory)
    vcpu = Vcpu(
      index: 0, memory: memory, platform: platform, model: CPUModel(leaves: leaves), group: group, engine: engine,
      inspection: inspection, counted: seed)
    platform.vcpu = vcpu
  }

  /// An Intel processor with every feature that system instructions look at, 46 physical bits.
  static let intel: [UInt64: CPUModel.Leaf] = [
    0: .init(eax: 0xd, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69),
    1 << 32: .init(eax: 0x506e3, ecx: 1 << 17 | 1 << 21 | 1 << 24 | 1 << 26, edx: 0x0f8b_fbff),
    7 << 32: .init(ebx: 1 | 1 << 7 | 1 << 10 | 1 << 20, ecx: 1 << 2 | 1 << 3 | 1 << 16),
    0xd << 32: .init(eax: 0x207),
    0x8000_0001 << 32: .init(edx: 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29),
    0x8000_0008 << 32: .init(eax: 0x302e),
  ]

  // MARK: Memory

  func put16(_ address: UInt64, _ value: UInt16) { put(address, UInt64(value), 2) }
  func put32(_ address: UInt64, _ value: UInt32) { put(address, UInt64(value), 4) }
  func put64(_ address: UInt64, _ value: UInt64) { put(address, value, 8) }
  private func put(_ address: UInt64, _ value: UInt64, _ size: Int) {
    memory.write(GuestPhysical(address), (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) })
  }
  func get(_ address: UInt64, _ size: Int) -> UInt64 {
    memory.read(GuestPhysical(address), count: size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A segment descriptor: `access` is byte 5, `flags` the upper nibble of byte 6 (G D L AVL).
  static func segment(base: UInt64 = 0, limit: UInt64 = 0xf_ffff, access: UInt64, flags: UInt64 = 0xc) -> UInt64 {
    let low = limit & 0xffff | (base & 0xff_ffff) << 16
    return low | access << 40 | (limit >> 16 & 15) << 48 | flags << 52 | (base >> 24 & 0xff) << 56
  }
  static func gate(_ selector: UInt16, _ offset: UInt64, access: UInt64, parameters: UInt64 = 0) -> UInt64 {
    offset & 0xffff | UInt64(selector) << 16 | parameters << 32 | access << 40 | (offset >> 16 & 0xffff) << 48
  }
  func setDescriptor(_ selector: UInt16, _ raw: UInt64) { put64(SystemBoard.gdt + UInt64(selector & 0xfff8), raw) }
  func descriptor(_ selector: UInt16) -> UInt64 { get(SystemBoard.gdt + UInt64(selector & 0xfff8), 8) }
  /// An IDT entry of protected mode; `access` 0x8e is a 32-bit interrupt gate for ring 0.
  func setGate(_ vector: UInt8, offset: UInt64, access: UInt64 = 0x8e, selector: UInt16 = SystemBoard.code) {
    put64(SystemBoard.idt + UInt64(vector) * 8, SystemBoard.gate(selector, offset, access: access))
  }
  func setGate64(_ vector: UInt8, offset: UInt64, stack: UInt64 = 0, access: UInt64 = 0x8e) {
    let at = SystemBoard.idt + UInt64(vector) * 16
    put64(at, SystemBoard.gate(SystemBoard.code64, offset, access: access, parameters: stack))
    put64(at + 8, offset >> 32)
  }

  // MARK: Modes

  /// 32-bit ring 0 without paging: CS 08h, data 10h, TSS 28h with ring-0 stack 10h:9000h, stack at 8000h.
  func enterProtectedMode() throws {
    let s = SystemBoard.self
    setDescriptor(s.code, s.segment(access: 0x9b))
    setDescriptor(s.data, s.segment(access: 0x93))
    setDescriptor(s.userCode, s.segment(access: 0xfb))
    setDescriptor(s.userData, s.segment(access: 0xf3))
    setDescriptor(s.task, s.segment(base: s.tss, limit: 0x7ff, access: 0x89, flags: 0))
    setDescriptor(s.conforming, s.segment(access: 0x9f))
    setDescriptor(s.gate, s.gate(s.code, 0x5000, access: 0xec, parameters: 2))
    setDescriptor(s.otherTask, s.segment(base: s.otherTSS, limit: 0x67, access: 0xe9, flags: 0))
    setDescriptor(s.absent, s.segment(access: 0x13))
    setDescriptor(s.code64, s.segment(access: 0x9b, flags: 0xa))
    setDescriptor(s.expandDown, s.segment(limit: 0xfff, access: 0x97, flags: 4))
    setDescriptor(s.readOnly, s.segment(access: 0x90))
    setDescriptor(s.task64, s.segment(base: s.tss, limit: 0x7ff, access: 0x89, flags: 0))
    put64(s.gdt + 0x78, 0)
    setDescriptor(s.userCode64, s.segment(access: 0xfb, flags: 0xa))
    setDescriptor(s.taskGate, s.gate(s.otherTask, 0, access: 0xe5))
    setDescriptor(s.gate64, s.gate(s.code64, 0x5000, access: 0xec))
    put64(s.gdt + 0x98, 0)
    put32(s.tss + 4, 0x9000)
    put16(s.tss + 8, s.data)
    put16(s.tss + 0x66, 0x68)
    try cpu.lgdt(base: s.gdt, limit: 0xff, operandSize: 4)
    try cpu.lidt(base: s.idt, limit: 0x7ff, operandSize: 4)
    try cpu.movToCR(0, CR0.pe | CR0.ne)
    try cpu.farJump(selector: s.code, offset: 0x4000, operandSize: 4)
    for index in [Seg.ss, Seg.ds, Seg.es, Seg.fs, Seg.gs] { try cpu.loadSegment(index, selector: s.data) }
    try cpu.ltr(s.task)
    cpu.rsp = 0x8000
    cpu.s.instructionStart = cpu.rip
  }

  /// Ring 3 of protected mode, by an IRET as kernels do it.
  func enterUserMode(flags: UInt64 = 0x202) throws {
    let s = SystemBoard.self
    for value in [UInt64(s.userData), 0x7000, flags, UInt64(s.userCode), 0x6000] { try cpu.push(value, size: 4) }
    try cpu.iret(operandSize: 4)
    for index in [Seg.ds, Seg.es] { try cpu.loadSegment(index, selector: s.userData) }
    cpu.s.instructionStart = cpu.rip
  }

  /// A virtual-8086 program at 1000:0100 with its stack at 2000:0800.
  func enterVirtual8086(flags: UInt64 = 0x202) throws {
    for value in [0x6000, 0x5000, 0x4000, 0x3000, 0x2000, 0x800, flags | RFLAGS.vm, 0x1000, 0x100] as [UInt64] {
      try cpu.push(value, size: 4)
    }
    try cpu.iret(operandSize: 4)
    cpu.s.instructionStart = cpu.rip
  }

  /// 64-bit ring 0 with the first 2 MiB mapped one to one for everybody; RSP0 = 9000h, IST1 = A004h.
  func enterLongMode() throws {
    let s = SystemBoard.self
    try enterProtectedMode()
    put64(0x10000, 0x11007)
    put64(0x11000, 0x12007)
    put64(0x12000, 0x87)
    put64(s.tss + 4, 0x9000)
    put64(s.tss + 0x24, 0xa004)
    try cpu.movToCR(4, CR4.pae)
    try cpu.movToCR(3, 0x10000)
    try cpu.wrmsr(0xc000_0080, EFER.lme | EFER.nxe | EFER.sce)
    try cpu.movToCR(0, CR0.pe | CR0.ne | CR0.pg | CR0.wp)
    try cpu.farJump(selector: s.code64, offset: 0x4000, operandSize: 4)
    try cpu.lidt(base: s.idt, limit: 0xfff, operandSize: 8)
    try cpu.ltr(s.task64)
    cpu.rsp = 0x8000
    cpu.s.instructionStart = cpu.rip
  }

  /// Ring 3 of 64-bit mode at 6000h with RSP = 7000h.
  func enterUserMode64(flags: UInt64 = 0x202) throws {
    let s = SystemBoard.self
    for value in [UInt64(s.userData), 0x7000, flags, UInt64(s.userCode64), 0x6000] { try cpu.push(value, size: 8) }
    try cpu.iret(operandSize: 8)
    cpu.s.instructionStart = cpu.rip
  }

  /// What `body` throws; nil when it succeeds.
  func fault(_ body: () throws(Fault) -> Void) -> Fault? {
    do throws(Fault) { try body() } catch { return error }
    return nil
  }
}
