// Made by isa-gen from the instruction table. Do not edit.

import X86ISA

extension HandlerTable {
  static func install8(_ t: inout HandlerTable) {
    unsafe t.set(row: 238, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 239, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 239, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 239, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 239, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 239, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 239, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 240, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 240, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 240, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 240, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 240, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 240, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 241, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 241, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 241, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 241, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 241, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 241, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 242, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 242, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 242, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 242, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 242, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 242, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 243, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 243, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 244, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 244, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 244, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 244, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 244, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 244, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 245, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 245, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 246, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 246, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 247, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W8.self, RM<W8>.self) } }
    unsafe t.set(row: 247, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 248, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W8.self, RM<W8>.self) } }
    unsafe t.set(row: 248, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 249, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W8.self, RM<W8>.self) } }
    unsafe t.set(row: 249, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 250, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W8.self, RM<W8>.self) } }
    unsafe t.set(row: 250, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 251, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W8.self, RM<W8>.self) } }
    unsafe t.set(row: 251, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 252, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W8.self, RM<W8>.self) } }
    unsafe t.set(row: 252, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 253, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 253, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 253, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 253, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 253, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 253, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 254, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 254, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 254, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 254, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 254, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 254, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 255, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 255, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 255, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 255, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 255, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 255, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.complement(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 256, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 256, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 256, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 256, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 256, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 256, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.negate(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 257, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W16.self, RM<W16>.self) } }
    unsafe t.set(row: 257, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 257, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W32.self, RM<W32>.self) } }
    unsafe t.set(row: 257, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 257, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W64.self, RM<W64>.self) } }
    unsafe t.set(row: 257, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: false, W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 258, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W16.self, RM<W16>.self) } }
    unsafe t.set(row: 258, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 258, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W32.self, RM<W32>.self) } }
    unsafe t.set(row: 258, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 258, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W64.self, RM<W64>.self) } }
    unsafe t.set(row: 258, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiply(signed: true, W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 259, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 259, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 259, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 259, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 259, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 259, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divide(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 260, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 260, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 260, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 260, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 260, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 260, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.divideSigned(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 261, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W8.self, RM<W8>.self) } }
    unsafe t.set(row: 261, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 262, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W8.self, RM<W8>.self) } }
  }
  static func install9(_ t: inout HandlerTable) {
    unsafe t.set(row: 262, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W8.self, Mem<W8>.self) } }
    unsafe t.set(row: 263, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 263, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 263, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 263, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 263, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 263, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 264, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 264, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 264, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 264, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 264, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 264, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 265, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callIndirect(RM<W16>.self) } }
    unsafe t.set(row: 265, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callIndirect(Mem<W16>.self) } }
    unsafe t.set(row: 265, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callIndirect(RM<W32>.self) } }
    unsafe t.set(row: 265, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callIndirect(Mem<W32>.self) } }
    unsafe t.set(row: 265, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callIndirect(RM<W64>.self) } }
    unsafe t.set(row: 265, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callIndirect(Mem<W64>.self) } }
    unsafe t.set(row: 266, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.farCallIndirect() } }
    unsafe t.set(row: 266, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.farCallIndirect() } }
    unsafe t.set(row: 266, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.farCallIndirect() } }
    unsafe t.set(row: 267, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIndirect(RM<W16>.self) } }
    unsafe t.set(row: 267, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIndirect(Mem<W16>.self) } }
    unsafe t.set(row: 267, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIndirect(RM<W32>.self) } }
    unsafe t.set(row: 267, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIndirect(Mem<W32>.self) } }
    unsafe t.set(row: 267, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIndirect(RM<W64>.self) } }
    unsafe t.set(row: 267, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIndirect(Mem<W64>.self) } }
    unsafe t.set(row: 268, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.farJumpIndirect() } }
    unsafe t.set(row: 268, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.farJumpIndirect() } }
    unsafe t.set(row: 268, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.farJumpIndirect() } }
    unsafe t.set(row: 269, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 269, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 269, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 269, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 269, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 269, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 271, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 271, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 271, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 272, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 272, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 272, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 273, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 273, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 273, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 274, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 274, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 274, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 274, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 274, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 274, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 275, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 275, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 275, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 276, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 276, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 276, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 277, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 277, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 277, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 278, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 278, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 278, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 279, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 279, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 279, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 280, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 280, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 280, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 281, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 281, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 281, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 281, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 281, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 281, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 282, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 282, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 282, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 282, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 282, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 282, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 283, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 283, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 283, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 283, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 283, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 283, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 284, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 284, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 284, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 284, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 284, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 284, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 285, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 285, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 285, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 285, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 285, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 285, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
  }
  static func install10(_ t: inout HandlerTable) {
    unsafe t.set(row: 286, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 286, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 286, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 286, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 286, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 286, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 287, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 287, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 287, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 287, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 287, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 287, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 288, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 288, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 288, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 288, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 288, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 288, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 289, condition: 0, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondO.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 1, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNO.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 2, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondB.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 3, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNB.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 4, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondZ.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 5, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNZ.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 6, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondBE.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 7, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNBE.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 8, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondS.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 9, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNS.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 10, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondP.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 11, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNP.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 12, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondL.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 13, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNL.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 14, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondLE.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 15, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNLE.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 289, condition: 0, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondO.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 1, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNO.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 2, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondB.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 3, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNB.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 4, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondZ.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 5, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNZ.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 6, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondBE.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 7, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNBE.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 8, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondS.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 9, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNS.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 10, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondP.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 11, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNP.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 12, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondL.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 13, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNL.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 14, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondLE.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 15, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNLE.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 289, condition: 0, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondO.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 1, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNO.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 2, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondB.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 3, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNB.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 4, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondZ.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 5, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNZ.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 6, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondBE.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 7, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNBE.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 8, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondS.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 9, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNS.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 10, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondP.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 11, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNP.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 12, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondL.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 13, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNL.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 14, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondLE.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 15, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNLE.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 289, condition: 0, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondO.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 1, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNO.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 2, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondB.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 3, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNB.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 4, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondZ.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 5, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNZ.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 6, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondBE.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 7, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNBE.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 8, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondS.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 9, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNS.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 10, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondP.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 11, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNP.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 12, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondL.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 13, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNL.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 14, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondLE.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 15, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNLE.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 289, condition: 0, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondO.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 1, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNO.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 2, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondB.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 3, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNB.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 4, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondZ.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 5, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNZ.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 6, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondBE.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 7, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNBE.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 8, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondS.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 9, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNS.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 10, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondP.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 11, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNP.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 12, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondL.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 13, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNL.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 14, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondLE.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 15, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNLE.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 289, condition: 0, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondO.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 1, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNO.self, Reg<W64>.self, Mem<W64>.self) } }
  }
  static func install11(_ t: inout HandlerTable) {
    unsafe t.set(row: 289, condition: 2, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondB.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 3, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNB.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 4, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondZ.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 5, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNZ.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 6, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondBE.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 7, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNBE.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 8, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondS.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 9, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNS.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 10, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondP.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 11, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNP.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 12, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondL.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 13, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNL.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 14, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondLE.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 289, condition: 15, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveIf(CondNLE.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 290, condition: 0, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondO.self) } }
    unsafe t.set(row: 290, condition: 1, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNO.self) } }
    unsafe t.set(row: 290, condition: 2, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondB.self) } }
    unsafe t.set(row: 290, condition: 3, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNB.self) } }
    unsafe t.set(row: 290, condition: 4, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondZ.self) } }
    unsafe t.set(row: 290, condition: 5, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNZ.self) } }
    unsafe t.set(row: 290, condition: 6, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondBE.self) } }
    unsafe t.set(row: 290, condition: 7, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNBE.self) } }
    unsafe t.set(row: 290, condition: 8, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondS.self) } }
    unsafe t.set(row: 290, condition: 9, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNS.self) } }
    unsafe t.set(row: 290, condition: 10, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondP.self) } }
    unsafe t.set(row: 290, condition: 11, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNP.self) } }
    unsafe t.set(row: 290, condition: 12, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondL.self) } }
    unsafe t.set(row: 290, condition: 13, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNL.self) } }
    unsafe t.set(row: 290, condition: 14, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondLE.self) } }
    unsafe t.set(row: 290, condition: 15, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNLE.self) } }
    unsafe t.set(row: 290, condition: 0, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondO.self) } }
    unsafe t.set(row: 290, condition: 1, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNO.self) } }
    unsafe t.set(row: 290, condition: 2, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondB.self) } }
    unsafe t.set(row: 290, condition: 3, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNB.self) } }
    unsafe t.set(row: 290, condition: 4, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondZ.self) } }
    unsafe t.set(row: 290, condition: 5, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNZ.self) } }
    unsafe t.set(row: 290, condition: 6, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondBE.self) } }
    unsafe t.set(row: 290, condition: 7, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNBE.self) } }
    unsafe t.set(row: 290, condition: 8, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondS.self) } }
    unsafe t.set(row: 290, condition: 9, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNS.self) } }
    unsafe t.set(row: 290, condition: 10, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondP.self) } }
    unsafe t.set(row: 290, condition: 11, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNP.self) } }
    unsafe t.set(row: 290, condition: 12, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondL.self) } }
    unsafe t.set(row: 290, condition: 13, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNL.self) } }
    unsafe t.set(row: 290, condition: 14, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondLE.self) } }
    unsafe t.set(row: 290, condition: 15, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNLE.self) } }
    unsafe t.set(row: 290, condition: 0, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondO.self) } }
    unsafe t.set(row: 290, condition: 1, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNO.self) } }
    unsafe t.set(row: 290, condition: 2, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondB.self) } }
    unsafe t.set(row: 290, condition: 3, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNB.self) } }
    unsafe t.set(row: 290, condition: 4, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondZ.self) } }
    unsafe t.set(row: 290, condition: 5, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNZ.self) } }
    unsafe t.set(row: 290, condition: 6, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondBE.self) } }
    unsafe t.set(row: 290, condition: 7, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNBE.self) } }
    unsafe t.set(row: 290, condition: 8, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondS.self) } }
    unsafe t.set(row: 290, condition: 9, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNS.self) } }
    unsafe t.set(row: 290, condition: 10, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondP.self) } }
    unsafe t.set(row: 290, condition: 11, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNP.self) } }
    unsafe t.set(row: 290, condition: 12, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondL.self) } }
    unsafe t.set(row: 290, condition: 13, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNL.self) } }
    unsafe t.set(row: 290, condition: 14, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondLE.self) } }
    unsafe t.set(row: 290, condition: 15, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNLE.self) } }
    unsafe t.set(row: 291, condition: 0, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondO.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 1, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNO.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 2, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondB.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 3, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNB.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 4, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondZ.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 5, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNZ.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 6, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondBE.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 7, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNBE.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 8, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondS.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 9, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNS.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 10, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondP.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 11, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNP.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 12, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondL.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 13, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNL.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 14, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondLE.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 15, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNLE.self, RM<W8>.self) } }
    unsafe t.set(row: 291, condition: 0, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondO.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 1, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNO.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 2, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondB.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 3, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNB.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 4, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondZ.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 5, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNZ.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 6, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondBE.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 7, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNBE.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 8, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondS.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 9, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNS.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 10, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondP.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 11, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNP.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 12, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondL.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 13, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNL.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 14, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondLE.self, Mem<W8>.self) } }
    unsafe t.set(row: 291, condition: 15, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.setIf(CondNLE.self, Mem<W8>.self) } }
    unsafe t.set(row: 292, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(4) } }
    unsafe t.set(row: 292, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(4) } }
    unsafe t.set(row: 292, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(4) } }
    unsafe t.set(row: 293, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(4) } }
    unsafe t.set(row: 293, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(4) } }
    unsafe t.set(row: 293, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(4) } }
  }
  static func install12(_ t: inout HandlerTable) {
    unsafe t.set(row: 294, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.cpuid() } }
    unsafe t.set(row: 294, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.cpuid() } }
    unsafe t.set(row: 294, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.cpuid() } }
    unsafe t.set(row: 295, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 295, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitTest.self, Reg<W16>.self) } }
    unsafe t.set(row: 295, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 295, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitTest.self, Reg<W32>.self) } }
    unsafe t.set(row: 295, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 295, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitTest.self, Reg<W64>.self) } }
    unsafe t.set(row: 296, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 296, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitSet.self, Reg<W16>.self) } }
    unsafe t.set(row: 296, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 296, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitSet.self, Reg<W32>.self) } }
    unsafe t.set(row: 296, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 296, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitSet.self, Reg<W64>.self) } }
    unsafe t.set(row: 297, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 297, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitReset.self, Reg<W16>.self) } }
    unsafe t.set(row: 297, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 297, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitReset.self, Reg<W32>.self) } }
    unsafe t.set(row: 297, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 297, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitReset.self, Reg<W64>.self) } }
    unsafe t.set(row: 298, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 298, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitComplement.self, Reg<W16>.self) } }
    unsafe t.set(row: 298, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 298, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitComplement.self, Reg<W32>.self) } }
    unsafe t.set(row: 298, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 298, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitString(BitComplement.self, Reg<W64>.self) } }
    unsafe t.set(row: 299, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W16.self, RM<W16>.self, Reg<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 299, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W16.self, Mem<W16>.self, Reg<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 299, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W32.self, RM<W32>.self, Reg<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 299, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W32.self, Mem<W32>.self, Reg<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 299, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W64.self, RM<W64>.self, Reg<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 299, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W64.self, Mem<W64>.self, Reg<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 300, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W16.self, RM<W16>.self, Reg<W16>.self, CountCL.self) } }
    unsafe t.set(row: 300, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W16.self, Mem<W16>.self, Reg<W16>.self, CountCL.self) } }
    unsafe t.set(row: 300, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W32.self, RM<W32>.self, Reg<W32>.self, CountCL.self) } }
    unsafe t.set(row: 300, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W32.self, Mem<W32>.self, Reg<W32>.self, CountCL.self) } }
    unsafe t.set(row: 300, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W64.self, RM<W64>.self, Reg<W64>.self, CountCL.self) } }
    unsafe t.set(row: 300, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: true, W64.self, Mem<W64>.self, Reg<W64>.self, CountCL.self) } }
    unsafe t.set(row: 301, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(5) } }
    unsafe t.set(row: 301, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(5) } }
    unsafe t.set(row: 301, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(5) } }
    unsafe t.set(row: 302, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(5) } }
    unsafe t.set(row: 302, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(5) } }
    unsafe t.set(row: 302, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(5) } }
    unsafe t.set(row: 303, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W16.self, RM<W16>.self, Reg<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 303, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W16.self, Mem<W16>.self, Reg<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 303, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W32.self, RM<W32>.self, Reg<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 303, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W32.self, Mem<W32>.self, Reg<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 303, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W64.self, RM<W64>.self, Reg<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 303, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W64.self, Mem<W64>.self, Reg<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 304, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W16.self, RM<W16>.self, Reg<W16>.self, CountCL.self) } }
    unsafe t.set(row: 304, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W16.self, Mem<W16>.self, Reg<W16>.self, CountCL.self) } }
    unsafe t.set(row: 304, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W32.self, RM<W32>.self, Reg<W32>.self, CountCL.self) } }
    unsafe t.set(row: 304, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W32.self, Mem<W32>.self, Reg<W32>.self, CountCL.self) } }
    unsafe t.set(row: 304, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W64.self, RM<W64>.self, Reg<W64>.self, CountCL.self) } }
    unsafe t.set(row: 304, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.doubleShift(left: false, W64.self, Mem<W64>.self, Reg<W64>.self, CountCL.self) } }
    unsafe t.set(row: 305, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W16.self, Reg<W16>.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 305, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W16.self, Reg<W16>.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 305, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W32.self, Reg<W32>.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 305, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W32.self, Reg<W32>.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 305, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W64.self, Reg<W64>.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 305, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W64.self, Reg<W64>.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 306, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 306, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 307, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 307, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 307, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 307, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 307, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 307, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchange(W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 308, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.ss) } }
    unsafe t.set(row: 308, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.ss) } }
    unsafe t.set(row: 308, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.ss) } }
    unsafe t.set(row: 309, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.fs) } }
    unsafe t.set(row: 309, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.fs) } }
    unsafe t.set(row: 309, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.fs) } }
    unsafe t.set(row: 310, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.gs) } }
    unsafe t.set(row: 310, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.gs) } }
    unsafe t.set(row: 310, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.gs) } }
    unsafe t.set(row: 311, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W16>.self, RM<W8>.self) } }
    unsafe t.set(row: 311, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W16>.self, Mem<W8>.self) } }
    unsafe t.set(row: 311, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W32>.self, RM<W8>.self) } }
    unsafe t.set(row: 311, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W32>.self, Mem<W8>.self) } }
    unsafe t.set(row: 311, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W64>.self, RM<W8>.self) } }
    unsafe t.set(row: 311, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W64>.self, Mem<W8>.self) } }
    unsafe t.set(row: 312, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 312, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 312, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W32>.self, RM<W16>.self) } }
    unsafe t.set(row: 312, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W32>.self, Mem<W16>.self) } }
    unsafe t.set(row: 312, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W64>.self, RM<W16>.self) } }
    unsafe t.set(row: 312, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveZeroExtended(Reg<W64>.self, Mem<W16>.self) } }
    unsafe t.set(row: 313, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.populationCount(Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 313, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.populationCount(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 313, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.populationCount(Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 313, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.populationCount(Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 313, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.populationCount(Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 313, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.populationCount(Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 315, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 315, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, Mem<W16>.self, Imm<W16>.self) } }
  }
  static func install13(_ t: inout HandlerTable) {
    unsafe t.set(row: 315, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 315, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 315, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 315, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitTest.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 316, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 316, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 316, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 316, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 316, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 316, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitSet.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 317, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 317, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 317, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 317, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 317, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 317, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitReset.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 318, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 318, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 318, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 318, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 318, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 318, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bit(BitComplement.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 319, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: false, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 319, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: false, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 319, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: false, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 319, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: false, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 319, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: false, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 319, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: false, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 320, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: false, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 320, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: false, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 320, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: false, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 320, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: false, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 320, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: false, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 320, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: false, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 321, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: true, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 321, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: true, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 321, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: true, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 321, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: true, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 321, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: true, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 321, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.countZeros(leading: true, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 322, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: true, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 322, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: true, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 322, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: true, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 322, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: true, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 322, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: true, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 322, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.bitScan(reverse: true, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 323, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W16>.self, RM<W8>.self) } }
    unsafe t.set(row: 323, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W16>.self, Mem<W8>.self) } }
    unsafe t.set(row: 323, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W32>.self, RM<W8>.self) } }
    unsafe t.set(row: 323, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W32>.self, Mem<W8>.self) } }
    unsafe t.set(row: 323, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W64>.self, RM<W8>.self) } }
    unsafe t.set(row: 323, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W64>.self, Mem<W8>.self) } }
    unsafe t.set(row: 324, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 324, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 324, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W32>.self, RM<W16>.self) } }
    unsafe t.set(row: 324, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W32>.self, Mem<W16>.self) } }
    unsafe t.set(row: 324, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W64>.self, RM<W16>.self) } }
    unsafe t.set(row: 324, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W64>.self, Mem<W16>.self) } }
    unsafe t.set(row: 325, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 325, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 326, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 326, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 326, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 326, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 326, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 326, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchangeAdd(W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 327, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 327, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 328, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchangeWide() } }
    unsafe t.set(row: 329, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchangeWide() } }
    unsafe t.set(row: 329, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchangeWide() } }
    unsafe t.set(row: 329, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareExchangeWide() } }
    unsafe t.set(row: 330, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.random(RM<W16>.self) } }
    unsafe t.set(row: 330, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.random(RM<W32>.self) } }
    unsafe t.set(row: 330, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.random(RM<W64>.self) } }
    unsafe t.set(row: 331, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.random(RM<W16>.self) } }
    unsafe t.set(row: 331, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.random(RM<W32>.self) } }
    unsafe t.set(row: 331, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.random(RM<W64>.self) } }
    unsafe t.set(row: 332, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in RM<W32>.store(x, numericCast(x.cpu.s.tscAux)) } }
    unsafe t.set(row: 332, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in RM<W64>.store(x, numericCast(x.cpu.s.tscAux)) } }
    unsafe t.set(row: 333, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.byteSwap(Reg<W16>.self) } }
    unsafe t.set(row: 333, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.byteSwap(Reg<W32>.self) } }
    unsafe t.set(row: 333, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.byteSwap(Reg<W64>.self) } }
    unsafe t.set(row: 335, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(RM<W8>.self) } }
    unsafe t.set(row: 335, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(Mem<W8>.self) } }
    unsafe t.set(row: 335, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(RM<W8>.self) } }
    unsafe t.set(row: 335, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(Mem<W8>.self) } }
    unsafe t.set(row: 336, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(RM<W16>.self) } }
    unsafe t.set(row: 336, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(Mem<W16>.self) } }
    unsafe t.set(row: 336, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(RM<W32>.self) } }
    unsafe t.set(row: 336, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(Mem<W32>.self) } }
    unsafe t.set(row: 336, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(RM<W64>.self) } }
    unsafe t.set(row: 336, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.crc32(Mem<W64>.self) } }
    unsafe t.set(row: 337, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSwapped(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 337, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSwapped(Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 337, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSwapped(Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 338, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSwapped(Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 338, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSwapped(Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 338, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSwapped(Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 339, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: false, Reg<W32>.self, RM<W32>.self) } }
  }
  static func install14(_ t: inout HandlerTable) {
    unsafe t.set(row: 339, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: false, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 339, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: false, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 339, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: false, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 340, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: true, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 340, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: true, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 340, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: true, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 340, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.addThrough(overflow: true, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 341, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 341, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 342, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(RM<W16>.self, x.cpu.storeLDT()) } }
    unsafe t.set(row: 342, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(Mem<W16>.self, x.cpu.storeLDT()) } }
    unsafe t.set(row: 342, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(RM<W32>.self, x.cpu.storeLDT()) } }
    unsafe t.set(row: 342, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(Mem<W16>.self, x.cpu.storeLDT()) } }
    unsafe t.set(row: 342, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(RM<W64>.self, x.cpu.storeLDT()) } }
    unsafe t.set(row: 342, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(Mem<W16>.self, x.cpu.storeLDT()) } }
    unsafe t.set(row: 343, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(RM<W16>.self, x.cpu.storeTask()) } }
    unsafe t.set(row: 343, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(Mem<W16>.self, x.cpu.storeTask()) } }
    unsafe t.set(row: 343, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(RM<W32>.self, x.cpu.storeTask()) } }
    unsafe t.set(row: 343, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(Mem<W16>.self, x.cpu.storeTask()) } }
    unsafe t.set(row: 343, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(RM<W64>.self, x.cpu.storeTask()) } }
    unsafe t.set(row: 343, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.storeSelector(Mem<W16>.self, x.cpu.storeTask()) } }
    unsafe t.set(row: 344, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.lldt(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 344, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.lldt(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 344, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.lldt(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 344, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.lldt(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 344, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.lldt(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 344, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.lldt(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 345, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.ltr(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 345, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.ltr(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 345, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.ltr(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 345, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.ltr(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 345, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.ltr(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 345, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.ltr(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 346, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: RM<W16>.load(x)), write: false)) } }
    unsafe t.set(row: 346, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: Mem<W16>.load(x)), write: false)) } }
    unsafe t.set(row: 346, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: RM<W16>.load(x)), write: false)) } }
    unsafe t.set(row: 346, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: Mem<W16>.load(x)), write: false)) } }
    unsafe t.set(row: 346, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: RM<W16>.load(x)), write: false)) } }
    unsafe t.set(row: 346, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: Mem<W16>.load(x)), write: false)) } }
    unsafe t.set(row: 347, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: RM<W16>.load(x)), write: true)) } }
    unsafe t.set(row: 347, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: Mem<W16>.load(x)), write: true)) } }
    unsafe t.set(row: 347, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: RM<W16>.load(x)), write: true)) } }
    unsafe t.set(row: 347, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: Mem<W16>.load(x)), write: true)) } }
    unsafe t.set(row: 347, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: RM<W16>.load(x)), write: true)) } }
    unsafe t.set(row: 347, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.cpu.setZero(x.cpu.verify(UInt16(truncatingIfNeeded: Mem<W16>.load(x)), write: true)) } }
    unsafe t.set(row: 348, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeTable(x.cpu.sgdt()) } }
    unsafe t.set(row: 348, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeTable(x.cpu.sgdt()) } }
    unsafe t.set(row: 348, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeTable(x.cpu.sgdt()) } }
    unsafe t.set(row: 349, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeTable(x.cpu.sidt()) } }
    unsafe t.set(row: 349, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeTable(x.cpu.sidt()) } }
    unsafe t.set(row: 349, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeTable(x.cpu.sidt()) } }
    unsafe t.set(row: 350, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.loadGDT() } }
    unsafe t.set(row: 350, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.loadGDT() } }
    unsafe t.set(row: 350, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.loadGDT() } }
    unsafe t.set(row: 351, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.loadIDT() } }
    unsafe t.set(row: 351, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.loadIDT() } }
    unsafe t.set(row: 351, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.loadIDT() } }
    unsafe t.set(row: 356, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.monitor() } }
    unsafe t.set(row: 356, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.monitor() } }
    unsafe t.set(row: 356, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.monitor() } }
    unsafe t.set(row: 357, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.mwait() } }
    unsafe t.set(row: 357, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.mwait() } }
    unsafe t.set(row: 357, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.mwait() } }
    unsafe t.set(row: 358, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.setAC(false) } }
    unsafe t.set(row: 358, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.setAC(false) } }
    unsafe t.set(row: 358, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.setAC(false) } }
    unsafe t.set(row: 359, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.setAC(true) } }
    unsafe t.set(row: 359, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.setAC(true) } }
    unsafe t.set(row: 359, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.setAC(true) } }
    unsafe t.set(row: 360, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readXCR() } }
    unsafe t.set(row: 360, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readXCR() } }
    unsafe t.set(row: 360, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readXCR() } }
    unsafe t.set(row: 361, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeXCR() } }
    unsafe t.set(row: 361, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeXCR() } }
    unsafe t.set(row: 361, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeXCR() } }
    unsafe t.set(row: 363, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 363, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 363, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 364, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readPKRU() } }
    unsafe t.set(row: 364, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readPKRU() } }
    unsafe t.set(row: 364, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readPKRU() } }
    unsafe t.set(row: 365, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writePKRU() } }
    unsafe t.set(row: 365, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writePKRU() } }
    unsafe t.set(row: 365, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.writePKRU() } }
    unsafe t.set(row: 366, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.swapgs() } }
    unsafe t.set(row: 366, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.swapgs() } }
    unsafe t.set(row: 366, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.swapgs() } }
    unsafe t.set(row: 367, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readTimeStampAndAuxiliary() } }
    unsafe t.set(row: 367, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readTimeStampAndAuxiliary() } }
    unsafe t.set(row: 367, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readTimeStampAndAuxiliary() } }
    unsafe t.set(row: 370, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroLine() } }
    unsafe t.set(row: 370, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroLine() } }
    unsafe t.set(row: 370, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroLine() } }
    unsafe t.set(row: 372, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeSelector(RM<W16>.self, x.cpu.smsw()) } }
    unsafe t.set(row: 372, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeSelector(Mem<W16>.self, x.cpu.smsw()) } }
    unsafe t.set(row: 372, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeSelector(RM<W32>.self, x.cpu.smsw()) } }
    unsafe t.set(row: 372, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeSelector(Mem<W16>.self, x.cpu.smsw()) } }
    unsafe t.set(row: 372, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeSelector(RM<W64>.self, x.cpu.smsw()) } }
    unsafe t.set(row: 372, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeSelector(Mem<W16>.self, x.cpu.smsw()) } }
    unsafe t.set(row: 373, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.lmsw(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
  }
  static func install15(_ t: inout HandlerTable) {
    unsafe t.set(row: 373, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.lmsw(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 373, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.lmsw(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 373, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.lmsw(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 373, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.lmsw(UInt16(truncatingIfNeeded: RM<W16>.load(x))) } }
    unsafe t.set(row: 373, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.lmsw(UInt16(truncatingIfNeeded: Mem<W16>.load(x))) } }
    unsafe t.set(row: 374, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.invalidatePage() } }
    unsafe t.set(row: 374, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.invalidatePage() } }
    unsafe t.set(row: 374, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.invalidatePage() } }
    unsafe t.set(row: 375, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadAccessRights(Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 375, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadAccessRights(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 375, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadAccessRights(Reg<W32>.self, RM<W16>.self) } }
    unsafe t.set(row: 375, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadAccessRights(Reg<W32>.self, Mem<W16>.self) } }
    unsafe t.set(row: 375, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadAccessRights(Reg<W64>.self, RM<W16>.self) } }
    unsafe t.set(row: 375, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadAccessRights(Reg<W64>.self, Mem<W16>.self) } }
    unsafe t.set(row: 376, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadSegmentLimit(Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 376, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadSegmentLimit(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 376, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadSegmentLimit(Reg<W32>.self, RM<W16>.self) } }
    unsafe t.set(row: 376, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadSegmentLimit(Reg<W32>.self, Mem<W16>.self) } }
    unsafe t.set(row: 376, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadSegmentLimit(Reg<W64>.self, RM<W16>.self) } }
    unsafe t.set(row: 376, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.loadSegmentLimit(Reg<W64>.self, Mem<W16>.self) } }
    unsafe t.set(row: 377, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.syscall() } }
    unsafe t.set(row: 377, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.syscall() } }
    unsafe t.set(row: 377, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.syscall() } }
    unsafe t.set(row: 378, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); x.cpu.s.cr0 &= ~CR0.ts } }
    unsafe t.set(row: 378, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); x.cpu.s.cr0 &= ~CR0.ts } }
    unsafe t.set(row: 378, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); x.cpu.s.cr0 &= ~CR0.ts } }
    unsafe t.set(row: 379, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.sysret(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 379, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.sysret(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 379, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.requireProtected(); try x.cpu.sysret(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 380, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 380, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 380, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 381, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 381, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 381, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 382, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 382, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 382, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); _ = x } }
    unsafe t.set(row: 383, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readControlRegister() } }
    unsafe t.set(row: 383, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readControlRegister() } }
    unsafe t.set(row: 384, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readDebugRegister() } }
    unsafe t.set(row: 384, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readDebugRegister() } }
    unsafe t.set(row: 385, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeControlRegister() } }
    unsafe t.set(row: 385, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeControlRegister() } }
    unsafe t.set(row: 386, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeDebugRegister() } }
    unsafe t.set(row: 386, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeDebugRegister() } }
    unsafe t.set(row: 387, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeMSR() } }
    unsafe t.set(row: 387, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeMSR() } }
    unsafe t.set(row: 387, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.writeMSR() } }
    unsafe t.set(row: 388, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readTimeStamp() } }
    unsafe t.set(row: 388, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readTimeStamp() } }
    unsafe t.set(row: 388, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readTimeStamp() } }
    unsafe t.set(row: 389, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readMSR() } }
    unsafe t.set(row: 389, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readMSR() } }
    unsafe t.set(row: 389, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.readMSR() } }
    unsafe t.set(row: 390, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readCounter() } }
    unsafe t.set(row: 390, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readCounter() } }
    unsafe t.set(row: 390, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.readCounter() } }
    unsafe t.set(row: 391, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.sysenter() } }
    unsafe t.set(row: 391, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.sysenter() } }
    unsafe t.set(row: 391, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.sysenter() } }
    unsafe t.set(row: 392, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.sysexit(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 392, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.sysexit(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 392, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); try x.cpu.sysexit(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 394, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.fxsave() } }
    unsafe t.set(row: 394, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.fxsave() } }
    unsafe t.set(row: 394, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.fxsave() } }
    unsafe t.set(row: 395, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.fxrstor() } }
    unsafe t.set(row: 395, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.fxrstor() } }
    unsafe t.set(row: 395, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.fxrstor() } }
    unsafe t.set(row: 396, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadMXCSR() } }
    unsafe t.set(row: 396, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadMXCSR() } }
    unsafe t.set(row: 396, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadMXCSR() } }
    unsafe t.set(row: 397, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeMXCSR() } }
    unsafe t.set(row: 397, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeMXCSR() } }
    unsafe t.set(row: 397, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeMXCSR() } }
    unsafe t.set(row: 398, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.standard) } }
    unsafe t.set(row: 398, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.standard) } }
    unsafe t.set(row: 398, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.standard) } }
    unsafe t.set(row: 399, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 399, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 399, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 400, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xrstor(supervisor: false) } }
    unsafe t.set(row: 400, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xrstor(supervisor: false) } }
    unsafe t.set(row: 400, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xrstor(supervisor: false) } }
    unsafe t.set(row: 401, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.optimised) } }
    unsafe t.set(row: 401, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.optimised) } }
    unsafe t.set(row: 401, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.xsave(.optimised) } }
    unsafe t.set(row: 402, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 402, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 402, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 403, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 403, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 403, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 404, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 404, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 404, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.touchLine() } }
    unsafe t.set(row: 405, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 405, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
    unsafe t.set(row: 405, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.fence() } }
  }
}
