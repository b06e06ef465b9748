import HostSystem
import Synchronization

/// A sparse image: blocks that are stored when they are first written, found through tables.
///
/// Data goes to the file at once; tables follow at the next flush, in stages, so that the file is sound at every moment
/// and what it refers to is there: after a power cut a block is old or new, and at worst some space is lost.
/// Space that was given up is used again only when the tables on the disk no longer refer to it.
///
/// Lock order: `flushing`, `gate`, `layout`, `unpacked`. Transfers of stored blocks go side by side (`gate` together);
/// changes of structure are alone.
final class SparseImage<Layout: BlockLayout>: DiskImage {
  let file: any ImageFile
  let parent: (any DiskImage)?
  let isReadOnly: Bool
  /// What is not stored is zeroes.
  private var holesAreZero: Bool { parent == nil && !state.withLock { $0.layout.isDifferencing } }
  private let gate = Gate()
  private let flushing = Mutex(())
  private struct State: Sendable {
    var layout: Layout
    var hasBegun = false
    /// Given up since the last flush.
    var freed: [FreedSpace] = []
  }
  private let state: Mutex<State>
  /// The block that was unpacked last.
  private let unpacked = Mutex<(PackedBlock, [UInt8])?>(nil)
  private static var pieceSectors: UInt64 { 2048 }

  init(_ layout: Layout, parent: (any DiskImage)?, readOnly: Bool) {
    file = layout.file
    self.parent = parent
    isReadOnly = readOnly || layout.whyReadOnly != nil
    state = Mutex(State(layout: layout))
  }
  deinit {
    // An image that goes away in good order loses nothing; who must know that it worked calls `flush` before.
    try? close()
  }

  var sectorCount: UInt64 { state.withLock { $0.layout.sectorCount } }

  /// Flushes, and says in the file that it is whole.
  func close() throws(DiskError) {
    guard !isReadOnly else { return }
    try flush()
    try closeGaps()
    let ended = try state.withLock { state throws(DiskError) -> Bool in
      guard state.hasBegun else { return false }
      state.hasBegun = false
      try state.layout.endWriting()
      return true
    }
    if ended { try flush() }
  }

  /// Moves stored blocks into gaps that would otherwise stay in the file.
  private func closeGaps() throws(DiskError) {
    guard state.withLock({ $0.hasBegun }) else { return }
    let moves = try state.withLock { state throws(DiskError) in try state.layout.moves() }
    guard !moves.isEmpty else { return }
    try gate.alone { () throws(DiskError) in
      for move in moves {
        let end = min(move.slot.first + move.slot.count, sectorCount)
        var slot = move.slot
        slot.isZeroed = false
        try fill(slot, slot.first..<end)
        try state.withLock { state throws(DiskError) in
          try state.layout.link(slot, slot.first..<end)
          state.freed += state.layout.takeFreed()
        }
      }
    }
    try flush()
  }

