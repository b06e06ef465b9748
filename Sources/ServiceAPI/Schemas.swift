import Service

extension Array where Element: Hashable {
  /// Each once, in the order of the first.
  var unique: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

/// The shapes that have names in the OpenAPI document.
enum Schemas {
  private static func member(_ name: String, _ schema: Schema, _ text: String) -> Schema.Property {
    Schema.member(name, schema, text)
  }
  private static func option(_ name: String, _ schema: Schema, _ text: String) -> Schema.Property {
    Schema.option(name, schema, text)
  }
  static let count = Schema.integer(0...Int64.max)

  static let all: [String: Schema] = own.merging(NetworkShape.all.map { ($0.id, $0.schema) }) { own, _ in own }
  private static let own: [String: Schema] = [
    "Failure": .object([member("error", .named("Error"), "Why.")]),
    "Error": .object([
      member("code", .text, "By which programs tell errors apart, as VBOX_E_OBJECT_NOT_FOUND."),
      member("number", count, "The same as a number."),
      member("text", .text, "A sentence for people."),
      member("interface", .text, "What the error is about, as IMachine."),
      member("details", .text, "The line that the command line prints below the sentence."),
    ]),
    "OSType": .word(OSType.all.flatMap { [$0.id, $0.text] }.unique),
    "State": .word(["poweroff", "saved", "aborted", "running", "paused", "saving", "starting", "stopping"]),
    "MachineSummary": .object(summary),
    "Machine": .object(summary + details),
    "Controller": .object([
      member("name", .text, "Unique in the machine."), member("type", .text, "As AHCI."),
      member("bus", .text, "As sata."), member("ports", count, "How many it has."),
      member("maximumPorts", count, "How many it can have."), member("devicesPerPort", count, "1 or 2."),
      member("bootable", .flag, "The firmware may start from it."),
      member("hostIOCache", .flag, "Kept, and shown."), member("drives", .list(.named("Drive")), "In use."),
    ]),
    "Drive": .object([
      member("port", count, "From 0."), member("device", count, "From 0."),
      member("kind", .word(["hdd", "dvddrive", "fdd"]), "What it takes."),
      member("medium", .optional(.uuid), "null: empty."), member("path", .optional(.text), "The medium's file."),
      member("type", .optional(.text), "The medium's type."),
      member("nonrotational", .flag, "A solid-state disk."), member("discard", .flag, "Gives space back."),
      member("hotPluggable", .flag, "May change while the machine runs."),
      member("temporaryEject", .flag, "Of a CD drive: what the guest ejects is in it again at the next start; kept."),
      member("passthrough", .flag, "Of a CD drive: the guest writes to the host's; kept."),
      member("bandwidthGroup", .optional(.text), "The group whose limit it shares."),
    ]),
    "Adapter": .object([
      member("number", .integer(1...8), "As in nic1."), member("enabled", .flag, "It is there."),
      member("type", .text, "As 82540EM."), member("attachment", .text, "As nat."),
      member("network", .text, "What it is attached to, where that has a name."),
      member("mac", .text, "Without colons."), member("cable", .flag, "Plugged in."),
      member("forwards", .list(.named("Forward")), "Of NAT."),
      member("promiscuous", .word(["deny", "allow-vms", "allow-all"]), "What it hears that is not for it."),
      member("trace", .optional(.text), "The file that gets what passes it; null: none does."),
    ]),
    "Forward": .object([
      member("name", .text, "Unique in the adapter."), member("protocol", .word(["tcp", "udp"]), "Of the port."),
      member("hostAddress", .text, "Empty: any."), member("hostPort", .integer(0...65535), "Where the host listens."),
      member("guestAddress", .text, "Empty: whatever the guest has."),
      member("guestPort", .integer(0...65535), "Where it leads to."),
      member("rule", .text, "As modifyvm --natpf takes it."),
    ]),
    "Loopback": .object([
      member("address", .text, "Of the host's own, as 127.0.0.1."),
      member("offset", count, "Where in the network, from its first address on."),
    ]),
    "Snapshot": .object([
      member("uuid", .uuid, "Unique."), member("name", .text, "As the user gave it."),
      member("description", .text, "By the user."), member("time", .text, "When it was taken."),
      member("parent", .optional(.uuid), "null: the first one."),
      member("current", .flag, "The current state comes from it."),
    ]),
    "MediumDetails": .object(
      medium + [
        member("description", .text, "By the user."), member("properties", .map(.text), "What is kept with it."),
        member("children", .list(.uuid), "Images that differ from it."),
      ]),
    "Medium": .object(medium),
    "ImportedSystem": .object([
      member("name", .text, "That the machine will have."), member("osType", .text, "Id of the guest system's type."),
      member("license", .text, "Empty: none."), member("description", .text, "By whoever made it."),
      member(
        "units",
        .list(
          .object([
            member("number", count, "By which wishes name it."), member("kind", .text, "As disk, network, memory."),
            member("original", .text, "What the appliance says."), member("value", .text, "What it becomes."),
            member("place", .text, "Where it is plugged in."), member("ignored", .flag, "It is left out."),
          ])), "Its pieces."),
    ]),
    "Task": .object([
      member("id", count, "Unique in the service's life."), member("title", .text, "What is done."),
      member("machine", .optional(.uuid), "For which machine."),
      member("state", .word(["running", "done", "failed", "cancelled"]), "How it stands."),
      member("percent", .integer(0...100), "How far it is."), member("cancellable", .flag, "It can be cancelled now."),
      member("result", .any, "What came out."),
      member("error", .optional(.named("Error")), "Why it failed."),
      member("started", count, "Milliseconds since 1970."),
      member("ended", .optional(count), "Milliseconds since 1970."),
    ]),
    "Event": .map(.any),
    "SharedFolder": .object([
      member("name", .text, "Unique in the machine."), member("path", .text, "Of the host."),
      member("writable", .flag, "The guest may change what is in it."),
      member("autoMount", .flag, "The guest's additions mount it by themselves."),
      member("mountPoint", .text, "Where they do; empty: where they like."),
      member("transient", .flag, "It goes when the machine's run ends."),
      member("linkPolicy", .text, "How far links in it may lead; empty: not said."),
    ]),
    "USBFilter": USBFilterAttribute.shape,
    "GuestProperty": .object([
      member("name", .text, "Unique in the machine."), member("value", .text, "A text."),
      member("flags", .list(.text), "As \(GuestProperty.knownFlags.joined(separator: ", "))."),
      member("time", .integer(Int64.min...Int64.max), "When it was set: milliseconds since 1970."),
    ]),
    "BandwidthGroup": .object([
      member("name", .text, "Unique in the machine."), member("type", .word(["Disk", "Network"]), "Of its devices."),
      member("limit", count, "Bytes a second; 0: none."),
    ]),
    "HostOnlyInterface": .object([
      member("name", .text, "As vboxnet0."), member("uuid", .uuid, "Unique."),
      member("network", .text, "The name of its network."), member("mac", .text, "With colons."),
      member("address", .text, "Of the host, with dots."), member("mask", .text, "With dots."),
      member("address6", .text, "Of IPv6; empty: none."), member("prefix6", .integer(0...128), "Bits of its network."),
      member("dhcp", .flag, "The host asks a server for its address."),
      member("forwards", .list(.text), "tcp|udp:HOST-IP:PORT-GUEST-IP:PORT"),
      member("services", .flag, "Machines reach services on the host's loopback address."),
    ]),
    "MachineOption": .object([
      member("name", .text, "Without dashes."), member("aliases", .list(.text), "Other names."),
      member("numbered", .flag, "A number follows the name."), member("first", count, "The lowest number."),
      member("last", count, "The highest number."), member("values", count, "How many values follow."),
    ]),
  ]

