import SettingsFiles

/// Settings of a machine that have no effect on its run, a line each for its log: whoever set them shall find out why nothing
/// came of it.
enum IdleSettings {
  /// What is set differently from what a machine is like anyway.
  static func remarks(_ settings: MachineSettings) -> [String] {
    let hardware = settings.hardware
    func isOn(_ path: [String]) -> Bool { settings.flag(path, default: false) }
    func isThere(_ path: [String]) -> Bool { hardware.descendant(path)?.elements.isEmpty == false }
    let cap = settings.number(["CPU"], "executionCap", default: 100)
    let offset = settings.number(["BIOS", "TimeOffset"], "value", default: 0)
    let profile = settings.word(["CPU"], "CpuProfile", default: "host")
    let balloon = settings.number(["Guest"], "memoryBalloonSize", default: 0)
    let chipset = settings.word(["Chipset"], "type", default: "PIIX3")
    let all: [(isSet: Bool, text: String)] = [
      (cap != 100, "the processors' execution cap of \(cap)%"),
      (profile != "host", "the processor profile '\(profile)' (the extra data Ringbox/CPU chooses one)"),
      (settings.flag(["CPU"], "hotplug", default: false), "hot-plugging of processors"),
      (isThere(["CPU", "CpuIdTree"]), "overridden leaves of CPUID"),
      (isOn(["CPU", "NestedHWVirt"]), "nested virtualization"),
      (chipset != "PIIX3", "the chipset \(chipset): the machine has a PIIX3"),
      (settings.word(["Iommu"], "type", default: "None") != "None", "the IOMMU"),
      (hardware.child("TrustedPlatformModule")?["type"] != nil, "the TPM"),
      (offset != 0, "the time offset of \(offset) ms"),
      (!settings.flag(["BIOS", "ACPI"], default: true), "ACPI off: the machine has it"),
      (settings.flag(["Memory"], "PageFusion", default: false), "page fusion"),
      (balloon != 0, "the memory balloon of \(balloon) MB"),
      (settings.flag(["Display"], "accelerate3D", default: false), "3D acceleration"),
      (isOn(["AudioAdapter"]), "audio"), (isThere(["USB", "Controllers"]), "USB controllers"),
      (isThere(["USB", "DeviceFilters"]), "filters of USB devices"),
      (isOn(["RemoteDisplay"]), "VRDE: viewers use VNC on the machine's display socket"),
      (isThere(["SharedFolders"]), "shared folders: there are no guest additions"),
      (hardware.child("Clipboard")?["mode"] != nil, "the shared clipboard"),
      (hardware.child("DragAndDrop")?["mode"] != nil, "drag and drop"),
      (hardware.child("LPT")?.elements.contains { $0.bool("enabled") == true } == true, "parallel ports"),
      (settings.machine.child("Teleporter")?.bool("enabled") == true, "teleporting"),
      (settings.machine.child("Debugging") != nil, "tracing and debugging"),
      (settings.machine["processPriority"] != nil, "the priority of the process"),
    ]
    return (all.filter(\.isSet).map(\.text) + cards(settings)).map { "no effect: \($0)" }
  }

  private static func cards(_ settings: MachineSettings) -> [String] {
    (0..<settings.cardCount).flatMap { slot -> [String] in
      guard let adapter = settings.slot("Network", "Adapter", slot), adapter.bool("enabled") == true,
        let nat = adapter.child("NAT")
      else { return [] }
      let all: [(isSet: Bool, text: String)] = [
        (nat["hostip"]?.isEmpty == false, "the NAT's address on the host"),
        (nat.child("DNS")?.attributes.isEmpty == false, "the NAT's DNS options"),
        (nat.child("Alias") != nil, "the NAT's alias mode"),
        (["mtu", "socksnd", "sockrcv", "tcpsnd", "tcprcv"].contains { nat[$0] != nil }, "the NAT's buffers and MTU"),
        (nat.child("TFTP")?["next-server"] != nil, "the NAT's TFTP server"),
      ]
      return all.filter(\.isSet).map { "network card \(slot + 1): \($0.text)" }
    }
  }
}
