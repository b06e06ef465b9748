import Base
import DeviceKit

/// Carrying out the command list of a port (AHCI 1.3.1, 4.2 and 5.3).
extension AHCIPort {
  /// Entries of a descriptor table that are looked at: 32 MiB in pages, and some.
  private static let descriptorLimit = 8448
  /// Sectors of a read from a CD: what a backend accepts.
  private static let discLimit: UInt32 = 131_072

  /// A command as it stands in guest memory, read once.
  private struct Slot {
    var number: Int
    var headerAddress: UInt64
    var tableAddress: UInt64
    var descriptors: Int
    /// Command frame and command packet.
    var frame: [UInt8]
    var packet: [UInt8]
  }

  private var canStart: Bool {
    isStarted && !state.isHalted && state.commandIssue != 0 && isOnline && pendingReset == nil
      && state.drive.status & (ATAStatus.BSY | ATAStatus.DRQ) == 0
  }
  /// Starts commands, beginning behind the last, until the drive is busy or there is none left.
  mutating func runCommands(_ host: some DeviceServices) {
    while canStart {
      // Rotated, so that the slot that comes first is bit 0.
      let shift = UInt32(state.nextSlot)
      let issued = state.commandIssue >> shift | state.commandIssue << (32 - shift)
      let slot = (Int(state.nextSlot) + issued.trailingZeroBitCount) & 31
      state.currentSlot = UInt8(slot)
      state.nextSlot = UInt8((slot + 1) & 31)
      start(slot, host)
    }
  }
  private func bit(_ slot: Int) -> UInt32 { 1 << UInt32(slot & 31) }

  private func fetch(_ number: Int, _ host: some DeviceServices) -> Slot? {
    let headerAddress = state.commandListBase &+ UInt64(number) * 32
    let header = host.dmaRead(GuestPhysical(headerAddress), count: 16)
    let table = header.little(8, 8) & ~0x7f
    let bytes = host.dmaRead(GuestPhysical(table), count: 0x50)
    // A frame of five words from host to device.
    guard header.count == 16, bytes.count == 0x50, header[0] & 0x1f >= 5, bytes[0] == 0x27 else { return nil }
    return Slot(
      number: number, headerAddress: headerAddress, tableAddress: table, descriptors: Int(header.little(2, 2)),
      frame: Array(bytes[0..<20]), packet: Array(bytes[0x40..<0x50]))
  }

  private mutating func start(_ number: Int, _ host: some DeviceServices) {
    guard let slot = fetch(number, host) else {
      host.log(.guestError, "AHCI port \(self.number): slot \(number) holds no command")
      state.interruptStatus |= AHCIInterrupt.IFS
      state.isHalted = true
      return
    }
    let frame = slot.frame
    guard frame[1] & 0x80 != 0 else { return writeDeviceControl(slot, host) }
    let isQueued = !isCDROM && (frame[2] == 0x60 || frame[2] == 0x61)
    load(frame)
    if !isQueued { setCount(0, slot.number, host) }
    // There is no port multiplier; and queued commands share the drive with no others.
    guard frame[1] & 15 == 0, isQueued || state.sataActive & ~state.commandIssue == 0 else {
      return fail(ATAError.ABRT, host)
    }
    if isQueued { return startQueued(slot, isWrite: frame[2] == 0x61, host) }
    if !isCDROM, frame[2] == 0x2f || frame[2] == 0x47 { return readLog(slot, isDMA: frame[2] == 0x47, host) }
    var unit = unit
    let outcome = unit.perform(frame[2])
    take(unit)
    carryOut(outcome, slot, host)
  }
  private mutating func load(_ frame: [UInt8]) {
    func pair(_ low: Int, _ high: Int) -> UInt16 { UInt16(frame[low]) | UInt16(frame[high]) << 8 }
    state.drive.features = pair(3, 11)
    state.drive.low = pair(4, 8)
    state.drive.mid = pair(5, 9)
    state.drive.high = pair(6, 10)
    state.drive.count = pair(12, 13)
    state.device = frame[7]
    state.drive.error = 0
  }
  private var unit: ATAUnit {
    ATAUnit(
      configuration: configuration, connection: .serial, defaultSerial: "RBS\(number)", drive: state.drive,
      device: state.device)
  }
  private mutating func take(_ unit: ATAUnit) {
    state.drive = unit.drive
    state.device = unit.device
  }

