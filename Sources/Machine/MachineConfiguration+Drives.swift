import Base
import Devices
import DiskImages
import HostSystem

// Disks and CD-ROM drives of a configuration.
extension MachineConfiguration {
  /// What a disk is attached to.
  public enum DiskInterface: String, Sendable, CaseIterable {
    case ide, virtio, scsi, sata, nvme, lsilogic, lsilogicsas, buslogic
  }
  /// What a CD-ROM drive is attached to.
  public enum CDROMInterface: String, Sendable, CaseIterable { case ide, sata, lsilogic, lsilogicsas, buslogic }
  /// Where a drive is plugged in, as far as that is not left to the machine.
  public struct Plug: Equatable, Sendable {
    /// What the one who keeps the machine calls the place; commands find the drive by it as well as by its name.
    public var slot: String?
    /// Of the AHCI controller; nil: the first that is free.
    public var port: Int?
    /// The drive may be taken away while the machine runs, if its controller allows that.
    public var isHotPluggable = true
    public init() {}
  }
  /// A CD-ROM drive and the image in it.
  public struct CDROM: Equatable, Sendable, ExpressibleByStringLiteral {
    /// Path of the image on the host.
    public var path: String
    /// Controller that the guest sees.
    public var interface: CDROMInterface
    /// Nothing is in it at power-on; `path` is empty then.
    public var isEmpty = false
    /// Its place.
    public var plug = Plug()
    public init(path: String, interface: CDROMInterface = .ide) {
      self.path = path
      self.interface = interface
    }
    public init(stringLiteral path: String) { self.init(path: path) }
  }
  /// A disk image and how it is attached.
  public struct Disk: Equatable, Sendable {
    /// Path of the image on the host.
    public var path: String
    /// Controller that the guest sees.
    public var interface: DiskInterface
    /// The guest may not write.
    public var readOnly: Bool
    /// Writes go to a temporary file and are forgotten at power-off.
    public var snapshot: Bool
    /// Name of the image's format; nil: found out from its contents.
    public var format: String?
    /// What the host's memory does for it.
    public var cache = HostCache.writeBack
    /// UUIDs and paths of the images below it, for formats that name their parents by UUID only.
    public var parents: [String: String] = [:]
    /// Its group, if it has one.
    public var rateGroup: NetworkCard.RateGroup?
    /// Its place.
    public var plug = Plug()
    public init(path: String, interface: DiskInterface = .ide, readOnly: Bool = false, snapshot: Bool = false) {
      self.path = path
      self.interface = interface
      self.readOnly = readOnly
      self.snapshot = snapshot
    }
  }
  /// A drive that is to be plugged into a machine that runs.
  public enum NewDrive: Sendable {
    case disk(Disk)
    case cdrom(CDROM)

    /// `kind`: `disk` or `cdrom`; the rest is as in a configuration, on SATA unless it says another thing.
    public init(_ kind: String, _ json: JSON) throws(MachineError) {
      var json = json
      if json["interface"] == nil { json.set("interface", .string(DiskInterface.sata.rawValue)) }
      let field = JSONField(kind, json)
      if kind == "cdrom" { self = .cdrom(try CDROM(field)) } else { self = .disk(try Disk(field)) }
    }
    var plug: Plug {
      switch self {
      case .disk(let disk): disk.plug
      case .cdrom(let cdrom): cdrom.plug
      }
    }
    var isOnSATA: Bool {
      switch self {
      case .disk(let disk): disk.interface == .sata
      case .cdrom(let cdrom): cdrom.interface == .sata
      }
    }
  }

  func validatePorts() throws(MachineError) {
    var taken: Set<Int> = []
    let places =
      disks.map { ($0.interface == .sata, $0.plug.port) } + cdroms.map { ($0.interface == .sata, $0.plug.port) }
    for case (let isOnSATA, .some(let port)) in places {
      guard isOnSATA else { throw MachineError(.configuration, "only SATA drives have ports") }
      guard (0..<AHCI.maximumPorts).contains(port), taken.insert(port).inserted else {
        throw MachineError(.configuration, "SATA port \(port) is not there, or has two drives")
      }
    }
  }
}

extension MachineConfiguration.Plug {
  fileprivate mutating func read(_ member: JSONField) throws(MachineError) -> Bool {
    switch member.lastName {
    case "slot": slot = try member.optionalString()
    case "port":
      port = member.value == .null ? nil : Int(try member.integer(in: 0...Int64(AHCI.maximumPorts - 1)))
    case "hotPluggable": isHotPluggable = try member.bool()
    default: return false
    }
    return true
  }
  fileprivate var members: [JSON.Member] {
    [
      JSON.Member("slot", slot.map { .string($0) } ?? .null),
      JSON.Member("port", port.map { .integer(Int64($0)) } ?? .null),
      JSON.Member("hotPluggable", .bool(isHotPluggable)),
    ]
  }
}

extension MachineConfiguration.Disk {
  init(_ field: JSONField) throws(MachineError) {
    self.init(path: "")
    for member in try field.members() {
      let member = JSONField("\(field.name).\(member.key)", member.value)
      switch member.lastName {
      case "path": path = try member.string()
      case "interface": interface = try member.choice()
      case "readOnly": readOnly = try member.bool()
      case "snapshot": snapshot = try member.bool()
      case "format": format = try member.optionalString()
      case "cache": cache = try member.choice()
      case "rateGroup": rateGroup = member.value == .null ? nil : try .init(member)
      case "parents":
        for parent in try member.members() {
          parents[parent.key] = try JSONField("\(member.name).\(parent.key)", parent.value).string()
        }
      default:
        guard try plug.read(member) else { throw MachineError(.configuration, "unknown member '\(member.name)'") }
      }
    }
    guard !path.isEmpty else { throw MachineError(.configuration, "\(field.name): a disk needs a path") }
  }
  var json: JSON {
    .object(
      [
        JSON.Member("path", .string(path)), JSON.Member("interface", .string(interface.rawValue)),
        JSON.Member("readOnly", .bool(readOnly)), JSON.Member("snapshot", .bool(snapshot)),
        JSON.Member("format", format.map { .string($0) } ?? .null), JSON.Member("cache", .string(cache.rawValue)),
        JSON.Member("rateGroup", rateGroup?.json ?? .null),
        JSON.Member(
          "parents", .object(parents.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) })),
      ] + plug.members)
  }
}

extension MachineConfiguration.CDROM {
  /// A path alone, or an object with path and interface.
  init(_ field: JSONField) throws(MachineError) {
    guard field.value.members != nil else {
      self.init(path: try field.string())
      return
    }
    self.init(path: "")
    for member in try field.members() {
      let member = JSONField("\(field.name).\(member.key)", member.value)
      switch member.lastName {
      case "path": path = try member.string()
      case "interface": interface = try member.choice()
      case "empty": isEmpty = try member.bool()
      default:
        guard try plug.read(member) else { throw MachineError(.configuration, "unknown member '\(member.name)'") }
      }
    }
    guard path.isEmpty == isEmpty else {
      throw MachineError(.configuration, "\(field.name): a CD-ROM drive needs a path, or to be empty")
    }
  }
  var json: JSON {
    let place = plug == MachineConfiguration.Plug() ? [] : plug.members
    let kind = [JSON.Member("interface", .string(interface.rawValue))]
    guard !isEmpty else { return .object([JSON.Member("empty", true)] + kind + place) }
    return interface == .ide && place.isEmpty
      ? .string(path) : .object([JSON.Member("path", .string(path))] + kind + place)
  }
}
