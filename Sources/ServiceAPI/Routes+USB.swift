import Base
import Service
import SettingsFiles

/// Filters for devices of the host's USB, of one machine and for all of them: the same operations for both.
extension Route {
  static let usb =
    filters("machines/{machine}/", "", "a machine", []) + filters("", "Global", "all machines", [.action])
  /// As on the command line.
  static let filterLimit = 1024

  private static func filters(
    _ root: String, _ id: String, _ owner: String, _ more: [USBFilterAttribute]
  ) -> [Route] {
    let place = Schema.option("place", .integer(0...Int64(filterLimit - 1)), "In front of which one; else behind all.")
    let attributes = USBFilterAttribute.allCases.filter { $0 != .action } + more
    let changes = attributes.map(\.option)
    return [
      Route(
        .get, "\(root)usbfilters", "list\(id)USBFilters", "data",
        "Filters for devices of the host's USB, of \(owner). They are kept without effect.",
        .json(.list(.named("USBFilter")))
      ) { service, request throws(ServiceError) in
        let filters = try service.usbFilters(request)
        return .json(.array(filters.map(MachineService.json(usbFilter:))))
      },
      Route(
        .post, "\(root)usbfilters", "add\(id)USBFilter", "data", "Adds a filter of \(owner).",
        .json(.named("USBFilter"))
      ) { service, request throws(ServiceError) in
        try service.changeUSBFilters(request, .insert(at: request.integer("place"), try request.filterValues()))
      }.taking(.object(changes.map { $0.name == "name" ? $0.required : $0 } + [place])),
      Route(
        .patch, "\(root)usbfilters/{filter}", "change\(id)USBFilter", "data",
        "Changes a filter of \(owner), which is named by its place in the list, from 0.", .json(.named("USBFilter"))
      ) { service, request throws(ServiceError) in
        let place = try request.place("filter", below: filterLimit)
        return try service.changeUSBFilters(request, .modify(at: place, try request.filterValues()))
      }.taking(.object(changes)),
      Route(
        .delete, "\(root)usbfilters/{filter}", "remove\(id)USBFilter", "data",
        "Takes a filter of \(owner) away; those behind it move up.", .nothing
      ) { service, request throws(ServiceError) in
        let place = try request.place("filter", below: filterLimit)
        try service.registry.changeUSBFilters(of: request.path["machine"], .remove(at: place))
        service.noticed()
        return .nothing
      },
    ]
  }
}

extension Schema.Property {
  fileprivate var required: Schema.Property { Schema.member(name, schema, text) }
}

extension USBFilterAttribute {
  private static let digits = Schema.pattern("[0-9A-Fa-f]{0,4}", "up to four hexadecimal digits")
  private var text: String {
    switch self {
    case .name: "For people."
    case .active: "It is asked; true if not said otherwise."
    case .vendorId, .productId, .revision: "Four hexadecimal digits; empty: any."
    case .remote: "Only devices of a client elsewhere, or none of those; null: any."
    case .maskedInterfaces: "A bit for each of the device's interfaces that the guest does not see."
    case .action: "What becomes of the devices."
    case .manufacturer, .product, .serialNumber: "What the device says of itself; empty: anything."
    }
  }
  fileprivate var option: Schema.Property {
    let schema: Schema =
      switch self {
      case .name: .keptName
      case .active: .flag
      case .vendorId, .productId, .revision: USBFilterAttribute.digits
      case .remote: .optional(.flag)
      case .maskedInterfaces: .integer(0...Int64(UInt32.max))
      case .action: .word(USBFilterAttribute.actions.map(\.0))
      case .manufacturer, .product, .serialNumber: .line
      }
    return Schema.option(rawValue, schema, text)
  }
  /// What files of others say may be refused here.
  private var shown: Schema.Property {
    switch self {
    case .active: Schema.member(rawValue, .flag, text)
    case .remote: Schema.member(rawValue, .optional(.flag), text)
    case .maskedInterfaces: Schema.member(rawValue, Schemas.count, text)
    case .action: Schema.option(rawValue, .text, text + " Of filters for all machines.")
    default: Schema.member(rawValue, .text, text)
    }
  }
  static let shape = Schema.object(allCases.map(\.shown))

  fileprivate func json(_ filter: SettingsElement) -> JSON {
    switch self {
    case .active: .bool(filter.bool(rawValue) ?? false)
    case .remote: filter.bool(rawValue).map { .bool($0) } ?? .null
    case .maskedInterfaces: .integer(Int64(UInt32(filter[rawValue] ?? "") ?? 0))
    case .action: .string((filter[rawValue] ?? "").lowercased())
    default: .string(filter[rawValue] ?? "")
    }
  }
}

extension APIRequest {
  /// What the body says of a filter, as settings files have it.
  fileprivate func filterValues() throws(ServiceError) -> [(USBFilterAttribute, String)] {
    var values: [(USBFilterAttribute, String)] = []
    for attribute in USBFilterAttribute.allCases {
      guard let value = body[attribute.rawValue] else { continue }
      guard let text = attribute.written(value == .null ? "" : value.string ?? value.text) else {
        throw ServiceError(.invalidArgument, "Invalid value of \(attribute.rawValue)", .machine)
      }
      values.append((attribute, text))
    }
    return values
  }
}

extension MachineService {
  static func json(usbFilter filter: SettingsElement) -> JSON {
    let said = USBFilterAttribute.allCases.filter { $0 != .action || filter[$0.rawValue] != nil }
    return .object(said.map { JSON.Member($0.rawValue, $0.json(filter)) })
  }
  fileprivate func usbFilters(_ request: APIRequest) throws(ServiceError) -> [SettingsElement] {
    guard request.path["machine"] != nil else { return try registry.usbFilters() }
    return try machine(request).usbFilters
  }
  fileprivate func changeUSBFilters(
    _ request: APIRequest, _ change: USBFilterChange
  ) throws(ServiceError) -> APIResponse {
    let place = try registry.changeUSBFilters(of: request.path["machine"], change), all = try usbFilters(request)
    noticed()
    guard all.indices.contains(place) else {
      throw ServiceError(.objectNotFound, "Somebody else has removed the filter meanwhile", .machine)
    }
    return .json(MachineService.json(usbFilter: all[place]))
  }
}
