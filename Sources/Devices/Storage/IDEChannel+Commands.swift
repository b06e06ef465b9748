import Base
import DeviceKit

extension IDEChannel {
  /// The drive under way as `ATAUnit` sees it.
  private var unit: ATAUnit {
    ATAUnit(
      configuration: configurations[actor], connection: .parallel(isSlave: actor == 1),
      defaultSerial: "RB\(number)\(actor)", drive: state.drives[actor], device: state.device)
  }
  private mutating func take(_ unit: ATAUnit) {
    state.drives[actor] = unit.drive
    state.device = unit.device
  }

  /// A write of the command register, with the channel not busy.
  mutating func startCommand(_ command: UInt8, _ host: some DeviceServices) {
    if command == ATACommand.executeDiagnostic, isPresent(0) || isPresent(1) {
      runDiagnostic(host)
      return
    }
    let drive = selected
    guard isPresent(drive) else { return }
    state.transfer = IDETransfer()
    state.transfer.drive = UInt8(drive)
    state.drives[drive].interrupt = false
    state.drives[drive].error = 0
    state.drives[drive].status = ATAStatus.DRDY | ATAStatus.DSC
    updateLine(host)
    var unit = unit
    let outcome = unit.perform(command)
    take(unit)
    switch outcome {
    case .done: finish(host)
    case .fail(let error): fail(error, host)
    case .reset: break
    case .data(let bytes): offer(bytes, host)
    case .transfer(let transfer): start(transfer, host)
    case .flush:
      state.transfer.phase = .flushing
      state.drives[actor].status = ATAStatus.BSY | ATAStatus.DRDY
      submitPending(host)
    case .trim(let count):
      // Its data is small, so it is taken into the buffer first.
      state.transfer.isWrite = true
      state.transfer.buffer = [UInt8](repeating: 0, count: count)
      waitForBusMaster(host)
    case .packet:
      state.transfer.isPacket = true
      requestPacket()
    }
  }

  private mutating func start(_ transfer: ATAUnit.Transfer, _ host: some DeviceServices) {
    state.transfer.sector = transfer.sector
    state.transfer.remaining = transfer.count
    state.transfer.isWrite = transfer.isWrite
    state.transfer.block = transfer.block
    if transfer.isDMA {
      waitForBusMaster(host)
    } else if transfer.isWrite {
      requestData(first: true, host)
    } else {
      startRead(host)
    }
  }

  private mutating func runDiagnostic(_ host: some DeviceServices) {
    state.transfer = IDETransfer()
    state.device &= ~0x10
    for drive in 0..<2 {
      state.drives[drive].interrupt = false
      state.drives[drive].setSignature(isCDROM: isCDROM(drive))
    }
    state.transfer.drive = isPresent(0) ? 0 : 1
    raiseInterrupt(host)
  }

  // MARK: Packets

  mutating func startPacket(_ packet: [UInt8], _ host: some DeviceServices) {
    guard packet.count == 12 else { return }
    let limit = UInt32(state.drives[actor].mid & 0xff) | UInt32(state.drives[actor].high & 0xff) << 8
    // Blocks are even, but for the last one (ATA/ATAPI-7, 6.27.5.4).
    state.transfer.block = limit <= 1 || limit == 0xffff ? 0xfffe : limit & ~1
    var unit = unit
    let outcome = unit.perform(packet: packet)
    take(unit)
    let byDMA = state.drives[actor].features & 1 == 1
    switch outcome {
    case .done: finish(host)
    case .failed(let error): fail(error, host)
    case .reply(let bytes):
      guard byDMA else { return offer(bytes, host) }
      state.transfer.buffer = bytes
      waitForBusMaster(host)
    case .read(let sector, let count):
      state.transfer.sector = sector
      state.transfer.remaining = count
      if byDMA { waitForBusMaster(host) } else { startRead(host) }
    }
  }

  // MARK: DATA SET MANAGEMENT

  /// Discards the next range of the list in the buffer.
  mutating func submitTrim(_ host: some DeviceServices) {
    var position = Int(state.transfer.position)
    let range = ATAUnit.nextRange(state.transfer.buffer, &position)
    state.transfer.position = UInt32(position)
    state.transfer.blockEnd = max(state.transfer.blockEnd, state.transfer.position)
    guard let (sector, count) = range else { return finish(host) }
    guard unit.fits(sector, count) else { return fail(ATAError.IDNF, host) }
    submit(BlockRequest(.discard, sector: sector, count: Int(count) * 512), host)
  }
}
