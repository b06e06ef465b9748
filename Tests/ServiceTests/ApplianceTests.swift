import DiskImages
import Foundation
import HostSystem
import SettingsFiles
import Testing

@testable import Service

/// Appliances: written and read back, those of others, and those that mean harm.
struct ApplianceTests {
  private let fixture: Fixture
  private let registry: Registry

  /// A machine with a disk of 2 MiB whose first byte is 1.
  init() throws {
    fixture = try Fixture()
    registry = fixture.registry
    let disk = try fixture.machineWithDisk("m")
    try registry.change("m") { settings throws(ServiceError) in
      settings.machine.set(["Hardware", "Memory"], "RAMSize", "384")
    }
    try write(1, disk)
  }
  private func write(_ byte: UInt8, _ path: String) throws {
    let image = try ImageLibrary().open(path)
    try image.write(0, [UInt8](repeating: byte, count: 512))
    try image.close()
  }
  private func export(_ name: String, _ change: (inout ExportRequest) -> Void = { _ in }) throws {
    var request = ExportRequest(machines: ["m"], path: fixture.path(name))
    change(&request)
    try registry.export(request)
  }
  @discardableResult
  private func take(_ name: String, _ change: (inout ImportRequest) -> Void = { _ in }) throws -> [MachineSettings] {
    var request = ImportRequest()
    change(&request)
    return try registry.importAppliance(try ImportPlan(fixture.path(name), request, registry))
  }
  private func named(_ name: String) -> (inout ImportRequest) -> Void {
    { request in
      var choice = ImportChoice()
      choice.name = name
      request.choices[0] = choice
    }
  }
  private func firstByte(_ machine: MachineSettings) throws -> UInt8 {
    let uuid = try #require(machine.attachments.first { $0.kind == .disk }?.medium)
    return try ImageLibrary().open(
      try #require(machine.medium(uuid)).path, ImageLibrary.Options(readOnly: true)
    ).read(0, count: 1)[0]
  }
  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.path(name)))
  }
  private func text(_ name: String) throws -> String { try String(contentsOfFile: fixture.path(name), encoding: .utf8) }
  private var machines: [String] { get throws { try registry.machines().map(\.name).sorted() } }
  private func folders() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: fixture.path("VirtualBox VMs")).sorted()
  }

  // MARK: There and back

  @Test(arguments: ["a.ovf", "a.ova"], [OVFVersion.legacy, .one, .two])
  func aMachineComesBackFromItsAppliance(name: String, version: OVFVersion) throws {
    try registry.change("m") { $0.setExtraData("k", "v") }
    try export(name) { ($0.version, $0.hasManifest) = (version, true) }
    let copy = try #require(try take(name, named("n")).first)
    let original = try registry.machine("m")
    #expect(try firstByte(copy) == 1)
    #expect(copy.memory == 384 && copy.uuid != original.uuid && copy.osType == original.osType)
    #expect(copy.extraData.map(\.value) == ["v"])
    #expect(copy.attachments.map(\.controller) == ["SATA"] && copy.controllers.count == 1)
    #expect(copy.media.map(\.path) == ["\(copy.folder)/a-disk001.vmdk"])
    #expect(copy.slot("Network", "Adapter", 0)?["MACAddress"] != original.slot("Network", "Adapter", 0)?["MACAddress"])
    try registry.unregister("n", delete: true)
    #expect(try folders() == ["m"])
  }
  @Test func theDescriptionIsWhatClientsRead() throws {
    try export("a.ovf") { request in
      var words = ExportRequest.Words()
      (words.product, words.license, words.text) = ("P & Q", "Be nice.", "two\nlines")
      request.words[0] = words
    }
    let text = try text("a.ovf")
    // Packer looks for this on one line.
    #expect(text.firstMatch(of: /<Adapter slot="0".+?MACAddress="(.+?)"/) != nil)
    for part in [
      "<File ovf:id=\"file1\" ovf:href=\"a-disk001.vmdk\"/>", "ovf:capacity=\"2097152\" ovf:diskId=\"vmdisk1\"",
      "vmdk.html#streamOptimized", "<VirtualSystem ovf:id=\"m\">",
      "<rasd:HostResource>/disk/vmdisk1</rasd:HostResource>",
      "<rasd:ResourceSubType>AHCI</rasd:ResourceSubType>",
      "<vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>",
      "<Product>P &amp; Q</Product>", "<License>Be nice.</License>",
      "<vbox:Machine ovf:required=\"false\" version=\"1.19-linux\"",
      "<rasd:Connection>NAT</rasd:Connection>",
    ] { #expect(text.contains(part), "\(part)") }
    #expect(!text.contains("MediaRegistry") && !text.contains("currentSnapshot"))
    let plan = try ImportPlan(fixture.path("a.ovf"), ImportRequest(), registry)
    #expect(
      plan.disks == [
        "vmdisk1\t2097152\t-1\thttp://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized\ta-disk001.vmdk\t-1\t-1\t"
      ])
    let system = try #require(plan.systems.first)
    // A name that is taken gets a number.
    #expect(system.value(.name) == "m_1" && system.value(.memory) == "384" && system.value(.text) == "two\nlines")
    let disk = try #require(system.units.firstIndex { $0.kind == .disk })
    let sata = try #require(system.units.firstIndex { $0.kind == .sata })
    #expect(system.units[disk].extra == "controller=\(sata);port=0")
    // The license wants to be accepted.
    #expect(throws: ServiceError.self) { try registry.importAppliance(plan) }
    let copy = try take("a.ovf") {
      var choice = ImportChoice()
      choice.acceptsLicense = true
      $0.choices[0] = choice
    }
    #expect(copy.map(\.name) == ["m_1"] && copy[0].text == "two\nlines")
  }
  @Test func whatTheUserWantsOtherwiseIsDone() throws {
    try export("a.ova")
    let plan = try ImportPlan(fixture.path("a.ova"), ImportRequest(), registry)
    let disk = try #require(plan.systems[0].units.firstIndex { $0.kind == .disk })
    let copy = try take("a.ova") { request in
      var choice = ImportChoice()
      (choice.name, choice.cpus, choice.memory, choice.text) = ("n", 2, 64, "new")
      (choice.baseFolder, choice.group, choice.osType) = (fixture.path("base"), "/g", "Debian_64")
      var unit = ImportChoice.Unit()
      unit.disk = fixture.path("base/deep/er/x.vdi")
      choice.units[disk] = unit
      request.choices[0] = choice
      request.addresses = .keepAll
    }
    #expect(copy[0].cpus == 2 && copy[0].memory == 64 && copy[0].text == "new" && copy[0].groups == ["/g"])
    #expect(copy[0].folder == fixture.path("base/n") && copy[0].osType.id == "Debian_64")
    #expect(copy[0].media.map(\.path) == [fixture.path("base/deep/er/x.vdi")] && copy[0].media[0].format == "VDI")
    #expect(
      try copy[0].slot("Network", "Adapter", 0)?["MACAddress"]
        == registry.machine("m").slot("Network", "Adapter", 0)?["MACAddress"])
    let bare = try take("a.ova") { request in
      var choice = ImportChoice()
      choice.name = "bare"
      var unit = ImportChoice.Unit()
      unit.isIgnored = true
      choice.units[disk] = unit
      request.choices[0] = choice
    }
    #expect(bare[0].attachments.isEmpty && bare[0].media.isEmpty)
  }
  @Test func severalMachinesAndCDsTravelTogether() throws {
    try fixture.machine("two")
    try Data(repeating: 7, count: 4096).write(to: URL(fileURLWithPath: fixture.path("cd.iso")))
    let registry = registry, cd = fixture.path("cd.iso")
    let ide = try #require(ControllerType.onBus("ide"))
    try registry.change("two") { settings throws(ServiceError) in
      try settings.addController("IDE", ide)
      let uuid = try settings.openMedium(cd, .dvd, registry)
      try settings.attach(Attachment(controller: "IDE", port: 1, device: 0, kind: .dvd, medium: uuid))
    }
    try registry.export(
      {
        var request = ExportRequest(machines: ["m", "two"], path: fixture.path("a.ova"))
        (request.hasISOs, request.hasManifest) = (true, true)
        return request
      }())
    let copies = try take("a.ova")
    #expect(copies.map(\.name) == ["m_1", "two_1"])
    let medium = try #require(copies[1].media.first)
    #expect(medium.kind == .dvd && copies[1].attachments.first?.medium == medium.uuid)
    #expect(FileManager.default.contents(atPath: medium.path) == Data(repeating: 7, count: 4096))
  }
  @Test func snapshotsAreExportedAsWhatTheyShow() throws {
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    let settings = try registry.machine("m")
    let path = try #require(settings.attachments.first?.medium.flatMap(settings.medium)).path
    try write(5, path)
    try export("a.ova")
    let copy = try take("a.ova", named("n"))[0]
    #expect(try firstByte(copy) == 5)
    #expect(SnapshotTree(copy).nodes.isEmpty && copy.media.count == 1)
  }
  @Test func tarMakesAndReadsWhatWeDo() throws {
    try export("a.ova") { $0.hasManifest = true }
    let list = Process()
    list.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    list.arguments = ["tar", "tf", fixture.path("a.ova")]
    let pipe = Pipe()
    list.standardOutput = pipe
    try list.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    list.waitUntilExit()
    #expect(list.terminationStatus == 0 && output == "a.ovf\na.mf\na-disk001.vmdk\n")
    try export("b.ovf")
    let make = Process()
    make.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    make.arguments = [
      "tar", "cf", fixture.path("c.ova"), "--format=pax", "-C", fixture.folder, "./b.ovf", "b-disk001.vmdk",
    ]
    try make.run()
    make.waitUntilExit()
    #expect(try firstByte(take("c.ova", named("n"))[0]) == 1)
  }

  // MARK: Of others

  /// As VMware writes one: other prefixes, units and names, no settings of VirtualBox's.
  @Test func appliancesOfOthersAreUnderstood() throws {
    try export("d.ovf")
    try write("foreign.ovf", ApplianceSamples.foreign(disk: "d-disk001.vmdk"))
    let copy = try take("foreign.ovf")[0]
    #expect(copy.name == "web_server" && copy.memory == 2048 && copy.cpus == 2 && copy.osType.id == "Ubuntu_64")
    #expect(try firstByte(copy) == 1)
    let types = copy.controllers.map { $0["type"] ?? "" }
    #expect(types.sorted() == ["LsiLogic", "PIIX4"])
    let disk = try #require(copy.attachments.first { $0.kind == .disk })
    #expect(disk.port == 0 && copy.controllers.first { $0["name"] == disk.controller }?["type"] == "LsiLogic")
    // The second disk has no file: it is empty.
    #expect(copy.attachments.filter { $0.kind == .disk }.count == 2)
    #expect(copy.attachments.contains { $0.kind == .dvd && $0.medium == nil })
    let card = try #require(copy.slot("Network", "Adapter", 0))
    #expect(card["type"] == "82540EM" && card.child("BridgedInterface") != nil)
  }
  @Test func sizesHaveUnits() {
    #expect(OVFDocument.bytes("8", "byte * 2^30") == 8 << 30)
    #expect(OVFDocument.bytes("8", "byte*2^20") == 8 << 20)
    #expect(OVFDocument.bytes("8", "MegaBytes") == 8 << 20)
    #expect(OVFDocument.bytes("8", "") == 8)
    for (text, unit) in [
      ("x", ""), ("-1", ""), ("8", "furlongs"), ("18446744073709551615", "byte * 2^30"), ("1", "byte*2^64"),
    ] {
      #expect(OVFDocument.bytes(text, unit) == nil)
    }
  }
  @Test func digestsAreThoseOfTheStandard() {
    func hex(_ kind: Digest.Kind, _ parts: [String]) -> String {
      var digest = Digest(kind)
      for part in parts { digest.add(Array(part.utf8)) }
      return digest.finish()
    }
    #expect(hex(.sha1, ["abc"]) == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(hex(.sha256, ["abc"]) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(hex(.sha1, []) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    #expect(hex(.sha1, [long]) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    #expect(
      hex(.sha256, ["abcdbcdecdefdefgefghfghighij", "hijkijkljklmklmnlmnomnopnopq"])
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    let a = String(repeating: "a", count: 999)
    #expect(
      hex(.sha256, Array(repeating: a, count: 1001) + ["a"])
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  // MARK: Hostile

  @Test func aFileThatWasChangedIsNoticed() throws {
    try export("a.ovf") { $0.hasManifest = true }
    let disk = fixture.path("a-disk001.vmdk")
    var bytes = try #require(FileManager.default.contents(atPath: disk))
    bytes[bytes.count - 600] ^= 1
    try bytes.write(to: URL(fileURLWithPath: disk))
    let error = #expect(throws: ServiceError.self) { try take("a.ovf", named("n")) }
    #expect(error?.text.contains("a-disk001.vmdk") == true)
    #expect(try machines == ["m"] && folders() == ["m"])
  }
  @Test(arguments: [
    "../m/d.vdi", "/etc/passwd", "sub/../../secret.vmdk", "link.vmdk", "missing.vmdk", "", "%2e%2e/secret.vmdk",
  ])
  func nothingOutsideTheApplianceIsRead(name: String) throws {
    try FileManager.default.createDirectory(atPath: fixture.path("in"), withIntermediateDirectories: true)
    try write("secret.vmdk", "secret")
    try FileManager.default.createSymbolicLink(
      atPath: fixture.path("in/link.vmdk"), withDestinationPath: fixture.path("secret.vmdk"))
    try write("in/a.ovf", ApplianceSamples.foreign(disk: name))
    #expect(throws: ServiceError.self) { try take("in/a.ovf") }
    #expect(try machines == ["m"] && folders() == ["m"])
  }
  /// A descriptor whose extents are elsewhere would copy a file of the host into the guest's disk.
  @Test func imagesDoNotReachOutside() throws {
    try FileManager.default.createDirectory(atPath: fixture.path("in"), withIntermediateDirectories: true)
    try Data(repeating: 9, count: 1 << 20).write(to: URL(fileURLWithPath: fixture.path("secret.img")))
    for extent in ["../secret.img", fixture.path("secret.img")] {
      try write(
        "in/d.vmdk",
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n"
          + "RW 2048 FLAT \"\(extent)\" 0\nddb.adapterType = \"ide\"\n")
      try write("in/a.ovf", ApplianceSamples.foreign(disk: "d.vmdk"))
      #expect(throws: ServiceError.self, "\(extent)") { try take("in/a.ovf") }
      #expect(try machines == ["m"] && folders() == ["m"])
    }
  }
  @Test func damagedArchivesAreRefused() throws {
    try export("a.ova")
    let whole = try #require(FileManager.default.contents(atPath: fixture.path("a.ova")))
    func refuses(_ bytes: Data, _ what: String) throws {
      try bytes.write(to: URL(fileURLWithPath: fixture.path("b.ova")))
      #expect(throws: ServiceError.self, "\(what)") { try take("b.ova", named("n")) }
      #expect(try machines == ["m"] && folders() == ["m"], "\(what)")
    }
    for count in [0, 100, 512, 700, whole.count / 2, whole.count - 2048] {
      try refuses(whole.prefix(count), "\(count) bytes")
    }
    var broken = whole
    broken[10] ^= 1
    try refuses(broken, "checksum")
    func archive(_ entries: [(String, UInt8, UInt64)]) -> Data {
      var bytes: [UInt8] = []
      for (name, type, size) in entries {
        var header = TarWriter.header(name, size)
        header[156] = type
        for index in 148..<156 { header[index] = 0x20 }
        let digits = Array(String(header.reduce(0) { $0 + Int($1) }, radix: 8).utf8)
        header.replaceSubrange(148..<148 + digits.count, with: digits)
        header[154] = 0
        bytes += header
      }
      return Data(bytes + [UInt8](repeating: 0, count: 1024))
    }
    try refuses(archive([("../a.ovf", 0x30, 0)]), "path")
    try refuses(archive([("/a.ovf", 0x30, 0)]), "absolute path")
    try refuses(archive([("a.ovf", 0x32, 0)]), "link")
    try refuses(archive([("a.ovf", 0x30, 1 << 40)]), "huge")
    try refuses(archive([("a.ovf", 0x30, 0), ("a.ovf", 0x30, 0)]), "twice")
    try refuses(archive([("a.vmdk", 0x30, 0)]), "no description")
    try refuses(archive((0..<5000).map { ("a\($0)", 0x30, 0) }), "too many")
  }
  @Test func bombsAndNonsenseAreRefused() throws {
    let good = ApplianceSamples.foreign(disk: "x.vmdk")
    for (what, text) in [
      ("empty", ""), ("no XML", "hello"), ("another document", "<a/>"), ("no system", "<Envelope/>"),
      ("entities", "<!DOCTYPE a [<!ENTITY b \"cccc\"><!ENTITY d \"&b;&b;&b;\">]><Envelope>&d;</Envelope>"),
      ("depth", String(repeating: "<a>", count: 100_000)),
      ("size", good.replacing("ovf:capacity=\"16\"", with: "ovf:capacity=\"99999999999999999999\"")),
      ("size of a disk", good.replacing("ovf:capacity=\"16\"", with: "ovf:capacity=\"1000000000\"")),
      ("memory", good.replacing(">2048<", with: ">-1<")),
      ("processors", good.replacing(">2<", with: ">5000<")),
      ("pieces", good.replacing("ovf:href=", with: "ovf:chunkSize=\"5\" ovf:href=")),
    ] {
      try write("x.ovf", text)
      #expect(throws: ServiceError.self, "\(what)") { try take("x.ovf") }
      #expect(try machines == ["m"] && folders() == ["m"], "\(what)")
    }
  }
  /// Settings that would write to files of the host, or show it to the guest, are somebody else's choice.
  @Test func aMachineOfOthersDoesNotTouchTheHost() throws {
    try registry.change("m") { settings throws(ServiceError) in
      settings.setExtraData("Ringbox/Kernel", "/etc/shadow")
      settings.setExtraData("VBoxInternal/Machine/firmware", "/etc/shadow")
      settings.setExtraData("VBoxInternal/Devices/pcbios/0/Config/DmiSystemVendor", "Acme")
      settings.machine.change("Hardware") { hardware in
        hardware.insert(
          SettingsElement(
            "UART", [],
            [
              SettingsElement(
                "Port",
                [("slot", "0"), ("enabled", "true"), ("hostMode", "RawFile"), ("path", "/srv/profile")])
            ]))
        hardware.insert(
          SettingsElement("SharedFolders", [], [SettingsElement("SharedFolder", [("name", "h"), ("hostPath", "/")])]))
        hardware.set(["BIOS", "NVRAM"], "path", "/etc/x")
        hardware.change("Network") { $0.changeAll("Adapter") { $0["tracefile"] = "/etc/y" } }
      }
    }
    try export("a.ova")
    let copy = try take("a.ova", named("n"))[0]
    let text = String(decoding: copy.file.bytes, as: UTF8.self)
    #expect(text.contains("Acme"))
    for word in ["/etc/", "/srv/", "SharedFolder ", "Ringbox/Kernel", "VBoxInternal/Machine"] {
      #expect(!text.contains(word), "\(word)")
    }
    #expect(copy.slot("UART", "Port", 0)?["hostMode"] == "Disconnected")
  }
  @Test func namesOfOthersBecomeFileNames() throws {
    try export("d.ovf")
    try write("x.ovf", ApplianceSamples.foreign(disk: "d-disk001.vmdk").replacing("web_server", with: "../../e/vil"))
    let copy = try take("x.ovf")[0]
    #expect(copy.name == ".._.._e_vil" && copy.folder == fixture.path("VirtualBox VMs/.._.._e_vil"))
  }
  @Test func aFailedExportLeavesNothing() throws {
    try write("a-disk001.vmdk", "mine")
    #expect(throws: ServiceError.self) { try export("a.ovf") { $0.hasManifest = true } }
    #expect(try text("a-disk001.vmdk") == "mine" && !fixture.exists("a.ovf") && !fixture.exists("a.mf"))
    try write("b.ova", "mine")
    let error = #expect(throws: ServiceError.self) { try export("b.ova") }
    #expect(try text("b.ova") == "mine")
    #expect(error?.code == .fileError && error?.text.contains("VERR_ALREADY_EXISTS") == true)
    let giveUp = WorkProgress { _, _ in false }
    #expect(throws: ServiceError.self) {
      try registry.export(ExportRequest(machines: ["m"], path: fixture.path("c.ova")), progress: giveUp)
    }
    #expect(!fixture.exists("c.ova"))
    #expect(throws: ServiceError.self) { try export("c.zip") }
    #expect(throws: ServiceError.self) {
      try registry.export(ExportRequest(machines: ["m", "m"], path: fixture.path("c.ova")))
    }
  }
}

