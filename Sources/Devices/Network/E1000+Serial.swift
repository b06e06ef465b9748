import Base
import DeviceKit

// What is behind the two serial interfaces of the controller: the Microwire EEPROM and the PHY.

extension E1000 {
  /// A 64-word Microwire EEPROM (5.3, 5.6) with EECD's four wires, and EERD.
  struct EEPROM: SavedState {
    enum Control {
      static let clock: UInt32 = 1, select: UInt32 = 2, input: UInt32 = 4, output: UInt32 = 8
      static let request: UInt32 = 1 << 6, grant: UInt32 = 1 << 7, present: UInt32 = 1 << 8
    }
    var words = [UInt16](repeating: 0, count: EEPROM.size)
    var control: UInt32 = Control.output
    /// Bits shifted in since the start bit, and how many.
    var shift: UInt32 = 0
    var bits: UInt8 = 0
    /// Bits still to be shifted out, most significant first; the first is the dummy zero.
    var outgoing: UInt32 = 0
    var outgoingBits: UInt8 = 0
    var mayWrite = false

    static let size = 64
    /// The sum of all words (5.6.35).
    private static let checksum: UInt16 = 0xbaba

    init() {}
    init(mac: MACAddress, model: Model) {
      for word in 0..<3 { words[word] = UInt16(mac.bytes[word * 2]) | UInt16(mac.bytes[word * 2 + 1]) << 8 }
      words[0x05] = 0xffff
      words[0x08] = 0xffff
      words[0x09] = 0xffff
      words[0x0a] = model == .i82543GC ? 0x4408 : 0x640a  // initialization control 1
      words[0x0b] = model == .i82543GC ? 0x1004 : 0x001e  // subsystem
      words[0x0c] = 0x8086
      words[0x0d] = model.deviceID
      words[0x0e] = 0x8086
      words[0x0f] = 0x3040  // initialization control 2
      words[0x21] = 0x7863
      words[0x3f] = EEPROM.checksum &- words[..<0x3f].reduce(0, &+)
    }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedIntegers("word", &words, in: 0...UInt16.max)
      try visit.field("control", &control)
      try visit.field("shift", &shift)
      try visit.field("bits", &bits, in: 0...25)
      try visit.field("outgoing", &outgoing)
      try visit.field("outgoingBits", &outgoingBits, in: 0...17)
      try visit.field("mayWrite", &mayWrite)
    }

    /// EERD (13.4.4): start in bit 0, address from bit 8; done in bit 4, data from bit 16.
    func read(register value: UInt32) -> UInt32 {
      guard value & 1 != 0 else { return value & ~0x10 }
      let address = Int(value >> 8 & 0xff)
      return value & 0xffff | 0x10 | UInt32(address < EEPROM.size ? words[address] : 0) << 16
    }

    /// EECD (13.4.3). Data is taken in, and the next bit put out, at each rising edge of the clock.
    mutating func write(control value: UInt32) {
      let rises = value & Control.clock != 0 && control & Control.clock == 0
      let selected = value & Control.select != 0
      let wires = Control.clock | Control.select | Control.input | Control.request
      control = control & Control.output | value & wires
      if value & Control.request != 0 { control |= Control.grant }
      if !selected {
        // Deselecting ends a command; a chip that is selected again shows that it is ready.
        (shift, bits, outgoing, outgoingBits) = (0, 0, 0, 0)
        control |= Control.output
      } else if rises {
        clock(value & Control.input != 0)
      }
    }

