import Base
import DeviceKit
import Devices
import DiskImages
import Execution
import HostSystem
import Synchronization

/// The drives of a machine: which image is behind which, opened and locked, with the threads that serve it.
///
/// Lock order: `contents` is innermost.
final class Storage: Sendable {
  enum Kind: Sendable, Equatable { case disk, cdrom, floppy }
  /// Where a drive is plugged in: IDE 0-3 (primary master, primary slave, secondary master, secondary slave), the
  /// number of a virtio disk, the target on a SCSI bus, the port of the AHCI controller, the number of an NVMe
  /// disk, or floppy drive A or B.
  enum Place: Sendable, Equatable {
    case ide(Int), virtio(Int), scsi(Int), sata(Int), nvme(Int), lsilogic(Int), lsilogicsas(Int), buslogic(Int)
    case floppy(Int)
  }
  struct Drive: Sendable {
    /// For people: `disk0`, `cdrom0`, `floppy0`.
    var name: String
    var kind: Kind
    var place: Place
    var worker: BlockWorker
    var serial: String
    /// What the one who keeps the machine calls the place.
    var slot: String?
    var isHotPluggable: Bool
    /// Deterministic machines: between the device and `worker`.
    var paced: PacedDrive?
    var backend: any BlockBackend { paced ?? worker }
    /// While the machine runs.
    var canComeAndGo: Bool { if case .sata = place { isHotPluggable } else { false } }
    var medium: MediumInfo { worker.mediumInfo(serial: serial) }
  }
  fileprivate struct Contents {
    var drives: [Drive] = []
    var limits: [String: DiskLimit] = [:]
    /// SATA drives come and go; places keep their numbers.
    var sataPorts = 0
    /// Whom to tell of failures of the host's disks.
    var failed: (@Sendable (String, DiskError) -> Void)?
  }
  private let contents: Mutex<Contents>
  private let memory: any GuestBuffer
  /// Where the ports of the AHCI controller lead.
  let sataPorts: [DrivePort]
  var drives: [Drive] { contents.withLock { $0.drives } }
  /// What the disks of a group may transfer together, by its name.
  var limits: [String: DiskLimit] { contents.withLock { $0.limits } }

  /// Disks fill the primary channel first; CD-ROM drives the secondary one, where installers look for them.
  fileprivate static let diskOrder = [0, 1, 3, 2]
  fileprivate static let cdromOrder = [2, 3, 1, 0]

  /// Opens every image. Snapshot disks are opened for reading only.
  init(_ configuration: MachineConfiguration, memory: any GuestBuffer) throws(MachineError) {
    var contents = Contents()
    do throws(MachineError) {
      try contents.openAll(configuration, memory)
    } catch {
      // Threads of the drives that there are already.
      for drive in contents.drives { drive.letGo() }
      throw error
    }
    sataPorts = (0..<contents.sataPorts).map { port in
      DrivePort(contents.drives.first { $0.place == .sata(port) }?.worker)
    }
    self.memory = memory
    self.contents = Mutex(contents)
  }

  fileprivate static func open(_ disk: MachineConfiguration.Disk) throws(MachineError) -> any DiskImage {
    var options = ImageLibrary.Options(readOnly: disk.readOnly || disk.snapshot)
    if let name = disk.format {
      guard let format = ImageFormat(named: name) else {
        throw MachineError(.configuration, "'\(name)' is no format of disk images")
      }
      options.format = format
    }
    let parents = disk.parents
    options.locate = { parents[$0.description] }
    options.isLive = true
    do throws(DiskError) {
      let image = try ImageLibrary(store: HostStore(cache: disk.cache)).open(disk.path, options)
      // A stream or an internal snapshot cannot be written, whatever was asked for; a machine finds that out too late.
      if image.isReadOnly, !options.readOnly {
        throw .invalid("\(disk.path) cannot be written; give readonly or snapshot")
      }
      return disk.snapshot ? try OverlayImage(base: image) : image
    } catch {
      throw MachineError(.file, "disk: \(error.description)")
    }
  }
  /// A medium for a removable drive. Floppies that may not be written are write-protected.
  static func openMedium(_ path: String, _ kind: Kind) throws(MachineError) -> any DiskImage {
    do throws(DiskError) {
      guard kind != .cdrom else { return try ISOImage(path: path) }
      do throws(DiskError) {
        return try RawImage(path: path)
      } catch {
        guard case .readOnlyFile = error else { throw error }
        return try RawImage(path: path, readOnly: true)
      }
    } catch {
      throw MachineError(.file, "\(kind == .cdrom ? "CD-ROM" : "floppy"): \(error.description)")
    }
  }

