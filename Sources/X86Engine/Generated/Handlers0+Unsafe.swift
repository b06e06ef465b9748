// Made by isa-gen from the instruction table. Do not edit.

import X86ISA

extension HandlerTable {
  static func install0(_ t: inout HandlerTable) {
    unsafe t.set(row: 0, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 0, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 1, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 1, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 1, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 1, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 1, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 1, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 2, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 2, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 3, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 3, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 3, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 3, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 3, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 3, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 4, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 5, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 5, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 5, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 6, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 6, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 7, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 7, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 7, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 7, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 7, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 7, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 8, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 8, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 9, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 9, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 9, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 9, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 9, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 9, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 10, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 11, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 11, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 11, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 12, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 12, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 13, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 13, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 13, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 13, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 13, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 13, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 14, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 14, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 15, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 15, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 15, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 15, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 15, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 15, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 16, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 17, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 17, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 17, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 18, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 18, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 19, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 19, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 19, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 19, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 19, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 19, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 20, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 20, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 21, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 21, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 21, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 21, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 21, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 21, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 22, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 23, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 23, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 23, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 24, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 24, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 25, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 25, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 25, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 25, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 25, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 25, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 26, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 26, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 27, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 27, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 27, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 27, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 27, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 27, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 28, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 29, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 29, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 29, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
  }
  static func install1(_ t: inout HandlerTable) {
    unsafe t.set(row: 30, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 30, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 31, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 31, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 31, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 31, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 31, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 31, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 32, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 32, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 33, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 33, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 33, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 33, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 33, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 33, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 34, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 35, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 35, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 35, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 36, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 36, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 37, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 37, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 37, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 37, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 37, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 37, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 38, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 38, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 39, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 39, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 39, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 39, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 39, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 39, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 40, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 41, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 41, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 41, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 42, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 42, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 43, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 43, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 43, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 43, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 43, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 43, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 44, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 44, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 45, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 45, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 45, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 45, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 45, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 45, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 46, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 47, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 47, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 47, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 48, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(0) } }
    unsafe t.set(row: 48, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(0) } }
    unsafe t.set(row: 49, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(0) } }
    unsafe t.set(row: 49, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(0) } }
    unsafe t.set(row: 50, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(1) } }
    unsafe t.set(row: 50, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(1) } }
    unsafe t.set(row: 51, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(2) } }
    unsafe t.set(row: 51, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(2) } }
    unsafe t.set(row: 52, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(2) } }
    unsafe t.set(row: 52, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(2) } }
    unsafe t.set(row: 53, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(3) } }
    unsafe t.set(row: 53, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushSegment(3) } }
    unsafe t.set(row: 54, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(3) } }
    unsafe t.set(row: 54, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popSegment(3) } }
    unsafe t.set(row: 55, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.decimalAdjust(subtract: false) } }
    unsafe t.set(row: 55, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.decimalAdjust(subtract: false) } }
    unsafe t.set(row: 56, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.decimalAdjust(subtract: true) } }
    unsafe t.set(row: 56, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.decimalAdjust(subtract: true) } }
    unsafe t.set(row: 57, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.asciiAdjust(subtract: false) } }
    unsafe t.set(row: 57, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.asciiAdjust(subtract: false) } }
    unsafe t.set(row: 58, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.asciiAdjust(subtract: true) } }
    unsafe t.set(row: 58, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.asciiAdjust(subtract: true) } }
    unsafe t.set(row: 59, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W16.self, Reg<W16>.self) } }
    unsafe t.set(row: 59, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.increment(W32.self, Reg<W32>.self) } }
    unsafe t.set(row: 60, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W16.self, Reg<W16>.self) } }
    unsafe t.set(row: 60, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.decrement(W32.self, Reg<W32>.self) } }
    unsafe t.set(row: 61, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W16.self, Reg<W16>.self) } }
    unsafe t.set(row: 61, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W32.self, Reg<W32>.self) } }
    unsafe t.set(row: 61, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushOperand(W64.self, Reg<W64>.self) } }
    unsafe t.set(row: 62, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W16.self, Reg<W16>.self) } }
    unsafe t.set(row: 62, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W32.self, Reg<W32>.self) } }
    unsafe t.set(row: 62, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W64.self, Reg<W64>.self) } }
    unsafe t.set(row: 63, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushAll() } }
    unsafe t.set(row: 63, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushAll() } }
    unsafe t.set(row: 64, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popAll() } }
    unsafe t.set(row: 64, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popAll() } }
    unsafe t.set(row: 65, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.checkBounds() } }
    unsafe t.set(row: 65, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.checkBounds() } }
    unsafe t.set(row: 66, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.adjustRPL(RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 66, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.adjustRPL(Mem<W16>.self, Reg<W16>.self) } }
  }
  static func install2(_ t: inout HandlerTable) {
    unsafe t.set(row: 66, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.adjustRPL(RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 66, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireProtected(); try x.adjustRPL(Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 67, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 67, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 67, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 67, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 67, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W64>.self, RM<W32>.self) } }
    unsafe t.set(row: 67, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveSignExtended(Reg<W64>.self, Mem<W32>.self) } }
    unsafe t.set(row: 68, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushImmediate() } }
    unsafe t.set(row: 68, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushImmediate() } }
    unsafe t.set(row: 68, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushImmediate() } }
    unsafe t.set(row: 69, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W16.self, Reg<W16>.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 69, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W16.self, Reg<W16>.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 69, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W32.self, Reg<W32>.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 69, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W32.self, Reg<W32>.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 69, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W64.self, Reg<W64>.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 69, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W64.self, Reg<W64>.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 70, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushImmediate() } }
    unsafe t.set(row: 70, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushImmediate() } }
    unsafe t.set(row: 70, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushImmediate() } }
    unsafe t.set(row: 71, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W16.self, Reg<W16>.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 71, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W16.self, Reg<W16>.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 71, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W32.self, Reg<W32>.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 71, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W32.self, Reg<W32>.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 71, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W64.self, Reg<W64>.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 71, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.multiplyTruncating(W64.self, Reg<W64>.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 72, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.inputString(W8.self) } }
    unsafe t.set(row: 73, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.inputString(W16.self) } }
    unsafe t.set(row: 73, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.inputString(W32.self) } }
    unsafe t.set(row: 74, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.outputString(W8.self) } }
    unsafe t.set(row: 75, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.outputString(W16.self) } }
    unsafe t.set(row: 75, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.outputString(W32.self) } }
    unsafe t.set(row: 76, condition: 0, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondO.self) } }
    unsafe t.set(row: 76, condition: 1, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNO.self) } }
    unsafe t.set(row: 76, condition: 2, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondB.self) } }
    unsafe t.set(row: 76, condition: 3, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNB.self) } }
    unsafe t.set(row: 76, condition: 4, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondZ.self) } }
    unsafe t.set(row: 76, condition: 5, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNZ.self) } }
    unsafe t.set(row: 76, condition: 6, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondBE.self) } }
    unsafe t.set(row: 76, condition: 7, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNBE.self) } }
    unsafe t.set(row: 76, condition: 8, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondS.self) } }
    unsafe t.set(row: 76, condition: 9, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNS.self) } }
    unsafe t.set(row: 76, condition: 10, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondP.self) } }
    unsafe t.set(row: 76, condition: 11, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNP.self) } }
    unsafe t.set(row: 76, condition: 12, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondL.self) } }
    unsafe t.set(row: 76, condition: 13, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNL.self) } }
    unsafe t.set(row: 76, condition: 14, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondLE.self) } }
    unsafe t.set(row: 76, condition: 15, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNLE.self) } }
    unsafe t.set(row: 76, condition: 0, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondO.self) } }
    unsafe t.set(row: 76, condition: 1, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNO.self) } }
    unsafe t.set(row: 76, condition: 2, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondB.self) } }
    unsafe t.set(row: 76, condition: 3, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNB.self) } }
    unsafe t.set(row: 76, condition: 4, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondZ.self) } }
    unsafe t.set(row: 76, condition: 5, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNZ.self) } }
    unsafe t.set(row: 76, condition: 6, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondBE.self) } }
    unsafe t.set(row: 76, condition: 7, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNBE.self) } }
    unsafe t.set(row: 76, condition: 8, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondS.self) } }
    unsafe t.set(row: 76, condition: 9, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNS.self) } }
    unsafe t.set(row: 76, condition: 10, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondP.self) } }
    unsafe t.set(row: 76, condition: 11, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNP.self) } }
    unsafe t.set(row: 76, condition: 12, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondL.self) } }
    unsafe t.set(row: 76, condition: 13, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNL.self) } }
    unsafe t.set(row: 76, condition: 14, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondLE.self) } }
    unsafe t.set(row: 76, condition: 15, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNLE.self) } }
    unsafe t.set(row: 76, condition: 0, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondO.self) } }
    unsafe t.set(row: 76, condition: 1, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNO.self) } }
    unsafe t.set(row: 76, condition: 2, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondB.self) } }
    unsafe t.set(row: 76, condition: 3, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNB.self) } }
    unsafe t.set(row: 76, condition: 4, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondZ.self) } }
    unsafe t.set(row: 76, condition: 5, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNZ.self) } }
    unsafe t.set(row: 76, condition: 6, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondBE.self) } }
    unsafe t.set(row: 76, condition: 7, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNBE.self) } }
    unsafe t.set(row: 76, condition: 8, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondS.self) } }
    unsafe t.set(row: 76, condition: 9, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNS.self) } }
    unsafe t.set(row: 76, condition: 10, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondP.self) } }
    unsafe t.set(row: 76, condition: 11, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNP.self) } }
    unsafe t.set(row: 76, condition: 12, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondL.self) } }
    unsafe t.set(row: 76, condition: 13, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNL.self) } }
    unsafe t.set(row: 76, condition: 14, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondLE.self) } }
    unsafe t.set(row: 76, condition: 15, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIf(CondNLE.self) } }
    unsafe t.set(row: 77, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 77, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 78, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 78, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 78, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 78, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 78, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 78, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 79, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 79, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 80, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 80, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Mem<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 80, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 80, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 80, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 80, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 81, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, RM<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 81, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Mem<W8>.self, Reg<W8>.self) } }
    unsafe t.set(row: 82, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, RM<W16>.self, Reg<W16>.self) } }
    unsafe t.set(row: 82, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Mem<W16>.self, Reg<W16>.self) } }
  }
  static func install3(_ t: inout HandlerTable) {
    unsafe t.set(row: 82, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, RM<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 82, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Mem<W32>.self, Reg<W32>.self) } }
    unsafe t.set(row: 82, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, RM<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 82, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Mem<W64>.self, Reg<W64>.self) } }
    unsafe t.set(row: 83, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Reg<W8>.self, RM<W8>.self) } }
    unsafe t.set(row: 83, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Reg<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 84, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Reg<W16>.self, RM<W16>.self) } }
    unsafe t.set(row: 84, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Reg<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 84, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Reg<W32>.self, RM<W32>.self) } }
    unsafe t.set(row: 84, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Reg<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 84, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Reg<W64>.self, RM<W64>.self) } }
    unsafe t.set(row: 84, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Reg<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 85, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveFromSegment(RM<W16>.self) } }
    unsafe t.set(row: 85, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveFromSegment(Mem<W16>.self) } }
    unsafe t.set(row: 85, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveFromSegment(RM<W32>.self) } }
    unsafe t.set(row: 85, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveFromSegment(Mem<W16>.self) } }
    unsafe t.set(row: 85, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveFromSegment(RM<W64>.self) } }
    unsafe t.set(row: 85, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveFromSegment(Mem<W16>.self) } }
    unsafe t.set(row: 86, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadAddress(Reg<W16>.self) } }
    unsafe t.set(row: 86, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadAddress(Reg<W32>.self) } }
    unsafe t.set(row: 86, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadAddress(Reg<W64>.self) } }
    unsafe t.set(row: 87, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveToSegment(RM<W16>.self) } }
    unsafe t.set(row: 87, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveToSegment(Mem<W16>.self) } }
    unsafe t.set(row: 87, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveToSegment(RM<W16>.self) } }
    unsafe t.set(row: 87, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveToSegment(Mem<W16>.self) } }
    unsafe t.set(row: 87, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveToSegment(RM<W16>.self) } }
    unsafe t.set(row: 87, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveToSegment(Mem<W16>.self) } }
    unsafe t.set(row: 88, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.pause() } }
    unsafe t.set(row: 88, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.pause() } }
    unsafe t.set(row: 88, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.pause() } }
    unsafe t.set(row: 89, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 89, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 89, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in _ = x } }
    unsafe t.set(row: 90, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Reg<W16>.self, Acc<W16>.self) } }
    unsafe t.set(row: 90, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Reg<W32>.self, Acc<W32>.self) } }
    unsafe t.set(row: 90, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.exchange(Reg<W64>.self, Acc<W64>.self) } }
    unsafe t.set(row: 91, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.extendAccumulator() } }
    unsafe t.set(row: 92, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.extendAccumulator() } }
    unsafe t.set(row: 93, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.extendAccumulator() } }
    unsafe t.set(row: 94, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.extendToDX() } }
    unsafe t.set(row: 95, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.extendToDX() } }
    unsafe t.set(row: 96, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.extendToDX() } }
    unsafe t.set(row: 97, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farCall(selector: x.i.immediate2, offset: x.i.immediate, operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 97, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farCall(selector: x.i.immediate2, offset: x.i.immediate, operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 98, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.nativeThunk() } }
    unsafe t.set(row: 98, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.nativeThunk() } }
    unsafe t.set(row: 98, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.nativeThunk() } }
    unsafe t.set(row: 99, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushFlags() } }
    unsafe t.set(row: 99, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushFlags() } }
    unsafe t.set(row: 99, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.pushFlags() } }
    unsafe t.set(row: 100, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popFlags() } }
    unsafe t.set(row: 100, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popFlags() } }
    unsafe t.set(row: 100, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popFlags() } }
    unsafe t.set(row: 101, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.storeAH() } }
    unsafe t.set(row: 101, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.storeAH() } }
    unsafe t.set(row: 101, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.storeAH() } }
    unsafe t.set(row: 102, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.loadAH() } }
    unsafe t.set(row: 102, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.loadAH() } }
    unsafe t.set(row: 102, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.loadAH() } }
    unsafe t.set(row: 103, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Acc<W8>.self, Mem<W8>.self) } }
    unsafe t.set(row: 104, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Acc<W16>.self, Mem<W16>.self) } }
    unsafe t.set(row: 104, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Acc<W32>.self, Mem<W32>.self) } }
    unsafe t.set(row: 104, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Acc<W64>.self, Mem<W64>.self) } }
    unsafe t.set(row: 105, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Mem<W8>.self, Acc<W8>.self) } }
    unsafe t.set(row: 106, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Mem<W16>.self, Acc<W16>.self) } }
    unsafe t.set(row: 106, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Mem<W32>.self, Acc<W32>.self) } }
    unsafe t.set(row: 106, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Mem<W64>.self, Acc<W64>.self) } }
    unsafe t.set(row: 107, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveString(W8.self) } }
    unsafe t.set(row: 108, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveString(W16.self) } }
    unsafe t.set(row: 108, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveString(W32.self) } }
    unsafe t.set(row: 108, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.moveString(W64.self) } }
    unsafe t.set(row: 109, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareString(W8.self) } }
    unsafe t.set(row: 110, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareString(W16.self) } }
    unsafe t.set(row: 110, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareString(W32.self) } }
    unsafe t.set(row: 110, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compareString(W64.self) } }
    unsafe t.set(row: 111, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W8.self, Acc<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 112, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W16.self, Acc<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 112, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W32.self, Acc<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 112, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(And.self, W64.self, Acc<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 113, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeString(W8.self) } }
    unsafe t.set(row: 114, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeString(W16.self) } }
    unsafe t.set(row: 114, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeString(W32.self) } }
    unsafe t.set(row: 114, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.storeString(W64.self) } }
    unsafe t.set(row: 115, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadString(W8.self) } }
    unsafe t.set(row: 116, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadString(W16.self) } }
    unsafe t.set(row: 116, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadString(W32.self) } }
    unsafe t.set(row: 116, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadString(W64.self) } }
    unsafe t.set(row: 117, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.scanString(W8.self) } }
    unsafe t.set(row: 118, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.scanString(W16.self) } }
    unsafe t.set(row: 118, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.scanString(W32.self) } }
    unsafe t.set(row: 118, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.scanString(W64.self) } }
    unsafe t.set(row: 119, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W8.self, Reg<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 120, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W16.self, Reg<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 120, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W32.self, Reg<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 120, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.move(W64.self, Reg<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 121, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.returnNear() } }
    unsafe t.set(row: 121, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.returnNear() } }
    unsafe t.set(row: 121, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.returnNear() } }
    unsafe t.set(row: 122, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.returnNear() } }
    unsafe t.set(row: 122, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.returnNear() } }
  }
  static func install4(_ t: inout HandlerTable) {
    unsafe t.set(row: 122, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.returnNear() } }
    unsafe t.set(row: 123, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.es) } }
    unsafe t.set(row: 123, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.es) } }
    unsafe t.set(row: 124, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.ds) } }
    unsafe t.set(row: 124, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loadFarPointer(Seg.ds) } }
    unsafe t.set(row: 125, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.enter() } }
    unsafe t.set(row: 125, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.enter() } }
    unsafe t.set(row: 125, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.enter() } }
    unsafe t.set(row: 126, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.leave() } }
    unsafe t.set(row: 126, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.leave() } }
    unsafe t.set(row: 126, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.leave() } }
    unsafe t.set(row: 127, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate)) } }
    unsafe t.set(row: 127, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate)) } }
    unsafe t.set(row: 127, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate)) } }
    unsafe t.set(row: 128, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate)) } }
    unsafe t.set(row: 128, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate)) } }
    unsafe t.set(row: 128, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farReturn(operandSize: Int(x.i.operandSize), release: UInt16(truncatingIfNeeded: x.i.immediate)) } }
    unsafe t.set(row: 129, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(3, kind: .softwareException) } }
    unsafe t.set(row: 129, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(3, kind: .softwareException) } }
    unsafe t.set(row: 129, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(3, kind: .softwareException) } }
    unsafe t.set(row: 130, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(UInt8(truncatingIfNeeded: x.i.immediate), kind: .software) } }
    unsafe t.set(row: 130, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(UInt8(truncatingIfNeeded: x.i.immediate), kind: .software) } }
    unsafe t.set(row: 130, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(UInt8(truncatingIfNeeded: x.i.immediate), kind: .software) } }
    unsafe t.set(row: 131, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in if x.cpu.of { try x.cpu.softwareInterrupt(4, kind: .softwareException) } } }
    unsafe t.set(row: 131, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in if x.cpu.of { try x.cpu.softwareInterrupt(4, kind: .softwareException) } } }
    unsafe t.set(row: 132, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.iret(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 132, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.iret(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 132, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.iret(operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 133, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.asciiAdjustMultiply() } }
    unsafe t.set(row: 133, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.asciiAdjustMultiply() } }
    unsafe t.set(row: 134, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.asciiAdjustDivide() } }
    unsafe t.set(row: 134, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.asciiAdjustDivide() } }
    unsafe t.set(row: 135, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu[reg8: 0] = x.cpu.cf ? 0xff : 0 } }
    unsafe t.set(row: 135, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu[reg8: 0] = x.cpu.cf ? 0xff : 0 } }
    unsafe t.set(row: 136, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.translateByte() } }
    unsafe t.set(row: 136, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.translateByte() } }
    unsafe t.set(row: 136, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.translateByte() } }
    unsafe t.set(row: 137, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.whileNotZero) } }
    unsafe t.set(row: 137, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.whileNotZero) } }
    unsafe t.set(row: 137, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.whileNotZero) } }
    unsafe t.set(row: 138, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.whileZero) } }
    unsafe t.set(row: 138, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.whileZero) } }
    unsafe t.set(row: 138, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.whileZero) } }
    unsafe t.set(row: 139, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.always) } }
    unsafe t.set(row: 139, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.always) } }
    unsafe t.set(row: 139, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.loop(.always) } }
    unsafe t.set(row: 140, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIfCounterZero() } }
    unsafe t.set(row: 140, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIfCounterZero() } }
    unsafe t.set(row: 140, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpIfCounterZero() } }
    unsafe t.set(row: 141, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.input(port: x.portImmediate, size: x.portSize) } }
    unsafe t.set(row: 142, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.input(port: x.portImmediate, size: x.portSize) } }
    unsafe t.set(row: 142, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.input(port: x.portImmediate, size: x.portSize) } }
    unsafe t.set(row: 143, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.output(port: x.portImmediate, size: x.portSize) } }
    unsafe t.set(row: 144, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.output(port: x.portImmediate, size: x.portSize) } }
    unsafe t.set(row: 144, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.output(port: x.portImmediate, size: x.portSize) } }
    unsafe t.set(row: 145, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callRelative() } }
    unsafe t.set(row: 145, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callRelative() } }
    unsafe t.set(row: 145, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.callRelative() } }
    unsafe t.set(row: 146, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpRelative() } }
    unsafe t.set(row: 146, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpRelative() } }
    unsafe t.set(row: 146, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpRelative() } }
    unsafe t.set(row: 147, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farJump(selector: x.i.immediate2, offset: x.i.immediate, operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 147, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.farJump(selector: x.i.immediate2, offset: x.i.immediate, operandSize: Int(x.i.operandSize)) } }
    unsafe t.set(row: 148, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpRelative() } }
    unsafe t.set(row: 148, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpRelative() } }
    unsafe t.set(row: 148, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.jumpRelative() } }
    unsafe t.set(row: 149, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.input(port: x.cpu[reg16: 2], size: x.portSize) } }
    unsafe t.set(row: 150, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.input(port: x.cpu[reg16: 2], size: x.portSize) } }
    unsafe t.set(row: 150, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.input(port: x.cpu[reg16: 2], size: x.portSize) } }
    unsafe t.set(row: 151, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.output(port: x.cpu[reg16: 2], size: x.portSize) } }
    unsafe t.set(row: 152, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.output(port: x.cpu[reg16: 2], size: x.portSize) } }
    unsafe t.set(row: 152, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.output(port: x.cpu[reg16: 2], size: x.portSize) } }
    unsafe t.set(row: 153, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(1, kind: .privilegedSoftware) } }
    unsafe t.set(row: 153, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(1, kind: .privilegedSoftware) } }
    unsafe t.set(row: 153, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.softwareInterrupt(1, kind: .privilegedSoftware) } }
    unsafe t.set(row: 154, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); x.cpu.s.activity = Activity.halted } }
    unsafe t.set(row: 154, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); x.cpu.s.activity = Activity.halted } }
    unsafe t.set(row: 154, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.requireCPL0(); x.cpu.s.activity = Activity.halted } }
    unsafe t.set(row: 155, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(!x.cpu.cf) } }
    unsafe t.set(row: 155, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(!x.cpu.cf) } }
    unsafe t.set(row: 155, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(!x.cpu.cf) } }
    unsafe t.set(row: 156, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(false) } }
    unsafe t.set(row: 156, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(false) } }
    unsafe t.set(row: 156, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(false) } }
    unsafe t.set(row: 157, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(true) } }
    unsafe t.set(row: 157, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(true) } }
    unsafe t.set(row: 157, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.setCarry(true) } }
    unsafe t.set(row: 158, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.cli() } }
    unsafe t.set(row: 158, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.cli() } }
    unsafe t.set(row: 158, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.cli() } }
    unsafe t.set(row: 159, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.sti() } }
    unsafe t.set(row: 159, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.sti() } }
    unsafe t.set(row: 159, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.cpu.sti() } }
    unsafe t.set(row: 160, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.s.systemFlags &= ~RFLAGS.df } }
    unsafe t.set(row: 160, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.s.systemFlags &= ~RFLAGS.df } }
    unsafe t.set(row: 160, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.s.systemFlags &= ~RFLAGS.df } }
    unsafe t.set(row: 161, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.s.systemFlags |= RFLAGS.df } }
    unsafe t.set(row: 161, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.s.systemFlags |= RFLAGS.df } }
    unsafe t.set(row: 161, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in x.cpu.s.systemFlags |= RFLAGS.df } }
    unsafe t.set(row: 162, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
  }
  static func install5(_ t: inout HandlerTable) {
    unsafe t.set(row: 162, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 163, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 163, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 164, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 164, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 165, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 165, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 166, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 166, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 167, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 167, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 168, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 168, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 169, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 169, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 170, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 170, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 170, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 170, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 170, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 170, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 171, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 171, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 171, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 171, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 171, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 171, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 172, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 172, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 172, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 172, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 172, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 172, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 173, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 173, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 173, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 173, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 173, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 173, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 174, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 174, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 174, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 174, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 174, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 174, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 175, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 175, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 175, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 175, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 175, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 175, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 176, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 176, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 176, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 176, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 176, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 176, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 177, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 177, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 177, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 177, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 177, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 177, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 178, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 178, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 179, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 179, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 180, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 180, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 181, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 181, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 182, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 182, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 183, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 183, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 184, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 184, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 185, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 185, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 186, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 186, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 186, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 186, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 186, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 186, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Add.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 187, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 187, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 187, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 187, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 187, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 187, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Or.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 188, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 188, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 188, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 188, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 188, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 188, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Adc.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 189, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 189, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 189, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
  }
  static func install6(_ t: inout HandlerTable) {
    unsafe t.set(row: 189, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 189, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 189, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sbb.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 190, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 190, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 190, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 190, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 190, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 190, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(And.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 191, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 191, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 191, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 191, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 191, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 191, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Sub.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 192, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 192, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 192, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 192, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 192, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 192, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.binary(Xor.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 193, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 193, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 193, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 193, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 193, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 193, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.compare(Sub.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 194, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W16.self, RM<W16>.self) } }
    unsafe t.set(row: 194, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W16.self, Mem<W16>.self) } }
    unsafe t.set(row: 194, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W32.self, RM<W32>.self) } }
    unsafe t.set(row: 194, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W32.self, Mem<W32>.self) } }
    unsafe t.set(row: 194, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W64.self, RM<W64>.self) } }
    unsafe t.set(row: 194, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.popOperand(W64.self, Mem<W64>.self) } }
    unsafe t.set(row: 195, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 195, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 196, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 196, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 197, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 197, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 198, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 198, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 199, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 199, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 200, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 200, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 201, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 201, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 202, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W8.self, RM<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 202, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W8.self, Mem<W8>.self, Imm<W8>.self) } }
    unsafe t.set(row: 203, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 203, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 203, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 203, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 203, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 203, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 204, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 204, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 204, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 204, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 204, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 204, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 205, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 205, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 205, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 205, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 205, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 205, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 206, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 206, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 206, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 206, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 206, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 206, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 207, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 207, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 207, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 207, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 207, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 207, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 208, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 208, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 208, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 208, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 208, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 208, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 209, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 209, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 209, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 209, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 209, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 209, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 210, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W16.self, RM<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 210, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W16.self, Mem<W16>.self, Imm<W16>.self) } }
    unsafe t.set(row: 210, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W32.self, RM<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 210, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W32.self, Mem<W32>.self, Imm<W32>.self) } }
    unsafe t.set(row: 210, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W64.self, RM<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 210, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W64.self, Mem<W64>.self, Imm<W64>.self) } }
    unsafe t.set(row: 211, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 211, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 212, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W8.self, RM<W8>.self, One.self) } }
  }
  static func install7(_ t: inout HandlerTable) {
    unsafe t.set(row: 212, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 213, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 213, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 214, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 214, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 215, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 215, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 216, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 216, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 217, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 217, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 218, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W8.self, RM<W8>.self, One.self) } }
    unsafe t.set(row: 218, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W8.self, Mem<W8>.self, One.self) } }
    unsafe t.set(row: 219, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 219, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 219, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 219, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 219, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 219, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 220, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 220, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 220, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 220, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 220, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 220, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 221, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 221, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 221, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 221, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 221, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 221, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 222, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 222, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 222, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 222, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 222, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 222, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 223, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 223, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 223, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 223, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 223, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 223, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 224, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 224, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 224, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 224, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 224, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 224, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 225, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 225, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 225, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 225, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 225, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 225, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 226, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W16.self, RM<W16>.self, One.self) } }
    unsafe t.set(row: 226, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W16.self, Mem<W16>.self, One.self) } }
    unsafe t.set(row: 226, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W32.self, RM<W32>.self, One.self) } }
    unsafe t.set(row: 226, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W32.self, Mem<W32>.self, One.self) } }
    unsafe t.set(row: 226, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W64.self, RM<W64>.self, One.self) } }
    unsafe t.set(row: 226, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W64.self, Mem<W64>.self, One.self) } }
    unsafe t.set(row: 227, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 227, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 228, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 228, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 229, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 229, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 230, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 230, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 231, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 231, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 232, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 232, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shr.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 233, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 233, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Shl.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 234, variant: 0) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W8.self, RM<W8>.self, CountCL.self) } }
    unsafe t.set(row: 234, variant: 1) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Sar.self, W8.self, Mem<W8>.self, CountCL.self) } }
    unsafe t.set(row: 235, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 235, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 235, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 235, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 235, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 235, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rol.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 236, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 236, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 236, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 236, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 236, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 236, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Ror.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 237, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 237, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 237, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 237, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 237, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W64.self, RM<W64>.self, CountCL.self) } }
    unsafe t.set(row: 237, variant: 7) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcl.self, W64.self, Mem<W64>.self, CountCL.self) } }
    unsafe t.set(row: 238, variant: 2) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W16.self, RM<W16>.self, CountCL.self) } }
    unsafe t.set(row: 238, variant: 3) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W16.self, Mem<W16>.self, CountCL.self) } }
    unsafe t.set(row: 238, variant: 4) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W32.self, RM<W32>.self, CountCL.self) } }
    unsafe t.set(row: 238, variant: 5) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W32.self, Mem<W32>.self, CountCL.self) } }
    unsafe t.set(row: 238, variant: 6) { unsafe Interp($0, $1).step { x throws(Fault) in try x.shift(Rcr.self, W64.self, RM<W64>.self, CountCL.self) } }
  }
}
