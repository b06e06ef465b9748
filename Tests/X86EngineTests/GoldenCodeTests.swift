import Base
import Foundation
import GuestMemory
import Testing
import X86ISA

@testable import X86Engine

/// What the recompiler makes of one guest instruction, written down: `make goldens` rewrites the files, and their diff is
/// what a reviewer sees of a change in code generation.
@Suite("golden code") struct GoldenCodeTests {
  /// Instruction bytes in hexadecimal, for each code size.
  private static let long = [
    "48 89 d8",
    "b8 78 56 34 12",
    "49 89 c2",
    "4c 01 d8",
    "45 01 da",
    "8b 03",
    "48 8b 44 cb 40",
    "48 8b 44 c4 10",
    "48 8b 04 c5 00 10 00 00",
    "89 03",
    "c6 07 05",
    "c7 44 24 18 00 00 00 00",
    "8a 23",
    "4d 8b 5a 08",
    "48 8b 05 00 10 00 00",
    "64 48 8b 04 25 28 00 00 00",
    "65 48 8b 03",
    "0f b6 06",
    "a0 9a 78 56 34 12 00 00 00",
    "01 03",
    "03 03",
    "83 7f 04 01",
    "48 85 c0",
    "ff 03",
    "f0 0f c1 03",
    "48 87 03",
    "0f b1 0f",
    "48 8d 44 8b 08",
    "4d 8d 14 03",
    "48 6b c3 64",
    "48 d3 e0",
    "c1 3b 03",
    "48 f7 f1",
    "0f 94 c0",
    "0f 94 03",
    "48 0f 45 03",
    "0f bc c3",
    "48 0f ba e0 05",
    "0f a3 03",
    "53",
    "41 52",
    "68 34 12 00 00",
    "ff 33",
    "5b",
    "41 5b",
    "c9",
    "e8 fb 1f 00 00",
    "ff d0",
    "ff 13",
    "c3",
    "e9 fb 1f 00 00",
    "eb fe",
    "ff e0",
    "0f 85 fa 1f 00 00",
    "75 fe",
    "e2 fe",
    "9c",
    "fa",
    "fb",
    "f3 a4",
    "aa",
    "0f a2",
    "0f 31",
    "0f 01 f8",
    "0f 05",
    "0f 28 ca",
    "0f 10 0b",
    "f2 0f 58 44 24 08",
    "66 0f 38 00 c1",
    "c5 f4 58 03",
    "62 f1 f5 49 58 03",
    "c4 e2 69 90 04 8b",
    "c4 e2 60 f2 01",
    "dd 03",
    "de c1",
    "0f ae 03",
  ]
  private static let protected = [
    "89 d8",
    "8b 03",
    "89 45 f8",
    "8b 84 be 00 01 00 00",
    "8b 44 94 08",
    "8b 80 00 00 00 c0",
    "a1 34 12 00 00",
    "64 a1 10 00 00 00",
    "67 66 8b 40 02",
    "41",
    "ff 0b",
    "50",
    "6a 10",
    "5d",
    "c9",
    "e8 fb 1f 00 00",
    "c3",
    "c2 08 00",
    "75 fe",
    "60",
    "9d",
    "cd 80",
    "8e d8",
    "62 03",
    "02 01",
    "0f 6f 03",
  ]
  private static let real = [
    "89 d8",
    "8b 07",
    "89 46 fe",
    "26 8a 05",
    "66 8b 04",
    "67 8b 03",
    "41",
    "50",
    "5b",
    "e8 fd 01",
    "c3",
    "75 fe",
    "e2 fe",
    "cd 10",
    "f3 a5",
    "ec",
    "ac",
    "8e d8",
  ]

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Goldens/codegen")
  private static var rewrites: Bool { ProcessInfo.processInfo.environment["RINGBOX_GOLDENS"] == "write" }

  /// One guest instruction and its host code where its flags are read later, and where they are not.
  struct Row: Equatable {
    var guest: String
    var bytes: String
    var live: Code
    var dead: Code

