import X86ISA

/// Where recompiler and interpreter part.
struct DivergenceReport {
  var differences: [String]
  /// What was seen in the first run, before it was narrowed down.
  var first: [String]
  var trial: Trial
  var before: VisibleState
  var tried: VisibleState
  var interpreted: VisibleState
  /// Pages that were stored to, as they were.
  var originals: [(page: UInt64, bytes: [UInt8])]
}

extension Cpu {
  /// The report as text: what differs, the blocks with guest and host code, the states, the memory: a test case. The
  /// vCPU is in the state before.
  func describe(_ report: DivergenceReport) -> String {
    var lines = ["recompiler and interpreter disagree on cpu \(index)", ""]
    lines += report.differences.prefix(20)
    let time = x.counting.isOn ? ", guest time \(countedTime) ns" : ""
    lines += ["", "behind \(s.instructionCount) instructions so far\(time)"]
    lines += ["", "the first run said:"]
    lines += report.first.prefix(5).map { "  " + $0 }
    let base = Cpu.hex(s.segments[Seg.cs].base)
    lines += ["", "mode \(s.mode), code size \(16 << Int(s.codeSize)), CPL \(s.cpl), CS base \(base)"]
    lines += ["\(report.trial.executed) instructions in \(report.trial.blocks.count) blocks:"]
    for (number, block) in report.trial.blocks.enumerated() {
      let isLast = number == report.trial.blocks.count - 1
      lines += guestCode(block)
      if isLast { lines += translation(block) }
    }
    lines += ["", "before:"] + text(of: report.before)
    lines += ["after, recompiler:"] + text(of: report.tried)
    lines += ["after, interpreter:"] + text(of: report.interpreted)
    lines += ["", "memory that was stored to, as it was:"]
    for (page, bytes) in report.originals {
      lines.append(Cpu.hex(page << 12) + " " + bytes.map(Cpu.twoDigits).joined())
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func twoDigits(_ byte: UInt8) -> String { String(String(0x100 + Int(byte), radix: 16).dropFirst()) }

  private func guestCode(_ block: UInt32) -> [String] {
    let record = blockRecord(block)
    let bytes = codeForReport(record.rip, count: Int(record.guestBytes))
    return [" block at \(Cpu.hex(record.rip)), physical \(Cpu.hex(record.physical))"]
      + disassembly(bytes, at: record.rip, CodeSize(rawValue: s.codeSize) ?? .bits16)
  }

  private func translation(_ block: UInt32) -> [String] {
    let record = blockRecord(block)
    return [" translated to"] + disassembly(hostCode(block), at: UInt64(record.indirectEntry), .bits64)
  }

  private func disassembly(_ bytes: [UInt8], at start: UInt64, _ size: CodeSize) -> [String] {
    var lines: [String] = []
    var at = 0
    while at < bytes.count {
      var i = Instruction()
      let rest = Array(bytes[at..<min(at + 15, bytes.count)])
      let isGood = Decoder.decode(rest.span, codeSize: size, into: &i) == .ok
      let length = isGood ? Int(i.length) : 1
      let address = start &+ UInt64(at)
      let text = isGood ? Disassembler.text(of: i, at: address, codeSize: size) : "(bad)"
      let code = rest.prefix(length).map(Cpu.twoDigits).joined(separator: " ")
      lines.append("  \(Cpu.hex(address))  \(code)  \(text)")
      at += length
    }
    return lines
  }

  private func text(of state: VisibleState) -> [String] {
    var lines: [String] = []
    for row in 0..<4 {
      lines.append(
        "  "
          + (0..<4).map { Cpu.registerNames[row * 4 + $0] + "=" + Cpu.hex(state.registers[row * 4 + $0]) }
          .joined(separator: " "))
    }
    lines.append(
      "  RIP=\(Cpu.hex(state.rip)) flags=\(Cpu.hex(state.systemFlags | state.statusFlags)) MXCSR=\(Cpu.hex(UInt64(state.mxcsr)))"
    )
    let vectors = (0..<256).filter { state.vectors[$0] != 0 }
      .map { "ZMM\($0 / 8)[\($0 % 8)]=\(Cpu.hex(state.vectors[$0]))" }
    if !vectors.isEmpty { lines.append("  " + vectors.joined(separator: " ")) }
    let x87 = (0..<20).filter { state.x87[$0] != 0 }.map { "X87[\($0)]=\(Cpu.hex(state.x87[$0]))" }
    lines.append("  " + x87.joined(separator: " "))
    return lines
  }
}
