import Base
import DeviceKit

/// Command codes without their option bits, and lengths (82078, section 5).
enum FloppyCommand {
  static let specify: UInt8 = 0x03, senseDrive: UInt8 = 0x04, recalibrate: UInt8 = 0x07, senseInterrupt: UInt8 = 0x08
  static let readID: UInt8 = 0x0a, format: UInt8 = 0x0d, dumpRegisters: UInt8 = 0x0e, seek: UInt8 = 0x0f
  static let version: UInt8 = 0x10, perpendicular: UInt8 = 0x12, configure: UInt8 = 0x13, lock: UInt8 = 0x14
  static let partID: UInt8 = 0x18
  static let readTrack: UInt8 = 0x02, write: UInt8 = 0x05, read: UInt8 = 0x06, writeDeleted: UInt8 = 0x09
  static let readDeleted: UInt8 = 0x0c, verify: UInt8 = 0x16

  /// The command that a first byte names; nil for one that does not exist.
  static func code(_ byte: UInt8) -> UInt8? {
    switch byte & 0x1f {
    // MT, MFM and SK may be set.
    case read, readDeleted, verify: return byte & 0x1f
    case write where byte & 0x20 == 0, writeDeleted where byte & 0x20 == 0: return byte & 0x1f
    case readTrack where byte & 0xa0 == 0: return readTrack
    case readID, format: return byte & 0xa0 == 0 ? byte & 0x1f : nil
    case lock where byte & 0x60 == 0: return lock
    // Relative seeks have bit 7, and bit 6 for inwards.
    case seek where byte & 0x20 == 0 && byte & 0xc0 != 0x40: return seek
    default: break
    }
    switch byte {
    case specify, senseDrive, recalibrate, senseInterrupt, dumpRegisters, version, perpendicular, configure, partID:
      return byte
    default: return nil
    }
  }
  /// Bytes of a command, 1 for one that does not exist. Never more than 9.
  static func length(_ byte: UInt8) -> UInt8 {
    switch code(byte) {
    case read, readDeleted, write, writeDeleted, readTrack, verify: 9
    case format: 6
    case configure: 4
    case specify, seek: 3
    case recalibrate, senseDrive, readID, perpendicular: 2
    default: 1
    }
  }
}
/// Status registers (82078, section 6).
enum FloppyST0 {
  static let abnormal: UInt8 = 0x40, invalid: UInt8 = 0x80, ready: UInt8 = 0xc0, seekEnd: UInt8 = 0x20
  static let equipmentCheck: UInt8 = 0x10
}
enum FloppyST1 {
  static let endOfCylinder: UInt8 = 0x80, overrun: UInt8 = 0x10, noData: UInt8 = 0x04
  static let notWritable: UInt8 = 0x02, missingAddressMark: UInt8 = 0x01, dataError: UInt8 = 0x20
}
enum FloppyST2 { static let wrongCylinder: UInt8 = 0x10, dataError: UInt8 = 0x20 }

extension FDC82078 {
  /// A whole command has been written.
  mutating func execute(_ bytes: [UInt8], _ host: some DeviceServices) {
    guard let first = bytes.first, let code = FloppyCommand.code(first) else {
      enterResultPhase([FloppyST0.invalid], interrupt: false, host)
      return
    }
    switch code {
    case FloppyCommand.specify:
      (state.specify0, state.specify1) = (bytes[1], bytes[2])
      enterCommandPhase()
    case FloppyCommand.configure:
      (state.configure, state.precompensation) = (bytes[2], bytes[3])
      enterCommandPhase()
    case FloppyCommand.perpendicular:
      // Bits 2-5 select drives only with OW (bit 7).
      state.perpendicular = bytes[1] & 0x80 != 0 ? bytes[1] & 0x3f : state.perpendicular & 0x3c | bytes[1] & 3
      enterCommandPhase()
    case FloppyCommand.senseDrive: senseDrive(bytes[1], host)
    case FloppyCommand.senseInterrupt: senseInterrupt(host)
    case FloppyCommand.recalibrate: seek(drive: Int(bytes[1] & 3), to: 0, host)
    case FloppyCommand.seek: startSeek(bytes, host)
    case FloppyCommand.version: enterResultPhase([0x90], interrupt: false, host)
    case FloppyCommand.partID: enterResultPhase([0x41], interrupt: false, host)
    case FloppyCommand.lock:
      state.locked = first & 0x80 != 0
      enterResultPhase([state.locked ? 0x10 : 0], interrupt: false, host)
    case FloppyCommand.dumpRegisters: dumpRegisters(host)
    default: startExecution(code, bytes, host)
    }
  }

