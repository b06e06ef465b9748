import Base
import DeviceKit

/// The two Intel 8237A DMA controllers of the PC/AT with their page registers.
///
/// - Channels 0-3 move bytes inside a 64 KiB page, channels 5-7 move words inside a 128 KiB page; 4 is the cascade.
/// - Inputs: "dreq0" to "dreq7" show in the status register.
/// - A device's data does not pass through here: the machine asks `take` where the next bytes belong,
///   moves them for the device, and tells it when the grant says that the count has run out (TC).
/// - Spec: Intel 231466 "8237A", *Register description*; page registers: PC/AT Technical Reference.
/// - Not modelled: memory-to-memory transfers, rotating priority, extended pages above 16 MiB.
public struct I8237: Device {
  /// Which way a channel's mode register moves data.
  public enum Direction: UInt8, Sendable { case verify = 0, toMemory = 1, fromMemory = 2 }

  /// Guest memory that a device may use for one run of a transfer.
  public struct Grant: Sendable, Equatable {
    /// Lowest address of the run.
    public var address: GuestPhysical
    /// Bytes; at least 1 (2 on channels 5-7).
    public var count: Int
    public var direction: Direction
    /// The channel's count ran out with the last byte.
    public var terminalCount: Bool
  }

  /// What a channel is set to, without changing it.
  public struct ChannelView: Sendable, Equatable {
    public var address: GuestPhysical
    /// Bytes until terminal count.
    public var remaining: Int
    public var direction: Direction
    public var autoInitialize: Bool
    public var masked: Bool
  }

