import X86ISA

/// One step of the interpreter: a vCPU and the instruction it executes. Trivial; passed in two registers.
// SAFETY(type): `instruction` points into the vCPU's decode arena, which no one moves or frees while an instruction
// executes: blocks are decoded and forgotten between blocks only.
@safe struct Interp {
  let cpu: Cpu
  private let instruction: UnsafePointer<Instruction>

  @inline(__always) init(_ cpu: UnsafeMutableRawPointer, _ instruction: UnsafeRawPointer) {
    // SAFETY: the run loop passes its own block and an instruction of its arena.
    unsafe self.cpu = Cpu(p: cpu.assumingMemoryBound(to: CPUBlock.self))
    unsafe self.instruction = instruction.assumingMemoryBound(to: Instruction.self)
  }

  @inline(__always) var i: Instruction {
    unsafeAddress { unsafe instruction }
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

/// Handlers by table row and variant (`Instruction.variant`); rows with a condition code have one set for each condition.
// SAFETY(type): the table holds functions, nothing is dereferenced here; the pointers in their signature are the run
// loop's business.
@safe struct HandlerTable {
  static let variants = 8
  private var entries: [Handler?]
  /// For rows with a condition: where their sixteen sets begin in `conditional`, else -1.
  private var conditionalStart: [Int]
  private var conditional: [Handler?] = unsafe []

  init(rows: Int) {
    unsafe entries = Array(repeating: nil, count: rows * HandlerTable.variants)
    conditionalStart = Array(repeating: -1, count: rows)
  }

  mutating func set(row: Int, variant: Int, _ handler: Handler) {
    unsafe entries[row * HandlerTable.variants + variant] = handler
  }
  mutating func set(row: Int, condition: Int, variant: Int, _ handler: Handler) {
    if conditionalStart[row] < 0 {
      conditionalStart[row] = unsafe conditional.count
      unsafe conditional += Array(repeating: nil, count: 16 * HandlerTable.variants)
    }
    unsafe conditional[conditionalStart[row] + condition * HandlerTable.variants + variant] = handler
  }

  /// The handler of a decoded instruction; nil when its row has none.
  func handler(for instruction: Instruction) -> Handler? {
    let start = conditionalStart[Int(instruction.row)]
    if start >= 0 {
      return unsafe conditional[start + Int(instruction.opcode & 15) * HandlerTable.variants + instruction.variant]
    }
    return unsafe entries[Int(instruction.row) * HandlerTable.variants + instruction.variant]
  }

  /// The table, built once at first use.
  static let shared: HandlerTable = {
    var table = HandlerTable(rows: InstructionTable.count)
    HandlerTable.installAll(&table)
    return table
  }()
}
