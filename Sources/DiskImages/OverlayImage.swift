import HostSystem
import Synchronization

/// Copy-on-write over another image: writes go to a file without a name, which vanishes with this object; the base
/// stays as it is.
///
/// The file is sparse and as large as the base, so a sector keeps its place; a bitmap tells which sectors it holds.
/// Lock order: `present` is innermost and never held during a transfer.
public final class OverlayImage: DiskImage {
  private let base: any DiskImage
  private let directory: String
  private let file: FileDescriptor
  /// One bit a sector, in chunks of 4 KiB made when first needed, keyed by sector / 32768.
  private let present = Mutex<[UInt64: [UInt64]]>([:])
  private static let chunkSectors: UInt64 = 32_768

  public let isReadOnly = false
  public var sectorCount: UInt64 { base.sectorCount }

  /// `directory` is where the file lives; it needs room for all that the guest will write.
  public init(base: any DiskImage, directory: String = "/var/tmp") throws(DiskError) {
    self.base = base
    self.directory = directory
    do throws(SystemCallError) {
      file = try FileDescriptor.temporary(in: directory)
      try file.resize(to: base.sectorCount &* 512)
    } catch {
      throw .system(path: directory, error)
    }
  }

  private func wrap<R>(_ body: () throws(SystemCallError) -> R) throws(DiskError) -> R {
    do throws(SystemCallError) { return try body() } catch { throw .system(path: directory, error) }
  }

  public func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    let bytes = buffers.byteCount
    try check(sector, bytes: bytes)
    var offset = 0
    for run in runs(sector, bytes / 512) {
      let size = Int(run.count) * 512
      let part = run.count == bytes / 512 ? buffers : buffers.slice(offset, size)
      if run.written {
        try wrap { () throws(SystemCallError) in try file.read(at: run.sector * 512, into: part) }
      } else {
        try base.read(run.sector, into: part)
      }
      offset += size
    }
  }
  public func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    let bytes = buffers.byteCount
    try check(sector, bytes: bytes)
    try wrap { () throws(SystemCallError) in try file.write(at: sector * 512, from: buffers) }
    mark(sector, bytes / 512)
  }
  /// Nothing to do: the data is not meant to outlive the process.
  public func flush() throws(DiskError) {}
  public func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { try writeZeroes(sector, count: count) }
  public func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    try check(sector, sectors: count)
    guard count > 0 else { return }
    let punched = try wrap { () throws(SystemCallError) in
      try file.punchHole(at: sector * 512, count: count * 512)
    }
    if punched { mark(sector, count) } else { try storeZeroes(sector, count: count) }
  }

  private struct Run {
    var sector: UInt64
    var count: UInt64
    var written: Bool
  }
  /// The range cut where it changes between base and overlay.
  private func runs(_ sector: UInt64, _ count: UInt64) -> [Run] {
    present.withLock { present in
      var runs: [Run] = []
      var position = sector
      while position < sector + count {
        let end = min(sector + count, (position / OverlayImage.chunkSectors + 1) * OverlayImage.chunkSectors)
        guard let chunk = present[position / OverlayImage.chunkSectors] else {
          OverlayImage.append(&runs, Run(sector: position, count: end - position, written: false))
          position = end
          continue
        }
        while position < end {
          let bit = Int(position % OverlayImage.chunkSectors)
          OverlayImage.append(
            &runs, Run(sector: position, count: 1, written: chunk[bit >> 6] >> UInt64(bit & 63) & 1 == 1))
          position += 1
        }
      }
      return runs
    }
  }
  private static func append(_ runs: inout [Run], _ run: Run) {
    if let last = runs.indices.last, runs[last].written == run.written {
      runs[last].count += run.count
    } else {
      runs.append(run)
    }
  }
  private func mark(_ sector: UInt64, _ count: UInt64) {
    present.withLock { present in
      var position = sector
      while position < sector + count {
        let key = position / OverlayImage.chunkSectors
        let end = min(sector + count, (key + 1) * OverlayImage.chunkSectors)
        var chunk = present.removeValue(forKey: key) ?? Array(repeating: 0, count: 512)
        while position < end {
          let bit = Int(position % OverlayImage.chunkSectors)
          chunk[bit >> 6] |= 1 << UInt64(bit & 63)
          position += 1
        }
        present[key] = chunk
      }
    }
  }
}