    struct Code: Equatable {
      var size: Int
      var lines: [String]
    }

    /// As it stands in a golden file: one line for each host instruction.
    var text: String {
      func list(_ name: String, _ code: Code) -> String {
        let lines = code.lines.map { "      " + JSON.string($0).text }.joined(separator: ",\n")
        let head = "    \"\(name)\": {\"instructions\": \(code.lines.count), \"bytes\": \(code.size), \"host\": ["
        return head + (code.lines.isEmpty ? "]}" : "\n\(lines)\n    ]}")
      }
      var text = "  {\n    \"guest\": \(JSON.string(guest).text), \"bytes\": \(JSON.string(bytes).text),\n"
      text += live == dead ? list("code", live) : list("flagsLive", live) + ",\n" + list("flagsDead", dead)
      return text + "\n  }"
    }
  }

  @Test(arguments: [CodeSize.bits64, .bits32, .bits16])
  func hostCodeIsWhatTheGoldenFileSays(_ size: CodeSize) throws {
    let name = ["16-bit.json", "32-bit.json", "64-bit.json"][Int(size.rawValue)]
    let file = GoldenCodeTests.folder.appendingPathComponent(name)
    let table = [GoldenCodeTests.real, GoldenCodeTests.protected, GoldenCodeTests.long][Int(size.rawValue)]
    let translator = try RowTranslator(size)
    let rows = try table.map { try translator.row($0) }
    let text = "[\n" + rows.map(\.text).joined(separator: ",\n") + "\n]\n"
    if GoldenCodeTests.rewrites {
      try FileManager.default.createDirectory(at: GoldenCodeTests.folder, withIntermediateDirectories: true)
      return try Data(text.utf8).write(to: file)
    }
    let stored = try String(contentsOf: file, encoding: .utf8)
    _ = try JSON(parsing: stored)
    let changes = Self.difference(stored, text)
    #expect(stored == text, "\(name) differs; `make goldens` rewrites it:\n\(changes)")
  }

  /// The lines that differ, each with the guest instruction it belongs to.
  private static func difference(_ old: String, _ new: String) -> String {
    func lines(_ text: String) -> [String] {
      var guest = ""
      return text.split(separator: "\n").map { line in
        if line.contains("\"guest\"") { guest = line.trimmingCharacters(in: .whitespaces) }
        return "\(guest)\n    \(line)"
      }
    }
    let changes = lines(new).difference(from: lines(old))
    return changes.prefix(60).map { change in
      switch change {
      case .remove(_, let line, _): "- \(line)"
      case .insert(_, let line, _): "+ \(line)"
      }
    }.joined(separator: "\n")
  }

  @Test func blocksAreTheSameByteForByteWithoutInstrumentation() throws {
    for (size, table) in [
      (CodeSize.bits64, GoldenCodeTests.long), (.bits32, GoldenCodeTests.protected), (.bits16, GoldenCodeTests.real),
    ] {
      let plain = try RowTranslator(size), silent = try RowTranslator(size, SilentClient(points: []))
      let counting = try RowTranslator(size, SilentClient(points: .counts))
      for bytes in table {
        let code = try plain.hostBytes(bytes)
        #expect(try silent.hostBytes(bytes) == code, "\(bytes)")
        // The counter of the block's start.
        #expect(try counting.hostBytes(bytes).count > code.count, "\(bytes)")
      }
    }
  }

  private final class SilentClient: Instrumentation {
    let points: InstrumentationPoints
    init(points: InstrumentationPoints) { self.points = points }
  }
}

/// Translates single instructions, each in a block of its own, on a processor that has everything.
private struct RowTranslator {
  private static let start: UInt64 = 0x4000
  /// PUSHF reads every flag; TEST EAX, EAX overwrites them, and a jump to itself ends the block.
  private static let readsFlags: [UInt8] = [0x9c, 0xeb, 0xfe]
  private static let killsFlags: [UInt8] = [0x85, 0xc0, 0xeb, 0xfe]

