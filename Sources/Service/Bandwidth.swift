import Base
import SettingsFiles

/// Groups of devices that share a limit.
extension MachineSettings {
  /// As settings files have them.
  public var bandwidthGroups: [SettingsElement] {
    hardware.descendant(["IO", "BandwidthGroups"])?.elements("BandwidthGroup") ?? []
  }
  /// Makes a group of a type, `Disk` or `Network`, whose devices share a limit in bytes a second; 0: none. Throws when there is
  /// one of that name.
  public mutating func addBandwidthGroup(_ name: String, type: String, limit: UInt64) throws(ServiceError) {
    try Names.check(name, "a bandwidth group")
    guard !bandwidthGroups.contains(where: { $0["name"] == name }) else {
      throw ServiceError(.objectInUse, "Bandwidth group named '\(name)' already exists")
    }
    changeBandwidthGroups {
      $0.insert(SettingsElement("BandwidthGroup", [("name", name), ("type", type), ("maxBytesPerSec", "\(limit)")]))
    }
  }
  /// Gives a group another limit, or takes it away. Throws when there is none of that name.
  public mutating func limitBandwidthGroup(_ name: String, to limit: UInt64) throws(ServiceError) {
    try requireBandwidthGroup(name)
    changeBandwidthGroups { list in
      list.changeAll("BandwidthGroup") { if $0["name"] == name { $0["maxBytesPerSec"] = "\(limit)" } }
    }
  }
  public mutating func removeBandwidthGroup(_ name: String) throws(ServiceError) {
    try requireBandwidthGroup(name)
    changeBandwidthGroups { list in list.remove("BandwidthGroup") { $0["name"] == name } }
  }
  private func requireBandwidthGroup(_ name: String) throws(ServiceError) {
    guard bandwidthGroups.contains(where: { $0["name"] == name }) else {
      throw ServiceError(.objectNotFound, "Could not find a bandwidth group named '\(name)'")
    }
  }
  private mutating func changeBandwidthGroups(_ body: (inout SettingsElement) -> Void) {
    machine.change(path: ["Hardware", "IO", "BandwidthGroups"]) { body(&$0) }
  }

  /// What a group's cards may send together, or its disks transfer, in bits a second; 0: no limit; nil: there is no such group.
  func bandwidth(ofGroup name: String) -> Int64? {
    guard let group = bandwidthGroups.first(where: { $0["name"] == name }) else { return nil }
    guard let bytes = group.integer("maxBytesPerSec"), bytes > 0 else { return 0 }
    let (bits, overflow) = Int64(bytes).multipliedReportingOverflow(by: 8)
    return overflow ? 1_000_000_000_000 : min(max(bits, 1000), 1_000_000_000_000)
  }
}

extension Registry {
  /// Tells a running machine what its settings say of a group of network cards or disks.
  public func applyBandwidth(ofGroup name: String, to machine: String) throws(ServiceError) {
    let settings = try self.machine(machine)
    let slots = (0..<settings.cardCount).compactMap { settings.slot("Network", "Adapter", $0) }
    let isUsed =
      slots.contains { $0.bool("enabled") == true && $0["bandwidthGroup"] == name }
      || settings.attachments.contains { $0.kind == .disk && $0.bandwidthGroup == name }
    guard isUsed, state(settings).state.isOnline else { return }
    // Of a group that is gone the limit is gone.
    let rate = settings.bandwidth(ofGroup: name) ?? 0
    try client(settings).command("limit", [("group", .string(name)), ("bitsPerSecond", .integer(rate))])
  }
}
