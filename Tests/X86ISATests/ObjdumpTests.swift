import Foundation
import Testing
import X86ISA

/// Compares lengths and texts with binutils' disassembler; passes silently where that is not installed.
@Suite struct ObjdumpTests {
  static let slot = 32

  @Test func agreesIn64BitMode() throws { try compare(.bits64, "i386:x86-64", seed: 1) }
  @Test func agreesIn32BitMode() throws { try compare(.bits32, "i386", seed: 2) }
  @Test func agreesIn16BitMode() throws { try compare(.bits16, "i8086", seed: 3) }

  struct Line {
    var length: Int
    var text: String
  }

  private func compare(_ size: CodeSize, _ machine: String, seed: UInt64) throws {
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/objdump") else { return }
    let samples = self.samples(size, seed: seed)
    let lines = try Self.objdump(samples.flatMap { $0 }, machine)
    var differences: [String] = []
    for (number, bytes) in samples.enumerated() {
      guard let line = lines[number * Self.slot] else { continue }
      let address = UInt64(number * Self.slot)
      var instruction = Instruction()
      let status = Decoder.decode(bytes.span, codeSize: size, into: &instruction)
      let theirs = ObjdumpText.normalised(line.text)
      let ours =
        status == .ok
        ? ObjdumpText.normalised(Disassembler.text(of: instruction, at: address, codeSize: size)) : "(\(status))"
      let same = ours == theirs && Int(instruction.length) == line.length
      if status == .ok ? same : theirs.contains("(bad)") { continue }
      if ObjdumpText.isKnown(ours: ours, theirs: theirs, bytes, instruction, size) { continue }
      let dump = bytes.prefix(15).map { String(Int($0) + 0x100, radix: 16).dropFirst() }.joined(separator: " ")
      differences.append("\(dump)\n  ours   \(instruction.length) \(ours)\n  theirs \(line.length) \(theirs)")
    }
    if let path = ProcessInfo.processInfo.environment["ISA_DIFFERENCES"] {
      try differences.joined(separator: "\n").write(toFile: path + machine, atomically: true, encoding: .utf8)
    }
    #expect(differences.isEmpty, "\(differences.count) of \(samples.count), first: \(differences.first ?? "")")
  }

  /// A few encodings of every row, each in a slot of its own padded with NOPs.
  private func samples(_ size: CodeSize, seed: UInt64) -> [[UInt8]] {
    var sampler = InstructionSampler(seed: seed)
    let repeats = ProcessInfo.processInfo.environment["ISA_SAMPLES"].flatMap(Int.init) ?? 1
    var samples: [[UInt8]] = []
    for map in OpcodeMap.allCases {
      for opcode in 0...255 {
        for row in InstructionTable.candidates(map: map, opcode: UInt8(opcode)) {
          // In 64-bit mode a row that does not exist there may have a prefix for an opcode.
          let mode = InstructionTable.match(ofRow: row).mode
          if mode == (size == .bits64 ? RowMatch.modeNot64 : RowMatch.modeOnly64) { continue }
          for _ in 0..<repeats {
            let bytes = sampler.sample(row: Int(row), map: map, opcode: UInt8(opcode), codeSize: size)
            samples.append(bytes + [UInt8](repeating: 0x90, count: Self.slot - bytes.count))
          }
        }
      }
    }
    return samples
  }

  /// Lines of objdump by address.
  static func objdump(_ bytes: [UInt8], _ machine: String) throws -> [Int: Line] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("isa-\(UUID().uuidString).bin")
    try Data(bytes).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/objdump")
    process.arguments = ["-D", "-b", "binary", "-m", machine, "-M", "intel", "--insn-width=16", file.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    var lines: [Int: Line] = [:]
    for line in output.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      let place = fields[0].trimmingCharacters(in: CharacterSet(charactersIn: " :"))
      guard fields.count >= 2, let address = Int(place, radix: 16) else { continue }
      let length = fields[1].split(separator: " ").count
      lines[address] = Line(length: length, text: fields.count > 2 ? String(fields[2]) : "")
    }
    return lines
  }
}

/// Brings both disassemblers' texts to one form and knows where they may differ.
enum ObjdumpText {
  /// Prefixes printed as words of their own, which the decoder records as facts instead.
  private static let prefixWords: Set<String> = [
    "es", "cs", "ss", "ds", "fs", "gs", "data16", "data32", "addr16", "addr32", "{evex}", "{vex}", "bnd", "notrack",
    "es:", "cs:",
  ]