  /// A frame without a command: SRST set, then clear, resets the drive.
  private mutating func writeDeviceControl(_ slot: Slot, _ host: some DeviceServices) {
    state.commandIssue &= ~bit(slot.number)
    let isReset = slot.frame[15] & ATAControl.SRST != 0
    if state.isInSoftwareReset, !isReset { softwareReset(host) }
    state.isInSoftwareReset = isReset
  }

  private mutating func carryOut(_ outcome: ATAUnit.Outcome, _ slot: Slot, _ host: some DeviceServices) {
    switch outcome {
    case .done: finish(slot.number, host)
    case .fail(let error): fail(error, host)
    case .reset:
      state.commandIssue &= ~bit(slot.number)
      postRegisters(interrupt: false, host)
    case .data(let bytes): reply(bytes, slot, form: .pioIn, host)
    case .transfer(let transfer):
      let form: Command.Form = transfer.isDMA || transfer.isWrite ? .other : .pioIn
      let command = Command(
        slot: slot.number, form: form, count: Int(transfer.count) * 512, isRead: !transfer.isWrite,
        sector: transfer.sector, run: run)
      submit(command, slot, thenFlush: transfer.isForced, host)
    case .flush:
      let command = Command(slot: slot.number, form: .other, count: 0, isRead: false, sector: 0, run: run)
      state.drive.status = ATAStatus.BSY | ATAStatus.DRDY
      jobs.start(BlockRequest(.flush), drive: number, command, host)
    case .trim(let count): trim(count, slot, host)
    case .packet: startPacket(slot, host)
    }
  }

  // MARK: Data

  /// Guest memory for `wanted` bytes, or for as many as the table describes.
  private func descriptors(_ slot: Slot, _ wanted: Int, _ host: some DeviceServices) -> (
    list: [GuestSegment], count: Int
  ) {
    var list: [GuestSegment] = []
    var count = 0
    var left = min(slot.descriptors, AHCIPort.descriptorLimit)
    var position = slot.tableAddress &+ 0x80
    while left > 0, count < wanted {
      let entries = min(left, 512, (wanted - count) / 4096 + 2)
      let batch = host.dmaRead(GuestPhysical(position), count: entries * 16)
      for at in stride(from: 0, to: batch.count - 15, by: 16) where count < wanted {
        let size = min(Int(batch.little(at + 12, 4) & 0x3f_ffff | 1) + 1, wanted - count)
        list.append(GuestSegment(address: GuestPhysical(batch.little(at, 8) & ~1), count: size))
        count += size
      }
      left -= entries
      position = position &+ UInt64(entries * 16)
    }
    return (list, count)
  }
  /// PRDBC of the command header.
  private func setCount(_ count: Int, _ slot: Int, _ host: some DeviceServices) {
    var bytes: [UInt8] = [0, 0, 0, 0]
    bytes.put(0, UInt64(count), 4)
    host.dmaWrite(GuestPhysical(state.commandListBase &+ UInt64(slot) * 32 &+ 4), bytes)
  }

