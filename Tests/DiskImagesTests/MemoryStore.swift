import DiskImages
import HostSystem
import Synchronization

/// Files in memory that log every write, so that a power cut can be tried at any point, and fail when told to.
final class MemoryStore: ImageStore {
  enum Event: Sendable {
    case write(file: Int, offset: Int, bytes: [UInt8])
    case resize(file: Int, size: Int)
    case punch(file: Int, offset: Int, count: Int)
    case sync(file: Int)
  }
  /// What the next host calls do.
  struct Faults: Sendable {
    /// The call with this number, counted from 0, fails, and with `persists` all after it.
    var at: Int?
    var persists = false
    /// errno: 5 is EIO, 28 is ENOSPC.
    var code: Int32 = 5
    var calls = 0
  }
  struct State: Sendable {
    var names: [String: Int] = [:]
    var contents: [[UInt8]] = []
    var log: [Event] = []
    var isLogging = false
    var faults = Faults()
  }
  let state: Mutex<State>
  /// `files`: names and contents.
  init(_ files: [(String, [UInt8])] = []) {
    var start = State()
    for (index, file) in files.enumerated() {
      start.names[file.0] = index
      start.contents.append(file.1)
    }
    state = Mutex(start)
  }
  var log: [Event] { state.withLock { $0.log } }
  func startLogging() {
    state.withLock {
      $0.log = []
      $0.isLogging = true
    }
  }
  func fail(at call: Int?, persists: Bool = false, code: Int32 = 5) {
    state.withLock { $0.faults = Faults(at: call, persists: persists, code: code) }
  }
  var callCount: Int { state.withLock { $0.faults.calls } }
  /// Names and contents, in the order of their numbers.
  var files: [(String, [UInt8])] {
    state.withLock { state in
      state.names.sorted { $0.value < $1.value }.map { ($0.key, state.contents[$0.value]) }
    }
  }

  func open(_ path: String, writable: Bool) throws(DiskError) -> any ImageFile {
    guard let number = state.withLock({ $0.names[path] }) else { throw .missing(path: path) }
    return MemoryFile(self, path, number, writable: writable)
  }
  func create(_ path: String) throws(DiskError) -> any ImageFile {
    let number = state.withLock { state -> Int? in
      guard state.names[path] == nil else { return nil }
      state.names[path] = state.contents.count
      state.contents.append([])
      return state.contents.count - 1
    }
    guard let number else { throw .exists(path: path) }
    return MemoryFile(self, path, number, writable: true)
  }
  func replace(_ path: String, with temporary: String) throws(DiskError) {
    state.withLock { $0.names[path] = $0.names.removeValue(forKey: temporary) }
  }
  func remove(_ path: String) throws(DiskError) { _ = state.withLock { $0.names.removeValue(forKey: path) } }
  func exists(_ path: String) -> Bool { state.withLock { $0.names[path] != nil } }
  func names(in folder: String) -> [String] { state.withLock { Array($0.names.keys) } }

  /// Does the next host call, unless it is the one to fail.
  func call<R>(_ path: String, _ name: String, _ body: (inout State) -> R) throws(DiskError) -> R {
    let result: Result<R, DiskError> = state.withLock { state in
      let number = state.faults.calls
      state.faults.calls += 1
      if let at = state.faults.at, number == at || (number > at && state.faults.persists) {
        return .failure(.system(path: path, SystemCallError(call: name, code: state.faults.code)))
      }
      return .success(body(&state))
    }
    return try result.get()
  }
}

extension MemoryStore.State {
  mutating func apply(_ event: MemoryStore.Event) {
    switch event {
    case .write(let file, let offset, let bytes):
      if contents[file].count < offset + bytes.count {
        contents[file] += [UInt8](repeating: 0, count: offset + bytes.count - contents[file].count)
      }
      contents[file].replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    case .resize(let file, let size):
      if size <= contents[file].count {
        contents[file].removeLast(contents[file].count - size)
      } else {
        contents[file] += [UInt8](repeating: 0, count: size - contents[file].count)
      }
    case .punch(let file, let offset, let count):
      let end = min(offset + count, contents[file].count)
      if offset < end {
        contents[file].replaceSubrange(offset..<end, with: repeatElement(0, count: end - offset))
      }
    case .sync: break
    }
  }
}

