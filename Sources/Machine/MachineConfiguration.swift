import Base
import Devices
import DiskImages
import Execution
import HostSystem

/// All that makes up a machine: a plain value that can be written down as JSON and checked before anything is created.
public struct MachineConfiguration: Equatable, Sendable {
  /// Where the bytes of a serial port go.
  public enum SerialPort: Equatable, Sendable {
    /// There is no port.
    case none
    /// To the front end's standard output, by `MachineEvent.serialOutput`.
    case stdio
    /// Into a file, which is created or emptied.
    case file(String)
    /// By `MachineEvent.serialOutput`; the front end listens on this TCP port of the loopback address.
    case tcp(UInt16)
    /// By `MachineEvent.serialOutput`; the front end opens a pseudo terminal.
    case pty
    /// By `MachineEvent.serialOutput`; the front end listens on this socket path.
    case unix(String)
  }
  /// What ends the machine, besides power-off, instead of being carried out.
  public struct ExitConditions: Equatable, Sendable {
    public var reset = false
    public var tripleFault = false
    public init(reset: Bool = false, tripleFault: Bool = false) {
      self.reset = reset
      self.tripleFault = tripleFault
    }
  }
  /// What the real-time clock shows at power-on.
  public enum ClockBase: String, Sendable, CaseIterable {
    case utc, localtime
    /// Seconds to add to UTC. Taken once, at power-on: a guest that keeps local time moves its clock for summer by
    /// itself.
    var wallOffset: Int64 {
      self == .utc ? 0 : HostClock.localOffset(at: HostClock.wallNanoseconds / 1_000_000_000)
    }
  }

  /// What points.
  public enum Mouse: String, Sendable, CaseIterable {
    /// A PS/2 mouse.
    case ps2
    /// The same, and VMware's absolute pointer behind it for guests that have a driver.
    case absolute
  }

  public var name = "ringbox"
  /// Bytes of RAM, a multiple of 1 MiB up to 1 TiB.
  public var memory: UInt64 = 256 << 20
  /// Processors, 1 to `maximumProcessors`.
  public var cpus = 1
  /// `PROFILE[,+feature|-feature...]`.
  public var cpu = "host"
  /// Letters: a floppy, c disk, d CD-ROM, n network.
  public var bootOrder = "cda"
  /// nil: SeaBIOS of the package seabios.
  public var firmware: String?
  /// Path of a Linux or Multiboot kernel to start directly; nil: firmware boots.
  public var kernel: String?
  /// Path of the initial RAM disk.
  public var initrd: String?
  /// Command line of the kernel.
  public var append = ""
  /// Hard disks, in the order the guest sees them.
  public var disks: [Disk] = []
  /// CD-ROM drives.
  public var cdroms: [CDROM] = []
  /// Ports of the AHCI controller, which is there even if nothing is plugged in; 0: as many as there are drives for.
  public var sataPorts = 0
  /// Paths of floppy images, at most two.
  public var floppies: [String] = []
  /// Network cards, at most `maximumNetworkCards`, in the order the guest sees them.
  public var network: [NetworkCard] = []
  /// Up to four ports.
  public var serial: [SerialPort] = [.stdio]
  /// nil: no debug console output.
  public var debugConsole: SerialPort = .none
  /// The display adapter.
  public var graphics = Graphics()
  /// The pointing device.
  public var mouse = Mouse.ps2
  /// What ends the machine besides power-off.
  public var exitOn = ExitConditions()
  /// One of `engines`.
  public var engine = "recompiler"
  /// Time and turns of the processors follow from this number; nil: time is the host's, and processors run at once.
  public var deterministicSeed: UInt64?
  /// A deterministic machine stops after so many instructions; nil: it does not.
  public var instructionLimit: Int64?
  /// What SMBIOS says of it.
  public var identity = MachineIdentity()
  /// UTC or the host's local time.
  public var clockBase = ClockBase.utc

  public init() {}

  /// Names of the engines there are.
  public static let engines = ProcessorEngine.allCases.map(\.rawValue)
  /// The most processors of a machine.
  public static let maximumProcessors = 64
  /// The most network cards of a machine.
  public static let maximumNetworkCards = 8
  private static let memoryLimits: ClosedRange<UInt64> = (1 << 20)...(1 << 40)

