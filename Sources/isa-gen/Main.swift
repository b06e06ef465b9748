import X86ISA

/// isa-gen [--write | --check] [--root directory]: makes the generated sources from the instruction table, or checks
/// that they are up to date.
@main struct Main {
  static func main() {
    var mode = "--write"
    var root = "."
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch argument {
      case "--write", "--check": mode = argument
      case "--root": root = arguments.popFirst() ?? root
      default: fail("isa-gen: unknown argument \(argument)", 2)
      }
    }
    do {
      let files = try generated()
      if mode == "--write" { write(files, root) } else { check(files, root) }
    } catch {
      fail("isa-gen: \(error)", 1)
    }
  }

  /// Path below the root and contents of every generated file.
  static func generated() throws -> [(path: String, text: String)] {
    let rows = try InstructionTable.rows.map { try PackedRow($0) }
    let tables = TableGenerator(rows)
    var files = [
      ("Sources/X86ISA/Generated/Op.swift", tables.opFile()),
      ("Sources/X86ISA/Generated/DecodeTables.swift", try tables.tableFile()),
    ]
    files += HandlerGenerator(rows: rows).files().map { ("Sources/X86Engine/Generated/" + $0.name, $0.text) }
    return files
  }

  /// Handler files beyond the last one written would be left over from a larger table.
  static func stale(after files: [(path: String, text: String)], _ root: String) -> [String] {
    let current = Set(files.map(\.path))
    return (0..<64).map { "Sources/X86Engine/Generated/Handlers\($0)+Unsafe.swift" }
      .filter { !current.contains($0) && Files.read(root + "/" + $0) != nil }
  }

  static func write(_ files: [(path: String, text: String)], _ root: String) {
    for file in files where Files.read(root + "/" + file.path) != file.text {
      if !Files.write(file.text, to: root + "/" + file.path) { fail("isa-gen: cannot write \(file.path)", 1) }
      print("wrote \(file.path)")
    }
    for path in stale(after: files, root) { Files.remove(root + "/" + path) }
  }

  static func check(_ files: [(path: String, text: String)], _ root: String) {
    let differing = files.filter { Files.read(root + "/" + $0.path) != $0.text }.map(\.path)
    let all = differing + stale(after: files, root)
    if !all.isEmpty { fail("isa-gen: stale, run isa-gen --write: \(all.joined(separator: ", "))", 1) }
  }

  static func fail(_ message: String, _ code: Int32) -> Never {
    print(message)
    Files.exit(code)
  }
}
