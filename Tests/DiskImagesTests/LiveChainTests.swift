import DiskImages
import HostSystem
import Synchronization
import Testing

/// Images are taken out of the chain of a disk that is in use.
@Suite struct LiveChainTests {
  private static let sectors = 4096

  private func name(_ level: Int, _ format: ImageFormat) -> String { "\(level).\(format.suffix)" }
  /// Images 0 to `levels`, each over the last, with contents that lie over each other, and zeroes that hide some.
  private func chain(_ store: MemoryStore, _ format: ImageFormat, levels: Int = 3) throws -> [UInt8] {
    let library = ImageLibrary(store: store)
    // With blocks as they usually are, two would be the whole disk.
    let block: UInt64? = format == .vdi ? 65_536 : nil
    var model = [UInt8](repeating: 0, count: LiveChainTests.sectors * 512)
    var random = Seeded(11)
    for level in 0...levels {
      if level == 0 {
        try library.create(name(0, format), ImageCreation(format, capacity: UInt64(model.count), blockSize: block))
      } else {
        try library.createChild(
          name(level, format), of: name(level - 1, format), format: format, blockSize: block)
      }
      let image = try library.open(name(level, format))
      for _ in 0..<20 {
        let start = random.below(LiveChainTests.sectors - 40), count = 1 + random.below(40)
        if random.below(4) == 0 {
          try image.writeZeroes(UInt64(start), count: UInt64(count))
          model.replaceSubrange(start * 512..<(start + count) * 512, with: repeatElement(0, count: count * 512))
        } else {
          let bytes = (start..<start + count).flatMap { stamp($0, level + 1) }
          try image.write(UInt64(start), bytes)
          model.replaceSubrange(start * 512..<(start + count) * 512, with: bytes)
        }
      }
      try image.close()
    }
    return model
  }
  private func openLive(_ store: MemoryStore, _ format: ImageFormat, _ level: Int = 3) throws -> any ManagedImage {
    var options = ImageLibrary.Options()
    options.isLive = true
    return try ImageLibrary(store: store).open(name(level, format), options)
  }
  private func merge(
    _ top: any ManagedImage, _ store: MemoryStore, _ format: ImageFormat, _ parent: Int, into child: Int,
    progress: WorkProgress = .none
  ) throws -> LiveChain.Outcome {
    try LiveChain(top, ImageLibrary(store: store)).merge(
      name(parent, format), into: name(child, format), progress: progress)
  }

  /// Writes and reads at random until told to end; what the disk must show then, and whether it always did.
  private final class Guest: Sendable {
    private let state: Mutex<(model: [UInt8], isEnding: Bool, failure: String?)>
    private let image: any ManagedImage
    private let thread: Mutex<HostThread?>
    init(_ image: any ManagedImage, _ model: [UInt8]) throws {
      self.image = image
      state = Mutex((model, false, nil))
      thread = Mutex(nil)
      let started = try HostThread(name: "guest") { [self] in work() }
      thread.withLock { $0 = started }
    }
    private func work() {
      var random = Seeded(5), round = 0
      while !state.withLock({ $0.isEnding }) {
        round += 1
        let start = random.below(LiveChainTests.sectors - 8), count = 1 + random.below(8)
        do throws(DiskError) {
          let seen = try image.read(UInt64(start), count: count)
          let bytes = (start..<start + count).flatMap { stamp($0, 1000 + round) }
          try image.write(UInt64(start), bytes)
          if random.below(20) == 0 { try image.flush() }
          state.withLock { state in
            let range = start * 512..<(start + count) * 512
            if Array(state.model[range]) != seen { state.failure = state.failure ?? "round \(round): sector \(start)" }
            state.model.replaceSubrange(range, with: bytes)
          }
        } catch { state.withLock { $0.failure = "\(error)" } }
      }
    }
    func end() -> (model: [UInt8], failure: String?) {
      state.withLock { $0.isEnding = true }
      thread.withLock { $0 }?.join()
      return state.withLock { ($0.model, $0.failure) }
    }
  }

  @Test(arguments: ChainTests.formats) func theGuestNoticesNothing(_ format: ImageFormat) throws {
    let store = MemoryStore()
    let model = try chain(store, format)
    let top = try openLive(store, format)
    let guest = try Guest(top, model)
    // In the middle, below an image that is only read; then the one below what the guest writes to.
    #expect(try merge(top, store, format, 1, into: 2) == .merged)
    #expect(try merge(top, store, format, 1, into: 2) == .doneBefore)
    #expect(try merge(top, store, format, 7, into: 8) == .elsewhere)
    #expect(try merge(top, store, format, 2, into: 3) == .merged)
    var left = 1
    if format == .vhd {
      #expect(throws: DiskError.self) { try merge(top, store, format, 0, into: 3) }
    } else {
      #expect(try merge(top, store, format, 0, into: 3) == .merged)
      left = 0
    }
    let (after, failure) = guest.end()
    #expect(failure == nil)
    #expect(try top.read(0, count: LiveChainTests.sectors) == after)
    try top.close()
    for level in left..<3 { try store.remove(name(level, format)) }
    let again = try ImageLibrary(store: store).open(name(3, format))
    #expect(try again.read(0, count: LiveChainTests.sectors) == after)
    #expect(try again.check().errors.isEmpty)
    #expect((try again.info().variant == .differencing) == (format == .vhd))
  }

