import CHost

// Code in which much of the time goes by is translated once more, with what would not pay elsewhere: near entries, which
// must be filled before they help. Samples of the thread's processor time say which code that is: no counters in the code.
extension Cpu {
  /// Samples for each second that the vCPU runs: a thousandth of the time, and hot code is known within tens of milliseconds.
  private static let samplesPerSecond: UInt32 = 500
  /// Samples before a block counts as hot.
  private static let samplesOfHotCode: UInt8 = 2

  /// The calling thread runs this vCPU from now on.
  func startSampling() { _ = context.hotCode?.start(self, hertz: Cpu.samplesPerSecond) }
  func stopSampling() { context.hotCode?.stop() }

  /// Looks at the samples since the last look; their code is still known.
  @inline(__always) func noteHotCode() {
    if let samples = context.hotCode, !samples.isEmpty { noteHotCode(samples) }
  }
  @inline(never) private func noteHotCode(_ samples: ThreadSampler) {
    while let sample = samples.take() {
      guard let block = block(atHost: sample.host) else { continue }
      let record = blockRecord(block)
      guard record.isValid, !record.isHot, record.key.cpl == 3, record.samples < Cpu.samplesOfHotCode else { continue }
      editBlock(block) { $0.samples &+= 1 }
      if record.samples &+ 1 == Cpu.samplesOfHotCode { noteHot(block) }
    }
  }

  /// Has the block made again as hot code. When other code has all the near entries, that may be code of yesterday: after a
  /// while it all starts over.
  private func noteHot(_ block: UInt32) {
    x.code.statistics.hotBlocks &+= 1
    if !x.code.hasNearEntries {
      x.recompiler.hotBlocksRefused += 1
      guard x.recompiler.hotBlocksRefused >= Cpu.refusalsBeforeStartingOver else { return }
      x.recompiler.hotBlocksRefused = 0
      x.code.invalidateHot { key, rip in x.recompiler.forgetJump(key.view, rip) }
    }
    let record = blockRecord(block)
    guard record.isValid else { return }
    x.code.noteHot(record.physical)
    invalidate(block)
  }
  private static let refusalsBeforeStartingOver = 128

  /// The block whose host code holds an address; nil outside of blocks.
  func block(atHost address: UInt64) -> UInt32? {
    let range = x.code.executableRange
    guard range.contains(UInt(address)) else { return nil }
    let position = UInt32(UInt(address) &- range.lowerBound)
    return Int(position) >= x.code.stubEnd ? x.code.block(at: position) : nil
  }
}
