import Base
import Devices
import Execution
import StateFile

/// The file of a saved machine, opened and understood as far as it says what machine it is of.
public final class SavedMachine: Sendable {
  /// For messages.
  public let path: String
  let file: StateFileReader
  let processors: ProcessorModel
  let hertz: UInt64
  /// Addresses of the network cards, which a configuration may leave to chance.
  let addresses: [MACAddress]

  public init(_ path: String) throws(MachineError) {
    self.path = path
    do throws(StateFileError) { file = try StateFileReader(path) } catch {
      throw MachineError(.file, "saved state '\(path)': \(error)")
    }
    let words = (file.description["cpuid"]?.array ?? []).map { row in
      (row.array ?? []).map { UInt32(truncatingIfNeeded: $0.integer ?? -1) }
    }
    guard let model = ProcessorModel(identification: words),
      let hertz = file.description["tscHertz"]?.integer, hertz > 0
    else { throw MachineError(.file, "saved state '\(path)': does not say what processor it is of") }
    processors = model
    self.hertz = UInt64(hertz)
    addresses = (file.description["network"]?.array ?? []).compactMap { card in
      card["mac"]?.string.flatMap { MACAddress($0) }
    }
  }

  func refuse(_ why: String) -> MachineError { MachineError(.state, "saved state '\(path)': \(why)") }

  /// The configuration with what the state decides; throws when the machine is another one.
  func adapt(_ configuration: MachineConfiguration) throws(MachineError) -> MachineConfiguration {
    var adapted = configuration
    let here = configuration.hardware
    for member in here.members ?? [] {
      let saved = file.description[member.key]
      guard saved != member.value else { continue }
      throw refuse(
        "the machine had another \(member.key): \(saved?.text ?? "none") then, \(member.value.text) now")
    }
    let seed = file.description["deterministic"]?.string
    guard seed == configuration.deterministicSeed.map({ "\($0)" }) else {
      throw refuse(seed.map { "the machine was deterministic, with seed \($0)" } ?? "the machine was not deterministic")
    }
    let cards = file.description["network"]?.array ?? []
    guard cards.map({ $0["model"]?.string }) == configuration.network.map({ Optional($0.model.rawValue) }),
      addresses.count == cards.count
    else { throw refuse("the machine had other network cards") }
    for index in cards.indices { adapted.network[index].mac = addresses[index] }
    adaptPorts(&adapted)
    return adapted
  }

  /// The processors of the state, if this host has what they need.
  func model(_ configuration: MachineConfiguration) throws(MachineError) -> ProcessorModel {
    let here: ProcessorModel
    do throws(ProcessorSpecificationError) {
      here = try ProcessorModel(configuration.cpu, count: configuration.cpus)
    } catch { throw MachineError(.configuration, error.message) }
    if here.identification == processors.identification { return processors }
    let host: ProcessorModel
    do throws(ProcessorSpecificationError) {
      host = try ProcessorModel("host", count: configuration.cpus)
    } catch { throw MachineError(.configuration, error.message) }
    // Another host may have a later processor; what the guest has found must go on working.
    let missing = processors.features(missingIn: host)
    guard missing.isEmpty else {
      throw refuse("this host's processor lacks what the guest has found: \(missing.joined(separator: ", "))")
    }
    return processors
  }

  /// The guest reckons with the speed of the counter that it has measured.
  func checkSpeed(_ hertz: UInt64) throws(MachineError) {
    let difference = hertz > self.hertz ? hertz - self.hertz : self.hertz - hertz
    guard difference <= self.hertz / 100 else {
      throw refuse(
        "the host's time-stamp counter runs at \(hertz / 1_000_000) MHz, that of the state at "
          + "\(self.hertz / 1_000_000) MHz")
    }
  }

  private var drives: [JSON] { file.description["drives"]?.array ?? [] }
  private static func kind(_ name: String) -> Substring { name.prefix { $0.isLetter } }
  /// SATA drives are on the ports where the guest knows them. A configuration may leave ports open, and states that say
  /// nothing of how many there are had them in a row.
  private func adaptPorts(_ configuration: inout MachineConfiguration) {
    let count = file.description["sataPorts"]?.integer
    configuration.sataPorts = Int(clamping: count ?? 0)
    func ports(_ kind: String) -> ArraySlice<Int> {
      let found = drives.compactMap { drive -> Int? in
        let words = drive["place"]?.string?.split(separator: " ") ?? []
        guard words.first == "sata", SavedMachine.kind(drive["name"]?.string ?? "") == kind else { return nil }
        return words.last.flatMap { Int($0) }
      }
      return found[...]
    }
    var (disks, cdroms) = (ports("disk"), ports("cdrom"))
    for index in configuration.disks.indices where configuration.disks[index].interface == .sata {
      guard let port = disks.popFirst() else { break }
      if count == nil || configuration.disks[index].plug.port == nil { configuration.disks[index].plug.port = port }
    }
    for index in configuration.cdroms.indices where configuration.cdroms[index].interface == .sata {
      guard let port = cdroms.popFirst() else { break }
      if count == nil || configuration.cdroms[index].plug.port == nil { configuration.cdroms[index].plug.port = port }
    }
  }

  /// The drives must be what they were: their contents are the user's affair. Names may differ, for drives come and go.
  func check(_ storage: Storage) throws(MachineError) {
    guard drives.count == storage.drives.count else { throw refuse("the machine had \(drives.count) drives") }
    for drive in storage.drives {
      guard let then = saved(drive), SavedMachine.kind(then["name"]?.string ?? "") == SavedMachine.kind(drive.name)
      else { throw refuse("\(drive.name) was another drive") }
      let sectors = Int64(clamping: drive.medium.sectors)
      guard drive.kind == .disk, let before = then["sectors"]?.integer, before != sectors else { continue }
      throw refuse("\(drive.name) had \(before) sectors, and has \(sectors) now")
    }
  }
  /// What the state says of the drive at this place.
  private func saved(_ drive: Storage.Drive) -> JSON? { drives.first { $0["place"]?.string == drive.place.text } }
  /// Whether a removable drive was empty.
  func wasEmpty(_ drive: Storage.Drive) -> Bool { saved(drive)?["sectors"]?.integer == 0 }
}

extension MachineConfiguration {
  /// What must be the same when a state comes back.
  var hardware: JSON {
    var hardware: JSON = [
      "memory": .integer(Int64(clamping: memory)), "cpus": .integer(Int64(cpus)), "cpu": .string(cpu),
      "serial": .array(serial.map { .bool($0 != .none) }),
      // A machine that boots a kernel has a device for it.
      "kernel": .bool(kernel != nil),
    ]
    // Not the usual one, which states had before there were others.
    if graphics != Graphics() { hardware.set("graphics", graphics.json) }
    if mouse != .ps2 { hardware.set("mouse", .string(mouse.rawValue)) }
    return hardware
  }
}

extension Storage.Place {
  /// For descriptions: `ide 0`.
  var text: String {
    switch self {
    case .ide(let number): "ide \(number)"
    case .virtio(let number): "virtio \(number)"
    case .scsi(let number): "scsi \(number)"
    case .sata(let number): "sata \(number)"
    case .nvme(let number): "nvme \(number)"
    case .lsilogic(let number): "lsilogic \(number)"
    case .lsilogicsas(let number): "lsilogicsas \(number)"
    case .buslogic(let number): "buslogic \(number)"
    case .floppy(let number): "floppy \(number)"
    }
  }
}
