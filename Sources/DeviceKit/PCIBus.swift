import Base
import Synchronization

/// A function on the PCI bus, as the bus sees it.
public protocol PCIFunction: AnyObject, Sendable {
  /// `offset` and `width` (1, 2 or 4) lie inside one aligned dword of the 256-byte configuration space.
  func configRead(_ offset: Int, width: Int) -> UInt32
  func configWrite(_ offset: Int, width: Int, _ value: UInt32)
}

extension DeviceSlot: PCIFunction where D: PCIDevice {
  public func configRead(_ offset: Int, width: Int) -> UInt32 {
    withDevice { device, services in
      device.configWillRead(offset, width: width, services)
      return device.config.read(offset, width: width)
    } ?? .max
  }
  public func configWrite(_ offset: Int, width: Int, _ value: UInt32) {
    withDevice { device, services in
      device.config.write(offset, value, width: width)
      device.mapBARs(services)
      device.configWritten(offset, width: width, services)
    }
  }
}

extension PCIDevice {
  /// Maps every BAR region to where the configuration space says, or off the bus. Cheap when nothing moved.
  /// Also for `reset` and `stateRestored`.
  public func mapBARs(_ host: some DeviceServices) {
    for (bar, region) in barRegions { host.map(region, at: config.address(ofBAR: bar)) }
  }
}

/// PCI bus 0 with configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2): CONFADD at 0CF8h, CONFDATA at 0CFCh.
///
/// Only a dword write at 0CF8h reaches CONFADD; narrower accesses to 0CF8h-0CFBh fall through to the I/O space
/// behind it, which on PIIX3 boards is the reset control register 0CF9h (`resetControl`).
///
/// Lock order: the bus's lock is released before any function is called.
public final class PCIBus: BusTarget, MachineComponent {
  public struct State: SavedState {
    public var address: UInt32 = 0
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("address", &address)
    }
  }
  private struct Table {
    var state = State()
    /// Indexed by device * 8 + function.
    var functions: [(any PCIFunction)?] = Array(repeating: nil, count: 256)
    var resetControl: (any BusTarget)?
  }
  private enum Window { static let address = 0, data = 1 }
  private let table = Mutex(Table())
  /// The windows CONFADD and CONFDATA, and where they are mapped. The bus refers to this: empty after `disconnect`.
  private struct Place {
    var bus: IOBus?
    var mappings: [BusMapping] = []
  }
  private let place = Mutex(Place())
  /// PIRQA#-PIRQD#, wired OR of the functions' INTx pins; connect each to the interrupt router.
  public let interruptLines: [SharedLine] = (0..<4).map { _ in SharedLine() }

  public init(_ bus: IOBus) throws(BusError) {
    let attached = [
      try bus.attach(self, region: Window.address, .ports(0xcf8...0xcfb, "CONFADD"), owner: "pci"),
      try bus.attach(self, region: Window.data, .ports(0xcfc...0xcff, "CONFDATA"), owner: "pci"),
    ]
    place.withLock { $0 = Place(bus: bus, mappings: attached) }
  }

  public let name = "pci"
  public let stateVersion = 1
  public let outstandingRequests = 0

  public func start() throws(BusError) {
    let place = place.withLock { $0 }
    for (mapping, base) in zip(place.mappings, [0xcf8, 0xcfc] as [UInt64]) { try place.bus?.map(mapping, at: base) }
  }
  public func disconnect() {
    place.withLock { $0 = Place() }
    table.withLock { table in
      table.functions = Array(repeating: nil, count: 256)
      table.resetControl = nil
    }
  }
  /// Who answers byte accesses at 0CF9h, as its region 0, offset 0.
  public func setResetControl(_ target: any BusTarget) { table.withLock { $0.resetControl = target } }

  /// Plugs a device in, and its output line `interruptOutput` into the PIRQ line that its slot and pin select.
  /// Returns false, changing nothing, when the place is taken or does not exist.
  @discardableResult
  public func plug<D: PCIDevice>(
    _ slot: DeviceSlot<D>, device: Int, function: Int = 0, interruptOutput: String? = nil
  ) -> Bool {
    guard (0..<32).contains(device), (0..<8).contains(function) else { return false }
    let plugged = table.withLock { table in
      guard table.functions[device * 8 + function] == nil else { return false }
      table.functions[device * 8 + function] = slot
      return true
    }
    guard plugged else { return false }
    let pin = slot.withDevice { device, _ in Int(device.config.bytes[0x3d]) } ?? 0
    if let interruptOutput, (1...4).contains(pin) {
      slot.connect(
        output: interruptOutput, to: interruptLines[PCIBus.interruptLine(device: device, pin: pin)].source())
    }
    return true
  }

  /// Which PIRQ (0 = A) pin `pin` (1 = INTA#) of a device reaches: the slot rotation of 440FX boards, where INTA# of
  /// slot 1 is PIRQA. Firmware and the DSDT count on it.
  public static func interruptLine(device: Int, pin: Int) -> Int { (device + pin - 2) & 3 }

  // MARK: Ports

  public func read(region: Int, offset: UInt64, width: Int) -> UInt64 {
    if region == Window.address {
      if offset == 0, width == 4 { return UInt64(table.withLock { $0.state.address }) }
      guard width == 1, offset == 1, let target = table.withLock({ $0.resetControl }) else { return .max }
      return target.read(region: 0, offset: 0, width: 1)
    }
    guard let (function, register) = selected(offset) else { return .max }
    return UInt64(function.configRead(register, width: width))
  }
  public func write(region: Int, offset: UInt64, width: Int, value: UInt64) {
    if region == Window.address {
      if offset == 0, width == 4 {
        // Bits 30-24 and 1-0 are reserved and read as zero (82441FX, 3.1.1).
        table.withLock { $0.state.address = UInt32(truncatingIfNeeded: value) & 0x80ff_fffc }
      } else if width == 1, offset == 1 {
        table.withLock { $0.resetControl }?.write(region: 0, offset: 0, width: 1, value: value)
      }
      return
    }
    guard let (function, register) = selected(offset) else { return }
    function.configWrite(register, width: width, UInt32(truncatingIfNeeded: value))
  }
  private func selected(_ offset: UInt64) -> (any PCIFunction, Int)? {
    table.withLock { table in
      let address = table.state.address
      // Enabled, bus 0 (there is no other).
      guard address >> 31 == 1, (address >> 16) & 0xff == 0 else { return nil }
      guard let function = table.functions[Int((address >> 8) & 0xff)] else { return nil }
      return (function, Int(address & 0xfc) | Int(offset & 3))
    }
  }

  // MARK: State

  public func reset() { table.withLock { $0.state = State() } }
  public func saveState() -> [UInt8] { StateWriter.encode(table.withLock { $0.state }) }
  public func restoreState(_ bytes: [UInt8], version: Int) throws(StateError) {
    guard version == stateVersion else { throw .outOfRange(field: "version") }
    let state: State = try StateReader.decode(bytes)
    table.withLock { $0.state = state }
  }
  public func info() -> String { "CONFADD \(String(table.withLock { $0.state.address }, radix: 16))" }
}
