import Base
import HostSystem
import SettingsFiles

/// Options about what looks into a machine, about moving it while it runs, and about what its processor says of itself.
/// None has an effect here; all are kept where VirtualBox keeps them.
extension MachineOption {
  private static func machine(_ path: [String], _ attribute: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      change.settings.machine.set(path, attribute, values[0].isEmpty ? nil : values[0])
    }
  }
  private static func machineFlag(_ path: [String], _ attribute: String) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      guard let flag = MachineOption.flag(values[0]) else { throw change.refuse(values[0]) }
      change.settings.machine.set(path, attribute, flag ? "true" : nil)
    }
  }
  private static func machineWord(_ path: [String], _ attribute: String, _ words: [(String, String?)]) -> Effect {
    .own(1) { change, values throws(ServiceError) in
      guard let word = words.first(where: { $0.0 == values[0].lowercased() }) else { throw change.refuse(values[0]) }
      change.settings.machine.set(path, attribute, word.1)
    }
  }

  static let debugging: [MachineOption] = [
    MachineOption("tracingenabled", nil, machineFlag(["Debugging", "Tracing"], "enabled")),
    MachineOption("tracingconfig", nil, machine(["Debugging", "Tracing"], "config")),
    MachineOption("tracingallowvmaccess", nil, machineFlag(["Debugging", "Tracing"], "allowTracingToAccessVM")),
    MachineOption(
      "guestdebugprovider", nil,
      machineWord(
        ["Debugging", "GuestDebug"], "provider", [("none", nil), ("native", "Native"), ("gdb", "GDB"), ("kd", "KD")])),
    MachineOption(
      "guestdebugioprovider", nil,
      machineWord(
        ["Debugging", "GuestDebug"], "io", [("none", nil), ("tcp", "TCP"), ("udp", "UDP"), ("ipc", "IPC")])),
    MachineOption("guestdebugaddress", nil, machine(["Debugging", "GuestDebug"], "address")),
    MachineOption(
      "guestdebugport", nil,
      .own(1) { change, values throws(ServiceError) in
        guard UInt16(values[0]) != nil else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Debugging", "GuestDebug"], "port", values[0] == "0" ? nil : values[0])
      }),
    MachineOption("teleporter teleporterenabled", nil, machineFlag(["Teleporter"], "enabled")),
    MachineOption(
      "teleporterport", nil,
      .own(1) { change, values throws(ServiceError) in
        guard UInt16(values[0]) != nil else { throw change.refuse(values[0]) }
        change.settings.machine.set(["Teleporter"], "port", values[0] == "0" ? nil : values[0])
      }),
    MachineOption("teleporteraddress", nil, machine(["Teleporter"], "address")),
    MachineOption("teleporterpassword", nil, machine(["Teleporter"], "password")),
    MachineOption(
      "teleporterpasswordfile", nil,
      .own(1) { change, values throws(ServiceError) in
        let bytes = try file(values[0], maximum: 4096)
        let line = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
        change.settings.machine.set(["Teleporter"], "password", line.isEmpty ? nil : String(line))
      }),
    MachineOption(
      "iconfile", nil,
      .own(1) { change, values throws(ServiceError) in
        guard !values[0].isEmpty else {
          change.settings.machine["icon"] = nil
          return
        }
        let bytes = try file(values[0], maximum: 256 << 10)
        guard bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) else {
          throw ServiceError(.invalidArgument, "'\(values[0])' is no PNG image")
        }
        change.settings.machine["icon"] = Base64Text.encode(bytes)
      }),
    MachineOption("cpuidset", nil, .own(5) { change, values throws(ServiceError) in try setLeaf(&change, values) }),
    MachineOption(
      "cpuidremove", nil,
      .own(1) { change, values throws(ServiceError) in
        let (leaf, subleaf) = try leaf(change, values[0])
        removeLeaves(&change) { $0.integer("id") == leaf && ($0.integer("subleaf") ?? 0) == subleaf }
      }),
    MachineOption("cpuidremoveall", nil, .own(0) { change, _ in removeLeaves(&change) { _ in true } }),
    MachineOption(
      "plugcpu", nil, .own(1) { change, values throws(ServiceError) in try plug(&change, values[0], isIn: true) }),
    MachineOption(
      "unplugcpu", nil, .own(1) { change, values throws(ServiceError) in try plug(&change, values[0], isIn: false) }),
    MachineOption(
      "usbrename", nil, .own(2) { change, values throws(ServiceError) in try renameUSB(&change, values) }),
  ]

  private static func file(_ path: String, maximum: Int) throws(ServiceError) -> [UInt8] {
    do throws(FileError) { return try WholeFile.read(Paths.absolute(path), maximum: maximum) } catch {
      throw ServiceError(.fileError, "Could not read '\(path)': \(error.reason)")
    }
  }

  // MARK: Leaves of CPUID

  /// `LEAF` or `LEAF:SUBLEAF`, hexadecimal as everything about CPUID.
  private static func leaf(_ change: Change, _ text: String) throws(ServiceError) -> (leaf: Int, subleaf: Int) {
    let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { hexadecimal(String($0)) }
    guard (1...2).contains(numbers.count), let leaf = numbers[0], let subleaf = numbers.count > 1 ? numbers[1] : 0
    else {
      throw change.refuse(text)
    }
    return (Int(leaf), Int(subleaf))
  }
  private static func hexadecimal(_ text: String) -> UInt32? {
    UInt32(text.lowercased().hasPrefix("0x") ? String(text.dropFirst(2)) : text, radix: 16)
  }
  private static func setLeaf(_ change: inout Change, _ values: [String]) throws(ServiceError) {
    let (leaf, subleaf) = try leaf(change, values[0])
    let registers = values.dropFirst().map(hexadecimal)
    guard let bad = registers.firstIndex(of: nil) else {
      removeLeaves(&change) { $0.integer("id") == leaf && ($0.integer("subleaf") ?? 0) == subleaf }
      var element = SettingsElement("CpuIdLeaf", [("id", "\(leaf)"), ("subleaf", "\(subleaf)")])
      for (name, value) in zip(["eax", "ebx", "ecx", "edx"], registers) { element[name] = value.map { "\($0)" } }
      return change.settings.machine.change(path: ["Hardware", "CPU", "CpuIdTree"]) { $0.insert(element) }
    }
    throw change.refuse(values[bad + 1])
  }
  private static func removeLeaves(_ change: inout Change, _ isMeant: (SettingsElement) -> Bool) {
    change.settings.machine.change(path: ["Hardware", "CPU"]) { cpu in
      cpu.change("CpuIdTree") { $0.remove("CpuIdLeaf", where: isMeant) }
      cpu.remove("CpuIdTree") { $0.children.isEmpty }
    }
  }
  private static func plug(_ change: inout Change, _ text: String, isIn: Bool) throws(ServiceError) {
    guard let number = Int(text), (0..<64).contains(number) else { throw change.refuse(text) }
    change.settings.machine.change(path: ["Hardware", "CPU"]) { cpu in
      cpu.change("CpuTree") { tree in
        tree.remove("Cpu") { $0.integer("id") == number }
        if isIn { tree.insert(SettingsElement("Cpu", [("id", "\(number)")])) }
      }
      cpu.remove("CpuTree") { $0.children.isEmpty }
    }
  }

  // MARK: What is only kept

  static let kept: [MachineOption] =
    [
      MachineOption("pciattach", nil, .kept(1)), MachineOption("pcidetach", nil, .kept(1)),
      MachineOption("testingcfgdword", 0...255, .kept(1)),
    ] + ["testingenabled", "testingmmio", "faulttolerance", "usbwebcam"].map { MachineOption($0, nil, .kept(1)) }
}

/// Base64 (RFC 4648, section 4), for what settings files hold in it.
enum Base64Text {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  static func encode(_ bytes: [UInt8]) -> String {
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = Array(bytes[start..<min(bytes.count, start + 3)])
      let group = part.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - part.count))
      for place in 0..<4 {
        let digit = Int(group >> UInt32(18 - 6 * place) & 63)
        output.append(place > part.count ? UInt8(ascii: "=") : alphabet[digit])
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}
