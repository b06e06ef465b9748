import Base
import DeviceKit

/// A submission queue (NVMe 1.4, 4.1): the guest fills it at the tail, the controller takes from the head.
struct NVMeSubmissionQueue: SavedState {
  var isValid = false
  var base: UInt64 = 0
  /// Entries.
  var size: UInt32 = 2
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// The completion queue its commands end in.
  var completionQueue: UInt16 = 0

  static let entrySize: UInt64 = 64

  init() {}
  init(base: UInt64, size: UInt32, completionQueue: UInt16) {
    isValid = true
    (self.base, self.size, self.completionQueue) = (base, size, completionQueue)
  }
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("isValid", &isValid)
    try visit.field("base", &base)
    try visit.field("size", &size, in: 2...NVMe.maximumEntries)
    try visit.field("head", &head, in: 0...(size - 1))
    try visit.field("tail", &tail, in: 0...(size - 1))
    try visit.field("completionQueue", &completionQueue, in: 0...UInt16(NVMe.maximumQueues))
  }
  var isEmpty: Bool { head == tail }

  /// The oldest command.
  mutating func next(_ host: some DeviceServices) -> NVMeCommand {
    let address = base &+ UInt64(head) * NVMeSubmissionQueue.entrySize
    head = head + 1 == size ? 0 : head + 1
    return NVMeCommand(host.dmaRead(GuestPhysical(address), count: Int(NVMeSubmissionQueue.entrySize)))
  }
}

/// A completion queue: the controller fills it at the tail, the guest takes from the head.
struct NVMeCompletionQueue: SavedState {
  var isValid = false
  var base: UInt64 = 0
  /// Entries.
  var size: UInt32 = 2
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// What the phase tag of the next entry is.
  var phase = true
  var raisesInterrupts = false
  var vector: UInt16 = 0

  init() {}
  init(base: UInt64, size: UInt32, raisesInterrupts: Bool, vector: UInt16) {
    isValid = true
    (self.base, self.size, self.raisesInterrupts, self.vector) = (base, size, raisesInterrupts, vector)
  }
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("isValid", &isValid)
    try visit.field("base", &base)
    try visit.field("size", &size, in: 2...NVMe.maximumEntries)
    try visit.field("head", &head, in: 0...(size - 1))
    try visit.field("tail", &tail, in: 0...(size - 1))
    try visit.field("phase", &phase)
    try visit.field("raisesInterrupts", &raisesInterrupts)
    try visit.field("vector", &vector, in: 0...UInt16(NVMe.maximumQueues))
  }
  /// Entries that the guest has not taken yet.
  var used: UInt32 { tail >= head ? tail - head : tail + size - head }

  /// Adds an entry; the caller has made sure that there is room. The second half, with the phase tag, is stored last.
  mutating func post(
    result: UInt32, submissionHead: UInt32, queue: Int, command: UInt16, status: UInt16, _ host: some DeviceServices
  ) {
    let address = base &+ UInt64(tail) * 16
    var entry = [UInt8](repeating: 0, count: 16)
    entry.put(0, UInt64(result), 4)
    entry.put(8, UInt64(submissionHead), 2)
    entry.put(10, UInt64(queue), 2)
    entry.put(12, UInt64(command), 2)
    entry.put(14, UInt64(status << 1 | (phase ? 1 : 0)), 2)
    host.dmaWrite(GuestPhysical(address), Array(entry[0..<8]))
    host.dmaWrite(GuestPhysical(address &+ 8), Array(entry[8..<16]))
    tail += 1
    if tail == size {
      tail = 0
      phase.toggle()
    }
  }
}

/// A command as it stood in the submission queue (NVMe 1.4, 4.2).
struct NVMeCommand: Sendable {
  var opcode: UInt8
  var flags: UInt8
  var identifier: UInt16
  var namespace: UInt32
  /// PRP entries 1 and 2.
  var regions: (UInt64, UInt64)
  /// Command dwords 10 to 15.
  private var words: (UInt32, UInt32, UInt32, UInt32)

