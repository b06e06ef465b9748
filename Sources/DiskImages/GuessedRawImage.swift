import HostSystem

/// A raw disk whose format nobody named.
///
/// The guest must not be able to make it look like another format, which could name any file of the host as its parent
/// when the image is next opened: such writes fail.
final class GuessedRawImage: ManagedImage {
  private let raw: RawImage
  var isReadOnly: Bool { raw.isReadOnly }
  var sectorCount: UInt64 { raw.sectorCount }
  init(_ raw: RawImage) { self.raw = raw }

  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    let bytes = buffers.byteCount
    try check(sector, bytes: bytes)
    // What is judged is what is written: the guest may change its memory meanwhile.
    var safe = buffers
    let last = sectorCount - 1
    if bytes > 0, sector == 0 || sector + bytes / 512 > last {
      var copy: [UInt8] = []
      for buffer in buffers { copy += buffer.load() }
      let head = sector == 0 ? copy.part(0, 512) : []
      let tail = sector + bytes / 512 > last ? copy.part(copy.count - 512, 512) : []
      if let format = ImageProbe.format(head: head, tail: tail) {
        throw .invalid(
          "\(raw.path): the guest wrote what would make this raw disk a \(format.rawValue) image; give format=raw")
      }
      safe = []
      let result: Void? = try HostBuffer.over(&copy) { buffer throws(DiskError) in
        try raw.write(sector, from: [buffer])
      }
      if result != nil { return }
    }
    try raw.write(sector, from: safe)
  }
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) { try raw.read(sector, into: buffers) }
  func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool { raw.readCached(sector, into: buffers) }
  func flush() throws(DiskError) { try raw.flush() }
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { try raw.discard(sector, count: count) }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { try raw.writeZeroes(sector, count: count) }
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    try raw.extent(at: sector, limit: limit)
  }
  func giveUpLocks() { raw.giveUpLocks() }
  func info() throws(DiskError) -> ImageInfo { try raw.info() }
  func check() throws(DiskError) -> ImageCheck { try raw.check() }
  func repair() throws(DiskError) {}
  func grow(to sectors: UInt64) throws(DiskError) -> Bool { try raw.grow(to: sectors) }
  func close() throws(DiskError) { try raw.close() }
  func setParent(_ parent: ImageInfo?) throws(DiskError) { try raw.setParent(parent) }
  func setUUID(_ uuid: DiskUUID) throws(DiskError) { try raw.setUUID(uuid) }
  func setComment(_ text: String) throws(DiskError) { try raw.setComment(text) }
}
