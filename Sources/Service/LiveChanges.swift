import Base
import HostSystem
import SettingsFiles

/// Changes of machines that run: in the machine's process first, then in its settings.
extension Registry {
  /// The name of a card in the machine's process, which counts only cards that are there. Cards are numbered from 1.
  private func card(_ number: Int, of settings: MachineSettings) throws(ServiceError) -> JSON {
    let slots = (0..<settings.cardCount).filter { settings.slot("Network", "Adapter", $0)?.bool("enabled") == true }
    guard let index = slots.firstIndex(of: number - 1) else {
      throw ServiceError(.invalidObjectState, "Network card \(number) is not enabled", .console)
    }
    return .string("nic\(index)")
  }
  /// Options of `modifyvm` that `controlvm` takes, whenever they come into force: by their first names.
  public static let liveOptions: Set<String> = [
    "nic", "bridgeadapter", "intnet", "hostonlyadapter", "hostonlynet", "nicgenericdrv", "natnetwork", "nictrace",
    "nictracefile", "nicpromisc", "nicproperty", "uartmode", "guestmemoryballoon", "audioin", "audioout", "draganddrop",
    "vrde", "vrdeport", "vrdeproperty", "vrdevideochannelquality", "cpuexecutioncap", "vmprocesspriority",
    "autostartenabled", "autostartdelay",
  ]
  /// Changes a setting of a machine that runs, by the option of `modifyvm` for it. True: it is in force, else it is kept for
  /// the next start.
  public func keepLive(_ option: String, _ values: [String], of settings: MachineSettings) throws(ServiceError) -> Bool
  {
    let client = try client(settings)
    guard let (known, number) = MachineOption.named(option) else {
      throw ServiceError(.invalidArgument, "Unknown option: \(option)", .console)
    }
    // Only a card that is there has anything to be changed.
    let card = known.names[0].hasPrefix("nic") ? try card(number, of: settings) : nil
    try keep(option, values, settings)
    guard let card, let adapter = try machine(settings.uuid).slot("Network", "Adapter", number - 1) else {
      return false
    }
    switch known.names[0] {
    case "nictrace", "nictracefile":
      var arguments = [("card", card)]
      if adapter.bool("trace") == true {
        guard let file = adapter["tracefile"], !file.isEmpty else { return false }
        arguments.append(("path", .string(Paths.resolve(file, in: settings.folder))))
      }
      try client.command("trace", arguments)
      return true
    case "nicpromisc":
      let policy = JSON.string(LaunchPlan.policy(of: adapter))
      // A card on an internal network has told the others what it hears.
      return (try? client.command("promiscuous", [("card", card), ("policy", policy)])) != nil
    default: return false
    }
  }
  /// The setting follows what was done in the running machine.
  func keep(_ option: String, _ values: [String], _ settings: MachineSettings) throws(ServiceError) {
    guard let (known, number) = MachineOption.named(option) else { return }
    try changeShared(settings.uuid) { settings throws(ServiceError) in
      try known.apply(values, number: number, typed: option, to: &settings, self)
    }
  }

  /// Plugs the cable of a card in or out.
  public func setLink(_ number: Int, isUp: Bool, of settings: MachineSettings) throws(ServiceError) {
    let card = try card(number, of: settings)
    try client(settings).command("link", [("card", card), ("state", isUp ? "up" : "down")])
    try keep("cableconnected\(number)", [isUp ? "on" : "off"], settings)
  }
  /// How guest and host are to share a clipboard, as `modifyvm --clipboard-mode` and its file transfers take it. It is only
  /// kept: nothing in a guest shares one yet.
  public func setClipboard(mode: String?, fileTransfers: Bool?, of settings: MachineSettings) throws(ServiceError) {
    _ = try client(settings)
    if let mode { try keep("clipboardmode", [mode], settings) }
    if let fileTransfers { try keep("clipboardfiletransfers", [fileTransfers ? "on" : "off"], settings) }
  }
  /// Adds a port forward, written as `modifyvm --natpf` takes it.
  public func addForward(_ number: Int, _ text: String, of settings: MachineSettings) throws(ServiceError) {
    let card = try card(number, of: settings)
    let client = try client(settings)
    let rule = try PortRule(parsing: text)
    guard !settings.forwards(slot: number - 1).contains(where: { $0.name == rule.name }) else {
      throw ServiceError(.invalidArgument, "A NAT rule of this name already exists", .console)
    }
    try client.command("forward-add", [("card", card), ("rule", .string(rule.forward))])
    try keep("natpf\(number)", [text], settings)
  }
  /// Takes the port forward of this name away.
  public func removeForward(_ number: Int, _ name: String, of settings: MachineSettings) throws(ServiceError) {
    let card = try card(number, of: settings)
    let client = try client(settings)
    guard let rule = settings.forwards(slot: number - 1).first(where: { $0.name == name }) else {
      throw ServiceError(.invalidArgument, "No NAT rule of the name '\(name)'", .console)
    }
    try client.command("forward-remove", [("card", card), ("rule", .string(rule.forward))])
    try keep("natpf\(number)", ["delete", name], settings)
  }
}

