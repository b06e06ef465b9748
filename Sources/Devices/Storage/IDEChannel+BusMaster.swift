import Base
import DeviceKit

/// BMISX (82371SB, 2.7.2).
enum BusMasterStatus { static let active: UInt8 = 0x01, error: UInt8 = 0x02, interrupt: UInt8 = 0x04 }
/// BMICX (82371SB, 2.7.1).
enum BusMasterCommand { static let start: UInt8 = 0x01, toMemory: UInt8 = 0x08 }

extension IDEChannel {
  func readBusMaster(_ offset: Int) -> UInt8 {
    switch offset {
    case 0: state.busCommand
    case 2: state.busStatus
    case 4...7: UInt8(truncatingIfNeeded: state.busTable >> UInt32((offset - 4) * 8))
    default: 0
    }
  }

  mutating func writeBusMaster(_ offset: Int, _ value: UInt8, _ host: some DeviceServices) {
    switch offset {
    case 0:
      let wasStarted = state.busCommand & BusMasterCommand.start != 0
      state.busCommand = value & (BusMasterCommand.start | BusMasterCommand.toMemory)
      if value & BusMasterCommand.start == 0 {
        // A request under way runs on; its end does not set the bit again.
        state.busStatus &= ~BusMasterStatus.active
      } else if !wasStarted {
        state.busStatus |= BusMasterStatus.active
        if state.transfer.phase == .dmaReady { startDMA(host) }
      }
    case 2:
      let writable: UInt8 = 0x60  // drive DMA capable
      let cleared = value & (BusMasterStatus.error | BusMasterStatus.interrupt)
      state.busStatus = (state.busStatus & ~writable & ~cleared) | value & writable
    case 4...7:
      let shift = UInt32((offset - 4) * 8)
      let byte = offset == 4 ? value & 0xfc : value
      state.busTable = state.busTable & ~(0xff << shift) | UInt32(byte) << shift
    default: break
    }
  }

  /// A DMA command is set up: goes on at once if the bus master runs already.
  mutating func waitForBusMaster(_ host: some DeviceServices) {
    state.transfer.phase = .dmaReady
    state.drives[actor].status = ATAStatus.DRDY | ATAStatus.DSC | ATAStatus.DRQ
    if state.busCommand & BusMasterCommand.start != 0, state.busStatus & BusMasterStatus.active != 0 { startDMA(host) }
  }

  // MARK: Descriptor table

  struct Scatter {
    var segments: [GuestSegment] = []
    var count = 0
    /// The table describes no more than the transfer needs.
    var exhausted = false
  }
  /// Physical region descriptors for up to `wanted` bytes. A table lies inside 64 KiB: at most 8192 entries.
  func descriptors(_ wanted: Int, _ host: some DeviceServices) -> Scatter {
    var scatter = Scatter()
    var position = UInt64(state.busTable)
    for _ in 0..<128 {
      let batch = host.dmaRead(GuestPhysical(position), count: 512)
      position += 512
      for at in stride(from: 0, to: batch.count - 7, by: 8) {
        func word(_ at: Int) -> Int { Int(batch[at]) | Int(batch[at + 1]) << 8 }
        let address = UInt64(word(at) | word(at + 2) << 16) & ~1
        let raw = word(at + 4) & 0xfffe
        let size = min(raw == 0 ? 65_536 : raw, wanted - scatter.count)
        let complete = size == (raw == 0 ? 65_536 : raw)
        scatter.segments.append(GuestSegment(address: GuestPhysical(address), count: size))
        scatter.count += size
        let isLast = batch[at + 7] & 0x80 != 0
        if isLast { scatter.exhausted = scatter.count < wanted || complete }
        if isLast || scatter.count == wanted { return scatter }
      }
      if batch.count < 512 { break }
    }
    scatter.exhausted = true
    return scatter
  }

  // MARK: Transfer

  private mutating func startDMA(_ host: some DeviceServices) {
    if state.transfer.remaining == 0 {
      moveBuffer(host)
      return
    }
    state.transfer.phase = .dmaActive
    state.transfer.chunk = state.transfer.remaining
    state.drives[actor].status = ATAStatus.BSY | ATAStatus.DRDY
    submitDMA(host)
  }
  /// Whole command in one request, straight between backend and guest memory.
  mutating func submitDMA(_ host: some DeviceServices) {
    let wanted = Int(state.transfer.chunk) * 512
    var scatter = descriptors(wanted, host)
    if scatter.count < wanted {
      // The table is too short: whole sectors of it are moved, then the drive waits in vain for more.
      IDEChannel.truncate(&scatter, to: scatter.count / 512 * 512)
      guard scatter.count > 0 else {
        stall(host)
        return
      }
    }
    state.transfer.chunk = UInt32(scatter.count / 512)
    submit(
      BlockRequest(
        state.transfer.isWrite ? .write : .read, sector: state.transfer.sector, count: scatter.count,
        payload: .guest(scatter.segments)), host)
  }
  private static func truncate(_ scatter: inout Scatter, to count: Int) {
    while scatter.count > count, let last = scatter.segments.last {
      let excess = scatter.count - count
      if last.count > excess {
        scatter.segments[scatter.segments.count - 1].count -= excess
        scatter.count = count
      } else {
        scatter.segments.removeLast()
        scatter.count -= last.count
      }
    }
  }
  /// Active and interrupt both clear: the descriptor table was smaller than the transfer (82371SB, 2.7.2).
  private mutating func stall(_ host: some DeviceServices) {
    host.log(.guestError, "IDE \(number): descriptor table shorter than the transfer")
    state.transfer.phase = .dmaReady
    state.busStatus &= ~BusMasterStatus.active
    state.drives[actor].status = ATAStatus.DRDY | ATAStatus.DSC | ATAStatus.DRQ
  }

  /// A backend request of a DMA command has ended well.
  mutating func finishDMA(_ host: some DeviceServices) {
    let transfer = state.transfer
    state.transfer.sector &+= UInt64(transfer.chunk)
    state.transfer.remaining -= min(transfer.remaining, transfer.chunk)
    guard state.transfer.remaining == 0 else {
      stall(host)
      return
    }
    endBusMaster(Int(transfer.chunk) * 512, host)
    finish(host)
  }
  /// The active bit stays set while the table has more than the drive needed.
  private mutating func endBusMaster(_ count: Int, _ host: some DeviceServices) {
    if descriptors(count, host).exhausted { state.busStatus &= ~BusMasterStatus.active }
  }

  /// Data that is in the buffer (replies to packets) or belongs there (DATA SET MANAGEMENT).
  private mutating func moveBuffer(_ host: some DeviceServices) {
    let count = state.transfer.buffer.count
    let scatter = descriptors(count, host)
    var at = 0
    for segment in scatter.segments {
      if state.transfer.isWrite {
        let bytes = host.dmaRead(segment.address, count: segment.count)
        for (index, byte) in bytes.enumerated() where at + index < count { state.transfer.buffer[at + index] = byte }
      } else {
        host.dmaWrite(segment.address, Array(state.transfer.buffer[at..<(at + segment.count)]))
      }
      at += segment.count
    }
    guard at == count else {
      stall(host)
      return
    }
    if scatter.exhausted { state.busStatus &= ~BusMasterStatus.active }
    if state.transfer.isWrite {
      (state.transfer.position, state.transfer.blockEnd) = (0, 0)
      state.transfer.phase = .trimming
      state.drives[actor].status = ATAStatus.BSY | ATAStatus.DRDY
      submitPending(host)
    } else {
      finish(host)
    }
  }
}
