/// A stack that is being pushed to or popped from, apart from the registers.
///
/// Multi-part operations work on a cursor and commit SS:RSP at their end, so that a fault half-way leaves the
/// registers as they were. What was stored below the old stack pointer is nobody's.
struct StackCursor {
  var segment: SegmentRegister
  var pointer: UInt64
  /// 0xffff, 0xffff_ffff or all ones: the bits of RSP that take part.
  var mask: UInt64
  /// Translation view for the accesses.
  var view: UInt32
  /// 64-bit stack: no base, no limit, canonical check.
  var is64: Bool
  /// Error code of the #SS for a limit violation.
  var errorCode: UInt32 = 0

  /// A stack for 16- or 32-bit code.
  init(segment: SegmentRegister, pointer: UInt64, view: UInt32, errorCode: UInt32 = 0) {
    self.segment = segment
    mask = segment.isBig ? 0xffff_ffff : 0xffff
    self.pointer = pointer
    self.view = view
    self.errorCode = errorCode
    is64 = false
  }
  /// A 64-bit stack.
  init(pointer: UInt64, view: UInt32, errorCode: UInt32 = 0) {
    segment = SegmentRegister()
    mask = ~0
    self.pointer = pointer
    self.view = view
    self.errorCode = errorCode
    is64 = true
  }
}

extension Cpu {
  // MARK: Single pushes and pops

  /// Pushes `size` (2, 4 or 8) bytes; RSP changes only when the store succeeded.
  func push(_ value: UInt64, size: Int) throws(Fault) {
    if s.codeSize == 2 {
      let pointer = rsp &- UInt64(truncatingIfNeeded: size)
      do throws(Fault) { try store(value, at: pointer, size: size, view: s.dataTLB) } catch {
        throw isCanonical(pointer) ? error : .stack()
      }
      rsp = pointer
      return
    }
    var cursor = currentStack()
    try push(value, size: size, on: &cursor)
    commitStack(cursor)
  }

  /// Pops `size` (2, 4 or 8) bytes, zero-extended.
  func pop(size: Int) throws(Fault) -> UInt64 {
    if s.codeSize == 2 {
      let pointer = rsp
      let value: UInt64
      do throws(Fault) { value = try load(at: pointer, size: size, view: s.dataTLB) } catch {
        throw isCanonical(pointer) ? error : .stack()
      }
      rsp = pointer &+ UInt64(truncatingIfNeeded: size)
      return value
    }
    var cursor = currentStack()
    let value = try pop(size: size, from: &cursor)
    commitStack(cursor)
    return value
  }

  /// Pushes several values in order; RSP changes only when all stores succeeded (PUSHA, ENTER).
  func push(_ values: borrowing Span<UInt64>, size: Int) throws(Fault) {
    var cursor = currentStack()
    for index in values.indices { try push(values[index], size: size, on: &cursor) }
    commitStack(cursor)
  }

  // MARK: Cursors

  /// The stack as SS:RSP stand.
  func currentStack() -> StackCursor {
    s.codeSize == 2
      ? StackCursor(pointer: rsp, view: s.dataTLB)
      : StackCursor(segment: s.segments[Seg.ss], pointer: rsp, view: s.dataTLB)
  }

  /// RSP from the cursor; 16-bit stacks keep the upper bits.
  func commitStack(_ cursor: StackCursor) {
    rsp = cursor.mask == 0xffff ? rsp & ~0xffff | cursor.pointer & 0xffff : cursor.pointer & cursor.mask
  }

  func push(_ value: UInt64, size: Int, on cursor: inout StackCursor) throws(Fault) {
    let offset = (cursor.pointer &- UInt64(truncatingIfNeeded: size)) & cursor.mask
    let linear = try stackLinear(cursor, offset, size)
    try store(value, at: linear, size: size, view: cursor.view)
    cursor.pointer = cursor.pointer & ~cursor.mask | offset
  }

  func pop(size: Int, from cursor: inout StackCursor) throws(Fault) -> UInt64 {
    let offset = cursor.pointer & cursor.mask
    let value = try load(at: stackLinear(cursor, offset, size), size: size, view: cursor.view)
    cursor.pointer = cursor.pointer & ~cursor.mask | (offset &+ UInt64(truncatingIfNeeded: size)) & cursor.mask
    return value
  }

  /// Moves the cursor over `count` bytes without touching them (RET n).
  func skip(_ count: UInt64, on cursor: inout StackCursor) {
    cursor.pointer = cursor.pointer & ~cursor.mask | (cursor.pointer &+ count) & cursor.mask
  }

  /// Linear address of a stack reference after the limit check; #SS with the cursor's error code.
  private func stackLinear(_ cursor: StackCursor, _ offset: UInt64, _ size: Int) throws(Fault) -> UInt64 {
    let last = offset &+ UInt64(truncatingIfNeeded: size &- 1)
    if cursor.is64 {
      guard isCanonical(offset), isCanonical(last) else { throw .stack(cursor.errorCode) }
      return offset
    }
    guard cursor.segment.contains(offset, last) else { throw .stack(cursor.errorCode) }
    return (cursor.segment.base &+ offset) & 0xffff_ffff
  }

  // MARK: Sized accesses

  func load(at linear: UInt64, size: Int, view: UInt32) throws(Fault) -> UInt64 {
    switch size {
    case 1: UInt64(try readLinear(UInt8.self, linear, view: view))
    case 2: UInt64(try readLinear(UInt16.self, linear, view: view))
    case 4: UInt64(try readLinear(UInt32.self, linear, view: view))
    default: try readLinear(UInt64.self, linear, view: view)
    }
  }

  func store(_ value: UInt64, at linear: UInt64, size: Int, view: UInt32) throws(Fault) {
    switch size {
    case 1: try writeLinear(linear, UInt8(truncatingIfNeeded: value), view: view)
    case 2: try writeLinear(linear, UInt16(truncatingIfNeeded: value), view: view)
    case 4: try writeLinear(linear, UInt32(truncatingIfNeeded: value), view: view)
    default: try writeLinear(linear, value, view: view)
    }
  }

  /// The view of explicit data accesses at privilege level `cpl` under the current EFLAGS.AC.
  func dataView(cpl: UInt8) -> UInt32 {
    if cpl == 3 { return 0 }
    return s.cr4 & CR4.smap != 0 && s.systemFlags & RFLAGS.ac == 0 ? 2 : 1
  }
}

extension SegmentRegister {
  /// The bytes `first`...`last` lie inside the segment; `last` < `first` when the offset wrapped.
  func contains(_ first: UInt64, _ last: UInt64) -> Bool {
    guard last >= first else { return false }
    // Data with type bit 2: expand-down, valid above the limit (SDM 3A, 5.3).
    if type & 0xc == 4, isCodeOrData { return first > UInt64(limit) && last <= (isBig ? 0xffff_ffff : 0xffff) }
    return last <= UInt64(limit)
  }
}
