import SettingsFiles

/// What a filter for devices of the host's USB says of them, by its names in settings files. Filters of a machine tell
/// which devices it wants, those for all machines what becomes of others. They are kept without effect.
public enum USBFilterAttribute: String, CaseIterable, Sendable {
  case name, active, vendorId, productId, revision, manufacturer, product, remote, serialNumber, maskedInterfaces,
    action

  /// What is done with devices that no machine wants, as clients call it and as files do.
  public static let actions = [("ignore", "Ignore"), ("hold", "Hold")]
  /// How files write this value; nil for one that no filter has. An empty text takes it away.
  public func written(_ text: String) -> String? {
    switch self {
    case .active: MachineOption.flag(text).map { $0 ? "true" : "false" }
    case .remote: text.isEmpty ? "" : MachineOption.flag(text).map { $0 ? "true" : "false" }
    case .vendorId, .productId, .revision:
      text.utf8.count <= 4 && text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } ? text : nil
    case .maskedInterfaces: text.isEmpty || UInt32(text) != nil ? text : nil
    case .action: USBFilterAttribute.actions.first { $0.0 == text.lowercased() }?.1
    case .name, .manufacturer, .product, .serialNumber: text
    }
  }
}

/// What becomes of the list of filters of a machine, or of those for all machines.
public struct USBFilterChange: Sendable {
  private enum Kind { case insert, modify, remove }
  private let kind: Kind
  /// nil: behind all others.
  private let place: Int?
  private let values: [(USBFilterAttribute, String)]

  /// A new one at this place, or behind all others where there is no such place.
  public static func insert(at place: Int?, _ values: [(USBFilterAttribute, String)]) -> USBFilterChange {
    USBFilterChange(kind: .insert, place: place, values: values)
  }
  /// Values are as `written` has them.
  public static func modify(at place: Int, _ values: [(USBFilterAttribute, String)]) -> USBFilterChange {
    USBFilterChange(kind: .modify, place: place, values: values)
  }
  /// Those behind it move up.
  public static func remove(at place: Int) -> USBFilterChange {
    USBFilterChange(kind: .remove, place: place, values: [])
  }

  /// The answer is the place that was changed.
  fileprivate func apply(
    to owner: inout SettingsElement, _ path: [String], _ subject: ServiceError.Subject
  ) throws(ServiceError) -> Int {
    var filters = owner.descendant(path)?.elements("DeviceFilter") ?? []
    let place = kind == .insert ? min(place ?? filters.count, filters.count) : place ?? 0
    guard kind == .insert || filters.indices.contains(place) else {
      throw ServiceError(.objectNotFound, "There are \(filters.count) USB filters: no place \(place)", subject)
    }
    if let name = values.last(where: { $0.0 == .name })?.1 { try Names.check(name, "a USB filter", subject) }
    switch kind {
    case .remove: filters.remove(at: place)
    case .insert: filters.insert(SettingsElement("DeviceFilter", [("name", ""), ("active", "true")]), at: place)
    case .modify: break
    }
    for (attribute, value) in values {
      filters[place][attribute.rawValue] = value.isEmpty && attribute != .name ? nil : value
    }
    owner.change(path: path) { list in
      list.remove("DeviceFilter")
      for filter in filters { list.insert(filter) }
    }
    return place
  }
}

extension MachineSettings {
  /// In the order in which they are asked.
  public var usbFilters: [SettingsElement] {
    hardware.descendant(USBFilters.ofMachines)?.elements("DeviceFilter") ?? []
  }
}

extension Registry {
  /// Filters for all machines, in the order in which they are asked.
  public func usbFilters() throws(ServiceError) -> [SettingsElement] {
    try global().root.descendant(USBFilters.global)?.elements("DeviceFilter") ?? []
  }
  /// Changes the filters of a machine or, for nil, those for all of them. The answer is the place that was changed.
  @discardableResult
  public func changeUSBFilters(of machine: String?, _ change: USBFilterChange) throws(ServiceError) -> Int {
    guard let machine else {
      return try changeGlobal { global throws(ServiceError) in
        try change.apply(to: &global.root, USBFilters.global, .host)
      }
    }
    return try changeShared(machine) { settings throws(ServiceError) in
      try change.apply(to: &settings.machine, ["Hardware"] + USBFilters.ofMachines, .machine)
    }
  }
}

/// Filters for devices of the host's USB: where settings files have their lists.
private enum USBFilters {
  static let global = ["USBDeviceFilters"]
  /// Below `Hardware`.
  static let ofMachines = ["USB", "DeviceFilters"]
}