    private mutating func clock(_ bit: Bool) {
      if outgoingBits > 0 {
        outgoingBits -= 1
        let isHigh = outgoing >> UInt32(outgoingBits) & 1 == 1
        control = isHigh ? control | Control.output : control & ~Control.output
        return
      }
      // Zeroes before the start bit mean nothing.
      guard bits > 0 || bit else { return }
      guard bits < 25 else { return }
      shift = shift << 1 | (bit ? 1 : 0)
      bits += 1
      // Start bit, two bits of opcode, six of address; then 16 of data when it is a write.
      guard bits == 9 || bits == 25 else { return }
      let command = bits == 9 ? shift : shift >> 16
      let address = Int(command & 0x3f)
      switch (command >> 6 & 3, bits) {
      case (2, 9):
        (outgoing, outgoingBits) = (UInt32(words[address]), 16)
        // The dummy zero comes with the last address bit.
        control &= ~Control.output
        (shift, bits) = (0, 0)
      case (1, 25): if mayWrite { words[address] = UInt16(truncatingIfNeeded: shift) }
      case (3, 9): if mayWrite { words[address] = 0xffff }
      case (0, 9):
        // EWEN 11xxxx, EWDS 00xxxx; write-all and erase-all are not modelled.
        if address >> 4 == 3 { mayWrite = true } else if address >> 4 == 0 { mayWrite = false }
      default: break
      }
    }
  }

  /// The registers of the PHY (IEEE 802.3 clause 22, and Marvell's), and MDIO for the 82543GC, which has no MDIC.
  struct Phy: SavedState {
    enum Register {
      static let control = 0, status = 1, id1 = 2, id2 = 3, advertise = 4, partner = 5, expansion = 6
      static let gigabitControl = 9, gigabitStatus = 10, specificControl = 16, specificStatus = 17
    }
    var registers = [UInt16](repeating: 0, count: 32)
    /// The link went away since the status register was last read: it latches low (22.2.4.2.13).
    var linkLost = false
    /// Bits of a frame on MDIO so far, and how many; preamble bits do not count.
    var shift: UInt32 = 0
    var bits: UInt8 = 0
    var outgoing: UInt16 = 0
    var outgoingBits: UInt8 = 0
    var level = true

    init() {
      registers[Register.control] = 0x1140
      registers[Register.advertise] = 0x01e1
      registers[Register.gigabitControl] = 0x0300
      registers[Register.specificControl] = 0x0068
    }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedIntegers("register", &registers, in: 0...UInt16.max)
      try visit.field("linkLost", &linkLost)
      try visit.field("shift", &shift)
      try visit.field("bits", &bits, in: 0...31)
      try visit.field("outgoing", &outgoing)
      try visit.field("outgoingBits", &outgoingBits, in: 0...17)
      try visit.field("level", &level)
    }
    var isPoweredDown: Bool { registers[Register.control] & 0x0800 != 0 }
    mutating func linkChanged() { linkLost = true }

    mutating func read(_ register: Int, id: UInt32, cable: Bool) -> UInt16 {
      let link = cable && !isPoweredDown
      switch register {
      case Register.status:
        let up = link && !linkLost
        linkLost = false
        return 0x7949 | (link ? 0x20 : 0) | (up ? 4 : 0)
      case Register.id1: return UInt16(truncatingIfNeeded: id >> 16)
      case Register.id2: return UInt16(truncatingIfNeeded: id)
      case Register.partner: return link ? 0x45e1 : 0
      case Register.expansion: return link ? 3 : 0
      case Register.gigabitStatus: return link ? 0x3c00 : 0
      case 15: return 0x3000
      // 1000 Mb/s, full duplex, resolved, link.
      case Register.specificStatus: return link ? 0xac08 | 0x0400 : 0x8000
      default: return registers[register & 31]
      }
    }
    mutating func write(_ register: Int, _ value: UInt16) {
      switch register {
      case Register.control:
        if value & 0x8000 != 0 {
          self = Phy()
        } else {
          // Restarting negotiation is over at once.
          registers[Register.control] = value & ~0x0200
        }
      case Register.status, Register.id1, Register.id2, Register.partner, Register.expansion, Register.gigabitStatus,
        Register.specificStatus:
        break
      default: registers[register & 31] = value
      }
    }
  }

  private static let phyAddress: UInt32 = 1

  /// MDIC (13.4.8): data 15-0, register 20-16, PHY 25-21, operation 27-26 (1 write, 2 read), ready 28, interrupt 29,
  /// error 30.
  mutating func mdic(_ value: UInt32, _ host: some DeviceServices) -> UInt32 {
    let register = Int(value >> 16 & 31)
    guard value >> 21 & 31 == E1000.phyAddress else { return value | 1 << 30 | 1 << 28 }
    switch value >> 26 & 3 {
    case 1:
      writePhy(register, UInt16(truncatingIfNeeded: value), host)
      return value | 1 << 28
    case 2: return value & ~0xffff | UInt32(readPhy(register, host)) | 1 << 28
    default: return value | 1 << 30 | 1 << 28
    }
  }
  private mutating func readPhy(_ register: Int, _ host: some DeviceServices) -> UInt16 {
    state.phy.read(register, id: model.phyID, cable: host.isLinkUp)
  }
  private mutating func writePhy(_ register: Int, _ value: UInt16, _ host: some DeviceServices) {
    state.phy.write(register, value)
    // Negotiation that was restarted ends with a change of the link's state.
    if register == Phy.Register.control, value & 0x0200 != 0 { raise(Cause.lsc, host) }
  }

  /// Wires of the 82543GC: software defined pins 2 (MDIO) and 3 (MDC), with their directions.
  private enum Wire { static let mdio: UInt32 = 1 << 20, mdc: UInt32 = 1 << 21, mdioOut: UInt32 = 1 << 24 }

  func mdioInput(_ host: some DeviceServices) -> UInt32 {
    guard model == .i82543GC, self[Register.ctrl] & Wire.mdioOut == 0 else { return 0 }
    return state.phy.level ? Wire.mdio : 0
  }
  /// A frame (clause 22.2.4.5): start 01, operation, PHY, register, turnaround, 16 bits of data.
  mutating func mdioOutput(_ before: UInt32, _ value: UInt32, _ host: some DeviceServices) {
    guard model == .i82543GC, value & Wire.mdc != 0, before & Wire.mdc == 0 else { return }
    if value & Wire.mdioOut == 0 {
      if state.phy.outgoingBits > 0 {
        state.phy.outgoingBits -= 1
        let bit = state.phy.outgoingBits
        state.phy.level = bit < 16 && state.phy.outgoing >> UInt16(bit) & 1 == 1
      } else {
        state.phy.level = true
      }
      return
    }
    state.phy.outgoingBits = 0
    let bit: UInt32 = value & Wire.mdio != 0 ? 1 : 0
    // The preamble is ones; a zero begins a frame.
    guard state.phy.bits > 0 || bit == 0 else { return }
    state.phy.shift = state.phy.shift << 1 | bit
    state.phy.bits += 1
    if state.phy.bits == 2, state.phy.shift & 3 != 1 {
      state.phy.bits = bit == 0 ? 1 : 0
    } else if state.phy.bits == 14, state.phy.shift >> 10 & 3 == 2 {
      let (phy, register) = (state.phy.shift >> 5 & 31, Int(state.phy.shift & 31))
      state.phy.outgoing = phy == E1000.phyAddress ? readPhy(register, host) : 0xffff
      // One clock of turnaround, in which the PHY drives a zero, stands before the data.
      state.phy.outgoingBits = 17
      (state.phy.shift, state.phy.bits) = (0, 0)
    } else if state.phy.bits == 32 {
      let frame = state.phy.shift
      (state.phy.shift, state.phy.bits) = (0, 0)
      guard frame >> 28 & 3 == 1, frame >> 23 & 31 == E1000.phyAddress else { return }
      writePhy(Int(frame >> 18 & 31), UInt16(truncatingIfNeeded: frame), host)
    }
  }
}
