import DiskImages
import Foundation
import HostSystem
import Testing

/// A host that fails: every call in turn returns an error, once or from then on.
@Suite struct FaultTests {
  @Test(arguments: ImageKind.all) func aFailedHostCallLosesNothingThatWasAcknowledged(_ kind: ImageKind) throws {
    let pristine = MemoryStore()
    let model = try kind.make(in: pristine)
    let base = pristine.files
    for persists in [false, true] {
      var call = 0
      while true {
        let store = MemoryStore(base)
        guard try run(kind, store, model, failing: call, persists: persists) else { break }
        call += persists ? 3 : 1
        if call > 600 { break }
      }
      #expect(call > 10, "the work of \(kind) makes host calls")
    }
  }

  /// False when the work was over before the call that was to fail.
  private func run(
    _ kind: ImageKind, _ store: MemoryStore, _ model: [UInt8], failing call: Int, persists: Bool
  ) throws -> Bool {
    let library = ImageLibrary(store: store)
    var image: (any ManagedImage)? = try library.open(kind.path)
    store.fail(at: call, persists: persists, code: call % 2 == 0 ? 28 : 5)
    var allowed = (0..<model.count / 512).map { [Array(model[$0 * 512..<($0 + 1) * 512])] }
    var random = Seeded(99)
    func attempt(_ body: () throws -> Void) -> Bool {
      do {
        try body()
        return true
      } catch {
        guard case DiskError.system = error else {
          Issue.record("\(kind), call \(call): \(error)")
          return false
        }
        return false
      }
    }
    for operation in 1...24 {
      guard let disk = image else { break }
      let start = random.below(allowed.count)
      let count = min(allowed.count - start, 1 + random.below(24))
      switch operation % 6 {
      case 0: _ = attempt { try disk.flush() }
      case 5:
        let done = attempt { try disk.writeZeroes(UInt64(start), count: UInt64(count)) }
        for sector in start..<start + count {
          let zeroes = [UInt8](repeating: 0, count: 512)
          if done { allowed[sector] = [zeroes] } else { allowed[sector].append(zeroes) }
        }
      default:
        let bytes = (start..<start + count).flatMap { stamp($0, operation) }
        let done = attempt { try disk.write(UInt64(start), bytes) }
        for sector in start..<start + count {
          if done {
            allowed[sector] = [stamp(sector, operation)]
          } else {
            allowed[sector].append(stamp(sector, operation))
          }
        }
      }
    }
    let reached = store.callCount > call
    // The host is mended; the image goes on and loses nothing.
    store.fail(at: nil)
    try image?.flush()
    try compare(image, allowed, "\(kind), call \(call)")
    try image?.close()
    image = nil
    let check = try library.open(kind.path).check()
    #expect(check.errors.isEmpty, "\(kind), call \(call), \(persists)")
    try compare(try library.open(kind.path), allowed, "\(kind), call \(call), opened again")
    return reached
  }
  private func compare(_ image: (any ManagedImage)?, _ allowed: [[[UInt8]]], _ what: String) throws {
    guard let image else { return }
    let seen = try image.read(0, count: allowed.count)
    for (sector, contents) in allowed.enumerated() {
      let content = Array(seen[sector * 512..<(sector + 1) * 512])
      if !contents.contains(content) {
        Issue.record(
          "\(what): sector \(sector) holds \(content.prefix(9)), not one of \(contents.map { $0.prefix(9) })")
        return
      }
    }
  }
}

/// Images made to harm: a clear error or a lawful image, in bounded time and memory.
@Suite struct HostileImageTests {
  /// Mutations for each kind. RINGBOX_FUZZ_SECONDS makes it go on for longer.
  static let seconds = Double(ProcessInfo.processInfo.environment["RINGBOX_FUZZ_SECONDS"] ?? "") ?? 0

