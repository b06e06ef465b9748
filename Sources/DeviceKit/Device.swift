import Base

/// One access of the guest to a device register.
public struct Access: Sendable, Equatable {
  /// Which of the device's regions: index into `DeviceDescriptor.regions`.
  public var region: Int
  /// Byte offset from the start of the region (for ports: port number - first port of the region).
  public var offset: UInt64
  /// Bytes accessed: 1, 2, 4 or 8 (8 only for memory).
  public var width: Int
  public init(region: Int = 0, offset: UInt64, width: Int = 1) {
    self.region = region
    self.offset = offset
    self.width = width
  }
}

/// A range of ports or of memory that a device answers.
public struct Region: Sendable, Equatable {
  /// I/O ports or memory.
  public enum Space: Sendable, Equatable { case port, memory }
  /// Where the region lies.
  public var space: Space
  /// First port or guest-physical address; nil while a PCI BAR or another register decides it at run time.
  public var base: UInt64?
  /// Bytes, or number of ports.
  public var size: UInt64
  public var name: String
  /// Widest access in bytes that the device decodes; the bus splits wider ones into a sequence of smaller ones, as an
  /// ISA bus does. Natural width (4 for ports, 8 for memory) unless told.
  public var accessWidth: Int
  public init(_ space: Space, base: UInt64?, size: UInt64, _ name: String, accessWidth: Int? = nil) {
    self.space = space
    self.base = base
    self.size = size
    self.name = name
    self.accessWidth = accessWidth ?? (space == .port ? 4 : 8)
  }
  /// Fixed I/O ports.
  public static func ports(_ range: ClosedRange<UInt16>, _ name: String, accessWidth: Int = 4) -> Region {
    Region(.port, base: UInt64(range.lowerBound), size: UInt64(range.count), name, accessWidth: accessWidth)
  }
  /// Fixed guest-physical addresses.
  public static func memory(_ base: UInt64, size: UInt64, _ name: String) -> Region {
    Region(.memory, base: base, size: size, name)
  }
}

/// What a device is wired to. Indexes into these lists are the numbers used with `DeviceServices`.
public struct DeviceDescriptor: Sendable {
  public var name: String
  /// Ranges that the device answers, fixed and movable.
  public var regions: [Region]
  /// Output lines (`setLine`), for example "irq".
  public var outputs: [String]
  /// Input lines (`lineChanged`), for example "gate2".
  public var inputs: [String]
  /// Timers (`arm`, `timerFired`).
  public var timers: [String]
  public var stateVersion: Int
  public init(
    name: String, regions: [Region], outputs: [String] = [], inputs: [String] = [], timers: [String] = [],
    stateVersion: Int = 1
  ) {
    self.name = name
    self.regions = regions
    self.outputs = outputs
    self.inputs = inputs
    self.timers = timers
    self.stateVersion = stateVersion
  }
}

/// A device model: a value that reacts to accesses, timers, lines and backends, and sees nothing but `DeviceServices`.
///
/// Every method runs under the device's own lock (see `DeviceSlot`), on a vCPU, timer or worker thread.
/// No guest access, in any order or width, and no state accepted by `State.fields` may make a method trap.
public protocol Device: SendableMetatype {
  associatedtype State: SavedState
  var descriptor: DeviceDescriptor { get }
  /// All that survives a snapshot.
  var state: State { get set }
  /// Brings the device to its power-on or hardware-reset state.
  mutating func reset(_ host: some DeviceServices)
  mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64
  mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices)
  mutating func timerFired(_ timer: Int, _ host: some DeviceServices)
  mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices)
  /// A block request submitted with `submit` has ended.
  mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices)
  /// Bytes arrived from the character backend; returns how many the device took.
  mutating func received(_ bytes: [UInt8], _ host: some DeviceServices) -> Int
  /// Frames wait for this network card: take them with `nextFrame` as far as there is room in the guest's buffers, and
  /// again when the guest adds some.
  mutating func framesArrived(_ host: some DeviceServices)
  /// The cable of this network card was plugged in or out (`isLinkUp`).
  mutating func linkChanged(_ host: some DeviceServices)
  /// After `state` was replaced by a loaded one: re-arm timers, drive output lines, map regions.
  mutating func stateRestored(_ host: some DeviceServices)
  /// A few lines for a person: `ringbox`'s device dump.
  func info() -> String
}

