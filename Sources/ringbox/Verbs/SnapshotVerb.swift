import Base
import Service

/// `snapshot`: what a machine was, kept and brought back.
enum SnapshotVerb {
  static let verb = Verb(
    "snapshot",
    usage: "NAME|UUID take SNAPSHOT [--description TEXT] | delete SNAPSHOT | restore SNAPSHOT | restorecurrent | "
      + "edit SNAPSHOT|--current [--name NAME] [--description TEXT] | list [--machinereadable] | showvminfo SNAPSHOT",
    "Takes, restores, deletes and lists snapshots of a machine."
  ) { words, registry in
    let machine = try words.next("name or UUID of the machine")
    let what = try words.next("take, delete, restore, restorecurrent, edit or list")
    let (names, options) = try words.parse(
      [
        "description": 1, "desc": 1, "name": 1, "current": 0, "live": 0, "pause": 0, "uniquename": 1, "details": 0,
        "machinereadable": 0,
      ], words: 0...1)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    func name() throws -> String {
      guard let name = names.first else { throw Failure.usage("Missing argument: name or UUID of the snapshot") }
      return name
    }
    let settings = try registry.machine(machine)
    switch what {
    case "take":
      let progress = Progress()
      let uuid = try registry.takeSnapshot(
        machine, name: try name(), text: value("description") ?? value("desc")
      ) { progress.show($0) }
      progress.show(100)
      return Answer(text: "Snapshot taken. UUID: \(uuid)\n", json: ["uuid": .string(uuid)])
    case "restore": return try restore(try registry.snapshot(try name(), of: settings), machine, registry)
    case "restorecurrent": return try restore(try current(settings, registry), machine, registry)
    case "delete":
      let node = try registry.snapshot(try name(), of: settings)
      try registry.deleteSnapshot(machine, node.uuid, progress: .none)
      Progress.whole()
      return Answer(text: "Deleting snapshot '\(node.name)' (\(node.uuid))\n")
    case "edit":
      let isCurrent = options.contains { $0.name == "current" }
      let node = try isCurrent ? current(settings, registry) : registry.snapshot(try name(), of: settings)
      try registry.editSnapshot(machine, node.uuid, newName: value("name"), text: value("description") ?? value("desc"))
      return .done
    case "showvminfo":
      let node = try registry.snapshot(try name(), of: settings)
      let then = try settings.asOf(node.uuid)
      let isForPrograms = options.contains { $0.name == "machinereadable" }
      let info = MachineInfo(then, registry)
      return Answer(text: isForPrograms ? info.programText : HumanInfo(then, registry).text, json: info.json)
    case "list": return list(settings, registry, isForPrograms: options.contains { $0.name == "machinereadable" })
    default: throw Failure.usage("Invalid parameter '\(what)'")
    }
  }

  private static func current(_ settings: MachineSettings, _ registry: Registry) throws -> SnapshotTree.Node {
    guard let uuid = SnapshotTree(settings).current else {
      throw Failure.failure("This machine does not have any snapshots")
    }
    return try registry.snapshot(uuid, of: settings)
  }
  private static func restore(_ node: SnapshotTree.Node, _ machine: String, _ registry: Registry) throws -> Answer {
    try registry.restoreSnapshot(machine, node.uuid)
    Progress.whole()
    return Answer(text: "Restoring snapshot '\(node.name)' (\(node.uuid))\n")
  }
  private static func list(_ settings: MachineSettings, _ registry: Registry, isForPrograms: Bool) -> Answer {
    let tree = SnapshotTree(settings)
    let json = JSON.array(
      tree.nodes.map { node in
        [
          "name": .string(node.name), "uuid": .string(node.uuid), "parent": node.parent.map { .string($0) } ?? .null,
          "time": .string(node.time), "hasState": .bool(node.hasState), "current": .bool(node.uuid == tree.current),
        ]
      })
    // Clients look for this text on standard output and for this status.
    guard !tree.nodes.isEmpty else {
      return Answer(text: "This machine does not have any snapshots\n", json: json, status: 1)
    }
    return Answer(
      text: isForPrograms ? MachineInfo.snapshots(tree, of: settings, registry) : tree.humanText, json: json)
  }
}
