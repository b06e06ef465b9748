import Base
import Foundation
import GuestMemory
import Testing

@testable import X86Engine

/// Loops of hot code, which are unrolled, against the interpreter: random bodies that go through memory by steps of all kinds,
/// over the ends of pages, with ways out in the middle.
@Suite("hot loops") struct HotLoopTests {
  private static let area: UInt64 = 0x18_0000

  @Test("random loops come to what the interpreter comes to", arguments: [false, true])
  func randomLoops(isLong: Bool) throws {
    var unrolled = 0
    for seed in 0..<400 as Range<UInt64> where try Self.isUnrolledRight(isLong, seed: seed) { unrolled += 1 }
    #expect(unrolled > 200)
  }

  /// As long as RINGBOX_FUZZ_SECONDS says.
  @Test func fuzzHotLoops() throws {
    guard let seconds = ProcessInfo.processInfo.environment["RINGBOX_FUZZ_SECONDS"].flatMap(Double.init) else { return }
    let end = Date().addingTimeInterval(seconds)
    var seed = UInt64(Date().timeIntervalSince1970 * 1000) << 16
    while Date() < end {
      _ = try Self.isUnrolledRight(seed & 1 != 0, seed: seed)
      seed += 1
    }
  }

  /// Runs a loop on both engines; whether the recompiler has unrolled it.
  private static func isUnrolledRight(_ isLong: Bool, seed: UInt64) throws -> Bool {
    var maker = LoopMaker(isLong: isLong, numbers: SeededNumbers(seed: seed &* 2 &+ (isLong ? 1 : 0)))
    let code = maker.loop()
    let hot = try run(code, isLong, .recompiler, seed: seed)
    let reference = try run(code, isLong, .interpreter, seed: seed)
    defer {
      hot.group.disband()
      reference.group.disband()
    }
    let name = "\(isLong ? 64 : 32) bits, seed \(seed): " + ByteText.hex(code)
    for register in 0..<16 as Range<UInt8> {
      #expect(hot.cpu[reg: register] == reference.cpu[reg: register], "register \(register), \(name)")
    }
    #expect(hot.cpu.rip == reference.cpu.rip, "\(name)")
    #expect(hot.cpu.statusFlags & 0x8d5 == reference.cpu.statusFlags & 0x8d5, "\(name)")
    #expect(vectors(hot) == vectors(reference), "\(name)")
    let range = GuestPhysical(area - 0x4_0000)
    let isSame = hot.memory.read(range, count: 0x8_0000) == reference.memory.read(range, count: 0x8_0000)
    #expect(isSame, "memory, \(name)")
    return holdsUnrolledLoop(hot.cpu)
  }

  private static func vectors(_ board: SystemBoard) -> [UInt64] { (0..<2).map { board.cpu.s.vectors[$0] } }

  private static func holdsUnrolledLoop(_ cpu: Cpu) -> Bool {
    (0..<UInt32(cpu.x.code.blockCount)).contains { index in
      let block = cpu.blockRecord(index)
      return block.instructionCount > 1
        && cpu.x.code.marks(of: block).dropFirst().dropLast().contains { $0.place.offset == 0 }
    }
  }

  private static func run(_ code: [UInt8], _ isLong: Bool, _ engine: EngineChoice, seed: UInt64) throws -> SystemBoard {
    let board = try SystemBoard(engine: engine)
    if isLong { try board.enterLongMode() } else { try board.enterProtectedMode() }
    let cpu = board.cpu
    cpu.s.cr4 |= CR4.osfxsr
    cpu.refreshMode()
    cpu.x.recompiler.treatsAllAsHot = true
    var numbers = SeededNumbers(seed: seed)
    board.memory.write(GuestPhysical(0x4000), code)
    board.memory.write(
      GuestPhysical(area - 0x4000), (0..<0x8000).map { _ in UInt8(truncatingIfNeeded: numbers.next()) })
    for register in 0..<8 as Range<UInt8> where register != 4 { cpu[reg: register] = numbers.next() & 0xffff_ffff }
    for register in [3, 6, 7] as [UInt8] { cpu[reg: register] = area + numbers.next() % 0x800 &* 4 }
    cpu[reg: 1] = numbers.next() % 64
    cpu[reg: 5] = 300 + numbers.next() % 300
    cpu.rsp = area - 0x1000 + numbers.next() % 16 &* 8
    cpu.rip = 0x4000
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect((engine == .recompiler ? cpu.runRecompiled() : cpu.run()) == .idle)
    return board
  }
}

