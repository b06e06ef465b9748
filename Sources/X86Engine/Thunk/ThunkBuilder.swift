import X86ISA

/// What the interpreter must know to call a thunk.
struct ThunkShape: Equatable {
  var attributes: InstructionRow.Attributes = []
  /// Bytes of the memory operand, 0 without one.
  var memoryBytes: Int32 = 0
  var reads = false
  var writes = false
  /// Takes part in status flags: they are handed in and taken back.
  var usesFlags = false
  /// The memory operand is implicit, at DS:rDI (MASKMOVQ, MASKMOVDQU).
  var implicitDestination = false
  /// A mask decides which parts of the memory operand are touched at all.
  var isMasked = false
  /// x87 instructions that ignore a pending exception.
  var isNonWaiting = false
}

/// Turns a decoded instruction into host code and its shape.
struct ThunkBuilder {
  let offsets: ThunkOffsets
  let wideVectors: Bool

  func build(_ i: Instruction, bytes: [UInt8]) -> (code: [UInt8], shape: ThunkShape) {
    var assembler = ThunkAssembler(wideVectors: wideVectors)
    let plan = Plan(i, wideVectors: wideVectors)
    for vector in plan.vectors {
      assembler.moveVector(vector.number, offsets.vector(vector.number), store: false, whole: plan.whole)
    }
    for mask in plan.masks { assembler.moveMask(mask.number, offsets.mask(mask.number), store: false) }
    for general in plan.generals { assembler.loadGeneral(general.host, from: Int(general.guest) * 8) }
    if plan.usesMXCSR { assembler.loadMXCSR(offsets.mxcsr) }
    if plan.shape.usesFlags { assembler.loadFlags(offsets.flags) }
    assembler.instruction(i, bytes: bytes, plan.fields)
    if plan.shape.usesFlags { assembler.storeFlags(offsets.flags) }
    for general in plan.generals where general.isWritten {
      assembler.storeGeneral(general.host, to: Int(general.guest) * 8)
    }
    for vector in plan.vectors where vector.isWritten {
      assembler.moveVector(vector.number, offsets.vector(vector.number), store: true, whole: plan.whole)
    }
    for mask in plan.masks where mask.isWritten {
      assembler.moveMask(mask.number, offsets.mask(mask.number), store: true)
    }
    if plan.usesMXCSR {
      assembler.storeMXCSR(offsets.mxcsr)
      assembler.loadMXCSR(offsets.hostMXCSR)
    }
    assembler.finish()
    return (assembler.code, plan.shape)
  }

  /// Which registers go in and out, and where the re-encoded instruction finds them.
  private struct Plan {
    struct Register {
      var number: UInt8
      var isWritten: Bool
    }
    struct General {
      var guest: UInt8
      var host: UInt8
      var isWritten: Bool
    }
    var vectors: [Register] = []
    var masks: [Register] = []
    var generals: [General] = []
    var fields = ThunkAssembler.Fields()
    var shape = ThunkShape()
    var usesMXCSR = false
    /// Vector registers move whole: VEX and EVEX clear what they do not write.
    var whole = false

    init(_ i: Instruction, wideVectors: Bool) {
      let attributes = InstructionTable.attributes(ofRow: i.row)
      let flags = InstructionTable.flags(ofRow: i.row)
      shape.attributes = attributes
      shape.usesFlags = flags.reads | flags.writes | flags.undefined != 0
      usesMXCSR = attributes.contains(.floatingPoint) && !attributes.contains(.x87)
      whole = !i.prefixes.isDisjoint(with: [.vex, .evex])
      fields.isMemory = i.prefixes.contains(.memory)
      fields.reg = i.reg
      fields.rm = i.rm
      fields.vvvv = i.vvvv
      fields.operandSize66 = i.operandSize == 2
      for (index, operand) in InstructionTable.operands(of: i).enumerated() {
        place(InstructionTable.operandCode(ofRow: i.row, index), operand, i)
      }
      if i.prefixes.contains(.evex), i.evexControl & 7 != 0 { add(mask: i.evexControl & 7, written: false) }
      addImplicit(i)
    }

