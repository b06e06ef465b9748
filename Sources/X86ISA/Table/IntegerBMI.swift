extension InstructionTable {
  /// BMI1 and BMI2: general-register instructions with VEX encodings.
  static let bitManipulation: [InstructionRow] = [
    row("ANDN", "VEX.L0.NP.0F38 F2 /r", "Gy,By,Ey", [], .lowestBit, .bmi1),
    row("BLSR", "VEX.L0.NP.0F38 F3 /1", "By,Ey", [], .lowestBit, .bmi1),
    row("BLSMSK", "VEX.L0.NP.0F38 F3 /2", "By,Ey", [], .lowestBit, .bmi1),
    row("BLSI", "VEX.L0.NP.0F38 F3 /3", "By,Ey", [], .lowestBit, .bmi1),
    row("BZHI", "VEX.L0.NP.0F38 F5 /r", "Gy,Ey,By", [], .lowestBit, .bmi2),
    row("PEXT", "VEX.L0.F3.0F38 F5 /r", "Gy,By,Ey", [], .none, .bmi2),
    row("PDEP", "VEX.L0.F2.0F38 F5 /r", "Gy,By,Ey", [], .none, .bmi2),
    row("MULX", "VEX.L0.F2.0F38 F6 /r", "Gy,By,Ey", [], .none, .bmi2),
    row("BEXTR", "VEX.L0.NP.0F38 F7 /r", "Gy,Ey,By", [], .fieldExtract, .bmi1),
    row("SHLX", "VEX.L0.66.0F38 F7 /r", "Gy,Ey,By", [], .none, .bmi2),
    row("SARX", "VEX.L0.F3.0F38 F7 /r", "Gy,Ey,By", [], .none, .bmi2),
    row("SHRX", "VEX.L0.F2.0F38 F7 /r", "Gy,Ey,By", [], .none, .bmi2),
    row("RORX", "VEX.L0.F2.0F3A F0 /r ib", "Gy,Ey,Ib", [], .none, .bmi2),
  ]
}
