import Base
import DeviceKit

/// A command on its way from a host adapter to a target on its bus.
struct SCSICommand: Sendable {
  /// Where the initiator expects data to go. `any`: the command decides.
  enum Direction: Sendable, Equatable { case none, read, write, any }
  var target: Int
  /// Logical unit.
  var unit: Int
  /// The CDB, with zeroes up to sixteen bytes.
  private(set) var bytes: [UInt8]
  var direction: Direction
  /// Guest memory for the data.
  var data: [GuestSegment]
  /// Bytes of it.
  var room: Int

  init(target: Int, unit: Int, bytes: [UInt8], direction: Direction, data: [GuestSegment]) {
    (self.target, self.unit, self.direction, self.data) = (target, unit, direction, data)
    self.bytes = bytes + [UInt8](repeating: 0, count: max(0, 16 - bytes.count))
    room = data.reduce(0) { $0 + $1.count }
  }
}

/// How a command ended.
struct SCSIEnd: Sendable, Equatable {
  enum Cause: Sendable, Equatable {
    /// `status` and `sense` say how.
    case status
    /// Nobody answers to this number.
    case noTarget
    /// The command moves data in another direction, or more of it, than the initiator expects. Nothing was moved.
    case mismatch
  }
  var cause = Cause.status
  /// SAM-5 status: 0 good, 2 check condition.
  var status: UInt8 = 0
  var sense: [UInt8] = []
  /// Bytes of data that were moved.
  var moved = 0
  /// Bytes of them that went into guest memory.
  var stored = 0
}

/// The saved state of a host adapter: its own, and what its drives remember.
protocol SCSIAdapterState: SavedState {
  /// Of all targets; empty while they have it themselves.
  var drives: [ATADrive] { get set }
}

/// The targets of a SCSI host adapter, with one logical unit each: disks (`SCSIDisk`) and CD-ROM drives (`ATAUnit`, whose
/// packets are SCSI commands). Target n is backend n.
///
/// Transfers go straight between backend and guest memory; many can be under way, end in any order, and cannot be called
/// back.
struct SCSITargets<Context: Sendable>: Sendable {
  private struct Pending: Sendable {
    var context: Context
    var target: Int
    var moved: Int
    var isRead: Bool
  }
  private(set) var plugged: [ATADriveConfiguration]
  /// What CD-ROM drives remember, by target; saved with the adapter.
  var drives: [ATADrive]
  // Not saved: nothing is saved with requests.
  private var jobs = BlockJobs<Pending>()
  /// Targets of the requests under way.
  private var busy: [Int]

  init(_ drives: [ATADriveConfiguration]) {
    plugged = drives
    self.drives = drives.map { _ in ATADrive() }
    busy = drives.map { _ in 0 }
  }

  /// Requests under way.
  var outstanding: Int { jobs.count }
  /// Requests of one target that are under way.
  func outstanding(of target: Int) -> Int { busy.indices.contains(target) ? busy[target] : 0 }
  func isPresent(_ target: Int) -> Bool { plugged.indices.contains(target) && plugged[target].kind != .none }

  /// What is under way belongs to nobody any more, and drives are as at power-on.
  mutating func reset() {
    forget()
    for index in drives.indices {
      var fresh = ATADrive()
      fresh.keepMedium(of: drives[index])
      drives[index] = fresh
    }
  }
  mutating func powerOn() {
    forget()
    drives = drives.map { _ in ATADrive() }
  }
  /// What is under way belongs to nobody any more.
  mutating func forget() {
    jobs.removeAll()
    busy = busy.map { _ in 0 }
  }
  /// The medium of a CD-ROM drive was changed; `sectors` 0: taken out.
  mutating func mediumChanged(_ target: Int, _ medium: MediumInfo) {
    guard isPresent(target), plugged[target].kind == .cdrom else { return }
    plugged[target].medium = medium
    drives[target].mediumChanged(isPresent: medium.sectors > 0)
  }

  /// Starts a command; nil while it is under way (`completed` brings its end).
  mutating func start(_ command: SCSICommand, _ context: Context, _ host: some DeviceServices) -> SCSIEnd? {
    guard isPresent(command.target) else { return SCSIEnd(cause: .noTarget) }
    guard command.unit == 0 else { return absentUnit(command, host) }
    let drive = plugged[command.target]
    if drive.kind == .cdrom { return packet(command, drive, context, host) }
    let disk = SCSIDisk(medium: drive.medium)
    let count = min(disk.parameterCount(command.bytes), 4096)
    let sends = command.direction == .write || command.direction == .any
    let parameters = sends && count > 0 ? host.gather(command.data.slice(0, count)) : []
    switch disk.perform(command.bytes, data: parameters) {
    case .good: return SCSIEnd()
    case .check(let key, let code, let qualifier): return check(disk.sense(key, code, qualifier))
    case .reply(let bytes): return reply(bytes, command, host)
    case .transfer(let operation, let sector, let blocks):
      return transfer(operation, sector, Int(blocks) * 512, command, context, host)
    case .flush:
      begin([BlockRequest(.flush)], command.target, moved: 0, isRead: false, context, host)
      return nil
    case .clear(let operation, let ranges):
      let requests = BlockRequest.clearing(ranges, by: operation)
      guard !requests.isEmpty else { return SCSIEnd(moved: command.room) }
      begin(requests, command.target, moved: command.room, isRead: false, context, host)
      return nil
    }
  }
  /// The command that has ended with a completion; nil while it goes on, or when it was forgotten.
  mutating func completed(
    _ completion: BlockCompletion, _ host: some DeviceServices
  ) -> (context: Context, end: SCSIEnd)? {
    guard let (pending, status) = jobs.completed(completion, host) else { return nil }
    busy[pending.target] -= busy[pending.target] > 0 ? 1 : 0
    guard status != .done else {
      return (pending.context, SCSIEnd(moved: pending.moved, stored: pending.isRead ? pending.moved : 0))
    }
    // Medium not present, unrecovered read error, write error.
    let disk = SCSIDisk(medium: plugged[pending.target].medium)
    let sense =
      status == .noMedium
      ? disk.sense(.notReady, 0x3a, 0) : disk.sense(.mediumError, pending.isRead ? 0x11 : 0x0c, 0)
    return (pending.context, check(sense))
  }