  private mutating func senseDrive(_ select: UInt8, _ host: some DeviceServices) {
    let drive = Int(select & 3)
    var st3 = select & 7 | 0x28  // ready, two sides
    if media.indices.contains(drive) {
      if state.drives[drive].track == 0 { st3 |= 0x10 }
      if media[drive].readOnly { st3 |= 0x40 }
    }
    enterResultPhase([st3], interrupt: false, host)
  }
  private mutating func senseInterrupt(_ host: some DeviceServices) {
    func track(_ drive: Int) -> UInt8 { drive < 2 ? state.drives[drive].track : 0 }
    let result: [UInt8]
    if state.resetSense != 0 {
      let drive = state.resetSense.trailingZeroBitCount
      state.resetSense &= state.resetSense - 1
      result = [FloppyST0.ready | UInt8(drive), track(drive)]
    } else if state.seekSense != 0 {
      let drive = state.seekSense.trailingZeroBitCount
      let failed = state.seekFailed >> UInt8(drive) & 1 == 1
      state.seekSense &= state.seekSense - 1
      state.seekFailed &= ~(1 << UInt8(drive))
      let error = failed ? FloppyST0.abnormal | FloppyST0.equipmentCheck : 0
      result = [FloppyST0.seekEnd | error | UInt8(drive), track(drive)]
    } else {
      result = [FloppyST0.invalid]
    }
    state.interrupt = false
    enterResultPhase(result, interrupt: false, host)
    if state.seekSense != 0 {
      // Another drive's seek still waits to be told.
      state.interrupt = true
      updateLines(host)
    }
  }
  private mutating func dumpRegisters(_ host: some DeviceServices) {
    let flags = (state.locked ? 0x80 : 0) | state.perpendicular & 0x3f
    enterResultPhase(
      [
        state.drives[0].track, state.drives[1].track, 0, 0, state.specify0, state.specify1, state.command[6], flags,
        state.configure, state.precompensation,
      ], interrupt: false, host)
  }
  private mutating func startSeek(_ bytes: [UInt8], _ host: some DeviceServices) {
    let drive = Int(bytes[1] & 3)
    var target = bytes[2]
    if bytes[0] & 0x80 != 0, drive < 2 {
      let track = state.drives[drive].track
      let (sum, overflow) =
        bytes[0] & 0x40 != 0 ? track.addingReportingOverflow(bytes[2]) : track.subtractingReportingOverflow(bytes[2])
      target = overflow ? (bytes[0] & 0x40 != 0 ? 0xff : 0) : sum
    }
    seek(drive: drive, to: target, host)
  }
  private mutating func seek(drive: Int, to track: UInt8, _ host: some DeviceServices) {
    enterCommandPhase()
    if media.indices.contains(drive) {
      move(drive, to: track)
    } else {
      state.seekFailed |= 1 << UInt8(drive)
    }
    state.seekSense |= 1 << UInt8(drive)
    state.interrupt = true
    updateLines(host)
  }
  /// Moves the heads; a step with a medium in the drive ends the disk change signal.
  mutating func move(_ drive: Int, to track: UInt8) {
    state.drives[drive].track = track
    if media[drive].sectors > 0 { state.drives[drive].changed = false }
  }

  // MARK: Commands with data

  var drive: Int { Int(state.command[1] & 3) }
  /// MT: goes on with the other head at the end of a track.
  private var isMultiTrack: Bool { state.command[0] & 0x80 != 0 }
  private var code: UInt8 { FloppyCommand.code(state.command[0]) ?? 0 }
  private var isWrite: Bool { code == FloppyCommand.write || code == FloppyCommand.writeDeleted }

