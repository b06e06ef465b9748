import Base
import DeviceKit
import HostSystem

/// Guest RAM as block workers reach it. A machine gives its memory this face.
public protocol GuestBuffer: AnyObject, Sendable {
  /// A copy of guest bytes; outside RAM all-ones.
  func copyIn(_ address: GuestPhysical, count: Int) -> [UInt8]
  /// Stores bytes; outside RAM they are dropped.
  func copyOut(_ address: GuestPhysical, _ bytes: [UInt8])
  /// The memory of a segment that is plain RAM (for transfers without a copy); nil to have it copied.
  func directBuffer(_ segment: GuestSegment) -> HostBuffer?
  /// The bytes of a direct buffer were changed.
  func didWrite(_ segment: GuestSegment)
}

extension GuestBuffer {
  public func directBuffer(_ segment: GuestSegment) -> HostBuffer? { nil }
  public func didWrite(_ segment: GuestSegment) {}
}
