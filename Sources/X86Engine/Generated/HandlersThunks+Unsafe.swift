// Made by isa-gen from the instruction table. Do not edit.

import X86ISA

extension HandlerTable {
  static func installThunks(_ t: inout HandlerTable) {
    for row in 428...1064 {
      for variant in 0..<variants {
        unsafe t.set(row: row, variant: variant) { unsafe Interp($0, $1).step { x throws(Fault) in try x.nativeThunk() } }
      }
    }
    for row in 1067...1067 {
      for variant in 0..<variants {
        unsafe t.set(row: row, variant: variant) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroUpper(all: false) } }
      }
    }
    for row in 1068...1068 {
      for variant in 0..<variants {
        unsafe t.set(row: row, variant: variant) { unsafe Interp($0, $1).step { x throws(Fault) in try x.zeroUpper(all: true) } }
      }
    }
    for row in 1069...2107 {
      for variant in 0..<variants {
        unsafe t.set(row: row, variant: variant) { unsafe Interp($0, $1).step { x throws(Fault) in try x.nativeThunk() } }
      }
    }
  }
}
