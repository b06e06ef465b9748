import Base
import DeviceKit

/// The debug console of Bochs and SeaBIOS: each byte written to port 402h goes to the backend; a read gives E9h as
/// the sign of presence.
public struct DebugConsole: Device {
  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    /// Bytes written since power-on.
    var count: UInt64 = 0
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("count", &count)
    }
  }

  public let descriptor: DeviceDescriptor
  public var state = State()
  public init(port: UInt16 = 0x402) {
    descriptor = DeviceDescriptor(name: "debugcon", regions: [.ports(port...port, "debug console", accessWidth: 1)])
  }
  public mutating func reset(_ host: some DeviceServices) { state = State() }
  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    access.offset == 0 && access.width == 1 ? 0xe9 : .max
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.offset == 0 else { return }
    state.count = state.count &+ 1
    host.transmit([UInt8(truncatingIfNeeded: value)])
  }
  public func info() -> String { "debug console: \(state.count) bytes written" }
}
