import Base
import DeviceKit

/// Commands to the adapter itself, by operation code.
extension BusLogic {
  private static let model = Array("958  ".utf8)
  /// Firmware 5.06L: the last that drivers tell apart.
  private static let firmware = Array("506L".utf8)
  /// Where the AutoSCSI settings are in the adapter's memory.
  private static let settings = 64

  /// The adapter's memory of 256 bytes, with the AutoSCSI settings.
  static let initialMemory: [UInt8] = {
    var memory = [UInt8](repeating: 0, count: 256)
    var settings = [UInt8](repeating: 0, count: 64)
    settings.replaceSubrange(0..<9, with: Array("FA".utf8) + [64] + Array("BT958 ".utf8))
    settings[10] = 0x04  // level triggered interrupt
    settings[14] = UInt8(initiator)
    settings[15] = 0x2f  // termination, parity, fast, reset of the bus
    for at in [19, 21, 23, 25, 27, 34] { settings.put(at, 0xffff, 2) }  // enabled, wide, fast, sync, disconnect, ultra
    memory.replaceSubrange(BusLogic.settings..<BusLogic.settings + 64, with: settings)
    return memory
  }()

  /// Parameters that a command takes, from as much of it as there is; nil: no such command.
  static func parameters(of command: [UInt8]) -> Int? {
    switch command[0] {
    case 0x00, 0x04, 0x0a, 0x0b, 0x23, 0x24, 0x84, 0x85, 0x86: 0
    case 0x05, 0x07, 0x08, 0x09, 0x0d, 0x1f, 0x25, 0x8b, 0x8c, 0x8d, 0x8f, 0x95, 0x96: 1
    case 0x01, 0x06: 4
    case 0x81: 5
    case 0x91: 2
    case 0x21: command.count > 1 ? 1 + Int(command[1]) : 1
    case 0x90: command.count > 2 ? 2 + Int(command[2]) : 2
    default: nil
    }
  }

  mutating func carryOut(_ command: [UInt8], _ host: some DeviceServices) -> Outcome {
    let parameter = command.count > 1 ? command[1] : 0
    switch command[0] {
    // TEST CMDC INTERRUPT, SET SELECTION TIMEOUT, TIME ON BUS, TIME OFF BUS, BUS TRANSFER RATE, SET ADAPTER OPTIONS
    case 0x00, 0x06, 0x07, 0x08, 0x09, 0x21: return .done
    case 0x01: return initialize(count: parameter, base: BusLogicBlock.big24(command, 2), isExtended: false)
    case 0x81: return initialize(count: parameter, base: UInt32(command.little(2, 4)), isExtended: true)
    case 0x04: return .reply([0x41, 0x41, BusLogic.firmware[0], BusLogic.firmware[1]])
    case 0x84: return .reply([BusLogic.firmware[2]])
    case 0x85: return .reply([BusLogic.firmware[3]])
    case 0x86:  // INQUIRE PCI HOST ADAPTER INFORMATION: ISA ports, interrupt line, termination
      return .reply([stored.isaPort, config.bytes[0x3c], 0x83, 0])
    case 0x05: return flag(parameter) { $0.reportsFreeMailboxes = $1 }
    case 0x25: return flag(parameter) { $0.areInterruptsEnabled = $1 }
    case 0x8f: return flag(parameter) { $0.isStrict = $1 }
    case 0x96: return flag(parameter) { $0.usesExtendedUnits = $1 }
    case 0x0a: return .reply((0..<8).map { bus.isPresent($0) ? 1 : 0 })
    case 0x23: return .reply((8..<16).map { bus.isPresent($0) ? 1 : 0 })
    case 0x24:
      let there = (0..<16).reduce(0) { bus.isPresent($1) ? $0 | 1 << $1 : $0 }
      return .reply([UInt8(there & 0xff), UInt8(there >> 8)])
    case 0x0b: return .reply([0, interruptBits, UInt8(BusLogic.initiator)])
    case 0x0d: return .reply(cut(setup, parameter))
    case 0x8d: return .reply(cut(extendedSetup, parameter))
    case 0x8b: return .reply(cut(BusLogic.model, parameter))
    case 0x8c: return .reply(cut([UInt8](repeating: 0, count: 16), parameter))  // INQUIRE SYNCHRONOUS PERIOD
    case 0x1f: return .reply([parameter])
    case 0x91: return fetch(Int(parameter), Int(command[2]))
    case 0x90: return store(Int(parameter), Array(command[3...]))
    case 0x95:
      guard parameter < 8 else { return .invalid }
      moveISA(parameter, host)
      return .silent
    default: return .invalid
    }
  }
  private mutating func flag(_ parameter: UInt8, _ body: (inout State, Bool) -> Void) -> Outcome {
    guard parameter < 2 else { return .invalid }
    body(&stored, parameter == 1)
    return .done
  }
  /// As many bytes as were asked for: zeroes behind what there is.
  private func cut(_ bytes: [UInt8], _ count: UInt8) -> [UInt8] {
    Array((bytes + [UInt8](repeating: 0, count: 256)).prefix(Int(count)))
  }

  private mutating func initialize(count: UInt8, base: UInt32, isExtended: Bool) -> Outcome {
    guard count > 0 else { return .invalid }
    stored.mailboxes = Mailboxes()
    (stored.mailboxes.count, stored.mailboxes.base) = (count, base)
    stored.mailboxes.isExtended = isExtended
    stored.needsMailboxes = false
    return .done
  }
  /// FETCH HOST ADAPTER LOCAL RAM ends without an interrupt.
  private func fetch(_ offset: Int, _ count: Int) -> Outcome {
    guard offset + count <= stored.memory.count else { return .invalid }
    return .silentReply(Array(stored.memory[offset..<offset + count]))
  }
  /// STORE HOST ADAPTER LOCAL RAM.
  private mutating func store(_ offset: Int, _ bytes: [UInt8]) -> Outcome {
    guard offset + bytes.count <= stored.memory.count else { return .invalid }
    stored.memory.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return .done
  }

  /// INQUIRE CONFIGURATION: lines 9 to 12, 14 and 15.
  private var interruptBits: UInt8 {
    let line = config.bytes[0x3c]
    return (9...15).contains(line) && line != 13 ? 1 << (line - 9) : 0
  }
  /// INQUIRE SETUP INFORMATION.
  private var setup: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 34)
    bytes[0] = 0x03  // synchronous transfers, parity
    bytes[4] = stored.mailboxes.count
    for index in 0..<3 { bytes[5 + index] = UInt8(truncatingIfNeeded: stored.mailboxes.base >> UInt32(16 - index * 8)) }
    bytes[16] = 0xff  // disconnection allowed
    (bytes[17], bytes[18], bytes[19]) = (0x42, 0x44, 0x46)  // signature "BD", PCI
    (bytes[20], bytes[30], bytes[32]) = (0xff, 0xff, 0xff)
    return bytes
  }
  /// INQUIRE EXTENDED SETUP INFORMATION.
  private var extendedSetup: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 14)
    bytes[0] = 0x45  // 'E': EISA, VESA or PCI
    bytes.put(2, UInt64(BusLogicBlock.elementLimit), 2)
    bytes[4] = stored.mailboxes.count
    bytes.put(5, UInt64(stored.mailboxes.base), 4)
    bytes[9] = 0x40  // level triggered interrupt
    bytes.replaceSubrange(10..<13, with: BusLogic.firmware[1...3])
    bytes[13] = 0x09  // wide, ultra
    return bytes
  }
}
