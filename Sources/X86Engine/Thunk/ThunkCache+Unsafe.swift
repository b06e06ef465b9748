import Base
import CHost
import GuestMemory
import X86ISA

/// Native thunks of one vCPU: code in a memfd mapped twice (writable here, executable there), never both at once.
// SAFETY(type): the mappings and the scratch buffers are made by init and freed once, by `Vcpu`'s deinit; code is only
// written where `used` says there is room, and entries point at code that was written whole.
@safe struct ThunkCache {
  static let capacity = 256 * 1024
  /// Room for the largest memory operand of a thunk (an x87 state image), cache-line aligned.
  static let scratchBytes = 128

  // SAFETY: the mappings and the scratch buffer are owned by the cache and freed in `deallocate`.
  private let write: UnsafeMutableRawPointer
  private let execute: UnsafeMutableRawPointer
  let scratch: UnsafeMutableRawPointer
  /// The same for operands whose pages may not all be accessible.
  let guarded: GuardedScratch
  private var used = 0
  /// Counts the times all thunks were forgotten: numbers of an older generation mean nothing.
  private(set) var generation: UInt32 = 0
  private var shapes: [ThunkShape] = []
  private var entries: [UnsafeRawPointer] = unsafe []
  private var known: [[UInt8]: UInt32] = [:]
  private let builder = ThunkBuilder(offsets: ThunkOffsets(), wideVectors: HostProcessor.current.has(.avx512bw))

  init() {
    var w: UnsafeMutableRawPointer?
    var x: UnsafeMutableRawPointer?
    guard unsafe rb_code_memory(ThunkCache.capacity, &w, &x), let w = unsafe w, let x = unsafe x else {
      fatalError("no memory for native thunks: the host refused to map executable memory")
    }
    unsafe write = w
    unsafe execute = x
    var window: UnsafeMutableRawPointer?
    var alias: UnsafeMutableRawPointer?
    guard unsafe rb_guarded_memory(&window, &alias), let window = unsafe window, let alias = unsafe alias else {
      fatalError("no memory for native thunks: the host refused to map guarded pages")
    }
    unsafe guarded = GuardedScratch(window: window, alias: alias)
    unsafe scratch = .allocate(byteCount: ThunkCache.scratchBytes, alignment: 64)
    unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0, count: ThunkCache.scratchBytes)
  }
  func deallocate() {
    // SAFETY: called once by `Vcpu`'s deinit.
    unsafe rb_code_free(write, execute, ThunkCache.capacity)
    unsafe scratch.deallocate()
    guarded.unmap()
  }

  /// Number (from 1) of the thunk for an instruction; 0 when the cache is full, which `isFull` is there to prevent.
  mutating func thunk(for instruction: Instruction, bytes: [UInt8]) -> UInt32 {
    let (code, shape) = builder.build(instruction, bytes: bytes)
    // The shape belongs to the identity: one encoding may be bound with two memory sizes.
    let key =
      code + [
        UInt8(truncatingIfNeeded: shape.memoryBytes), shape.reads ? 1 : 0, shape.writes ? 1 : 0,
        UInt8(instruction.row & 0xff), UInt8(instruction.row >> 8),
      ]
    if let found = known[key] { return found }
    guard used + code.count <= ThunkCache.capacity else { return 0 }
    // SAFETY: bounds just checked.
    unsafe (write + used).copyMemory(from: code, byteCount: code.count)
    unsafe entries.append(UnsafeRawPointer(execute + used))
    used += code.count
    shapes.append(shape)
    let number = UInt32(shapes.count)
    known[key] = number
    return number
  }

  /// Fewer bytes left than the thunks of one block may take.
  var isFull: Bool { used + BlockCache.maximumBlock * 256 > ThunkCache.capacity }
  /// Forgets every thunk; only when no decoded instruction refers to one.
  mutating func removeAll() {
    used = 0
    generation &+= 1
    shapes.removeAll(keepingCapacity: true)
    unsafe entries.removeAll(keepingCapacity: true)
    known.removeAll(keepingCapacity: true)
  }

  @inline(__always) func shape(_ number: UInt32) -> ThunkShape { shapes[Int(number) &- 1] }
  @inline(__always) func entry(_ number: UInt32) -> UnsafeRawPointer { unsafe entries[Int(number) &- 1] }
}

