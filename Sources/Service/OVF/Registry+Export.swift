import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// How an appliance is to be made.
public struct ExportRequest: Sendable {
  /// What is said about one of the machines.
  public struct Words: Sendable {
    /// In place of what the machine says, and about what is in it.
    public var name: String?, product: String?, productURL: String?, vendor: String?, vendorURL: String?
    /// The same.
    public var version: String?, text: String?, license: String?
    public init() {}
  }
  /// Names or UUIDs.
  public var machines: [String]
  /// An OVA when it ends so, else an OVF with its files beside it.
  public var path: String
  /// Of the description.
  public var version = OVFVersion.one
  /// Digests of all files are written too.
  public var hasManifest = false
  /// CDs go with the machine.
  public var hasISOs = false
  /// Cards that keep their addresses.
  public var addresses = CloneRequest.Addresses.keepAll
  /// By number of the machine.
  public var words: [Int: Words] = [:]
  public init(machines: [String], path: String) {
    self.machines = machines
    self.path = path
  }
}

extension Registry {
  /// Writes machines that are off as an appliance. Names that are taken are refused; of what cannot be finished nothing
  /// is left.
  public func export(_ request: ExportRequest, progress: WorkProgress = .none) throws(ServiceError) {
    try export(request, request.machines[...], [], progress)
  }
  /// Takes one session after the other.
  private func export(
    _ request: ExportRequest, _ rest: ArraySlice<String>, _ held: [MachineSettings], _ progress: WorkProgress
  ) throws(ServiceError) {
    guard let name = rest.first else { return try ApplianceExport(request, held).write(progress) }
    let settings = try machine(name)
    guard !held.contains(where: { $0.uuid == settings.uuid }) else {
      throw ServiceError(.invalidArgument, "The machine '\(settings.name)' is named twice", .appliance)
    }
    guard let session = try session(settings.uuid) else { throw Registry.locked(settings) }
    defer { _ = session.descriptor }
    let now = try finishRun(settings) ?? settings
    try export(request, rest.dropFirst(), held + [now], progress)
  }
}

/// An appliance under way.
private struct ApplianceExport {
  private enum Target {
    case folder(String)
    case archive(TarWriter)

    var store: any ImageStore {
      switch self {
      case .folder: HostStore()
      case .archive(let writer): writer
      }
    }
    func path(_ name: String) -> String {
      switch self {
      case .folder(let folder): "\(folder)/\(name)"
      case .archive(let writer): "\(writer.path)/\(name)"
      }
    }
  }
  private struct Source {
    var medium: Medium
    var options: ImageLibrary.Options
    var image: OVFWriter.Image
  }
  private let request: ExportRequest
  private let machines: [MachineSettings]
  private let path: String
  /// Of all files, without a suffix.
  private let stem: String

  init(_ request: ExportRequest, _ machines: [MachineSettings]) throws(ServiceError) {
    self.request = request
    self.machines = machines
    path = Paths.absolute(request.path)
    let suffix = Paths.suffix(of: path)
    guard ["ovf", "ova"].contains(suffix) else {
      throw ServiceError(
        .invalidArgument, "Appliance file '\(path)' must have the extension .ovf or .ova", .appliance)
    }
    stem = String(Paths.name(of: path).dropLast(suffix.count + 1))
    guard !stem.isEmpty, stem.utf8.count <= 80 else {
      throw ServiceError(.invalidArgument, "The file name '\(stem)' is too long or empty", .appliance)
    }
    for number in request.words.keys where !machines.indices.contains(number) {
      throw ServiceError(
        .invalidArgument, "Invalid index \(number) with --vsys option; there are only \(machines.count) machine(s)",
        .appliance)
    }
  }

  func write(_ progress: WorkProgress) throws(ServiceError) {
    var made: [String] = []
    do throws(DiskError) {
      if Paths.suffix(of: path) == "ova" {
        let writer = try TarWriter(path)
        made.append(path)
        try write(.archive(writer), &made, progress)
        try writer.finish()
      } else {
        guard !HostPaths.exists(path) else { throw .exists(path: path) }
        try write(.folder(Paths.folder(of: path)), &made, progress)
      }
      try? HostPaths.synchronize(folder: Paths.folder(of: path))
    } catch {
      for path in made { HostFiles.remove(path) }
      let why = if case .exists = error { " (VERR_ALREADY_EXISTS)" } else { "" }
      throw ServiceError(.fileError, "Could not create the appliance '\(path)': \(error)\(why)", .appliance)
    }
  }

