import Base
import X86Engine

/// How far a schedule has come: everything that says how it goes on.
struct SchedulePosition: SavedState {
  var seed: UInt64 = 0
  var numbers = SeededNumbers(seed: 0)
  var entropy = SeededNumbers(seed: 0)
  /// What RDRAND and RDSEED give, by processor; filled in by `ProcessorSet`.
  var processors: [Numbers] = []
  /// The processor whose turn it is, and instructions left of that.
  var current = 0
  var left: Int64 = 0
  /// Instructions executed, and nanoseconds passed over while all processors were halted.
  var executed: Int64 = 0
  var skipped: Int64 = 0
  /// Guest time of the next checkpoint.
  var checkpoint: Int64 = 0

  /// A generator as a saved state has it.
  struct Numbers: SavedState {
    var numbers = SeededNumbers(seed: 0)
    init() {}
    init(_ numbers: SeededNumbers) { self.numbers = numbers }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("position", &numbers.position)
    }
  }

  init() {}
  init(seed: UInt64) {
    self.seed = seed
    numbers = SeededNumbers(seed: seed)
    entropy = SeededNumbers(seed: ~seed)
  }

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("seed", &seed)
    try visit.field("numbers", &numbers.position)
    try visit.field("entropy", &entropy.position)
    try visit.list("processors", &processors, maximum: SchedulePosition.maximumProcessors)
    try visit.field("current", &current, in: 0...(SchedulePosition.maximumProcessors - 1))
    // What turns are made of, and sums of them: far from where they would overflow.
    try visit.field("left", &left, in: -SchedulePosition.far...SchedulePosition.far)
    try visit.field("executed", &executed, in: 0...SchedulePosition.far)
    try visit.field("skipped", &skipped, in: 0...(SchedulePosition.far * 10))
    try visit.field("checkpoint", &checkpoint, in: 0...(SchedulePosition.far * 30))
  }
  private static let maximumProcessors = 1024
  private static let far: Int64 = 1 << 56
}
