/// A guest-visible exception on its way to delivery (SDM 3A, chapter 6).
///
/// Trivially small, so that `throws(Fault)` costs one register test on the hot path and never allocates.
@frozen public struct Fault: Error, Equatable, Sendable {
  public var vector: UInt8
  /// The exception pushes an error code.
  public var hasErrorCode: Bool
  /// The error code; 0 without one.
  public var errorCode: UInt32

  @inlinable public init(_ vector: UInt8) {
    self.vector = vector
    hasErrorCode = false
    errorCode = 0
  }
  @inlinable public init(_ vector: UInt8, errorCode: UInt32) {
    self.vector = vector
    hasErrorCode = true
    self.errorCode = errorCode
  }

  /// #DE.
  public static let divideError = Fault(0)
  /// #DB.
  public static let debug = Fault(1)
  /// #BP.
  public static let breakpoint = Fault(3)
  /// #OF.
  public static let overflow = Fault(4)
  /// #BR.
  public static let boundRange = Fault(5)
  /// #UD.
  public static let invalidOpcode = Fault(6)
  /// #NM.
  public static let deviceNotAvailable = Fault(7)
  /// #MF.
  public static let x87 = Fault(16)
  /// #XM.
  public static let simd = Fault(19)
  /// #DF(0).
  public static func doubleFault() -> Fault { Fault(8, errorCode: 0) }
  /// #TS with a selector error code.
  public static func invalidTSS(_ code: UInt32) -> Fault { Fault(10, errorCode: code) }
  /// #NP with a selector error code.
  public static func notPresent(_ code: UInt32) -> Fault { Fault(11, errorCode: code) }
  /// #SS with an error code.
  public static func stack(_ code: UInt32 = 0) -> Fault { Fault(12, errorCode: code) }
  /// #GP with an error code.
  public static func protection(_ code: UInt32 = 0) -> Fault { Fault(13, errorCode: code) }
  /// CR2 is set by whoever throws.
  public static func page(_ code: UInt32) -> Fault { Fault(14, errorCode: code) }
  /// A data reference to a non-canonical address: #SS(0) or #GP(0), by the instruction's segment. Never delivered as it is.
  static let nonCanonical = Fault(13, errorCode: 0x8000_0000)
  /// As it may be delivered where no instruction's segment decides.
  var architectural: Fault { self == .nonCanonical ? .protection() : self }
  /// #AC(0).
  public static func alignment() -> Fault { Fault(17, errorCode: 0) }
}
