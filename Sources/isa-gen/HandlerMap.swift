import X86ISA

/// Which interpreter handler executes a table row: a Swift statement over `x` (an `Interp`).
///
/// `$W` is the width type of the operand size, `$Z` the same but at most 32 bits, `$0 $1 $2` the accessor types of the
/// operands, `$C` the condition type of a row with a condition code. `memory` tells the form that is asked for.
/// nil: the encoding raises #UD.
func handlerTemplate(for row: InstructionRow, memory: Bool) -> String? {
  switch row.mnemonic {
  case "VZEROUPPER": return "try x.zeroUpper(all: false)"
  case "VZEROALL": return "try x.zeroUpper(all: true)"
  default: break
  }
  if row.attributes.contains(.thunk) { return "try x.nativeThunk()" }
  if let statement = integerTemplate(row, memory: memory) { return statement }
  guard let statement = systemTemplate(row, memory: memory) else { return nil }
  let guarded = row.attributes.contains(.protectedOnly) ? "try x.requireProtected(); " + statement : statement
  return row.attributes.contains(.privileged) ? "try x.requireCPL0(); " + guarded : guarded
}

private let binaryOperations = [
  "ADD": "Add", "ADC": "Adc", "SUB": "Sub", "SBB": "Sbb", "AND": "And", "OR": "Or", "XOR": "Xor",
]
private let shiftOperations = [
  "SHL": "Shl", "SHR": "Shr", "SAR": "Sar", "ROL": "Rol", "ROR": "Ror", "RCL": "Rcl", "RCR": "Rcr",
]
private let bitOperations = ["BT": "BitTest", "BTS": "BitSet", "BTR": "BitReset", "BTC": "BitComplement"]
private let segments = ["ES": 0, "CS": 1, "SS": 2, "DS": 3, "FS": 4, "GS": 5]

private func integerTemplate(_ row: InstructionRow, memory: Bool) -> String? {
  if let operation = binaryOperations[row.mnemonic] {
    return "try x.binary(\(operation).self, $W.self, $0.self, $1.self)"
  }
  if let operation = shiftOperations[row.mnemonic] {
    return "try x.shift(\(operation).self, $W.self, $0.self, $1.self)"
  }
  if let operation = bitOperations[row.mnemonic] {
    return memory && row.operands == "Ev,Gv"
      ? "try x.bitString(\(operation).self, $1.self)" : "try x.bit(\(operation).self, $0.self, $1.self)"
  }
  switch row.mnemonic {
  case "CMP": return "try x.compare(Sub.self, $W.self, $0.self, $1.self)"
  case "TEST": return "try x.compare(And.self, $W.self, $0.self, $1.self)"
  case "INC": return "try x.increment($W.self, $0.self)"
  case "DEC": return "try x.decrement($W.self, $0.self)"
  case "NEG": return "try x.negate($W.self, $0.self)"
  case "NOT": return "try x.complement($W.self, $0.self)"
  case "XADD": return "try x.exchangeAdd($W.self, $0.self, $1.self)"
  case "CMPXCHG": return "try x.compareExchange($W.self, $0.self, $1.self)"
  case "CMPXCHG8B", "CMPXCHG16B": return "try x.compareExchangeWide()"
  case "ADCX": return "try x.addThrough(overflow: false, $0.self, $1.self)"
  case "ADOX": return "try x.addThrough(overflow: true, $0.self, $1.self)"
  case "SHLD": return "try x.doubleShift(left: true, $W.self, $0.self, $1.self, $2.self)"
  case "SHRD": return "try x.doubleShift(left: false, $W.self, $0.self, $1.self, $2.self)"
  case "MUL": return "try x.multiply(signed: false, $W.self, $0.self)"
  case "IMUL":
    switch row.operands.split(separator: ",").count {
    case 1: return "try x.multiply(signed: true, $W.self, $0.self)"
    case 2: return "try x.multiplyTruncating($W.self, $0.self, $0.self, $1.self)"
    default: return "try x.multiplyTruncating($W.self, $0.self, $1.self, $2.self)"
    }
  case "DIV": return "try x.divide($W.self, $0.self)"
  case "IDIV": return "try x.divideSigned($W.self, $0.self)"
  case "DAA": return "x.decimalAdjust(subtract: false)"
  case "DAS": return "x.decimalAdjust(subtract: true)"
  case "AAA": return "x.asciiAdjust(subtract: false)"
  case "AAS": return "x.asciiAdjust(subtract: true)"
  case "AAM": return "try x.asciiAdjustMultiply()"
  case "AAD": return "x.asciiAdjustDivide()"
  case "BSF": return "try x.bitScan(reverse: false, $0.self, $1.self)"
  case "BSR": return "try x.bitScan(reverse: true, $0.self, $1.self)"
  case "TZCNT": return "try x.countZeros(leading: false, $0.self, $1.self)"
  case "LZCNT": return "try x.countZeros(leading: true, $0.self, $1.self)"
  case "POPCNT": return "try x.populationCount($0.self, $1.self)"
  case "BSWAP": return "try x.byteSwap($0.self)"
  case "MOVBE": return "try x.moveSwapped($0.self, $1.self)"
  case "CRC32": return "try x.crc32($1.self)"
  default: return moveTemplate(row) ?? branchTemplate(row) ?? stringTemplate(row) ?? bitManipulationTemplate(row)
  }
}