  /// The IDE controller's view, by drive number; where no drive is plugged in nobody answers.
  var ideDrives: [(ATADriveConfiguration, any BlockBackend)] {
    (0..<4).map { number in
      guard let drive = drives.first(where: { $0.place == .ide(number) }) else { return (.none, NoDrive()) }
      return (drive.ataConfiguration, drive.backend)
    }
  }
  /// The AHCI controller's view, by port.
  var sataDrives: [(ATADriveConfiguration, any BlockBackend)] {
    sataPorts.enumerated().map { port, backend in
      (drives.first { $0.place == .sata(port) }?.ataConfiguration ?? ATADriveConfiguration.none, backend)
    }
  }
  /// Ports of the AHCI controller whose drives stay while the machine runs.
  var fixedPorts: Set<Int> {
    Set(
      sataPorts.indices.filter { port in
        drives.contains { $0.place == .sata(port) && !$0.isHotPluggable }
      })
  }
  /// In the order of the configuration.
  var nvmeDrives: [Drive] { drives.filter { if case .nvme = $0.place { true } else { false } } }
  /// Drives A and B, as far as there are any.
  var floppyDrives: [Drive] { drives.filter { $0.kind == .floppy } }
  /// In the order of the configuration.
  var virtioDrives: [Drive] { drives.filter { if case .virtio = $0.place { true } else { false } } }

  /// By target.
  var scsiDrives: [Drive] { drives.filter { if case .scsi = $0.place { true } else { false } } }
  /// The view of a host adapter, by target; nil when it has no drives. Where none is plugged in nobody answers.
  private func bus(_ place: (Int) -> Place, _ targets: Int) -> [(ATADriveConfiguration, any BlockBackend)]? {
    let plugged = (0..<targets).map { target in drives.first { $0.place == place(target) } }
    guard let last = plugged.lastIndex(where: { $0 != nil }) else { return nil }
    return plugged[...last].map { drive in
      guard let drive else { return (.none, NoDrive()) }
      return (drive.ataConfiguration, drive.backend)
    }
  }
  var lsiLogicDrives: [(ATADriveConfiguration, any BlockBackend)]? {
    bus({ .lsilogic($0) }, FusionMPT.parallelTargets)
  }
  var lsiLogicSASDrives: [(ATADriveConfiguration, any BlockBackend)]? {
    bus({ .lsilogicsas($0) }, FusionMPT.maximumPhys)
  }
  var busLogicDrives: [(ATADriveConfiguration, any BlockBackend)]? { bus({ .buslogic($0) }, BusLogic.targets) }

  /// By its name, or by what the place is called.
  func drive(named name: String) -> Drive? { drives.first { $0.name == name } ?? drives.first { $0.slot == name } }
  /// Waits for the requests under way.
  func drain() {
    for drive in drives {
      drive.paced?.drain()
      drive.worker.drain()
    }
  }
  /// Requests end at guest times that follow from a seed.
  func pace(_ clock: VirtualClock, _ timers: TimerQueue, _ schedule: Schedule) {
    contents.withLock { contents in
      for index in contents.drives.indices {
        let paced = PacedDrive(contents.drives[index].worker, clock: clock, timers: timers, schedule: schedule)
        contents.drives[index].paced = paced
        if case .sata(let port) = contents.drives[index].place { sataPorts[port].connect(paced) }
      }
    }
  }
  /// Waits for the requests under way, but for those that wait for the host's disk to be mended; false when there are
  /// some.
  func settle() -> Bool {
    drives.reduce(true) { all, drive in
      drive.paced?.drain()
      return drive.worker.settle() && all
    }
  }
  /// Brings everything that was written onto stable storage.
  func flush() throws(MachineError) {
    for drive in drives where drive.kind != .cdrom && drive.medium.sectors > 0 {
      let done = Parker()
      let status = Mutex(BlockCompletion.Status.done)
      drive.worker.submit(BlockRequest(.flush)) { completion in
        status.withLock { $0 = completion.status }
        done.unpark()
      }
      done.park()
      guard status.withLock({ $0 }) == .done else { throw .host(drive.name, "the host did not take what was written") }
    }
  }
  /// Failures of the host's disks that may pass are told, by the drive's name, and kept from the guest until `retry`.
  func holdFailures(_ failed: @escaping @Sendable (String, DiskError) -> Void) {
    contents.withLock { $0.failed = failed }
    for drive in drives { drive.holdFailures(failed) }
  }
  /// Tries again what failed.
  func retry() { for drive in drives { drive.worker.retry() } }
  /// Brings everything that was written onto stable storage, and lets the images go.
  func close() { for drive in drives { drive.letGo() } }