  /// An adapter's state as it is saved: what the drives remember is put into it.
  func saving<State: SCSIAdapterState>(_ stored: State) -> State {
    var state = stored
    state.drives = drives
    return state
  }
  /// Takes what the drives remember out of a saved state; returns what the adapter keeps of it.
  mutating func restoring<State: SCSIAdapterState>(_ state: State) -> State {
    var stored = state
    drives = state.drives
    stored.drives = []
    return stored
  }

  // MARK: Outcomes

  private func check(_ sense: [UInt8]) -> SCSIEnd { SCSIEnd(status: 2, sense: sense) }
  private func reply(_ bytes: [UInt8], _ command: SCSICommand, _ host: some DeviceServices) -> SCSIEnd {
    let receives = command.direction == .read || command.direction == .any
    let fitting = Array(bytes.prefix(receives ? command.room : 0))
    host.scatter(fitting, command.data)
    return SCSIEnd(moved: fitting.count, stored: fitting.count)
  }
  private mutating func transfer(
    _ operation: BlockRequest.Operation, _ sector: UInt64, _ count: Int, _ command: SCSICommand, _ context: Context,
    _ host: some DeviceServices
  ) -> SCSIEnd? {
    let wanted: SCSICommand.Direction = operation == .read ? .read : .write
    guard command.direction == wanted || command.direction == .any, command.room >= count else {
      return SCSIEnd(cause: .mismatch)
    }
    let payload = BlockRequest.Payload.guest(command.data.slice(0, count))
    let request = BlockRequest(operation, sector: sector, count: count, payload: payload)
    begin([request], command.target, moved: count, isRead: operation == .read, context, host)
    return nil
  }
  private mutating func begin(
    _ requests: [BlockRequest], _ target: Int, moved: Int, isRead: Bool, _ context: Context, _ host: some DeviceServices
  ) {
    let pending = Pending(context: context, target: target, moved: moved, isRead: isRead)
    if jobs.start(requests, drive: target, pending, host) { busy[target] += 1 }
  }
  /// INQUIRY says that there is no such unit, REPORT LUNS which there are; the rest is refused.
  private func absentUnit(_ command: SCSICommand, _ host: some DeviceServices) -> SCSIEnd {
    let disk = SCSIDisk(medium: plugged[command.target].medium)
    switch command.bytes[0] {
    case 0x12:
      let nobody = [0x7f, 0, 6, 2, 31] + [UInt8](repeating: 0, count: 31)
      return reply(Array(nobody.prefix(Int(command.bytes[3]) << 8 | Int(command.bytes[4]))), command, host)
    case 0xa0:
      guard case .reply(let bytes) = disk.perform(command.bytes, data: []) else { return SCSIEnd() }
      return reply(bytes, command, host)
    default: return check(disk.sense(.illegalRequest, 0x25, 0))
    }
  }

  // MARK: CD-ROM drives

  private mutating func packet(
    _ command: SCSICommand, _ configuration: ATADriveConfiguration, _ context: Context, _ host: some DeviceServices
  ) -> SCSIEnd? {
    let disk = SCSIDisk(medium: configuration.medium)
    if command.bytes[0] == 0xa0, case .reply(let bytes) = disk.perform(command.bytes, data: []) {
      return reply(bytes, command, host)
    }
    var unit = ATAUnit(
      configuration: configuration, connection: .serial, defaultSerial: "", drive: drives[command.target], device: 0)
    // As for DMA: transfers are bounded.
    unit.drive.features = 1
    let outcome = unit.perform(packet: command.bytes)
    drives[command.target] = unit.drive
    switch outcome {
    case .done: return SCSIEnd()
    case .failed:
      let (key, code) = (SenseKey(rawValue: unit.drive.senseKey) ?? .none, unit.drive.senseCode)
      let sense = disk.sense(key, code, unit.drive.senseQualifier)
      // It was told with the status.
      (drives[command.target].senseKey, drives[command.target].senseCode) = (0, 0)
      drives[command.target].senseQualifier = 0
      return check(sense)
    case .reply(let bytes): return reply(bytes, command, host)
    case .read(let sector, let count): return transfer(.read, sector, Int(count) * 512, command, context, host)
    }
  }
}