private func moveTemplate(_ row: InstructionRow) -> String? {
  switch (row.mnemonic, row.operands) {
  case ("MOV", "Rv/Mw,Sw"): "try x.moveFromSegment($0.self)"
  case ("MOV", "Sw,Ew"): "try x.moveToSegment($1.self)"
  case ("MOV", "Ry,Cy"): "try x.requireCPL0(); try x.readControlRegister()"
  case ("MOV", "Cy,Ry"): "try x.requireCPL0(); try x.writeControlRegister()"
  case ("MOV", "Ry,Dy"): "try x.requireCPL0(); try x.readDebugRegister()"
  case ("MOV", "Dy,Ry"): "try x.requireCPL0(); try x.writeDebugRegister()"
  case ("MOV", _), ("MOVNTI", _), ("MOVDIRI", _): "try x.move($W.self, $0.self, $1.self)"
  case ("MOVZX", _): "try x.moveZeroExtended($0.self, $1.self)"
  case ("MOVSX", _), ("MOVSXD", _): "try x.moveSignExtended($0.self, $1.self)"
  case ("LEA", _): "try x.loadAddress($0.self)"
  case ("CMOVcc", _): "try x.moveIf($C.self, $0.self, $1.self)"
  case ("SETcc", _): "try x.setIf($C.self, $0.self)"
  case ("XCHG", _): "try x.exchange($0.self, $1.self)"
  case ("CBW", _), ("CWDE", _), ("CDQE", _): "x.extendAccumulator()"
  case ("CWD", _), ("CDQ", _), ("CQO", _): "x.extendToDX()"
  case ("XLAT", _): "try x.translateByte()"
  case ("LES", _): "try x.loadFarPointer(Seg.es)"
  case ("LDS", _): "try x.loadFarPointer(Seg.ds)"
  case ("LFS", _): "try x.loadFarPointer(Seg.fs)"
  case ("LGS", _): "try x.loadFarPointer(Seg.gs)"
  case ("LSS", _): "try x.loadFarPointer(Seg.ss)"
  case ("LAHF", _): "x.loadAH()"
  case ("SAHF", _): "x.storeAH()"
  case ("SALC", _): "x.cpu[reg8: 0] = x.cpu.cf ? 0xff : 0"
  case ("CMC", _): "x.cpu.setCarry(!x.cpu.cf)"
  case ("CLC", _): "x.cpu.setCarry(false)"
  case ("STC", _): "x.cpu.setCarry(true)"
  case ("CLD", _): "x.cpu.s.systemFlags &= ~RFLAGS.df"
  case ("STD", _): "x.cpu.s.systemFlags |= RFLAGS.df"
  default: nil
  }
}

private func branchTemplate(_ row: InstructionRow) -> String? {
  switch (row.mnemonic, row.operands) {
  case ("Jcc", _): return "try x.jumpIf($C.self)"
  case ("JMP", "Jb"), ("JMP", "Jz"): return "try x.jumpRelative()"
  case ("JMP", _): return "try x.jumpIndirect($0.self)"
  case ("CALL", "Jz"): return "try x.callRelative()"
  case ("CALL", _): return "try x.callIndirect($0.self)"
  case ("RET", _): return "try x.returnNear()"
  case ("LOOP", _): return "try x.loop(.always)"
  case ("LOOPE", _): return "try x.loop(.whileZero)"
  case ("LOOPNE", _): return "try x.loop(.whileNotZero)"
  case ("JCXZ", _): return "try x.jumpIfCounterZero()"
  case ("PUSH", let operand):
    if let segment = segments[operand] { return "try x.pushSegment(\(segment))" }
    return operand == "Iz" || operand == "sIb" ? "try x.pushImmediate()" : "try x.pushOperand($W.self, $0.self)"
  case ("POP", let operand):
    if let segment = segments[operand] { return "try x.popSegment(\(segment))" }
    return "try x.popOperand($W.self, $0.self)"
  case ("PUSHA", _): return "try x.pushAll()"
  case ("POPA", _): return "try x.popAll()"
  case ("ENTER", _): return "try x.enter()"
  case ("LEAVE", _): return "try x.leave()"
  case ("BOUND", _): return "try x.checkBounds()"
  default: return nil
  }
}

