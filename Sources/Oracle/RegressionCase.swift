import Base

/// A case as a file: a mismatch that was found once and must not come back.
public struct RegressionCase {
  var test: OracleCase
  /// What differed when it was found.
  public var note: String

  init(_ test: OracleCase, differences: [String]) {
    self.test = test
    let rows = test.rows.isEmpty ? "" : Comparator.describe(test).split(separator: "\n")[0] + ": "
    note = rows + differences.prefix(3).joined(separator: "; ")
  }

  /// A file name that tells mode, bytes and state apart.
  public var slug: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in json.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let name = Comparator.mnemonics(test).filter { $0 != "NOP" }.prefix(3).joined(separator: "-").lowercased()
    return "\(16 << Int(test.input.mode & 3))-\(name)-\(String(hash & 0xffff_ffff, radix: 16))"
  }

  private static func hex(_ value: UInt64) -> JSON { .string(ByteText.hex(value)) }

  /// The file's text. Words that are zero are left out; see `docs/Oracle.md` for the fields.
  public var json: String {
    let input = test.input
    var members: [JSON.Member] = [
      .init("note", .string(note)), .init("bits", .integer(Int64(16 << Int(input.mode & 3)))),
      .init("step", .bool(test.isSingleStep)), .init("code", .string(ByteText.hex(test.code))),
      .init("offset", .integer(Int64(input.codeOffset))), .init("memory", .integer(Int64(input.memoryTemplate))),
      .init("rflags", RegressionCase.hex(input.rflags)), .init("mxcsr", RegressionCase.hex(UInt64(input.mxcsr))),
    ]
    func sparse(_ count: Int, _ word: (Int) -> UInt64) -> JSON {
      .object((0..<count).filter { word($0) != 0 }.map { JSON.Member(String($0), RegressionCase.hex(word($0))) })
    }
    members.append(.init("general", sparse(16) { input.general[$0] }))
    members.append(.init("x87", sparse(20) { input.x87[$0] }))
    members.append(.init("opmasks", sparse(8) { input.opmasks[$0] }))
    members.append(.init("vectors", sparse(256) { input.vectors[$0] }))
    members.append(
      .init("patches", .object(test.patches.map { JSON.Member(String($0.offset), .string(ByteText.hex($0.bytes))) })))
    return JSON.object(members).textByLines
  }

  /// Reads a file's text; nil when it is not such a file.
  public init?(json text: String) {
    guard let json = try? JSON(parsing: text), let bits = json["bits"]?.integer, [16, 32, 64].contains(bits),
      let code = json["code"]?.string.flatMap(ByteText.bytes(hex:)), let offset = json["offset"]?.integer,
      (0..<Window.codeBytes).contains(Int(offset)), let memory = json["memory"]?.integer, (0..<64).contains(memory)
    else { return nil }
    var test = OracleCase()
    test.code = code
    test.input.mode = bits == 16 ? 0 : bits == 32 ? 1 : 2
    if json["step"]?.bool == true { test.input.mode |= ProcessorImage.singleStep }
    test.input.codeOffset = UInt32(offset)
    test.input.rip = (bits == 16 ? Window.code - Window.base : Window.code) + UInt64(offset)
    test.input.memoryTemplate = UInt32(memory)
    test.input.rflags = RegressionCase.word(json["rflags"]) ?? 0x202
    test.input.mxcsr = UInt32(truncatingIfNeeded: RegressionCase.word(json["mxcsr"]) ?? 0x1f80)
    for (number, value) in RegressionCase.words(json["general"], 16) { test.input.general[number] = value }
    for (number, value) in RegressionCase.words(json["x87"], 20) { test.input.x87[number] = value }
    for (number, value) in RegressionCase.words(json["opmasks"], 8) { test.input.opmasks[number] = value }
    for (number, value) in RegressionCase.words(json["vectors"], 256) { test.input.vectors[number] = value }
    for member in json["patches"]?.members ?? [] {
      guard let offset = Int(member.key), let bytes = member.value.string.flatMap(ByteText.bytes(hex:)),
        offset >= 0, offset + bytes.count <= Window.dataBytes
      else { return nil }
      test.patches.append(MemoryPatch(offset: offset, bytes: bytes))
    }
    self.test = test
    note = json["note"]?.string ?? ""
  }

  private static func word(_ json: JSON?) -> UInt64? { json?.string.flatMap(ByteText.number(hex:)) }
  private static func words(_ json: JSON?, _ count: Int) -> [(Int, UInt64)] {
    (json?.members ?? []).compactMap { member in
      guard let number = Int(member.key), (0..<count).contains(number), let value = word(member.value) else {
        return nil
      }
      return (number, value)
    }
  }
}
