import Base
import Testing

private struct Cell: SavedState {
  var value: UInt16 = 0
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("value", &value, in: 0...999)
  }
}

private enum Phase: UInt8, Sendable {
  case idle = 0
  case busy = 3
}

private struct Everything: SavedState {
  var count: UInt32 = 1
  var flag = false
  var when = VirtualTime(nanoseconds: 0)
  var phase = Phase.idle
  var limit: Int64?
  var buffer: [UInt8] = []
  var cells: [Cell] = []

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("count", &count, in: 1...100)
    try visit.field("flag", &flag)
    try visit.field("when", &when)
    try visit.field("phase", &phase)
    try visit.field("limit", &limit)
    try visit.bytes("buffer", &buffer, maximum: 4)
    try visit.list("cells", &cells, maximum: 3)
  }
}

@Suite("Saved-state coding") struct StateCodingTests {
  private var sample: Everything {
    Everything(
      count: 77, flag: true, when: VirtualTime(nanoseconds: -5), phase: .busy, limit: -9, buffer: [1, 2, 3],
      cells: [Cell(value: 999), Cell(value: 1)])
  }

  @Test func aStateComesBackAsItWas() throws {
    #expect(try StateReader.decode(StateWriter.encode(sample)) == sample)
    #expect(try StateReader.decode(StateWriter.encode(Everything())) == Everything())
  }

  @Test func everyTruncationIsRefused() {
    let whole = StateWriter.encode(sample)
    for length in 0..<whole.count {
      #expect(throws: StateError.self) { try StateReader.decode(Array(whole.prefix(length)), into: Everything()) }
    }
    #expect(throws: StateError.trailingBytes(1)) { try StateReader.decode(whole + [0], into: Everything()) }
  }

  @Test func valuesOutsideTheirRangeAreRefused() {
    var wrong = sample
    wrong.count = 101
    #expect(throws: StateError.outOfRange(field: "count")) {
      try StateReader.decode(StateWriter.encode(wrong), into: Everything())
    }
    wrong = sample
    wrong.buffer = [1, 2, 3, 4, 5]
    #expect(throws: StateError.outOfRange(field: "buffer")) {
      try StateReader.decode(StateWriter.encode(wrong), into: Everything())
    }
    wrong = sample
    wrong.cells = Array(repeating: Cell(), count: 4)
    #expect(throws: StateError.outOfRange(field: "cells")) {
      try StateReader.decode(StateWriter.encode(wrong), into: Everything())
    }
    wrong = sample
    wrong.cells = [Cell(value: 1000)]
    #expect(throws: StateError.outOfRange(field: "value")) {
      try StateReader.decode(StateWriter.encode(wrong), into: Everything())
    }
  }

  @Test func changedBytesNeverTrap() {
    let whole = StateWriter.encode(sample)
    for position in whole.indices {
      for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
        var bytes = whole
        bytes[position] = value
        // Either a state within its ranges or an error; the point is to get here.
        if let state = try? StateReader.decode(bytes, into: Everything()) {
          #expect((1...100).contains(state.count) && state.buffer.count <= 4 && state.cells.count <= 3)
        }
      }
    }
  }
}

@Suite("Nearest match") struct NearestMatchTests {
  private let names = ["memory", "cpus", "kernel", "initrd", "serial"]

  @Test func aTypingMistakeFindsItsName() {
    for (typed, meant) in [("memroy", "memory"), ("cpu", "cpus"), ("KERNAL", "kernel"), ("seriall", "serial")] {
      #expect(NearestMatch.find(typed, among: names) == meant)
    }
  }
  @Test func nothingNearIsNothing() {
    for typed in ["", "x", "graphics", "memorandum-of-understanding"] {
      #expect(NearestMatch.find(typed, among: names) == nil, "\(typed)")
    }
    #expect(NearestMatch.find("memory", among: []) == nil)
  }
}
