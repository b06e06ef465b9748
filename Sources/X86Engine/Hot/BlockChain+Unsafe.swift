/// A block that is in a chain with the others of its hash bucket.
protocol ChainedBlock {
  /// Number of the next one, counted from 1; 0 ends the chain.
  var nextInBucket: UInt32 { get set }
}

extension UnsafeMutablePointer where Pointee: ChainedBlock {
  /// Takes block `number` out of the chain that begins at `head`: code that changes all the time must not leave long
  /// chains.
  // SAFETY: numbers in a chain, and `number`, are those of blocks that exist in this table, as both caches keep them.
  func unchain(_ number: UInt32, from head: UnsafeMutablePointer<UInt32>) {
    let next = unsafe self[Int(number &- 1)].nextInBucket
    if unsafe head.pointee == number {
      unsafe head.pointee = next
      return
    }
    var index = unsafe head.pointee
    while index != 0 {
      let at = unsafe self + Int(index &- 1)
      if unsafe at.pointee.nextInBucket == number {
        unsafe at.pointee.nextInBucket = next
        return
      }
      unsafe index = at.pointee.nextInBucket
    }
  }
}
