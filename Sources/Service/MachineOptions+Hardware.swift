import DiskImages
import Foundation
import SettingsFiles

extension MachineOption {
  private static let boot = ["none": "None", "floppy": "Floppy", "dvd": "DVD", "disk": "HardDisk", "net": "Network"]

  static let general: [MachineOption] = [
    MachineOption(
      "name", nil,
      .own(1) { change, values throws(ServiceError) in
        try change.registry.rename(&change.settings, to: values[0])
      }),
    MachineOption(
      "groups", nil,
      .own(1) { change, values throws(ServiceError) in
        let groups = values[0].split(separator: ",").map(String.init)
        guard groups.allSatisfy({ $0.hasPrefix("/") }) else { throw change.refuse(values[0]) }
        for group in groups { try Names.check(group, "a group") }
        change.settings.setGroups(groups)
      }),
    MachineOption(
      "description", nil,
      .own(1) { change, values throws(ServiceError) in
        change.settings.machine.remove("Description")
        guard !values[0].isEmpty else { return }
        var element = SettingsElement("Description")
        element.children = [.text(values[0])]
        change.settings.machine.insert(element)
      }),
    MachineOption(
      "ostype", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let type = OSType.named(values[0]) else {
          throw ServiceError(.invalidArgument, "Guest OS type '\(values[0])' is invalid", .registry)
        }
        change.settings.machine["OSType"] = type.id
      }),
    MachineOption(
      "hardwareuuid", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let uuid = DiskUUID(values[0]) else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Hardware"], "uuid", "{\(uuid)}")
      }),
    MachineOption(
      "snapshotfolder", nil,
      .own(1) { change, values throws(ServiceError) in
        let isUsual = values[0] == "default" || values[0].isEmpty
        change.settings.machine["snapshotFolder"] = isUsual ? "Snapshots" : values[0]
      }),
    MachineOption(
      "vmprocesspriority vmprocpriority", nil,
      .own(1) { change, values throws(ServiceError) in
        let words = ["default": "Default", "flat": "Flat", "low": "Low", "normal": "Normal", "high": "High"]
        guard let word = words[values[0].lowercased()] else { throw change.refuse(values[0]) }
        change.settings.machine["processPriority"] = word == "Default" ? nil : word
      }),
    MachineOption(
      "autostartenabled", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Autostart"], "enabled", flag ? "true" : "false")
      }),
    MachineOption(
      "autostartdelay", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let seconds = UInt32(values[0]) else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Autostart"], "delay", "\(seconds)")
      }),
    MachineOption(
      "autostoptype", nil,
      .own(1) { change, values throws(ServiceError) in
        let type = AutostopType.allCases.first { $0.rawValue.lowercased() == values[0].lowercased() }
        guard let type else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Autostart"], "autostop", type.rawValue)
      }),
    MachineOption("defaultfrontend", nil, .text(["Frontend", "Default"], "type")),
  ]

  static let processor: [MachineOption] = [
    MachineOption("memory", nil, .number(["Memory"], "RAMSize", 4...2_097_152, default: nil)),
    MachineOption("pagefusion", nil, .flag(["Memory"], "PageFusion", default: false)),
    MachineOption("guestmemoryballoon", nil, .number(["Guest"], "memoryBalloonSize", 0...2_097_152, default: 0)),
    MachineOption("cpus", nil, .number(["CPU"], "count", 1...64, default: 1)),
    MachineOption("cpuexecutioncap", nil, .number(["CPU"], "executionCap", 1...100, default: 100)),
    MachineOption("cpuhotplug", nil, .flag(["CPU"], "hotplug", default: false)),
    MachineOption("cpuprofile", nil, .text(["CPU"], "CpuProfile")),
    MachineOption("cpuidportabilitylevel", nil, .number(["CPU"], "CpuIdPortabilityLevel", 0...3, default: 0)),
    MachineOption("pae", nil, .word(["CPU", "PAE"], "enabled", switchWords)),
    MachineOption("longmode", nil, .word(["CPU", "LongMode"], "enabled", switchWords)),
    MachineOption("triplefaultreset", nil, .flag(["CPU", "TripleFaultReset"], "enabled", default: false)),
    MachineOption("apic", nil, .flag(["CPU", "APIC"], "enabled", default: true)),
    MachineOption("x2apic", nil, .word(["CPU", "X2APIC"], "enabled", switchWords)),
    MachineOption("hwvirtex", nil, .flag(["CPU", "HardwareVirtEx"], "enabled", default: true)),
    MachineOption("nestedpaging", nil, .flag(["CPU", "HardwareVirtExNestedPaging"], "enabled", default: true)),
    MachineOption("largepages", nil, .word(["CPU", "HardwareVirtExLargePages"], "enabled", switchWords)),
    MachineOption("vtxvpid", nil, .flag(["CPU", "HardwareVirtExVPID"], "enabled", default: true)),
    MachineOption("vtxux", nil, .flag(["CPU", "HardwareVirtExUX"], "enabled", default: true)),
    MachineOption("virtvmsavevmload", nil, .flag(["CPU", "HardwareVirtExVirtVmsaveVmload"], "enabled", default: true)),
    MachineOption("nestedhwvirt", nil, .flag(["CPU", "NestedHWVirt"], "enabled", default: false)),
    MachineOption("ibpbonvmexit", nil, .flag(["CPU", "IBPBOn"], "vmexit", default: false)),
    MachineOption("ibpbonvmentry", nil, .flag(["CPU", "IBPBOn"], "vmentry", default: false)),
    MachineOption("specctrl", nil, .flag(["CPU", "SpecCtrl"], "enabled", default: false)),
    MachineOption("l1dflushonsched", nil, .flag(["CPU", "L1DFlushOn"], "scheduling", default: true)),
    MachineOption("l1dflushonvmentry l1dflushonvmexit", nil, .flag(["CPU", "L1DFlushOn"], "vmentry", default: false)),
    MachineOption("mdsclearonsched", nil, .flag(["CPU", "MDSClearOn"], "scheduling", default: true)),
    MachineOption("mdsclearonvmentry", nil, .flag(["CPU", "MDSClearOn"], "vmentry", default: false)),
    MachineOption(
      "paravirtprovider", nil,
      .word(
        ["Paravirt"], "provider",
        [
          ("none", "None"), ("default", "Default"), ("legacy", "Legacy"), ("minimal", "Minimal"), ("hyperv", "HyperV"),
          ("kvm", "KVM"),
        ])),
    MachineOption("paravirtdebug", nil, .text(["Paravirt"], "debug")),
    MachineOption("chipset", nil, .word(["Chipset"], "type", [("piix3", nil), ("ich9", "ICH9")])),
    MachineOption(
      "iommu", nil,
      .word(["Iommu"], "type", [("none", nil), ("automatic", "Automatic"), ("amd", "AMD"), ("intel", "Intel")])),
    MachineOption("hpet", nil, .flag(["HPET"], "enabled", default: false)),
    MachineOption(
      "firmware", nil,
      .word(
        ["Firmware"], "type",
        [("bios", nil), ("efi", "EFI"), ("efi32", "EFI32"), ("efi64", "EFI64"), ("efidual", "EFIDUAL")])),
    MachineOption("acpi", nil, .word(["BIOS", "ACPI"], "enabled", switchWords)),
    MachineOption("ioapic", nil, .word(["BIOS", "IOAPIC"], "enabled", switchWords)),
    MachineOption(
      "biosapic", nil,
      .word(["BIOS", "APIC"], "mode", [("disabled", "Disabled"), ("apic", "APIC"), ("x2apic", "X2APIC")])),
    MachineOption("bioslogofadein", nil, .word(["BIOS", "Logo"], "fadeIn", switchWords)),
    MachineOption("bioslogofadeout", nil, .word(["BIOS", "Logo"], "fadeOut", switchWords)),
    MachineOption("bioslogodisplaytime", nil, .number(["BIOS", "Logo"], "displayTime", 0...60_000, default: nil)),
    MachineOption("bioslogoimagepath", nil, .text(["BIOS", "Logo"], "imagePath")),
    MachineOption(
      "biosbootmenu", nil,
      .word(
        ["BIOS", "BootMenu"], "mode",
        [("disabled", "Disabled"), ("menuonly", "MenuOnly"), ("messageandmenu", "MessageAndMenu")])),
    MachineOption(
      "biossystemtimeoffset", nil, .number(["BIOS", "TimeOffset"], "value", -(1 << 52)...(1 << 52), default: nil)),
    MachineOption("biospxedebug", nil, .flag(["BIOS", "PXEDebug"], "enabled", default: false)),
    MachineOption("systemuuidle", nil, .word(["BIOS", "SmbiosUuidLittleEndian"], "enabled", switchWords)),
    MachineOption("rtcuseutc", nil, .word(["RTC"], "localOrUTC", [("on", "UTC"), ("off", nil)])),
    MachineOption(
      "boot", 1...4,
      .own(1) { change, values throws(ServiceError) in
        guard let device = boot[values[0].lowercased()] else { throw change.refuse(values[0]) }
        let order = change.settings.bootOrder, number = change.number
        change.settings.machine.change(path: ["Hardware", "Boot"]) { element in
          element.remove("Order")
          for position in 1...4 {
            element.insert(
              SettingsElement(
                "Order",
                [("position", "\(position)"), ("device", position == number ? device : order[position - 1])]))
          }
        }
      }),
    MachineOption(
      "tpmtype", nil,
      .word(
        ["TrustedPlatformModule"], "type",
        [("none", nil), ("1.2", "v1_2"), ("2.0", "v2_0"), ("host", "Host"), ("swtpm", "Swtpm")])),
    MachineOption("tpmlocation", nil, .text(["TrustedPlatformModule"], "location")),
  ]
  /// For switches that are always written.
  static let switchWords: [(String, String?)] = [
    ("on", "true"), ("off", "false"), ("yes", "true"), ("no", "false"), ("true", "true"), ("false", "false"),
    ("1", "true"), ("0", "false"), ("enable", "true"), ("disable", "false"), ("enabled", "true"), ("disabled", "false"),
  ]

  static let display: [MachineOption] = [
    MachineOption("vram", nil, .number(["Display"], "VRAMSize", 0...256, default: nil)),
    MachineOption("monitorcount", nil, .number(["Display"], "monitorCount", 1...64, default: 1)),
    MachineOption("accelerate3d", nil, .flag(["Display"], "accelerate3D", default: false)),
    MachineOption("accelerate2dvideo", nil, .flag(["Display"], "accelerate2DVideo", default: false)),
    MachineOption(
      "graphicscontroller", nil,
      .word(
        ["Display"], "controller",
        [("none", "None"), ("vboxvga", nil), ("vmsvga", "VMSVGA"), ("vboxsvga", "VBoxSVGA")])),
    MachineOption(
      "recording videocap", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Recording"], "enabled", flag ? "true" : nil)
      }),
    MachineOption(
      "recordingscreens videocapscreens", nil,
      .own(1) { change, values throws(ServiceError) in
        // All monitors are one picture: it is recorded, or it is not.
        let words = values[0].split(separator: ",").map(String.init)
        let isKnown = ["all", "none"].contains(values[0]) || !words.isEmpty && words.allSatisfy { UInt8($0) != nil }
        guard isKnown else { throw change.refuse(values[0]) }
        let isOn = values[0] == "all" || words.contains("0")
        change.settings.setRecordedScreen("enabled", isOn ? "true" : "false")
      }),
    MachineOption(
      "recordingfile videocapfile", nil,
      .own(1) { change, values in change.settings.setRecordedScreen("file", values[0].isEmpty ? nil : values[0]) }),
    MachineOption(
      "recordingvideores videocapres", nil,
      .own(1) { change, values throws(ServiceError) in
        let sides = values[0].lowercased().split(separator: "x").compactMap { Int($0) }
        guard sides.count == 2, sides.allSatisfy({ (16...4096).contains($0) }) else { throw change.refuse(values[0]) }
        change.settings.setRecordedScreen("horzRes", "\(sides[0])")
        change.settings.setRecordedScreen("vertRes", "\(sides[1])")
      }),
    MachineOption("recordingvideorate videocaprate", nil, screen("rateKbps", 1...100_000, default: 512)),
    MachineOption("recordingvideofps videocapfps", nil, screen("fps", 1...60, default: 25)),
    MachineOption("recordingmaxtime videocapmaxtime", nil, screen("maxTimeS", 0...31_536_000, default: 0)),
    MachineOption("recordingmaxsize videocapmaxsize", nil, screen("maxSizeMB", 0...1_048_576, default: 0)),
    MachineOption(
      "recordingopts recordingoptions videocapopts", nil,
      .own(1) { change, values in change.settings.setRecordedScreen("options", values[0].isEmpty ? nil : values[0]) }),
    MachineOption("vrde vrdp", nil, .flag(["RemoteDisplay"], "enabled", default: false)),
    MachineOption(
      "vrdeport vrdpport", nil,
      .own(1) { change, values throws(ServiceError) in
        setProperty(&change, "TCP/Ports", values[0] == "default" ? "0" : values[0])
      }),
    MachineOption(
      "vrdeaddress vrdpaddress", nil,
      .own(1) { change, values throws(ServiceError) in
        setProperty(&change, "TCP/Address", values[0])
      }),
    MachineOption(
      "vrdeproperty", nil,
      .own(1) { change, values throws(ServiceError) in
        let parts = values[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else { throw change.refuse(values[0]) }
        setProperty(&change, parts[0], parts[1])
      }),
    MachineOption(
      "vrdeauthtype vrdpauthtype", nil,
      .word(["RemoteDisplay"], "authType", [("null", nil), ("external", "External"), ("guest", "Guest")])),
    MachineOption("vrdeauthlibrary", nil, .text(["RemoteDisplay"], "authLibrary")),
    MachineOption("vrdemulticon vrdpmulticon", nil, .flag(["RemoteDisplay"], "allowMultiConnection", default: false)),
    MachineOption("vrdereusecon vrdpreusecon", nil, .flag(["RemoteDisplay"], "reuseSingleConnection", default: false)),
    MachineOption("vrdeextpack", nil, .text(["RemoteDisplay"], "VRDEExtPack")),
    MachineOption(
      "vrdevideochannel vrdpvideochannel", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
        setProperty(&change, "VideoChannel/Enabled", flag ? "true" : "false")
      }),
    MachineOption(
      "vrdevideochannelquality vrdpvideochannelquality", nil,
      .own(1) { change, values throws(ServiceError) in
        guard let percent = Int(values[0]), (0...100).contains(percent) else { throw change.refuse(values[0]) }
        setProperty(&change, "VideoChannel/Quality", "\(percent)")
      }),
  ]
  /// A number of the screen that is recorded.
  private static func screen(_ attribute: String, _ range: ClosedRange<Int>, default usual: Int) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      guard let number = Int(values[0]), range.contains(number) else {
        throw ServiceError(
          .invalidArgument,
          "Invalid \(change.name): \(values[0]) (must be in range [\(range.lowerBound), \(range.upperBound)])")
      }
      change.settings.setRecordedScreen(attribute, number == usual ? nil : "\(number)")
    }
  }
  /// A property of the remote display; empty takes it away.
  private static func setProperty(_ change: inout Change, _ name: String, _ value: String) {
    change.settings.machine.change(path: ["Hardware", "RemoteDisplay", "VRDEProperties"]) { list in
      list.remove("Property") { $0["name"] == name }
      if !value.isEmpty { list.insert(SettingsElement("Property", [("name", name), ("value", value)])) }
    }
  }

  static let devices: [MachineOption] = [
    MachineOption(
      "mouse", nil,
      .word(
        ["HID"], "Pointing",
        [
          ("none", "None"), ("ps2", nil), ("usb", "USBMouse"), ("usbtablet", "USBTablet"),
          ("usbmultitouch", "USBMultiTouch"), ("usbmtscreenpluspad", "USBMTScreenPlusPad"),
        ])),
    MachineOption(
      "keyboard", nil, .word(["HID"], "Keyboard", [("none", "None"), ("ps2", nil), ("usb", "USBKeyboard")])),
    MachineOption(
      "audiodriver", nil,
      .own(1) { change, values throws(ServiceError) in
        try setAudioDriver(&change, values[0])
      }),
    // The old option: a driver, or none at all.
    MachineOption(
      "audio", nil,
      .own(1) { change, values throws(ServiceError) in
        let isOff = values[0].lowercased() == "none"
        change.set(["AudioAdapter"], "enabled", isOff ? nil : "true")
        if !isOff { try setAudioDriver(&change, values[0]) }
      }),
    MachineOption("audioenabled", nil, .flag(["AudioAdapter"], "enabled", default: false)),
    MachineOption(
      "audiocontroller", nil,
      .word(["AudioAdapter"], "controller", [("ac97", nil), ("hda", "HDA"), ("sb16", "SB16")])),
    MachineOption("audiocodec", nil, .text(["AudioAdapter"], "codec")),
    MachineOption("audioin", nil, .flag(["AudioAdapter"], "enabledIn", default: false)),
    MachineOption("audioout", nil, .flag(["AudioAdapter"], "enabledOut", default: false)),
    MachineOption(
      "clipboardmode clipboard", nil,
      .word(
        ["Clipboard"], "mode",
        [
          ("disabled", nil), ("hosttoguest", "HostToGuest"), ("guesttohost", "GuestToHost"),
          ("bidirectional", "Bidirectional"),
        ])),
    MachineOption("clipboardfiletransfers", nil, .flag(["Clipboard"], "fileTransfersEnabled", default: false)),
    MachineOption(
      "draganddrop", nil,
      .word(
        ["DragAndDrop"], "mode",
        [
          ("disabled", nil), ("hosttoguest", "HostToGuest"), ("guesttohost", "GuestToHost"),
          ("bidirectional", "Bidirectional"),
        ])),
    MachineOption(
      "usb usbohci", nil, .own(1) { change, values throws(ServiceError) in try setUSB(&change, "OHCI", values[0]) }),
    MachineOption(
      "usbehci", nil, .own(1) { change, values throws(ServiceError) in try setUSB(&change, "EHCI", values[0]) }),
    MachineOption(
      "usbxhci", nil, .own(1) { change, values throws(ServiceError) in try setUSB(&change, "xHCI", values[0]) }),
    MachineOption("usbcardreader", nil, .flag(["EmulatedUSB", "CardReader"], "enabled", default: false)),
    MachineOption("iocache", nil, .flag(["IO", "IoCache"], "enabled", default: true)),
    MachineOption("iocachesize", nil, .number(["IO", "IoCache"], "size", 0...4096, default: 5)),
  ]
  private static func setAudioDriver(_ change: inout Change, _ value: String) throws(ServiceError) {
    let names = [
      "none": "Null", "null": "Null", "oss": "OSS", "alsa": "ALSA", "pulse": "Pulse", "dsound": "DirectSound",
      "was": "WAS", "coreaudio": "CoreAudio",
    ]
    let isUsual = value.lowercased() == "default"
    guard let driver = isUsual ? "Null" : names[value.lowercased()] else { throw change.refuse(value) }
    change.set(["AudioAdapter"], "useDefault", isUsual ? "true" : nil)
    change.set(["AudioAdapter"], "driver", driver)
  }
  /// A USB controller's name is what other settings call it by.
  static func renameUSB(_ change: inout Change, _ values: [String]) throws(ServiceError) {
    let path = ["Hardware", "USB", "Controllers"]
    let names = change.settings.machine.descendant(path)?.elements.compactMap { $0["name"] } ?? []
    guard names.contains(values[0]) else {
      throw ServiceError(.objectNotFound, "Could not find a USB controller named '\(values[0])'")
    }
    guard !values[1].isEmpty, !names.contains(values[1]) else { throw change.refuse(values[1]) }
    change.settings.machine.change(path: path) { list in
      list.changeAll("Controller") { if $0["name"] == values[0] { $0["name"] = values[1] } }
    }
  }
  private static func setUSB(_ change: inout Change, _ type: String, _ value: String) throws(ServiceError) {
    guard let flag = MachineOption.flag(value) else { throw change.refuse(value) }
    change.settings.machine.change(path: ["Hardware", "USB", "Controllers"]) { list in
      list.remove("Controller") { $0["type"]?.lowercased() == type.lowercased() }
      if flag {
        list.insert(SettingsElement("Controller", [("name", type), ("type", type == "xHCI" ? "XHCI" : type)]))
      }
    }
  }
}

/// What becomes of a machine that has started with the host when the host ends.
public enum AutostopType: String, CaseIterable, Sendable {
  case disabled = "Disabled"
  case saveState = "SaveState"
  case powerOff = "PowerOff"
  case acpiShutdown = "AcpiShutdown"
}
