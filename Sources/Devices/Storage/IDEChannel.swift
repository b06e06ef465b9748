import Base
import DeviceKit

/// One IDE channel at work: task file, data port, interrupts, resets.
///
/// The backend has at most one request of a channel at a time; its tag tells it from those of before a reset.
struct IDEChannel {
  let number: Int
  var configurations: [ATADriveConfiguration]
  var state = IDEChannelState()
  /// Tag of the request under way. Not saved: after a restore the request is made anew.
  var activeTag: UInt64?
  private var lastTag: UInt64 = 0

  init(number: Int, drives: [ATADriveConfiguration]) {
    self.number = number
    configurations = drives
  }

  var selected: Int { Int(state.device >> 4 & 1) }
  func isPresent(_ drive: Int) -> Bool { configurations[drive].kind != .none }
  func isCDROM(_ drive: Int) -> Bool { configurations[drive].kind == .cdrom }
  /// Drive that carries out the command under way.
  var actor: Int { Int(state.transfer.drive & 1) }

  // MARK: Reset

  mutating func hardwareReset(_ host: some DeviceServices) {
    state = IDEChannelState()
    activeTag = nil
    for drive in 0..<2 { state.drives[drive].setSignature(isCDROM: isCDROM(drive)) }
    updateLine(host)
  }
  mutating func restored(_ host: some DeviceServices) {
    activeTag = nil
    if state.resetPending {
      finishReset(host)
    } else if state.transfer.phase.isWaiting {
      submitPending(host)
    }
    updateLine(host)
  }
  /// Ends the command under way; a backend request runs on and keeps the channel busy until it has ended, because it
  /// may still store to guest memory.
  mutating func startReset(_ host: some DeviceServices) {
    state.resetPending = true
    for drive in 0..<2 {
      state.drives[drive].status = ATAStatus.BSY
      state.drives[drive].interrupt = false
    }
    updateLine(host)
    finishReset(host)
  }
  mutating func finishReset(_ host: some DeviceServices) {
    guard state.resetPending, activeTag == nil, state.control & ATAControl.SRST == 0 else { return }
    state.resetPending = false
    state.transfer = IDETransfer()
    state.busStatus &= ~BusMasterStatus.active
    state.device &= ~0x10
    for drive in 0..<2 {
      state.drives[drive].multiple = 16
      state.drives[drive].setSignature(isCDROM: isCDROM(drive))
    }
    updateLine(host)
  }

  // MARK: Registers

  /// What a read of the (alternate) status register gives.
  var alternateStatus: UInt8 {
    // A lone drive answers for the missing one with 0. On an empty channel DD7 is pulled down, so that nobody waits for BSY
    // to go (ATA/ATAPI, DD7's pull-down); EFI's driver waits for DRQ and ERR as well, for half a minute.
    isPresent(selected) ? state.drives[selected].status : 0
  }

  mutating func readRegister(_ offset: Int, _ host: some DeviceServices) -> UInt8 {
    guard isPresent(0) || isPresent(1) else { return offset == 7 ? 0 : 0xff }
    if offset == 7 {
      let status = alternateStatus
      if state.drives[selected].interrupt {
        state.drives[selected].interrupt = false
        updateLine(host)
      }
      return status
    }
    if offset == 6 { return state.device | 0xa0 }
    // The lone drive answers for the missing one with zeroes, so that probing never finds its registers twice.
    guard isPresent(selected) else { return 0 }
    let drive = state.drives[selected]
    let shift: UInt16 = state.control & ATAControl.HOB != 0 ? 8 : 0
    switch offset {
    case 1: return drive.error
    case 2: return UInt8(truncatingIfNeeded: drive.count >> shift)
    case 3: return UInt8(truncatingIfNeeded: drive.low >> shift)
    case 4: return UInt8(truncatingIfNeeded: drive.mid >> shift)
    case 5: return UInt8(truncatingIfNeeded: drive.high >> shift)
    default: return 0xff
    }
  }

