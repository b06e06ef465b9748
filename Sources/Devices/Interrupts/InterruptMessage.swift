/// What a local APIC drives: the vCPU that owns it.
///
/// Every method may be called on any thread and under a device's lock, so an implementation only
/// sets a flag and wakes its vCPU; it never calls back into a local APIC or a device.
public protocol InterruptTarget: AnyObject, Sendable {
  /// A vector may have become deliverable: ask `LocalAPIC.pendingVector()` at the next boundary.
  func interruptPending()
  func raiseNMI()
  func raiseINIT()
  /// Start-up IPI: begin at physical address `vector << 12`, if waiting for one.
  func raiseSIPI(vector: UInt8)
}

/// One message on the APIC bus, from an ICR, an I/O APIC entry or a message-signalled interrupt.
public struct InterruptMessage: Sendable, Equatable {
  /// Delivery mode encodings (SDM 3A, figure 11-12).
  public enum DeliveryMode: UInt8, Sendable {
    case fixed = 0
    case lowestPriority = 1
    case smi = 2
    case reserved = 3
    case nmi = 4
    case initialize = 5
    case startUp = 6
    case externalInterrupt = 7
  }

  /// 8-bit MDA, or 32-bit destination when an x2APIC sends.
  public var destination: UInt32
  /// Logical (LDR) instead of physical (APIC ID) destination.
  public var logical: Bool
  /// The destination field was all ones.
  public var broadcast: Bool
  public var mode: DeliveryMode
  public var vector: UInt8
  public var levelTriggered: Bool
  /// Redirection hint: one processor of the destination set takes a fixed interrupt.
  public var redirectable: Bool

  public init(
    destination: UInt32, logical: Bool = false, broadcast: Bool = false, mode: DeliveryMode, vector: UInt8,
    levelTriggered: Bool = false, redirectable: Bool = false
  ) {
    self.destination = destination
    self.logical = logical
    self.broadcast = broadcast
    self.mode = mode
    self.vector = vector
    self.levelTriggered = levelTriggered
    self.redirectable = redirectable
  }

  /// Decodes a message-signalled interrupt (SDM 3A, 11.11); nil when `address` is outside FEExxxxxh,
  /// or for the deassertion of a level, which a local APIC does not see.
  public init?(address: UInt64, data: UInt32) {
    guard address >> 20 == 0xfee else { return nil }
    let level = data & 0x8000 != 0
    if level && data & 0x4000 == 0 { return nil }
    let destination = UInt32(truncatingIfNeeded: address >> 12) & 0xff
    self.init(
      destination: destination, logical: address & 4 != 0, broadcast: destination == 0xff,
      mode: DeliveryMode(rawValue: UInt8(truncatingIfNeeded: data >> 8) & 7) ?? .reserved,
      vector: UInt8(truncatingIfNeeded: data), levelTriggered: level,
      redirectable: address & 0xc == 0xc)
  }
}
