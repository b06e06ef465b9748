import DiskImages
import Foundation
import HostSystem
import Synchronization

/// Standard input as a disk that is read once, from front to end; after its end come zeroes.
final class PipeImage: DiskImage {
  private struct State {
    var sector: UInt64 = 0
    var left: UInt64
  }
  private let state: Mutex<State>
  let sectorCount: UInt64
  let isReadOnly = true

  init(sectors: UInt64, bytes: UInt64) {
    sectorCount = sectors
    state = Mutex(State(left: bytes))
  }
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    let isInOrder = state.withLock { state in
      guard sector == state.sector else { return false }
      for buffer in buffers {
        buffer.zero()
        var bytes: [UInt8] = []
        while bytes.count < buffer.count, state.left > 0 {
          let wanted = min(buffer.count - bytes.count, Int(clamping: state.left))
          let piece = FileHandle.standardInput.readData(ofLength: wanted)
          if piece.isEmpty { state.left = 0 }
          bytes += piece
          state.left -= min(state.left, UInt64(piece.count))
        }
        buffer.store(bytes[...])
        state.sector += UInt64(buffer.count / 512)
      }
      return true
    }
    guard isInOrder else { throw .invalid("standard input can be read only once") }
  }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func flush() throws(DiskError) {}
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
}
