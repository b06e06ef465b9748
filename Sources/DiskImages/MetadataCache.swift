import HostSystem

/// When a change of metadata may reach the file, in a flush. Between stages the file is brought to stable storage.
enum WriteStage: Int, Sendable, CaseIterable, Comparable {
  /// With the data: whatever nothing on the disk refers to yet, and counts that go up.
  case content = 0
  /// What says where tables are that later references need.
  case index = 1
  /// What makes data and tables reachable, or no longer.
  case link = 2
  static func < (a: WriteStage, b: WriteStage) -> Bool { a.rawValue < b.rawValue }
}

/// The parts of an image file that tables live in, a page at a time, with changes kept back until the next flush.
///
/// Memory is bounded: unchanged pages are given up when there are many, and `isFull` asks for a flush when changed ones
/// are. A page is never given up while the file does not have it.
struct MetadataCache: Sendable {
  private struct Page: Sendable {
    var bytes: [UInt8]
    /// Latest stage that a change in it asked for; nil: as in the file.
    var stage: WriteStage?
    /// Nothing in the file refers to it yet, so that it may be written at any time.
    var isFresh = false
    /// Is being written by a flush.
    var isUnderway = false
  }
  /// Changed pages at one moment.
  struct Changes: Sendable {
    fileprivate struct Item: Sendable {
      var key: UInt64
      var bytes: [UInt8]
      var stage: WriteStage
      var wish: WriteStage
    }
    fileprivate var items: [Item]
    var isEmpty: Bool { items.isEmpty }
    func has(_ stage: WriteStage) -> Bool { items.contains { $0.stage == stage } }
    /// Writes the pages of one stage.
    func write(_ stage: WriteStage, pageSize: Int, to file: any ImageFile) throws(DiskError) {
      for item in items where item.stage == stage { try file.write(at: item.key * UInt64(pageSize), item.bytes) }
    }
  }

  let file: any ImageFile
  let pageSize: Int
  private let capacity: Int
  private var pages: [UInt64: Page] = [:]
  private var changedCount = 0

  /// `pageSize`: a power of two, at least 512; changes of one page reach the file together.
  init(_ file: any ImageFile, pageSize: Int, capacity: Int = 2048) {
    self.file = file
    self.pageSize = pageSize
    self.capacity = capacity
  }
  /// Many changes wait for a flush.
  var isFull: Bool { changedCount > capacity / 2 }
  var isChanged: Bool { changedCount > 0 }

  private mutating func load(_ key: UInt64) throws(DiskError) {
    guard pages[key] == nil else { return }
    makeRoom()
    pages[key] = Page(bytes: try file.bytes(at: key &* UInt64(pageSize), count: pageSize))
  }
  private mutating func makeRoom() {
    guard pages.count >= capacity else { return }
    var kept = 0
    pages = pages.filter { _, page in
      if page.stage != nil || page.isUnderway || page.isFresh { return true }
      kept += 1
      return kept & 1 == 0
    }
  }

  // MARK: Reading

  mutating func little32(at offset: UInt64) throws(DiskError) -> UInt32 {
    let (key, index) = place(offset)
    guard index <= pageSize - 4 else { return try bytes(at: offset, count: 4).little32(0) }
    try load(key)
    return pages[key]?.bytes.little32(index) ?? 0
  }
  mutating func big32(at offset: UInt64) throws(DiskError) -> UInt32 { try little32(at: offset).byteSwapped }
  mutating func big64(at offset: UInt64) throws(DiskError) -> UInt64 {
    let (key, index) = place(offset)
    guard index <= pageSize - 8 else { return try bytes(at: offset, count: 8).big64(0) }
    try load(key)
    return pages[key]?.bytes.big64(index) ?? 0
  }
  mutating func byte(at offset: UInt64) throws(DiskError) -> UInt8 {
    let (key, index) = place(offset)
    try load(key)
    return pages[key]?.bytes[index] ?? 0
  }
  mutating func bytes(at offset: UInt64, count: Int) throws(DiskError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(max(0, count))
    while result.count < count {
      let (key, index) = place(offset &+ UInt64(result.count))
      try load(key)
      let size = min(pageSize - index, count - result.count)
      if let page = pages[key] { result += page.bytes[index..<(index + size)] }
    }
    return result
  }
  private func place(_ offset: UInt64) -> (UInt64, Int) {
    (offset / UInt64(pageSize), Int(offset % UInt64(pageSize)))
  }

