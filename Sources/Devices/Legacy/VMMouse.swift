import Base
import DeviceKit

/// VMware's absolute pointer, VMMouse: a queue of positions behind the PS/2 mouse.
///
/// - Port 5658h is no register: IN takes parameters in EAX to EDX and leaves results there, so the processor hands over
///   its registers (`call`). Other accesses of it find no device.
/// - Output 0 "news": a pulse for each position, upon which the PS/2 mouse sends an empty packet. By its interrupt the
///   guest learns that the queue has something.
/// - Spec: as VMware's drivers use it, the numbers in Linux's vmmouse.c and in xf86-input-vmmouse.
/// - Deviations: ports stay open to any ring that may use them; none of VMware's other commands but the version.
public struct VMMouse: Device {
  /// The registers of a processor that executes IN.
  public struct Registers: Sendable, Equatable {
    /// EAX, EBX, ECX and EDX.
    public var eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
    public init(eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32) {
      self.eax = eax
      self.ebx = ebx
      self.ecx = ecx
      self.edx = edx
    }
  }
  /// EAX of every call.
  static let magic: UInt32 = 0x564d_5868
  enum Command {
    static let version: UInt32 = 10, data: UInt32 = 39, status: UInt32 = 40, control: UInt32 = 41
    static let restrict: UInt32 = 86
  }
  /// EBX of the control command.
  enum Control {
    static let enable: UInt32 = 0x4541_4552, disable: UInt32 = 0xf5
    static let relative: UInt32 = 0x4c45_5252, absolute: UInt32 = 0x5342_4152
  }
  /// The only word in the queue after it was enabled.
  static let identity: UInt32 = 0x3442_554a
  /// In the first word of a packet.
  enum Packet { static let left: UInt32 = 0x20, right: UInt32 = 0x10, middle: UInt32 = 8, relative: UInt32 = 0x1_0000 }
  /// Status while it is off, and after a mistake of the guest.
  static let failure: UInt32 = 0xffff_0000
  /// Four words each. What comes while the guest does not read is lost but for the last place.
  static let packetLimit = 64

  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    /// A packet has four words.
    struct Word: SavedState {
      var value: UInt32 = 0
      init() {}
      init(_ value: UInt32) { self.value = value }
      mutating func fields(_ visit: inout some StateVisitor) throws(StateError) { try visit.field("value", &value) }
    }
    /// The guest's driver listens.
    var isEnabled = false
    /// It wants places.
    var isAbsolute = false
    /// Words that wait.
    var queue: [Word] = []
    public init() {}

    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("isEnabled", &isEnabled)
      try visit.field("isAbsolute", &isAbsolute)
      try visit.list("queue", &queue, maximum: VMMouse.packetLimit * 4)
    }
  }

  public let descriptor = DeviceDescriptor(name: "vmmouse", regions: [], outputs: ["news"])
  public var state = State()
  public init() {}

  public mutating func reset(_ host: some DeviceServices) { state = State() }
  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 { .max }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {}

  // MARK: Host side

  /// The guest's driver wants places instead of distances.
  public var isAbsolute: Bool { state.isEnabled && state.isAbsolute }

  /// Takes what the user did if the guest's driver listens here; false: it is for the PS/2 mouse.
  public mutating func move(_ motion: PointerMotion, _ host: some DeviceServices) -> Bool {
    guard state.isEnabled else { return false }
    var head = motion.buttons & 1 != 0 ? Packet.left : 0
    if motion.buttons & 2 != 0 { head |= Packet.right }
    if motion.buttons & 4 != 0 { head |= Packet.middle }
    let wheel = UInt32(UInt8(bitPattern: Int8(clamping: motion.dz)))
    if state.isAbsolute, let place = motion.place {
      queue([head, UInt32(place.x), UInt32(place.y), wheel])
    } else {
      // Distances grow upwards here.
      let up = -max(-0x7fff, min(0x7fff, motion.dy))
      queue([
        head | Packet.relative, UInt32(bitPattern: Int32(max(-0x7fff, min(0x7fff, motion.dx)))),
        UInt32(bitPattern: Int32(up)), wheel,
      ])
    }
    announce(host)
    return true
  }

  /// A place takes the place of the one before it where nothing else is new, and of the last where there is no room.
  private mutating func queue(_ packet: [UInt32]) {
    let words = packet.map { State.Word($0) }
    let isWhole = state.queue.count % 4 == 0
    if isWhole, state.queue.count >= 4, packet[0] & Packet.relative == 0 {
      let last = state.queue.suffix(4)
      let isSame = last[last.startIndex] == words[0] && last[last.startIndex + 3].value == 0 && packet[3] == 0
      if isSame || state.queue.count == VMMouse.packetLimit * 4 { state.queue.removeLast(4) }
    }
    guard state.queue.count + 4 <= VMMouse.packetLimit * 4 else { return }
    state.queue += words
  }
  private func announce(_ host: some DeviceServices) {
    host.setLine(0, true)
    host.setLine(0, false)
  }

  // MARK: Guest side

  /// IN of four bytes from port 5658h.
  public mutating func call(_ registers: Registers, _ host: some DeviceServices) -> Registers {
    var result = registers
    guard registers.eax == VMMouse.magic else {
      result.eax = .max
      return result
    }
    // The low half is the command; for some of VMware's others the rest means something.
    switch registers.ecx & 0xffff {
    case Command.version:
      (result.eax, result.ebx, result.ecx) = (6, VMMouse.magic, 2)
    case Command.data: take(Int(registers.ebx & 0xffff), &result, host)
    case Command.status:
      result.eax = state.isEnabled ? UInt32(state.queue.count) : VMMouse.failure
    case Command.control: control(registers.ebx, host)
    case Command.restrict: break
    default: result.eax = .max
    }
    return result
  }

  /// Words of the queue into as many registers.
  private mutating func take(_ count: Int, _ result: inout Registers, _ host: some DeviceServices) {
    guard state.isEnabled, (1...4).contains(count), count <= state.queue.count else {
      host.log(.guestError, "vmmouse: \(count) words asked for of \(state.queue.count)")
      // Drivers start anew after this.
      state = State()
      result.eax = VMMouse.failure
      return
    }
    let words = state.queue.prefix(count).map(\.value) + [result.ebx, result.ecx, result.edx].dropFirst(count - 1)
    state.queue.removeFirst(count)
    (result.eax, result.ebx, result.ecx, result.edx) = (words[0], words[1], words[2], words[3])
  }

  private mutating func control(_ command: UInt32, _ host: some DeviceServices) {
    switch command {
    case Control.enable:
      state = State()
      state.isEnabled = true
      state.queue = [State.Word(VMMouse.identity)]
    case Control.disable: state = State()
    case Control.relative: state.isAbsolute = false
    case Control.absolute: state.isAbsolute = true
    default: host.log(.guestError, "vmmouse: unknown control \(command)")
    }
  }

  public func info() -> String {
    let mode = !state.isEnabled ? "off" : state.isAbsolute ? "absolute" : "relative"
    return "vmmouse: \(mode), \(state.queue.count) words queued"
  }
}
