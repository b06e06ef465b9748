import HostSystem
import Synchronization

/// The file by which `perf` names code that was made at run time: a line with start, size and name for each piece.
public final class PerfMap: Sendable {
  private struct State {
    /// Lines of each processor's code, in case they have to be written anew.
    var lines: [Int: [String]] = [:]
    var pending = ""
    var file: OutputFile?
    var hasFailed = false
  }
  private let state = Mutex(State())
  private let symbols: SymbolTable?
  /// Where the map is written.
  public let path: String
  private static let bufferBytes = 1 << 16
  /// Stands for a processor whose code is never forgotten: the stubs of all of them.
  static let forEver = -1

  /// The file is created, or emptied, when there is something to write. `perf` looks for /tmp/perf-PID.map.
  public init(path: String, symbols: SymbolTable? = nil) {
    self.path = path
    self.symbols = symbols
  }
  /// The file could not be written.
  public var hasFailed: Bool { state.withLock { $0.hasFailed } }

  func add(cpu: Int, start: UInt, size: Int, address: UInt64, privilege: UInt8) {
    let symbol = symbols?.symbol(at: address, privilege: Int(privilege))?.name ?? "0x" + String(address, radix: 16)
    add(cpu: cpu, start: start, size: size, name: "guest:ring\(privilege):\(symbol)")
  }

  func add(cpu: Int, start: UInt, size: Int, name: String) {
    let line = "\(String(start, radix: 16)) \(String(size, radix: 16)) \(name)\n"
    state.withLock { state in
      state.lines[cpu, default: []].append(line)
      state.pending += line
      if state.pending.utf8.count >= PerfMap.bufferBytes { write(&state) }
    }
  }

  /// The code of a processor is gone; its addresses will mean something else.
  func forget(cpu: Int) {
    state.withLock { state in
      guard state.lines[cpu]?.isEmpty == false else { return }
      state.lines[cpu] = []
      state.file = nil
      state.pending = state.lines.values.reduce("") { $0 + $1.joined() }
      write(&state)
    }
  }

  /// Writes what is still in memory.
  public func flush() { state.withLock { write(&$0) } }

  private func write(_ state: inout State) {
    if state.file == nil { state.file = try? OutputFile(creating: path) }
    if state.file?.append(Array(state.pending.utf8)) != true { state.hasFailed = true }
    state.pending = ""
  }
}