  /// Straight between backend and guest memory.
  private mutating func submit(_ command: Command, _ slot: Slot, thenFlush: Bool = false, _ host: some DeviceServices) {
    let (list, count) = descriptors(slot, command.count, host)
    guard count == command.count else { return overflow(host) }
    if command.form != .queued { state.drive.status = ATAStatus.BSY | ATAStatus.DRDY }
    let request = BlockRequest(
      command.isRead ? .read : .write, sector: command.sector, count: count, payload: .guest(list))
    jobs.start(request, then: thenFlush ? [BlockRequest(.flush)] : [], drive: number, command, host)
  }
  /// The descriptor table is shorter than the transfer.
  private mutating func overflow(_ host: some DeviceServices) {
    host.log(.guestError, "AHCI port \(number): descriptor table shorter than the transfer")
    state.interruptStatus |= AHCIInterrupt.OFS
    fail(ATAError.ABRT, host)
  }
  /// Bytes that the drive has at once: as many as there is room for.
  private mutating func reply(
    _ bytes: [UInt8], _ slot: Slot, form: Command.Form, _ host: some DeviceServices
  ) {
    let (list, count) = descriptors(slot, bytes.count, host)
    host.scatter(Array(bytes.prefix(count)), list)
    end(
      Command(slot: slot.number, form: form, count: count, isRead: true, sector: 0, run: run), host)
  }
  private mutating func trim(_ size: Int, _ slot: Slot, _ host: some DeviceServices) {
    let (list, count) = descriptors(slot, size, host)
    guard count == size else { return overflow(host) }
    let bytes = host.gather(list)
    var ranges: [Range<UInt64>] = []
    var position = 0
    while let (sector, count) = ATAUnit.nextRange(bytes, &position) {
      guard unit.fits(sector, count) else { return fail(ATAError.IDNF, host) }
      ranges.append(sector..<sector + count)
    }
    let command = Command(slot: slot.number, form: .other, count: size, isRead: false, sector: 0, run: run)
    state.drive.status = ATAStatus.BSY | ATAStatus.DRDY
    guard jobs.start(BlockRequest.clearing(ranges, by: .discard), drive: number, command, host) else {
      return end(command, host)
    }
  }

  // MARK: Packets

  private mutating func startPacket(_ slot: Slot, _ host: some DeviceServices) {
    var unit = unit
    var outcome = unit.perform(packet: slot.packet)
    if case .read(_, let count) = outcome, count > AHCIPort.discLimit {
      outcome = unit.check(.illegalRequest, 0x24)
    }
    take(unit)
    // By DMA or PIO, as the features register says; the data is in the same place.
    let command = Command(slot: slot.number, form: .packet, count: 0, isRead: true, sector: 0, run: run)
    switch outcome {
    case .done: end(command, host)
    case .failed(let error): fail(error, isPacket: true, host)
    case .reply(let bytes): reply(bytes, slot, form: .packet, host)
    case .read(let sector, let count):
      submit(
        Command(
          slot: slot.number, form: .packet, count: Int(count) * 512, isRead: true, sector: sector, run: run), slot,
        host)
    }
  }

  // MARK: Queued commands (Serial ATA 2.6, 13.6)

