import DiskImages
import Foundation
import HostSystem

/// The files of an appliance: of the folder that the description is in, or of an archive. Nothing outside is opened,
/// whatever a description or an image asks for.
final class ApplianceFiles: ImageStore {
  private enum Place {
    case folder
    case archive(any ImageFile, TarArchive)
  }
  /// The folder, or the archive, which is like one.
  let folder: String
  /// Name of the description.
  let description: String
  private let place: Place
  private let host = HostStore()

  /// `path` is an OVF file or an OVA.
  init(_ path: String) throws(ServiceError) {
    let path = Paths.absolute(path)
    func failure(_ why: String) -> ServiceError {
      ServiceError(.fileError, "Could not read the appliance '\(path)': \(why)", .appliance)
    }
    guard HostPaths.exists(path) else { throw failure("there is no such file (VERR_FILE_NOT_FOUND)") }
    guard Paths.suffix(of: path) == "ova" else {
      folder = Paths.folder(of: path)
      description = Paths.name(of: path)
      place = .folder
      return
    }
    folder = path
    let file: any ImageFile
    do throws(DiskError) { file = try host.open(path, writable: false) } catch { throw failure("\(error)") }
    let archive = try TarArchive(file)
    place = .archive(file, archive)
    // The description is the first file.
    guard let first = archive.entries.first(where: { Paths.suffix(of: $0.name) == "ovf" }) else {
      throw failure("it has no description (a file NAME.ovf)")
    }
    description = first.name
  }

  /// All names of an archive.
  var archiveNames: [String]? {
    if case .archive(_, let archive) = place { archive.entries.map(\.name) } else { nil }
  }
  func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// The name of a file below the folder, which a link must not lead out of.
  private func inside(_ path: String) -> String? {
    guard path.hasPrefix(folder + "/") || folder == "/" else { return nil }
    let name = String(path.dropFirst(folder == "/" ? 1 : folder.count + 1))
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !name.isEmpty, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
    if case .archive = place { return name }
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let realFolder = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    return real.hasPrefix(realFolder == "/" ? "/" : realFolder + "/") ? name : nil
  }
  func open(_ path: String, writable: Bool) throws(DiskError) -> any ImageFile {
    guard !writable else { throw .readOnly }
    guard let name = inside(path) else { throw .invalid("'\(path)' lies outside the appliance") }
    switch place {
    case .folder: return try host.open(path, writable: false)
    case .archive(let file, let archive):
      guard let entry = archive.entries.first(where: { $0.name == name }) else { throw .missing(path: path) }
      return WindowFile(file, path: path, start: entry.start, length: entry.size, isReadOnly: true)
    }
  }
  func create(_ path: String) throws(DiskError) -> any ImageFile { throw .readOnly }
  func replace(_ path: String, with temporary: String) throws(DiskError) { throw .readOnly }
  func remove(_ path: String) throws(DiskError) { throw .readOnly }
  func exists(_ path: String) -> Bool {
    guard let name = inside(path) else { return false }
    return archiveNames.map { $0.contains(name) } ?? host.exists(path)
  }
  func names(in folder: String) -> [String] {
    guard folder == self.folder else { return [] }
    return archiveNames ?? host.names(in: folder)
  }

  /// A short file as a whole.
  func load(_ name: String, limit: Int) throws(ServiceError) -> [UInt8] {
    do throws(DiskError) {
      let file = try open(path(name), writable: false)
      let size = try file.size()
      guard size <= limit else { throw .invalid("it is longer than \(limit >> 20) MiB") }
      return try file.load(0, Int(size))
    } catch { throw ServiceError(.fileError, "Could not read '\(path(name))': \(error)", .appliance) }
  }

  // MARK: Manifest

  /// Compares every file that the manifest names with its digest, when there is a manifest.
  func checkManifest(_ progress: WorkProgress = .none) throws(ServiceError) {
    let name = String(description.dropLast(Paths.suffix(of: description).count)) + "mf"
    guard exists(path(name)) else { return }
    let text = String(decoding: try load(name, limit: 1 << 20), as: UTF8.self)
    for line in text.split(whereSeparator: \.isNewline) where !line.allSatisfy(\.isWhitespace) {
      let entry = try ManifestLine(line, in: name)
      do throws(DiskError) {
        guard try open(path(entry.file), writable: false).digest(entry.kind) == entry.digest else {
          throw .invalid("its contents do not match the manifest '\(name)' (VERR_MANIFEST_DIGEST_MISMATCH)")
        }
      } catch { throw ServiceError(.fileError, "Could not verify '\(entry.file)': \(error)", .appliance) }
    }
  }
}

/// "SHA1 (box.ovf) = 2fd4..." of a manifest; "SHA1(box.ovf)= ..." too.
struct ManifestLine {
  let kind: Digest.Kind
  let file: String
  let digest: String

  init(_ line: Substring, in manifest: String) throws(ServiceError) {
    guard let open = line.firstIndex(of: "("), let close = line.lastIndex(of: ")"), open < close,
      let equals = line[close...].firstIndex(of: "=")
    else {
      throw ServiceError(
        .fileError, "The manifest '\(manifest)' has a line that is none: '\(line.prefix(80))'", .appliance)
    }
    let name = line[..<open].filter { $0 != "-" && !$0.isWhitespace }.uppercased()
    guard let kind = Digest.Kind(rawValue: name) else {
      throw ServiceError(
        .notSupported, "The manifest '\(manifest)' has digests of the kind \(name.prefix(20))", .appliance)
    }
    self.kind = kind
    file = String(line[line.index(after: open)..<close])
    digest = line[line.index(after: equals)...].filter { !$0.isWhitespace }.lowercased()
  }
  static func text(_ kind: Digest.Kind, _ file: String, _ digest: String) -> String {
    "\(kind.rawValue) (\(file)) = \(digest)\n"
  }
}