  // MARK: Drives that come and go

  /// Opens a drive for a port of the AHCI controller that is free; nobody but the backend of the port knows it yet.
  func plug(_ new: MachineConfiguration.NewDrive) throws(MachineError) -> Drive {
    var contents = self.contents.withLock { $0 }
    let known = contents.drives.count
    let taken = Set(contents.drives.map(\.place.text))
    let free = sataPorts.indices.filter { !taken.contains(Place.sata($0).text) }
    guard new.isOnSATA else {
      throw MachineError(.configuration, "only SATA drives come and go while the machine runs")
    }
    guard let port = new.plug.port ?? free.first, free.contains(port) else {
      let there = "the SATA controller has \(sataPorts.count) ports, free are \(free)"
      throw MachineError(.configuration, "no free port \(new.plug.port.map { "\($0)" } ?? ""): \(there)")
    }
    let kind: Kind = if case .cdrom = new { .cdrom } else { .disk }
    let stem = kind == .cdrom ? "cdrom" : "disk"
    let names = Set(contents.drives.map(\.name))
    let name = (0...names.count).lazy.map { "\(stem)\($0)" }.first { !names.contains($0) } ?? "\(stem)-\(port)"
    switch new {
    case .disk(let disk): try contents.add(disk, name, .sata(port), memory)
    case .cdrom(let cdrom): try contents.add(cdrom, name, .sata(port), memory)
    }
    let drive = contents.drives[known]
    if let failed = contents.failed { drive.holdFailures(failed) }
    let changed = contents
    self.contents.withLock { $0 = changed }
    sataPorts[port].connect(drive.worker)
    return drive
  }
  /// Whoever had requests must have given them up. Returns why the last of what was written may be lost; nil: it is not.
  func unplug(_ drive: Drive) -> String? {
    if case .sata(let port) = drive.place { sataPorts[port].connect(nil) }
    contents.withLock { $0.drives.removeAll { $0.name == drive.name } }
    return drive.letGo()
  }
}

extension Storage.Drive {
  var ataConfiguration: ATADriveConfiguration { kind == .cdrom ? .cdrom(medium) : .disk(medium) }

  fileprivate func holdFailures(_ failed: @escaping @Sendable (String, DiskError) -> Void) {
    if kind == .disk { worker.holdFailures { [name] in failed(name, $0) } }
  }
  /// Ends what is under way, brings what was written onto stable storage, and lets the image go. Why the host did not
  /// take it; nil: it did.
  @discardableResult
  fileprivate func letGo() -> String? {
    paced?.drain()
    worker.endHolding()
    worker.drain()
    let failure = Mutex<String?>(nil)
    if kind != .cdrom {
      let done = Parker()
      worker.submit(BlockRequest(.flush)) { completion in
        if ![.done, .noMedium].contains(completion.status) { failure.withLock { $0 = "\(completion.status)" } }
        done.unpark()
      }
      done.park()
    }
    worker.close()
    return failure.withLock { $0 }
  }
}

