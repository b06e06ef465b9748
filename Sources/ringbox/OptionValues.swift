import Base
import HostSystem

/// The values of `ringbox run`'s options: what they mean, or why they mean nothing.
enum OptionValues {
  /// "512M", "2G": bytes.
  static func memory(_ text: String) throws -> Int64 {
    let units: [Character: Int64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    if let number = Int64(text), number > 0 {
      throw Failure.usage("--memory '\(text)': the unit is missing; did you mean \(text)M (MiB) or \(text)G (GiB)?")
    }
    guard let last = text.uppercased().last, let unit = units[last], let number = Int64(text.dropLast()) else {
      throw Failure.usage("--memory '\(text)': expected a number and a unit, such as 512M or 2G")
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow, (1 << 20...1 << 40).contains(bytes), bytes.isMultiple(of: 1 << 20) else {
      throw Failure.usage("--memory '\(text)': must be a whole number of MiB from 1M to 1T")
    }
    return bytes
  }

  static func cpus(_ text: String) throws -> Int64 {
    guard let count = Int64(text), (1...64).contains(count) else {
      throw Failure.usage("--cpus '\(text)': must be a number from 1 to 64")
    }
    return count
  }

  /// Display adapters of `ringbox run`.
  static let graphicsControllers = ["vga", "vboxvga", "vboxsvga", "vmsvga"]

  /// "ADAPTER[,memory=SIZE][,monitors=N]".
  static func graphics(_ text: String) throws -> JSON {
    var parts = splitAtSingleCommas(text)
    let controller = try choice(parts.removeFirst(), among: graphicsControllers, "--graphics")
    var result: JSON = ["controller": .string(controller)]
    for part in parts {
      switch part {
      case _ where part.hasPrefix("memory="):
        let size = part.dropFirst(7).uppercased()
        guard size.last == "M", let mebibytes = Int64(size.dropLast()), (1...256).contains(mebibytes),
          mebibytes & (mebibytes - 1) == 0
        else { throw Failure.usage("--graphics '\(text)': memory must be 1M, 2M, 4M ... 256M") }
        result.set("memory", .integer(mebibytes << 20))
      case _ where part.hasPrefix("monitors="):
        let most: Int64 = controller == "vga" ? 1 : 8
        guard let count = Int64(part.dropFirst(9)), (1...most).contains(count) else {
          throw Failure.usage("--graphics '\(text)': \(controller) has 1 to \(most) monitors")
        }
        result.set("monitors", .integer(count))
      default:
        throw Failure.usage("--graphics '\(text)': unknown setting '\(part)'\(hint(part, ["memory=", "monitors="]))")
      }
    }
    return result
  }

  /// Formats of disk images, as `format=` takes them.
  static let diskFormats = ["raw", "vdi", "vmdk", "vhd", "qcow2"]
  static let diskCaches = ["writeback", "writethrough", "none", "unsafe"]

  /// What disks and CD-ROM drives can be attached to.
  static let adapters = ["lsilogic", "lsilogicsas", "buslogic"]
  static let diskInterfaces = ["ide", "virtio", "scsi", "sata", "nvme"] + adapters
  static let cdromInterfaces = ["ide", "sata"] + adapters

  /// "PATH[,if=INTERFACE][,format=FORMAT][,cache=MODE][,readonly][,snapshot]". A comma in the path is written twice.
  static func disk(_ text: String, snapshot: Bool) throws -> JSON {
    var parts = splitAtSingleCommas(text)
    let path = parts.removeFirst()
    guard !path.isEmpty else { throw Failure.usage("--disk '\(text)': the path is missing") }
    var interface = "ide", readOnly = false, format = JSON.null, cache = "writeback"
    for part in parts {
      switch part {
      case "readonly": readOnly = true
      case "snapshot": continue
      case _ where part.hasPrefix("if="):
        interface = try choice(
          String(part.dropFirst(3)), among: diskInterfaces, "--disk '\(text)': interface")
      case _ where part.hasPrefix("format="):
        format = .string(try choice(String(part.dropFirst(7)), among: diskFormats, "--disk '\(text)': format"))
      case _ where part.hasPrefix("cache="):
        cache = try choice(String(part.dropFirst(6)), among: diskCaches, "--disk '\(text)': cache")
      default:
        let settings =
          diskInterfaces.map { "if=\($0)" } + ["readonly", "snapshot"] + diskFormats.map { "format=\($0)" }
          + diskCaches.map { "cache=\($0)" }
        throw Failure.usage("--disk '\(text)': unknown setting '\(part)'\(hint(part, settings))")
      }
    }
    let discards = snapshot || parts.contains("snapshot")
    return [
      "path": .string(path), "interface": .string(interface), "readOnly": .bool(readOnly),
      "snapshot": .bool(discards), "format": format, "cache": .string(cache),
    ]
  }

  /// "PATH[,if=INTERFACE]". A comma in the path is written twice.
  static func cdrom(_ text: String) throws -> JSON {
    var parts = splitAtSingleCommas(text)
    let path = parts.removeFirst()
    guard !path.isEmpty else { throw Failure.usage("--cdrom '\(text)': the path is missing") }
    var interface = "ide"
    for part in parts {
      guard part.hasPrefix("if=") else {
        let settings = cdromInterfaces.map { "if=\($0)" }
        throw Failure.usage("--cdrom '\(text)': unknown setting '\(part)'\(hint(part, settings))")
      }
      interface = try choice(String(part.dropFirst(3)), among: cdromInterfaces, "--cdrom '\(text)': interface")
    }
    return ["path": .string(path), "interface": .string(interface)]
  }

  static func splitAtSingleCommas(_ text: String) -> [String] {
    var parts = [""]
    var rest = Substring(text)
    while let character = rest.popFirst() {
      if character != "," {
        parts[parts.count - 1].append(character)
      } else if rest.first == "," {
        rest.removeFirst()
        parts[parts.count - 1].append(",")
      } else {
        parts.append("")
      }
    }
    return parts
  }

  /// Any order of the letters c (disk), d (CD-ROM), a (floppy), n (network), each once at most.
  static func bootOrder(_ text: String) throws -> String {
    for letter in text where !"acdn".contains(letter) {
      throw Failure.usage(
        "--boot '\(text)': '\(letter)' is none of a (floppy), c (disk), d (CD-ROM), n (network)")
    }
    guard !text.isEmpty, Set(text).count == text.count else {
      throw Failure.usage("--boot '\(text)': give each drive letter once, in the order to try")
    }
    return text
  }

  /// Where a serial port or the debug console goes.
  static func endpoint(_ text: String, option: String, kinds: [String]) throws -> String {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let kind = try choice(parts[0], among: kinds, "\(option) '\(text)': destination")
    let takesArgument = ["file", "tcp"].contains(kind)
    guard takesArgument == (parts.count == 2), parts.last?.isEmpty == false else {
      let form = takesArgument ? (kind == "file" ? "file:PATH" : "tcp:PORT") : kind
      throw Failure.usage("\(option) '\(text)': expected \(form)")
    }
    if kind == "tcp", UInt16(parts[1]).map({ $0 > 0 }) != true {
      throw Failure.usage("\(option) '\(text)': the TCP port must be a number from 1 to 65535")
    }
    return text
  }

  /// "127.0.0.1:5901" or "unix:PATH", with a password or without. The password leaves this program's arguments as soon as
  /// the machine's program takes over.
  static func vnc(_ text: String) throws -> JSON {
    var parts = splitAtSingleCommas(text)
    let place = parts.removeFirst()
    var members: JSON = [:]
    var isLoopback = true
    if place.hasPrefix("unix:") {
      guard (1...107).contains(place.utf8.count - 5) else {
        throw Failure.usage("--vnc '\(text)': a socket's path has 1 to 107 bytes")
      }
      members.set("unix", .string(String(place.dropFirst(5))))
    } else {
      let ends = place.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      let numbers = (ends[0].isEmpty ? "127.0.0.1" : ends[0]).split(separator: ".", omittingEmptySubsequences: false)
      let bytes = numbers.compactMap { UInt8($0) }
      guard ends.count == 2, numbers.count == 4, bytes.count == 4, let port = UInt16(ends[1]), port > 0 else {
        throw Failure.usage("--vnc '\(text)': expected ADDRESS:PORT, such as 127.0.0.1:5901, or unix:PATH")
      }
      isLoopback = bytes[0] == 127
      let address = bytes.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      members.set("tcp", .string("\(address):\(port)"))
    }
    for part in parts {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = try choice(pair[0], among: ["password", "password-file"], "--vnc '\(place)': setting")
      guard pair.count == 2 else { throw Failure.usage("--vnc '\(place)': '\(name)' needs a value") }
      let password = name == "password" ? pair[1] : try firstLine(of: pair[1])
      // The protocol looks at eight bytes only: longer ones would promise too much.
      guard (1...8).contains(password.utf8.count) else {
        throw Failure.usage("--vnc '\(place)': a VNC password has 1 to 8 bytes")
      }
      members.set("password", .string(password))
    }
    guard isLoopback || members["password"] != nil else {
      throw Failure.usage(
        "--vnc '\(text)': an address that others can reach needs a password; tunnel to 127.0.0.1 rather")
    }
    return members
  }
  private static func firstLine(of path: String) throws -> String {
    do throws(FileError) {
      let bytes = try WholeFile.read(path, maximum: 4096)
      return String(decoding: bytes.prefix { $0 != 0x0a && $0 != 0x0d }, as: UTF8.self)
    } catch { throw Failure.failure("--vnc: password file '\(path)': \(error.reason)") }
  }

  static func control(_ text: String) throws -> String {
    guard text.hasPrefix("unix:"), text.utf8.count > 5 else {
      throw Failure.usage("--control '\(text)': expected unix:PATH")
    }
    // sun_path holds 108 bytes with the terminating zero.
    guard text.utf8.count - 5 <= 107 else {
      throw Failure.usage("--control '\(text)': a socket's path may have 107 bytes")
    }
    return String(text.dropFirst(5))
  }

  static func choice(_ text: String, among names: [String], _ what: String) throws -> String {
    guard names.contains(text) else {
      throw Failure.usage(
        "\(what) '\(text)' is unknown\(hint(text, names)) (there are: \(names.joined(separator: ", ")))")
    }
    return text
  }

  private static func hint(_ text: String, _ names: [String]) -> String {
    NearestMatch.find(text, among: names).map { "; did you mean '\($0)'?" } ?? ""
  }
}