  private mutating func startQueued(_ slot: Slot, isWrite: Bool, _ host: some DeviceServices) {
    let drive = state.drive
    let count = drive.features == 0 ? 65_536 : UInt64(drive.features)
    let sector = drive.address(extended: true, device: state.device) ?? 0
    let tag = Int(drive.count >> 3 & 31)
    let command = Command(
      slot: slot.number, form: .queued, count: Int(count) * 512, isRead: !isWrite, sector: sector, run: run)
    guard tag == slot.number, state.sataActive & bit(tag) != 0, !isWrite || !configuration.medium.readOnly else {
      return failQueued(command, ATAError.ABRT, host)
    }
    guard unit.fits(sector, count) else { return failQueued(command, ATAError.IDNF, host) }
    let (isForced, before) = (isWrite && state.device & 0x80 != 0, jobs.count)
    submit(command, slot, thenFlush: isForced, host)
    // The drive has taken it, and is ready for the next. The frame that says so is not posted: nobody waits for it.
    if jobs.count > before {
      state.commandIssue &= ~bit(slot.number)
      state.drive.status = ATAStatus.DRDY | ATAStatus.DSC
    }
  }
  /// All other queued commands are given up with the one that failed.
  private mutating func failQueued(_ command: Command, _ error: UInt8, _ host: some DeviceServices) {
    abandon()
    state.commandIssue &= ~bit(command.slot)
    state.drive.status = ATAStatus.DRDY | ATAStatus.DSC | ATAStatus.ERR
    state.drive.error = error
    (state.failedTag, state.failedSector) = (UInt8(command.slot), command.sector)
    (state.failedStatus, state.failedError) = (state.drive.status, error)
    postDeviceBits(0, host)
    state.interruptStatus |= AHCIInterrupt.TFES
    state.isHalted = true
  }
  /// READ LOG EXT and READ LOG DMA EXT: the directory, and the log of queued commands' errors (ATA8-ACS, A.11).
  private mutating func readLog(_ slot: Slot, isDMA: Bool, _ host: some DeviceServices) {
    var log = [UInt8](repeating: 0, count: 512)
    guard state.drive.count == 1, state.drive.mid == 0 else { return fail(ATAError.ABRT, host) }
    switch state.drive.low & 0xff {
    case 0x00:
      log[0] = 1
      log[0x20] = 1
    case 0x10:
      log[0] = state.failedTag
      (log[2], log[3]) = (state.failedStatus, state.failedError)
      for byte in 0..<3 {
        log[4 + byte] = UInt8(truncatingIfNeeded: state.failedSector >> UInt64(byte * 8))
        log[8 + byte] = UInt8(truncatingIfNeeded: state.failedSector >> UInt64(byte * 8 + 24))
      }
      log[7] = 0x40
      log[511] = 0 &- log.reduce(0, &+)
      state.failedTag = 0x80
    default: return fail(ATAError.ABRT, host)
    }
    reply(log, slot, form: isDMA ? .other : .pioIn, host)
  }

  // MARK: Ends

  /// The backend has carried a command out, or could not.
  mutating func ended(_ command: Command, _ status: BlockCompletion.Status, _ host: some DeviceServices) {
    guard status != .done else { return end(command, host) }
    if command.form == .packet { return fail(state.drive.setSense(for: status), isPacket: true, host) }
    let error = ATAUnit.error(for: status, isRead: command.isRead)
    if command.form == .queued { return failQueued(command, error, host) }
    state.drive.setAddress(command.sector)
    fail(error, host)
  }
  /// The command has ended well.
  private mutating func end(_ command: Command, _ host: some DeviceServices) {
    if command.form == .queued {
      state.sataActive &= ~bit(command.slot)
      return postDeviceBits(bit(command.slot), host)
    }
    setCount(command.count, command.slot, host)
    if command.form == .pioIn {
      state.drive.status = ATAStatus.DRDY | ATAStatus.DSC
      state.commandIssue &= ~bit(command.slot)
      return postPIOSetup(command.count, host)
    }
    finish(command.slot, isPacket: command.form == .packet, host)
  }
  private mutating func finish(_ slot: Int, isPacket: Bool = false, _ host: some DeviceServices) {
    state.commandIssue &= ~bit(slot)
    state.drive.status = ATAStatus.DRDY | (isCDROM ? 0 : ATAStatus.DSC)
    state.drive.error = 0
    if isPacket { state.drive.count = UInt16(ATAPIReason.IO | ATAPIReason.CoD) }
    postRegisters(interrupt: true, host)
  }
  /// The command of the current slot has failed: the list stops until software clears ST.
  private mutating func fail(_ error: UInt8, isPacket: Bool = false, _ host: some DeviceServices) {
    state.drive.status = ATAStatus.DRDY | (isCDROM ? 0 : ATAStatus.DSC) | ATAStatus.ERR
    state.drive.error = error
    if isPacket { state.drive.count = UInt16(ATAPIReason.IO | ATAPIReason.CoD) }
    postRegisters(interrupt: true, host)
    state.interruptStatus |= AHCIInterrupt.TFES
    state.isHalted = true
  }
}