extension Storage.Contents {
  fileprivate mutating func openAll(
    _ configuration: MachineConfiguration, _ memory: any GuestBuffer
  ) throws(MachineError) {
    var free = Set(0..<4)
    func takeIDE(_ order: [Int]) throws(MachineError) -> Storage.Place {
      guard let number = order.first(where: { free.contains($0) }) else {
        throw MachineError(.configuration, "at most 4 IDE disks and CD-ROM drives")
      }
      free.remove(number)
      return .ide(number)
    }
    var ports = Set(configuration.disks.compactMap(\.plug.port) + configuration.cdroms.compactMap(\.plug.port))
    func takePort(_ port: Int?) -> Int {
      let number = port ?? (0...ports.count).first { !ports.contains($0) } ?? ports.count
      ports.insert(number)
      return number
    }
    // How many there are on each controller yet, by its name; disks come first.
    var counts: [String: Int] = [:]
    func take(
      _ interface: MachineConfiguration.DiskInterface, _ plug: MachineConfiguration.Plug, _ ideOrder: [Int]
    ) throws(MachineError) -> Storage.Place {
      let number = counts[interface.rawValue, default: 0]
      counts[interface.rawValue] = number + 1
      switch interface {
      case .ide: return try takeIDE(ideOrder)
      case .virtio: return .virtio(number)
      case .scsi: return .scsi(number)
      case .sata: return .sata(takePort(plug.port))
      case .nvme: return .nvme(number)
      case .lsilogic: return .lsilogic(number < FusionMPT.initiator ? number : number + 1)
      case .lsilogicsas: return .lsilogicsas(number)
      case .buslogic: return .buslogic(number < BusLogic.initiator ? number : number + 1)
      }
    }
    for (index, disk) in configuration.disks.enumerated() {
      try add(disk, "disk\(index)", try take(disk.interface, disk.plug, Storage.diskOrder), memory)
    }
    for (index, cdrom) in configuration.cdroms.enumerated() {
      let interface = MachineConfiguration.DiskInterface(rawValue: cdrom.interface.rawValue) ?? .ide
      try add(cdrom, "cdrom\(index)", try take(interface, cdrom.plug, Storage.cdromOrder), memory)
    }
    for (index, path) in configuration.floppies.enumerated() {
      let image = try Storage.openMedium(path, .floppy)
      try add("floppy\(index)", .floppy, .floppy(index), MachineConfiguration.Plug(), image, memory)
    }
    sataPorts = max(configuration.sataPorts, (ports.max() ?? -1) + 1)
  }

  fileprivate mutating func add(
    _ disk: MachineConfiguration.Disk, _ name: String, _ place: Storage.Place, _ memory: any GuestBuffer
  ) throws(MachineError) {
    try add(name, .disk, place, disk.plug, try Storage.open(disk), memory)
    guard let group = disk.rateGroup else { return }
    let limit =
      limits[group.name]
      ?? DiskLimit(bytesPerSecond: (group.bitsPerSecond + 7) / 8, now: HostClock.monotonicNanoseconds)
    limits[group.name] = limit
    drives.last?.worker.limit(by: limit)
  }
  fileprivate mutating func add(
    _ cdrom: MachineConfiguration.CDROM, _ name: String, _ place: Storage.Place, _ memory: any GuestBuffer
  ) throws(MachineError) {
    let medium: any DiskImage = cdrom.isEmpty ? NoMedium() : try Storage.openMedium(cdrom.path, .cdrom)
    try add(name, .cdrom, place, cdrom.plug, medium, memory)
    if cdrom.isEmpty { drives.last?.worker.eject() }
  }
  private mutating func add(
    _ name: String, _ kind: Storage.Kind, _ place: Storage.Place, _ plug: MachineConfiguration.Plug,
    _ image: any DiskImage, _ memory: any GuestBuffer
  ) throws(MachineError) {
    do throws(ThreadError) {
      let worker = try BlockWorker(image, memory: memory, threads: kind == .disk ? 4 : 1, name: name)
      drives.append(
        Storage.Drive(
          name: name, kind: kind, place: place, worker: worker, serial: "RB-\(name)", slot: plug.slot,
          isHotPluggable: plug.isHotPluggable))
    } catch {
      throw .host("cannot start a thread", error)
    }
  }
}

/// A place that drives come to and go from: behind it is the one that is plugged in, or nobody.
final class DrivePort: BlockBackend {
  private let drive: Mutex<any BlockBackend>
  init(_ drive: (any BlockBackend)?) { self.drive = Mutex(drive ?? NoDrive()) }
  func connect(_ drive: (any BlockBackend)?) { self.drive.withLock { $0 = drive ?? NoDrive() } }
  func submit(_ request: BlockRequest, completion: @escaping @Sendable (BlockCompletion) -> Void) {
    drive.withLock { $0 }.submit(request, completion: completion)
  }
}

/// Behind a place where no drive is plugged in.
private final class NoDrive: BlockBackend {
  func submit(_ request: BlockRequest, completion: @escaping @Sendable (BlockCompletion) -> Void) {
    completion(BlockCompletion(tag: request.tag, status: .noMedium))
  }
}

/// What is taken out of an empty drive before anybody looks.
private final class NoMedium: DiskImage {
  let sectorCount: UInt64 = 0
  let isReadOnly = true
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func flush() throws(DiskError) {}
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
}
