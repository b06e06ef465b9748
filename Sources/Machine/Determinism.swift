import Base
import DeviceKit
import GuestMemory

/// How far a deterministic machine has come, and what has become of it: two runs of the same machine with the same seed have
/// the same state after the same number of instructions.
public struct Determinism: Sendable, Equatable {
  public var seed: UInt64
  /// Executed by all processors.
  public var instructions: Int64
  /// Guest time.
  public var nanoseconds: Int64
  /// Of all processors and the RAM.
  public var state: StateHash
}

extension GuestMemory {
  private static let hashedBytes: UInt64 = 1 << 20

  /// The RAM, with what `others` adds.
  func stateHash(_ others: (inout StateHash) -> Void) -> StateHash {
    var hash = StateHash()
    others(&hash)
    for (start, size) in [(0, lowSize), (4 << 30, ramSize - lowSize)] as [(UInt64, UInt64)] {
      for offset in stride(from: 0, to: size, by: Int(GuestMemory.hashedBytes)) {
        let bytes = read(GuestPhysical(start + offset), count: Int(min(GuestMemory.hashedBytes, size - offset)))
        for page in stride(from: 0, to: bytes.count, by: 0x1000) {
          hash.add(bytes[page..<min(page + 0x1000, bytes.count)], at: start + offset + UInt64(page))
        }
      }
    }
    return hash
  }
}

extension MachineRequest {
  /// The machine does not go on as if nothing had been asked.
  var stopsMachine: Bool {
    switch self {
    case .reset, .powerOff: true
    default: false
    }
  }
}
