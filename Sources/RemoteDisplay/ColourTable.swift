/// The colours of a small part of a picture, numbered in the order in which they came, and how often each did. It is made
/// once and used for many parts: nothing is allocated for one.
struct ColourTable {
  /// Colours at most; more are only counted as one too many.
  static let limit = 256
  private static let slots = 1024

  private(set) var colours = [UInt32](repeating: 0, count: limit)
  private(set) var occurrences = [Int](repeating: 0, count: limit)
  /// How many there are; `limit` + 1 when it is more than fit.
  private(set) var count = 0
  // An open hash table. Slots are of this part when their stamp is, so that nothing has to be cleared.
  private var numbers = [UInt16](repeating: 0, count: slots)
  private var stamps = [UInt32](repeating: 0, count: slots)
  private var stamp: UInt32 = 0

  /// Forgets all.
  mutating func reset() {
    count = 0
    stamp &+= 1
    if stamp == 0 {
      stamps = [UInt32](repeating: 0, count: ColourTable.slots)
      stamp = 1
    }
  }
  /// Counts one more of a colour; false when there is no room for another.
  mutating func add(_ colour: UInt32) -> Bool {
    let slot = place(of: colour)
    if stamps[slot] == stamp {
      occurrences[Int(numbers[slot])] &+= 1
      return true
    }
    guard count < ColourTable.limit else {
      count = ColourTable.limit + 1
      return false
    }
    stamps[slot] = stamp
    numbers[slot] = UInt16(count)
    colours[count] = colour
    occurrences[count] = 1
    count += 1
    return true
  }
  /// The number of a colour that was added.
  func number(of colour: UInt32) -> Int { Int(numbers[place(of: colour)]) }

  /// Where a colour is, or would be: the table is never full.
  private func place(of colour: UInt32) -> Int {
    var slot = Int(truncatingIfNeeded: (colour &* 0x9e37_79b1) >> 22)
    while stamps[slot] == stamp, colours[Int(numbers[slot])] != colour { slot = (slot &+ 1) & (ColourTable.slots - 1) }
    return slot
  }
}
