import Foundation
import TestSupport
import Testing

/// The commands for disk images, as a user or a script calls them.
/// An error of the service's, with the line by which scripts tell them apart.
private func expectMediumError(
  _ arguments: [String], _ code: String, _ words: String..., environment: [String: String]? = nil,
  location: SourceLocation = #_sourceLocation
) throws {
  let result = try RingboxProgram.run(arguments, environment: environment)
  let shown = Comment(rawValue: "\(arguments): \(result.status) '\(result.errors)'")
  let lines = result.errors.split(separator: "\n")
  #expect(result.status == 1 && lines.count >= 2, shown, sourceLocation: location)
  #expect(lines.last?.hasPrefix("ringbox: error: Details: code \(code) (0x") == true, shown, sourceLocation: location)
  for word in words { #expect(result.errors.contains(word), shown, sourceLocation: location) }
}

/// Somebody with a registry of their own.
private struct MediumUser {
  let environment: [String: String]
  init(_ folder: TemporaryFolder) {
    environment = [
      "VBOX_USER_HOME": folder.name("home"), "HOME": folder.name("user"), "XDG_RUNTIME_DIR": folder.name("run"),
    ]
    for path in environment.values {
      try? FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
  }
  @discardableResult
  func run(_ words: String, location: SourceLocation = #_sourceLocation) throws -> RingboxProgram.Result {
    let result = try RingboxProgram.run(words.split(separator: " ").map(String.init), environment: environment)
    #expect(result.status == 0, "\(words): \(result.errors)", sourceLocation: location)
    return result
  }
}

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
    #expect(grown.output == "" && grown.errors.hasPrefix("0%...10%") && grown.errors.hasSuffix("100%\n"))
    #expect(made.errors.hasSuffix("90%...100%\n"))
    #expect(try succeed(["showhdinfo", disk]).output.contains("Capacity:       16 MBytes\n"))
    let compacted = try succeed(["modifymedium", "disk", disk, "--compact"])
    #expect(compacted.errors.hasPrefix("0%...10%...20%") && compacted.errors.hasSuffix("100%\n"))
    #expect(try succeed(["checkmedium", disk]).output.contains("0 of 16 blocks are stored, 0 bytes are lost"))
    #expect(try succeed(["closemedium", "disk", disk, "--delete"]).errors.hasSuffix("100%\n"))
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
    try expectMediumError(
      ["createmedium", "--filename", disk, "--size", "1", "--format", "QCOW2", "--variant", "Fixed"], "E_INVALIDARG",
      "fixed")
    try expectMediumError(["showmediuminfo", disk], "VBOX_E_FILE_ERROR", disk, "VERR_FILE_NOT_FOUND")
    try expectRefusal(["showmediuminfo"], status: 2, "expected")
    try expectRefusal(["convertfromraw", "stdin", disk], status: 2, "number of bytes")
    #expect(folder.entries == [])
    _ = try succeed(["createmedium", "--filename", disk, "--size", "1"])
    try expectMediumError(["createmedium", "--filename", disk, "--size", "1"], "VBOX_E_FILE_ERROR", "exists")
    try expectRefusal(["modifymedium", disk], status: 2, "nothing to change")
    try expectRefusal(["modifymedium", disk, "--type", "immutible"], status: 2, "Invalid --type argument")
    let small = try RingboxProgram.run(["modifymedium", disk, "--resizebyte", "512"])
    #expect(small.status == 1 && small.errors.contains("smaller"))
    try folder.write(
      "bad.vdi", [UInt8](repeating: 0x7f, count: 64) + [0x7f, 0x10, 0xda, 0xbe] + [UInt8](repeating: 9, count: 999))
    try expectMediumError(["checkmedium", folder.name("bad.vdi")], "VBOX_E_NOT_SUPPORTED", "bad.vdi")
  }

  @Test func whatIsKeptOfAMediumIsShownAndFollowsIt() throws {
    let folder = try TemporaryFolder()
    let manage = MediumUser(folder)
    let disk = folder.name("a.vdi"), moved = folder.name("b.vdi")
    try manage.run("createmedium --filename \(disk) --size 4 --property k=v")
    try manage.run("createvm --name m --register")
    try manage.run("storagectl m --name SATA --add sata")
    try manage.run("storageattach m --storagectl SATA --port 0 --type hdd --medium \(disk)")
    try manage.run("snapshot m take s")
    let shown = try manage.run("showmediuminfo \(disk)").output
    let machine = try #require(try manage.run("list vms").output.split(whereSeparator: "{}".contains).dropFirst().first)
    for line in ["Type:           normal (base)", "Property:       k=v"] {
      #expect(shown.contains(line + "\n"), "\(shown)")
    }
    #expect(shown.contains("In use by VMs:  m (UUID: \(machine)) [s (UUID: ") && shown.contains("\nChild UUIDs:    "))
    let json = try manage.run("showmediuminfo --json \(disk)").output
    #expect(json.contains("\"properties\":{\"k\":\"v\"}") && json.contains("\"snapshots\":[{\"name\":\"s\""))
    try expectMediumError(
      ["modifymedium", disk, "--resize", "8"], "VBOX_E_OBJECT_IN_USE", environment: manage.environment)
    try manage.run("modifymedium \(disk) --move \(moved) --description text")
    #expect(try manage.run("modifymedium \(moved) --json --property k=").output == "{\"ok\":true}\n")
    let after = try manage.run("showmediuminfo \(moved)").output
    #expect(after.contains("Description:    text\n") && !after.contains("k=v"), "\(after)")
    try manage.run("snapshot m restore s")
    try manage.run("createmedium --filename \(disk) --size 4")
    try manage.run("modifymedium \(disk) --type immutable")
    #expect(try manage.run("showmediuminfo \(disk)").output.contains("Type:           immutable\n"))
    try manage.run("storageattach m --storagectl SATA --port 1 --type hdd --medium \(disk)")
    let own = try #require(
      try manage.run("showvminfo m --machinereadable").output.split(separator: "\n").first {
        $0.hasPrefix("\"SATA-ImageUUID-1-0\"=")
      }
    ).split(separator: "\"").last
    let shownOwn = try manage.run("showmediuminfo \(try #require(own))").output
    #expect(shownOwn.contains("normal (differencing)") && shownOwn.contains("Auto-Reset:     on\n"), "\(shownOwn)")
    try manage.run("unregistervm m --delete")
  }

  @Test func whatADriveIsGivenIsKeptAndShown() throws {
    let folder = try TemporaryFolder()
    let manage = MediumUser(folder)
    let disk = folder.name("a.vdi"), disc = try folder.write("cd.iso", [UInt8](repeating: 0, count: 40960))
    try manage.run("createmedium --filename \(disk) --size 4")
    try manage.run("createvm --name m --register")
    try manage.run("storagectl m --name SATA --add sata")
    try manage.run("bandwidthctl m add slow --type disk --limit 5M")
    try manage.run(
      "storageattach m --storagectl SATA --port 0 --type hdd --medium \(disk) --bandwidthgroup slow --comment mine")
    try manage.run("storageattach m --storagectl SATA --port 1 --type dvddrive --medium \(disc) --passthrough on")
    let shown = try manage.run("showvminfo m --machinereadable").output
    for line in ["\"SATA-bandwidthgroup-0-0\"=\"slow\"", "\"SATA-dvdpassthrough-1-0\"=\"on\""] {
      #expect(shown.contains(line + "\n"), "\(shown)")
    }
    #expect(try manage.run("showvminfo m").output.contains("Bandwidth group: slow"))
    #expect(try manage.run("showmediuminfo \(disk)").output.contains("Description:    mine\n"))
    try expectMediumError(
      ["storageattach", "m", "--storagectl", "SATA", "--port", "0", "--bandwidthgroup", "none such"],
      "VBOX_E_OBJECT_NOT_FOUND", "none such", environment: manage.environment)
    try manage.run("storageattach m --storagectl SATA --port 0 --bandwidthgroup none")
    #expect(try !manage.run("showvminfo m --machinereadable").output.contains("bandwidthgroup-0"))
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
