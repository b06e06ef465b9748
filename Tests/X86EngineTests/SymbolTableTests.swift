import Foundation
import Testing

@testable import X86Engine

/// The same numbers each time.
private struct Sequence: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}

@Suite("symbols of guest code") struct SymbolTableTests {
  private func table(_ text: String) throws -> SymbolTable { try SymbolTable(Array(text.utf8)) }

  @Test func systemMapNamesKernelCode() throws {
    let table = try table(
      "0000000000000000 D __per_cpu_start\nffffffff81000100 t do one;thing\nffffffff81000000 T _text\n")
    #expect(table.count == 2)
    #expect(table.symbol(at: 0xffff_ffff_8100_0010, privilege: 0)?.text == "_text+0x10")
    #expect(table.symbol(at: 0xffff_ffff_8100_0100, privilege: 0)?.name == "do_one_thing")
    #expect(table.symbol(at: 0xffff_ffff_8100_0010, privilege: 3) == nil)
    #expect(table.symbol(at: 0x1000, privilege: 0) == nil)
    #expect(table.symbol(at: .max, privilege: 0) == nil, "too far behind the last one")
  }

  @Test func otherFilesAreRefused() {
    for text in ["", "hello", "1 T", "zz T name", "1 TT name", "\u{7f}ELF", "1 D data\n"] {
      #expect(throws: SymbolTable.Problem.self, "\(text)") { try table(text) }
    }
    #expect(throws: SymbolTable.Problem.self) { try SymbolTable(path: "/nonexistent") }
    #expect(throws: SymbolTable.Problem.self) { try SymbolTable(path: "/") }
  }

  /// A program of two functions, made by the assembler and the linker for one word size.
  private func program(_ word: String) throws -> [UInt8] {
    let folder = NSTemporaryDirectory() + "ringbox-symbols-\(getpid())-\(UInt32.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let source = """
      .globl _start
      .type _start, @function
      _start: nop; nop; nop; nop
      .size _start, 4
      .type helper, @function
      helper: nop; nop
      .size helper, 2
      .data
      .type value, @object
      value: .long 1
      """
    try source.write(toFile: folder + "/a.s", atomically: true, encoding: .utf8)
    let format = word == "64" ? "elf_x86_64" : "elf_i386"
    for command in [
      ["/usr/bin/as", "--\(word)", "-o", folder + "/a.o", folder + "/a.s"],
      ["/usr/bin/ld", "-m", format, "-Ttext=0x400000", "-o", folder + "/a", folder + "/a.o"],
    ] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: command[0])
      process.arguments = Array(command.dropFirst())
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/a")))
  }

  @Test(arguments: ["64", "32"]) func elfFunctionsAreNamedWithTheirSizes(_ word: String) throws {
    let table = try SymbolTable(try program(word))
    #expect(table.symbol(at: 0x40_0003, privilege: 3)?.text == "_start+0x3")
    #expect(table.symbol(at: 0x40_0005, privilege: 0)?.text == "helper+0x1")
    #expect(table.symbol(at: 0x40_0006, privilege: 3) == nil, "behind the last function")
  }

  @Test func damagedFilesAreRefusedOrReadButNeverTrap() throws {
    for word in ["64", "32"] {
      let whole = try program(word)
      for count in stride(from: 4, to: whole.count, by: 37) { _ = try? SymbolTable(Array(whole[..<count])) }
      var random = Sequence(state: 7)
      for _ in 0..<2000 {
        var damaged = whole
        // The header and the section table, where numbers matter most, and anywhere.
        for _ in 0..<4 {
          let place = Bool.random(using: &random) ? Int.random(in: 4..<64) : Int.random(in: 4..<damaged.count)
          damaged[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
        }
        _ = try? SymbolTable(damaged)
      }
    }
  }
}
