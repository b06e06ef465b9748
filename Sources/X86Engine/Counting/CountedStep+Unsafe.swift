import CHost
import X86ISA

// SAFETY(type): as in the run loop: a block and its instructions stay in place while it runs, and `at` stays inside it.
extension Cpu {
  /// The interpreter's part of a turn: a block, as far as the budget goes, or one instruction with its traps.
  func stepCounted() throws(Fault) {
    let block = try unsafe currentBlock()
    if s.systemFlags & (RFLAGS.tf | RFLAGS.rf) | s.dr[7] & 0xff | UInt64(s.interruptShadow) != 0 {
      charge()
      unsafe stepOnce(block)
    } else {
      unsafe runCounted(block)
    }
  }

  private func runCounted(_ block: UnsafeMutablePointer<Block>) {
    var at = unsafe block.pointee.first
    let end = unsafe at + min(Int(block.pointee.count), Int(g.budget))
    x.blockEnd = UInt(bitPattern: end)
    var next = rip
    repeat {
      let start = next
      unsafe next = start &+ UInt64(at.pointee.length)
      rip = next
      charge()
      if unsafe call(at) {
        if !x.faultInNewTask { s.instructionStart = start }
        unsafe deliver(fault(of: at))
        return
      }
      s.instructionCount &+= 1
      unsafe settleRepetition(start, at.pointee)
      if hasServiceableEvents { return }
      unsafe at += 1
    } while UInt(bitPattern: at) < x.blockEnd
  }
}
