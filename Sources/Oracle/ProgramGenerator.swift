import X86ISA

/// Makes programs: random instructions between forward branches, bounded loops, calls, returns and computed jumps.
///
/// Some registers are set aside: pointers, which memory operands may use because nothing writes them, and the counter of
/// the loops. Code that leaves the program meets breakpoints or pages that cannot be fetched.
struct ProgramGenerator {
  /// A place in the program that branches name.
  typealias Label = Int
  /// What a piece of code still lacks.
  enum Reference {
    /// The last `bytes` bytes, relative to their end.
    case relative(Label, bytes: Int)
    /// Eight, four or two bytes at `offset`: the label's address.
    case absolute(Label, offset: Int, bytes: Int)
  }
  struct Piece {
    var bytes: [UInt8]
    var reference: Reference?
    /// Labels that stand before it.
    var labels: [Label] = []
  }

  let mode: CodeSize
  let integerOnly: Bool
  var pieces: [Piece] = []
  private var labelCount = 0
  private var pending: [Label] = []
  private(set) var pointers: Set<UInt8> = []
  private(set) var counter: UInt8 = 1
  private var size = 0

  init(mode: CodeSize, integerOnly: Bool, _ random: inout OracleRandom) {
    self.mode = mode
    self.integerOnly = integerOnly
    // RAX, RDX and RSP are written implicitly too often.
    var free: [UInt8] = mode == .bits64 ? [3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : [3, 5, 6, 7]
    for _ in 0..<(mode == .bits64 ? 5 : 2) { pointers.insert(free.remove(at: random.below(free.count))) }
    // The registers that the recompiler keeps in memory matter most.
    if mode == .bits64 && random.chance(60) { pointers.insert(random.chance(50) ? 10 : 11) }
    free.removeAll { pointers.contains($0) }
    counter = random.chance(30) ? 1 : random.pick(free)
  }

  // MARK: Building

  mutating func newLabel() -> Label {
    labelCount += 1
    return labelCount - 1
  }
  mutating func place(_ label: Label) { pending.append(label) }
  mutating func add(_ bytes: [UInt8], _ reference: Reference? = nil) {
    pieces.append(Piece(bytes: bytes, reference: reference, labels: pending))
    size += bytes.count
    pending = []
  }
  /// Bytes so far, about.
  var length: Int { size }

  /// The program's bytes, its first at RIP `start`; nil when a short branch does not reach.
  func assemble(at start: UInt64) -> [UInt8]? {
    var places = [Int](repeating: 0, count: labelCount)
    var at = 0
    for piece in pieces {
      for label in piece.labels { places[label] = at }
      at += piece.bytes.count
    }
    for label in pending { places[label] = at }
    var code: [UInt8] = []
    for piece in pieces {
      var bytes = piece.bytes
      switch piece.reference {
      case .relative(let label, let count):
        let distance = places[label] - (code.count + bytes.count)
        if count == 1 && !(-128..<128).contains(distance) { return nil }
        ProgramGenerator.put(UInt64(bitPattern: Int64(distance)), bytes.count - count, count, &bytes)
      case .absolute(let label, let offset, let count):
        ProgramGenerator.put(start &+ UInt64(places[label]), offset, count, &bytes)
      case nil: break
      }
      code += bytes
    }
    return code
  }
  private static func put(_ value: UInt64, _ offset: Int, _ count: Int, _ bytes: inout [UInt8]) {
    for byte in 0..<count { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }

  // MARK: Branches

  /// Bytes of a near displacement.
  private var near: Int { mode == .bits16 ? 2 : 4 }
  private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  mutating func jumpIf(_ condition: UInt8, _ label: Label, _ random: inout OracleRandom) {
    if random.chance(40) {
      add([0x70 | condition, 0], .relative(label, bytes: 1))
    } else {
      add([0x0f, 0x80 | condition] + zeros(near), .relative(label, bytes: near))
    }
  }
  mutating func jump(_ label: Label, _ random: inout OracleRandom) {
    if random.chance(40) {
      add([0xeb, 0], .relative(label, bytes: 1))
    } else {
      add([0xe9] + zeros(near), .relative(label, bytes: near))
    }
  }
  mutating func call(_ label: Label) { add([0xe8] + zeros(near), .relative(label, bytes: near)) }
  mutating func ret(_ random: inout OracleRandom) {
    if random.chance(10) {
      add([0xc2, UInt8(random.below(3) * 8), 0])
    } else {
      add(random.chance(10) ? [0xf3, 0xc3] : [0xc3])
    }
  }

  /// A register that may be written, by number.
  func scratch(_ random: inout OracleRandom) -> UInt8 {
    while true {
      let register = UInt8(random.below(mode == .bits64 ? 16 : 8))
      if register != 4 && register != counter && !pointers.contains(register) { return register }
    }
  }
  /// MOV register, address of a label (LEA in 64-bit code, sometimes).
  private mutating func load(_ register: UInt8, _ label: Label, _ random: inout OracleRandom) {
    let low = register & 7
    switch mode {
    case .bits16: add([0xb8 | low, 0, 0], .absolute(label, offset: 1, bytes: 2))
    case .bits32: add([0xb8 | low, 0, 0, 0, 0], .absolute(label, offset: 1, bytes: 4))
    case .bits64:
      if random.chance(50) {
        add([0x48 | (register & 8) >> 1, 0x8d, low << 3 | 5, 0, 0, 0, 0], .relative(label, bytes: 4))
      } else {
        add([0x48 | register >> 3, 0xb8 | low] + zeros(8), .absolute(label, offset: 2, bytes: 8))
      }
    }
  }

  /// JMP or CALL to a label through a register, memory, or a return.
  mutating func computed(_ label: Label, isCall: Bool, _ random: inout OracleRandom) {
    let register = scratch(&random)
    load(register, label, &random)
    let low = register & 7
    let rex: [UInt8] = register & 8 != 0 ? [0x41] : []
    let operation: UInt8 = isCall ? 0x10 : 0x20
    switch random.below(isCall ? 2 : 3) {
    case 0: add(rex + [0xff, 0xc0 | operation | low])
    case 1:
      // Through a word of the data pages.
      let offset = UInt64(random.below(Window.dataBytes - 8))
      let linear = mode == .bits16 ? Window.data - Window.base + offset : Window.data + offset
      let place = (0..<(mode == .bits16 ? 2 : 4)).map { UInt8(truncatingIfNeeded: linear >> UInt64($0 * 8)) }
      let modRM: [UInt8] = mode == .bits64 ? [4, 0x25] : mode == .bits32 ? [5] : [6]
      let store: [UInt8] = mode == .bits64 ? [0x48 | (register & 8) >> 1, 0x89] : [0x89]
      add(store + [modRM[0] | low << 3] + modRM.dropFirst() + place)
      add([0xff, modRM[0] | operation] + modRM.dropFirst() + place)
    default:
      add(rex + [0x50 | low])
      ret(&random)
    }
  }

  /// The end of a loop that began at `label`: counts down and goes back while there is something left.
  mutating func loopEnd(_ label: Label, _ random: inout OracleRandom) {
    let low = counter & 7
    let isWide = mode == .bits64
    if counter == 1 && random.chance(50) {
      if random.chance(60) { return add([0xe2, 0], .relative(label, bytes: 1)) }
      // dec ecx; jecxz out; jmp label
      let out = newLabel()
      decrement(low, &random)
      add([0xe3, 0], .relative(out, bytes: 1))
      jump(label, &random)
      place(out)
      return
    }
    if random.chance(50) {
      decrement(low, &random)
    } else {
      // sub counter, 1
      add((isWide ? [0x48 | counter >> 3] : []) + [0x83, 0xe8 | low, 1])
    }
    jumpIf(random.chance(80) ? 5 : 15, label, &random)
  }
  private mutating func decrement(_ low: UInt8, _ random: inout OracleRandom) {
    if mode == .bits64 {
      add([0x48 | counter >> 3, 0xff, 0xc8 | low])
    } else {
      add(random.chance(50) ? [0x48 | low] : [0xff, 0xc8 | low])
    }
  }

  /// Stack and flags: PUSH and POP in pairs and alone, PUSHF.
  mutating func stack(_ random: inout OracleRandom) {
    let from = UInt8(random.below(mode == .bits64 ? 16 : 8))
    let to = scratch(&random)
    func rex(_ register: UInt8) -> [UInt8] { register & 8 != 0 ? [0x41] : [] }
    switch random.below(5) {
    case 0, 1:
      add(rex(from) + [0x50 | from & 7])
      add(rex(to) + [0x58 | to & 7])
    case 2:
      add([0x9c])
      add(rex(to) + [0x58 | to & 7])
    case 3:
      add([0x6a, UInt8(random.below(256))])
      add(rex(to) + [0x58 | to & 7])
    default:
      if random.chance(50) { add(rex(from) + [0x50 | from & 7]) } else { add(rex(to) + [0x58 | to & 7]) }
    }
  }
}

// MARK: - Accesses off one base

extension ProgramGenerator {
  /// What compilers make of structures and stack frames: several accesses through one register, pushes and pops among
  /// them, comparisons and conditional jumps that use their flags behind an access.
  mutating func cluster(_ ahead: inout [Label], _ random: inout OracleRandom) {
    guard mode != .bits16 else { return }
    let base: UInt8 = random.chance(25) ? 4 : random.pick(pointers.sorted())
    let origin = base == 4 ? random.below(24) : random.below(200) - 100
    for _ in 0..<(2 + random.below(4)) {
      switch random.below(12) {
      case 0: stack(&random)
      case 1, 2: compare(&random)
      case 3:
        compare(&random)
        access(base, origin, mayChangeFlags: false, &random)
        let label = newLabel()
        ahead.append(label)
        jumpIf(UInt8(random.below(16)), label, &random)
      default: access(base, origin, mayChangeFlags: random.chance(60), &random)
      }
    }
  }

  private func any(_ random: inout OracleRandom) -> UInt8 { UInt8(random.below(mode == .bits64 ? 16 : 8)) }

  /// CMP or TEST of two registers.
  private mutating func compare(_ random: inout OracleRandom) {
    let rm = any(&random)
    operation(random.chance(70) ? 0x38 : 0x84, register: any(&random), isByte: random.chance(20), &random) {
      ($0 | rm >> 3, [0xc0 | rm & 7])
    }
  }

  /// One access at `[base + origin + something small]`.
  private mutating func access(
    _ base: UInt8, _ origin: Int, mayChangeFlags: Bool, _ random: inout OracleRandom
  ) {
    let displacement = UInt8(truncatingIfNeeded: min(max(origin + random.below(24), -128), 127))
    let place: [UInt8] = base & 7 == 4 ? [0x44, 0x24, displacement] : [0x40 | base & 7, displacement]
    let mayWrite = base != 4 || random.chance(20)
    // ADD OR ADC SBB AND SUB XOR CMP, or MOV.
    let plain: UInt8 = mayChangeFlags ? UInt8(random.below(8)) << 3 : 0x88
    let isStore = mayWrite && random.chance(50)
    let register = isStore ? any(&random) : scratch(&random)
    operation(isStore ? plain : plain | 2, register: register, isByte: random.chance(25), &random) {
      ($0 | base >> 3, place)
    }
  }

  /// An operation of a register and something else: prefixes, opcode, ModRM with the register in it.
  private mutating func operation(
    _ opcode: UInt8, register: UInt8, isByte: Bool, _ random: inout OracleRandom,
    _ rest: (UInt8) -> (rex: UInt8, bytes: [UInt8])
  ) {
    var (rex, bytes) = rest((register & 8) >> 1)
    bytes[0] |= (register & 7) << 3
    var code: [UInt8] = []
    if !isByte && random.chance(20) { code.append(0x66) }
    if mode == .bits64 {
      if !isByte && random.chance(50) { rex |= 8 }
      // Without REX the numbers 4...7 are AH CH DH BH: a store of them, or a load into AH or DH.
      let isSafeHigh = register < 8 && (register < 4 || opcode & 2 == 0)
      if rex != 0 || isByte && (!isSafeHigh || random.chance(50)) { code.append(0x40 | rex) }
    } else if isByte && opcode & 2 != 0 && register >= 4 {
      // 32-bit code: the high bytes belong to registers that are set aside.
      return
    }
    add(code + [isByte ? opcode : opcode | 1] + bytes)
  }
}

// MARK: - Cases

extension CaseGenerator {
  /// A program with branches.
  mutating func program(mode: CodeSize, integerOnly: Bool) -> OracleCase? {
    var test = OracleCase()
    test.input.mode = UInt32(mode.rawValue)
    states.fill(&test.input, &random)
    test.input.rflags &= ~0x400
    place(&test, mode, spread: 300)
    var program = ProgramGenerator(mode: mode, integerOnly: integerOnly, &random)
    for pointer in program.pointers {
      let target = Window.data + UInt64(random.below(Window.dataBytes)) & (random.chance(50) ? ~7 : ~0)
      let offset = mode == .bits16 ? target - Window.base : target
      test.input.general[Int(pointer)] = random.chance(90) ? offset : UInt64(random.below(64))
    }
    let width: UInt64 = mode == .bits16 && random.chance(70) ? 0xffff : mode == .bits64 ? ~0 : 0xffff_ffff
    test.input.general[Int(program.counter)] = UInt64(1 + random.below(5)) & width
    body(&program, test.input)
    guard program.length < 420, let code = program.assemble(at: test.input.rip), code.count <= 500 else { return nil }
    // What falls off the end of the window is for straight runs.
    guard Int(test.input.codeOffset) + code.count < Window.codeBytes else { return nil }
    test.code = code
    guard complete(&test) else { return nil }
    return repaired(test)
  }

  /// The main run, then its functions; the end is behind them.
  private mutating func body(_ program: inout ProgramGenerator, _ image: ProcessorImage) {
    let end = program.newLabel()
    var functions: [ProgramGenerator.Label] = []
    var ahead: [ProgramGenerator.Label] = []
    let loop = program.newLabel()
    let loopStart = random.below(4)
    let loopEnd = loopStart + 1 + random.below(6)
    let hasLoop = random.chance(60)
    for step in 0..<(4 + random.below(9)) {
      if hasLoop && step == loopStart { program.place(loop) }
      for label in ahead where random.chance(40) {
        program.place(label)
        ahead.removeAll { $0 == label }
      }
      piece(&program, image, &functions, &ahead)
      if hasLoop && step == loopEnd { program.loopEnd(loop, &random) }
    }
    for label in ahead { program.place(label) }
    ordinary(&program, image)
    if !functions.isEmpty {
      program.jump(end, &random)
      for label in functions {
        program.place(label)
        for _ in 0..<(1 + random.below(3)) { ordinary(&program, image) }
        program.ret(&random)
      }
    }
    program.place(end)
  }

  private mutating func piece(
    _ program: inout ProgramGenerator, _ image: ProcessorImage, _ functions: inout [ProgramGenerator.Label],
    _ ahead: inout [ProgramGenerator.Label]
  ) {
    switch random.below(20) {
    case 0, 1, 2:
      let label = program.newLabel()
      ahead.append(label)
      program.jumpIf(UInt8(random.below(16)), label, &random)
    case 3:
      let label = program.newLabel()
      ahead.append(label)
      if random.chance(50) {
        program.computed(label, isCall: false, &random)
      } else {
        program.jump(label, &random)
      }
    case 4, 5:
      let label = functions.isEmpty || random.chance(60) ? program.newLabel() : random.pick(functions)
      if !functions.contains(label) { functions.append(label) }
      if random.chance(30) { program.computed(label, isCall: true, &random) } else { program.call(label) }
    case 6, 7: program.stack(&random)
    case 8, 9, 10: program.cluster(&ahead, &random)
    default: ordinary(&program, image)
    }
  }

  /// One instruction that neither branches nor writes what the program needs.
  private mutating func ordinary(_ program: inout ProgramGenerator, _ image: ProcessorImage) {
    for _ in 0..<60 {
      let row = pickStraight(program.mode)
      if program.integerOnly && InstructionTable.attributes(ofRow: UInt16(row)).contains(.thunk) && !random.chance(5) {
        continue
      }
      // RCX receives their result.
      if program.counter == 1 && name(row).contains("CMP") && name(row).hasSuffix("STRI") { continue }
      let isAbsolute = random.chance(15)
      guard var encoded = encoder.encode(row: row, mode: program.mode, absolute: isAbsolute, &random) else { continue }
      let i = encoded.instruction
      if i.prefixes.contains(.memory) && i.modRMOffset != 0 {
        let isFree =
          i.base < 16 && !program.pointers.contains(i.base)
          || i.index < 16 && !program.pointers.contains(i.index)
        if isFree || i.memoryBytes > 8 && i.base < 16 && program.mode != .bits64 { continue }
        aimDisplacement(&encoded, program.mode, image, at: image.rip &+ UInt64(program.length))
      } else if InstructionTable.form(ofRow: i.row).immediate == .memoryOffset {
        OperandAim(mode: program.mode, mayChangeRegisters: false).aimOffset(&encoded, &random)
      }
      guard Int(encoded.instruction.row) == row, !writesReserved(encoded.instruction, program),
        Exclusions.reason(
          encoded.instruction, name(row), image, at: image.rip &+ UInt64(program.length), mayLoop: true) == nil
      else { continue }
      return program.add(encoded.bytes)
    }
  }

  /// Moves a four-byte (or two-byte) displacement so that the operand lies in the window.
  private mutating func aimDisplacement(
    _ encoded: inout InstructionEncoder.Encoded, _ mode: CodeSize, _ image: ProcessorImage, at place: UInt64
  ) {
    let i = encoded.instruction
    let isLong = i.modRM >> 6 == 2 || i.base == Instruction.noRegister || i.base == Instruction.instructionPointer
    guard isLong || i.addressSize == 2 && i.modRM == 6 else { return }
    let target = OperandAim.target(size: max(i.memoryBytes, 1), &random)
    let here = image.linearAddress(of: i, at: place) &- i.displacement
    OperandAim(mode: mode, mayChangeRegisters: false).setDisplacement(&encoded, target &- here)
  }

  private func writesReserved(_ i: Instruction, _ program: ProgramGenerator) -> Bool {
    InstructionTable.operands(of: i).contains { operand in
      guard operand.access.contains(.write), case .general(let number) = operand.location else { return false }
      let register = number >= Instruction.highByte ? number - Instruction.highByte : number
      return register == 4 || register == program.counter || program.pointers.contains(register)
    }
  }

  /// Readers of flags that some way to them leaves undefined become NOPs.
  private func repaired(_ test: OracleCase) -> OracleCase? {
    var test = test
    for _ in 0..<8 {
      let bad = readersOfUndefinedFlags(test)
      if bad.isEmpty { return test }
      for range in bad { for at in range { test.code[at] = 0x90 } }
      guard complete(&test) else { return nil }
    }
    return nil
  }
}
