// Made by isa-gen from the instruction table. Do not edit.

import X86ISA

extension HandlerTable {
  static func install16(_ t: inout HandlerTable) {
    unsafe t.set(row: 406, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 406, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 406, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 407, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readBase(Seg.fs, RM<W32>.self) } }
    unsafe t.set(row: 407, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readBase(Seg.fs, RM<W64>.self) } }
    unsafe t.set(row: 408, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readBase(Seg.gs, RM<W32>.self) } }
    unsafe t.set(row: 408, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readBase(Seg.gs, RM<W64>.self) } }
    unsafe t.set(row: 409, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writeBase(Seg.fs, RM<W32>.self) } }
    unsafe t.set(row: 409, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writeBase(Seg.fs, RM<W64>.self) } }
    unsafe t.set(row: 410, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writeBase(Seg.gs, RM<W32>.self) } }
    unsafe t.set(row: 410, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writeBase(Seg.gs, RM<W64>.self) } }
    unsafe t.set(row: 411, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.xrstor(supervisor: true) } }
    unsafe t.set(row: 411, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.xrstor(supervisor: true) } }
    unsafe t.set(row: 411, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.xrstor(supervisor: true) } }
    unsafe t.set(row: 412, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.compacted) } }
    unsafe t.set(row: 412, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.compacted) } }
    unsafe t.set(row: 412, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.compacted) } }
    unsafe t.set(row: 413, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.xsave(.supervisor) } }
    unsafe t.set(row: 413, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.xsave(.supervisor) } }
    unsafe t.set(row: 413, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.xsave(.supervisor) } }
    unsafe t.set(row: 414, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.invalidatePCID() } }
    unsafe t.set(row: 414, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.invalidatePCID() } }
    unsafe t.set(row: 415, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.andNot(Reg<W32>.self, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 415, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.andNot(Reg<W32>.self, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 415, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.andNot(Reg<W64>.self, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 415, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.andNot(Reg<W64>.self, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 416, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.reset, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 416, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.reset, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 416, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.reset, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 416, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.reset, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 417, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.mask, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 417, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.mask, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 417, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.mask, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 417, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.mask, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 418, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.isolate, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 418, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.isolate, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 418, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.isolate, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 418, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.lowestBit(.isolate, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 419, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroHighBits(Reg<W32>.self, RM<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 419, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroHighBits(Reg<W32>.self, Mem<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 419, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroHighBits(Reg<W64>.self, RM<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 419, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroHighBits(Reg<W64>.self, Mem<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 420, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractBits(Reg<W32>.self, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 420, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractBits(Reg<W32>.self, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 420, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractBits(Reg<W64>.self, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 420, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractBits(Reg<W64>.self, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 421, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.depositBits(Reg<W32>.self, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 421, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.depositBits(Reg<W32>.self, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 421, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.depositBits(Reg<W64>.self, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 421, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.depositBits(Reg<W64>.self, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 422, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyExtended(Reg<W32>.self, VReg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 422, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyExtended(Reg<W32>.self, VReg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 422, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyExtended(Reg<W64>.self, VReg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 422, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyExtended(Reg<W64>.self, VReg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 423, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractField(Reg<W32>.self, RM<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 423, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractField(Reg<W32>.self, Mem<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 423, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractField(Reg<W64>.self, RM<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 423, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.extractField(Reg<W64>.self, Mem<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 424, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.left, Reg<W32>.self, RM<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 424, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.left, Reg<W32>.self, Mem<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 424, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.left, Reg<W64>.self, RM<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 424, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.left, Reg<W64>.self, Mem<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 425, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.arithmetic, Reg<W32>.self, RM<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 425, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.arithmetic, Reg<W32>.self, Mem<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 425, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.arithmetic, Reg<W64>.self, RM<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 425, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.arithmetic, Reg<W64>.self, Mem<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 426, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.right, Reg<W32>.self, RM<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 426, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.right, Reg<W32>.self, Mem<W32>.self, VReg<W32>.self) } }
    unsafe t.set(row: 426, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.right, Reg<W64>.self, RM<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 426, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.right, Reg<W64>.self, Mem<W64>.self, VReg<W64>.self) } }
    unsafe t.set(row: 427, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.rotate, Reg<W32>.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 427, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.rotate, Reg<W32>.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 427, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.rotate, Reg<W64>.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 427, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shiftWithoutFlags(.rotate, Reg<W64>.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 1065, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadMXCSR() } }
    unsafe t.set(row: 1065, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadMXCSR() } }
    unsafe t.set(row: 1065, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadMXCSR() } }
    unsafe t.set(row: 1066, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeMXCSR() } }
    unsafe t.set(row: 1066, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeMXCSR() } }
    unsafe t.set(row: 1066, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeMXCSR() } }
  }
}