private func stringTemplate(_ row: InstructionRow) -> String? {
  switch row.mnemonic {
  case "MOVS": "try x.moveString($W.self)"
  case "CMPS": "try x.compareString($W.self)"
  case "STOS": "try x.storeString($W.self)"
  case "LODS": "try x.loadString($W.self)"
  case "SCAS": "try x.scanString($W.self)"
  case "INS": "try x.inputString($Z.self)"
  case "OUTS": "try x.outputString($Z.self)"
  case "IN":
    row.operands.hasSuffix("DX")
      ? "try x.input(port: x.cpu[reg16: 2], size: x.portSize)" : "try x.input(port: x.portImmediate, size: x.portSize)"
  case "OUT":
    row.operands.hasPrefix("DX")
      ? "try x.output(port: x.cpu[reg16: 2], size: x.portSize)"
      : "try x.output(port: x.portImmediate, size: x.portSize)"
  default: nil
  }
}

private func bitManipulationTemplate(_ row: InstructionRow) -> String? {
  switch row.mnemonic {
  case "ANDN": "try x.andNot($0.self, $1.self, $2.self)"
  case "BLSR": "try x.lowestBit(.reset, $0.self, $1.self)"
  case "BLSMSK": "try x.lowestBit(.mask, $0.self, $1.self)"
  case "BLSI": "try x.lowestBit(.isolate, $0.self, $1.self)"
  case "BZHI": "try x.zeroHighBits($0.self, $1.self, $2.self)"
  case "PEXT": "try x.extractBits($0.self, $1.self, $2.self)"
  case "PDEP": "try x.depositBits($0.self, $1.self, $2.self)"
  case "MULX": "try x.multiplyExtended($0.self, $1.self, $2.self)"
  case "BEXTR": "try x.extractField($0.self, $1.self, $2.self)"
  case "SHLX": "try x.shiftWithoutFlags(.left, $0.self, $1.self, $2.self)"
  case "SARX": "try x.shiftWithoutFlags(.arithmetic, $0.self, $1.self, $2.self)"
  case "SHRX": "try x.shiftWithoutFlags(.right, $0.self, $1.self, $2.self)"
  case "RORX": "try x.shiftWithoutFlags(.rotate, $0.self, $1.self, $2.self)"
  default: nil
  }
}

/// System instructions: what touches privilege, descriptors, control registers or the machine.
private func systemTemplate(_ row: InstructionRow, memory: Bool) -> String? {
  transferTemplate(row) ?? descriptorTemplate(row) ?? machineTemplate(row) ?? extendedStateTemplate(row, memory: memory)
}

private func transferTemplate(_ row: InstructionRow) -> String? {
  switch (row.mnemonic, row.operands) {
  case ("CALLF", "Ap"):
    "try x.cpu.farCall(selector: x.i.immediate2, offset: x.i.immediate, operandSize: Int(x.i.operandSize))"
  case ("JMPF", "Ap"):
    "try x.cpu.farJump(selector: x.i.immediate2, offset: x.i.immediate, operandSize: Int(x.i.operandSize))"
  case ("CALLF", _): "try x.farCallIndirect()"
  case ("JMPF", _): "try x.farJumpIndirect()"
  case ("RETF", _):
    "try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate))"
  case ("INT", _): "try x.cpu.softwareInterrupt(UInt8(truncatingIfNeeded: x.i.immediate), kind: .software)"
  case ("INT3", _): "try x.cpu.softwareInterrupt(3, kind: .softwareException)"
  case ("INTO", _): "if x.cpu.of { try x.cpu.softwareInterrupt(4, kind: .softwareException) }"
  case ("INT1", _): "try x.cpu.softwareInterrupt(1, kind: .privilegedSoftware)"
  case ("IRET", _): "try x.cpu.iret(operandSize: Int(x.i.operandSize))"
  case ("SYSCALL", _): "try x.cpu.syscall()"
  case ("SYSRET", _): "try x.cpu.sysret(operandSize: Int(x.i.operandSize))"
  case ("SYSENTER", _): "try x.cpu.sysenter()"
  case ("SYSEXIT", _): "try x.cpu.sysexit(operandSize: Int(x.i.operandSize))"
  case ("SWAPGS", _): "try x.cpu.swapgs()"
  default: nil
  }
}

