import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// Disks that a machine must not write to, and the images over them that it writes to instead.
///
/// Those are bases that other images differ from, immutable ones and those that many machines have. The image over
/// them is made when the disk is attached, in the machine's folder for snapshots, and attached in the disk's place.
extension Medium {
  /// A disk of this type is never attached itself.
  static let typesBelow = ["Immutable", "MultiAttach"]
  var needsImage: Bool { kind == .disk && parent == nil && Medium.typesBelow.contains(type) }
}

extension Registry {
  /// UUIDs of the media that some other one differs from.
  func parents() throws(ServiceError) -> Set<String> { Set(try media().compactMap(\.medium.parent)) }
  /// Throws when others differ from this image: after a change of it they would show something else.
  public func refuseChange(of name: String) throws(ServiceError) {
    guard let medium = try medium(name)?.medium else { return }
    let children = try media().filter { $0.medium.parent == medium.uuid }
    guard children.isEmpty else { throw Registry.hasChildren(medium, children.count) }
  }
  /// The same for an image that is to be put into its parent, of which it need not be the only child.
  public func refuseMerge(of name: String) throws(ServiceError) {
    guard let child = try medium(name)?.medium, let parent = try child.parent.flatMap(knownParent) else { return }
    let others = try media().filter { $0.medium.parent == parent.uuid && $0.medium.uuid != child.uuid }
    guard others.isEmpty, !parent.needsImage else { throw Registry.hasChildren(parent, others.count + 1) }
  }
  private func knownParent(_ uuid: String) throws(ServiceError) -> Medium? { try medium(uuid)?.medium }
  static func hasChildren(_ medium: Medium, _ count: Int) -> ServiceError {
    ServiceError(
      .objectInUse,
      "Medium '\(medium.path)' cannot be changed because it has \(count) child media, which would show something else",
      .medium)
  }
}

extension MachineSettings {
  /// Snapshots that have the medium attached.
  public func snapshots(with uuid: String) -> [SnapshotTree.Node] {
    SnapshotTree(self).nodes.filter { node in
      let hardware = snapshotElement(node.uuid)?.child("Hardware") ?? SettingsElement("Hardware")
      return MachineSettings.attachments(hardware).contains { $0.medium == uuid }
    }
  }
  /// The disk that is below all others.
  func base(of medium: Medium) -> Medium { chain(of: medium).last ?? medium }
  /// A medium and all that it differs from.
  func chain(of medium: Medium) -> [Medium] {
    var chain = [medium]
    while let parent = chain.last?.parent.flatMap(self.medium), chain.count < ImageChain.maximumDepth {
      chain.append(parent)
    }
    return chain
  }

  /// What is to be attached where this medium is asked for: itself, or an image over it. `current` is what the place has.
  mutating func attachable(
    _ uuid: String, in current: String?, _ registry: Registry, _ made: inout [String]
  ) throws(ServiceError) -> String {
    guard let medium = medium(uuid), medium.type != "Readonly" else { return uuid }
    let parents = try registry.parents().union(media.compactMap(\.parent))
    guard medium.needsImage || parents.contains(uuid) else { return uuid }
    if medium.parent == nil, let known = imageOver(uuid, current, parents) { return known }
    let below = medium.parent == nil ? snapshotMedium(over: uuid) ?? medium : medium
    let cover = try newCover(over: below)
    try make(cover, &made)
    take(cover)
    return "\(cover.uuid)"
  }
  /// The machine's own image over a base: what the place has already, or what was taken out of it.
  private func imageOver(_ base: String, _ current: String?, _ parents: Set<String>) -> String? {
    func isOver(_ medium: Medium) -> Bool {
      medium.uuid != base && !parents.contains(medium.uuid) && self.base(of: medium).uuid == base
    }
    if let current = current.flatMap(medium), isOver(current) { return current.uuid }
    guard medium(base)?.type == "MultiAttach" else { return nil }
    let used = usedMedia
    return media.first { isOver($0) && !used.contains($0.uuid) && $0.path.hasPrefix(snapshotFolder + "/") }?.uuid
  }
  /// What the newest snapshot that has the base holds of it.
  private func snapshotMedium(over base: String) -> Medium? {
    let tree = SnapshotTree(self)
    var node = tree.nodes.first { $0.uuid == tree.current }
    while let snapshot = node {
      let hardware = snapshotElement(snapshot.uuid)?.child("Hardware") ?? SettingsElement("Hardware")
      for attachment in MachineSettings.attachments(hardware) {
        if let medium = attachment.medium.flatMap(medium), self.base(of: medium).uuid == base { return medium }
      }
      node = tree.nodes.first { $0.uuid == snapshot.parent }
    }
    return nil
  }