  @Test(arguments: ChainTests.formats) func imagesPutOverTheDiskWhileItRunsGoToo(_ format: ImageFormat) throws {
    let store = MemoryStore()
    var model = try chain(store, format, levels: 1)
    let library = ImageLibrary(store: store)
    let first = try openLive(store, format, 1)
    try library.createChild(name(2, format), of: try first.info(), format: format)
    let top = try library.open(name(2, format), over: first)
    try top.write(9, stamp(9, 77))
    model.replaceSubrange(9 * 512..<10 * 512, with: stamp(9, 77))
    #expect(try merge(top, store, format, 1, into: 2) == .merged)
    try store.remove(name(1, format))
    try top.close()
    let again = try library.open(name(2, format))
    #expect(try again.read(0, count: LiveChainTests.sectors) == model)
    #expect(try again.info().parentPath == name(0, format))
  }

  @Test(arguments: ChainTests.formats) func whatWasCutShortGoesOn(_ format: ImageFormat) throws {
    let store = MemoryStore()
    let model = try chain(store, format)
    let top = try openLive(store, format)
    let steps = Mutex(0)
    let giveUp = WorkProgress { _, _ in
      steps.withLock { steps in
        steps += 1
        return steps < 3
      }
    }
    for parent in [1, 2] {
      steps.withLock { $0 = 0 }
      #expect(throws: DiskError.cancelled) { try merge(top, store, format, parent, into: parent + 1, progress: giveUp) }
      #expect(try top.read(0, count: LiveChainTests.sectors) == model)
    }
    // The host's disk is full, then it is not.
    store.fail(at: 5, persists: true, code: 28)
    #expect(throws: DiskError.self) { try merge(top, store, format, 2, into: 3) }
    store.fail(at: nil)
    #expect(try top.read(0, count: LiveChainTests.sectors) == model)
    #expect(try merge(top, store, format, 1, into: 2) == .merged)
    #expect(try merge(top, store, format, 2, into: 3) == .merged)
    #expect(try top.read(0, count: LiveChainTests.sectors) == model)
  }

  @Test(arguments: ChainTests.formats) func aPowerCutLosesNothing(_ format: ImageFormat) throws {
    for (parent, child) in [(1, 2), (2, 3)] {
      let store = MemoryStore()
      let model = try chain(store, format)
      let base = store.files
      var options = ImageLibrary.Options()
      let places = try Dictionary(
        (0...3).compactMap { level in
          let path = name(level, format)
          return try ImageLibrary(store: store).open(path, .init(readOnly: true)).info().uuid.map { ("\($0)", path) }
        }
      ) { $1 }
      // As the registry knows them.
      options.locate = { places["\($0)"] }
      store.startLogging()
      let top = try openLive(store, format)
      #expect(try merge(top, store, format, parent, into: child) == .merged)
      let log = store.log
      var random = Seeded(3)
      for cut in Set((0..<60).map { _ in random.below(log.count + 1) } + [log.count]) {
        let library = ImageLibrary(store: MemoryStore(cutOff(base, log, cut, &random)))
        let image = try library.open(name(3, format), options)
        #expect(try image.read(0, count: LiveChainTests.sectors) == model, "cut after \(cut) of \(log.count)")
        #expect(try image.check().errors.isEmpty, "cut after \(cut) of \(log.count)")
      }
    }
  }
  /// What is left when the power goes: all that was synchronised, and of the rest some.
  private func cutOff(
    _ base: [(String, [UInt8])], _ log: [MemoryStore.Event], _ cut: Int, _ random: inout Seeded
  ) -> [(String, [UInt8])] {
    var state = MemoryStore(base).state.withLock { $0 }
    var synchronized = [Int](repeating: 0, count: base.count)
    for (index, event) in log[..<cut].enumerated() { if case .sync(let file) = event { synchronized[file] = index } }
    for (index, event) in log[..<cut].enumerated() {
      let file =
        switch event {
        case .write(let file, _, _), .resize(let file, _), .punch(let file, _, _), .sync(let file): file
        }
      if index < synchronized[file] || random.below(2) == 0 { state.apply(event) }
    }
    return base.indices.map { (base[$0].0, state.contents[$0]) }
  }
}
