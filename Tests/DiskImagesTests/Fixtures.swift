import Base
import DeviceKit
import DiskImages
import Foundation
import HostSystem
import Synchronization

/// A file in the temporary directory that is removed with this object.
final class ScratchFile: Sendable {
  let path: String
  init(_ bytes: [UInt8]) throws {
    path = NSTemporaryDirectory() + "ringbox-test-\(UUID().uuidString).img"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }
  /// `count` sectors, each filled with its number.
  convenience init(sectors count: Int) throws {
    try self.init((0..<count * 512).map { UInt8(truncatingIfNeeded: $0 / 512) })
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func contents() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
}

/// 64 KiB of guest RAM that is always copied.
final class CopiedRAM: GuestBuffer {
  private let bytes = Mutex([UInt8](repeating: 0, count: 65_536))
  func copyIn(_ address: GuestPhysical, count: Int) -> [UInt8] {
    bytes.withLock { Array($0[Int(address.value)..<(Int(address.value) + count)]) }
  }
  func copyOut(_ address: GuestPhysical, _ data: [UInt8]) {
    bytes.withLock { $0.replaceSubrange(Int(address.value)..<(Int(address.value) + data.count), with: data) }
  }
}

/// Collects completions and waits for them.
final class Completions: Sendable {
  private let list = Mutex<[BlockCompletion]>([])
  private let parker = Parker()
  func take(_ completion: BlockCompletion) {
    list.withLock { $0.append(completion) }
    parker.unpark()
  }
  func wait(_ count: Int) -> [BlockCompletion] {
    while true {
      let now = list.withLock { $0 }
      if now.count >= count { return now }
      if !parker.park(until: HostClock.monotonicNanoseconds + 5_000_000_000) { return now }
    }
  }
}

extension BlockWorker {
  func run(_ request: BlockRequest) -> BlockCompletion? {
    let completions = Completions()
    submit(request) { completions.take($0) }
    return completions.wait(1).first
  }
}
