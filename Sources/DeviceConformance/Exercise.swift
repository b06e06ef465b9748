import Base
import DeviceKit

/// Bytes taken one after the other, zeroes after the end: what drives an `exercise`.
public struct ByteTape {
  private let bytes: [UInt8]
  private var position = 0
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public var isAtEnd: Bool { position >= bytes.count }
  public mutating func byte() -> UInt8 {
    guard position < bytes.count else { return 0 }
    defer { position += 1 }
    return bytes[position]
  }
  public mutating func word(_ width: Int) -> UInt64 {
    (0..<width).reduce(0) { value, _ in value << 8 | UInt64(byte()) }
  }
}

/// A small generator of reproducible numbers (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  public init(seed: UInt64) { state = seed }
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

/// What the driver found; empty is good.
public struct Violation: Error, Equatable, CustomStringConvertible {
  /// Which one was broken.
  public var law: String
  /// How, with the seed that shows it.
  public var detail: String
  public var description: String { "\(law): \(detail)" }
}

/// Most calls a device may make on its host in one entry.
private let callLimit = 10_000
/// Most timer callbacks in one time step of the driver (at most 50 ms of guest time, or one long jump).
private let firingLimit = 5_000

extension DeviceConformance {
  /// Decodes `bytes` into accesses, line changes, time steps, DMA noise, completions and input, and does them.
  /// Property tests, fuzzers and corpus replays share this driver.
  public static func exercise<D: Device>(
    _ device: inout D, _ bytes: [UInt8], _ host: FakeServices
  ) throws(Violation) {
    var tape = ByteTape(bytes)
    var steps = 0
    while !tape.isAtEnd, steps < 4096 {
      steps += 1
      host.beginCall()
      step(&device, &tape, host)
      // Noise with a long DMA list is a legal wish; endless work is not.
      if host.callsInEntry > callLimit {
        throw Violation(law: "bounded work", detail: "\(host.callsInEntry) host calls in one entry")
      }
      let kind = tape.byte()
      guard kind & 7 == 0 else { continue }
      let fired = host.advance(&device, by: interval(kind >> 3, &tape), limit: firingLimit)
      if fired >= firingLimit { throw Violation(law: "bounded timers", detail: "timers fire for ever") }
    }
  }

  private static func interval(_ kind: UInt8, _ tape: inout ByteTape) -> Int64 {
    switch kind & 3 {
    case 0: Int64(tape.byte())
    case 1: Int64(tape.word(2))
    case 2: Int64(tape.word(3))
    default: Int64(tape.word(2)) * 700
    }
  }

  private static func step<D: Device>(_ device: inout D, _ tape: inout ByteTape, _ host: FakeServices) {
    let descriptor = device.descriptor
    let action = tape.byte()
    switch action & 15 {
    case 0...4:
      _ = device.read(access(descriptor, action >> 4, &tape), host)
    case 5...10:
      let access = access(descriptor, action >> 4, &tape)
      device.write(access, value(access.width, &tape), host)
    case 11 where !descriptor.inputs.isEmpty:
      let choice = tape.byte()
      device.lineChanged(Int(choice >> 1) % descriptor.inputs.count, choice & 1 == 1, host)
    case 12 where !host.pendingRequests.isEmpty:
      let statuses: [BlockCompletion.Status] = [.done, .ioError, .readOnly, .outOfRange, .noMedium]
      let choice = Int(tape.byte())
      _ = host.completeNext(&device, status: choice & 1 == 0 ? nil : statuses[(choice >> 1) % statuses.count])
    case 13 where action >> 6 == 1: host.deliver(frame(&tape), to: &device)
    case 13 where action >> 4 == 8: host.setLink(tape.byte() & 3 != 0, of: &device)
    case 13:
      let count = Int(tape.byte() & 15)
      _ = device.received((0..<count).map { _ in tape.byte() }, host)
    case 14:
      // DMA noise: short bursts near the bottom, where small guest-written addresses point.
      let address = Int(tape.word(2)) * 16 % FakeServices.ramSize
      for index in 0..<min(32, FakeServices.ramSize - address) { host.ram[address + index] = tape.byte() }
    case 15 where action >> 4 == 0:
      device.reset(host)
    case 15 where action >> 4 == 1 && !descriptor.outputs.isEmpty:
      let choice = Int(tape.byte())
      host.fates[(choice >> 2) % descriptor.outputs.count] = [.taken, .waiting, .ignored][choice % 3]
    default:
      guard let function = device as? any PCIDevice else { return }
      if let after = configured(function, &tape, host) as? D { device = after }
    }
  }

  /// Noise as a frame: of any length, often to everybody, sometimes with an IP header.
  private static func frame(_ tape: inout ByteTape) -> NetworkFrame {
    let shape = tape.byte()
    let count = [0, 5, 14, 60, 64, 600, 1514, 9000][Int(shape & 7)]
    var bytes = (0..<min(count, 48)).map { _ in tape.byte() }
    bytes += [UInt8](repeating: shape, count: count - bytes.count)
    if shape & 8 != 0, count >= 14 { bytes.replaceSubrange(0..<6, with: [UInt8](repeating: 0xff, count: 6)) }
    if shape & 16 != 0, count >= 60 { bytes.replaceSubrange(12..<15, with: [8, 0, 0x45]) }
    return NetworkFrame(bytes, isVerified: shape & 32 != 0)
  }

  /// A configuration access, done as `PCIBus` does it.
  private static func configured<P: PCIDevice>(
    _ function: P, _ tape: inout ByteTape, _ host: FakeServices
  ) -> P {
    var function = function
    let width = [1, 2, 4, 4][Int(tape.byte() & 3)]
    let offset = Int(tape.byte()) & ~(width - 1)
    if tape.byte() & 3 == 0 {
      function.configWillRead(offset, width: width, host)
      _ = function.config.read(offset, width: width)
    } else {
      function.config.write(offset, UInt32(truncatingIfNeeded: value(width, &tape)), width: width)
      function.mapBARs(host)
      function.configWritten(offset, width: width, host)
    }
    return function
  }

  /// Mostly accesses that the bus could deliver; now and then one outside the region or with an odd width, because a
  /// device may be called by other code than the bus.
  private static func access(_ descriptor: DeviceDescriptor, _ style: UInt8, _ tape: inout ByteTape) -> Access {
    let regions = descriptor.regions
    guard !regions.isEmpty else { return Access(region: 0, offset: 0, width: 1) }
    let index = Int(tape.byte()) % regions.count
    let region = regions[index]
    let widths = style & 3 == 0 ? [1, 2, 4, 8, 3, 5, 16, 0] : [1, 1, 1, 2, 2, 4, 4, 8]
    let width = widths[Int(tape.byte() & 7)]
    let raw = region.size > 0x1_0000 ? tape.word(4) : region.size > 256 ? tape.word(2) : tape.word(1)
    if style == 15 { return Access(region: Int(tape.byte() & 7), offset: raw &* 0x1_0001, width: width) }
    return Access(region: index, offset: region.size == 0 ? raw : raw % region.size, width: width)
  }

  private static func value(_ width: Int, _ tape: inout ByteTape) -> UInt64 {
    let shape = tape.byte()
    switch shape & 7 {
    case 0: return 0
    case 1: return .max
    case 2: return 1 << UInt64(shape >> 3)
    default: return tape.word(max(1, min(8, width)))
    }
  }
}