  // MARK: Changing

  mutating func write(_ bytes: [UInt8], at offset: UInt64, _ stage: WriteStage) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      let (key, index) = place(offset &+ UInt64(done))
      try load(key)
      let size = min(pageSize - index, bytes.count - done)
      for position in 0..<size { pages[key]?.bytes[index + position] = bytes[done + position] }
      mark(key, stage)
      done += size
    }
  }
  mutating func putLittle32(_ value: UInt32, at offset: UInt64, _ stage: WriteStage) throws(DiskError) {
    let (key, index) = place(offset)
    guard index <= pageSize - 4 else {
      var bytes = [UInt8](repeating: 0, count: 4)
      bytes.putLittle(value, at: 0)
      return try write(bytes, at: offset, stage)
    }
    try load(key)
    pages[key]?.bytes.putLittle(value, at: index)
    mark(key, stage)
  }
  mutating func putBig32(_ value: UInt32, at offset: UInt64, _ stage: WriteStage) throws(DiskError) {
    try putLittle32(value.byteSwapped, at: offset, stage)
  }
  mutating func putBig64(_ value: UInt64, at offset: UInt64, _ stage: WriteStage) throws(DiskError) {
    var bytes = [UInt8](repeating: 0, count: 8)
    bytes.putBig(value, at: 0)
    try write(bytes, at: offset, stage)
  }
  private mutating func mark(_ key: UInt64, _ stage: WriteStage) {
    guard let old = pages[key] else { return }
    if let wish = old.stage {
      pages[key]?.stage = max(wish, stage)
    } else {
      pages[key]?.stage = stage
      changedCount += 1
    }
  }
  /// `count` bytes of a table that nothing refers to yet: zeroes, whatever the file has there. Whole pages.
  mutating func makeFresh(at offset: UInt64, count: UInt64) {
    for key in (offset / UInt64(pageSize))..<((offset + count).pieces(of: UInt64(pageSize))) {
      if pages[key]?.stage == nil { changedCount += 1 }
      let isUnderway = pages[key]?.isUnderway ?? false
      pages[key] = Page(
        bytes: [UInt8](repeating: 0, count: pageSize), stage: .content, isFresh: true, isUnderway: isUnderway)
    }
  }
  /// What is cached of a range is forgotten, changes included: its space no longer holds a table.
  mutating func forget(at offset: UInt64, count: UInt64) {
    guard count > 0 else { return }
    for key in (offset / UInt64(pageSize))..<((offset + count).pieces(of: UInt64(pageSize))) {
      if let page = pages.removeValue(forKey: key), page.stage != nil { changedCount -= 1 }
    }
  }

  // MARK: Flushing

  /// The changed pages, which count as written from now on; `finish` or `restore` must follow.
  mutating func takeChanges() -> Changes {
    var items: [Changes.Item] = []
    for (key, page) in pages {
      guard let wish = page.stage else { continue }
      items.append(Changes.Item(key: key, bytes: page.bytes, stage: page.isFresh ? .content : wish, wish: wish))
    }
    items.sort { $0.key < $1.key }
    for item in items {
      pages[item.key]?.stage = nil
      pages[item.key]?.isUnderway = true
    }
    changedCount = 0
    return Changes(items: items)
  }
  /// All stages are on stable storage.
  mutating func finish(_ changes: Changes) {
    for item in changes.items {
      pages[item.key]?.isUnderway = false
      pages[item.key]?.isFresh = false
    }
  }
  /// A stage failed: everything is to be written again. When the first stage is on stable storage, something may refer
  /// to what was fresh.
  mutating func restore(_ changes: Changes, contentIsStored: Bool) {
    for item in changes.items {
      pages[item.key]?.isUnderway = false
      if contentIsStored { pages[item.key]?.isFresh = false }
      if pages[item.key] != nil { mark(item.key, item.wish) }
    }
  }
}
