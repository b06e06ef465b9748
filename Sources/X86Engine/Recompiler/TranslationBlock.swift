/// What the meaning of guest code depends on besides its bytes: blocks are translated for one value of it.
struct ModeKey: Equatable, Hashable {
  var rawValue: UInt32

  /// `CodeSize.rawValue`.
  var codeSize: UInt8 { UInt8(rawValue & 3) }
  var cpl: UInt8 { UInt8(rawValue >> 2 & 3) }
  /// Translation cache of data accesses (`CPUState.dataTLB`).
  var view: Int { Int(rawValue >> 4 & 3) }
  /// Base 0 and limit 4 GiB - 1, readable and writable: ES and DS; SS.
  var hasFlatData: Bool { rawValue & 0x40 != 0 }
  var hasFlatStack: Bool { rawValue & 0x80 != 0 }
  /// CS with base 0 and limit 4 GiB - 1 (always in 64-bit mode).
  var hasFlatCode: Bool { rawValue & 0x100 != 0 }
  /// SS.B: the stack pointer is ESP outside 64-bit mode.
  var hasBigStack: Bool { rawValue & 0x200 != 0 }
  /// Which units the guest may use now without a fault.
  var x87: Bool { rawValue & 0x400 != 0 }
  var mmx: Bool { rawValue & 0x800 != 0 }
  var sse: Bool { rawValue & 0x1000 != 0 }
  var avx: Bool { rawValue & 0x2000 != 0 }
  var avx512: Bool { rawValue & 0x4000 != 0 }
  /// CR4.TSD is clear: any code may read the time-stamp counter.
  var allowsTimeStamp: Bool { rawValue & 0x8000 != 0 }
  /// `CPUMode.rawValue`.
  var mode: UInt8 { UInt8(rawValue >> 16 & 7) }

  /// The key of the same code with another data view.
  func with(view: UInt8) -> ModeKey { ModeKey(rawValue: rawValue & ~0x30 | UInt32(view) << 4) }
}

extension Cpu {
  /// The key of the running code.
  var modeKey: ModeKey {
    var key = UInt32(s.codeSize) | UInt32(s.cpl) << 2 | s.dataTLB << 4 | UInt32(s.mode) << 16
    if s.codeSize == 2 {
      key |= 0x3c0
    } else {
      if isFlat(Seg.ds) && isFlat(Seg.es) { key |= 0x40 }
      if isFlat(Seg.ss) { key |= 0x80 }
      if s.segments[Seg.cs].base == 0 && s.segments[Seg.cs].limit == 0xffff_ffff { key |= 0x100 }
      if s.segments[Seg.ss].isBig { key |= 0x200 }
    }
    if s.cr4 & CR4.tsd == 0 { key |= 0x8000 }
    return ModeKey(rawValue: key | unitBits)
  }

  private func isFlat(_ segment: Int) -> Bool {
    s.segments[segment].fastBase == 0 && s.segments[segment].readEnd == 1 << 32
      && s.segments[segment].writeEnd == 1 << 32
  }

  /// The conditions of `requireUnits`, one bit for each kind of unit.
  private var unitBits: UInt32 {
    guard s.cr0 & CR0.ts == 0 else { return 0 }
    guard s.cr0 & CR0.em == 0 else { return 0 }
    var bits: UInt32 = 0xc00
    if s.cr4 & CR4.osfxsr != 0 { bits |= 0x1000 }
    if s.mode >= CPUMode.protected.rawValue, s.cr4 & CR4.osxsave != 0 {
      if s.xcr0 & 6 == 6 { bits |= 0x2000 }
      if s.xcr0 & 0xe6 == 0xe6 { bits |= 0x4000 }
    }
    return bits
  }
}

