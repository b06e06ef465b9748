import Base
import DeviceKit

/// A guest memory region of SVGA II (GMR): pages of guest RAM that commands name by a number.
struct SVGARegion: SavedState {
  /// Numbers that are no region: none at all, and video memory.
  static let none: UInt32 = .max, frameBuffer: UInt32 = .max - 1
  /// Regions there may be, and pages of all of them: 256 MiB.
  static let maximumNumber: UInt32 = 1024, maximumPages: UInt32 = 1 << 16
  /// Entries that a list of pages in guest memory may have.
  static let maximumDescriptors: UInt32 = 4096
  static let pageSize = 4096

  var number: UInt32 = 0
  /// Numbers of pages; all ones: none.
  var pages: [UInt64] = []
  init() {}

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("number", &number, in: 0...SVGARegion.maximumNumber - 1)
    var bytes = pages.flatMap { page in (0..<8).map { UInt8(truncatingIfNeeded: page >> UInt64($0 * 8)) } }
    try visit.bytes("pages", &bytes, maximum: 8 * Int(SVGARegion.maximumPages))
    pages = stride(from: 0, to: bytes.count - 7, by: 8).map { at in
      (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64($1 * 8) }
    }
  }
}

extension SVGAState {
  /// Where in `regions` a region is.
  func regionIndex(_ number: UInt32) -> Int? { regions.firstIndex { $0.number == number } }

  /// Pages of all regions.
  var pagesInUse: Int { regions.reduce(0) { $0 + $1.pages.count } }

  /// A region of so many pages which are nowhere yet; 0 takes it away. False when there is no room.
  mutating func defineRegion(_ number: UInt32, pages: UInt32) -> Bool {
    if let index = regionIndex(number) { regions.remove(at: index) }
    guard pages > 0 else { return true }
    guard number < SVGARegion.maximumNumber, pages <= SVGARegion.maximumPages,
      pagesInUse + Int(pages) <= Int(SVGARegion.maximumPages)
    else { return false }
    var region = SVGARegion()
    region.number = number
    region.pages = [UInt64](repeating: .max, count: Int(pages))
    regions.append(region)
    return true
  }
}

extension VGA {
  private enum Remap { static let viaRegion: UInt32 = 1, wide: UInt32 = 2, single: UInt32 = 4 }

  /// Runs of bytes of a region that lie together in guest memory; nil where it has no such bytes.
  private func runs(_ pages: [UInt64], _ offset: Int, count: Int) -> [(address: UInt64, count: Int)]? {
    guard offset >= 0, count > 0, offset + count <= pages.count * SVGARegion.pageSize else { return nil }
    var runs: [(address: UInt64, count: Int)] = []
    var (at, left) = (offset, count)
    while left > 0 {
      let page = pages[at / SVGARegion.pageSize]
      // Physical addresses have 52 bits.
      guard page < 1 << 40 else { return nil }
      let inside = at % SVGARegion.pageSize
      let length = min(left, SVGARegion.pageSize - inside)
      let address = page << 12 | UInt64(inside)
      if let last = runs.last, last.address + UInt64(last.count) == address {
        runs[runs.count - 1].count += length
      } else {
        runs.append((address, length))
      }
      at += length
      left -= length
    }
    return runs
  }

  /// Bytes of a region, or of video memory; nil where there are none.
  func regionRead(_ number: UInt32, _ offset: Int, count: Int, _ host: some DeviceServices) -> [UInt8]? {
    guard number != SVGARegion.frameBuffer else {
      guard offset >= 0, count >= 0, offset + count <= memory.size else { return nil }
      return memory.read(offset, count: count)
    }
    guard let svga = registers.svga, let index = svga.regionIndex(number),
      let runs = runs(svga.regions[index].pages, offset, count: count)
    else { return nil }
    if runs.count == 1 { return host.dmaRead(GuestPhysical(runs[0].address), count: count) }
    return runs.flatMap { host.dmaRead(GuestPhysical($0.address), count: $0.count) }
  }
  func regionWrite(_ number: UInt32, _ offset: Int, _ bytes: [UInt8], _ host: some DeviceServices) -> Bool {
    guard number != SVGARegion.frameBuffer else {
      guard offset >= 0, offset + bytes.count <= memory.size else { return false }
      memory.write(offset, bytes)
      return true
    }
    guard let svga = registers.svga, let index = svga.regionIndex(number),
      let runs = runs(svga.regions[index].pages, offset, count: bytes.count)
    else { return false }
    var at = 0
    for run in runs {
      host.dmaWrite(GuestPhysical(run.address), Array(bytes[at..<(at + run.count)]))
      at += run.count
    }
    return true
  }