  static func normalised(_ text: String) -> String {
    var text = text
    if let comment = text.firstIndex(of: "#") { text = String(text[..<comment]) }
    var words = text.split(separator: " ").map(String.init)
    while let first = words.first, words.count > 1, prefixWords.contains(first) || first.hasPrefix("rex") {
      words.removeFirst()
    }
    text = words.joined(separator: " ")
    for (from, to) in replacements { text = text.replacingOccurrences(of: from, with: to) }
    let mnemonic = String(text.prefix { $0 != " " })
    for suffix in ["w", "d", "q", "l", "64"] where mnemonic.hasSuffix(suffix) {
      let stem = String(mnemonic.dropLast(suffix.count))
      if sizeSuffixed.contains(stem) { text = stem + text.dropFirst(mnemonic.count) }
    }
    if let alias = aliases[String(text.prefix { $0 != " " })] { text = alias + text.drop { $0 != " " } }
    return text
  }

  /// Notation: pseudo index registers, a zero displacement kept because it is encoded, commas before decorations.
  private static let replacements = [
    ("+eiz*1", ""), ("+eiz*2", ""), ("+eiz*4", ""), ("+eiz*8", ""), ("+riz*1", ""), ("+riz*2", ""), ("+riz*4", ""),
    ("+riz*8", ""), ("eiz*1", ""), ("eiz*2", ""), ("eiz*4", ""), ("eiz*8", ""), ("+0x0]", "]"), (",{", "{"),
    ("movabs ", "mov "), ("OWORD", "XMMWORD"), ("{1to2}", ""), ("{1to4}", ""), ("{1to8}", ""), ("{1to16}", ""),
    ("(8087 only)", ""), ("(287 only)", ""), (" BYTE PTR ds:[rbx]", ""), (" BYTE PTR ds:[ebx]", ""),
    (" BYTE PTR ds:[bx]", ""),
  ]

  /// Mnemonics that one side prints with a size suffix.
  private static let sizeSuffixed: Set<String> = [
    "pushf", "popf", "push", "pop", "ret", "retf", "iret", "enter", "leave", "sysret", "sysexit", "call", "jmp",
    "xsave", "xrstor", "xsavec", "xsaves", "xrstors", "xsaveopt", "fxsave", "fxrstor", "pusha", "popa", "lgdt", "lidt",
    "sgdt", "sidt", "fnstenv", "fldenv", "fnsave", "frstor", "vpcmpestri", "vpcmpestrm", "pcmpestri", "pcmpestrm",
  ]

  /// Spellings that differ.
  private static let aliases = ["wait": "fwait", "int1": "icebp", "salc": "salc"]

  static func isKnown(
    ours: String, theirs: String, _ bytes: [UInt8], _ instruction: Instruction, _ size: CodeSize
  ) -> Bool {
    // Encodings objdump prints with a complaint inside.
    if ours.hasPrefix("(") && theirs.contains("bad") { return true }
    // An opmask register with VEX.B or VEX.R cleared: processors ignore the bit (the oracle shows it), objdump objects.
    if ours.hasPrefix("k") || ours.contains(",k"), theirs.contains("(bad)") { return true }
    let row = InstructionTable.rows[Int(instruction.row)]
    if knownRows[row.mnemonic + " " + row.encoding] != nil || knownMnemonics[row.mnemonic] != nil { return true }
    // The predicate is part of the mnemonic there.
    if ["cmp", "vcmp", "vpcmp", "pclmul", "vpclmul"].contains(where: { ours.hasPrefix($0) && theirs.hasPrefix($0) }) {
      return true
    }
    return knownPattern(ours: ours, theirs: theirs, bytes, instruction, size)
  }

