import HostSystem
import SettingsFiles

/// Options by which disks were attached before there was `storageattach`: they name a place on a controller of their bus, which
/// is made when the machine has none.
extension MachineOption {
  static let oldStorage: [MachineOption] =
    [
      ("hda", 0, 0, Medium.Kind.disk), ("hdb", 0, 1, .disk), ("hdc", 1, 0, .disk), ("hdd", 1, 1, .disk),
      ("dvd", 1, 0, .dvd),
    ].map { name, port, device, kind in
      MachineOption(
        name, nil,
        .own(1) { change, values throws(ServiceError) in
          try attach(&change, values[0], "ide", "IDE Controller", port, device, kind)
        })
    } + [
      MachineOption(
        "floppy", nil,
        .own(1) { change, values throws(ServiceError) in
          try attach(&change, values[0], "floppy", "Floppy Controller", 0, 0, .floppy)
        }),
      MachineOption("sataport", 1...30, onPort("sata", "SATA")),
      MachineOption("scsiport", 1...16, onPort("scsi", "SCSI")),
      MachineOption("sasport", 1...8, onPort("sas", "SAS")),
      MachineOption("sata", nil, onOff("sata", "SATA")), MachineOption("scsi", nil, onOff("scsi", "SCSI")),
      MachineOption("sas", nil, onOff("sas", "SAS")),
      MachineOption(
        "idecontroller", nil,
        .own(1) { change, values throws(ServiceError) in
          try setType(&change, "ide", "IDE Controller", ["PIIX3", "PIIX4", "ICH6"], values[0])
        }),
      MachineOption(
        "scsitype", nil,
        .own(1) { change, values throws(ServiceError) in
          try setType(&change, "scsi", "SCSI", ["LsiLogic", "BusLogic"], values[0])
        }),
      MachineOption(
        "sataportcount", nil,
        .own(1) { change, values throws(ServiceError) in
          guard let count = Int(values[0]) else { throw change.refuse(values[0]) }
          let name = try controller(&change, "sata", "SATA")
          try change.settings.setController(name, ports: count)
        }),
      MachineOption(
        "sataideemulation", 1...4,
        .own(1) { change, values throws(ServiceError) in
          guard let port = Int(values[0]), (1...30).contains(port) else { throw change.refuse(values[0]) }
          let name = try controller(&change, "sata", "SATA")
          let places = ["IDE0Master", "IDE0Slave", "IDE1Master", "IDE1Slave"]
          try change.settings.setController(name, "\(places[change.number - 1])EmulationPort", "\(port - 1)")
        }),
    ]

  private static func onPort(_ bus: String, _ usual: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      try attach(&change, values[0], bus, usual, change.number - 1, 0, .disk)
    }
  }
  private static func onOff(_ bus: String, _ usual: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
      if flag {
        _ = try controller(&change, bus, usual)
      } else if let name = existing(change, bus) {
        try change.settings.removeController(name)
      }
    }
  }
  private static func existing(_ change: Change, _ bus: String) -> String? {
    change.settings.controllers.first { ControllerType.named($0["type"] ?? "")?.bus == bus }?["name"]
  }
  /// The name of the first controller of a bus; one is made when there is none.
  private static func controller(_ change: inout Change, _ bus: String, _ usual: String) throws(ServiceError) -> String
  {
    if let name = existing(change, bus) { return name }
    guard let type = ControllerType.onBus(bus) else { throw change.refuse(bus) }
    try change.settings.addController(usual, type)
    return usual
  }
  private static func setType(
    _ change: inout Change, _ bus: String, _ usual: String, _ words: [String], _ value: String
  ) throws(ServiceError) {
    guard let word = words.first(where: { $0.lowercased() == value.lowercased() }),
      let type = ControllerType.named(word)
    else { throw change.refuse(value) }
    let name = try controller(&change, bus, usual)
    try change.settings.setController(name, "type", type.name)
  }
  /// A file or UUID; `none` takes a disk away and empties another drive, as `empty` does; `disabled` takes the drive away.
  private static func attach(
    _ change: inout Change, _ value: String, _ bus: String, _ usual: String, _ port: Int, _ device: Int,
    _ kind: Medium.Kind
  ) throws(ServiceError) {
    let word = value.lowercased()
    let isAway = word == "disabled" || word == "none" && kind == .disk
    if isAway, existing(change, bus) == nil { return }
    let name = try controller(&change, bus, usual)
    if let element = change.settings.controllers.first(where: { $0["name"] == name }),
      let type = ControllerType.named(element["type"] ?? ""), type.maximumPorts > type.ports || bus == "sata",
      (element.integer("PortCount") ?? type.ports) <= port
    {
      try change.settings.setController(name, ports: port + 1)
    }
    var drive = DriveChange(controller: name, port: port, device: device)
    if isAway {
      guard
        change.settings.attachments.contains(where: { $0.controller == name && $0.port == port && $0.device == device })
      else { return }
      drive.medium = "none"
    } else {
      drive.kind = kind
      drive.medium = ["none", "empty", "emptydrive"].contains(word) ? "emptydrive" : value
    }
    var made: [String] = []
    do throws(ServiceError) { try drive.apply(&change.settings, change.registry, &made) } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
  }
}
