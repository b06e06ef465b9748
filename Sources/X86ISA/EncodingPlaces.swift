/// Where a row stands in the opcode space: for programs that make encodings instead of reading them.
public struct EncodingPlace: Sendable, Hashable {
  public var map: OpcodeMap
  public var opcode: UInt8
}

extension InstructionTable {
  /// For every row the opcodes it covers (one, eight with a register in the opcode, sixteen with a condition).
  public static let encodingPlaces: [[EncodingPlace]] = {
    var places = [[EncodingPlace]](repeating: [], count: count)
    for map in OpcodeMap.allCases {
      for opcode in 0..<256 {
        let entry = DecodeTables.index[map.rawValue * 256 + opcode]
        for candidate in Int(entry >> 8)..<Int(entry >> 8 + entry & 0xff) {
          places[Int(DecodeTables.candidates[candidate])].append(EncodingPlace(map: map, opcode: UInt8(opcode)))
        }
      }
    }
    return places
  }()
}
