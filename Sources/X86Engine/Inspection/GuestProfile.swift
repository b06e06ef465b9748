import Synchronization

/// Where a guest's time goes: samples at a steady rate of processor time, by block of guest code.
public final class GuestProfile: Sendable {
  /// Where a sample found a virtual processor.
  struct Place: Hashable {
    var cpu: Int
    var privilege: UInt8
    /// Outside translated code: in the interpreter, in a translation, in a device.
    var isEngine: Bool
    /// Linear address of the block, or of the instruction that the engine works on or stands behind.
    var address: UInt64
  }
  /// Guests can execute any number of addresses; what comes later counts as one.
  private static let capacity = 1 << 20

  /// Samples for each second of processor time.
  public let hertz: UInt32
  private struct Counts {
    var places: [Place: UInt64] = [:]
    var hasFailed = false
  }
  private let counts = Mutex(Counts())

  /// An empty profile. The rate is none that guests' timers have.
  public init(hertz: UInt32 = 997) { self.hertz = hertz }

  func add(_ found: [Place]) {
    counts.withLock { counts in
      for var place in found {
        if counts.places.count >= GuestProfile.capacity, counts.places[place] == nil { place.address = 0 }
        counts.places[place, default: 0] += 1
      }
    }
  }
  func fail() { counts.withLock { $0.hasFailed = true } }

  /// The host gave no timer.
  public var hasFailed: Bool { counts.withLock { $0.hasFailed } }
  /// Samples so far.
  public var total: UInt64 { counts.withLock { $0.places.values.reduce(0, +) } }

  /// One line for each place: frames from the outside in, separated by semicolons, and the number of samples. Flame-graph
  /// tools read this. Frames are processor, ring, symbol if known, address of the block, `engine`.
  public func foldedStacks(_ symbols: SymbolTable? = nil) -> String {
    let places = counts.withLock { $0.places }
    var lines = places.map { place, count in
      var frames = ["cpu\(place.cpu)", "ring\(place.privilege)"]
      if let symbol = symbols?.symbol(at: place.address, privilege: Int(place.privilege)) { frames.append(symbol.name) }
      frames.append("0x" + String(place.address, radix: 16))
      if place.isEngine { frames.append("engine") }
      return frames.joined(separator: ";") + " \(count)\n"
    }
    lines.sort()
    return lines.joined()
  }
}
