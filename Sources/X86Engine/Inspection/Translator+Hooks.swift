import X86ISA

// What instrumentation adds to a block. Without a client none of this runs.
extension Translator {
  /// Counting and calls before instruction `index`; guest registers and flags stay as they are.
  mutating func emitHooks(_ hooks: VcpuInspection, _ index: Int) {
    let startsRun = index == 0 || plans[index - 1].treatment == .jumpIf
    if startsRun, hooks.points.contains(.counts), let counter = hooks.addCounter(run(from: index)) {
      emitCount(counter)
    }
    if hooks.callsBefore(instructions[index], isFirst: index == 0) { emitHookCall(index) }
  }

  /// One more in a counter. Flag-free; the scratch registers hold nothing between instructions.
  private mutating func emitCount(_ counter: UInt64) {
    emitter.immediate(Host.address, counter)
    operand = HostOperand(base: Host.address)
    emitSlotMove(0x8b, Host.index, size: 8)
    emitter.address(Host.index, base: Host.index, 1)
    emitSlotMove(0x89, Host.index, size: 8)
  }

  /// Leaves for the client and comes back.
  private mutating func emitHookCall(_ index: Int) {
    let site = newSite(.hook, index)
    cpu.x.code.keep(instructions[index], of: site, generation: 0)
    edit(site) { $0.isWrite = index == 0 }
    emitter.immediate(Host.index, UInt64(site))
    emitter.jump(to: stubs.slow)
    edit(site) { $0.resume = UInt32(emitter.position) }
  }

  /// The instructions from `index` up to the next way out of the block.
  private func run(from index: Int) -> CountedRun {
    var end = index
    while end < instructions.count - 1 && plans[end].treatment != .jumpIf { end += 1 }
    return CountedRun(
      cpu: cpu.index, address: cpu.wrap(linear &+ UInt64(starts[index])), count: Int(ends[end] - starts[index]),
      codeSize: CodeSize(rawValue: key.codeSize) ?? .bits16, privilege: Int(key.cpl),
      operations: instructions[index...end].map(\.op))
  }
}
