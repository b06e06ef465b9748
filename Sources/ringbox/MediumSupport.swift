import Base
import DiskImages
import Foundation
import HostSystem
import Service
import SettingsFiles
import Synchronization

/// What the commands for media share: words of VBoxManage's grammar, sizes, progress.
enum MediumSupport {
  static let kinds = ["disk", "dvd", "floppy"]

  /// Positional words without the kind of medium that may come first; exactly `count`, named in `form`.
  static func words(_ words: [String], _ count: ClosedRange<Int>, _ form: String) throws -> [String] {
    var rest = words
    if rest.count > count.lowerBound, let first = rest.first, kinds.contains(first) { rest.removeFirst() }
    guard count.contains(rest.count) else { throw Failure.usage("expected: \(form)") }
    return rest.map(place)
  }
  /// The file of a medium that is named by its UUID, when the registry knows it.
  private static func place(_ name: String) -> String {
    guard SettingsUUID.normalized(name) != nil, let home = try? ServiceHome(),
      let known = try? Registry(home: home).medium(name)
    else { return name }
    return known.medium.path
  }
  /// Options that find parents where the registry has them.
  static func options(readOnly: Bool = false) -> ImageLibrary.Options {
    var options = ImageLibrary.Options(readOnly: readOnly)
    options.locate = { uuid in
      guard let home = try? ServiceHome(), let known = try? Registry(home: home).medium(uuid.description) else {
        return nil
      }
      return known.medium.path
    }
    return options
  }
  static func format(_ name: String) throws -> ImageFormat {
    guard let format = ImageFormat(named: name) else {
      let names = ImageFormat.allCases.map(\.rawValue)
      let hint = NearestMatch.find(name.uppercased(), among: names).map { "; did you mean '\($0)'?" } ?? ""
      throw Failure.usage("--format '\(name)' is unknown\(hint) (there are: \(names.joined(separator: ", ")))")
    }
    return format
  }
  /// VBoxManage's words, separated by commas: Standard, Fixed, Split2G, Stream, ESX, Formatted, Diff.
  static func variant(_ text: String, _ format: ImageFormat) throws -> ImageVariant {
    let known = ["standard", "fixed", "split2g", "stream", "esx", "diff", "formatted", "rawdisk"]
    var words: Set<String> = []
    for word in text.split(separator: ",").map({ $0.lowercased() }) {
      guard known.contains(word) else {
        let hint = NearestMatch.find(word, among: known).map { "; did you mean '\($0)'?" } ?? ""
        throw Failure.usage("--variant '\(text)': '\(word)' is unknown\(hint)")
      }
      words.insert(word)
    }
    for word in ["formatted", "rawdisk"] where words.contains(word) {
      throw Failure.usage("--variant '\(text)': '\(word)' is not supported yet")
    }
    if words.contains("stream") { return .stream }
    if words.contains("split2g") { return words.contains("fixed") ? .splitFixed : .split }
    return words.contains("fixed") || words.contains("esx") ? .fixed : .dynamic
  }
  /// Bytes from `--size` (MiB) or `--sizebyte`.
  static func size(_ mebibytes: String?, _ bytes: String?) throws -> UInt64? {
    if mebibytes != nil, bytes != nil { throw Failure.usage("--size and --sizebyte exclude each other") }
    if let text = mebibytes {
      guard let number = UInt64(text), number > 0, number <= 1 << 36 else {
        throw Failure.usage("--size '\(text)': expected a number of MiB, 1 or more")
      }
      return number << 20
    }
    guard let text = bytes else { return nil }
    guard let number = UInt64(text), number > 0, number & 511 == 0 else {
      throw Failure.usage("--sizebyte '\(text)': expected a number of bytes that is a multiple of 512")
    }
    return number
  }
  /// The user's registry, with nothing in it that a killed command has left.
  static func registry() throws -> Registry {
    let registry = Registry(home: try ServiceHome())
    registry.settleUnfinished()
    return registry
  }
  /// Name and value.
  static func property(_ text: String) throws -> (key: String, value: String) {
    guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
      throw Failure.usage("--property '\(text)': expected NAME=VALUE")
    }
    return (String(text[..<sign]), String(text[text.index(after: sign)...]))
  }
  static func uuid(_ text: String?, _ option: String) throws -> DiskUUID? {
    guard let text else { return nil }
    guard let uuid = DiskUUID(text) else { throw Failure.usage("\(option) '\(text)' is not a UUID") }
    return uuid
  }

  /// Runs what works on images; its errors become those of media.
  static func attempt<R>(_ body: () throws -> R) throws -> R {
    do {
      // Without a registry there is nobody who would settle what is cut short.
      guard let registry = try? registry() else { return try body() }
      return try registry.settling(body)
    } catch let error as DiskError { throw failure(error) }
  }
  private static func failure(_ error: DiskError) -> ServiceError {
    switch error {
    case .missing: ServiceError(.fileError, "\(error) (VERR_FILE_NOT_FOUND)", .medium)
    case .exists: ServiceError(.fileError, "\(error) (VERR_ALREADY_EXISTS)", .medium)
    case .readOnlyFile, .unreadable: ServiceError(.fileError, "\(error) (VERR_ACCESS_DENIED)", .medium)
    case .unsupported: ServiceError(.notSupported, "\(error)", .medium)
    case .invalid: ServiceError(.invalidArgument, "\(error)", .medium)
    default: ServiceError(.fileError, "\(error)", .medium)
    }
  }

  /// "0%...10%...20%": on standard error, as it goes. Ctrl-C ends the work and removes what is unfinished.
  static func progress(isQuiet: Bool) -> WorkProgress {
    let signals = try? SignalDescriptor([SIGINT, SIGTERM])
    let shown = Mutex(-1)
    return WorkProgress { done, total in
      let tenth = total == 0 ? 10 : Int(done * 10 / max(1, total))
      shown.withLock { shown in
        while shown < tenth {
          shown += 1
          let text = shown == 10 ? "100%\n" : "\(shown * 10)%..."
          if !isQuiet { FileHandle.standardError.write(Data(text.utf8)) }
        }
      }
      return signals?.next() == nil
    }
  }
  static func show(_ json: JSON) { print(json.text) }
}