  private func write(_ target: Target, _ made: inout [String], _ progress: WorkProgress) throws(DiskError) {
    let sources = try sources()
    let text = description(sources)
    let digest = request.version.digest
    var manifest = ""
    var later: (any ImageFile)?
    var isFolder = true
    if case .archive = target {
      // The description is the first file, the manifest, whose length is known, the second.
      isFolder = false
      let file = try put("\(stem).ovf", text, target, &made)
      manifest += ManifestLine.text(digest, "\(stem).ovf", try file.digest(digest))
      if request.hasManifest { later = try reserveManifest(sources, target, &made) }
    }
    for (index, source) in sources.enumerated() {
      try write(source, target, &made) { done, all in
        progress.pass(UInt64(index) * 1000 + (all == 0 ? 0 : done * 1000 / all), of: UInt64(sources.count) * 1000)
      }
      if request.hasManifest {
        let file = try target.store.open(target.path(source.image.name), writable: false)
        manifest += ManifestLine.text(digest, source.image.name, try file.digest(digest))
      }
    }
    if isFolder {
      let file = try put("\(stem).ovf", text, target, &made)
      manifest = ManifestLine.text(digest, "\(stem).ovf", try file.digest(digest)) + manifest
      if request.hasManifest { try put("\(stem).mf", Array(manifest.utf8), target, &made) }
    } else {
      try later?.store(Array(manifest.utf8), at: 0)
    }
    progress.pass(1, of: 1)
  }
  @discardableResult
  private func put(
    _ name: String, _ bytes: [UInt8], _ target: Target, _ made: inout [String]
  ) throws(DiskError) -> any ImageFile {
    let file = try target.store.create(target.path(name))
    if case .folder = target { made.append(target.path(name)) }
    try file.store(bytes, at: 0)
    try file.synchronize()
    return file
  }
  private func reserveManifest(
    _ sources: [Source], _ target: Target, _ made: inout [String]
  ) throws(DiskError) -> any ImageFile {
    let digits = String(repeating: "0", count: request.version.digest == .sha1 ? 40 : 64)
    let names = ["\(stem).ovf"] + sources.map(\.image.name)
    let text = names.map { ManifestLine.text(request.version.digest, $0, digits) }.joined()
    return try put("\(stem).mf", Array(text.utf8), target, &made)
  }

  // MARK: Images

  /// Every disk that is attached, and CDs where they are wanted.
  private func sources() throws(DiskError) -> [Source] {
    var sources: [Source] = []
    for machine in machines {
      for device in machine.attachments {
        guard let medium = device.medium.flatMap(machine.medium) else { continue }
        guard device.kind == .disk || (device.kind == .dvd && request.hasISOs) else { continue }
        guard !sources.contains(where: { $0.medium.uuid == medium.uuid }) else { continue }
        let number = String(sources.count + 1)
        let label = "\(stem)-disk\(String(repeating: "0", count: max(0, 3 - number.count)))\(number)"
        let options = machine.imageOptions(readOnly: true)
        let isISO = device.kind == .dvd
        let capacity =
          isISO
          ? try HostStore().open(medium.path, writable: false).size()
          : try ImageLibrary().open(medium.path, options).sectorCount * 512
        sources.append(
          Source(
            medium: medium, options: options,
            image: OVFWriter.Image(
              name: "\(label).\(isISO ? "iso" : "vmdk")", capacity: capacity, uuid: "\(DiskUUID())", isISO: isISO)))
      }
    }
    return sources
  }
  private func write(
    _ source: Source, _ target: Target, _ made: inout [String],
    _ report: @escaping @Sendable (UInt64, UInt64) -> Bool
  ) throws(DiskError) {
    let path = target.path(source.image.name)
    if source.image.isISO {
      let file = try target.store.create(path)
      if case .folder = target { made.append(path) }
      try HostStore().open(source.medium.path, writable: false).copy(to: file)
      return try file.synchronize()
    }
    let image = try ImageLibrary().open(source.medium.path, source.options)
    var creation = ImageCreation(.vmdk, .stream, capacity: source.image.capacity)
    creation.uuid = DiskUUID(source.image.uuid)
    try ImageLibrary(store: target.store).clone(image, to: path, creation, progress: WorkProgress { report($0, $1) })
    if case .folder = target { made.append(path) }
  }

  // MARK: Description

  private func description(_ sources: [Source]) -> [UInt8] {
    var writer = OVFWriter(request.version)
    let images = sources.map(\.image)
    let places = Dictionary(sources.enumerated().map { ($1.medium.uuid, $0) }) { first, _ in first }
    for (index, machine) in machines.enumerated() {
      let given = request.words[index] ?? ExportRequest.Words()
      var words = OVFWriter.Words(name: given.name ?? machine.name)
      (words.product, words.productURL) = (given.product ?? "", given.productURL ?? "")
      (words.vendor, words.vendorURL) = (given.vendor ?? "", given.vendorURL ?? "")
      (words.version, words.license) = (given.version ?? "", given.license ?? "")
      words.text = given.text ?? machine.text ?? ""
      var copy = machine
      copy.changeEveryHardware { hardware in
        hardware.changeAdapters { adapter in
          guard request.addresses == .new || request.addresses == .keepNAT && adapter.child("NAT") == nil else {
            return
          }
          adapter["MACAddress"] = nil
        }
      }
      writer.add(copy, words, images, places)
    }
    return writer.bytes
  }
}
