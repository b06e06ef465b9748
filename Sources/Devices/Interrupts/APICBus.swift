import Synchronization

/// Carries interrupt messages between local APICs, and from I/O APICs and devices to them.
///
/// Sending takes no lock: matching and acceptance work on the receivers' atomics. That is what lets an I/O APIC
/// send while its own lock is held, and a local APIC's EOI call into the I/O APIC: the two never wait for each other.
public final class APICBus: Sendable {
  /// The local APICs, one per vCPU.
  public let apics: [LocalAPIC]
  private let levelEOI: @Sendable (UInt8) -> Void
  /// Where the search for a lowest-priority target starts, so that equals share the load.
  private let rotation = Atomic<UInt32>(0)

  /// Joins `apics`. The bus must outlive its traffic; the APICs refer to it weakly.
  /// - Parameter endOfInterrupt: broadcast to the I/O APICs when a level-triggered vector ends.
  ///   Called on the vCPU's thread with no lock held.
  public init(_ apics: [LocalAPIC], endOfInterrupt: @escaping @Sendable (UInt8) -> Void) {
    self.apics = apics
    levelEOI = endOfInterrupt
    for apic in apics { apic.join(self) }
  }

  /// A 32-bit write of `data` to `address` by a device; ignored outside FEExxxxxh.
  public func messageInterrupt(address: UInt64, data: UInt32) {
    guard let message = InterruptMessage(address: address, data: data) else { return }
    send(message)
  }

  /// Delivers `message` to every processor (or the least busy one) that its destination selects.
  /// Returns whether any processor matched.
  @discardableResult public func send(_ message: InterruptMessage) -> Bool {
    if message.mode == .lowestPriority || (message.redirectable && message.mode == .fixed) {
      guard let chosen = leastBusy(message) else { return false }
      chosen.deliver(message)
      return true
    }
    var matched = false
    for apic in apics where apic.isSelected(by: message) {
      apic.deliver(message)
      matched = true
    }
    return matched
  }

  /// Whether a processor that `message` selects holds a request for its vector and has not taken it.
  public func isWaiting(_ message: InterruptMessage) -> Bool {
    apics.contains { $0.isSelected(by: message) && $0.isRequested(message.vector) }
  }

  /// The "all" shorthands of the ICR.
  func broadcast(_ message: InterruptMessage, excluding sender: LocalAPIC?) {
    for apic in apics where apic !== sender { apic.deliver(message) }
  }

  func endOfInterrupt(_ vector: UInt8) { levelEOI(vector) }

  private func leastBusy(_ message: InterruptMessage) -> LocalAPIC? {
    guard !apics.isEmpty else { return nil }
    let start = Int(rotation.wrappingAdd(1, ordering: .relaxed).oldValue % UInt32(apics.count))
    var best: (apic: LocalAPIC, priority: UInt8)?
    for step in apics.indices {
      let apic = apics[(start + step) % apics.count]
      guard apic.isSelected(by: message), apic.isSoftwareEnabled else { continue }
      let priority = apic.processorPriority
      if priority < best?.priority ?? .max || best == nil { best = (apic, priority) }
    }
    return best?.apic
  }
}