  /// Rows that objdump shows under another name or does not know, with the reason.
  private static let knownRows = [
    "FCOM2 DC D0+i": "alias", "FCOMP3 DC D8+i": "alias", "FXCH4 DD C8+i": "alias", "FCOMP5 DE D0+i": "alias",
    "FXCH7 DF C8+i": "alias", "FSTP8 DF D0+i": "alias", "FSTP9 DF D8+i": "alias", "FSTPNCE D9 D8+i": "alias",
    "NOP 0F 1A /r": "shown as MPX", "NOP 0F 1B /r": "shown as MPX", "NOP 0F 1C /r": "shown as CLDEMOTE",
    "NOP 0F 0D /r": "reserved prefetches", "NOP 0F 1E /r": "shown as RDSSP",
    "NOP REX.B0 90": "shown as XCHG with prefixes",
    "PAUSE REX.B0 F3 90": "shown as XCHG with REX.W", "XCHG 90+r": "shown as PAUSE with F3 and REX.B",
    "MOV 8E /r": "source register printed as 32 bits",
  ]

  private static let knownMnemonics = [
    "LSL": "source register printed at the destination's size", "SALC": "undocumented", "XLAT": "operand printed",
    "LAR": "same", "PEXTRB": "register printed as 32 bits under W", "PEXTRW": "same", "PINSRB": "same",
    "PINSRW": "same", "EXTRACTPS": "same", "VPEXTRB": "same", "VPEXTRW": "same", "VPINSRB": "same",
    "VPINSRW": "same", "VEXTRACTPS": "same", "WAIT": "taken for a prefix of the next instruction",
    "VMMCALL": "66 makes it bad there", "LFENCE": "only one of eight encodings there", "MFENCE": "same",
    "SFENCE": "same",
    "WBINVD": "66 makes it bad there",
  ]

  private static func knownPattern(
    ours: String, theirs: String, _ bytes: [UInt8], _ instruction: Instruction, _ size: CodeSize
  ) -> Bool {
    // Zero-masking of a memory destination, reserved control registers and segment registers are #UD.
    if ours == "(invalid)" && (theirs.contains("gather") || theirs.contains("vp2intersect")) { return true }
    if ours == "(invalid)" { return theirs.contains("{z}") || theirs.hasPrefix("mov ") }
    // Near branches ignore 66 in 64-bit mode, as Intel processors do.
    let prefixes = instruction.prefixes
    if size == .bits64 && prefixes.contains(.operandSize66) && prefixes.isDisjoint(with: .rexW) {
      if [Op.jcc, .call, .jmp, .loop, .loope, .loopne, .jcxz, .ret].contains(instruction.op) { return true }
    }
    // Branches at operand size 16 wrap at 64 KiB here.
    if size != .bits64, let target = theirs.range(of: " 0x"), ours.contains(" 0x"), instruction.op != .push {
      let cut = String(theirs[..<target.lowerBound]) + " 0x"
      let value = UInt64(theirs[target.upperBound...], radix: 16) ?? 0
      if instruction.operandSize == 2 && ours == cut + String(value & 0xffff, radix: 16) { return true }
    }
    // An address without registers: absolute here, a pseudo index or a signed number there.
    if ours.contains("s:0x") && ["[riz", "[-0x", "[+0x"].contains(where: theirs.contains) { return true }
    // DS before an indirect branch is a no-track prefix there.
    if theirs == ours.replacingOccurrences(of: "ds:", with: "") { return bytes.contains(0x3e) }
    // moffs operands and a few others have no size there; far pointers with REX.W are 16:64 here.
    let plain = ["BYTE", "WORD", "DWORD", "QWORD", "XMMWORD", "FWORD", "TBYTE", "YMMWORD"].reduce(ours) {
      $0.replacingOccurrences(of: " \($1) PTR ", with: " ").replacingOccurrences(of: ",\($1) PTR ", with: ",")
    }
    let theirPlain = ["BYTE", "WORD", "DWORD", "QWORD", "FWORD", "TBYTE"].reduce(theirs) {
      $0.replacingOccurrences(of: " \($1) PTR ", with: " ").replacingOccurrences(of: ",\($1) PTR ", with: ",")
    }
    let sizeless: [Op] = [
      .mov, .lddqu, .vlddqu, .invlpg, .invpcid, .lds, .les, .lss, .lfs, .lgs, .callf, .jmpf, .bound, .movsxd,
    ]
    let near = plain.replacingOccurrences(of: " far", with: "")
    if sizeless.contains(instruction.op) && near == theirPlain { return true }
    // One-operand spellings of x87 compares and exchanges.
    return ours.hasPrefix("f") && ours.replacingOccurrences(of: "st,st(", with: "st(") == theirs
  }
}