    private mutating func place(_ code: OperandCode, _ operand: X86ISA.Operand, _ i: Instruction) {
      let written = operand.access.contains(.write)
      switch operand.location {
      case .vector(let number): add(vector: number, written: written)
      case .mask(let number): add(mask: number, written: written)
      case .general(let number):
        switch code.kind {
        case .gprReg: rename(number, to: 0, written: written, \.reg)
        case .gprVvvv:
          generals.append(General(guest: number, host: 2, isWritten: written))
          fields.vvvv = 2
        case .accumulator: generals.append(General(guest: 0, host: 0, isWritten: written))
        default:
          generals.append(General(guest: number, host: 1, isWritten: written))
          fields.rm = 1
        }
      case .memory:
        shape.memoryBytes = Int32(operand.size)
        shape.reads = operand.access.contains(.read)
        shape.writes = written
      default: break
      }
    }
    private mutating func rename(
      _ number: UInt8, to host: UInt8, written: Bool, _ field: WritableKeyPath<ThunkAssembler.Fields, UInt8?>
    ) {
      generals.append(General(guest: number, host: host, isWritten: written))
      fields[keyPath: field] = host
    }
    private mutating func add(vector number: UInt8, written: Bool) {
      if let index = vectors.firstIndex(where: { $0.number == number }) {
        vectors[index].isWritten = vectors[index].isWritten || written
      } else {
        vectors.append(Register(number: number, isWritten: written))
      }
    }
    private mutating func add(mask number: UInt8, written: Bool) {
      if let index = masks.firstIndex(where: { $0.number == number }) {
        masks[index].isWritten = masks[index].isWritten || written
      } else {
        masks.append(Register(number: number, isWritten: written))
      }
    }

    /// Operands that no code names.
    private mutating func addImplicit(_ i: Instruction) {
      shape.isMasked = i.prefixes.contains(.evex) && i.evexControl & 7 != 0
      switch i.op {
      case .vmaskmovps, .vmaskmovpd, .vpmaskmovd, .vpmaskmovq, .maskmovq, .maskmovdqu, .vmaskmovdqu:
        shape.isMasked = true
      case .vpcompressb, .vpcompressw, .vpcompressd, .vpcompressq, .vcompressps, .vcompresspd, .vpexpandb, .vpexpandw,
        .vpexpandd, .vpexpandq, .vexpandps, .vexpandpd:
        // disp8 counts elements; what is touched can be the whole vector.
        if shape.memoryBytes != 0 { shape.memoryBytes = Int32(i.vectorBytes) }
      case .fnstenv, .fnstcw, .fnstsw, .fnsave, .fnclex, .fninit: shape.isNonWaiting = true
      default: break
      }
      switch i.op {
      case .pcmpestri, .pcmpestrm, .vpcmpestri, .vpcmpestrm:
        generals.append(General(guest: 0, host: 0, isWritten: false))
        generals.append(General(guest: 2, host: 2, isWritten: false))
      default: break
      }
      switch i.op {
      case .pcmpestri, .pcmpistri, .vpcmpestri, .vpcmpistri:
        generals.append(General(guest: 1, host: 1, isWritten: true))
      case .pcmpestrm, .pcmpistrm, .vpcmpestrm, .vpcmpistrm: add(vector: 0, written: true)
      case .vp2intersectd, .vp2intersectq:
        add(mask: i.reg & 6, written: true)
        add(mask: i.reg & 6 | 1, written: true)
      case .maskmovq, .maskmovdqu, .vmaskmovdqu:
        shape.implicitDestination = true
        shape.memoryBytes = i.op == .maskmovq ? 8 : 16
        shape.reads = true
        shape.writes = true
      default: break
      }
    }
  }
}

/// Where the state block keeps what thunks load and store.
struct ThunkOffsets {
  let vectorBase: Int
  let maskBase: Int
  let mxcsr: Int
  let hostMXCSR: Int
  let flags: Int

  init() {
    vectorBase = MemoryLayout<CPUState>.offset(of: \CPUState.vectors) ?? 0
    maskBase = MemoryLayout<CPUState>.offset(of: \CPUState.opmasks) ?? 0
    mxcsr = MemoryLayout<CPUState>.offset(of: \CPUState.mxcsr) ?? 0
    hostMXCSR = MemoryLayout<CPUState>.offset(of: \CPUState.hostMXCSR) ?? 0
    flags = MemoryLayout<CPUState>.offset(of: \CPUState.thunkFlags) ?? 0
  }
  func vector(_ number: UInt8) -> Int { vectorBase + Int(number) * 64 }
  func mask(_ number: UInt8) -> Int { maskBase + Int(number) * 8 }
}