extension Device {
  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {}
  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {}
  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {}
  public mutating func received(_ bytes: [UInt8], _ host: some DeviceServices) -> Int { 0 }
  public mutating func framesArrived(_ host: some DeviceServices) {}
  public mutating func linkChanged(_ host: some DeviceServices) {}
  public mutating func stateRestored(_ host: some DeviceServices) {}
}

/// What the machine does when a device asks.
public enum MachineRequest: Sendable, Equatable {
  /// Hardware reset; `reason` names the register used.
  case reset(reason: String)
  case powerOff(reason: String)
  /// ACPI S3 and the like are refused by the devices; nothing else is asked for here.
  case a20(enabled: Bool)
  /// Non-maskable interrupt to the boot processor.
  case nmi
  /// Where reads and writes of a shadowed run of low memory go (host bridge PAM registers): to RAM when true, else to
  /// the ROM or the bus behind it.
  case shadow(base: UInt64, size: UInt64, readable: Bool, writable: Bool)
}

/// Whose fault it is: the guest programmed nonsense, we lack something, or nobody.
public enum LogKind: Sendable { case guestError, unimplemented, info }

/// What has become of the interrupt that an edge of an output line asked for.
public enum InterruptFate: Sendable, Equatable {
  /// Every controller that the line leads to has it masked: nobody would hear another edge either.
  case ignored
  /// A controller holds it for a processor that has not taken it: another edge now would vanish.
  case waiting
  /// A processor took it, or there was none.
  case taken
}

/// All that a device can reach. A machine hands one to each device; tests hand a fake.
public protocol DeviceServices: AnyObject {
  /// Guest time.
  var now: VirtualTime { get }
  /// Seconds since 1970-01-01 at `now`, for clock chips: in UTC, or in the time zone that the machine was given.
  var wallClockSeconds: Int64 { get }
  /// Drives an output line of the descriptor.
  func setLine(_ output: Int, _ level: Bool)
  /// What has become of the last edge of an output: timers that catch up on missed beats ask before the next.
  func fate(of output: Int) -> InterruptFate
  /// Arms (or re-arms) a timer of the descriptor; a time in the past fires at once.
  func arm(_ timer: Int, at time: VirtualTime)
  func disarm(_ timer: Int)
  /// Maps (or with nil, unmaps) a region at run time, for BARs and relocatable blocks.
  func map(_ region: Int, at base: UInt64?)
  /// Copies from guest RAM. Device DMA reaches RAM (and ROM) only, never MMIO; elsewhere it reads all-ones.
  func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8]
  /// Copies into guest RAM; bytes that fall elsewhere are dropped.
  func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8])
  /// Sends a message-signalled interrupt: a 32-bit write of `data` to `address` (SDM 3A, 11.11).
  func messageInterrupt(address: UInt64, data: UInt32)
  /// Starts a block request on backend `drive`; its end comes as `blockCompleted`, never during this call.
  func submit(_ request: BlockRequest, drive: Int)
  /// Bytes to the character backend (serial port, debug console).
  func transmit(_ bytes: [UInt8])
  /// Whether the cable of the network card is plugged in.
  var isLinkUp: Bool { get }
  /// The largest frame that the network backend takes.
  var maximumFrame: Int { get }
  /// A frame to the network backend; without a link it goes nowhere.
  func transmit(_ frame: NetworkFrame)
  /// The oldest frame that waits for the network card. With `remove` false it stays.
  func nextFrame(remove: Bool) -> NetworkFrame?
  func request(_ request: MachineRequest)
  /// Rate-limited, counted log line.
  func log(_ kind: LogKind, _ message: @autoclosure () -> String)
}