/// What is to be plugged in at a place, or to be different about what is.
public struct DriveChange: Sendable {
  /// The controller's name.
  public var controller: String
  /// The place, from 0.
  public var port: Int, device: Int
  /// File, UUID, `none` (takes the drive away) or `emptydrive`; nil: as it is.
  public var medium: String?
  /// nil: as it is.
  public var kind: Medium.Kind?
  /// Of the medium: Normal, Immutable, ...
  public var type: String?
  /// What the guest may know of a disk, and what may be done to it while the machine runs.
  public var isNonrotational: Bool?, discards: Bool?, isHotPluggable: Bool?, isTemporaryEject: Bool?
  /// Of a DVD drive. nil: as it is.
  public var isPassedThrough: Bool?
  /// Name of a group of disks; empty: none; nil: as it is.
  public var bandwidthGroup: String?
  /// Becomes the medium's description; nil: as it is.
  public var comment: String?

  /// Changes nothing yet.
  public init(controller: String, port: Int, device: Int) {
    self.controller = controller
    self.port = port
    self.device = device
  }

  /// Types of media, as settings files write them.
  public static let types = ["Normal", "Writethrough", "Immutable", "Shareable", "Readonly", "MultiAttach"]

  func current(_ settings: MachineSettings) -> Attachment? {
    settings.attachments.first { $0.controller == controller && $0.port == port && $0.device == device }
  }
  /// `made`: images that were made for it, which are nobody's when the change fails.
  func apply(
    _ settings: inout MachineSettings, _ registry: Registry, _ made: inout [String]
  ) throws(ServiceError) {
    if medium == "none" { return try settings.detach(controller, port, device) }
    let current = current(settings)
    guard let kind = kind ?? current?.kind else {
      throw ServiceError(.invalidArgument, "Argument --type not specified")
    }
    var attachment = current ?? Attachment(controller: controller, port: port, device: device, kind: kind)
    attachment.kind = kind
    if let medium {
      let isEmpty = medium == "emptydrive"
      guard !isEmpty || kind != .disk else {
        throw ServiceError(.invalidArgument, "A hard disk cannot be an empty drive")
      }
      attachment.medium = isEmpty ? nil : try settings.openMedium(medium, kind, registry)
    } else if kind == .disk, attachment.medium == nil {
      throw ServiceError(.invalidArgument, "Missing --medium argument")
    }
    if let type, let medium = attachment.medium.flatMap(settings.medium) {
      var others = settings
      if current != nil { try others.detach(controller, port, device) }
      try registry.checkType(medium, type, others)
      if kind == .disk { settings.setType(medium.uuid, type) }
    }
    if kind == .disk, medium != nil || type != nil, let uuid = attachment.medium {
      attachment.medium = try settings.attachable(uuid, in: current?.medium, registry, &made)
    }
    if let isNonrotational { attachment.isNonrotational = isNonrotational }
    if let discards { attachment.discards = discards }
    if let isHotPluggable { attachment.isHotPluggable = isHotPluggable }
    if let isTemporaryEject { attachment.isTemporaryEject = isTemporaryEject }
    if let isPassedThrough { attachment.isPassedThrough = isPassedThrough }
    if let name = bandwidthGroup {
      guard name.isEmpty || settings.bandwidthGroups.contains(where: { $0["name"] == name && $0["type"] == "Disk" })
      else {
        throw ServiceError(.objectNotFound, "Could not find a bandwidth group of disks named '\(name)'")
      }
      attachment.bandwidthGroup = name.isEmpty ? nil : name
    }
    if let comment, let uuid = attachment.medium {
      settings.mediaRegistry.change(uuid) { MediaRegistry.describe(&$0, comment) }
    }
    try settings.attach(attachment)
  }
}
