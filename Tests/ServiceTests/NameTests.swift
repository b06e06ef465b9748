import Foundation
import SettingsFiles
import Testing

@testable import Service

/// Names with control characters, and what goes when a run ends.
@Suite struct NameTests {
  @Test func controlCharactersAreRefusedInEveryName() throws {
    let fixture = try Fixture()
    let registry = fixture.registry
    try fixture.machine("m")
    let bad = "c\u{1}d"
    func refuses(_ body: () throws -> Void, _ place: SourceLocation = #_sourceLocation) {
      let error = #expect(throws: ServiceError.self, sourceLocation: place) { try body() }
      #expect(error?.code == .invalidArgument, sourceLocation: place)
      #expect(error?.text.contains("\u{1}") == false, sourceLocation: place)
    }
    refuses { _ = try registry.create(MachineCreation(name: bad)) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path("VirtualBox VMs")) == ["m"])
    func modify(_ name: String, _ value: String) throws {
      let (option, number) = try #require(MachineOption.named(name))
      try registry.change("m") { settings throws(ServiceError) in
        try option.apply([value], number: number, typed: name, to: &settings, registry)
      }
    }
    refuses { try modify("name", bad) }
    refuses { try modify("groups", "/a\n") }
    refuses { try modify("natpf1", "a\tb,tcp,,80,,80") }
    // What has no check of its own is caught when it is written.
    refuses { try modify("description", bad) }
    refuses { try modify("defaultfrontend", bad) }
    refuses { _ = try registry.takeSnapshot("m", name: bad, text: nil) }
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    refuses { try registry.editSnapshot("m", "s", newName: bad, text: nil) }
    let sata = try #require(ControllerType.onBus("sata"))
    refuses { try registry.change("m") { s throws(ServiceError) in try s.addController(bad, sata) } }
    try registry.change("m") { s throws(ServiceError) in try s.addController("SATA", sata) }
    refuses { try registry.change("m") { s throws(ServiceError) in try s.renameController("SATA", to: bad) } }
    refuses { try registry.setExtraData("m", bad, "v") }
    refuses { try registry.setExtraData(nil, "a\nb", "v") }
    refuses { try registry.setExtraData("m", "k", bad) }
    refuses {
      try registry.changeShared("m") { s throws(ServiceError) in try s.add(SharedFolder(name: bad, path: "/")) }
    }
    let settings = try registry.machine("m")
    #expect(settings.name == "m" && settings.extraData.isEmpty && settings.text == nil)
  }

  @Test func transientThingsGoWhenARunEnds() throws {
    let fixture = try Fixture()
    let registry = fixture.registry
    let uuid = try fixture.machine("m").uuid
    func fill() throws {
      try registry.changeShared("m") { settings throws(ServiceError) in
        var folder = SharedFolder(name: "for now", path: "/tmp")
        folder.isTransient = true
        try settings.add(folder, replacing: true)
        try settings.add(SharedFolder(name: "kept", path: "/tmp"), replacing: true)
        settings.machine.change(path: ["Hardware", "GuestProperties"]) { list in
          list.remove("GuestProperty")
          for (name, flags) in [("/a", "TRANSIENT, TRANSRESET"), ("/b", "RDONLYGUEST"), ("/c", "")] {
            list.insert(SettingsElement("GuestProperty", [("name", name), ("value", "v"), ("flags", flags)]))
          }
        }
      }
    }
    func names() throws -> [String] {
      let settings = try registry.machine("m")
      return settings.sharedFolders.map(\.name)
        + (settings.hardware.child("GuestProperties")?.elements.compactMap { $0["name"] } ?? [])
    }
    try fill()
    #expect(try names() == ["for now", "kept", "/a", "/b", "/c"])
    // A snapshot keeps no folder of one run.
    let snapshot = try registry.takeSnapshot("m", name: "s", text: nil)
    #expect(SnapshotTree(try registry.machine("m")).nodes.map(\.uuid) == [snapshot])
    let kept = try registry.machine("m").machine.child("Snapshot")?.descendant(["Hardware", "SharedFolders"])
    #expect(kept?.elements.compactMap { $0["name"] } == ["kept"])
    // A marker without a lock: a run that has ended.
    try Data("{}".utf8).write(to: URL(fileURLWithPath: SessionFiles(registry.home, uuid).marker))
    #expect(registry.state(try registry.machine("m")).state == .aborted)
    #expect(try names() == ["kept", "/b", "/c"])
  }

  @Test(arguments: [
    ("text 80 columns, 400 lines, window a0000, 16 MiB", "720,400,0"),
    ("graphics 40 columns, 200 lines, blank, window", "320,200,8"),
    ("VBE 800x600x32, pitch 3200, start 0, window", "800,600,32"),
    ("vmsvga 1024x768x32 at 16,8; 640x480x32 at 1040,0, window", "1024,768,32"),
  ]) func theVideoModeIsReadFromWhatAnAdapterSays(_ info: String, _ mode: String) throws {
    let found = try #require(VideoMode(info))
    #expect("\(found.width),\(found.height),\(found.depth)" == mode)
    #expect(VideoMode("no display") == nil)
  }

  @Test func propertiesOfAllMachinesAreWordsThatAreKnown() throws {
    let registry = try Fixture().registry
    try registry.setProperty("proxymode", "manual")
    try registry.setProperty("hwvirtexclusive", "off")
    let properties = try #require(try registry.global().root.child("SystemProperties"))
    #expect(properties["proxyMode"] == "2" && properties["exclusiveHwVirt"] == "false")
    #expect(throws: ServiceError.self) { try registry.setProperty("proxymode", "sometimes") }
  }
}
