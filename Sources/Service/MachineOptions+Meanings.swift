/// What each option means, for help texts, manual pages and completions: the spelling with dashes, what follows it, and a
/// sentence. What an option does with its values is in the other tables.
extension MachineOption {
  /// The usual name as it is spelt with dashes, without those in front.
  public var dashed: String { entry?.dashed ?? names[0] }
  private var entry: (dashed: String, values: String, meaning: String)? {
    names.lazy.compactMap { MachineOption.meanings[$0] }.first
  }
  /// What follows it, as `on|off` or `FILE`; empty for an option without values.
  public var values: String {
    if let values = entry?.values, !values.isEmpty { return values }
    switch effect {
    case .flag: return "on|off"
    case .number(_, _, let range, _): return "\(range.lowerBound)-\(range.upperBound)"
    case .word(_, _, let words):
      // A switch is written in many ways; one is enough.
      return words.first?.0 == "on" && words.count > 2 ? "on|off" : words.map(\.0).joined(separator: "|")
    case .text: return "TEXT"
    case .own(let count, _), .kept(let count): return Array(repeating: "VALUE", count: count).joined(separator: " ")
    }
  }
  /// What it is for.
  public var meaning: String { entry?.meaning ?? "" }

  private static let meanings: [String: (dashed: String, values: String, meaning: String)] = {
    var result: [String: (dashed: String, values: String, meaning: String)] = [:]
    for line in lines.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      let words = parts[0].split(separator: " ", maxSplits: 1).map(String.init)
      guard let name = words.first, parts.count > 1 else { continue }
      result[name.replacing("-", with: "")] = (
        name, words.count > 1 ? words[1] : "", String(parts[1].drop { $0 == " " })
      )
    }
    return result
  }()

  private static let lines = """
    name NAME: Name; folder and files that have the old one follow.
    groups /GROUP,...: Groups that lists show the machine in.
    description TEXT: A text for people.
    os-type TYPE: The guest system, one of list ostypes.
    hardware-uuid UUID: What the guest is told the machine's UUID is.
    snapshot-folder FOLDER|default: Where images and states of snapshots go.
    vm-process-priority default|flat|low|normal|high: Priority of the machine's process; kept.
    autostart-enabled on|off: Starts with the host.
    autostart-delay SECONDS: How long that waits.
    autostop-type disabled|savestate|poweroff|acpishutdown: What becomes of it when the host ends.
    default-frontend NAME: What startvm uses when nothing is said.
    memory: RAM in MB.
    page-fusion: Shares equal pages between machines; kept.
    guest-memory-balloon: MB that the guest gives back; kept.
    cpus: Virtual processors.
    cpu-execution-cap: Percents of a host processor that a virtual one may use; kept.
    cpu-hotplug: Processors come and go while the guest runs; kept.
    cpu-profile host|NAME: Which processor the guest sees; kept.
    cpuid-portability-level: How little of the host's processor shows; kept.
    pae: Physical address extension.
    long-mode: 64-bit mode of the processors.
    triple-fault-reset: A triple fault resets the machine.
    apic: Local interrupt controllers.
    x2apic: Their X2APIC mode.
    hwvirtex: The host's virtualization, which is not used.
    nested-paging: The host's nested paging, which is not used.
    large-pages: Large pages of the host; kept.
    vtx-vpid: Tagged translations of the host; kept.
    vtx-ux: Unrestricted guests of the host; kept.
    virt-vmsave-vmload: Of AMD's virtualization; kept.
    nested-hw-virt: Virtualization inside the guest; kept.
    ibpb-on-vm-exit: A barrier for branch prediction; kept.
    ibpb-on-vm-entry: A barrier for branch prediction; kept.
    spec-ctrl: Controls of speculation for the guest; kept.
    l1d-flush-on-sched: Flushes a cache of the host; kept.
    l1d-flush-on-vm-entry: Flushes a cache of the host; kept.
    mds-clear-on-sched: Clears buffers of the host; kept.
    mds-clear-on-vm-entry: Clears buffers of the host; kept.
    paravirt-provider: How the guest is told that it is one; kept.
    paravirt-debug KEY=VALUE,...: For developers; kept.
    chipset: The board.
    iommu: Translation of devices' addresses; kept.
    hpet: High-precision timer; kept.
    firmware: What starts the machine.
    acpi: Power management.
    ioapic: Interrupt controller for several processors.
    bios-apic: What the firmware makes of the local interrupt controllers; kept.
    bios-logo-fade-in: Of the firmware's picture; kept.
    bios-logo-fade-out: Of the firmware's picture; kept.
    bios-logo-display-time: Milliseconds of the firmware's picture; kept.
    bios-logo-image-path FILE: The firmware's picture; kept.
    bios-boot-menu: How the firmware offers devices to start from; kept.
    bios-system-time-offset MILLISECONDS: How far the guest's clock is from the host's; kept.
    bios-pxe-debug: Messages of the network's boot loader; kept.
    system-uuid-le: The order of bytes in the guest's UUID; kept.
    rtc-use-utc: The machine's clock shows UTC, not local time.
    boot none|floppy|dvd|disk|net: What the firmware tries at this place.
    tpm-type: A trusted platform module; kept.
    tpm-location LOCATION: Where that is; kept.
    vram: MB of the display adapter.
    monitor-count: Screens.
    accelerate-3d: Pictures by the host's graphics processor; kept.
    accelerate-2d-video: Films by the host's graphics processor; kept.
    graphicscontroller: The display adapter.
    recording on|off: Films the screen from the start on.
    recording-screens all|none|N,...: Which screens; they are one picture.
    recording-file FILE: Where the film goes.
    recording-video-res WIDTHxHEIGHT: Size of its picture.
    recording-video-rate KBPS: How much it may take.
    recording-video-fps N: Pictures a second.
    recording-max-time SECONDS: When it ends by itself; 0: it does not.
    recording-max-size MB: How large it becomes; 0: no limit.
    recording-opts TEXT: Options of the encoder; kept.
    vrde: A server of remote desktops; kept.
    vrde-port PORTS|default: Where it listens; kept.
    vrde-address ADDRESS: Where it listens; kept.
    vrde-property NAME=VALUE: Kept.
    vrde-auth-type: Who may connect; kept.
    vrde-auth-library NAME: Who says so; kept.
    vrde-multi-con: Several at once; kept.
    vrde-reuse-con: The next one takes over; kept.
    vrde-extpack NAME|default: What serves; kept.
    vrde-video-channel on|off: Films by a channel of their own; kept.
    vrde-video-channel-quality PERCENT: Of those films; kept.
    mouse: The pointing device.
    keyboard: The keyboard.
    audio-driver default|none|null|oss|alsa|pulse: Of the host; kept.
    audio DRIVER|none: The same, and whether there is sound at all; kept.
    audio-enabled: A sound card; kept.
    audio-controller: Which one; kept.
    audio-codec TEXT: Its codec; kept.
    audio-in: Recording; kept.
    audio-out: Playing; kept.
    clipboard-mode: Which way a shared clipboard goes; kept.
    clipboard-file-transfers: Files as well; kept.
    drag-and-drop: Which way; kept.
    usb-ohci on|off: A USB 1 controller; kept.
    usb-ehci on|off: A USB 2 controller; kept.
    usb-xhci on|off: A USB 3 controller; kept.
    usb-card-reader: A reader of smart cards; kept.
    usb-rename OLD NEW: Another name for a USB controller.
    iocache: A cache for disks; kept.
    iocache-size: Its MB; kept.
    nic none|null|nat|bridged|intnet|hostonly|hostonlynet|generic|natnetwork: What the cable of a card leads to.
    nic-type Am79C970A|Am79C973|82540EM|82543GC|82545EM|virtio: The card's model.
    mac-address auto|ADDRESS: Twelve hexadecimal digits.
    cable-connected on|off: The cable is in.
    nic-speed KBPS: What the card says its speed is; kept.
    nic-boot-prio 0-4: Which card the firmware tries first; kept.
    nic-promisc deny|allow-vms|allow-all: What it hears that is not for it.
    nic-trace on|off: What passes goes into a file.
    nic-trace-file FILE: That file, in the form of pcap.
    nic-bandwidth-group none|GROUP: With whom it shares a limit.
    nic-property NAME=VALUE: Of a generic driver.
    bridge-adapter INTERFACE: A tap or macvtap of the host.
    host-only-adapter INTERFACE: As vboxnet0.
    host-only-net NETWORK: One of hostonlynet.
    intnet NETWORK: Any name; machines with the same are together.
    nic-generic-drv UDPTunnel: The driver of a generic card.
    nat-network NETWORK: One of natnetwork.
    cloud-network NETWORK: Kept.
    nat-net CIDR|default: The guest's addresses.
    nat-bind-ip ADDRESS: Kept.
    nat-settings MTU,SOCKSND,SOCKRCV,TCPSND,TCPRCV: Kept.
    nat-pf RULE|delete NAME: A port of the host for the guest: NAME,tcp|udp,HOST,PORT,GUEST,PORT.
    nat-alias-mode default|log,proxyonly,sameports: Kept.
    nat-tftp-prefix FOLDER: What TFTP offers.
    nat-tftp-file FILE: What a booting guest asks it for.
    nat-tftp-server ADDRESS: Kept.
    nat-dns-pass-domain on|off: Kept.
    nat-dns-proxy on|off: Kept.
    nat-dns-host-resolver on|off: Kept.
    nat-localhostreachable on|off: The guest reaches the host's own loopback services.
    uart off|IOBASE IRQ: A serial port.
    uart-type 16450|16550A|16750: Its model; kept.
    uart-mode disconnected|file FILE|server PIPE|client PIPE|tcpserver PORT|tcpclient HOST:PORT: What is at its other end.
    lpt off|IOBASE IRQ: A parallel port; kept.
    lpt-mode DEVICE: What is at its other end; kept.
    tracing-enabled on|off: Kept.
    tracing-config TEXT: Kept.
    tracing-allow-vm-access on|off: Kept.
    guest-debug-provider none|native|gdb|kd: Kept.
    guest-debug-io-provider none|tcp|udp|ipc: Kept.
    guest-debug-address ADDRESS: Kept.
    guest-debug-port PORT: Kept.
    teleporter on|off: Waits for a machine that moves here; kept.
    teleporter-port PORT: Where; kept.
    teleporter-address ADDRESS: Where; kept.
    teleporter-password TEXT: Kept.
    teleporter-password-file FILE: Kept.
    icon-file FILE: A PNG image for lists; empty takes it away.
    cpuid-set LEAF[:SUBLEAF] EAX EBX ECX EDX: What CPUID says, in hexadecimal; kept.
    cpuid-remove LEAF[:SUBLEAF]: Takes that back.
    cpuid-remove-all: Takes all of that back.
    plug-cpu N: Kept.
    unplug-cpu N: Kept.
    pci-attach ADDRESS@ADDRESS: Kept.
    pci-detach ADDRESS: Kept.
    testing-enabled on|off: Kept.
    testing-mmio on|off: Kept.
    testing-cfg-dword N: Kept.
    fault-tolerance WORD: Kept.
    usb-webcam on|off: Kept.
    hda none|FILE|UUID: The disk at the first place of the IDE controller.
    hdb none|FILE|UUID: The disk at the second place.
    hdc none|FILE|UUID: The disk at the third place.
    hdd none|FILE|UUID: The disk at the fourth place.
    dvd none|FILE|UUID: The CD in the drive at the third place.
    floppy disabled|empty|FILE|UUID: The first floppy drive.
    sataport none|FILE|UUID: The disk at a port of the SATA controller.
    scsiport none|FILE|UUID: The disk at a port of the SCSI controller.
    sasport none|FILE|UUID: The disk at a port of the SAS controller.
    sata on|off: A SATA controller.
    scsi on|off: A SCSI controller.
    sas on|off: A SAS controller.
    idecontroller PIIX3|PIIX4|ICH6: The IDE controller's model.
    scsitype LsiLogic|BusLogic: The SCSI controller's model.
    sataportcount 1-30: Ports of the SATA controller.
    sataideemulation 1-30: Which port is at this place for old systems; kept.
    """
}