extension Cpu {
  /// The host address of `size` bytes of plain RAM in one page, when the translation cache knows them; nil otherwise.
  func plain(_ linear: UInt64, size: Int, write: Bool) -> UnsafeMutableRawPointer? {
    let entry = unsafe entry(linear, view: s.dataTLB)
    let offset = unsafe linear &- (write ? entry.pointee.tagWrite : entry.pointee.tagRead)
    // SAFETY: a matching tag means the page is RAM, `addend` away.
    guard offset <= UInt64(0x1000 &- size) else {
      return unsafe otherWay(linear, size: size, write: write, view: s.dataTLB)
    }
    return unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: entry.pointee.addend &+ linear))
  }

  /// Whether generated code may access these bytes by itself now.
  func isPlain(_ linear: UInt64, size: Int, write: Bool) -> Bool {
    // SAFETY: the address is only compared with nil, here and below.
    unsafe plain(linear, size: size, write: write) != nil
  }
  /// Whether reads of a physical address come from memory.
  func isMemory(_ physical: UInt64) -> Bool { unsafe backing(physical).host != nil }

  /// Stores a buffer in pieces as large as they come, so that device memory sees natural widths.
  func writeBytes(_ linear: UInt64, _ buffer: UnsafeMutableRawPointer, _ size: Int) throws(Fault) {
    var offset = 0
    while offset < size {
      let at = wrap(linear &+ UInt64(offset))
      // SAFETY: offset + piece <= size.
      if size - offset >= 8 {
        try unsafe writeLinear(at, buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
      } else if size - offset >= 4 {
        try unsafe writeLinear(at, buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        offset += 4
      } else if size - offset >= 2 {
        try unsafe writeLinear(at, buffer.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        offset += 2
      } else {
        try unsafe writeLinear(at, buffer.load(fromByteOffset: offset, as: UInt8.self))
        offset += 1
      }
    }
  }

  /// Whether the guest may use the units an instruction needs (SDM 3A, 2.5 and 13.1; SDM 2A, 2.4 exception classes).
  @inline(__always) func requireUnits(_ attributes: InstructionRow.Attributes) throws(Fault) {
    if attributes.contains(.avx) || attributes.contains(.avx512) {
      let needed: UInt64 = attributes.contains(.avx512) ? 0xe6 : 6
      guard s.mode >= CPUMode.protected.rawValue, s.cr4 & CR4.osxsave != 0, s.xcr0 & needed == needed else {
        throw .invalidOpcode
      }
      // What it may leave above AVX operands, generated code has to know.
      if attributes.contains(.avx512) { raiseVectorLevel(to: 3) }
    } else if attributes.contains(.sse) {
      guard s.cr0 & CR0.em == 0, s.cr4 & CR4.osfxsr != 0 else { throw .invalidOpcode }
    } else if attributes.contains(.mmx) {
      guard s.cr0 & CR0.em == 0 else { throw .invalidOpcode }
    } else if attributes.contains(.x87) {
      // WAIT looks at MP and TS together, the others at EM or TS.
      if attributes.contains(.thunk) ? s.cr0 & (CR0.em | CR0.ts) != 0 : s.cr0 & (CR0.mp | CR0.ts) == CR0.mp | CR0.ts {
        throw .deviceNotAvailable
      }
      return
    }
    if s.cr0 & CR0.ts != 0 { throw .deviceNotAvailable }
  }

  /// The guest exception behind the host exception that ended a thunk, page faults apart.
  func faultOfThunk(_ fault: rb_thunk_fault) -> Fault {
    switch fault.vector {
    case 16: return .x87
    case 19:
      s.mxcsr = fault.mxcsr
      return s.cr4 & CR4.osxmmexcpt != 0 ? .simd : .invalidOpcode
    case 6: return .invalidOpcode
    default: return .protection()
    }
  }

  /// Brings the x87 image in the state block up to date / hands it to the host's unit.
  func saveX87() {
    // SAFETY: a 512-byte image in the state block.
    if s.x87Live { unsafe rb_x87_save(&p.pointee.state.x87) }
  }
  func loadX87() {
    // SAFETY: as above.
    if s.x87Live { unsafe rb_x87_load(&p.pointee.state.x87) }
  }

  /// The host's x87 unit takes the guest's state, this thread the signal handlers that thunks rely on.
  func enterThread() {
    rb_thunk_install()
    rb_thunk_prepare_thread()
    // SAFETY: a 512-byte image in the state block.
    unsafe rb_x87_load(&p.pointee.state.x87)
    s.x87Live = true
    enterRecompilerThread()
  }
  func leaveThread() {
    leaveRecompilerThread()
    // SAFETY: as above.
    unsafe rb_x87_save(&p.pointee.state.x87)
    s.x87Live = false
    rb_x87_reset()
  }
}
