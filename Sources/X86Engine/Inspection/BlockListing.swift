import X86ISA

/// A translated block for people: the guest's instructions beside the host instructions made for them.
public struct BlockListing: Sendable, Equatable {
  /// One instruction: of the guest at its linear address, or of the host where it is executed.
  public struct Line: Sendable, Equatable {
    /// Linear, or the host's.
    public var address: UInt64
    /// As encoded.
    public var bytes: [UInt8]
    /// Intel syntax; host instructions name fields of the state block and targets.
    public var text: String
  }
  /// A guest instruction and what is executed for it as long as nothing rare happens.
  public struct Step: Sendable, Equatable {
    /// The guest's instruction.
    public var guest: Line
    /// What stands for it.
    public var host: [Line]
  }

  /// Linear address of the first guest instruction.
  public var address: UInt64
  /// Guest-physical address of its first byte.
  public var physical: UInt64
  /// Size of the guest's code.
  public var codeSize: CodeSize
  /// Privilege level that it was translated for.
  public var privilege: Int
  /// What precedes the first instruction: the look whether the page is still mapped.
  public var entry: [Line]
  /// The guest's instructions, in order.
  public var steps: [Step]
  /// What is rarely executed: misses, exits that are not linked.
  public var cold: [Line]

  /// Bytes of guest code.
  public var guestBytes: Int { steps.reduce(0) { $0 + $1.guest.bytes.count } }
  /// Bytes of host code, rarely executed code included.
  public var hostBytes: Int {
    (entry + steps.flatMap(\.host) + cold).reduce(0) { $0 + $1.bytes.count }
  }

  /// Several lines of text, the last one with its line feed.
  public var text: String {
    let bits = codeSize == .bits64 ? 64 : codeSize == .bits32 ? 32 : 16
    var text = "block \(BlockListing.hex(address)) (physical \(BlockListing.hex(physical))), \(bits)-bit ring "
    text += "\(privilege): \(steps.count) instructions, \(guestBytes) bytes, \(hostBytes) bytes of host code\n"
    text += BlockListing.lines(entry)
    for step in steps {
      text += "  \(BlockListing.line(step.guest))\n" + BlockListing.lines(step.host)
    }
    return text + (cold.isEmpty ? "" : "  rarely:\n" + BlockListing.lines(cold))
  }

  private static func lines(_ lines: [Line]) -> String { lines.reduce("") { $0 + "      \(line($1))\n" } }
  private static func line(_ line: Line) -> String {
    let bytes = line.bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined(separator: " ")
    return "\(hex(line.address))  \(bytes)\(String(repeating: " ", count: max(0, 33 - bytes.utf8.count))) \(line.text)"
  }
  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

/// Disassembles pieces of code; what cannot be decoded is shown byte by byte.
struct Lister {
  /// Text of an instruction at an address, given the one before it.
  typealias Printer = (Instruction, UInt64) -> String
  let codeSize: CodeSize
  let printer: Printer

  init(_ codeSize: CodeSize, _ printer: Printer? = nil) {
    self.codeSize = codeSize
    self.printer = printer ?? { Disassembler.text(of: $0, at: $1, codeSize: codeSize) }
  }

  func lines(_ bytes: [UInt8], at address: UInt64) -> [BlockListing.Line] {
    var lines: [BlockListing.Line] = []
    var offset = 0
    while offset < bytes.count {
      var instruction = Instruction()
      let end = min(bytes.count, offset + Decoder.maximumLength)
      let status = Decoder.decode(bytes.span.extracting(offset..<end), codeSize: codeSize, into: &instruction)
      let length = status == .ok ? Int(instruction.length) : 1
      let at = address &+ UInt64(offset)
      lines.append(
        BlockListing.Line(
          address: at, bytes: Array(bytes[offset..<(offset + length)]),
          text: status == .ok ? printer(instruction, at) : "(bad)"))
      offset += length
    }
    return lines
  }
}