extension ImageInfo {
  /// As VBoxManage names it: "dynamic default", "fixed default", "differencing default".
  var variantText: String {
    switch variant {
    case .dynamic: "dynamic default"
    case .fixed: "fixed default"
    case .differencing: "differencing default"
    case .split: "dynamic split2G"
    case .splitFixed: "fixed split2G"
    case .stream: "dynamic streamOptimized"
    }
  }
  var json: JSON {
    func text(_ value: (some CustomStringConvertible)?) -> JSON { value.map { .string($0.description) } ?? .null }
    func number(_ value: UInt64) -> JSON { .integer(Int64(clamping: value)) }
    var result: JSON = [
      "location": .string(path), "format": .string(format.rawValue), "variant": .string(variant.rawValue),
      "version": .string(version), "capacity": number(capacity), "sizeOnDisk": number(sizeOnDisk),
      "uuid": text(uuid), "modificationUUID": text(modificationUUID), "parentUUID": text(parentUUID),
      "parent": text(parentPath), "blockSize": number(blockSize), "description": .string(comment),
      "files": .array(files.map { .string($0) }),
      "snapshots": .array(
        snapshots.map { ["id": .string($0.id), "name": .string($0.name), "date": number($0.date)] }),
    ]
    if let geometry {
      result.set(
        "geometry",
        [
          "cylinders": number(UInt64(geometry.cylinders)), "heads": number(UInt64(geometry.heads)),
          "sectors": number(UInt64(geometry.sectors)),
        ])
    }
    return result
  }
}