/// Guest code translated to host code: one entry at the top, exits along the way.
struct TranslationBlock: ChainedBlock {
  /// RIP of its first instruction (EIP or IP outside 64-bit mode).
  var rip: UInt64
  /// Guest-physical address of its first byte.
  var physical: UInt64
  /// Base and limit of CS when they are not flat, else 0.
  var codeBase: UInt64
  var codeLimit: UInt32
  var key: ModeKey
  /// Identity of (linear page, physical page, key): see `CodeCache.token`.
  var token: UInt32
  var guestBytes: UInt16
  var instructionCount: UInt16 = 0
  /// Entries, as offsets in the code cache: for jumps in the same page with live flags in RFLAGS; for direct jumps
  /// from other pages; for indirect jumps, with live flags in `savedFlags`.
  var directEntry: UInt32 = 0
  var checkedEntry: UInt32 = 0
  var indirectEntry: UInt32 = 0
  var codeEnd: UInt32 = 0
  /// Status flags that it reads before it writes them.
  var liveIn: UInt16 = 0x8d5
  var isValid = true
  /// Times a group of accesses did not lie in one plain page.
  var groupMisses: UInt8 = 0
  /// Samples that found it, and whether it was translated as hot code (HotCode.swift).
  var samples: UInt8 = 0
  var isHot = false
  /// Since when second looks are counted: the host's time-stamp counter; 0 until there were many.
  var countsSince: UInt64 = 0
  /// Physical page that it goes on in, or ~0, and the offset of its first instruction that reaches into it.
  var secondPage: UInt64 = ~0
  var secondStart: UInt16 = 0
  var codeStart: UInt32 { indirectEntry }
  /// How many of its bytes are in the first page.
  var firstBytes: UInt16 { min(guestBytes, UInt16(0x1000 - physical & 0xfff)) }
  /// The address at a distance from its start.
  func address(_ distance: Int32) -> UInt64 {
    let address = rip &+ UInt64(bitPattern: Int64(distance))
    return key.codeSize == 2 ? address : key.codeSize == 1 ? address & 0xffff_ffff : address & 0xffff
  }
  /// First entry of its instruction marks (`InstructionMark`).
  var firstMark: UInt32 = 0
  var markCount: UInt16 = 0
  /// Linked exits that jump here: site + 1, chained by `Site.next`.
  var incoming: UInt32 = 0
  /// Chains of the hash bucket and of the buckets of its pages: block + 1.
  var nextInBucket: UInt32 = 0
  var nextInPage: UInt32 = 0
  var nextInSecondPage: UInt32 = 0
}

/// A guest instruction of a block: loops may have it several times.
struct BlockPlace {
  private var packed: UInt16
  /// Offset from the block's start, and how many instructions come before it when nothing leaves the block.
  var offset: UInt16 { packed & 0x3ff }
  var order: Int { Int(packed >> 10) }
  init(offset: UInt16 = 0, order: Int = 0) { packed = offset | UInt16(order) << 10 }
}

/// Where an instruction's host code begins.
struct InstructionMark {
  /// Offset from the block's first byte of host code.
  var host: UInt16
  var place: BlockPlace
}

/// A place where generated code leaves for Swift.
struct Site {
  enum Kind: UInt8 {
    /// A memory access missed the translation cache: fill it and retry, or interpret the instruction.
    case memory
    /// The segment's fast bounds refused the access, or it must not fault early: interpret the instruction.
    case segment
    /// An instruction that is not translated: interpret it, go on behind it.
    case interpret
    /// The same for one that ends the block: go on wherever it leads.
    case interpretLast
    /// A direct jump to `target`, to be linked.
    case direct
    /// An indirect jump to the address in `linear`, which is checked, looked up and remembered.
    case indirect
    /// The page of the code from here on is not mapped here any more.
    case entry
    /// An event is to be looked at before the guest instruction.
    case pause
    /// The guest has spun for long.
    case spin
    /// An instrumentation client wants to be called.
    case hook
    /// The turn has no instruction left for the one at `guest` (`Counting`).
    case exhausted
  }
  var kind: Kind
  /// Bytes and direction of a memory access.
  var size: UInt8 = 0
  var isWrite = false
  /// Stands for several instructions, of which the first one is at `guest`.
  var isGroup = false
  /// Data view in force there, which STAC and CLAC change inside a block.
  var view: UInt8 = 0
  /// Near entry of an access that looks there first.
  var near: UInt16 = 0
  /// The guest instruction that jumps, or that is still to be executed.
  var place = BlockPlace()
  /// Its offset from the block's start.
  var guest: UInt16 { place.offset }
  /// Status flags that are as the guest left them.
  var live: UInt16 = 0x8d5
  var block: UInt32
  /// Where to go on: at the instruction again, or behind it.
  var retry: UInt32 = 0
  /// 0 behind an instruction that ends its block.
  var resume: UInt32 = 0
  /// The decoded instruction, once it was interpreted: place in the code cache's arena + 1, and the generation of
  /// thunks that it refers to.
  var decoded: UInt32 = 0
  var decodedGeneration: UInt32 = 0
  /// Distance of a direct jump's target from the block's RIP; what an indirect transfer has added to RSP; how often a memory
  /// access may still be helped by a second look (`Stubs.makeProbe`) before its block is made again.
  var distance: Int32 = 0

  init(kind: Kind, block: UInt32) {
    self.kind = kind
    self.block = block
  }
}

// There are very many sites. Direct jumps keep other things in the same places: they are never retried or interpreted.
extension Site {
  /// Where a direct jump's displacement is (0: never to be linked), and what it holds when unlinked.
  var patch: UInt32 {
    get { retry }
    set { retry = newValue }
  }
  var unlinked: UInt32 {
    get { resume }
    set { resume = newValue }
  }
  var patience: Int32 {
    get { distance }
    set { distance = newValue }
  }
  /// Linked: target block + 1; next exit with the same target: site + 1.
  var linkedTo: UInt32 {
    get { decoded }
    set { decoded = newValue }
  }
  var next: UInt32 {
    get { decodedGeneration }
    set { decodedGeneration = newValue }
  }
}
