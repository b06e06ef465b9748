import Glibc
import X86ISA

/// What user code can see of a vCPU, and what generated code changes besides.
struct VisibleState {
  var registers = InlineArray<34, UInt64>(repeating: 0)
  var statusFlags: UInt64 = 0
  var systemFlags: UInt64 = 0
  var dataTLB: UInt32 = 0
  var interruptShadow: UInt8 = 0
  var gsBase: UInt64 = 0
  var kernelGSBase: UInt64 = 0
  var mxcsr: UInt32 = 0
  var vectors = InlineArray<256, UInt64>(repeating: 0)
  var opmasks = InlineArray<8, UInt64>(repeating: 0)
  var x87 = InlineArray<64, UInt64>(repeating: 0)
  var rip: UInt64 { registers[33] }
}

/// The states that a trial compares.
enum Snapshot: Int, CaseIterable {
  /// Where both engines start.
  case before
  /// What generated code has come to.
  case tried
  /// What the interpreter has come to.
  case interpreted
  /// Where the guest goes on after everything was done again.
  case real
}

/// The snapshots, in one place: they are large, and made for every few blocks.
// SAFETY(type): room for one state per case; made by the first `Cpu.keep`, freed by `deallocate`.
@safe struct Snapshots {
  fileprivate var states: UnsafeMutablePointer<VisibleState>?
  func deallocate() { unsafe states?.deallocate() }
  fileprivate mutating func state(_ snapshot: Snapshot) -> UnsafeMutablePointer<VisibleState> {
    if let states = unsafe states { return unsafe states + snapshot.rawValue }
    let fresh = UnsafeMutablePointer<VisibleState>.allocate(capacity: Snapshot.allCases.count)
    unsafe fresh.initialize(repeating: VisibleState(), count: Snapshot.allCases.count)
    unsafe states = fresh
    return unsafe fresh + snapshot.rawValue
  }
}

// SAFETY(type): the state block and the snapshots do not overlap; sizes are those of the fields copied, which have the same type
// on both sides.
extension Cpu {
  /// Keeps the present state as `snapshot`.
  func keep(_ snapshot: Snapshot) {
    saveX87()
    let state = unsafe x.snapshots.state(snapshot)
    unsafe memcpy(&state.pointee.registers, &p.pointee.state.regs, MemoryLayout.size(ofValue: state.pointee.registers))
    unsafe memcpy(&state.pointee.vectors, &p.pointee.state.vectors, MemoryLayout.size(ofValue: state.pointee.vectors))
    unsafe memcpy(&state.pointee.opmasks, &p.pointee.state.opmasks, MemoryLayout.size(ofValue: state.pointee.opmasks))
    unsafe memcpy(&state.pointee.x87, &p.pointee.state.x87, MemoryLayout.size(ofValue: state.pointee.x87))
    unsafe state.pointee.statusFlags = statusFlags
    unsafe state.pointee.systemFlags = s.systemFlags
    unsafe state.pointee.dataTLB = s.dataTLB
    unsafe state.pointee.interruptShadow = s.interruptShadow
    unsafe state.pointee.gsBase = s.segments[Seg.gs].base
    unsafe state.pointee.kernelGSBase = s.kernelGSBase
    unsafe state.pointee.mxcsr = s.mxcsr
  }

  /// Goes back to a snapshot.
  func restore(_ snapshot: Snapshot) {
    let state = unsafe x.snapshots.state(snapshot)
    unsafe memcpy(&p.pointee.state.regs, &state.pointee.registers, MemoryLayout.size(ofValue: state.pointee.registers))
    unsafe memcpy(&p.pointee.state.vectors, &state.pointee.vectors, MemoryLayout.size(ofValue: state.pointee.vectors))
    unsafe memcpy(&p.pointee.state.opmasks, &state.pointee.opmasks, MemoryLayout.size(ofValue: state.pointee.opmasks))
    unsafe memcpy(&p.pointee.state.x87, &state.pointee.x87, MemoryLayout.size(ofValue: state.pointee.x87))
    statusFlags = unsafe state.pointee.statusFlags
    s.systemFlags = unsafe state.pointee.systemFlags
    s.dataTLB = unsafe state.pointee.dataTLB
    s.interruptShadow = unsafe state.pointee.interruptShadow
    let gsBase = unsafe state.pointee.gsBase
    if s.segments[Seg.gs].base != gsBase {
      s.segments[Seg.gs].base = gsBase
      s.segments[Seg.gs].fastBase = gsBase
    }
    s.kernelGSBase = unsafe state.pointee.kernelGSBase
    s.mxcsr = unsafe state.pointee.mxcsr
    loadX87()
  }

  /// A snapshot as a value: for reports.
  func kept(_ snapshot: Snapshot) -> VisibleState { unsafe x.snapshots.state(snapshot).pointee }

  /// Whether two snapshots have the same vectors.
  func hasSameVectors(_ a: Snapshot, _ b: Snapshot) -> Bool {
    let (first, second) = unsafe (x.snapshots.state(a), x.snapshots.state(b))
    let count = unsafe MemoryLayout.size(ofValue: first.pointee.vectors)
    return unsafe memcmp(&first.pointee.vectors, &second.pointee.vectors, count) == 0
  }
  /// `body` sees two snapshots in place.
  func withKept<R>(_ a: Snapshot, _ b: Snapshot, _ body: (borrowing VisibleState, borrowing VisibleState) -> R) -> R {
    let (first, second) = unsafe (x.snapshots.state(a), x.snapshots.state(b))
    return unsafe body(first.pointee, second.pointee)
  }
}
