/// An XML element as settings files are made of: name, attributes in their order, children in theirs. What nothing here
/// knows stays where it is, so that a file keeps what another program put into it.
public struct SettingsElement: Equatable, Sendable {
  /// A name and its text.
  public struct Attribute: Equatable, Sendable {
    /// With its prefix, if it has one.
    public var name: String
    /// Without any escapes.
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }
  /// With its prefix, if it has one.
  public var name: String
  /// In the order of the file; `xmlns` among them.
  public var attributes: [Attribute]
  /// In the order of the file; white space between elements is not kept.
  public var children: [SettingsNode]

  public init(_ name: String, _ attributes: [(String, String)] = [], _ children: [SettingsElement] = []) {
    self.name = name
    self.attributes = attributes.map { Attribute($0.0, $0.1) }
    self.children = children.map { .element($0) }
  }
}

/// What stands inside an element.
public enum SettingsNode: Equatable, Sendable {
  case element(SettingsElement)
  case text(String)
  case comment(String)
  case instruction(target: String, text: String)
}

// MARK: Reading

extension SettingsElement {
  /// The attribute's text; setting nil takes the attribute away.
  public subscript(_ attribute: String) -> String? {
    get { attributes.first { $0.name == attribute }?.value }
    set {
      guard let index = attributes.firstIndex(where: { $0.name == attribute }) else {
        if let newValue { attributes.append(Attribute(attribute, newValue)) }
        return
      }
      if let newValue { attributes[index].value = newValue } else { attributes.remove(at: index) }
    }
  }
  /// All child elements.
  public var elements: [SettingsElement] {
    children.compactMap { if case .element(let element) = $0 { element } else { nil } }
  }
  /// The child elements of this name.
  public func elements(_ name: String) -> [SettingsElement] { elements.filter { $0.name == name } }
  /// The first child element of this name.
  public func child(_ name: String) -> SettingsElement? {
    for case .element(let element) in children where element.name == name { return element }
    return nil
  }
  /// The element that these names lead to, each the first of its kind.
  public func descendant(_ path: [String]) -> SettingsElement? {
    var here = self
    for name in path {
      guard let next = here.child(name) else { return nil }
      here = next
    }
    return here
  }
  /// All text directly inside.
  public var text: String {
    children.reduce("") { if case .text(let text) = $1 { $0 + text } else { $0 } }
  }
  /// true and false as all versions write them, and as people do; nil for anything else.
  public func bool(_ attribute: String) -> Bool? {
    switch self[attribute]?.lowercased() {
    case "true", "yes", "on", "1": true
    case "false", "no", "off", "0": false
    default: nil
    }
  }
  /// Decimal, or hexadecimal behind 0x.
  public func integer(_ attribute: String) -> Int? {
    guard let text = self[attribute] else { return nil }
    if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16) }
    return Int(text)
  }
}

// MARK: Changing

extension SettingsElement {
  /// Where children of this element stand, by the schema; names that are missing come last.
  public static func order(in parent: String) -> [String] { ElementOrder.table[parent] ?? [] }

  /// Changes the first child of this name, which is made where the schema wants it.
  public mutating func change<R>(_ name: String, _ body: (inout SettingsElement) throws -> R) rethrows -> R {
    for index in children.indices {
      guard case .element(var element) = children[index], element.name == name else { continue }
      defer { children[index] = .element(element) }
      return try body(&element)
    }
    var element = SettingsElement(name)
    defer { insert(element) }
    return try body(&element)
  }
  /// Changes the element that these names lead to, making what is missing.
  public mutating func change<R>(path: [String], _ body: (inout SettingsElement) throws -> R) rethrows -> R {
    guard let first = path.first else { return try body(&self) }
    return try change(first) { try $0.change(path: Array(path.dropFirst()), body) }
  }
  /// Changes every child element of this name.
  public mutating func changeAll(_ name: String, _ body: (inout SettingsElement) throws -> Void) rethrows {
    for index in children.indices {
      guard case .element(var element) = children[index], element.name == name else { continue }
      try body(&element)
      children[index] = .element(element)
    }
  }
  /// Puts a child after its last sibling that the schema wants before it.
  public mutating func insert(_ element: SettingsElement) {
    let order = SettingsElement.order(in: name)
    guard let rank = order.firstIndex(of: element.name) else { return children.append(.element(element)) }
    let following = children.firstIndex {
      guard case .element(let other) = $0, let place = order.firstIndex(of: other.name) else { return false }
      return place > rank
    }
    children.insert(.element(element), at: following ?? children.count)
  }
  /// Takes children away.
  public mutating func remove(_ name: String, where isMeant: (SettingsElement) -> Bool = { _ in true }) {
    children.removeAll {
      guard case .element(let element) = $0, element.name == name else { return false }
      return isMeant(element)
    }
  }
  /// Sets an attribute of the element at `path`; nil takes it away, and with it elements that are empty then.
  public mutating func set(_ path: [String], _ attribute: String, _ value: String?) {
    if value == nil, descendant(path)?[attribute] == nil { return }
    change(path: path) { $0[attribute] = value }
    if value == nil { prune(path) }
  }
  private mutating func prune(_ path: [String]) {
    guard let first = path.first else { return }
    change(first) { $0.prune(Array(path.dropFirst())) }
    remove(first) { $0.attributes.isEmpty && $0.children.isEmpty }
  }
}

/// The order in which children are written, by parent: what a validating reader expects.
enum ElementOrder {
  static let table: [String: [String]] = [
    "Machine": [
      "Description", "Teleporter", "MediaRegistry", "ExtraData", "Snapshot", "Hardware", "StorageControllers",
      "Debugging", "Autostart", "Recording", "Groups",
    ],
    "Snapshot": [
      "Description", "Hardware", "StorageControllers", "Debugging", "Autostart", "Recording", "Snapshots",
    ],
    "Hardware": [
      "CPU", "Memory", "Firmware", "HID", "HPET", "Chipset", "Paravirt", "Iommu", "Boot", "Display", "VideoCapture",
      "RemoteDisplay", "BIOS", "TrustedPlatformModule", "USB", "Network", "UART", "LPT", "AudioAdapter", "RTC",
      "SharedFolders", "Clipboard", "DragAndDrop", "IO", "HostPci", "EmulatedUSB", "Frontend", "Guest",
      "GuestProperties", "StorageControllers",
    ],
    "MediaRegistry": ["HardDisks", "DVDImages", "FloppyImages"],
    "Global": [
      "ExtraData", "MachineRegistry", "MediaRegistry", "NetserviceRegistry", "Updates", "SystemProperties",
      "USBDeviceFilters", "USBDeviceSources",
    ],
    "Adapter": [
      "DisabledModes", "NAT", "BridgedInterface", "InternalNetwork", "HostOnlyInterface", "HostOnlyNetwork",
      "GenericInterface", "NATNetwork", "CloudNetwork",
    ],
    "NAT": ["DNS", "Alias", "TFTP", "Forwarding"],
  ]
}
