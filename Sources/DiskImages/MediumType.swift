/// How a machine may use a medium.
public enum MediumType: String, Sendable, CaseIterable {
  /// Written; snapshots put images over it.
  case normal
  /// Never written: what the guest writes goes to an image over it, which is emptied when the machine is switched on.
  case immutable
  /// Written, and left out of snapshots.
  case writethrough
  /// As `writethrough`; several machines may have it.
  case shareable
  /// Never written.
  case readonly
  /// Never written: each machine has an image of its own over it, which it keeps.
  case multiattach

  /// What the guest writes goes to an image over the medium.
  public var needsDifferencing: Bool { self == .immutable || self == .multiattach }
}

extension ImageLibrary {
  /// Opens a medium as its type says. `differencing` is the file of the image over it, for types that need one: made
  /// when it is not there, and made anew for an immutable medium, unless `autoReset` is off.
  public func attach(
    _ path: String, as type: MediumType, differencing: String? = nil, autoReset: Bool = true,
    _ options: Options = Options()
  ) throws(DiskError) -> any ManagedImage {
    var options = options
    guard type.needsDifferencing else {
      if type == .readonly { options.readOnly = true }
      return try open(path, options)
    }
    guard let differencing else {
      throw .invalid("\(path) is \(type.rawValue): what is written needs an image over it")
    }
    if type == .immutable, autoReset, store.exists(differencing) {
      // In use by another machine, it must stay; the image itself says what belongs to it.
      var alone = Options()
      alone.isAlone = true
      for file in try open(differencing, alone).info().files { try store.remove(file) }
    }
    if !store.exists(differencing) { try createChild(differencing, of: path) }
    options.format = nil
    return try open(differencing, options)
  }
}