  // MARK: At power-on

  /// Images over immutable disks that are attached themselves, as older settings files have them.
  mutating func putImagesOverImmutable(_ registry: Registry, _ made: inout [String]) throws(ServiceError) {
    for var attachment in attachments {
      guard let medium = attachment.medium.flatMap(medium), medium.needsImage else { continue }
      attachment.medium = try attachable(medium.uuid, in: nil, registry, &made)
      try attach(attachment)
    }
  }
  /// Images that forget at power-on what was written to them. A snapshot with a state is one moment with its disks:
  /// what came after it is not taken from a machine that is merely off.
  var forgetful: [Medium] {
    let current = machine["currentSnapshot"].flatMap(SettingsUUID.normalized)
    if let state = current.flatMap(snapshotElement)?["stateFile"], !state.isEmpty { return [] }
    let known = media
    return attachments.compactMap { $0.medium.flatMap(medium) }.filter { medium in
      medium.autoResets && base(of: medium).type == "Immutable" && !known.contains { $0.parent == medium.uuid }
    }
  }
  /// Empties the images that forget.
  func resetImmutable() throws(ServiceError) {
    for medium in forgetful {
      do throws(DiskError) { try ImageLibrary().empty(medium.path, imageOptions()) } catch {
        throw ServiceError(.fileError, "Could not reset the medium '\(medium.path)': \(error)", .medium)
      }
    }
  }

  // MARK: Taken out

  /// After a change: images that only this machine's place had, and whose contents would be forgotten anyway.
  mutating func dropForgetful(_ before: String?) -> [String] {
    guard let medium = before.flatMap(medium), medium.autoResets, medium.path.hasPrefix(snapshotFolder + "/"),
      base(of: medium).type == "Immutable", !usedMedia.contains(medium.uuid)
    else { return [] }
    return forget([medium.uuid])
  }
}

// MARK: Types

extension Registry {
  /// How many machines have the medium itself attached, now or in a snapshot; `settings`, being changed, as it is there.
  private func holders(_ uuid: String, _ settings: MachineSettings?) throws(ServiceError) -> Int {
    var count = settings?.usedMedia.contains(uuid) == true ? 1 : 0
    for entry in try machines() where entry.uuid != settings?.uuid {
      if case .success(let other) = entry.settings, other.usedMedia.contains(uuid) { count += 1 }
    }
    return count
  }
  /// Throws unless a medium can become one of this type. `settings` are being changed, without the place in question.
  func checkType(_ medium: Medium, _ type: String, _ settings: MachineSettings? = nil) throws(ServiceError) {
    func refuse(_ why: String) -> ServiceError {
      ServiceError(
        .invalidObjectState, "Cannot change the type of medium '\(medium.path)' because \(why)", .medium)
    }
    guard medium.kind == .disk else {
      guard type == "Readonly" else { throw refuse("only disks have types") }
      return
    }
    guard medium.parent == nil else { throw refuse("it is a differencing medium") }
    guard medium.type != type else { return }
    let count = try holders(medium.uuid, settings)
    guard count <= 1, count == 0 || !Medium.typesBelow.contains(type) else {
      throw refuse("it is attached to \(count) virtual machines")
    }
    guard type != "Normal", !Medium.typesBelow.contains(type) else { return }
    let children = try media().filter { $0.medium.parent == medium.uuid }.count
    guard children == 0 else { throw refuse("it has \(children) child media") }
  }
}