  // MARK: Commands

  mutating func defineRegion(_ reader: inout some SVGACommandSource, _ host: some DeviceServices) -> SVGAOutcome {
    guard let words = reader.take(2) else { return .incomplete }
    if registers.svga?.defineRegion(words[0], pages: words[1]) == false {
      host.log(.guestError, "SVGA region \(words[0]) of \(words[1]) pages")
    }
    return .done
  }

  /// Parameters of REMAP_GMR2: number, flags, first page, pages; then the pages, or where they are listed.
  mutating func remapRegion(_ reader: inout some SVGACommandSource, _ host: some DeviceServices) -> SVGAOutcome {
    guard let head = reader.take(4) else { return .incomplete }
    let (number, flags, first, count) = (head[0], head[1], Int(head[2]), Int(head[3]))
    let entries = flags & Remap.single != 0 ? 1 : count
    let width = flags & Remap.wide != 0 ? 2 : 1
    let words: [UInt32]
    if flags & Remap.viaRegion != 0 {
      guard let place = reader.take(2) else { return .incomplete }
      guard entries <= Int(SVGARegion.maximumPages),
        let bytes = regionRead(place[0], Int(place[1]), count: entries * width * 4, host)
      else { return .done }
      var list = SVGABufferReader(bytes)
      words = list.take(list.left) ?? []
    } else {
      guard entries * width <= reader.capacity else { return .nonsense }
      guard let listed = reader.take(entries * width) else { return .incomplete }
      words = listed
    }
    guard let index = registers.svga?.regionIndex(number), let size = registers.svga?.regions[index].pages.count,
      first + count <= size, entries > 0, words.count == entries * width
    else {
      host.log(.guestError, "SVGA region \(number) has no pages \(first) to \(first + count)")
      return .done
    }
    for page in 0..<count {
      let entry = entries == 1 ? 0 : page
      let low = UInt64(words[entry * width])
      registers.svga?.regions[index].pages[first + page] = width == 2 ? low | UInt64(words[entry * 2 + 1]) << 32 : low
    }
    return .done
  }

  /// The older way: a list in guest memory of first pages and numbers of pages, which may go on elsewhere.
  mutating func defineRegion(descriptor page: UInt32, _ host: some DeviceServices) {
    guard let number = registers.svga?.regionNumber else { return }
    _ = registers.svga?.defineRegion(number, pages: 0)
    guard page != 0 else { return }
    var pages: [UInt64] = []
    var (list, entry) = (UInt64(page) << 12, 0)
    for _ in 0..<SVGARegion.maximumDescriptors {
      guard entry < SVGARegion.pageSize / 8 else { break }
      var words = SVGABufferReader(host.dmaRead(GuestPhysical(list + UInt64(entry * 8)), count: 8))
      guard let first = words.next(), let count = words.next(), first != 0 || count != 0 else { break }
      if count == 0 {
        (list, entry) = (UInt64(first) << 12, 0)
        continue
      }
      guard count <= SVGARegion.maximumPages, pages.count + Int(count) <= Int(SVGARegion.maximumPages) else { return }
      for offset in 0..<count { pages.append(UInt64(first) + UInt64(offset)) }
      entry += 1
    }
    guard registers.svga?.defineRegion(number, pages: UInt32(pages.count)) == true,
      let index = registers.svga?.regionIndex(number)
    else { return }
    registers.svga?.regions[index].pages = pages
  }
}