  mutating func writeRegister(_ offset: Int, _ value: UInt8, _ host: some DeviceServices) {
    guard (1...7).contains(offset) else { return }
    state.control &= ~ATAControl.HOB
    if state.transfer.phase.isWaiting || state.resetPending {
      // A busy drive ignores its registers, but for DEVICE RESET of a PACKET device.
      if offset == 7, value == 0x08, isCDROM(selected), !state.resetPending { startReset(host) }
      return
    }
    switch offset {
    case 1: for drive in 0..<2 { IDEChannel.push(&state.drives[drive].features, value) }
    case 2: for drive in 0..<2 { IDEChannel.push(&state.drives[drive].count, value) }
    case 3: for drive in 0..<2 { IDEChannel.push(&state.drives[drive].low, value) }
    case 4: for drive in 0..<2 { IDEChannel.push(&state.drives[drive].mid, value) }
    case 5: for drive in 0..<2 { IDEChannel.push(&state.drives[drive].high, value) }
    case 6:
      state.device = value
      updateLine(host)
    default: startCommand(value, host)
    }
  }
  private static func push(_ register: inout UInt16, _ value: UInt8) { register = register << 8 | UInt16(value) }

  mutating func writeControl(_ value: UInt8, _ host: some DeviceServices) {
    let before = state.control
    state.control = value
    if value & ATAControl.SRST != 0, before & ATAControl.SRST == 0 { startReset(host) }
    if value & ATAControl.SRST == 0, before & ATAControl.SRST != 0 { finishReset(host) }
    updateLine(host)
  }

  // MARK: Interrupts

  /// INTRQ of the drive under way. The bus master latches its rise (BMISX bit 2).
  mutating func raiseInterrupt(_ host: some DeviceServices) {
    state.drives[actor].interrupt = true
    if state.control & ATAControl.nIEN == 0 { state.busStatus |= BusMasterStatus.interrupt }
    updateLine(host)
  }
  mutating func updateLine(_ host: some DeviceServices) {
    host.setLine(
      number, state.drives[selected].interrupt && state.control & ATAControl.nIEN == 0 && isPresent(selected))
  }

  // MARK: Ends of commands

  /// The command has ended without an error.
  mutating func finish(_ host: some DeviceServices, interrupt: Bool = true) {
    state.transfer.phase = .idle
    state.transfer.buffer = []
    (state.transfer.position, state.transfer.blockEnd) = (0, 0)
    state.drives[actor].status = ATAStatus.DRDY | ATAStatus.DSC
    state.drives[actor].error = 0
    if state.transfer.isPacket {
      state.drives[actor].count = UInt16(ATAPIReason.IO | ATAPIReason.CoD)
      state.drives[actor].status = ATAStatus.DRDY
    }
    if interrupt { raiseInterrupt(host) }
  }
  /// The command has ended with the bits `error` in the error register.
  mutating func fail(_ error: UInt8, _ host: some DeviceServices) {
    finish(host, interrupt: false)
    state.drives[actor].status |= ATAStatus.ERR
    state.drives[actor].error = error
    raiseInterrupt(host)
  }

  // MARK: Data port

  mutating func readData(width: Int, _ host: some DeviceServices) -> UInt64 {
    guard state.transfer.phase == .pioIn else { return .max }
    let position = Int(state.transfer.position)
    let end = min(position + max(0, min(width, 8)), Int(state.transfer.blockEnd), state.transfer.buffer.count)
    var value: UInt64 = 0
    if end - position == 2 {
      value = UInt64(state.transfer.buffer[position]) | UInt64(state.transfer.buffer[position + 1]) << 8
    } else {
      for index in position..<max(position, end) {
        value |= UInt64(state.transfer.buffer[index]) << UInt64((index - position) * 8)
      }
    }
    state.transfer.position = UInt32(max(position, end))
    if state.transfer.position >= state.transfer.blockEnd { inBlockDone(host) }
    return value
  }