  private mutating func startExecution(_ code: UInt8, _ bytes: [UInt8], _ host: some DeviceServices) {
    state.command = bytes + [UInt8](repeating: 0, count: 9 - bytes.count)
    state.head = bytes[1] >> 2 & 1
    guard let geometry = geometry(drive), geometry.rates.contains(state.dsr & 3), Int(state.head) < geometry.heads,
      Int(state.drives[drive].track) < geometry.cylinders || code != FloppyCommand.readID
    else {
      fail(st1: FloppyST1.missingAddressMark, host)
      return
    }
    switch code {
    case FloppyCommand.readID:
      let id: [UInt8] = [state.drives[drive].track, state.head, 1, 2]
      enterResultPhase([st0(0), 0, 0] + id, interrupt: true, host)
      return
    case FloppyCommand.format:
      startFormat(geometry, host)
      return
    default: break
    }
    state.sector = code == FloppyCommand.readTrack ? 1 : bytes[4]
    if bytes[2] != state.drives[drive].track {
      // EIS: the drive is moved without being asked.
      guard state.configure & 0x40 != 0 else {
        fail(st1: FloppyST1.noData, st2: FloppyST2.wrongCylinder, host)
        return
      }
      move(drive, to: bytes[2])
    }
    if isWrite, media[drive].readOnly {
      fail(st1: FloppyST1.notWritable, host)
      return
    }
    if code == FloppyCommand.verify { verify(geometry, host) } else { startTrack(host) }
  }
  private mutating func verify(_ geometry: FloppyGeometry, _ host: some DeviceServices) {
    let last = Int(state.command[6])
    guard (1...geometry.sectorsPerTrack).contains(Int(state.sector)), last >= Int(state.sector),
      last <= geometry.sectorsPerTrack, state.command[5] == 2
    else {
      fail(st1: FloppyST1.noData, host)
      return
    }
    state.sector = state.command[6]
    finish(host)
  }
  private mutating func startFormat(_ geometry: FloppyGeometry, _ host: some DeviceServices) {
    guard !media[drive].readOnly else {
      fail(st1: FloppyST1.notWritable, host)
      return
    }
    let count = Int(state.command[3])
    guard state.command[2] == 2, (1...geometry.sectorsPerTrack).contains(count) else {
      fail(st1: FloppyST1.noData, host)
      return
    }
    // Four ID bytes a sector come from the guest.
    state.buffer = [UInt8](repeating: 0, count: count * 4)
    state.position = 0
    state.phase = .fromGuest
    moveData(host)
  }

  /// Sectors that the command still wants on the current track, at most as many as there are; 0: the sector is missing.
  private var sectorsOnTrack: Int {
    guard let geometry = geometry(drive), state.command[5] == 2, state.sector >= 1 else { return 0 }
    guard Int(state.drives[drive].track) < geometry.cylinders, Int(state.head) < geometry.heads else { return 0 }
    return max(0, min(Int(state.command[6]), geometry.sectorsPerTrack) - Int(state.sector) + 1)
  }
  /// First sector of the medium that the command wants next.
  private var position: UInt64 {
    guard let geometry = geometry(drive) else { return 0 }
    let track = Int(state.drives[drive].track) * geometry.heads + Int(state.head)
    return UInt64(track * geometry.sectorsPerTrack + max(1, Int(state.sector)) - 1)
  }
  private mutating func startTrack(_ host: some DeviceServices) {
    let count = sectorsOnTrack
    guard count > 0 else {
      fail(st1: FloppyST1.noData, host)
      return
    }
    state.position = 0
    if isWrite {
      state.buffer = [UInt8](repeating: 0, count: count * 512)
      state.phase = .fromGuest
      moveData(host)
    } else {
      state.phase = .reading
      submitPending(host)
      updateLines(host)
    }
  }

  // MARK: Backend