  @Test(arguments: ImageKind.all) func fuzzDamagedHeadersAndTables(_ kind: ImageKind) throws {
    let pristine = MemoryStore()
    _ = try kind.make(in: pristine)
    do {
      let image = try ImageLibrary(store: pristine).open(kind.path)
      for sector in stride(from: 0, to: 500, by: 9) { try image.write(UInt64(sector), stamp(sector, 1)) }
      try image.close()
    }
    var random = Seeded(0xfee1_dead)
    let end = Date().addingTimeInterval(HostileImageTests.seconds)
    var round = 0
    while round < 400 || Date() < end {
      round += 1
      var files = pristine.files
      for index in files.indices { mutate(&files[index].1, &random) }
      use(kind, MemoryStore(files), &random)
    }
  }

  /// Changes a few bytes, most of them near the start or the end, where headers and tables are.
  private func mutate(_ bytes: inout [UInt8], _ random: inout Seeded) {
    guard !bytes.isEmpty else { return }
    for _ in 0..<1 + random.below(6) {
      let place =
        switch random.below(4) {
        case 0: random.below(min(bytes.count, 128))
        case 1: random.below(min(bytes.count, 2048))
        case 2: max(0, bytes.count - 1 - random.below(1024))
        default: random.below(bytes.count)
        }
      switch random.below(4) {
      case 0: bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)]
      case 1: bytes[place] ^= 1 << UInt8(random.below(8))
      case 2: for index in place..<min(bytes.count, place + 4) { bytes[index] = 0xff }
      default: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      }
    }
    if random.below(8) == 0 { bytes.removeLast(random.below(bytes.count)) }
  }
  /// Everything that can be done with an image may fail, and may do nothing worse.
  private func use(_ kind: ImageKind, _ store: MemoryStore, _ random: inout Seeded) {
    let library = ImageLibrary(store: store)
    guard let image = try? library.open(kind.path) else { return }
    let sectors = image.sectorCount
    _ = try? image.info()
    _ = try? image.check()
    for _ in 0..<6 {
      let sector = random.next() % max(1, sectors)
      let count = min(sectors - sector, 1 + UInt64(random.below(40)))
      _ = try? image.read(sector, count: Int(count))
      try? image.write(sector, [UInt8](repeating: 7, count: Int(count) * 512))
      try? image.discard(sector, count: count)
      try? image.flush()
    }
    try? image.close()
  }

  @Test func aGuestCannotTurnAGuessedRawDiskIntoAnotherFormat() throws {
    let store = MemoryStore([("disk.img", [UInt8](repeating: 0, count: 65_536))])
    let library = ImageLibrary(store: store)
    let image = try library.open("disk.img")
    var sector = [UInt8](repeating: 0, count: 512)
    for (index, byte) in [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3].enumerated() { sector[index] = UInt8(byte) }
    #expect(throws: DiskError.self) { try image.write(0, sector) }
    var footer = [UInt8](repeating: 0, count: 1024)
    for (index, byte) in "conectix".utf8.enumerated() { footer[512 + index] = byte }
    #expect(throws: DiskError.self) { try image.write(126, footer) }
    try image.write(1, sector)
    try image.close()
    #expect(try library.probe("disk.img") == .raw)
    // Who says that it is raw may write what they like.
    try library.open("disk.img", .init(format: .raw)).write(0, sector)
    #expect(try library.probe("disk.img") == .qcow2)
  }

  @Test func hugeTablesInSmallFilesAreRefused() throws {
    let store = MemoryStore()
    let library = ImageLibrary(store: store)
    try library.create("a.vdi", ImageCreation(.vdi, capacity: 1 << 20))
    var (_, bytes) = store.files[0]
    for index in 0..<4 { bytes[384 + index] = 0xff }
    #expect(throws: DiskError.self) {
      _ = try ImageLibrary(store: MemoryStore([("a.vdi", bytes)])).open("a.vdi")
    }
  }

  @Test func anImageThatIsItsOwnParentIsRefused() throws {
    let store = MemoryStore()
    let library = ImageLibrary(store: store)
    try library.create("a.qcow2", ImageCreation(.qcow2, capacity: 1 << 20))
    try library.createChild("b.qcow2", of: "a.qcow2")
    let info = try library.open("b.qcow2", .init(readOnly: true)).info()
    var alone = ImageLibrary.Options()
    alone.isAlone = true
    let base = try library.open("a.qcow2", alone)
    try base.setParent(info)
    try base.close()
    #expect(throws: DiskError.self) { _ = try library.open("b.qcow2") }
  }
}