  mutating func writeData(_ value: UInt64, width: Int, _ host: some DeviceServices) {
    guard state.transfer.phase == .pioOut else { return }
    let position = Int(state.transfer.position)
    let end = min(position + max(0, min(width, 8)), Int(state.transfer.blockEnd), state.transfer.buffer.count)
    for index in position..<max(position, end) {
      state.transfer.buffer[index] = UInt8(truncatingIfNeeded: value >> UInt64((index - position) * 8))
    }
    state.transfer.position = UInt32(max(position, end))
    if state.transfer.position >= state.transfer.blockEnd { outBlockDone(host) }
  }

  // MARK: PIO in

  /// Reads the next piece of the command's sectors into the buffer.
  mutating func startRead(_ host: some DeviceServices) {
    state.transfer.phase = .reading
    state.transfer.chunk = min(state.transfer.remaining, IDETransfer.chunkLimit)
    state.drives[actor].status = ATAStatus.BSY | ATAStatus.DRDY
    submitPending(host)
  }
  /// Offers `bytes` to the guest.
  mutating func offer(_ bytes: [UInt8], _ host: some DeviceServices) {
    state.transfer.buffer = bytes
    state.transfer.position = 0
    startInBlock(host)
  }
  private mutating func startInBlock(_ host: some DeviceServices) {
    state.transfer.phase = .pioIn
    let left = UInt32(state.transfer.buffer.count) - state.transfer.position
    let size = min(max(1, state.transfer.block), left)
    state.transfer.blockEnd = state.transfer.position + size
    state.drives[actor].status = ATAStatus.DRDY | ATAStatus.DSC | ATAStatus.DRQ
    if state.transfer.isPacket {
      state.drives[actor].count = UInt16(ATAPIReason.IO)
      state.drives[actor].mid = UInt16(size & 0xff)
      state.drives[actor].high = UInt16(size >> 8 & 0xff)
    }
    raiseInterrupt(host)
  }
  private mutating func inBlockDone(_ host: some DeviceServices) {
    if Int(state.transfer.position) < state.transfer.buffer.count {
      startInBlock(host)
    } else if state.transfer.remaining > 0 {
      startRead(host)
    } else {
      // PIO data-in commands end with the last block; the PACKET protocol has one more interrupt.
      finish(host, interrupt: state.transfer.isPacket)
    }
  }

  // MARK: PIO out

  /// Asks the guest for the next piece of data. The first block comes without an interrupt.
  mutating func requestData(first: Bool, _ host: some DeviceServices) {
    state.transfer.chunk = min(state.transfer.remaining, IDETransfer.chunkLimit)
    state.transfer.buffer = [UInt8](repeating: 0, count: Int(state.transfer.chunk) * 512)
    state.transfer.position = 0
    startOutBlock(interrupt: !first, host)
  }
  private mutating func startOutBlock(interrupt: Bool, _ host: some DeviceServices) {
    state.transfer.phase = .pioOut
    let left = UInt32(state.transfer.buffer.count) - state.transfer.position
    state.transfer.blockEnd = state.transfer.position + min(max(1, state.transfer.block), left)
    state.drives[actor].status = ATAStatus.DRDY | ATAStatus.DSC | ATAStatus.DRQ
    if interrupt { raiseInterrupt(host) }
  }
  /// Asks for a command packet.
  mutating func requestPacket() {
    state.transfer.phase = .pioOut
    state.transfer.isCommandPacket = true
    state.transfer.buffer = [UInt8](repeating: 0, count: 12)
    (state.transfer.position, state.transfer.blockEnd) = (0, 12)
    state.drives[actor].count = UInt16(ATAPIReason.CoD)
    state.drives[actor].status = ATAStatus.DRDY | ATAStatus.DRQ
  }
  private mutating func outBlockDone(_ host: some DeviceServices) {
    if Int(state.transfer.position) < state.transfer.buffer.count {
      startOutBlock(interrupt: true, host)
    } else if state.transfer.isCommandPacket {
      let packet = state.transfer.buffer
      state.transfer.isCommandPacket = false
      state.transfer.buffer = []
      (state.transfer.position, state.transfer.blockEnd) = (0, 0)
      startPacket(packet, host)
    } else {
      state.transfer.phase = .writing
      state.drives[actor].status = ATAStatus.BSY | ATAStatus.DRDY
      submitPending(host)
    }
  }

