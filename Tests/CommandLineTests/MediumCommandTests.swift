import Foundation
import TestSupport
import Testing

/// The commands for disk images, as a user or a script calls them.
@Suite("media") struct MediumCommandTests {
  private func succeed(
    _ arguments: [String], input: String = "", location: SourceLocation = #_sourceLocation
  ) throws -> RingboxProgram.Result {
    let result = try RingboxProgram.run(arguments, input: input)
    #expect(result.status == 0, "\(arguments): \(result.errors)", sourceLocation: location)
    return result
  }

  @Test func createShowGrowCompactAndDelete() throws {
    let folder = try TemporaryFolder()
    let disk = folder.name("a.vdi")
    let made = try succeed(["createmedium", "disk", "--filename", disk, "--size", "8", "--variant", "Standard"])
    let uuid = try #require(made.output.split(separator: " ").last).trimmingCharacters(in: .newlines)
    #expect(made.output == "Medium created. UUID: \(uuid)\n" && uuid.count == 36)
    let shown = try succeed(["showmediuminfo", disk]).output
    for line in [
      "UUID:           \(uuid)", "Parent UUID:    base", "Storage format: VDI", "Format variant: dynamic default",
      "Capacity:       8 MBytes", "Location:       \(disk)",
    ] { #expect(shown.contains(line + "\n"), "\(shown)") }
    let grown = try succeed(["modifyhd", disk, "--resize", "16"])
    #expect(grown.output == "")
    #expect(try succeed(["showhdinfo", disk]).output.contains("Capacity:       16 MBytes\n"))
    let compacted = try succeed(["modifymedium", "disk", disk, "--compact"])
    #expect(compacted.errors.hasPrefix("0%...10%...20%") && compacted.errors.hasSuffix("100%\n"))
    #expect(try succeed(["checkmedium", disk]).output.contains("0 of 16 blocks are stored, 0 bytes are lost"))
    _ = try succeed(["closemedium", "disk", disk, "--delete"])
    #expect(!FileManager.default.fileExists(atPath: disk))
  }

  @Test func rawBytesFromAFileAndAPipeBecomeImagesAndCopies() throws {
    let folder = try TemporaryFolder()
    let text = String(repeating: "ringbox\n", count: 1000)
    let raw = try folder.write("in.raw", Array(text.utf8))
    let first = try succeed(["convertfromraw", raw, folder.name("a.vmdk"), "--format", "VMDK"])
    #expect(first.errors.contains("Creating dynamic image with size 8192 bytes (1MB)...\n"))
    _ = try succeed(["convertfromraw", "stdin", folder.name("b.vdi"), "8000", "--format=VDI"], input: text)
    let copy = try succeed(["clonehd", folder.name("a.vmdk"), folder.name("c.img"), "--format", "RAW"])
    #expect(copy.output == "Clone medium created in format 'RAW'.\n")
    _ = try succeed(["clonemedium", "disk", folder.name("b.vdi"), folder.name("d.qcow2")])
    _ = try succeed(["clonemedium", folder.name("d.qcow2"), folder.name("e.img")])
    let padded = Array(text.utf8) + [UInt8](repeating: 0, count: 192)
    #expect(folder.bytes("c.img") == padded && folder.bytes("e.img") == padded)
    let json = try succeed(["showmediuminfo", "--json", folder.name("d.qcow2")]).output
    #expect(json.contains("\"format\":\"QCOW2\"") && json.contains("\"capacity\":8192"))
  }

  @Test func differencingImagesAreMadeAndMerged() throws {
    let folder = try TemporaryFolder()
    _ = try succeed(["createhd", "--filename", folder.name("base"), "--sizebyte", "1048576"])
    _ = try succeed(["createmedium", "--filename", folder.name("child"), "--diffparent", folder.name("base.vdi")])
    #expect(folder.entries == ["base.vdi", "child.vdi"])
    #expect(try succeed(["showmediuminfo", folder.name("child.vdi")]).output.contains("normal (differencing)"))
    _ = try succeed(["mergemedium", folder.name("child.vdi"), "--delete"])
    #expect(folder.entries == ["base.vdi"])
  }

  @Test func mistakesAreNamedAndLeaveNothingBehind() throws {
    let folder = try TemporaryFolder()
    let disk = folder.name("a.vdi")
    try expectRefusal(["createmedium", "--size", "8"], status: 2, "--filename")
    try expectRefusal(["createmedium", "--filename", disk], status: 2, "--size")
    try expectRefusal(["createmedium", "--filename", disk, "--size", "x"], status: 2, "--size 'x'")
    try expectRefusal(["createmedium", "--filename", disk, "--size", "1", "--format", "VDJ"], status: 2, "'VDI'")
    try expectRefusal(
      ["createmedium", "--filename", disk, "--size", "1", "--variant", "Fixd"], status: 2, "did you mean 'fixed'")
    try expectRefusal(
      ["createmedium", "--filename", disk, "--size", "1", "--format", "QCOW2", "--variant", "Fixed"], status: 1, "fixed"
    )
    try expectRefusal(["showmediuminfo", disk], status: 1, disk, "no such file")
    try expectRefusal(["showmediuminfo"], status: 2, "expected")
    try expectRefusal(["convertfromraw", "stdin", disk], status: 2, "number of bytes")
    #expect(folder.entries == [])
    _ = try succeed(["createmedium", "--filename", disk, "--size", "1"])
    try expectRefusal(["createmedium", "--filename", disk, "--size", "1"], status: 1, "exists")
    try expectRefusal(["modifymedium", disk], status: 2, "nothing to change")
    try expectRefusal(["modifymedium", disk, "--type", "immutable"], status: 1, "registry")
    let small = try RingboxProgram.run(["modifymedium", disk, "--resizebyte", "512"])
    #expect(small.status == 1 && small.errors.contains("smaller"))
    try folder.write(
      "bad.vdi", [UInt8](repeating: 0x7f, count: 64) + [0x7f, 0x10, 0xda, 0xbe] + [UInt8](repeating: 9, count: 999))
    try expectRefusal(["checkmedium", folder.name("bad.vdi")], status: 1, "bad.vdi")
  }

  @Test func runRefusesWhatItCannotUse() throws {
    let folder = try TemporaryFolder()
    let disk = folder.name("a.vdi")
    _ = try succeed(["createmedium", "--filename", disk, "--size", "1"])
    try expectRefusal(["run", "--disk", "\(disk),format=vdj"], status: 2, "did you mean 'vdi'")
    try expectRefusal(["run", "--disk", "\(disk),format=qcow2"], status: 1, "QCOW2")
    let child = folder.name("b.vdi")
    _ = try succeed(["createmedium", "--filename", child, "--diffparent", disk])
    try FileManager.default.removeItem(atPath: disk)
    try expectRefusal(["run", "--disk", child], status: 1, "which is not there")
  }
}
