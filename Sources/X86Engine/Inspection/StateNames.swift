import X86ISA

/// Names for what generated code refers to by number: fields of the state block and places in the code cache.
struct StateNames {
  private var fields: [Int32: String] = [:]
  let offsets: Offsets

  init(_ offsets: Offsets) {
    self.offsets = offsets
    let registers = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"]
    for number in UInt8(0)..<16 {
      fields[VcpuLayout.register(number)] = number < 8 ? registers[Int(number)] : "r\(number)"
    }
    let named: [(Int32, String)] = [
      (VcpuLayout.rip, "rip"), (offsets.exitRequest, "exitRequest"), (offsets.vectorsLive, "vectorsLive"),
      (offsets.savedFlags, "savedFlags"), (offsets.savedFlags + 1, "savedFlags+1"), (offsets.hostStack, "hostStack"),
      (offsets.block, "block"), (offsets.linear, "linear"), (offsets.resume, "resume"),
      (offsets.temporary, "temporary"), (offsets.temporary2, "temporary2"), (offsets.handler, "handler"),
      (offsets.loadVectors, "loadVectors"), (offsets.saveVectors, "saveVectors"), (offsets.budget, "budget"),
      (offsets.systemFlags, "systemFlags"), (offsets.events, "events"), (offsets.dataTLB, "dataTLB"),
      (offsets.kernelGSBase, "kernelGSBase"), (offsets.gsBase, "gsBase"), (offsets.mxcsr, "mxcsr"),
      (offsets.hostMXCSR, "hostMXCSR"), (offsets.tscOffset, "tscOffset"), (offsets.spinsLeft, "spinsLeft"),
    ]
    for (offset, name) in named { fields[offset] = name }
    for place in offsets.anchors.indices { fields[offsets.anchors[place]] = "anchor\(place)" }
    for view in 0..<VcpuLayout.views {
      for place in 0..<VcpuLayout.nearCount {
        let offset = Int32(place * MemoryLayout<TLBEntry>.stride)
        fields[offsets.nearTagRead[view] + offset] = "nearReadTag[\(view),\(place)]"
        fields[offsets.nearTagWrite[view] + offset] = "nearWriteTag[\(view),\(place)]"
        fields[offsets.nearAddend[view] + offset] = "nearAddend[\(view),\(place)]"
      }
    }
    let segments = ["es", "cs", "ss", "ds", "fs", "gs"]
    for (number, name) in segments.enumerated() {
      fields[offsets.fastBase[number]] = "\(name).base"
      fields[offsets.readEnd[number]] = "\(name).readEnd"
      fields[offsets.writeEnd[number]] = "\(name).writeEnd"
    }
  }

  /// The name of an offset from the state block; `indexed` when a register is added to it.
  func name(of offset: Int32, indexed: Bool) -> String? {
    if !indexed, let name = fields[offset] { return name }
    for view in 0..<VcpuLayout.views {
      let tables = [
        (offsets.tagRead[view], "readTag", EngineState.tlbCount, Int32(MemoryLayout<TLBEntry>.stride)),
        (offsets.tagWrite[view], "writeTag", EngineState.tlbCount, Int32(MemoryLayout<TLBEntry>.stride)),
        (offsets.addend[view], "addend", EngineState.tlbCount, Int32(MemoryLayout<TLBEntry>.stride)),
        (offsets.jumps[view], "jumpTarget", VcpuLayout.jumpCount, Int32(VcpuLayout.jumpEntryBytes)),
        (offsets.jumps[view] + 8, "jumpHost", VcpuLayout.jumpCount, Int32(VcpuLayout.jumpEntryBytes)),
        (VcpuLayout.token(view: view, linear: 0), "token", VcpuLayout.tokenCount, 4),
      ]
      for (start, name, count, stride) in tables {
        let distance = offset &- start
        guard distance >= 0, distance < Int32(count) * stride, distance % stride == 0 else { continue }
        let index = distance / stride
        return "\(name)[\(view)\(indexed && index == 0 ? "" : ",\(index)")]"
      }
    }
    return nil
  }

  /// The text of a host instruction, with names where there are any.
  func text(_ i: Instruction, at address: UInt64, target: (UInt64) -> String?) -> String {
    var text = Disassembler.text(of: i, at: address, codeSize: .bits64)
    if i.prefixes.contains([.memory, .segmentOverride]), i.segment == UInt8(Seg.gs) {
      let isIndexed = i.base != Instruction.noRegister || i.index != Instruction.noRegister
      let offset = Int32(truncatingIfNeeded: i.displacement)
      if let name = name(of: offset, indexed: isIndexed) {
        text = StateNames.replace("0x" + String(i.displacement & i.addressMask, radix: 16), by: name, in: text)
      }
    }
    guard isRelative(i) else { return text }
    let place = address &+ UInt64(i.length) &+ i.immediate
    return target(place).map { StateNames.replace("0x" + String(place, radix: 16), by: $0, in: text) } ?? text
  }

  private func isRelative(_ i: Instruction) -> Bool {
    InstructionTable.operandCode(ofRow: i.row, 0).kind == .relative
  }

  /// The last occurrence of a number as a word of its own.
  private static func replace(_ number: String, by name: String, in text: String) -> String {
    let text = Array(text.utf8), number = Array(number.utf8)
    guard text.count >= number.count else { return String(decoding: text, as: UTF8.self) }
    for start in (0...(text.count - number.count)).reversed() where Array(text[start..<start + number.count]) == number
    {
      return String(decoding: text[..<start] + Array(name.utf8) + text[(start + number.count)...], as: UTF8.self)
    }
    return String(decoding: text, as: UTF8.self)
  }
}
