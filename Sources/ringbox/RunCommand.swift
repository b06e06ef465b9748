import ArgumentParser
import Base

/// `ringbox run`: one virtual machine, until it ends.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Starts a virtual machine and stays until it ends.",
    discussion: """
      Exit status: 0 the guest switched itself off, 1 failure, 2 wrong usage, 3 reset (--exit-on reset), \
      4 triple fault (--exit-on), 5 ended by Ctrl-A x or the control channel, 7 saved by the control channel, 128+N \
      ended by signal N.
      """)

  @Option(help: "Name of the machine.") var name = "ringbox"
  @Option(help: ArgumentHelp("RAM, such as 512M or 2G.", valueName: "size")) var memory = "256M"
  @Option(help: ArgumentHelp("Number of processors, 1 to 64.", valueName: "number")) var cpus = "1"
  @Option(
    help: ArgumentHelp("Processor profile and features, such as x86-64-v3,-avx2; see list-cpus.", valueName: "profile"))
  var cpu = "host"
  @Option(help: ArgumentHelp("Linux kernel (bzImage) or Multiboot kernel to start directly.", valueName: "file"))
  var kernel: String?
  @Option(help: ArgumentHelp("Initial RAM disk of the kernel.", valueName: "file")) var initrd: String?
  @Option(parsing: .unconditional, help: ArgumentHelp("Command line of the kernel.", valueName: "text"))
  var append: String?
  @Option(
    help: ArgumentHelp(
      "Disk image: PATH[,if=ide|virtio|scsi|sata|nvme|lsilogic|lsilogicsas|buslogic]"
        + "[,format=raw|vdi|vmdk|vhd|qcow2][,cache=writeback|writethrough|none|unsafe][,readonly][,snapshot]. Repeatable.",
      valueName: "disk"))
  var disk: [String] = []
  @Option(
    help: ArgumentHelp(
      "CD-ROM image: FILE[,if=ide|sata|lsilogic|lsilogicsas|buslogic]. Repeatable.", valueName: "file"))
  var cdrom: [String] = []
  @Option(help: ArgumentHelp("Floppy image. Repeatable.", valueName: "file")) var floppy: [String] = []
  @Option(
    help: ArgumentHelp(
      "Network card: nat, intnet, udp or null, with settings such as nat,model=e1000,hostfwd=tcp::2222-:22. Up to "
        + "eight.", valueName: "card"))
  var nic: [String] = []
  @Flag(help: "Forget what the guest writes to disks.") var snapshot = false
  @Option(
    help: ArgumentHelp("Drives to boot from, in this order: c disk, d CD-ROM, a floppy, n network.", valueName: "order")
  )
  var boot = "cdan"
  @Option(help: ArgumentHelp("Firmware image instead of SeaBIOS.", valueName: "file")) var firmware: String?
  @Option(
    help: ArgumentHelp(
      "Serial port: stdio, file:PATH, tcp:PORT, pty, control or none. Up to four. Default: the first is stdio, "
        + "unless --text is given.", valueName: "where"))
  var serial: [String] = []
  @Option(help: ArgumentHelp("Debug console (port 402h): stdio, file:PATH, control or none.", valueName: "where"))
  var debugcon = "none"
  @Option(
    help: ArgumentHelp(
      "Display adapter: vga, vboxvga, vboxsvga or vmsvga, then ,memory=SIZE and ,monitors=N.", valueName: "adapter"))
  var graphics = "vga"
  @Option(
    help: ArgumentHelp(
      "Pointing device: ps2, or absolute, a PS/2 mouse with VMware's absolute pointer behind it.", valueName: "kind"))
  var mouse = "ps2"
  @Option(help: ArgumentHelp("Execution engine.", valueName: "engine")) var engine = "recompiler"
  @Flag(help: "Compare the recompiler with the interpreter all the time, and stop where they disagree; slow.")
  var verifyExecution = false
  @OptionGroup(title: "Running the same way twice") var determinism: DeterminismOptions

  @Option(help: ArgumentHelp("Clock of the machine: utc or localtime.", valueName: "base")) var rtc = "utc"
  @Option(help: ArgumentHelp("Write the display as PNG at the end and on SIGUSR1.", valueName: "file"))
  var screenshot: String?
  @Option(
    help: ArgumentHelp(
      "Viewers by VNC: ADDRESS:PORT or unix:PATH, then ,password=TEXT or ,password-file=FILE.", valueName: "where"))
  var vnc: String?
  @Flag(help: "Show the text screen in this terminal.") var text = false
  @Option(help: ArgumentHelp("Display: none or text.", valueName: "kind")) var display: String?
  @Option(
    help: ArgumentHelp("What ends the machine: shutdown (always), reset, triple-fault. Repeatable.", valueName: "event")
  )
  var exitOn: [String] = []
  @Flag(help: "End with a line of JSON on standard output.") var json = false
  @Option(help: ArgumentHelp("Control channel: unix:PATH.", valueName: "where")) var control: String?

  @Option(
    help: ArgumentHelp(
      "Go on from the state in this file, which the control channel's save-state wrote; the other options as then.",
      valueName: "file"))
  var restore: String?

  @OptionGroup(title: "Looking at the guest's code") var inspection: InspectionOptions

  func run() throws { throw try Launcher().run(try options()) }

  /// What `ringbox-vm` reads: the machine, and what this process does around it.
  private func options() throws -> JSON {
    let shown = try OptionValues.choice(display ?? (text ? "text" : "none"), among: ["none", "text"], "--display")
    if text, shown == "none" { throw Failure.usage("--text and --display none contradict each other") }
    let isText = shown == "text"
    let ports = try serialPorts(isText: isText)
    let debug = try OptionValues.endpoint(
      debugcon, option: "--debugcon", kinds: ["stdio", "file", "control", "none"])
    if isText, debug == "stdio" { throw Failure.usage("--text needs the terminal that --debugcon stdio writes to") }
    var options: JSON = [
      "machine": try machine(),
      "serial": .array(ports.map { .string($0) }), "debugConsole": .string(debug), "text": .bool(isText),
      "statusLine": .bool(json), "inspection": try inspection.json(),
    ]
    if let screenshot { options.set("screenshot", .string(screenshot)) }
    if let vnc { options.set("vnc", try OptionValues.vnc(vnc)) }
    if let restore { options.set("restore", .string(restore)) }
    if let control { options.set("control", .string(try OptionValues.control(control))) }
    return options
  }

  private func serialPorts(isText: Bool) throws -> [String] {
    let kinds = ["stdio", "file", "tcp", "pty", "control", "none"]
    var ports: [String] = []
    for text in serial { ports.append(try OptionValues.endpoint(text, option: "--serial", kinds: kinds)) }
    guard ports.count <= 4 else { throw Failure.usage("--serial: there are 4 ports, not \(ports.count)") }
    if ports.isEmpty { ports = [isText ? "control" : "stdio"] }
    let users = ports.filter { $0 == "stdio" }.count
    if users > 1 { throw Failure.usage("--serial: only one port can have stdio") }
    if users == 1, isText { throw Failure.usage("--text needs the terminal that --serial stdio uses") }
    return ports
  }

  private func machine() throws -> JSON {
    let engines = ["recompiler", "interpreter", "verified"]
    if verifyExecution || engine == "verified", inspection.watchesExecution {
      throw Failure.usage(
        "--verify-execution executes everything twice: not with --profile-guest, --coverage, --perf-map")
    }
    if verifyExecution, engine == "interpreter" {
      throw Failure.usage("--verify-execution compares the recompiler: not with --engine interpreter")
    }
    var exits: Set<String> = []
    for event in exitOn {
      for word in event.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
        exits.insert(
          try OptionValues.choice(word, among: ["shutdown", "reset", "triple-fault"], "--exit-on: event"))
      }
    }
    var conditions: [JSON] = []
    if exits.contains("reset") { conditions.append("reset") }
    if exits.contains("triple-fault") { conditions.append("tripleFault") }
    if initrd != nil, kernel == nil { throw Failure.usage("--initrd needs --kernel") }
    if nic.count > 8 { throw Failure.usage("--nic: a machine has at most 8 network cards, not \(nic.count)") }
    if append != nil, kernel == nil { throw Failure.usage("--append needs --kernel") }
    func paths(_ list: [String]) -> JSON { .array(list.map { .string($0) }) }
    func path(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    return [
      "name": .string(name), "memory": .integer(try OptionValues.memory(memory)),
      "cpus": .integer(try OptionValues.cpus(cpus)), "cpu": .string(cpu),
      "bootOrder": .string(try OptionValues.bootOrder(boot)), "firmware": path(firmware), "kernel": path(kernel),
      "initrd": path(initrd), "append": .string(append ?? ""),
      "disks": .array(try disk.map { try OptionValues.disk($0, snapshot: snapshot) }),
      "cdroms": .array(try cdrom.map { try OptionValues.cdrom($0) }),
      "floppies": paths(floppy), "network": .array(try nic.map { try NetworkOption.parse($0) }),
      "graphics": try OptionValues.graphics(graphics),
      "mouse": .string(try OptionValues.choice(mouse, among: ["ps2", "absolute"], "--mouse")),
      "exitOn": .array(conditions),
      "engine": .string(verifyExecution ? "verified" : try OptionValues.choice(engine, among: engines, "--engine")),
      "clockBase": .string(try OptionValues.choice(rtc, among: ["utc", "localtime"], "--rtc")),
      "deterministicSeed": try determinism.seed(), "instructionLimit": try determinism.limit(),
    ]
  }
}