  /// The first thing that cannot be, if any. Looks at no file.
  public func validate() throws(MachineError) {
    func refuse(_ text: String) throws(MachineError) { throw MachineError(.configuration, text) }
    if memory & 0xfffff != 0 || !MachineConfiguration.memoryLimits.contains(memory) {
      try refuse("memory must be a whole number of MiB from 1 MiB to 1 TiB, not \(memory) bytes")
    }
    if !(1...MachineConfiguration.maximumProcessors).contains(cpus) {
      try refuse("number of CPUs must be 1 to \(MachineConfiguration.maximumProcessors), not \(cpus)")
    }
    for letter in bootOrder where !"acdn".contains(letter) {
      try refuse("boot order '\(bootOrder)': '\(letter)' is none of a (floppy), c (disk), d (CD-ROM), n (network)")
    }
    try graphics.validate()
    if serial.count > 4 { try refuse("at most 4 serial ports, not \(serial.count)") }
    let ideDrives = disks.filter { $0.interface == .ide }.count + cdroms.filter { $0.interface == .ide }.count
    if ideDrives > 4 { try refuse("at most 4 IDE disks and CD-ROM drives, not \(ideDrives); use virtio disks") }
    let ports = disks.filter { $0.interface == .sata }.count + cdroms.filter { $0.interface == .sata }.count
    if ports > AHCI.maximumPorts { try refuse("at most \(AHCI.maximumPorts) SATA drives, not \(ports)") }
    try validatePorts()
    let perDisk = disks.filter { $0.interface == .virtio || $0.interface == .nvme }.count
    if perDisk > 16 { try refuse("at most 16 virtio and NVMe disks") }
    if disks.filter({ $0.interface == .scsi }).count > 64 { try refuse("at most 64 SCSI disks") }
    let lsiLogic = drives(.lsilogic, .lsilogic), sas = drives(.lsilogicsas, .lsilogicsas)
    let busLogic = drives(.buslogic, .buslogic)
    if max(lsiLogic, busLogic) > 15 { try refuse("at most 15 drives on a parallel SCSI bus") }
    if sas > FusionMPT.maximumPhys { try refuse("at most \(FusionMPT.maximumPhys) SAS drives, not \(sas)") }
    if busLogic > 0, perDisk > 15 { try refuse("with a BusLogic adapter, at most 15 virtio and NVMe disks") }
    if floppies.count > 2 { try refuse("at most 2 floppy drives, not \(floppies.count)") }
    if network.count > MachineConfiguration.maximumNetworkCards {
      try refuse("at most \(MachineConfiguration.maximumNetworkCards) network cards, not \(network.count)")
    }
    let addresses = network.compactMap { $0.mac?.bytes }
    if Set(addresses).count < addresses.count { try refuse("two network cards have the same MAC address") }
    if deterministicSeed == nil && instructionLimit != nil {
      try refuse("only a deterministic machine counts its instructions")
    }
    if deterministicSeed != nil && !network.isEmpty {
      try refuse("a deterministic machine has no network cards: what comes from a network follows from no seed")
    }
    if initrd != nil && kernel == nil { try refuse("an initrd needs a kernel (--kernel)") }
    if !append.isEmpty && kernel == nil { try refuse("a kernel command line needs a kernel (--kernel)") }
    if !MachineConfiguration.engines.contains(engine) {
      let hint = NearestMatch.find(engine, among: MachineConfiguration.engines).map { "; did you mean '\($0)'?" } ?? ""
      try refuse("unknown engine '\(engine)'\(hint)")
    }
  }

  /// Drives on a controller that takes both kinds.
  private func drives(_ disk: DiskInterface, _ cdrom: CDROMInterface) -> Int {
    disks.filter { $0.interface == disk }.count + cdroms.filter { $0.interface == cdrom }.count
  }
}

// MARK: JSON

extension MachineConfiguration {
  /// Reads a configuration; members that are absent keep their defaults, unknown ones are refused.
  public init(json: JSON) throws(MachineError) {
    self.init()
    guard let members = json.members else { throw MachineError(.configuration, "a configuration is a JSON object") }
    for member in members { try read(JSONField(member.key, member.value)) }
    try validate()
  }

  private mutating func read(_ field: JSONField) throws(MachineError) {
    switch field.name {
    case "name": name = try field.string()
    case "memory": memory = UInt64(try field.integer(in: 0...Int64.max))
    case "cpus": cpus = Int(try field.integer(in: 0...4096))
    case "cpu": cpu = try field.string()
    case "bootOrder": bootOrder = try field.string()
    case "firmware": firmware = try field.optionalString()
    case "kernel": kernel = try field.optionalString()
    case "initrd": initrd = try field.optionalString()
    case "append": append = try field.string()
    case "disks":
      disks = try field.list { item throws(MachineError) in try Disk(item) }
    case "cdroms": cdroms = try field.list { item throws(MachineError) in try CDROM(item) }
    case "sataPorts": sataPorts = Int(try field.integer(in: 0...Int64(AHCI.maximumPorts)))
    case "floppies": floppies = try field.list { item throws(MachineError) in try item.string() }
    case "network": network = try field.list { item throws(MachineError) in try NetworkCard(item) }
    case "serial": serial = try field.list { item throws(MachineError) in try SerialPort(item) }
    case "debugConsole": debugConsole = try SerialPort(field)
    case "exitOn":
      exitOn = ExitConditions()
      for word in try field.list({ item throws(MachineError) in try item.string() }) {
        switch word {
        case "reset": exitOn.reset = true
        case "tripleFault": exitOn.tripleFault = true
        default: throw MachineError(.configuration, "exitOn: unknown condition '\(word)'")
        }
      }
    case "graphics": graphics = try Graphics(field)
    case "identity": identity = try MachineIdentity(field)
    case "mouse": mouse = try field.choice()
    case "engine": engine = try field.string()
    case "clockBase": clockBase = try field.choice()
    case "deterministicSeed": deterministicSeed = try field.seed()
    case "instructionLimit":
      instructionLimit = field.value == .null ? nil : try field.integer(in: 1...Int64.max)
    default:
      let known = MachineConfiguration().json.members?.map(\.key) ?? []
      let hint = NearestMatch.find(field.name, among: known).map { "; did you mean '\($0)'?" } ?? ""
      throw MachineError(.configuration, "unknown member '\(field.name)'\(hint)")
    }
  }