  // MARK: Reading

  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try check(sector, bytes: buffers.byteCount)
    try gate.together { () throws(DiskError) in try readRuns(sector, buffers.byteCount / 512, buffers) }
  }
  private func readRuns(_ sector: UInt64, _ count: UInt64, _ buffers: [HostBuffer]) throws(DiskError) {
    var position = sector
    while position < sector + count {
      let run = try run(at: position, limit: sector + count - position)
      let part = run.count == count ? buffers : buffers.slice(Int(position - sector) * 512, Int(run.count) * 512)
      try readRun(run, position, part)
      position += run.count
    }
  }
  private func readRun(_ run: Located, _ sector: UInt64, _ buffers: [HostBuffer]) throws(DiskError) {
    switch run.kind {
    case .stored(let offset), .shared(let offset): try file.read(at: offset, into: buffers)
    case .zero: for buffer in buffers { buffer.zero() }
    case .hole: try readParent(sector, buffers)
    case .packed(let block):
      let bytes = try unpack(block)
      var at = Int(sector - block.first) * 512
      for buffer in buffers {
        buffer.store(bytes[min(at, bytes.count)..<min(bytes.count, at + buffer.count)])
        at += buffer.count
      }
    }
  }
  /// The parent may be shorter than this disk.
  private func readParent(_ sector: UInt64, _ buffers: [HostBuffer]) throws(DiskError) {
    let available = parent.map { $0.sectorCount > sector ? $0.sectorCount - sector : 0 } ?? 0
    let bytes = Int(min(available * 512, buffers.byteCount))
    if let parent, bytes > 0 { try parent.read(sector, into: buffers.slice(0, bytes)) }
    for buffer in buffers.slice(bytes, Int(buffers.byteCount) - bytes) { buffer.zero() }
  }
  private func unpack(_ block: PackedBlock) throws(DiskError) -> [UInt8] {
    if let (last, bytes) = unpacked.withLock({ $0 }), last == block { return bytes }
    let bytes = try block.unpack(from: file)
    unpacked.withLock { $0 = (block, bytes) }
    return bytes
  }
  /// One run, joined with those that follow it in the file as well.
  private func run(at sector: UInt64, limit: UInt64) throws(DiskError) -> Located {
    try state.withLock { state throws(DiskError) in
      var run = try state.layout.locate(sector, limit: limit)
      while run.count < limit {
        let next = try state.layout.locate(sector + run.count, limit: limit - run.count)
        switch (run.kind, next.kind) {
        case (.hole, .hole), (.zero, .zero): break
        case (.stored(let a), .stored(let b)) where a + run.count * 512 == b: break
        default: return run
        }
        run.count += next.count
      }
      return run
    }
  }

  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    try check(sector, sectors: 1)
    let limit = min(max(1, limit), sectorCount - sector)
    return try gate.together { () throws(DiskError) in
      let run = try run(at: sector, limit: limit)
      switch run.kind {
      case .hole: return DiskExtent(.absent, count: run.count)
      case .zero: return DiskExtent(.zero, count: run.count)
      default: return DiskExtent(.data, count: run.count)
      }
    }
  }

  // MARK: Writing

  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    let count = buffers.byteCount / 512
    try check(sector, bytes: buffers.byteCount)
    if try gate.together({ () throws(DiskError) in try writeInPlace(sector, count, buffers) }) { return }
    try gate.alone { () throws(DiskError) in
      try begin()
      var position = sector
      while position < sector + count {
        let run = try run(at: position, limit: sector + count - position)
        let now: UInt64
        if case .stored(let offset) = run.kind {
          now = run.count
          try file.write(at: offset, from: buffers.slice(Int(position - sector) * 512, Int(now) * 512))
        } else {
          now = min(run.count, state.withLock { $0.layout.block(of: position).upperBound } - position)
          let part = buffers.slice(Int(position - sector) * 512, Int(now) * 512)
          try store(position..<(position + now), part)
        }
        position += now
      }
    }
    try relieve()
  }
  /// Writes if everything is stored already; else does nothing and says false.
  private func writeInPlace(_ sector: UInt64, _ count: UInt64, _ buffers: [HostBuffer]) throws(DiskError) -> Bool {
    guard state.withLock({ $0.hasBegun }) else { return false }
    var runs: [(offset: UInt64, start: UInt64, count: UInt64)] = []
    var position = sector
    while position < sector + count {
      let run = try run(at: position, limit: sector + count - position)
      guard case .stored(let offset) = run.kind else { return false }
      runs.append((offset, position, run.count))
      position += run.count
    }
    for run in runs {
      let part =
        runs.count == 1 ? buffers : buffers.slice(Int(run.start - sector) * 512, Int(run.count) * 512)
      try file.write(at: run.offset, from: part)
    }
    return true
  }
  private func begin() throws(DiskError) {
    try state.withLock { state throws(DiskError) in
      guard !state.hasBegun else { return }
      try state.layout.beginWriting()
      state.hasBegun = true
    }
  }
  /// Stores sectors of one block that is not stored yet, or must not be written where it is.
  private func store(_ range: Range<UInt64>, _ buffers: [HostBuffer]) throws(DiskError) {
    let slot = try allocate(range.lowerBound)
    let end = min(slot.first + slot.count, sectorCount)
    let lower = slot.first + (range.lowerBound - slot.first) / slot.granule * slot.granule
    let upper = min(end, slot.first + (range.upperBound - slot.first).roundedUp(to: slot.granule))
    do throws(DiskError) {
      try fill(slot, lower..<range.lowerBound)
      try file.write(at: slot.offset + (range.lowerBound - slot.first) * 512, from: buffers)
      try fill(slot, range.upperBound..<upper)
      try state.withLock { state throws(DiskError) in try state.layout.link(slot, lower..<upper) }
    } catch {
      state.withLock { $0.layout.abandon(slot) }
      throw error
    }
  }
  func take(_ sector: UInt64, limit: UInt64, of parent: any DiskImage) throws(DiskError) -> UInt64 {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: 1)
    let limit = min(max(1, limit), sectorCount - sector)
    // The guest writes meanwhile: whether there is nothing yet is looked at with everybody else outside.
    let taken = try gate.alone { () throws(DiskError) -> UInt64 in
      let run = try run(at: sector, limit: limit)
      guard run.kind == .hole, sector < parent.sectorCount else { return run.count }
      let block = state.withLock { $0.layout.block(of: sector) }
      let extent = try parent.extent(at: sector, limit: min(run.count, parent.sectorCount - sector))
      let range = sector..<(sector + min(extent.count, block.upperBound - sector))
      switch extent.kind {
      case .absent: return extent.count
      case .zero where parent.parent == nil: return extent.count
      case .zero: try hide(range, block)
      case .data:
        try begin()
        var bytes = try parent.read(sector, count: range.count)
        try HostBuffer.over(&bytes) { buffer throws(DiskError) in try store(range, [buffer]) }
      }
      return UInt64(range.count)
    }
    try relieve()
    return taken
  }
  /// Says zeroes where the parent's parents would show through.
  private func hide(_ range: Range<UInt64>, _ block: Range<UInt64>) throws(DiskError) {
    try begin()
    let canHide = state.withLock { !$0.layout.keepsBlocks && $0.layout.canHideParent }
    guard range != block || !canHide else {
      return try state.withLock { state throws(DiskError) in
        try state.layout.unlink(range.lowerBound, hides: true)
        state.freed += state.layout.takeFreed()
      }
    }
    var bytes = [UInt8](repeating: 0, count: range.count * 512)
    try HostBuffer.over(&bytes) { buffer throws(DiskError) in try store(range, [buffer]) }
  }
  private func allocate(_ sector: UInt64) throws(DiskError) -> Slot {
    for attempt in 0..<2 {
      if attempt > 0 { try flush() }
      if let slot = try state.withLock({ state throws(DiskError) in try state.layout.allocate(sector) }) { return slot }
    }
    throw .damaged(path: file.path, "more blocks are stored than there are")
  }
  /// Copies what the disk holds now into a slot.
  private func fill(_ slot: Slot, _ range: Range<UInt64>) throws(DiskError) {
    var position = range.lowerBound
    while position < range.upperBound {
      let run = try run(at: position, limit: min(range.upperBound - position, SparseImage.pieceSectors))
      let isZero = run.kind == .zero || (run.kind == .hole && parent == nil)
      if !isZero || !slot.isZeroed {
        var bytes = [UInt8](repeating: 0, count: Int(run.count) * 512)
        if !isZero {
          try HostBuffer.over(&bytes) { buffer throws(DiskError) in try readRun(run, position, [buffer]) }
        }
        try file.write(at: slot.offset + (position - slot.first) * 512, bytes)
      }
      position += run.count
    }
  }

  // MARK: Giving up

  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {
    try clear(sector, count, onlyWholeBlocks: true)
  }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    try clear(sector, count, onlyWholeBlocks: false)
  }
  private func clear(_ sector: UInt64, _ count: UInt64, onlyWholeBlocks: Bool) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    var rest: [Range<UInt64>] = []
    let holesAreZero = holesAreZero
    try gate.alone { () throws(DiskError) in
      try begin()
      var position = sector
      while position < sector + count {
        let run = try run(at: position, limit: sector + count - position)
        if run.kind == .zero || (run.kind == .hole && (holesAreZero || onlyWholeBlocks)) {
          position += run.count
          continue
        }
        let (block, canUnlink) = state.withLock { state in
          let layout = state.layout
          return (layout.block(of: position), !layout.keepsBlocks && (holesAreZero || layout.canHideParent))
        }
        let end = min(sector + count, block.upperBound)
        if position == block.lowerBound, end == block.upperBound, canUnlink {
          try state.withLock { state throws(DiskError) in
            try state.layout.unlink(position, hides: !holesAreZero)
            state.freed += state.layout.takeFreed()
          }
        } else if !onlyWholeBlocks {
          rest.append(position..<end)
        }
        position = end
      }
    }
    for range in rest { try storeZeroes(range.lowerBound, count: UInt64(range.count)) }
    try relieve()
  }

  // MARK: Flushing

  /// Flushes when many changes of tables wait, so that memory stays bounded.
  private func relieve() throws(DiskError) {
    if state.withLock({ $0.layout.tables.isFull || $0.freed.count > 4096 }) { try flush() }
  }

  func flush() throws(DiskError) {
    guard !isReadOnly else { return }
    try flushing.withLock { _ throws(DiskError) in try flushStages() }
  }
  private func flushStages() throws(DiskError) {
    let (changes, freed, pageSize) = state.withLock { state in
      state.freed += state.layout.takeFreed()
      defer { state.freed = [] }
      return (state.layout.tables.takeChanges(), state.freed, state.layout.tables.pageSize)
    }
    var contentIsStored = false
    do throws(DiskError) {
      try changes.write(.content, pageSize: pageSize, to: file)
      try file.synchronize()
      contentIsStored = true
      for stage in [WriteStage.index, .link] where changes.has(stage) {
        try changes.write(stage, pageSize: pageSize, to: file)
        try file.synchronize()
      }
    } catch {
      state.withLock { state in
        state.layout.tables.restore(changes, contentIsStored: contentIsStored)
        state.freed += freed
      }
      throw error
    }
    state.withLock { $0.layout.tables.finish(changes) }
    guard !freed.isEmpty else { return }
    // The tables on the disk no longer refer to this space, nor does a transfer under way.
    var spaces = freed
    for index in spaces.indices where !spaces[index].isShared {
      spaces[index].isZeroed =
        (try? file.punchHole(at: spaces[index].offset, count: spaces[index].count)) ?? false
    }
    state.withLock { $0.layout.reuse(spaces) }
  }

  // MARK: Structure

  /// Runs `body` on the tables with nothing else going on and nothing left to flush; flushes after it.
  func reshape<R: Sendable>(_ body: (inout Layout) throws(DiskError) -> R) throws(DiskError) -> R {
    if !isReadOnly { try flush() }
    let result = try gate.alone { () throws(DiskError) -> R in
      try state.withLock { state throws(DiskError) -> R in try body(&state.layout) }
    }
    if !isReadOnly { try flush() }
    return result
  }
}
