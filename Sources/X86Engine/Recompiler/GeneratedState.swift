/// What generated code keeps in the state block besides the architecture: addressed as `gs:[offset]`.
///
/// Written by generated code and by the vCPU's own thread, but for `exitRequest`, which any thread sets.
struct GeneratedState {
  /// Nonzero: leave generated code at the next poll (backward jumps, indirect jumps).
  var exitRequest: UInt32 = 0
  /// The host's vector registers and MXCSR hold the guest's.
  var vectorsLive: UInt32 = 0
  /// Status flags as LAHF and SETO AL leave them in AX.
  var savedFlags: UInt32 = 0
  /// PAUSEs until this thread gives the processor away.
  var spinsLeft: Int32 = 0
  /// Stack pointer of the thread outside generated code.
  var hostStack: UInt64 = 0
  /// Address of the state block itself: the base of GS.
  var block: UInt64 = 0
  /// Linear address of the access that took the slow path; target of an indirect jump.
  var linear: UInt64 = 0
  /// Where to go on after a stub.
  var resume: UInt64 = 0
  /// A general register's place while flags are being kept, and a second one.
  var temporary: UInt64 = 0
  var temporary2: UInt64 = 0
  /// What the routines behind a miss keep meanwhile (`Stubs.makeProbe`): RAX, RCX, RDX, the site.
  var probeRAX: UInt64 = 0
  var probeRCX: UInt64 = 0
  var probeRDX: UInt64 = 0
  var probeSite: UInt64 = 0
  /// Nonzero: a near entry holds a page; and which 64 of them, of any view.
  var nearUsed: UInt32 = 0
  var nearGroupsUsed = InlineArray<32, UInt8>(repeating: 0)
  /// Host addresses found earlier in the block (`Translator.Anchor`).
  var anchors = InlineArray<4, UInt64>(repeating: 0)
  /// Addresses of the table of sites and of the code cache's first byte.
  var sites: UInt64 = 0
  var code: UInt64 = 0
  /// C function that stubs call: `ExitHandler`.
  var handler: UInt64 = 0
  /// Routines that load and store the guest's vectors, at the width that the guest has used so far.
  var loadVectors: UInt64 = 0
  var saveVectors: UInt64 = 0
  /// Instructions that the turn still has, when they are counted (`Counting`).
  var budget: Int64 = 0
}

/// Where things are, relative to the state block: fixed offsets that generated code knows.
///
/// Behind the block, in one allocation: the translation caches, the near entries of each view, then for each view the jump
/// cache and the page tokens.
enum VcpuLayout {
  static let views = 3
  static let jumpCount = 16384
  static let jumpEntryBytes = 16
  /// Where a jump's target stands that another one of the same place has driven out: `place ^ otherJump`.
  static let otherJump = jumpCount / 2
  static let tokenCount = 2048
  static let anchorCount = 4
  /// Near entries of a view. The first is the stack's; only user code has the others, as kernels change their mappings too
  /// often.
  static let nearCount = 2048
  static let nearGroup = 64

  static let tlb = (MemoryLayout<CPUBlock>.stride + 63) & ~63
  static let nearEntries = tlb + views * EngineState.tlbCount * MemoryLayout<TLBEntry>.stride
  static let jumps = (nearEntries + views * nearCount * MemoryLayout<TLBEntry>.stride + 63) & ~63
  static let tokens = jumps + views * jumpCount * jumpEntryBytes
  static let end = tokens + views * tokenCount * 4

  private static let stateOffset = MemoryLayout<CPUBlock>.offset(of: \CPUBlock.state) ?? 0
  private static let generatedOffset = MemoryLayout<CPUBlock>.offset(of: \CPUBlock.generated) ?? 0

  static func state(_ field: PartialKeyPath<CPUState>) -> Int32 {
    Int32(stateOffset + (MemoryLayout<CPUState>.offset(of: field) ?? 0))
  }
  static func generated(_ field: PartialKeyPath<GeneratedState>) -> Int32 {
    Int32(generatedOffset + (MemoryLayout<GeneratedState>.offset(of: field) ?? 0))
  }

  /// Offset of a guest general register.
  static func register(_ number: UInt8) -> Int32 { Int32(number) * 8 }
  static let rip = register(33)

  static func segment(_ number: UInt8, _ field: PartialKeyPath<SegmentRegister>) -> Int32 {
    state(\CPUState.segments) + Int32(Int(number) * MemoryLayout<SegmentRegister>.stride)
      + Int32(MemoryLayout<SegmentRegister>.offset(of: field) ?? 0)
  }

