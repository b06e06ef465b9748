import DiskImages
import SettingsFiles

/// Merges of disks that no machine runs with.
extension Registry {
  /// Makes a disk hold what the one below it holds: it lies on that one's parent then, or on nothing, and shows the same all
  /// the time. The one below stays as it is. Registries follow. Throws for a disk that a running machine uses; a merge that
  /// was cut short can be done again.
  @discardableResult
  public func takeParent(
    into name: String, _ options: ImageLibrary.Options = .init(), progress: WorkProgress = .none
  ) throws(ServiceError) -> ImageInfo {
    let known = try medium(name)?.medium
    guard known != nil || SettingsUUID.normalized(name) == nil else { throw Registry.unknown(name) }
    let path = known?.path ?? Paths.absolute(name)
    return try holding(known) { () throws(ServiceError) in
      try settling { () throws(ServiceError) in
        if let known, let parent = known.parent { UnfinishedWork.note(.lift(medium: known.uuid, from: parent)) }
        let info = try takeParent(of: known, path, options, progress)
        if let known, let parent = known.parent { try lift(known, from: parent) }
        return info
      }
    }
  }
  private func takeParent(
    of known: Medium?, _ path: String, _ options: ImageLibrary.Options, _ progress: WorkProgress
  ) throws(ServiceError) -> ImageInfo {
    var options = options
    // It shows the same afterwards: what differs from it still does.
    options.keepsModification = true
    if known != nil { options = try locating(options) }
    let chosen = options
    do throws(DiskError) { return try ImageLibrary().mergeParentInto(path, chosen, progress: progress) } catch {
      throw ServiceError(.fileError, "Could not merge '\(path)': \(error)", .medium)
    }
  }
  /// Registries say of a disk what its image says: that it does not lie on this parent any more. Nothing, if it still does.
  func lift(_ medium: Medium, from old: String) throws(ServiceError) {
    let info = try MediumFile.info(medium.path), all = try media().map(\.medium)
    let parent = info.parentUUID?.description ?? all.first { $0.path == info.parentPath.map(Paths.absolute) }?.uuid
    guard parent != old, medium.parent == old else { return }
    try changeRegistries(with: medium.uuid) { $0.move(medium.uuid, below: parent) }
  }
}

extension MediaRegistry {
  /// Another disk is the parent of this one from now on; nil: none.
  fileprivate mutating func move(_ uuid: String, below parent: String?) {
    var found: SettingsElement?
    change(uuid) { found = $0 }
    guard var entry = found else { return }
    remove(uuid)
    if parent == nil {
      entry["type"] = "Normal"
      entry["autoReset"] = nil
    }
    let whole = entry
    element.change(Medium.Kind.disk.list) { list in
      guard let parent, MediaRegistry.change(&list, parent, { $0.insert(whole) }) else { return list.insert(whole) }
    }
  }
}
