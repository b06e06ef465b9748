import Base
import DeviceKit

/// System control port A (92h): fast A20 gate and fast processor reset.
///
/// The keyboard controller has an A20 gate, too; the machine takes the last request of either.
///
/// - Spec: Intel 290550 "PIIX3", 2.5.4.2 (port 92h).
public struct Port92: Device {
  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    public var a20 = true
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) { try visit.field("a20", &a20) }
  }
  private enum Bit { static let fastInit: UInt8 = 1, a20: UInt8 = 2 }

  public var state = State()
  public let descriptor = DeviceDescriptor(
    name: "port92", regions: [.ports(0x92...0x92, "system control port A", accessWidth: 1)])

  public init() {}

  /// Firmware starts with A20 on, as PC chip sets leave it for the reset vector below 4 GiB.
  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    host.request(.a20(enabled: true))
  }
  public mutating func stateRestored(_ host: some DeviceServices) { host.request(.a20(enabled: state.a20)) }

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    UInt64(state.a20 ? Bit.a20 : 0)
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    let byte = UInt8(truncatingIfNeeded: value)
    let enabled = byte & Bit.a20 != 0
    // Always told, because the keyboard controller may have changed the gate meanwhile.
    state.a20 = enabled
    host.request(.a20(enabled: enabled))
    if byte & Bit.fastInit != 0 { host.request(.reset(reason: "port 92h")) }
  }
  public func info() -> String { "A20 \(state.a20 ? "on" : "off")" }
}