  static func tlbField(view: Int, _ field: PartialKeyPath<TLBEntry>) -> Int32 {
    let place = tlb + view * EngineState.tlbCount * MemoryLayout<TLBEntry>.stride
    return Int32(place + (MemoryLayout<TLBEntry>.offset(of: field) ?? 0))
  }
  static func nearField(view: Int, _ field: PartialKeyPath<TLBEntry>) -> Int32 {
    let place = nearEntries + view * nearCount * MemoryLayout<TLBEntry>.stride
    return Int32(place + (MemoryLayout<TLBEntry>.offset(of: field) ?? 0))
  }
  static func jumpTable(view: Int) -> Int32 { Int32(jumps + view * jumpCount * jumpEntryBytes) }
  static func token(view: Int, linear: UInt64) -> Int32 {
    Int32(tokens + (view * tokenCount + Int(linear >> 12 & UInt64(tokenCount - 1))) * 4)
  }
}

/// The offsets that code generation needs often, looked up once. Plain data: it is copied a lot.
struct Offsets: Sendable {
  let nearUsed = VcpuLayout.generated(\.nearUsed)
  let nearGroupsUsed = VcpuLayout.generated(\.nearGroupsUsed)
  let exitRequest = VcpuLayout.generated(\.exitRequest)
  let vectorsLive = VcpuLayout.generated(\.vectorsLive)
  let savedFlags = VcpuLayout.generated(\.savedFlags)
  let spinsLeft = VcpuLayout.generated(\.spinsLeft)
  let hostStack = VcpuLayout.generated(\.hostStack)
  let block = VcpuLayout.generated(\.block)
  let linear = VcpuLayout.generated(\.linear)
  let resume = VcpuLayout.generated(\.resume)
  let temporary = VcpuLayout.generated(\.temporary)
  let temporary2 = VcpuLayout.generated(\.temporary2)
  let probeRAX = VcpuLayout.generated(\.probeRAX)
  let probeRCX = VcpuLayout.generated(\.probeRCX)
  let probeRDX = VcpuLayout.generated(\.probeRDX)
  let probeSite = VcpuLayout.generated(\.probeSite)
  let anchors = InlineArray<4, Int32> { VcpuLayout.generated(\.anchors) + Int32($0) * 8 }
  let sites = VcpuLayout.generated(\.sites)
  let code = VcpuLayout.generated(\.code)
  let handler = VcpuLayout.generated(\.handler)
  let loadVectors = VcpuLayout.generated(\.loadVectors)
  let saveVectors = VcpuLayout.generated(\.saveVectors)
  let budget = VcpuLayout.generated(\.budget)
  let systemFlags = VcpuLayout.state(\.systemFlags)
  let events = VcpuLayout.state(\.events)
  let dataTLB = VcpuLayout.state(\.dataTLB)
  let kernelGSBase = VcpuLayout.state(\.kernelGSBase)
  let gsBase = VcpuLayout.segment(UInt8(Seg.gs), \.base)
  let mxcsr = VcpuLayout.state(\.mxcsr)
  let hostMXCSR = VcpuLayout.state(\.hostMXCSR)
  let vectors = VcpuLayout.state(\.vectors)
  let opmasks = VcpuLayout.state(\.opmasks)
  let tscOffset = VcpuLayout.state(\.tscOffset)
  let tagRead = InlineArray<3, Int32> { VcpuLayout.tlbField(view: $0, \.tagRead) }
  let tagWrite = InlineArray<3, Int32> { VcpuLayout.tlbField(view: $0, \.tagWrite) }
  let addend = InlineArray<3, Int32> { VcpuLayout.tlbField(view: $0, \.addend) }
  let nearTagRead = InlineArray<3, Int32> { VcpuLayout.nearField(view: $0, \.tagRead) }
  let nearTagWrite = InlineArray<3, Int32> { VcpuLayout.nearField(view: $0, \.tagWrite) }
  let nearAddend = InlineArray<3, Int32> { VcpuLayout.nearField(view: $0, \.addend) }
  let jumps = InlineArray<3, Int32> { VcpuLayout.jumpTable(view: $0) }
  let fastBase = InlineArray<6, Int32> { VcpuLayout.segment(UInt8($0), \.fastBase) }
  let readEnd = InlineArray<6, Int32> { VcpuLayout.segment(UInt8($0), \.readEnd) }
  let writeEnd = InlineArray<6, Int32> { VcpuLayout.segment(UInt8($0), \.writeEnd) }
}
