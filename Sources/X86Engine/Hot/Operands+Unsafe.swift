import X86ISA

/// One step of the interpreter: a vCPU and the instruction it executes. Trivial; passed in two registers.
@safe struct Interp {
  let cpu: Cpu
  // SAFETY: points into the vCPU's decode arena, which no one moves or frees while an instruction executes.
  private let instruction: UnsafePointer<Instruction>

  @inline(__always) init(_ cpu: UnsafeMutableRawPointer, _ instruction: UnsafeRawPointer) {
    // SAFETY: the run loop passes its own block and an instruction of its arena.
    unsafe self.cpu = Cpu(p: cpu.assumingMemoryBound(to: CPUBlock.self))
    unsafe self.instruction = instruction.assumingMemoryBound(to: Instruction.self)
  }

  @inline(__always) var i: Instruction {
    _read { yield unsafe instruction.pointee }
  }

  /// Runs one handler body; true when it faulted (the fault is then in the state).
  @inline(__always) func step(_ body: (Interp) throws(Fault) -> Void) -> Bool {
    do throws(Fault) {
      try body(self)
      return false
    } catch {
      cpu.s.fault = error
      return true
    }
  }
}

/// A handler as the decoder stores it: (state block, instruction) -> faulted.
typealias Handler = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Bool

/// Handlers by table row and variant: (operand size index 0...3) * 2 + (memory form ? 1 : 0).
@safe struct HandlerTable {
  static let variants = 8
  private(set) var entries: [Handler?]

  init(rows: Int) { unsafe entries = Array(repeating: nil, count: rows * HandlerTable.variants) }

  mutating func set(row: Int, variant: Int, _ handler: Handler) {
    unsafe entries[row * HandlerTable.variants + variant] = handler
  }
  func handler(row: Int, variant: Int) -> Handler? { unsafe entries[row * HandlerTable.variants + variant] }

  /// The table, built once at first use.
  static let shared: HandlerTable = {
    var table = HandlerTable(rows: InstructionTable.rowCount)
    HandlerTable.installAll(&table)
    return table
  }()
}
