import Base
import DeviceKit

/// Frames between a network card and what its cable leads to, at the moment in which a machine is saved.
struct WaitingFrames: SavedState {
  struct Frame: SavedState {
    var bytes: [UInt8] = []
    var isVerified = false
    init() {}
    init(_ frame: NetworkFrame) { (bytes, isVerified) = (frame.bytes, frame.isVerified) }
    var frame: NetworkFrame { NetworkFrame(bytes, isVerified: isVerified) }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.bytes("bytes", &bytes, maximum: NetworkFrame.limit)
      try visit.field("verified", &isVerified)
    }
  }
  /// Those that the guest has not taken yet, and those that it has sent.
  var inward: [Frame] = [], outward: [Frame] = []
  init() {}
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.list("inward", &inward, maximum: WaitingFrames.limit)
    try visit.list("outward", &outward, maximum: WaitingFrames.limit)
  }
  var isEmpty: Bool { inward.isEmpty && outward.isEmpty }
  /// More than all queues hold.
  private static let limit = 4096
  static let version = 1
}

extension Network.Card {
  /// As a saved state calls it.
  var waitingUnit: String { "\(name).frames" }
  /// What is on its way. To be asked while it is held.
  var waiting: WaitingFrames {
    let kept = adapter.keptFrames
    var waiting = WaitingFrames()
    // Those in front of the card came before those that limits keep back.
    waiting.inward = (savedFrames() + kept.inward).map(WaitingFrames.Frame.init)
    waiting.outward = kept.outward.map(WaitingFrames.Frame.init)
    return waiting
  }
  /// Puts what was on its way there again; the card hears of it when it is let go.
  func restore(_ waiting: WaitingFrames) {
    holdFrames(true)
    receive(waiting.inward.map(\.frame))
    adapter.restoreOutward(waiting.outward.map(\.frame))
  }
}