  public struct Channel: SavedState {
    var baseAddress: UInt16 = 0
    var baseCount: UInt16 = 0
    var address: UInt16 = 0
    var count: UInt16 = 0
    /// Mode register bits 2-7.
    var mode: UInt8 = 0
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("baseAddress", &baseAddress)
      try visit.field("baseCount", &baseCount)
      try visit.field("address", &address)
      try visit.field("count", &count)
      try visit.field("mode", &mode)
    }
  }

  public struct Controller: SavedState {
    var channels = [Channel](repeating: Channel(), count: 4)
    var command: UInt8 = 0
    /// Bit n: channel n is masked.
    var mask: UInt8 = 0xf
    /// Software requests.
    var requests: UInt8 = 0
    /// DREQ inputs.
    var lines: UInt8 = 0
    var terminalCounts: UInt8 = 0
    /// False: the next byte is the low one.
    var flipFlop = false
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedList("channels", &channels)
      try visit.field("command", &command)
      try visit.field("mask", &mask, in: 0...0xf)
      try visit.field("requests", &requests, in: 0...0xf)
      try visit.field("lines", &lines, in: 0...0xf)
      try visit.field("terminalCounts", &terminalCounts, in: 0...0xf)
      try visit.field("flipFlop", &flipFlop)
    }
  }

  public struct State: SavedState {
    var controllers = [Controller](repeating: Controller(), count: 2)
    /// Ports 80h-8Fh, of which eight are page registers and 80h holds POST codes.
    var pages = [UInt8](repeating: 0, count: 16)
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedList("controllers", &controllers)
      try visit.fixedBytes("pages", &pages)
    }
  }

  /// Index into `State.pages` of each channel's page register.
  static let pageIndex = [0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa]

  public let descriptor = DeviceDescriptor(
    name: "i8237",
    regions: [
      .ports(0x00...0x0f, "DMA 1", accessWidth: 1), .ports(0x80...0x8f, "DMA pages", accessWidth: 1),
      .ports(0xc0...0xdf, "DMA 2", accessWidth: 1),
    ],
    inputs: (0..<8).map { "dreq\($0)" })
  public var state = State()
  public init() {}

  public mutating func reset(_ host: some DeviceServices) {
    let lines = state.controllers.map(\.lines)
    state = State()
    for index in 0..<2 { state.controllers[index].lines = lines[index] }
  }

  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard (0..<8).contains(input) else { return }
    let bit: UInt8 = 1 << UInt8(input & 3)
    if level {
      state.controllers[input >> 2].lines |= bit
    } else {
      state.controllers[input >> 2].lines &= ~bit
    }
  }

  // MARK: Device side

  /// The last byte written to port 80h, by convention the firmware's progress code.
  public var postCode: UInt8 { state.pages[0] }

  /// What `channel` is set to, or nil for the cascade and for numbers that do not exist.
  public func view(_ channel: Int) -> ChannelView? {
    guard (0..<8).contains(channel), channel != 4 else { return nil }
    let controller = state.controllers[channel >> 2]
    let registers = controller.channels[channel & 3]
    let unit = channel >= 4 ? 2 : 1
    return ChannelView(
      address: physical(channel, registers.address), remaining: (Int(registers.count) + 1) * unit,
      direction: Direction(rawValue: registers.mode >> 2 & 3) ?? .verify,
      autoInitialize: registers.mode & 0x10 != 0, masked: !isOpen(channel))
  }

  /// Advances `channel` by at most `count` bytes and says where they are; nil while the channel is masked,
  /// its controller disabled or cascading off, or its transfer type illegal.
  ///
  /// A run ends at the 64 Ki wrap of the address and at terminal count, so a caller loops until it has what it wants.
  public mutating func take(channel: Int, count: Int) -> Grant? {
    guard (0..<8).contains(channel), channel != 4, isOpen(channel) else { return nil }
    let unit = channel >= 4 ? 2 : 1
    var registers = state.controllers[channel >> 2].channels[channel & 3]
    guard let direction = Direction(rawValue: registers.mode >> 2 & 3), count >= unit else { return nil }
    let decrementing = registers.mode & 0x20 != 0
    let start = registers.address
    let untilWrap = decrementing ? 1 : 0x1_0000 - Int(start)
    let units = min(count / unit, Int(registers.count) + 1, untilWrap)
    let done = units == Int(registers.count) + 1
    registers.address = decrementing ? start &- 1 : start &+ UInt16(truncatingIfNeeded: units)
    registers.count = registers.count &- UInt16(truncatingIfNeeded: units)
    let bit: UInt8 = 1 << UInt8(channel & 3)
    if done {
      state.controllers[channel >> 2].terminalCounts |= bit
      state.controllers[channel >> 2].requests &= ~bit
      if registers.mode & 0x10 != 0 {
        registers.address = registers.baseAddress
        registers.count = registers.baseCount
      } else {
        state.controllers[channel >> 2].mask |= bit
      }
    }
    state.controllers[channel >> 2].channels[channel & 3] = registers
    return Grant(
      address: physical(channel, start), count: units * unit, direction: direction, terminalCount: done)
  }

  private func isOpen(_ channel: Int) -> Bool {
    let controller = state.controllers[channel >> 2]
    // The upper controller's channel 0 carries the lower one's requests.
    if channel < 4 && (state.controllers[1].command & 4 != 0 || state.controllers[1].mask & 1 != 0) { return false }
    return controller.command & 4 == 0 && controller.mask >> UInt8(channel & 3) & 1 == 0
  }

  private func physical(_ channel: Int, _ address: UInt16) -> GuestPhysical {
    let page = UInt64(state.pages[I8237.pageIndex[channel]])
    // Word channels shift the address by one and ignore page bit 0.
    return channel >= 4
      ? GuestPhysical((page & 0xfe) << 16 | UInt64(address) << 1) : GuestPhysical(page << 16 | UInt64(address))
  }

  // MARK: Ports

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.width == 1 else { return .max }
    switch access.region {
    case 0 where access.offset < 16: return UInt64(readController(0, Int(access.offset)))
    case 1 where access.offset < 16: return UInt64(state.pages[Int(access.offset)])
    // The upper controller hangs on address lines 1-4: each register shows twice.
    case 2 where access.offset < 32: return UInt64(readController(1, Int(access.offset) >> 1))
    default: return .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch access.region {
    case 0 where access.offset < 16: writeController(0, Int(access.offset), byte)
    case 1 where access.offset < 16: state.pages[Int(access.offset)] = byte
    case 2 where access.offset < 32: writeController(1, Int(access.offset) >> 1, byte)
    default: break
    }
  }

  private mutating func readController(_ number: Int, _ register: Int) -> UInt8 {
    switch register {
    case 0..<8:
      let channel = state.controllers[number].channels[register >> 1]
      let value = register & 1 == 0 ? channel.address : channel.count
      let high = state.controllers[number].flipFlop
      state.controllers[number].flipFlop.toggle()
      return UInt8(truncatingIfNeeded: high ? value >> 8 : value)
    case 8:
      let controller = state.controllers[number]
      state.controllers[number].terminalCounts = 0
      return controller.terminalCounts | (controller.lines | controller.requests) << 4
    // The temporary register serves memory-to-memory only.
    case 13: return 0
    case 15: return state.controllers[number].mask | 0xf0
    default: return 0xff
    }
  }

  private mutating func writeController(_ number: Int, _ register: Int, _ value: UInt8) {
    let bit: UInt8 = 1 << (value & 3)
    switch register {
    case 0..<8: writeWord(number, register, value)
    case 8: state.controllers[number].command = value
    case 9:
      let others = state.controllers[number].requests & ~bit
      state.controllers[number].requests = value & 4 != 0 ? others | bit : others
    case 10:
      let others = state.controllers[number].mask & ~bit
      state.controllers[number].mask = value & 4 != 0 ? others | bit : others
    case 11: state.controllers[number].channels[Int(value & 3)].mode = value & 0xfc
    case 12: state.controllers[number].flipFlop = false
    case 13:  // master clear
      state.controllers[number].command = 0
      state.controllers[number].requests = 0
      state.controllers[number].terminalCounts = 0
      state.controllers[number].flipFlop = false
      state.controllers[number].mask = 0xf
    case 14: state.controllers[number].mask = 0
    default: state.controllers[number].mask = value & 0xf
    }
  }

  /// Address and count go to base and current registers together.
  private mutating func writeWord(_ number: Int, _ register: Int, _ value: UInt8) {
    let high = state.controllers[number].flipFlop
    state.controllers[number].flipFlop.toggle()
    func merge(_ old: UInt16) -> UInt16 {
      high ? old & 0x00ff | UInt16(value) << 8 : old & 0xff00 | UInt16(value)
    }
    var channel = state.controllers[number].channels[register >> 1]
    if register & 1 == 0 {
      channel.baseAddress = merge(channel.baseAddress)
      channel.address = channel.baseAddress
    } else {
      channel.baseCount = merge(channel.baseCount)
      channel.count = channel.baseCount
    }
    state.controllers[number].channels[register >> 1] = channel
  }

  public func info() -> String {
    var lines = ["DMA: POST code 0x\(String(postCode, radix: 16))"]
    for channel in 0..<8 {
      guard let view = view(channel) else { continue }
      lines.append(
        "channel \(channel): 0x\(String(view.address.value, radix: 16)), \(view.remaining) bytes, \(view.direction)"
          + "\(view.autoInitialize ? ", auto" : "")\(view.masked ? ", masked" : "")")
    }
    return lines.joined(separator: "\n")
  }
}