private final class MemoryFile: ImageFile {
  let store: MemoryStore
  let path: String
  let number: Int
  let isReadOnly: Bool
  init(_ store: MemoryStore, _ path: String, _ number: Int, writable: Bool) {
    self.store = store
    self.path = path
    self.number = number
    isReadOnly = !writable
  }
  private func record(_ name: String, _ event: MemoryStore.Event) throws(DiskError) {
    try store.call(path, name) { state in
      if state.isLogging { state.log.append(event) }
      state.apply(event)
    }
  }
  func size() throws(DiskError) -> UInt64 { store.state.withLock { UInt64($0.contents[number].count) } }
  func read(at offset: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try store.call(path, "preadv") { state in
      var position = Int(offset)
      for buffer in buffers {
        let all = state.contents[number]
        let start = min(position, all.count)
        let end = min(position + buffer.count, all.count)
        buffer.zero()
        buffer.store(all[start..<end])
        position += buffer.count
      }
    }
  }
  func write(at offset: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    var bytes: [UInt8] = []
    for buffer in buffers { bytes += buffer.load() }
    guard !bytes.isEmpty else { return }
    try record("pwritev", .write(file: number, offset: Int(offset), bytes: bytes))
  }
  func resize(to bytes: UInt64) throws(DiskError) {
    try record("ftruncate", .resize(file: number, size: Int(bytes)))
  }
  func synchronize() throws(DiskError) { try record("fdatasync", .sync(file: number)) }
  func punchHole(at offset: UInt64, count: UInt64) throws(DiskError) -> Bool {
    try record("fallocate", .punch(file: number, offset: Int(offset), count: Int(count)))
    return true
  }
  func allocatedBytes() throws(DiskError) -> UInt64 { try size() }
}

/// Random numbers that are the same in every run.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_f491_4f6c_dd1d
  }
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

/// The kinds of image that every law is tried on.
struct ImageKind: Sendable, CustomStringConvertible {
  var name: String
  var creation: ImageCreation
  /// Format of a parent, for differencing images.
  var parent: ImageFormat?
  var description: String { name }
  var path: String { "disk.\(creation.format.suffix)" }

  static let capacity: UInt64 = 256 << 10
  static let all: [ImageKind] = {
    func kind(
      _ name: String, _ format: ImageFormat, _ variant: ImageVariant = .dynamic, block: UInt64? = nil,
      parent: ImageFormat? = nil
    ) -> ImageKind {
      var creation = ImageCreation(format, variant, capacity: capacity, blockSize: block)
      if parent != nil { creation.variant = .differencing }
      return ImageKind(name: name, creation: creation, parent: parent)
    }
    return [
      kind("vdi", .vdi, block: 8192), kind("vdi-fixed", .vdi, .fixed, block: 8192),
      kind("vdi-child", .vdi, block: 8192, parent: .vdi), kind("vdi-over-qcow2", .vdi, block: 8192, parent: .qcow2),
      kind("vhd", .vhd, block: 8192), kind("vhd-fixed", .vhd, .fixed),
      kind("vhd-child", .vhd, block: 8192, parent: .vhd),
      kind("vmdk", .vmdk, block: 4096), kind("vmdk-flat", .vmdk, .fixed),
      kind("vmdk-split", .vmdk, .split, block: 4096),
      kind("vmdk-child", .vmdk, block: 4096, parent: .vmdk),
      kind("qcow2", .qcow2, block: 4096), kind("qcow2-512", .qcow2, block: 512),
      kind("qcow2-child", .qcow2, block: 4096, parent: .qcow2),
      kind("qcow2-over-vdi", .qcow2, block: 4096, parent: .vdi),
    ]
  }()
  /// This kind's part of what is done for each format.
  func share(of count: Int) -> Int {
    count / ImageKind.all.count { $0.creation.format == creation.format }
  }
  /// Those whose tables change while they are written.
  static var growing: [ImageKind] { all.filter { ![.fixed].contains($0.creation.variant) } }

  /// Makes the image, empty, over a parent with data where it has one; returns what the disk shows.
  func make(in store: MemoryStore) throws -> [UInt8] {
    let library = ImageLibrary(store: store)
    var model = [UInt8](repeating: 0, count: Int(creation.capacity))
    var creation = creation
    if let parent {
      var below = ImageCreation(parent, capacity: creation.capacity, blockSize: creation.blockSize)
      if parent == .vdi { below.blockSize = 16_384 }
      let path = "base.\(parent.suffix)"
      try library.create(path, below)
      let image = try library.open(path)
      // The parent's content is of sectors that tell their number.
      for sector in stride(from: 0, to: Int(creation.capacity) / 512, by: 3) {
        let bytes = stamp(sector, 0)
        try image.write(UInt64(sector), bytes)
        model.replaceSubrange(sector * 512..<(sector + 1) * 512, with: bytes)
      }
      try image.close()
      creation.parent = try image.info()
    }
    try library.create(path, creation)
    return model
  }
}

/// A sector that says which one it is and when it was written; never all zeroes.
func stamp(_ sector: Int, _ version: Int) -> [UInt8] {
  var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: version &* 31 | 1), count: 512)
  for index in 0..<4 {
    bytes[index] = UInt8(truncatingIfNeeded: sector >> (8 * index))
    bytes[4 + index] = UInt8(truncatingIfNeeded: version >> (8 * index))
  }
  bytes[511] = 0xa5
  return bytes
}
