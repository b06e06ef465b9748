/// A guest-physical address: what comes out of paging and goes onto the memory bus.
///
/// Only `GuestMemory` turns one into a host pointer.
@frozen public struct GuestPhysical: Hashable, Comparable, Sendable {
  public var value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  @inlinable public static func + (a: Self, b: UInt64) -> Self { Self(a.value + b) }
  @inlinable public static func &+ (a: Self, b: UInt64) -> Self { Self(a.value &+ b) }
  /// Number of the 4 KiB page that holds the address.
  @inlinable public var page: UInt64 { value >> 12 }
  /// Byte offset inside the 4 KiB page.
  @inlinable public var pageOffset: UInt64 { value & 0xfff }
}

/// A guest-linear address: after segmentation, before paging.
@frozen public struct GuestLinear: Hashable, Comparable, Sendable {
  public var value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  @inlinable public static func &+ (a: Self, b: UInt64) -> Self { Self(a.value &+ b) }
}

/// An I/O port, 0...0xffff.
public typealias PortNumber = UInt16
