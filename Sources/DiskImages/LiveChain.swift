import HostSystem
import Synchronization

/// What lies below an image of a machine that runs: another image, which may be changed for one that shows the same.
final class ChainLink: DiskImage {
  private let below: Mutex<(any ManagedImage)?>
  init(_ image: any ManagedImage) { below = Mutex(image) }
  /// nil: nothing, which reads as zeroes.
  var image: (any ManagedImage)? { below.withLock { $0 } }
  func change(to image: (any ManagedImage)?) { below.withLock { $0 = image } }

  var sectorCount: UInt64 { image?.sectorCount ?? 0 }
  let isReadOnly = true
  var parent: (any DiskImage)? { image?.parent }
  /// Who has asked for the size before may find a shorter disk now: what it lacks is zeroes.
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    guard let image else {
      for buffer in buffers { buffer.zero() }
      return
    }
    let available = image.sectorCount > sector ? (image.sectorCount - sector) * 512 : 0
    guard available < buffers.byteCount else { return try image.read(sector, into: buffers) }
    if available > 0 { try image.read(sector, into: buffers.slice(0, Int(available))) }
    for rest in buffers.slice(Int(available), Int(buffers.byteCount - available)) { rest.zero() }
  }
  func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool {
    image?.readCached(sector, into: buffers) ?? false
  }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func flush() throws(DiskError) {}
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    guard let image, sector < image.sectorCount else { return DiskExtent(.absent, count: max(1, limit)) }
    return try image.extent(at: sector, limit: limit)
  }
}

/// The images of a disk that a machine runs on, from the one that it writes to down.
///
/// What is merged goes into the image above, block by block, while the guest goes on; the disk shows the same at every
/// moment, and so do the files after a power cut. What was not finished is finished when it is tried again. Nobody may put
/// an image over the disk meanwhile.
public struct LiveChain: Sendable {
  /// What became of a merge.
  public enum Outcome: Sendable, Equatable {
    case merged
    /// The image above has another parent already.
    case doneBefore
    /// The disk does not go by way of this image.
    case elsewhere
  }
  private let top: any ManagedImage
  private let library: ImageLibrary
  private static let piece: UInt64 = 2048

  public init(_ top: any ManagedImage, _ library: ImageLibrary = ImageLibrary()) {
    self.top = top
    self.library = library
  }

  /// Takes the image at `parent` out of the chain: what it holds goes into the one at `path`, which lies on it. The file
  /// stays, and others may open it.
  public func merge(
    _ parent: String, into path: String, progress: WorkProgress = .none
  ) throws(DiskError) -> Outcome {
    var holder: ChainLink?
    var child = top
    while try child.info().path != path {
      guard let next = child.parent as? ChainLink, let image = next.image else { return .elsewhere }
      (holder, child) = (next, image)
    }
    guard let link = child.parent as? ChainLink, let middle = link.image, try middle.info().path == parent else {
      return .doneBefore
    }
    let below = (middle.parent as? ChainLink)?.image
    let format = try child.info().format
    guard below != nil || format != .vhd else {
      throw .unsupported(path: path, "a VHD that differs from another cannot become one that does not")
    }
    guard let holder else { return try merge(middle, link, into: child, below, progress) }
    let writable = try reopen(child, path, over: middle, readOnly: false)
    guard let link = writable.parent as? ChainLink else { throw .invalid("\(path) has no parent") }
    holder.change(to: writable)
    let outcome = try merge(middle, link, into: writable, below, progress)
    // Others may read it again, as they may all that the guest does not write to.
    holder.change(to: try reopen(writable, path, over: below, readOnly: true))
    return outcome
  }

  /// The same image with other rights: who has it open only reads what is stored already.
  private func reopen(
    _ child: any ManagedImage, _ path: String, over parent: (any ManagedImage)?, readOnly: Bool
  ) throws(DiskError) -> any ManagedImage {
    try child.close()
    child.giveUpLocks()
    var options = ImageLibrary.Options(format: try child.info().format, readOnly: readOnly)
    options.parent = parent
    (options.isLive, options.keepsModification) = (true, true)
    return try library.open(path, options)
  }

  private func merge(
    _ middle: any ManagedImage, _ link: ChainLink, into child: any ManagedImage, _ below: (any ManagedImage)?,
    _ progress: WorkProgress
  ) throws(DiskError) -> Outcome {
    var position: UInt64 = 0
    while position < child.sectorCount {
      try progress.report(position, of: child.sectorCount)
      position += max(1, try child.take(position, limit: LiveChain.piece, of: middle))
    }
    try child.flush()
    try child.setParent(try below?.info())
    link.change(to: below)
    try middle.close()
    middle.giveUpLocks()
    return .merged
  }
}
