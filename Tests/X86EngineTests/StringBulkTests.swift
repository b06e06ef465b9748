import Base
import GuestMemory
import Testing
import X86ISA

@testable import X86Engine

/// Repeated SCAS and CMPS against a model that looks at one element at a time: in one page, across pages, with ends anywhere.
@Suite struct StringBulkTests {
  private static let left: UInt64 = 0x20_0f00
  private static let right: UInt64 = 0x20_4e81

  /// One instruction: elements of the left and of AX are 7, those of the right let it go on, but for one.
  private struct Case {
    var size: Int
    var isCompare: Bool
    var repeatsWhileEqual: Bool
    var count: Int
    /// The element that ends it; nil: none does.
    var end: Int?
  }

  @Test("where it ends, and the flags of the last element", arguments: [1, 2, 4])
  func ends(size: Int) throws {
    for isCompare in [false, true] {
      for repeatsWhileEqual in [false, true] {
        for count in [0, 1, 3, 4, 5, 31, 256, 700, 1500] {
          for end in [nil, 0, 1, 3, 4, 30, 255, 256, 257, 699, 1499] as [Int?] where (end ?? 0) < max(count, 1) {
            try check(
              Case(
                size: size, isCompare: isCompare, repeatsWhileEqual: repeatsWhileEqual, count: count,
                end: count == 0 ? nil : end))
          }
        }
      }
    }
  }

  private func check(_ test: Case) throws {
    let board = try SystemBoard(engine: .interpreter, counted: 1)
    try board.enterProtectedMode()
    let size = test.size
    fill(board, test, size)
    let cpu = board.cpu
    cpu[reg: 0] = 0x0707_0707
    cpu[reg: 1] = UInt64(test.count)
    cpu[reg: 6] = Self.left
    cpu[reg: 7] = Self.right
    let opcode: UInt8 = (test.isCompare ? 0xa6 : 0xae) | (size == 1 ? 0 : 1)
    // cmp edx, edx: ZF, which a count of nothing leaves.
    let code: [UInt8] =
      [0x39, 0xd2, test.repeatsWhileEqual ? 0xf3 : 0xf2] + (size == 2 ? [0x66] : []) + [opcode, 0xf4]
    board.memory.write(GuestPhysical(0x4000), code)
    _ = board.vcpu.runTurn(10_000, endingAt: 1_000_000)
    let done = test.end.map { $0 + 1 } ?? test.count
    let name = "\(test)"
    #expect(cpu[reg: 1] == UInt64(test.count - done), "\(name)")
    #expect(cpu[reg: 7] == Self.right + UInt64(done * size), "\(name)")
    #expect(cpu[reg: 6] == Self.left + UInt64(test.isCompare ? done * size : 0), "\(name)")
    let isLastEqual = test.count == 0 || test.repeatsWhileEqual == (test.end == nil)
    #expect((cpu.statusFlags & RFLAGS.zf != 0) == isLastEqual, "\(name)")
    #expect(cpu.rip == 0x4000 + UInt64(code.count), "\(name)")
  }

  private func fill(_ board: SystemBoard, _ test: Case, _ size: Int) {
    let bytes = (test.count + 1) * size
    let other: UInt8 = test.repeatsWhileEqual ? 7 : 9
    var right = [UInt8](repeating: other, count: bytes)
    if let end = test.end {
      for at in end * size..<(end + 1) * size { right[at] = test.repeatsWhileEqual ? 9 : 7 }
    }
    board.memory.write(GuestPhysical(Self.left), [UInt8](repeating: 7, count: bytes))
    board.memory.write(GuestPhysical(Self.right), right)
  }
}
