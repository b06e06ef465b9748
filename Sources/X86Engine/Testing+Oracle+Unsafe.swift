import Base
import CHost
import GuestMemory
import X86ISA

// What the oracle fuzzer needs of a vCPU beyond its public face: user-mode state set directly, one instruction at a time.
extension Vcpu {
  /// The calling thread becomes the vCPU's: thunks need its signal handlers and x87 unit.
  package func attachToThread() { cpu.enterThread() }
  package func detachFromThread() { cpu.leaveThread() }
}

extension Cpu {
  /// IA-32e mode at CPL 3 with the host kernel's selectors: 64-bit code, or flat 32-bit or 16-bit code from `base`.
  package func enterUserMode(
    _ size: CodeSize, cr3: UInt64, fsBase: UInt64, gsBase: UInt64, base16: UInt64, tssBase: UInt64
  ) {
    s.cr0 = CR0.pe | CR0.mp | CR0.et | CR0.ne | CR0.wp | CR0.am | CR0.pg
    s.cr3 = cr3
    s.cr4 = CR4.pae | CR4.pge | CR4.mce | CR4.osfxsr | CR4.osxmmexcpt | CR4.umip
    if model.has(.xsave) {
      s.cr4 |= CR4.osxsave
      s.xcr0 = HostProcessor.current.xcr0 & features.xcr0 | 1
    }
    s.efer = EFER.lme | EFER.lma | EFER.nxe | EFER.sce
    s.cpl = 3
    s.systemFlags = RFLAGS.if | 2
    let is16 = size == .bits16
    let code: UInt16 = size == .bits64 ? 0x33 : size == .bits32 ? 0x23 : 0x07
    let data: UInt16 = is16 ? 0x0f : 0x2b
    let base = is16 ? base16 : 0
    let limit: UInt32 = is16 ? 0xffff : 0xffff_ffff
    let dataAttributes: UInt16 = is16 ? 0xf3 : 0xc0f3
    for number in 0..<6 {
      var segment = SegmentRegister()
      segment.base = base
      segment.limit = limit
      segment.selector = number == Seg.cs ? code : data
      segment.attributes = dataAttributes
      if number == Seg.cs { segment.attributes = size == .bits64 ? 0xa0fb : size == .bits32 ? 0xc0fb : 0x00fb }
      if number >= Seg.fs {
        segment = SegmentRegister()
        segment.base = number == Seg.fs ? fsBase : gsBase
      }
      s.segments[number] = segment
    }
    // A busy 64-bit TSS without I/O permissions.
    var task = SegmentRegister()
    task.base = tssBase
    task.limit = 0x67
    task.attributes = 0x8b
    s.segments[Seg.tr] = task
    refreshMode()
  }

  /// Everything decoded and every translation is forgotten.
  package func forgetEverything() {
    flushTLB()
    x.blocks.removeAll()
    forgetAllCode()
  }

  /// Decoded and translated code of one physical page is forgotten.
  package func forgetCode(physicalPage: UInt64) { invalidateCode(physicalPage << 12, 0x1000) }

  /// Whether the recompiler keeps status flags that nothing can read; what it has translated must be forgotten then.
  package func keepAllFlags(_ all: Bool) { x.recompiler.keepsAllFlags = all }
  /// Whether the recompiler makes of all code what it makes of hot code; the same holds here.
  package func treatAllAsHot(_ all: Bool) { x.recompiler.treatsAllAsHot = all }

  /// Runs the recompiler until the guest meets an exception or INT n, which is returned and not delivered: RIP as the
  /// handler's frame would have it.
  package func runForOracle() -> Fault {
    x.caught = nil
    x.catchesExceptions = true
    defer { x.catchesExceptions = false }
    while true {
      _ = runRecompiled()
      if let fault = x.caught { return fault }
    }
  }

  /// What fetching the instruction at RIP meets; nil when it can be fetched.
  package func fetchForOracle() -> Fault? {
    do throws(Fault) {
      _ = try unsafe currentBlock()
      return nil
    } catch {
      return error
    }
  }

  /// Executes one instruction; returns its fault (or the trap of INT n) without delivering it, with RIP on the instruction.
  ///
  /// A repeated string instruction may return with RIP still on itself: it wants to go on.
  // SAFETY: the block's instructions stay in place while one of them runs (see `BlockCache`).
  package func stepForOracle() -> Fault? {
    let start = rip
    x.caught = nil
    x.catchesExceptions = true
    defer { x.catchesExceptions = false }
    do throws(Fault) {
      let block = try unsafe currentBlock()
      x.blockEnd = 0
      s.instructionStart = start
      do {
        let at = unsafe block.pointee.first
        unsafe rip = start &+ UInt64(at.pointee.length)
        if unsafe call(at) {
          rip = start
          return unsafe fault(of: at)
        }
      }
      if x.caught != nil { clear(CPUEvent.stop) }
      return x.caught
    } catch {
      return error
    }
  }

  /// Vectors were set from outside.
  package func vectorsChanged() { noteWideVectors() }

  /// The status flags and the rest of RFLAGS.
  package func setFlagsForOracle(_ value: UInt64) { setRFLAGS(value) }

  /// Moves the x87 image between the state block and the host's unit, which holds it while attached to a thread.
  package func importX87() { loadX87() }
  package func exportX87() { saveX87() }
  /// Leaves the x87 unit in its initial state, so that nothing pending surprises other code of this thread.
  package func quietX87() { rb_x87_reset() }
}