  /// Makes the request that the phase stands for: also after a restore.
  mutating func submitPending(_ host: some DeviceServices) {
    switch state.phase {
    case .reading:
      submit(BlockRequest(.read, sector: position, count: sectorsOnTrack * 512), host)
    case .writing:
      var data = state.buffer
      var sector = position
      if code == FloppyCommand.format, let geometry = geometry(drive) {
        let count = min(state.buffer.count / 4, geometry.sectorsPerTrack)
        data = [UInt8](repeating: state.command[5], count: count * 512)
        let track = Int(state.drives[drive].track) * geometry.heads + Int(state.head)
        sector = UInt64(track * geometry.sectorsPerTrack)
      } else {
        // A transfer that ends inside a sector fills it up with zeroes.
        data = Array(data.prefix((Int(state.position) + 511) / 512 * 512))
      }
      submit(BlockRequest(.write, sector: sector, count: data.count & ~511, payload: .buffer(data)), host)
    case .command, .result, .toGuest, .fromGuest: break
    }
  }
  private mutating func submit(_ request: BlockRequest, _ host: some DeviceServices) {
    var request = request
    lastTag &+= 1
    request.tag = lastTag
    activeTag = lastTag
    host.submit(request, drive: drive)
  }
  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard completion.tag == activeTag else { return }
    activeTag = nil
    switch completion.status {
    case .done: break
    case .readOnly:
      fail(st1: FloppyST1.notWritable, host)
      return
    case .noMedium, .outOfRange:
      fail(st1: FloppyST1.noData, host)
      return
    case .ioError:
      fail(st1: FloppyST1.dataError, st2: FloppyST2.dataError, host)
      return
    }
    switch state.phase {
    case .reading:
      guard !completion.data.isEmpty, completion.data.count <= FDC82078.bufferLimit else {
        fail(st1: FloppyST1.dataError, host)
        return
      }
      state.buffer = completion.data
      state.position = 0
      state.phase = .toGuest
      moveData(host)
    case .writing: if code == FloppyCommand.format { finish(host) } else { trackDone(host) }
    case .command, .result, .toGuest, .fromGuest: break
    }
  }

  // MARK: Data

  /// Moves what is in (goes to) the buffer, as far as the DMA channel is open; without DMA, waits for the processor.
  private mutating func moveData(_ host: some DeviceServices) {
    updateLines(host)
    guard usesDMA else {
      state.interrupt = true
      updateLines(host)
      return
    }
    // Each grant is at least one byte, so this ends.
    while Int(state.position) < state.buffer.count, !state.terminalCount {
      let at = Int(state.position)
      guard state.dor & FloppyDOR.dmaGate != 0, let grant = dma.take(state.buffer.count - at) else {
        waitForChannel(host)
        return
      }
      state.retries = 0
      let count = max(1, min(grant.count, state.buffer.count - at))
      switch (state.phase, grant.direction) {
      case (.toGuest, .toMemory): host.dmaWrite(grant.address, Array(state.buffer[at..<(at + count)]))
      case (.fromGuest, .fromMemory):
        for (index, byte) in host.dmaRead(grant.address, count: count).prefix(count).enumerated() {
          state.buffer[at + index] = byte
        }
      default: break  // verify transfers count without moving
      }
      state.position += UInt32(count)
      state.terminalCount = grant.terminalCount
    }
    bufferMoved(host)
  }
  private mutating func waitForChannel(_ host: some DeviceServices) {
    state.retries += 1
    guard state.retries < FDC82078.pollLimit else {
      fail(st1: FloppyST1.overrun, host)
      return
    }
    host.arm(0, at: host.now.adding(nanoseconds: FDC82078.pollNanoseconds))
  }
  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    if state.phase == .toGuest || state.phase == .fromGuest, usesDMA { moveData(host) }
  }

  /// The buffer is empty (full), or the DMA controller has reached terminal count.
  mutating func bufferMoved(_ host: some DeviceServices) {
    if state.phase == .fromGuest {
      state.phase = .writing
      submitPending(host)
      updateLines(host)
    } else {
      trackDone(host)
    }
  }
  /// Counts the sectors moved, then ends the command or goes on with the other head.
  private mutating func trackDone(_ host: some DeviceServices) {
    let moved = (Int(state.position) + 511) / 512
    // `sector` becomes the last one moved.
    state.sector = UInt8(truncatingIfNeeded: Int(state.sector) + max(1, moved) - 1)
    if state.terminalCount {
      finish(host)
    } else if isMultiTrack, state.head == 0, state.sector == state.command[6], (geometry(drive)?.heads ?? 1) > 1 {
      state.head = 1
      state.sector = 1
      startTrack(host)
    } else if state.sector < state.command[6] {
      // The track has fewer sectors than EOT says.
      fail(st1: FloppyST1.noData, host)
    } else {
      // Ran past the last sector without terminal count.
      fail(st1: FloppyST1.endOfCylinder, host)
    }
  }

  // MARK: Results

  private func st0(_ bits: UInt8) -> UInt8 { bits | state.head << 2 | state.command[1] & 3 }
  private mutating func finish(_ host: some DeviceServices) {
    // The ID of the sector that would come next (82078, table 5-4).
    var (cylinder, head, sector) = (state.command[2], state.head, state.sector)
    let st0 = st0(0)
    if code == FloppyCommand.format {
      enterResultPhase([st0, 0, 0, state.drives[drive].track, head, 1, 2], interrupt: true, host)
      return
    }
    if sector < state.command[6] {
      sector += 1
    } else {
      sector = 1
      if !isMultiTrack || head == 1 { cylinder &+= 1 }
      if isMultiTrack { head ^= 1 }
    }
    enterResultPhase([st0, 0, 0, cylinder, head, sector, state.command[5]], interrupt: true, host)
  }
  private mutating func fail(st1: UInt8, st2: UInt8 = 0, _ host: some DeviceServices) {
    activeTag = nil
    host.disarm(0)
    enterResultPhase(
      [st0(FloppyST0.abnormal), st1, st2, state.command[2], state.head, state.sector, state.command[5]],
      interrupt: true, host)
  }
}
