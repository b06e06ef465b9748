import X86ISA

/// The engine's handler expression for a row, nil when it has none.
func handlerTemplate(for row: InstructionRow) -> String? { nil }
