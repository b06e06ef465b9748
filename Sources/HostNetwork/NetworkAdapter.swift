import DeviceKit
import Synchronization

/// What is between a card and its attachment: the cable, the trace, the limits, and who may listen.
///
/// The card transmits into it; the attachment's frames go through it to the card.
public final class NetworkAdapter: NetworkBackend, FrameReceiver {
  /// Which frames a card may hear that are not for it (VirtualBox: `--nicpromisc`).
  public enum PromiscuousPolicy: String, Sendable, CaseIterable {
    /// Only its own, and those for groups and all.
    case deny
    /// Those between cards of a switch, not the host's.
    case allowNetwork = "allow-vms"
    /// All that pass.
    case allowAll = "allow"
  }
  /// The card, as far as an adapter knows it.
  public struct Card: Sendable {
    var receive: @Sendable ([NetworkFrame]) -> Void
    var waitingFrames: @Sendable () -> Int
    public init(
      receive: @escaping @Sendable ([NetworkFrame]) -> Void, waitingFrames: @escaping @Sendable () -> Int
    ) {
      self.receive = receive
      self.waitingFrames = waitingFrames
    }
  }
  /// Frames and bytes that passed.
  public struct Counters: Sendable, Equatable {
    /// From the guest.
    public var sentFrames: UInt64 = 0
    /// Of those, without check sequences.
    public var sentBytes: UInt64 = 0
    /// To the guest.
    public var receivedFrames: UInt64 = 0
    /// Of those, without check sequences.
    public var receivedBytes: UInt64 = 0
  }
  private struct Parts {
    var card: Card?
    var outward: Pacer?
    var inward: Pacer?
    var counters = Counters()
    var trace: PcapTrace?
    var policy: PromiscuousPolicy
  }

  /// What the cable leads to.
  public let attachment: any NetworkAttachment
  private let address: [UInt8]
  private let parts: Mutex<Parts>
  private let isConnected: Atomic<Bool>

  /// - Parameters:
  ///   - address: six bytes of the card's address, for the policy.
  ///   - isConnected: whether the cable is in.
  public init(
    _ attachment: any NetworkAttachment, address: [UInt8], policy: PromiscuousPolicy = .deny, trace: PcapTrace? = nil,
    isConnected: Bool = true
  ) {
    self.attachment = attachment
    self.address = address
    parts = Mutex(Parts(trace: trace, policy: policy))
    self.isConnected = Atomic(isConnected)
  }

  /// Connects the card and starts the attachment; `bitsPerSecond` limits each direction, `group` what the guest sends.
  public func start(
    _ card: Card, bitsPerSecond rate: UInt64? = nil, group: RateLimit? = nil
  ) throws(NetworkError) {
    var (outward, inward): (Pacer?, Pacer?)
    let own = rate.map { RateLimit(bitsPerSecond: $0) }
    let limits = [own, group].compactMap { $0 }
    if !limits.isEmpty { outward = try Pacer(limits) { [attachment] in attachment.transmit($0) } }
    if let rate { inward = try Pacer([RateLimit(bitsPerSecond: rate)]) { card.receive([$0]) } }
    parts.withLock { [outward, inward] parts in
      parts.card = card
      (parts.outward, parts.inward) = (outward, inward)
    }
    try attachment.start(self)
  }
  /// Ends every thread of the adapter; not from one of them.
  public func close() {
    attachment.close()
    let (outward, inward, trace) = parts.withLock { parts in
      defer { (parts.card, parts.outward, parts.inward, parts.trace) = (nil, nil, nil, nil) }
      return (parts.outward, parts.inward, parts.trace)
    }
    outward?.close()
    inward?.close()
    trace?.close()
  }

  /// Which frames the card hears that are not for it.
  public var policy: PromiscuousPolicy {
    get { parts.withLock { $0.policy } }
    set { parts.withLock { $0.policy = newValue } }
  }
  /// What passes goes into this trace from now on; the one before is finished.
  public func setTrace(_ trace: PcapTrace?) {
    let before = parts.withLock { parts in
      defer { parts.trace = trace }
      return parts.trace
    }
    before?.close()
  }

  /// Whether the cable is in. The card is told by the machine.
  public var isLinkUp: Bool {
    get { isConnected.load(ordering: .relaxed) }
    set { isConnected.store(newValue, ordering: .relaxed) }
  }
  /// What has passed so far.
  public var counters: Counters { parts.withLock { $0.counters } }

  // MARK: Saved states

  /// While held, frames that the limits keep back wait on.
  public func hold(_ isHeld: Bool) {
    let (outward, inward) = parts.withLock { ($0.outward, $0.inward) }
    outward?.hold(isHeld)
    inward?.hold(isHeld)
  }
  /// Frames that the limits keep back, from the guest and to it. To be asked while held.
  public var keptFrames: (outward: [NetworkFrame], inward: [NetworkFrame]) {
    let (outward, inward) = parts.withLock { ($0.outward, $0.inward) }
    return (outward?.frames ?? [], inward?.frames ?? [])
  }
  /// Frames that had left the guest, and wait to go on.
  public func restoreOutward(_ frames: [NetworkFrame]) {
    let pacer = parts.withLock { $0.outward }
    for frame in frames { if let pacer { pacer.append(frame) } else { attachment.transmit(frame) } }
  }

  // MARK: Frames

  public var maximumFrame: Int { attachment.maximumFrame }

  public func transmit(_ frame: NetworkFrame) {
    guard isLinkUp else { return }
    let (pacer, trace) = parts.withLock { parts in
      parts.counters.sentFrames &+= 1
      parts.counters.sentBytes &+= UInt64(frame.bytes.count)
      return (parts.outward, parts.trace)
    }
    trace?.append(frame)
    if let pacer { pacer.append(frame) } else { attachment.transmit(frame) }
  }

  public func receive(_ frames: [NetworkFrame]) {
    guard isLinkUp else { return }
    let (policy, trace) = parts.withLock { ($0.policy, $0.trace) }
    let hearsAll = policy == .allowAll || policy == .allowNetwork && attachment is SwitchAttachment
    let passing = hearsAll ? frames : frames.filter(isForCard)
    guard !passing.isEmpty else { return }
    if let trace { for frame in passing { trace.append(frame) } }
    let (card, pacer) = parts.withLock { parts in
      parts.counters.receivedFrames &+= UInt64(passing.count)
      parts.counters.receivedBytes &+= passing.reduce(0) { $0 &+ UInt64($1.bytes.count) }
      return (parts.card, parts.inward)
    }
    if let pacer { for frame in passing { pacer.append(frame) } } else { card?.receive(passing) }
  }
  /// A NAT knows only this guest: what it sends is for it, whatever address the guest gave itself.
  private func isForCard(_ frame: NetworkFrame) -> Bool {
    attachment is NATAttachment || frame.isMulticast || frame.bytes.starts(with: address)
  }
  public var waitingFrames: Int {
    let (card, pacer) = parts.withLock { ($0.card, $0.inward) }
    return (card?.waitingFrames() ?? 0) + (pacer?.waiting ?? 0)
  }

  /// A few lines for people.
  public var summary: String {
    let counters = counters
    return "\(attachment.summary); cable \(isLinkUp ? "in" : "out"); sent \(counters.sentFrames) frames, "
      + "\(counters.sentBytes) bytes; received \(counters.receivedFrames) frames, \(counters.receivedBytes) bytes"
  }
}
