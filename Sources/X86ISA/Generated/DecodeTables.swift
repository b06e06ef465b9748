@usableFromInline enum DecodeTables {
  static let index: [UInt32] = []
  static let candidates: [UInt16] = []
  static let rowMatch: [UInt32] = []
  static let rowForm: [UInt64] = []
  static let rowOperands: [UInt32] = []
  @usableFromInline static let rowAttributes: [UInt32] = []
  static let rowFlags: [UInt64] = []
  static let rowFeatures: [UInt16] = []
  static let rowOps: [UInt16] = []
}