private func descriptorTemplate(_ row: InstructionRow) -> String? {
  switch row.mnemonic {
  case "SLDT": "try x.storeSelector($0.self, x.cpu.storeLDT())"
  case "STR": "try x.storeSelector($0.self, x.cpu.storeTask())"
  case "LLDT": "try x.cpu.lldt(UInt16(truncatingIfNeeded: $0.load(x)))"
  case "LTR": "try x.cpu.ltr(UInt16(truncatingIfNeeded: $0.load(x)))"
  case "VERR": "try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: $0.load(x)), write: false))"
  case "VERW": "try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: $0.load(x)), write: true))"
  case "ARPL": "try x.adjustRPL($0.self, $1.self)"
  case "LAR": "try x.loadAccessRights($0.self, $1.self)"
  case "LSL": "try x.loadSegmentLimit($0.self, $1.self)"
  case "SGDT": "try x.storeTable(x.cpu.sgdt())"
  case "SIDT": "try x.storeTable(x.cpu.sidt())"
  case "LGDT": "try x.loadGDT()"
  case "LIDT": "try x.loadIDT()"
  case "SMSW": "try x.storeSelector($0.self, x.cpu.smsw())"
  case "LMSW": "try x.cpu.lmsw(UInt16(truncatingIfNeeded: $0.load(x)))"
  case "INVLPG": "try x.invalidatePage()"
  case "INVPCID": "try x.invalidatePCID()"
  case "CLTS": "x.cpu.s.cr0 &= ~CR0.ts"
  default: nil
  }
}

private func machineTemplate(_ row: InstructionRow) -> String? {
  switch row.mnemonic {
  case "NOP", "ENDBR64", "ENDBR32", "PREFETCH", "PREFETCHW", "PREFETCHWT1", "PREFETCHNTA", "PREFETCHT0", "PREFETCHT1",
    "PREFETCHT2", "INVD", "WBINVD", "WBNOINVD":
    "_ = x"
  case "LFENCE", "MFENCE", "SFENCE", "SERIALIZE": "x.fence()"
  case "PAUSE": "x.pause()"
  case "CLFLUSH", "CLFLUSHOPT", "CLWB": "try x.touchLine()"
  case "CLZERO": "try x.zeroLine()"
  case "CLI": "try x.cpu.cli()"
  case "STI": "try x.cpu.sti()"
  case "PUSHF": "try x.pushFlags()"
  case "POPF": "try x.popFlags()"
  case "HLT": "x.cpu.s.activity = Activity.halted"
  case "CPUID": "x.cpu.cpuid()"
  case "RDTSC": "try x.readTimeStamp()"
  case "RDTSCP": "try x.readTimeStampAndAuxiliary()"
  case "RDPMC": "try x.readCounter()"
  case "RDMSR": "try x.readMSR()"
  case "WRMSR": "try x.writeMSR()"
  case "RDPID": "$0.store(x, numericCast(x.cpu.s.tscAux))"
  case "RDRAND", "RDSEED": "try x.random($0.self)"
  case "RDFSBASE": "try x.readBase(Seg.fs, $0.self)"
  case "RDGSBASE": "try x.readBase(Seg.gs, $0.self)"
  case "WRFSBASE": "try x.writeBase(Seg.fs, $0.self)"
  case "WRGSBASE": "try x.writeBase(Seg.gs, $0.self)"
  case "STAC": "try x.cpu.setAC(true)"
  case "CLAC": "try x.cpu.setAC(false)"
  case "RDPKRU": "try x.readPKRU()"
  case "WRPKRU": "try x.writePKRU()"
  case "XGETBV": "try x.readXCR()"
  case "XSETBV": "try x.writeXCR()"
  case "MONITOR": "try x.monitor()"
  case "MWAIT": "try x.cpu.mwait()"
  case "WAIT": "try x.nativeThunk()"
  default: nil
  }
}

private func extendedStateTemplate(_ row: InstructionRow, memory: Bool) -> String? {
  switch row.mnemonic {
  case "FXSAVE": "try x.fxsave()"
  case "FXRSTOR": "try x.fxrstor()"
  case "LDMXCSR", "VLDMXCSR": "try x.loadMXCSR()"
  case "STMXCSR", "VSTMXCSR": "try x.storeMXCSR()"
  case "XSAVE": "try x.xsave(.standard)"
  case "XSAVEOPT": "try x.xsave(.optimised)"
  case "XSAVEC": "try x.xsave(.compacted)"
  case "XSAVES": "try x.xsave(.supervisor)"
  case "XRSTOR": "try x.xrstor(supervisor: false)"
  case "XRSTORS": "try x.xrstor(supervisor: true)"
  default: nil
  }
}