  /// The form in which one program hands it to another; `init(json:)` reads it.
  public var json: JSON {
    var exits: [JSON] = []
    if exitOn.reset { exits.append(.string("reset")) }
    if exitOn.tripleFault { exits.append(.string("tripleFault")) }
    func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
    return .object([
      "name": .string(name), "memory": .integer(Int64(clamping: memory)), "cpus": .integer(Int64(cpus)),
      "cpu": .string(cpu), "bootOrder": .string(bootOrder), "firmware": text(firmware), "kernel": text(kernel),
      "initrd": text(initrd), "append": .string(append), "disks": .array(disks.map(\.json)),
      "cdroms": .array(cdroms.map(\.json)), "sataPorts": .integer(Int64(sataPorts)),
      "floppies": .array(floppies.map { .string($0) }),
      "network": .array(network.map(\.json)), "serial": .array(serial.map { .string($0.text) }),
      "debugConsole": .string(debugConsole.text),
      "graphics": graphics.json, "identity": identity.json, "mouse": .string(mouse.rawValue), "exitOn": .array(exits),
      "engine": .string(engine),
      "clockBase": .string(clockBase.rawValue),
      "deterministicSeed": text(deterministicSeed.map { String($0) }),
      "instructionLimit": instructionLimit.map { .integer($0) } ?? .null,
    ])
  }
}

extension MachineConfiguration.SerialPort {
  /// Parses `none`, `stdio`, `pty`, `file:PATH`, `tcp:PORT` or `unix:PATH`.
  public init(parsing text: String) throws(MachineError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let argument = parts.count > 1 ? parts[1] : nil
    switch (parts[0], argument) {
    case ("none", nil): self = .none
    case ("stdio", nil): self = .stdio
    case ("pty", nil): self = .pty
    case ("file", .some(let path)) where !path.isEmpty: self = .file(path)
    case ("unix", .some(let path)) where !path.isEmpty: self = .unix(path)
    case ("tcp", .some(let number)):
      guard let port = UInt16(number), port > 0 else {
        throw MachineError(.configuration, "serial port '\(text)': '\(number)' is no TCP port (1 to 65535)")
      }
      self = .tcp(port)
    default:
      throw MachineError(
        .configuration, "serial port '\(text)' is none of none, stdio, pty, file:PATH, tcp:PORT, unix:PATH")
    }
  }
  fileprivate init(_ field: JSONField) throws(MachineError) { try self.init(parsing: try field.string()) }

  /// What `init(parsing:)` reads.
  public var text: String {
    switch self {
    case .none: "none"
    case .stdio: "stdio"
    case .pty: "pty"
    case .file(let path): "file:\(path)"
    case .tcp(let port): "tcp:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// A member being read, with the name to complain under.
struct JSONField {
  let name: String
  let value: JSON
  init(_ name: String, _ value: JSON) {
    self.name = name
    self.value = value
  }
  var lastName: String { name.split(separator: ".").last.map(String.init) ?? name }
  func wrong(_ expected: String) -> MachineError { MachineError(.configuration, "\(name) must be \(expected)") }

  func string() throws(MachineError) -> String {
    guard let text = value.string, !text.utf8.contains(0) else { throw wrong("a string") }
    return text
  }
  func optionalString() throws(MachineError) -> String? { value == .null ? nil : try string() }
  func bool() throws(MachineError) -> Bool {
    guard let flag = value.bool else { throw wrong("true or false") }
    return flag
  }
  func integer(in range: ClosedRange<Int64>) throws(MachineError) -> Int64 {
    guard let number = value.integer, range.contains(number) else {
      throw wrong("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
  /// Text, because JSON's whole numbers end at 63 bits.
  func seed() throws(MachineError) -> UInt64? {
    guard let text = try optionalString() else { return nil }
    guard let number = UInt64(text) else { throw wrong("a whole number") }
    return number
  }
  func choice<T: RawRepresentable & CaseIterable>() throws(MachineError) -> T where T.RawValue == String {
    let text = try string()
    guard let choice = T(rawValue: text) else {
      throw wrong("one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }
  func members() throws(MachineError) -> [JSON.Member] {
    guard let members = value.members else { throw wrong("an object") }
    return members
  }
  func list<T>(_ read: (JSONField) throws(MachineError) -> T) throws(MachineError) -> [T] {
    guard let values = value.array else { throw wrong("a list") }
    var result: [T] = []
    for (index, value) in values.enumerated() { result.append(try read(JSONField("\(name)[\(index)]", value))) }
    return result
  }
}
