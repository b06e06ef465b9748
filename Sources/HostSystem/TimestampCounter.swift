import CHost

/// The host's time-stamp counter and how fast it counts.
public struct TimestampCounter: Sendable {
  /// RDTSC.
  @inlinable public static var now: UInt64 { read() }
  @usableFromInline static func read() -> UInt64 { rb_rdtsc() }

  private let startTicks: UInt64
  private let startNanoseconds: Int64
  /// Shortest span that is worth dividing by: 2 ms gives better than 0.01 %.
  private static let leastSpan: Int64 = 2_000_000

  /// Starts measuring; the longer ago this was, the better `hertz` is.
  public init() {
    startNanoseconds = HostClock.monotonicNanoseconds
    startTicks = TimestampCounter.now
  }

  /// Ticks per second, measured since `init`. The first 2 ms after `init` are waited for.
  public var hertz: UInt64 {
    var span = HostClock.monotonicNanoseconds &- startNanoseconds
    while span < TimestampCounter.leastSpan { span = HostClock.monotonicNanoseconds &- startNanoseconds }
    let ticks = TimestampCounter.now &- startTicks
    let product = ticks.multipliedFullWidth(by: 1_000_000_000)
    guard product.high < UInt64(span) else { return 1_000_000_000 }
    return max(1, UInt64(span).dividingFullWidth(product).quotient)
  }
}
