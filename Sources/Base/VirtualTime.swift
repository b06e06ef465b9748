/// Guest time in nanoseconds since the machine was powered on; stops while the machine is paused.
///
/// The only clock that devices know: see `DeviceServices.now`.
@frozen public struct VirtualTime: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64
  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
  /// The time `ns` nanoseconds later; saturates, because expiries derive from guest-written counts.
  @inlinable public func adding(nanoseconds ns: Int64) -> Self {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(ns)
    return Self(nanoseconds: overflow ? (ns > 0 ? .max : .min) : sum)
  }
  /// Whole ticks of a clock of `hertz` that have passed since power-on.
  @inlinable public func ticks(hertz: UInt64) -> UInt64 {
    let product = UInt64(max(0, nanoseconds)).multipliedFullWidth(by: hertz)
    return UInt64(1_000_000_000).dividingFullWidth((product.high % 1_000_000_000, product.low)).quotient
  }
  /// The first time at which `ticks(hertz:)` is at least `ticks`.
  @inlinable public static func at(ticks: UInt64, hertz: UInt64) -> Self {
    let product = ticks.multipliedFullWidth(by: 1_000_000_000)
    guard product.high < hertz else { return Self(nanoseconds: .max) }
    let (q, r) = hertz.dividingFullWidth(product)
    return Self(nanoseconds: Int64(clamping: r == 0 ? q : q &+ 1))
  }
}
