import X86ISA

/// A row's encoding text taken apart.
///
/// Beyond the SDM's notation: `iz`, `iv`, `cz` are immediates sized by the operand size, `mo` a moffs, `+cc` a
/// condition in the opcode, `o16 o32 o64` an operand size that must be in force, `REX.B0` "no REX.B", `R` "rm is a
/// register" after an extension digit; a vector encoding without length is meant for every length.
struct ParsedEncoding {
  var map = OpcodeMap.oneByte
  var opcode: UInt8 = 0
  /// Opcodes the row covers: 8 with a register in the opcode, 16 with a condition.
  var opcodeCount = 1
  var hasOpcodeRegister = false
  var hasModRM = false
  var reg = RowMatch.any
  var rm = RowMatch.any
  var registerOnly = false
  var prefix = RowMatch.prefixAny
  var w: UInt32 = 0
  var length = RowMatch.lengthAny
  var operandSize: UInt32 = 0
  var needsNoREXB = false
  var immediates: [String] = []
  var isEVEX: Bool { map.rawValue >= OpcodeMap.evex0F.rawValue }
  var isVEX: Bool { map.rawValue >= OpcodeMap.vex0F.rawValue && !isEVEX }
}

struct TableError: Error, CustomStringConvertible {
  var description: String
}

extension ParsedEncoding {
  init(_ text: String) throws {
    var opcodeBytes: [UInt8] = []
    for token in text.split(separator: " ").map(String.init) {
      if token.hasPrefix("VEX") || token.hasPrefix("EVEX") {
        try vector(token)
      } else if opcodeBytes.isEmpty, map == .oneByte, try prefixToken(token) {
        continue
      } else if try !shapeToken(token, &opcodeBytes) {
        throw TableError(description: "unknown token \(token) in encoding \(text)")
      }
    }
    try place(opcodeBytes, text)
  }

  private mutating func prefixToken(_ token: String) throws -> Bool {
    switch token {
    case "NP": prefix = RowMatch.prefixNone
    case "NFx": prefix = RowMatch.prefixNoRepeat
    case "66": prefix = RowMatch.prefix66
    case "F3": prefix = RowMatch.prefixF3
    case "F2": prefix = RowMatch.prefixF2
    case "REX.W": w = 2
    case "REX.W0": w = 1
    case "REX.B0": needsNoREXB = true
    case "o16": operandSize = 1
    case "o32": operandSize = 2
    case "o64": operandSize = 3
    default: return false
    }
    return true
  }

  private mutating func shapeToken(_ token: String, _ bytes: inout [UInt8]) throws -> Bool {
    switch token {
    case "/r": hasModRM = true
    case "R": registerOnly = true
    case "ib", "iw", "id", "iz", "iv", "cb", "cz", "mo", "cp", "is4": immediates.append(token)
    default:
      if token.first == "/", let digit = UInt32(token.dropFirst()), digit < 8 {
        hasModRM = true
        reg = digit
      } else if token.hasSuffix("+cc"), let byte = UInt8(token.dropLast(3), radix: 16) {
        opcodeCount = 16
        bytes.append(byte)
      } else if token.hasSuffix("+r"), let byte = UInt8(token.dropLast(2), radix: 16) {
        opcodeCount = 8
        hasOpcodeRegister = true
        bytes.append(byte)
      } else if token.hasSuffix("+i"), let byte = UInt8(token.dropLast(2), radix: 16) {
        hasModRM = true
        registerOnly = true
        reg = UInt32(byte >> 3 & 7)
      } else if token.count == 2, let byte = UInt8(token, radix: 16) {
        bytes.append(byte)
      } else {
        return false
      }
    }
    return true
  }

  /// "VEX.256.66.0F38.W0", "EVEX.512.F2.0F.W1": any field may be missing.
  private mutating func vector(_ token: String) throws {
    let fields = token.split(separator: ".").map(String.init)
    prefix = RowMatch.prefixNone
    var number: Int?
    for field in fields.dropFirst() {
      switch field {
      case "128", "L0", "LZ": length = RowMatch.length128
      case "256", "L1": length = RowMatch.length256
      case "512": length = RowMatch.length512
      case "LIG": length = RowMatch.lengthIgnored
      case "256/512": length = RowMatch.length256Or512
      case "NP": prefix = RowMatch.prefixNone
      case "66": prefix = RowMatch.prefix66
      case "F3": prefix = RowMatch.prefixF3
      case "F2": prefix = RowMatch.prefixF2
      case "0F": number = 0
      case "0F38": number = 1
      case "0F3A": number = 2
      case "W0": w = 1
      case "W1": w = 2
      case "WIG": w = 0
      default: throw TableError(description: "unknown field \(field) in \(token)")
      }
    }
    let base = token.first == "E" ? OpcodeMap.evex0F : OpcodeMap.vex0F
    guard let number, let found = OpcodeMap(rawValue: base.rawValue + number) else {
      throw TableError(description: "no opcode map in \(token)")
    }
    map = found
  }

  /// Splits escape bytes, opcode and a literal ModRM byte.
  private mutating func place(_ bytes: [UInt8], _ text: String) throws {
    var rest = bytes[...]
    if map == .oneByte && rest.first == 0x0f {
      rest.removeFirst()
      map = .twoByte
      if rest.first == 0x38 || rest.first == 0x3a {
        map = rest.removeFirst() == 0x38 ? .map38 : .map3A
      }
    }
    guard let first = rest.popFirst() else { throw TableError(description: "no opcode in \(text)") }
    opcode = first
    if let modRM = rest.popFirst() {
      hasModRM = true
      registerOnly = true
      reg = UInt32(modRM >> 3 & 7)
      rm = UInt32(modRM & 7)
    }
    if !rest.isEmpty { throw TableError(description: "too many bytes in \(text)") }
  }
}