/// Makes the machine code of a loop that ends after as many rounds as EBP says, or on the way.
private struct LoopMaker {
  let isLong: Bool
  var numbers: SeededNumbers
  private var code: [UInt8] = []
  /// Places of 8-bit displacements of jumps out of the loop.
  private var exits: [Int] = []
  private var isPushed = false

  init(isLong: Bool, numbers: SeededNumbers) {
    self.isLong = isLong
    self.numbers = numbers
  }

  private mutating func pick(_ count: UInt64) -> UInt8 { UInt8(numbers.next() % count) }
  /// EBX, ESI or EDI.
  private mutating func base() -> UInt8 { [3, 6, 7][Int(pick(3))] }
  /// EAX or EDX.
  private mutating func data() -> UInt8 { [0, 2][Int(pick(2))] }
  private mutating func displacement() -> UInt8 { UInt8(bitPattern: Int8(pick(12)) * 4 - 16) }
  private var wide: [UInt8] { isLong ? [0x48] : [] }

  mutating func loop() -> [UInt8] {
    for _ in 0..<2 + pick(9) { instruction() }
    if isPushed { code.append(0x5a) }
    // dec ebp, and back: by a conditional jump, or by one without a condition behind another out of the loop.
    code += isLong ? [0xff, 0xcd] : [0x4d]
    if pick(4) == 0 {
      exit(condition: 4)
      code += [0xeb, UInt8(truncatingIfNeeded: -(code.count + 2))]
    } else {
      code += [0x75, UInt8(truncatingIfNeeded: -(code.count + 2))]
    }
    for place in exits { code[place] = UInt8(code.count - place - 1) }
    // Its flags count.
    return code + [0xf4]
  }

  private mutating func exit(condition: UInt8) {
    code += [0x70 | condition, 0]
    exits.append(code.count - 1)
  }

  private mutating func instruction() {
    switch pick(16) {
    case 0: code += [0x8b, 0x40 | data() << 3 | base(), displacement()]
    case 1: code += [0x89, 0x40 | data() << 3 | base(), displacement()]
    case 2: code += [0x01, 0x40 | data() << 3 | base(), displacement()]
    case 3: code += [0x0f, 0xb6, 0x40 | data() << 3 | base(), displacement()]
    case 4, 5:
      // [base + ecx * 4 + displacement]
      code += [pick(2) == 0 ? 0x8b : 0x89, 0x44 | data() << 3, 0x88 | base(), displacement()]
    case 6: code += wide + [0x83, (pick(2) == 0 ? 0xc0 : 0xe8) | base(), pick(17)]
    case 7: code += isLong ? [0x48, 0xff, 0xc0 | pick(2) << 3 | base()] : [0x40 | pick(2) << 3 | base()]
    case 8:
      let register = base()
      code += wide + [0x8d, 0x40 | register << 3 | register, displacement()]
    case 9: code += wide + [0x83, 0xc1, 1 + pick(2)]
    case 10: code += [[0x01, 0x11, 0x31, 0x19][Int(pick(4))], 0xc0 | data() << 3 | data()]
    case 11: code += [0xc1, 0xc0 | data(), 1 + pick(30)]
    case 12 where exits.count < 2:
      // Rarely equal.
      code += [0x3c, pick(200)]
      exit(condition: 4)
    case 13:
      // movups xmm0, [base]; paddd xmm1, xmm0; movups [base + 16], xmm1
      code += [0x0f, 0x10, 0x40 | base(), displacement(), 0x66, 0x0f, 0xfe, 0xc8]
      code += [0x0f, 0x11, 0x48 | base(), displacement()]
    case 14 where !isPushed:
      code += [0x50 | data()]
      isPushed = true
    case 15 where isPushed:
      code += [0x58 | data()]
      isPushed = false
    default: code += [0x90]
    }
  }
}
