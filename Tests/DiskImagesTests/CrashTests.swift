import DiskImages
import Foundation
import HostSystem
import Testing

/// Power cuts: whatever part of the unflushed writes reached the file, in units of 512 bytes, the image opens, its
/// tables are sound, and everything that was flushed is there.
@Suite struct CrashTests {
  /// Crash states for each format. RINGBOX_CRASH_STATES sets another number.
  static let states = Int(ProcessInfo.processInfo.environment["RINGBOX_CRASH_STATES"] ?? "") ?? 100_000

  /// What a guest did, and what must be there after a cut at each point of the log.
  struct History {
    /// For each sector, the versions it had, and the length of the log when that was written.
    var versions: [[(from: Int, bytes: ArraySlice<UInt8>)]]
    /// Lengths of the log when a flush was asked for and when it was acknowledged.
    var flushes: [(asked: Int, done: Int)] = []
    init(_ model: [UInt8]) {
      versions = (0..<model.count / 512).map { [(-1, model[$0 * 512..<($0 + 1) * 512])] }
    }
  }

  @Test(arguments: ImageKind.all) func acknowledgedFlushesSurviveAnyPowerCut(_ kind: ImageKind) throws {
    let store = MemoryStore()
    var history = History(try kind.make(in: store))
    let base = store.files
    store.startLogging()
    var random = Seeded(0xc0ffee)
    try work(kind, store, &history, &random)
    let log = store.log
    try #require(!log.isEmpty)
    var failures = 0
    for state in 0..<kind.share(of: CrashTests.states) {
      let cut = state < log.count ? state : random.below(log.count + 1)
      let files = crash(base, log, cut, keepAll: state < log.count / 2, &random)
      if let what = judge(kind, files, history, cut) {
        failures += 1
        Issue.record("\(kind): cut after \(cut) of \(log.count) events: \(what)")
        if failures > 2 { return }
      }
    }
  }

  @Test func theRecorderNoticesADiskThatLiesAboutFlushes() throws {
    let kind = try #require(ImageKind.all.first { $0.name == "vdi" })
    let store = MemoryStore()
    var history = History(try kind.make(in: store))
    let base = store.files
    store.startLogging()
    var random = Seeded(0xc0ffee)
    try work(kind, store, &history, &random)
    // The same session, were `synchronize` to do nothing: events that promise nothing take the places of flushes.
    let log = store.log.map { event in
      if case .sync(let file) = event { MemoryStore.Event.punch(file: file, offset: 0, count: 0) } else { event }
    }
    let found = (0..<100).contains { _ in
      let cut = log.count / 2 + random.below(log.count / 2)
      return judge(kind, crash(base, log, cut, keepAll: false, &random), history, cut) != nil
    }
    #expect(found)
  }

  /// A session of a guest: writes, zeroes, discards, flushes, and one close and reopening.
  private func work(_ kind: ImageKind, _ store: MemoryStore, _ history: inout History, _ random: inout Seeded) throws {
    let library = ImageLibrary(store: store)
    var image: (any ManagedImage)? = try library.open(kind.path)
    for operation in 1...90 {
      try step(operation, image, store, &history, &random)
      guard operation == 60 else { continue }
      let asked = store.log.count
      try image?.close()
      history.flushes.append((asked, store.log.count))
      image = nil
      image = try library.open(kind.path)
    }
    let asked = store.log.count
    try image?.close()
    history.flushes.append((asked, store.log.count))
  }

  private func step(
    _ operation: Int, _ image: (any ManagedImage)?, _ store: MemoryStore, _ history: inout History,
    _ random: inout Seeded
  ) throws {
    guard let image else { return }
    let start = random.below(history.versions.count)
    let count = min(history.versions.count - start, 1 + random.below(random.below(4) == 0 ? 40 : 6))
    let asked = store.log.count
    switch random.below(10) {
    case 0..<5:
      let bytes = (start..<start + count).flatMap { stamp($0, operation) }
      try image.write(UInt64(start), bytes)
      for index in 0..<count {
        history.versions[start + index].append((asked, bytes[index * 512..<(index + 1) * 512]))
      }
    case 5, 6:
      if operation % 2 == 0 {
        try image.writeZeroes(UInt64(start), count: UInt64(count))
      } else {
        try image.discard(UInt64(start), count: UInt64(count))
      }
      let seen = try image.read(UInt64(start), count: count)
      for index in 0..<count {
        history.versions[start + index].append((asked, seen[index * 512..<(index + 1) * 512]))
      }
    default:
      try image.flush()
      history.flushes.append((asked, store.log.count))
    }
  }

  /// The files after a power cut: all that was synchronised, and a part of the rest.
  private func crash(
    _ base: [(String, [UInt8])], _ log: [MemoryStore.Event], _ cut: Int, keepAll: Bool, _ random: inout Seeded
  ) -> [(String, [UInt8])] {
    var state = MemoryStore(base).state.withLock { $0 }
    var durable = [Int](repeating: 0, count: base.count)
    for (index, event) in log[..<cut].enumerated() { if case .sync(let file) = event { durable[file] = index } }
    let density = keepAll ? 4 : random.below(4)
    for (index, event) in log[..<cut].enumerated() {
      let file =
        switch event {
        case .write(let file, _, _), .resize(let file, _), .punch(let file, _, _), .sync(let file): file
        }
      if index < durable[file] || density == 4 {
        state.apply(event)
      } else if case .write(let file, let offset, let bytes) = event {
        // Each 512 bytes for itself.
        var position = 0
        while position < bytes.count {
          let size = min(512 - (offset + position) % 512, bytes.count - position)
          if random.below(4) <= density {
            state.apply(
              .write(file: file, offset: offset + position, bytes: Array(bytes[position..<position + size])))
          }
          position += size
        }
      } else if random.below(4) <= density {
        state.apply(event)
      }
    }
    return base.indices.map { (base[$0].0, state.contents[$0]) }
  }

  /// What is wrong after a cut; nil when nothing is.
  private func judge(_ kind: ImageKind, _ files: [(String, [UInt8])], _ history: History, _ cut: Int) -> String? {
    let store = MemoryStore(files)
    let library = ImageLibrary(store: store)
    do {
      let image = try library.open(kind.path)
      let check = try image.check()
      if let error = check.errors.first { return error }
      // The last flush that was acknowledged before the cut was asked for at this point of the log.
      let flushed = history.flushes.last { $0.done <= cut }?.asked ?? -1
      let seen = try image.read(0, count: history.versions.count)
      for (sector, versions) in history.versions.enumerated() {
        let content = seen[sector * 512..<(sector + 1) * 512]
        let newest = versions.lastIndex { $0.from < max(0, flushed) || $0.from == -1 } ?? 0
        let allowed = versions[newest...].filter { $0.from < cut || $0.from == -1 }
        if !allowed.contains(where: { $0.bytes == content }) {
          return
            "sector \(sector) holds \(Array(content.prefix(9))), not one of \(allowed.map { Array($0.bytes.prefix(9)) })"
        }
      }
      // The image can be used on, and is sound afterwards.
      try image.write(3, stamp(3, 9999))
      try image.writeZeroes(40, count: 60)
      try image.close()
      if let error = try library.open(kind.path).check().errors.first { return "after more writes: \(error)" }
      guard try library.open(kind.path).read(3, count: 1) == stamp(3, 9999) else { return "a later write is lost" }
      return nil
    } catch {
      return "\(error)"
    }
  }
}
