import Base
import GuestMemory
import X86ISA

// SAFETY(type): positions are checked against what has been emitted, and blocks and marks are read below their counts.
extension CodeCache {
  /// Emitted bytes.
  func hostBytes(_ range: Range<Int>) -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= max(used, stubEnd) else { return [] }
    // SAFETY: inside the code memory, just checked.
    return unsafe Array(UnsafeRawBufferPointer(start: write + range.lowerBound, count: range.count))
  }

  /// The blocks that count, in the order in which they were made.
  var validBlocks: [UInt32] {
    // SAFETY: below the count.
    (0..<UInt32(blockCount)).filter { unsafe block($0).pointee.isValid }
  }

  /// Interpreted instructions by `Op.rawValue`.
  var declinedTimes: [UInt64] {
    // SAFETY: a counter for each operation.
    (0..<Op.allCases.count).map { unsafe declined[$0] }
  }

  /// Where each instruction's host code begins, and where the rarely run code does.
  func marks(of block: TranslationBlock) -> [InstructionMark] {
    (0..<UInt32(block.markCount)).map { mark(block.firstMark + $0) }
  }
}

extension Vcpu {
  /// Translated blocks that touch a range of linear addresses, lowest first, at most `limit`; how many more there are.
  ///
  /// Only while the vCPU is not running.
  public func listings(in range: AddressRange, limit: Int = .max) -> (blocks: [BlockListing], more: Int) {
    // Stores to code that the vCPU has not heard of yet.
    cpu.context.group.collect(for: cpu)
    var found: [(UInt64, UInt32)] = []
    for index in cpu.x.code.validBlocks {
      let block = cpu.blockRecord(index)
      if range.overlaps(block.linear, count: UInt64(block.guestBytes)) { found.append((block.linear, index)) }
    }
    found.sort { $0 < $1 }
    let names = StateNames(cpu.x.recompiler.offsets)
    return (found.prefix(limit).map { listing($0.1, names) }, max(0, found.count - limit))
  }

  private func listing(_ index: UInt32, _ names: StateNames) -> BlockListing {
    let block = cpu.blockRecord(index)
    let code = cpu.x.code
    let guest = guestBytes(of: block)
    let size = CodeSize(rawValue: block.key.codeSize) ?? .bits16
    let marks = code.marks(of: block)
    let hostLister = Lister(.bits64) { [cpu] instruction, address in
      names.text(instruction, at: address) { cpu.nameOfCode(at: UInt($0)) }
    }
    func host(_ start: UInt32, _ end: UInt32) -> [BlockListing.Line] {
      guard start < end else { return [] }
      return hostLister.lines(code.hostBytes(Int(start)..<Int(end)), at: UInt64(code.address(start)))
    }
    let guestLister = Lister(size)
    var steps: [BlockListing.Step] = []
    for (mark, next) in zip(marks, marks.dropFirst()) {
      let offset = Int(mark.place.offset)
      let isCheck = mark.place.order == next.place.order
      let from = min(offset, guest.count), to = isCheck ? from : min(from + 15, guest.count)
      // At the address in its segment, where jumps inside it lead.
      let rip = block.rip &+ UInt64(offset)
      let text = isCheck ? "(check for what follows)" : "(not readable)"
      var line = BlockListing.Line(address: rip, bytes: [], text: text)
      if from < to, let first = guestLister.lines(Array(guest[from..<to]), at: rip).first { line = first }
      line.address = block.linear &+ UInt64(offset)
      let code = host(block.codeStart + UInt32(mark.host), block.codeStart + UInt32(next.host))
      steps.append(BlockListing.Step(guest: line, host: code))
    }
    return BlockListing(
      address: block.linear, physical: block.physical, codeSize: size, privilege: Int(block.key.cpl),
      entry: host(block.codeStart, marks.first.map { block.codeStart + UInt32($0.host) } ?? block.codeEnd),
      steps: steps,
      cold: host(marks.last.map { block.codeStart + UInt32($0.host) } ?? block.codeEnd, block.codeEnd))
  }

  /// The bytes that a block was made from: they are still there, or the block would not count any more.
  private func guestBytes(of block: TranslationBlock) -> [UInt8] {
    let count = Int(block.guestBytes)
    let here = min(count, 0x1000 - Int(block.physical & 0xfff))
    var bytes = cpu.memory.read(GuestPhysical(block.physical), count: here)
    if here < count, block.secondPage != ~0 {
      bytes += cpu.memory.read(GuestPhysical(block.secondPage), count: count - here)
    }
    return bytes
  }
}

extension TranslationBlock {
  /// Linear address of the first instruction.
  var linear: UInt64 { key.codeSize == 2 ? rip : (codeBase &+ rip) & 0xffff_ffff }
}

extension Cpu {
  /// What stands at an executable address: a stub, or a block by its guest address.
  func nameOfCode(at address: UInt) -> String? {
    let range = x.code.executableRange
    guard range.contains(address) else { return nil }
    let position = Int(address &- range.lowerBound)
    if position < x.code.stubEnd { return x.recompiler.stubs.name(at: position) }
    guard position < x.code.used, let index = x.code.block(at: UInt32(position)) else { return nil }
    let block = blockRecord(index)
    let offset = UInt32(position) &- block.indirectEntry
    let entry =
      UInt32(position) == block.directEntry ? "" : UInt32(position) == block.checkedEntry ? ",checked" : "+\(offset)"
    return "<0x\(String(block.linear, radix: 16))\(entry)>"
  }
}

extension Stubs {
  /// The name of a stub that begins at a position.
  func name(at position: Int) -> String? {
    switch position {
    case enter: "<enter>"
    case slow: "<slow>"
    case slowKeepingFlags: "<slow,flags saved>"
    case fault: "<fault>"
    case let at where probes.contains(at): "<miss>"
    default: "<stubs+\(position)>"
    }
  }
}
