/// How far a long piece of work is, and whether it shall go on.
public struct WorkProgress: Sendable {
  private let body: @Sendable (_ done: UInt64, _ total: UInt64) -> Bool
  /// `body` is called often, on the thread that works; it returns false to cancel.
  public init(_ body: @escaping @Sendable (_ done: UInt64, _ total: UInt64) -> Bool) { self.body = body }
  /// Nobody looks.
  public static let none = WorkProgress { _, _ in true }
  /// Says how far the work is; false: it shall end.
  @discardableResult
  public func pass(_ done: UInt64, of total: UInt64) -> Bool { body(min(done, total), total) }
  func report(_ done: UInt64, of total: UInt64) throws(DiskError) {
    guard body(min(done, total), total) else { throw .cancelled }
  }
}

extension DiskImage {
  /// Whether some of the sectors may be other than zero, here or in a parent.
  func mayHold(_ sector: UInt64, _ count: UInt64) throws(DiskError) -> Bool {
    var position = sector
    let end = min(sector + count, sectorCount)
    while position < end {
      let extent = try extent(at: position, limit: end - position)
      switch extent.kind {
      case .data: return true
      case .zero: break
      case .absent: if let parent, try parent.mayHold(position, extent.count) { return true }
      }
      position += max(1, extent.count)
    }
    return false
  }
}
