import Base

/// A run of guest RAM: part of a scatter-gather list.
public struct GuestSegment: Sendable, Equatable {
  /// First byte.
  public var address: GuestPhysical
  /// Bytes.
  public var count: Int
  public init(address: GuestPhysical, count: Int) {
    self.address = address
    self.count = count
  }
}

/// What a device asks of a block backend. Sectors are 512 bytes.
public struct BlockRequest: Sendable {
  /// What is to be done; `discard` and `writeZeroes` carry no data.
  public enum Operation: Sendable, Equatable { case read, write, flush, discard, writeZeroes }
  /// Where data goes to or comes from.
  public enum Payload: Sendable, Equatable {
    /// Straight between backend and guest RAM.
    case guest([GuestSegment])
    /// A buffer of the device: the bytes to write, or, when reading, an empty array (the bytes come with the
    /// completion).
    case buffer([UInt8])
  }
  /// What is to be done.
  public var operation: Operation
  /// First sector.
  public var sector: UInt64
  /// Bytes; a multiple of 512.
  public var count: Int
  /// Where data goes to or comes from.
  public var payload: Payload
  /// Chosen by the device, returned in the completion.
  public var tag: UInt64
  public init(
    _ operation: Operation, sector: UInt64 = 0, count: Int = 0, payload: Payload = .buffer([]), tag: UInt64 = 0
  ) {
    self.operation = operation
    self.sector = sector
    self.count = count
    self.payload = payload
    self.tag = tag
  }
}

/// How a block request ended.
public struct BlockCompletion: Sendable {
  /// How it ended: `done`, or why not.
  public enum Status: Sendable, Equatable { case done, ioError, readOnly, outOfRange, noMedium }
  /// The tag of the request.
  public var tag: UInt64
  /// The drive of the request.
  public var drive: Int
  /// How it ended.
  public var status: Status
  /// Bytes read when the payload was a buffer; else empty.
  public var data: [UInt8]
  public init(tag: UInt64, drive: Int = 0, status: Status, data: [UInt8] = []) {
    self.tag = tag
    self.drive = drive
    self.status = status
    self.data = data
  }
}

/// What a device must know of the medium behind a drive (constant, or announced by the machine on a change).
public struct MediumInfo: Sendable, Equatable {
  /// Sectors of 512 bytes; 0 when there is no medium.
  public var sectors: UInt64
  /// Writes are refused.
  public var readOnly: Bool
  /// Serial number shown to the guest (at most 20 characters).
  public var serial: String
  public init(sectors: UInt64, readOnly: Bool = false, serial: String = "") {
    self.sectors = sectors
    self.readOnly = readOnly
    self.serial = serial
  }
}
