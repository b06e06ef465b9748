import SettingsFiles
import Synchronization
import Testing

/// A file system that can lose power: what was not synchronized may be lost, names and contents alike.
private final class FragileStore: SettingsStore {
  struct State {
    var files: [String: [UInt8]] = [:]
    /// Contents that are on stable storage, by the contents' number, and the names that are.
    var names: [String: Int] = [:]
    var contents: [Int: [UInt8]] = [:]
    var durable: Set<Int> = []
    var stableNames: [String: Int] = [:]
    var next = 0
    var calls = 0
    var failAt: Int?
  }
  let state = Mutex(State())

  private func step<R>(_ path: String, _ body: (inout State) -> R) throws(SettingsError) -> R {
    let result: R? = state.withLock { state in
      state.calls += 1
      return state.calls == state.failAt ? nil : body(&state)
    }
    guard let result else { throw .unwritable(path: path, reason: "no power") }
    return result
  }
  func exists(_ path: String) -> Bool { state.withLock { $0.names[path] != nil } }
  func read(_ path: String, maximum: Int) throws(SettingsError) -> [UInt8] {
    let bytes = state.withLock { state in state.names[path].flatMap { state.contents[$0] } }
    guard let bytes else { throw .unreadable(path: path, reason: "missing") }
    return bytes
  }
  func write(_ path: String, _ contents: [UInt8]) throws(SettingsError) {
    try step(path) { state in
      state.next += 1
      state.contents[state.next] = contents
      state.names[path] = state.next
    }
  }
  func synchronize(_ path: String) throws(SettingsError) {
    try step(path) { state in if let number = state.names[path] { state.durable.insert(number) } }
  }
  func link(_ path: String, _ name: String) throws(SettingsError) {
    try step(path) { state in state.names[name] = state.names[path] }
  }
  func rename(_ path: String, to name: String) throws(SettingsError) {
    try step(path) { state in
      state.names[name] = state.names[path]
      state.names[path] = nil
    }
  }
  func remove(_ path: String) { state.withLock { $0.names[path] = nil } }
  func synchronizeFolder(of path: String) throws(SettingsError) {
    try step(path) { state in state.stableNames = state.names }
  }
  /// What a reader finds after the power came back, in both extremes: names as of the last synchronization, or as they are.
  func afterPowerCut(_ path: String, namesAreLate: Bool) -> [UInt8]? {
    state.withLock { state in
      let number = (namesAreLate ? state.stableNames : state.names)[path]
      return number.map { state.durable.contains($0) ? state.contents[$0] ?? [] : [] }
    }
  }
}

struct SettingsWriteTests {
  private let old = Array("old".utf8), new = Array("new".utf8)

  /// A store that holds the old contents safely.
  private func prepared() throws -> FragileStore {
    let store = FragileStore()
    try store.replace("/f", old, keepsPrevious: true)
    return store
  }
  @Test func afterAPowerCutAFileIsOldOrNew() throws {
    let whole = try prepared()
    let before = whole.state.withLock { $0.calls }
    try whole.replace("/f", new, keepsPrevious: true)
    let steps = whole.state.withLock { $0.calls } - before
    #expect(steps >= 4)
    for cut in 1...steps {
      let store = try prepared()
      store.state.withLock { $0.failAt = $0.calls + cut }
      let failed = (try? store.replace("/f", new, keepsPrevious: true)) == nil
      for late in [true, false] {
        let found = store.afterPowerCut("/f", namesAreLate: late)
        #expect(found == old || found == new, "cut at \(cut)")
        if !failed { #expect(found == new) }
      }
    }
    #expect(whole.afterPowerCut("/f", namesAreLate: true) == new)
    #expect(try whole.read("/f-prev", maximum: 10) == old)
  }
  @Test func theFirstRewriteOfAnOlderFileKeepsIt() throws {
    let store = FragileStore()
    try store.write("/m/old.vbox", Array(Samples.old.utf8))
    var file = try SettingsFile(reading: "/m/old.vbox", .machine, store: store)
    try file.write(store: store)
    #expect(try store.read("/m/old-1.11-windows.vbox", maximum: 1 << 20) == Array(Samples.old.utf8))
    #expect(try SettingsFile(reading: "/m/old.vbox", .machine, store: store).version == .written)
    try file.write(store: store)
    #expect(store.state.withLock { $0.names.keys.filter { $0.contains("-1.") }.count } == 1)
  }
  @Test func withoutABackupAnOlderFileIsNotRewritten() throws {
    let store = FragileStore()
    try store.write("/m/old.vbox", Array(Samples.old.utf8))
    var file = try SettingsFile(reading: "/m/old.vbox", .machine, store: store)
    store.state.withLock { $0.failAt = $0.calls + 1 }
    #expect(throws: SettingsError.self) { try file.write(store: store) }
    #expect(try store.read("/m/old.vbox", maximum: 1 << 20) == Array(Samples.old.utf8))
  }
}
