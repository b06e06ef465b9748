import Base
import Foundation
import TestSupport
import Testing

/// Clones, appliances, networks: as Vagrant, Packer and others call them and read the answers.
@Suite("verbs of the field", .serialized) struct ApplianceCommandTests {
  private let machines: KeptMachines
  private var folder: TemporaryFolder { machines.folder }
  init() throws { machines = try KeptMachines() }

  /// A machine with a disk and no sign of anything.
  private func machine(_ name: String) throws {
    _ = try machines.output(["createvm", "--name", name, "--ostype", "Debian_64", "--register"])
    _ = try machines.output(["createmedium", "--filename", folder.name("\(name).vdi"), "--size", "4"])
    _ = try machines.output(["storagectl", name, "--name", "SATA", "--add", "sata"])
    _ = try machines.output([
      "storageattach", name, "--storagectl", "SATA", "--port", "0", "--type", "hdd", "--medium",
      folder.name("\(name).vdi"),
    ])
  }
  private func errors(_ words: [String], status: Int32) throws -> String {
    let result = try machines.manage(words)
    #expect(result.status == status, "\(words): \(result)")
    return result.errors
  }

  // MARK: Vagrant

  @Test func aBoxIsImportedAsVagrantDoesIt() throws {
    try machine("m")
    #expect(
      try machines.output(["export", "m", "--output", folder.name("box.ovf")])
        == "Successfully exported 1 machine(s).\n")
    #expect(folder.text("box.ovf").firstMatch(of: /<Adapter slot="0".+?MACAddress="(.+?)"/) != nil)
    let dry = try machines.manage(["import", "-n", folder.name("box.ovf")])
    #expect(dry.status == 0 && dry.errors == "Interpreting \(folder.name("box.ovf"))...\nOK.\n")
    let name = try #require(dry.output.firstMatch(of: /Suggested VM name "(.+?)"/)).1
    let file = try #require(dry.output.firstMatch(of: /Suggested VM settings file name "(.+?)"/)).1
    #expect(name == "m_1" && file == "\(folder.name("VirtualBox VMs"))/m_1/m_1.vbox")
    let disk = try #require(dry.output.firstMatch(of: /(\d+): Hard disk image: source image=.+, target path=(.+),/))
    #expect(disk.2 == "\(folder.name("VirtualBox VMs"))/m_1/box-disk001.vmdk")
    #expect(dry.output.hasPrefix("Disks:\n  vmdisk1\t4194304\t-1\t"))
    let wanted = folder.name("VirtualBox VMs/box_1_2/box-disk001.vmdk")
    let result = try machines.manage([
      "import", folder.name("box.ovf"), "--vsys", "0", "--vmname", "box_1_2", "--vsys", "0", "--unit", String(disk.1),
      "--disk", wanted,
    ])
    #expect(result.status == 0 && result.output.hasSuffix("Successfully imported the appliance.\n"))
    // Vagrant reads the progress of the lines behind "OK.".
    #expect(result.errors.contains("OK.\n0%...10%...") && result.errors.hasSuffix("100%\n"))
    #expect(!result.errors.contains("error:"))
    #expect(try machines.info("box_1_2", "\"SATA-0-0\"") == wanted)
    #expect(try machines.info("box_1_2", "VMState") == "poweroff")
    _ = try machines.output(["modifyvm", "box_1_2", "--name", "renamed"])
    #expect(try machines.info("renamed", "\"SATA-0-0\"") == folder.name("VirtualBox VMs/renamed/box-disk001.vmdk"))
    _ = try machines.output(["unregistervm", "renamed", "--delete"])
    #expect(!FileManager.default.fileExists(atPath: folder.name("VirtualBox VMs/renamed")))
    // A target that is there already is no success.
    #expect(try errors(["export", "m", "--output", folder.name("box.ovf")], status: 1).contains("VBOX_E_FILE_ERROR"))
  }
  @Test func linkedClonesAreMadeAsVagrantMakesThem() throws {
    try machine("master")
    _ = try machines.output(["snapshot", "master", "take", "base"])
    let text = try machines.output([
      "clonevm", "master", "--register", "--name", "temp_clone_1", "--snapshot", "base", "--options", "link",
    ])
    #expect(text == "Machine has been successfully cloned as \"temp_clone_1\"\n")
    let disk = try #require(try machines.info("temp_clone_1", "\"SATA-0-0\""))
    #expect(disk.hasPrefix(folder.name("VirtualBox VMs/temp_clone_1/Snapshots/{")))
    #expect(
      try errors(["clonevm", "master", "--options", "link"], status: 1).contains("can only be created from a snapshot"))
    #expect(try errors(["clonevm", "master", "--mode", "half"], status: 2).contains("half"))
    #expect(try errors(["snapshot", "master", "delete", "base"], status: 1).contains("VBOX_E_OBJECT_IN_USE"))
    // A linked disk is copied with what lies below it.
    _ = try machines.output(["clonemedium", disk, folder.name("copy.vdi")])
    _ = try machines.output(["unregistervm", "temp_clone_1", "--delete-all"])
    _ = try machines.output(["unregistervm", "master", "--delete"])
    #expect(!FileManager.default.fileExists(atPath: folder.name("VirtualBox VMs/master")))
  }
  @Test func hostOnlyInterfacesAreAsVagrantReadsThem() throws {
    #expect(try machines.output(["list", "hostonlyifs"]) == "")
    #expect(try machines.output(["hostonlyif", "create"]) == "Interface 'vboxnet0' was successfully created\n")
    _ = try machines.output(["hostonlyif", "ipconfig", "vboxnet0", "--ip", "192.168.60.1", "--netmask", "255.255.0.0"])
    #expect(
      try machines.output(["list", "hostonlyifs"]) == """
        Name:            vboxnet0
        GUID:            786f6276-656e-4074-8000-0a0027000000
        DHCP:            Disabled
        IPAddress:       192.168.60.1
        NetworkMask:     255.255.0.0
        IPV6Address:     \("")
        IPV6NetworkMaskPrefixLength: 0
        HardwareAddress: 0a:00:27:00:00:00
        MediumType:      Ethernet
        Wireless:        No
        Status:          Up
        VBoxNetworkName: HostInterfaceNetworking-vboxnet0


        """)
    #expect(try machines.output(["hostonlyif", "create"]).contains("vboxnet1"))
    _ = try machines.output(["hostonlyif", "remove", "vboxnet0"])
    #expect(try machines.output(["list", "hostonlyifs"]).contains("vboxnet0") == false)
    #expect(try errors(["hostonlyif", "remove", "vboxnet7"], status: 1).contains("vboxnet7"))
  }
  @Test func dhcpServersAreAsVagrantReadsThem() throws {
    let words = ["--ip", "10.0.9.2", "--netmask", "255.255.255.0", "--lowerip", "10.0.9.3", "--upperip", "10.0.9.254"]
    _ = try machines.output(["dhcpserver", "remove", "--netname", "HostInterfaceNetworking-vboxnet0"])
    _ = try machines.output(["dhcpserver", "add", "--ifname", "vboxnet1"] + words + ["--enable"])
    let text = try machines.output(["list", "dhcpservers"])
    #expect(
      text.hasPrefix(
        "NetworkName:    HostInterfaceNetworking-vboxnet1\nDhcpd IP:       10.0.9.2\nLowerIPAddress: 10.0.9.3\n"
          + "UpperIPAddress: 10.0.9.254\nNetworkMask:    255.255.255.0\nEnabled:        Yes\n"))
    // Vagrant compares the whole of standard error.
    #expect(
      try errors(["dhcpserver", "add", "--ifname", "vboxnet1"] + words, status: 2)
        == "VBoxManage: error: DHCP server already exists\n")
    #expect(
      try errors(["dhcpserver", "remove", "--ifname", "x"], status: 2)
        == "VBoxManage: error: DHCP server does not exist\n")
    _ = try machines.output(["dhcpserver", "modify", "--ifname", "vboxnet1", "--disable"])
    #expect(try machines.output(["list", "dhcpservers"]).contains("Enabled:        No\n"))
    // Groups.
    _ = try machines.output([
      "dhcpserver", "modify", "--ifname", "vboxnet1", "--group=boot", "--incl-vendor-wild=PXE*",
      "--excl-mac=08:00:27:00:00:02", "--set-opt", "67", "boot.efi", "--default-lease-time=99",
    ])
    let group = "Group:                boot\n    include vendorClassIDWildcard: PXE*\n    exclude MAC: 080027000002\n"
    #expect(try machines.output(["list", "dhcpservers"]).contains(group))
    _ = try machines.output([
      "dhcpserver", "modify", "--ifname", "vboxnet1", "--group=boot", "--del-mac=080027000002", "--group=other",
      "--remove-config",
    ])
    let changed = try machines.output(["list", "dhcpservers"])
    #expect(changed.contains("include vendorClassIDWildcard: PXE*\n") && !changed.contains("exclude MAC"))
    #expect(!changed.contains("other"))
    #expect(try errors(["dhcpserver", "modify", "--ifname", "vboxnet1", "--incl-mac=080027000002"], status: 2) != "")
  }
  @Test func interfacesOfTheHostAreListed() throws {
    let text = try machines.output(["list", "bridgedifs"])
    let names = try FileManager.default.contentsOfDirectory(atPath: "/sys/class/net")
    for block in text.components(separatedBy: "\n\n") where !block.isEmpty {
      let labels = block.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
      #expect(
        labels == [
          "Name", "GUID", "DHCP", "IPAddress", "NetworkMask", "IPV6Address", "IPV6NetworkMaskPrefixLength",
          "HardwareAddress", "MediumType", "Wireless", "Status", "VBoxNetworkName",
        ])
      let name = try #require(block.split(separator: "\n").first?.dropFirst("Name:            ".count))
      #expect(names.contains(String(name)) && block.hasSuffix("HostInterfaceNetworking-\(name)"))
    }
    #expect(!text.contains("Name:            lo\n"))
    let json = try JSON(parsing: try machines.output(["list", "bridgedifs", "--json"]))
    #expect(json.array?.count == text.components(separatedBy: "Name:            ").count - 1)
  }
  @Test func natNetworksAreAsBOSHReadsThem() throws {
    _ = try machines.output(["natnetwork", "add", "--netname", "n", "--network", "10.5.0.0/24", "--dhcp", "on"])
    _ = try machines.output([
      "natnetwork", "modify", "--netname", "n", "--port-forward-4", "ssh:tcp:[]:2222:[10.5.0.4]:22",
    ])
    let text = try machines.output(["list", "--long", "natnetworks"])
    #expect(text.contains("Name:         n\nEnabled:      Yes\nNetwork:      10.5.0.0/24\nGateway:      10.5.0.1\n"))
    #expect(text.contains("        ssh:tcp:[]:2222:[10.5.0.4]:22\n"))
    _ = try machines.output(["natnetwork", "modify", "--netname", "n", "--port-forward-4", "delete", "ssh"])
    #expect(try machines.output(["natnetwork", "list"]).hasSuffix("1 network found\n"))
    #expect(
      try errors(["natnetwork", "add", "--netname", "n", "--network", "1.0.0.0/8"], status: 2).contains("exists"))
    #expect(
      try errors(["natnetwork", "add", "--netname", "o", "--network", "nonsense"], status: 2).contains("nonsense"))
    _ = try machines.output(["natnetwork", "remove", "--netname", "n"])
    #expect(try machines.output(["list", "natnets"]) == "")
    _ = try machines.output(["hostonlynet", "add", "--name", "h", "--netmask", "255.255.255.0"])
    #expect(try machines.output(["list", "hostonlynets"]).contains("VBoxNetworkName: hostonly-h\n"))
    _ = try machines.output(["hostonlynet", "remove", "--name", "h"])
  }

  // MARK: The rest

  @Test func bandwidthGroupsAreKept() throws {
    try machine("m")
    _ = try machines.output(["bandwidthctl", "m", "add", "Limit", "--type", "disk", "--limit", "20M"])
    #expect(
      try machines.output(["bandwidthctl", "m", "list"])
        == "#0: Name: 'Limit', Type: Disk, Limit: 20 mbytes/sec (20971520 bytes/sec)\n")
    #expect(
      try errors(["bandwidthctl", "m", "add", "Limit", "--type", "disk", "--limit", "1"], status: 1).contains("exists"))
    _ = try machines.output(["bandwidthctl", "m", "set", "Limit", "--limit", "8k"])
    #expect(
      try machines.output(["bandwidthctl", "m", "list", "--machinereadable"]) == "BandwidthGroup0=Limit,Disk,1000\n")
    _ = try machines.output(["bandwidthctl", "m", "remove", "Limit"])
    #expect(try errors(["bandwidthctl", "m", "set", "Limit", "--limit", "1"], status: 1).contains("NOT_FOUND"))
  }
  @Test func bytesOfAMediumAreShown() throws {
    try folder.write("raw.img", Array("hello".utf8) + [UInt8](repeating: 0, count: 1019))
    _ = try machines.output(["convertfromraw", folder.name("raw.img"), folder.name("d.vdi")])
    #expect(
      try machines.output(["mediumio", "--disk", folder.name("d.vdi"), "cat", "--size", "5"]) == "hello")
    #expect(
      try machines.output(["mediumio", "--disk", folder.name("d.vdi"), "cat", "--hex", "--offset", "1", "--size", "4"])
        == "0000000000000001: 65 6c 6c 6f                                     ello\n")
    _ = try machines.output([
      "mediumio", "--disk", folder.name("d.vdi"), "stream", "--format", "VMDK", "--variant", "Stream", "--output",
      folder.name("s.vmdk"),
    ])
    _ = try machines.output(["mediumio", "--disk", folder.name("s.vmdk"), "cat", "--output", folder.name("back.img")])
    #expect(folder.bytes("back.img") == folder.bytes("raw.img"))
    #expect(
      try errors(["mediumio", "--disk", folder.name("d.vdi"), "cat", "--offset", "9999"], status: 1).contains("1024"))
  }
  @Test("a FAT file system is made over the whole disk", arguments: [(1, 12), (3, 12), (5, 16), (300, 16), (600, 32)])
  func formatted(megabytes: Int, bits: Int) throws {
    let disk = folder.name("d.vdi"), raw = folder.name("d.img")
    _ = try machines.output(["createmedium", "--filename", disk, "--size", "\(megabytes)"])
    _ = try machines.output(["mediumio", "--disk", disk, "formatfat", "--quick"])
    _ = try machines.output(["mediumio", "--disk", disk, "cat", "--output", raw])
    let check = try RingboxProgram.run(["-n", "-v", raw], program: "/usr/sbin/fsck.fat")
    #expect(check.status == 0 && check.output.contains("2 FATs, \(bits) bit entries"), "\(check.output)")
  }
  @Test func whatOthersDifferFromIsNotFormatted() throws {
    let base = folder.name("base.vdi"), child = folder.name("child.vdi")
    _ = try machines.output(["createmedium", "--filename", base, "--size", "1"])
    _ = try machines.output(["createmedium", "--diffparent", base, "--filename", child])
    for path in [base, child] { _ = try machines.output(["mediumproperty", "set", path, "k", "v"]) }
    let before = folder.bytes("base.vdi")
    #expect(try errors(["mediumio", "--disk", base, "formatfat"], status: 1).contains("child"))
    let isSame = folder.bytes("base.vdi") == before
    #expect(isSame)
    #expect(try errors(["mediumio", "--disk", folder.name("none"), "formatfat"], status: 1).contains("none"))
  }
  @Test func aFloppyIsFormatted() throws {
    let path = try folder.write("f.img", [UInt8](repeating: 0x55, count: 1_474_560))
    _ = try machines.output(["mediumio", "--floppy", path, "formatfat"])
    let check = try RingboxProgram.run(["-n", "-v", path], program: "/usr/sbin/fsck.fat")
    #expect(check.status == 0 && check.output.contains("2 FATs, 12 bit entries"), "\(check.output)")
    try folder.write("hello.txt", Array("hello".utf8))
    #expect(
      try RingboxProgram.run(["-i", path, folder.name("hello.txt"), "::/HELLO.TXT"], program: "/usr/bin/mcopy").status
        == 0)
    #expect(try RingboxProgram.run(["-i", path, "::/HELLO.TXT"], program: "/usr/bin/mtype").output == "hello")
    #expect(try errors(["mediumio", "--dvd", path, "formatfat"], status: 1).contains("DVD"))
  }
  @Test func figuresOfTheHostAreShown() throws {
    #expect(try machines.output(["metrics", "list", "host"]).contains("RAM/Usage/Total"))
    let query = try machines.output(["metrics", "query", "host", "RAM/*"])
    #expect(query.contains("RAM/Usage/Free") && !query.contains("CPU/Load"))
    _ = try machines.output(["metrics", "setup", "--period", "1", "--samples", "1", "host"])
  }
  @Test func aFolderOfAnApplianceMustBeWhole() throws {
    try machine("m")
    _ = try machines.output(["export", "m", "-o", folder.name("a.ova"), "--manifest", "--ovf20"])
    var bytes = folder.bytes("a.ova")
    bytes.removeLast(bytes.count / 2)
    try folder.write("b.ova", bytes)
    let text = try errors(["import", folder.name("b.ova")], status: 1)
    #expect(text.contains("cut short") && text.contains("VBOX_E_FILE_ERROR"))
    #expect(
      try errors(["import", folder.name("a.ova"), "--vmname", "x"], status: 2).contains("requires preceding --vsys"))
    #expect(try errors(["import", folder.name("a.ova"), "--vsys", "3", "--vmname", "x"], status: 1).contains("only 1"))
    #expect(try errors(["export", "m"], status: 2).contains("--output"))
    let json = try JSON(parsing: try machines.output(["import", folder.name("a.ova"), "--json"]))
    #expect(json.array?.first?["name"]?.string == "m_1")
  }

  // MARK: Completions and manual

  /// What completions offer is what the parser takes.
  @Test func completionsOfferWhatIsUnderstood() throws {
    let fish = try machines.output(["completions", "fish"])
    var checked = 0
    for line in fish.split(separator: "\n") {
      guard let match = line.firstMatch(of: /complete -c ringbox -n '__fish_seen_subcommand_from ([a-z-]+).*' -l (\S+)/)
      else { continue }
      let verb = String(match.1)
      // Those of the table of modifyvm are made of the parser's own rows, and run's are many.
      guard !["modifyvm", "run"].contains(verb) else { continue }
      let result = try machines.manage([verb, "--\(match.2)"])
      #expect(!result.errors.contains("Unknown option"), "\(verb) --\(match.2): \(result.errors)")
      checked += 1
    }
    #expect(checked > 100)
  }
  @Test func completionsAreScriptsOfTheirShells() throws {
    try folder.write("c.bash", Array(try machines.output(["completions", "bash"]).utf8))
    let script = """
      . '\(folder.name("c.bash"))'
      COMP_WORDS=(ringbox clonevm x --sn); COMP_CWORD=3; _ringbox; echo "${COMPREPLY[@]}"
      COMP_WORDS=(ringbox unreg); COMP_CWORD=1; _ringbox; echo "${COMPREPLY[@]}"
      COMP_WORDS=(ringbox snapshot x rest); COMP_CWORD=3; _ringbox; echo "${COMPREPLY[@]}"
      COMP_WORDS=(ringbox modifyvm x --natdnsp); COMP_CWORD=3; _ringbox; echo "${COMPREPLY[0]}"
      """
    let shell = Process(), pipe = Pipe()
    shell.executableURL = URL(fileURLWithPath: "/bin/bash")
    shell.arguments = ["-c", script]
    shell.standardOutput = pipe
    try shell.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    #expect(output == "--snapshot\nunregistervm\nrestore restorecurrent\n--natdnspassdomain1\n")
    #expect(try machines.output(["completions", "zsh"]).hasPrefix("#compdef ringbox"))
  }
  @Test func everyVerbHasAManualPage() throws {
    _ = try machines.output(["man", "--folder", folder.name("man")])
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder.name("man"))
    #expect(pages.contains("ringbox.1") && pages.contains("ringbox-import.1") && pages.contains("ringbox-run.1"))
    #expect(folder.text("man/ringbox-modifyvm.1").contains("\\-\\-nat\\-pf<1\\-36>"))
    #expect(folder.text("man/ringbox.1").contains("ringbox\\-VERB(1)"))
    for page in pages { #expect(folder.text("man/\(page)").hasPrefix(".TH RINGBOX"), "\(page)") }
  }
}