/// Descriptions that others wrote.
enum ApplianceSamples {
  static func foreign(disk: String) -> String {
    """
    <?xml version="1.0" encoding="UTF-8"?>
    <ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:r="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
      <ovf:References><ovf:File ovf:href="\(disk)" ovf:id="f1" ovf:size="1000"/></ovf:References>
      <ovf:DiskSection>
        <ovf:Info>disks</ovf:Info>
        <ovf:Disk ovf:capacity="16" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="d1" ovf:fileRef="f1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
        <ovf:Disk ovf:capacity="16" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="d2" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
      </ovf:DiskSection>
      <ovf:NetworkSection><ovf:Info>n</ovf:Info><ovf:Network ovf:name="VM Network"/></ovf:NetworkSection>
      <ovf:VirtualSystem ovf:id="vm">
        <ovf:Info>A virtual machine</ovf:Info>
        <ovf:Name>web_server</ovf:Name>
        <ovf:OperatingSystemSection ovf:id="94" vmw:osType="ubuntu64Guest"><ovf:Info>os</ovf:Info></ovf:OperatingSystemSection>
        <ovf:VirtualHardwareSection>
          <ovf:Info>hardware</ovf:Info>
          <ovf:System><vssd:VirtualSystemIdentifier>web_server</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>vmx-07</vssd:VirtualSystemType></ovf:System>
          <ovf:Item><r:InstanceID>1</r:InstanceID><r:ResourceType>3</r:ResourceType><r:VirtualQuantity>2</r:VirtualQuantity></ovf:Item>
          <ovf:Item><r:AllocationUnits>byte * 2^20</r:AllocationUnits><r:InstanceID>2</r:InstanceID><r:ResourceType>4</r:ResourceType><r:VirtualQuantity>2048</r:VirtualQuantity></ovf:Item>
          <ovf:Item><r:Address>0</r:Address><r:InstanceID>3</r:InstanceID><r:ResourceSubType>VirtualSCSI</r:ResourceSubType><r:ResourceType>6</r:ResourceType></ovf:Item>
          <ovf:Item><r:Address>1</r:Address><r:InstanceID>4</r:InstanceID><r:ResourceType>5</r:ResourceType></ovf:Item>
          <ovf:Item><r:AddressOnParent>0</r:AddressOnParent><r:HostResource>ovf:/disk/d1</r:HostResource><r:InstanceID>5</r:InstanceID><r:Parent>3</r:Parent><r:ResourceType>17</r:ResourceType></ovf:Item>
          <ovf:Item><r:AddressOnParent>1</r:AddressOnParent><r:HostResource>ovf:/disk/d2</r:HostResource><r:InstanceID>6</r:InstanceID><r:Parent>3</r:Parent><r:ResourceType>17</r:ResourceType></ovf:Item>
          <ovf:Item ovf:required="false"><r:AddressOnParent>0</r:AddressOnParent><r:InstanceID>7</r:InstanceID><r:Parent>4</r:Parent><r:ResourceSubType>vmware.cdrom.remotepassthrough</r:ResourceSubType><r:ResourceType>15</r:ResourceType></ovf:Item>
          <ovf:Item><r:AddressOnParent>7</r:AddressOnParent><r:AutomaticAllocation>true</r:AutomaticAllocation><r:Connection>VM Network</r:Connection><r:InstanceID>8</r:InstanceID><r:ResourceSubType>E1000</r:ResourceSubType><r:ResourceType>10</r:ResourceType></ovf:Item>
          <ovf:Item ovf:required="false"><r:InstanceID>9</r:InstanceID><r:ResourceSubType>vmware.vmci</r:ResourceSubType><r:ResourceType>1</r:ResourceType></ovf:Item>
        </ovf:VirtualHardwareSection>
      </ovf:VirtualSystem>
    </ovf:Envelope>
    """
  }
}
