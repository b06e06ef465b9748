import SettingsFiles

/// A machine's snapshots, parents before children.
public struct SnapshotTree: Sendable {
  /// A snapshot in its place.
  public struct Node: Sendable, Equatable {
    /// As the user gave it; need not be unique.
    public var name: String
    /// Lower case, without braces.
    public var uuid: String
    /// The user's description.
    public var text: String?
    /// The machine was saved or running: its state is there.
    public var hasState: Bool
    /// When it was taken, as settings files write it.
    public var time: String
    /// How it stands in the tree: "" for the root, "-1", "-2" for its children, "-1-1" for theirs.
    public var suffix: String
    /// 0 for the root.
    public var depth: Int
    /// UUID of the parent; nil for the root.
    public var parent: String?
  }
  /// Depth first.
  public private(set) var nodes: [Node] = []
  /// UUID of the snapshot that the current state comes from.
  public let current: String?

  public init(_ settings: MachineSettings) {
    current = settings.machine["currentSnapshot"].flatMap(SettingsUUID.normalized)
    if let root = settings.machine.child("Snapshot") { add(root, "", 0, nil) }
  }
  private mutating func add(_ element: SettingsElement, _ suffix: String, _ depth: Int, _ parent: String?) {
    let uuid = element["uuid"].flatMap(SettingsUUID.normalized) ?? ""
    nodes.append(
      Node(
        name: element["name"] ?? "", uuid: uuid, text: element.child("Description")?.text,
        hasState: element["stateFile"]?.isEmpty == false, time: element["timeStamp"] ?? "", suffix: suffix,
        depth: depth, parent: parent))
    for (index, child) in (element.child("Snapshots")?.elements("Snapshot") ?? []).enumerated() {
      add(child, "\(suffix)-\(index + 1)", depth + 1, uuid)
    }
  }
  /// By name or UUID.
  public func find(_ name: String) -> Node? {
    let uuid = SettingsUUID.normalized(name)
    return nodes.first { $0.uuid == uuid } ?? nodes.first { $0.name == name }
  }
}