  private static let medium: [Schema.Property] = [
    member("uuid", .uuid, "Unique."), member("kind", .word(["disk", "dvd", "floppy"]), "What it fits into."),
    member("path", .text, "Its file."), member("format", .text, "As VDI."), member("type", .text, "As Normal."),
    member("parent", .optional(.uuid), "What it differs from."), member("accessible", .flag, "The file is there."),
    member("capacity", count, "Bytes."), member("sizeOnDisk", count, "Bytes."),
    member(
      "users", .list(.object([member("uuid", .uuid, "Of a machine."), member("name", .text, "Of a machine.")])),
      "Machines."),
    member("autoReset", .flag, "It forgets what was written when the machine is switched on."),
  ]
  private static let summary: [Schema.Property] = [
    member("uuid", .uuid, "Unique."), member("name", .text, "Unique among a user's machines."),
    member("settingsFile", .text, "The .vbox file."), member("accessible", .flag, "The file can be read."),
    option("accessError", .text, "Why it cannot."), option("state", .named("State"), "What the machine does."),
    option("since", .text, "When that began."), option("groups", .list(.text), "Slashes and names."),
    option("osType", .text, "Id of the guest system's type."),
    option("osDescription", .text, "The same for people."), option("memory", count, "MiB."),
    option("cpus", count, "Virtual processors."), option("snapshots", count, "How many there are."),
  ]
  private static let details: [Schema.Property] = [
    option("description", .text, "By the user."), option("folder", .text, "The machine's folder."),
    option("logFolder", .text, "Its logs."), option("snapshotFolder", .text, "Its snapshots' images."),
    option("hardware", .map(.either([.text, .number, .flag])), "Settings by the names of modifyvm's options."),
    option("controllers", .list(.named("Controller")), "Of storage."),
    option("adapters", .list(.named("Adapter")), "Network cards, all eight."),
    option(
      "serialPorts",
      .list(
        .object([
          member("number", .integer(1...4), "As in uart1."), member("enabled", .flag, "It is there."),
          member("mode", .text, "Where it leads to."), member("path", .text, "File, port or pipe."),
        ])), "All four."),
    option("currentSnapshot", .optional(.uuid), "null: none."),
    option("process", .optional(count), "The running machine's process."),
  ]
}
