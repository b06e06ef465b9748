import X86ISA

// What an instruction is about to do, told from its fields and the registers.
extension Instruction {
  /// Names memory without accessing it.
  private var onlyNamesMemory: Bool {
    switch op {
    case .lea, .nop, .endbr32, .endbr64, .prefetch, .prefetchw, .prefetchwt1, .prefetchnta, .prefetcht0, .prefetcht1,
      .prefetcht2, .invlpg, .clflush, .clflushopt, .clwb:
      true
    default: InstructionTable.attributes(ofRow: row).contains(.vsib)
    }
  }

  /// Has a memory operand in its ModRM byte or as an address, and accesses it.
  var accessesOperand: Bool { prefixes.contains(.memory) && !isString && !onlyNamesMemory }

  var isString: Bool {
    switch op {
    case .movs, .stos, .lods, .cmps, .scas, .ins, .outs: true
    default: false
    }
  }

  /// Bytes that it pushes (negative) or pops at the stack pointer, 0 when it does not use the stack.
  var stackBytes: Int {
    let size = Int(operandSize)
    return switch op {
    case .push, .pushf, .call, .enter: -size
    case .pusha: -8 * size
    case .pop, .popf, .ret, .leave: size
    case .popa: 8 * size
    default: 0
    }
  }

  var isBranch: Bool {
    switch op {
    case .jmp, .jcc, .call, .ret, .loop, .loope, .loopne, .jcxz: true
    case .callf, .jmpf, .retf, .iret, .int, .int1, .int3, .into, .syscall, .sysret, .sysenter, .sysexit: true
    default: false
    }
  }

  /// How the operand in memory is used.
  var operandAccess: OperandAccess {
    for place in 0..<InstructionTable.maximumOperands {
      let code = InstructionTable.operandCode(ofRow: row, place)
      switch code.kind {
      case .gprOrMemory, .mmxOrMemory, .vectorOrMemory, .maskOrMemory, .memory, .memoryOffset: return code.access
      default: continue
      }
    }
    return .read
  }
}

extension Cpu {
  /// The control transfer that `i`, whose next instruction is at `next`, is about to make.
  func branch(_ i: Instruction, next: UInt64) -> BranchEvent {
    let mask: UInt64 = i.operandSize == 8 ? ~0 : i.operandSize == 4 ? 0xffff_ffff : 0xffff
    let isIndirect = i.modRMOffset != 0
    let target: UInt64? =
      if i.op == .ret || i.prefixes.contains(.memory) { nil } else if isIndirect { self[reg: i.rm] & mask } else {
        (next &+ i.immediate) & mask
      }
    let count = (self[reg: 1] &- (i.op == .jcxz ? 0 : 1)) & i.addressMask
    return switch i.op {
    case .jmp: BranchEvent(kind: .jump, target: target, isTaken: true)
    case .call: BranchEvent(kind: .call, target: target, isTaken: true)
    case .ret: BranchEvent(kind: .return, target: nil, isTaken: true)
    case .jcc: BranchEvent(kind: .conditional, target: target, isTaken: Cpu.holds(i.opcode, statusFlags))
    case .jcxz: BranchEvent(kind: .conditional, target: target, isTaken: count == 0)
    case .loop: BranchEvent(kind: .conditional, target: target, isTaken: count != 0)
    case .loope: BranchEvent(kind: .conditional, target: target, isTaken: count != 0 && statusFlags & RFLAGS.zf != 0)
    case .loopne: BranchEvent(kind: .conditional, target: target, isTaken: count != 0 && statusFlags & RFLAGS.zf == 0)
    default: BranchEvent(kind: .other, target: nil, isTaken: true)
    }
  }

  /// Whether a condition (low four bits of the opcode) holds for these flags (SDM volume 1, appendix B).
  static func holds(_ condition: UInt8, _ flags: UInt64) -> Bool {
    let sign = flags & RFLAGS.sf != 0, overflow = flags & RFLAGS.of != 0
    let result: Bool =
      switch condition >> 1 & 7 {
      case 0: overflow
      case 1: flags & RFLAGS.cf != 0
      case 2: flags & RFLAGS.zf != 0
      case 3: flags & (RFLAGS.cf | RFLAGS.zf) != 0
      case 4: sign
      case 5: flags & RFLAGS.pf != 0
      case 6: sign != overflow
      default: sign != overflow || flags & RFLAGS.zf != 0
      }
    return result != (condition & 1 != 0)
  }

  /// The accesses to memory that `i` is about to make; RIP is behind it already.
  func accesses(_ i: Instruction) -> [MemoryAccess] {
    var accesses: [MemoryAccess] = []
    func add(_ segment: Int, _ offset: UInt64, _ size: Int, read: Bool, write: Bool) {
      let address = wrap(offset &+ s.segments[segment].fastBase)
      accesses.append(MemoryAccess(address: address, size: size, isRead: read, isWrite: write))
    }
    if i.accessesOperand {
      let access = i.operandAccess
      let offset = (self[reg: i.base] &+ (self[reg: i.index] &<< UInt64(i.scale)) &+ i.displacement) & i.addressMask
      add(Int(i.segment), offset, i.memoryBytes, read: access.contains(.read), write: access.contains(.write))
    }
    let size = Int(i.operandSize)
    let source = self[reg: 6] & i.addressMask, destination = self[reg: 7] & i.addressMask
    if i.isString {
      if [.movs, .lods, .cmps, .outs].contains(i.op) { add(Int(i.segment), source, size, read: true, write: false) }
      switch i.op {
      case .movs, .stos, .ins: add(Seg.es, destination, size, read: false, write: true)
      case .cmps, .scas: add(Seg.es, destination, size, read: true, write: false)
      default: break
      }
    }
    let stack = i.stackBytes
    if stack != 0 {
      let mask: UInt64 = s.codeSize == 2 ? ~0 : s.segments[Seg.ss].isBig ? 0xffff_ffff : 0xffff
      let pointer = (i.op == .leave ? self[reg: 5] : rsp) &+ (stack < 0 ? UInt64(bitPattern: Int64(stack)) : 0)
      add(Seg.ss, pointer & mask, abs(stack), read: stack > 0, write: stack < 0)
    }
    return accesses
  }
}