  init(_ bytes: [UInt8]) {
    opcode = UInt8(bytes.little(0, 1))
    flags = UInt8(bytes.little(1, 1))
    identifier = UInt16(bytes.little(2, 2))
    namespace = UInt32(bytes.little(4, 4))
    regions = (bytes.little(24, 8), bytes.little(32, 8))
    words = (
      UInt32(bytes.little(40, 4)), UInt32(bytes.little(44, 4)), UInt32(bytes.little(48, 4)),
      UInt32(bytes.little(52, 4))
    )
  }
  var dword10: UInt32 { words.0 }
  var dword11: UInt32 { words.1 }
  var dword12: UInt32 { words.2 }
  /// First logical block, of commands that have one.
  var sector: UInt64 { UInt64(words.0) | UInt64(words.1) << 32 }
}

/// How a command ended: status code type in bits 10-8, status code in bits 7-0 (NVMe 1.4, 4.6.1).
struct NVMeStatus: Error, Equatable, Sendable {
  var code: UInt16
  /// A failure that trying again will not mend has bit 14 set.
  var field: UInt16 { code == 0 || code == NVMeStatus.internalError.code ? code : code | 0x4000 }

  static let success = NVMeStatus(code: 0), invalidOpcode = NVMeStatus(code: 1), invalidField = NVMeStatus(code: 2)
  static let internalError = NVMeStatus(code: 6), invalidNamespace = NVMeStatus(code: 0x0b)
  static let invalidRegion = NVMeStatus(code: 0x13), writeProtected = NVMeStatus(code: 0x20)
  static let outOfRange = NVMeStatus(code: 0x80)
  static let completionQueueInvalid = NVMeStatus(code: 0x100), invalidQueue = NVMeStatus(code: 0x101)
  static let invalidQueueSize = NVMeStatus(code: 0x102), tooManyEventRequests = NVMeStatus(code: 0x105)
  static let invalidVector = NVMeStatus(code: 0x108), invalidQueueDeletion = NVMeStatus(code: 0x10c)
  static let notSaveable = NVMeStatus(code: 0x10d)
  static let writeFault = NVMeStatus(code: 0x280), readError = NVMeStatus(code: 0x281)
}

extension NVMeCommand {
  /// Bytes of a memory page; the only size offered.
  static let pageSize: UInt64 = 4096
  /// Pages with lists that a command may have: what `NVMe.transferLimit` needs, and some.
  private static let listLimit = 8

  /// Guest memory of a transfer of `count` bytes by physical region pages (NVMe 1.4, 4.3).
  func segments(_ count: Int, _ host: some DeviceServices) throws(NVMeStatus) -> [GuestSegment] {
    let page = NVMeCommand.pageSize
    guard flags & 0xc0 == 0, regions.0 & 3 == 0 else { throw .invalidField }
    var list: [GuestSegment] = []
    var left = count
    func add(_ address: UInt64) {
      let size = min(left, Int(page - address & (page - 1)))
      left -= size
      // Neighbours become one: fewer pieces for the backend.
      if let last = list.last, last.address.value &+ UInt64(last.count) == address {
        list[list.count - 1].count += size
      } else {
        list.append(GuestSegment(address: GuestPhysical(address), count: size))
      }
    }
    add(regions.0)
    guard left > 0 else { return list }
    guard left > Int(page) else {
      guard regions.1 & (page - 1) == 0 else { throw .invalidRegion }
      add(regions.1)
      return list
    }
    guard regions.1 & 7 == 0 else { throw .invalidRegion }
    var position = regions.1
    for _ in 0..<NVMeCommand.listLimit {
      let room = Int(page - position & (page - 1)) / 8
      let needed = (left + Int(page) - 1) / Int(page)
      // The last entry of a full page leads to the next list.
      let entries = host.dmaRead(GuestPhysical(position), count: min(needed, room) * 8)
      for index in 0..<(needed > room ? room - 1 : needed) {
        let address = entries.little(index * 8, 8)
        guard address & (page - 1) == 0 else { throw .invalidRegion }
        add(address)
      }
      guard left > 0 else { return list }
      position = entries.little((room - 1) * 8, 8)
      guard position & (page - 1) == 0 else { throw .invalidRegion }
    }
    throw .invalidRegion
  }
}