  // MARK: Backend

  mutating func submit(_ request: BlockRequest, _ host: some DeviceServices) {
    var request = request
    lastTag &+= 1
    request.tag = lastTag
    activeTag = lastTag
    host.submit(request, drive: number * 2 + actor)
  }

  /// Makes the request that the phase stands for: also after a restore.
  mutating func submitPending(_ host: some DeviceServices) {
    let transfer = state.transfer
    // Clamped: a loaded state may hold any chunk.
    let bytes = Int(min(transfer.chunk, IDETransfer.chunkLimit)) * 512
    switch transfer.phase {
    case .reading:
      submit(BlockRequest(.read, sector: transfer.sector, count: bytes), host)
    case .writing:
      submit(
        BlockRequest(
          .write, sector: transfer.sector, count: transfer.buffer.count, payload: .buffer(transfer.buffer)), host)
    case .flushing: submit(BlockRequest(.flush), host)
    case .trimming: submitTrim(host)
    case .dmaActive: submitDMA(host)
    case .idle, .pioIn, .pioOut, .dmaReady: break
    }
  }

  mutating func completed(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard completion.tag == activeTag else { return }
    activeTag = nil
    if state.resetPending {
      finishReset(host)
      return
    }
    let transfer = state.transfer
    guard completion.status == .done else {
      backendFailed(completion.status, host)
      return
    }
    switch transfer.phase {
    case .reading:
      guard completion.data.count == Int(transfer.chunk) * 512 else {
        backendFailed(.ioError, host)
        return
      }
      advance()
      offer(completion.data, host)
    case .writing:
      advance()
      if state.transfer.remaining > 0 { requestData(first: false, host) } else { finish(host) }
    case .flushing: finish(host)
    case .trimming: submitTrim(host)
    case .dmaActive: finishDMA(host)
    case .idle, .pioIn, .pioOut, .dmaReady: break
    }
  }
  private mutating func advance() {
    state.transfer.sector &+= UInt64(state.transfer.chunk)
    state.transfer.remaining -= min(state.transfer.remaining, state.transfer.chunk)
  }
  private mutating func backendFailed(_ status: BlockCompletion.Status, _ host: some DeviceServices) {
    state.busStatus &= ~BusMasterStatus.active
    if state.transfer.isPacket {
      fail(state.drives[actor].setSense(for: status), host)
      return
    }
    state.drives[actor].setAddress(state.transfer.sector)
    let phase = state.transfer.phase
    let isRead = phase == .reading || (phase == .dmaActive && !state.transfer.isWrite)
    fail(ATAUnit.error(for: status, isRead: isRead), host)
  }

  mutating func mediumChanged(_ drive: Int, _ medium: MediumInfo) {
    configurations[drive].medium = medium
    guard isCDROM(drive) else { return }
    state.drives[drive].mediumChanged(isPresent: medium.sectors > 0)
  }

  func info() -> String {
    var lines = ["channel \(number): \(state.transfer.phase), device \(selected), control \(state.control)"]
    for drive in 0..<2 where isPresent(drive) {
      let medium = configurations[drive].medium
      lines.append(
        "  drive \(drive): \(configurations[drive].kind), \(medium.sectors) sectors, "
          + "status 0x\(String(state.drives[drive].status, radix: 16))")
    }
    return lines.joined(separator: "\n")
  }
}