  let board: SystemBoard
  let size: CodeSize

  init(_ size: CodeSize, _ client: (any Instrumentation)? = nil) throws {
    self.size = size
    var leaves = SystemBoard.intel
    leaves[1 << 32]?.ecx = ~(1 << 31)
    leaves[7 << 32] = CPUModel.Leaf(eax: 0, ebx: ~0, ecx: ~0, edx: ~0)
    leaves[0x8000_0001 << 32] = CPUModel.Leaf(ecx: 1 << 0 | 1 << 5, edx: ~0)
    board = try SystemBoard(leaves: leaves, inspection: EngineInspection(client: client))
    switch size {
    case .bits64: try board.enterLongMode()
    case .bits32: try board.enterProtectedMode()
    case .bits16: board.cpu.s.segments[Seg.cs].base = 0
    }
    // Units as an operating system switches them on; nothing here is executed.
    board.cpu.s.cr4 |= CR4.osfxsr | CR4.osxsave
    board.cpu.s.xcr0 = 0xe7
    board.cpu.s.cr0 &= ~(CR0.ts | CR0.em)
  }

  private func bytes(_ hex: String) -> [UInt8] { hex.split(separator: " ").compactMap { UInt8($0, radix: 16) } }

  private func listing(_ code: [UInt8]) throws -> BlockListing {
    board.memory.write(GuestPhysical(Self.start), code)
    board.vcpu.forgetCode()
    board.cpu.rip = Self.start
    _ = try #require(try board.cpu.lookUpCode())
    return try #require(board.vcpu.listings(in: AddressRange.all).blocks.first)
  }

  /// All host bytes of the block that begins with an instruction.
  func hostBytes(_ hex: String) throws -> [UInt8] {
    let block = try listing(bytes(hex) + Self.readsFlags)
    return (block.entry + block.steps.flatMap(\.host) + block.cold).flatMap(\.bytes)
  }

  func row(_ hex: String) throws -> GoldenCodeTests.Row {
    let live = try listing(bytes(hex) + Self.readsFlags), dead = try listing(bytes(hex) + Self.killsFlags)
    let guest = try #require(live.steps.first?.guest)
    return GoldenCodeTests.Row(guest: guest.text, bytes: hex, live: try code(live), dead: try code(dead))
  }

  /// The first instruction's code, with site numbers and distances taken out.
  private func code(_ block: BlockListing) throws -> GoldenCodeTests.Row.Code {
    let step = try #require(block.steps.first)
    let begin = block.entry.first?.address ?? step.host.first?.address ?? 0
    let rarely = (block.cold.first?.address ?? .max) &- begin
    let own = (step.host.first?.address ?? begin) &- begin
    var lines: [String] = []
    for (place, line) in step.host.enumerated() {
      var text = line.text
      let next = place + 1 < step.host.count ? step.host[place + 1].text : ""
      if text.hasPrefix("mov r10d,0x"), next.contains("<slow") { text = "mov r10d,site" }
      if let open = text.range(of: "<0x4000"), let close = text.range(of: ">", range: open.upperBound..<text.endIndex) {
        let inside = text[open.upperBound..<close.lowerBound]
        let distance = UInt64(inside.dropFirst()) ?? 0
        let target = inside.hasPrefix("+") && distance >= rarely ? "rarely" : "+\(distance &- own)"
        text.replaceSubrange(open.lowerBound..<close.upperBound, with: inside.hasPrefix("+") ? target : "start")
      }
      lines.append(text)
    }
    return GoldenCodeTests.Row.Code(size: step.host.reduce(0) { $0 + $1.bytes.count }, lines: lines)
  }
}

extension Vcpu {
  /// Forgets every translation; the state stays.
  fileprivate func forgetCode() {
    // The store of new code is heard of first.
    cpu.context.group.collect(for: cpu)
    cpu.flushTLB()
    cpu.forgetAllCode()
  }
}
