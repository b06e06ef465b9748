import Base
import DeviceKit

/// Command buffers of SVGA II: a header in guest memory says where commands are, and gets the result.
extension VGA {
  private enum Header {
    static let size = 64
    /// Offsets of dwords.
    static let flags = 16, length = 20, address = 24, offset = 32
  }
  private enum Flag { static let noInterrupt: UInt32 = 1, inObject: UInt32 = 4 }
  private enum Status { static let completed: UInt32 = 1, commandError: UInt32 = 3, headerError: UInt32 = 4 }
  /// The low bits of the header's address: queues 0 and 1, or commands for the queues themselves.
  private enum Context { static let mask: UInt32 = 0x3f, device: UInt32 = 0x3f, queues: UInt32 = 2 }
  private enum DeviceCommand { static let nothing: UInt32 = 0, startStop: UInt32 = 1, preempt: UInt32 = 2 }
  private static let bufferLimit = 4 << 20

  /// The lower half of a header's address was written: its commands are carried out before the write ends.
  mutating func submitBuffer(_ low: UInt32, _ host: some DeviceServices) {
    guard let svga = registers.svga else { return }
    let place = GuestPhysical(UInt64(svga.commandHigh) << 32 | UInt64(low & ~Context.mask))
    let header = host.dmaRead(place, count: Header.size)
    func word(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(header[at + $1]) << UInt32($1 * 8) } }
    let (flags, length, offset) = (word(Header.flags), word(Header.length), word(Header.offset))
    let context = low & Context.mask
    var (status, errorOffset) = (Status.completed, UInt32(0))
    if flags & Flag.inObject != 0 || length > VGA.bufferLimit || (length | offset) & 3 != 0 || offset > length
      || context != Context.device && context >= Context.queues
    {
      status = Status.headerError
    } else {
      let address = UInt64(word(Header.address + 4)) << 32 | UInt64(word(Header.address))
      var reader = SVGABufferReader(
        host.dmaRead(GuestPhysical(address &+ UInt64(offset)), count: Int(length - offset)))
      if let failed = run(&reader, isDevice: context == Context.device, host) {
        (status, errorOffset) = (Status.commandError, offset + UInt32(failed * 4))
      }
    }
    let answer = [status, errorOffset].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) }
    }
    host.dmaWrite(place, answer)
    var interrupts: UInt32 =
      flags & Flag.noInterrupt == 0 || status != Status.completed ? SVGAState.Interrupt.buffer : 0
    if status != Status.completed { interrupts |= SVGAState.Interrupt.error }
    raise(interrupts, host)
  }

  /// Position of the command that cannot be carried out; nil when all were.
  private mutating func run(
    _ reader: inout SVGABufferReader, isDevice: Bool, _ host: some DeviceServices
  ) -> Int? {
    var budget = VGA.copyLimit
    while reader.left > 0 {
      let start = reader.position
      let outcome = isDevice ? deviceCommand(&reader) : perform(&reader, &budget, host)
      guard outcome == .done else { return start }
    }
    return nil
  }

  /// Queues are always empty when one of these comes: nothing is left to be stopped.
  private func deviceCommand(_ reader: inout SVGABufferReader) -> SVGAOutcome {
    switch reader.next() {
    case DeviceCommand.nothing: .done
    case DeviceCommand.startStop, DeviceCommand.preempt: reader.take(2) == nil ? .incomplete : .done
    default: .nonsense
    }
  }
}
