import Base
import DeviceKit

/// NVM Express controller, 80EE:4E56, with one namespace on block backend 0.
///
/// - Offered: sixteen pairs of I/O queues of up to 1024 entries, MSI-X with a vector a queue, volatile write cache, DATASET
///   MANAGEMENT, WRITE ZEROES, shutdown. Output: "inta" while MSI-X is off.
/// - A command is taken from its queue only when there is room for its end in the completion queue.
/// - A disabled controller stays ready, and a deleted queue is not gone, until the backend has nothing of it any more,
///   because requests go straight to guest memory.
/// - Spec: NVM Express 1.4.
/// - Not modelled: SGLs, namespace management, fused commands, doorbell buffers, firmware updates, events (requests for
///   them are kept and never end).
public struct NVMe: PCIDevice {
  struct Feature: SavedState {
    var value: UInt32 = 0
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) { try visit.field("value", &value) }
  }
  /// All of the controller that survives a snapshot.
  public struct State: SavedState {
    var config = NVMe.initialConfig
    var messages = MSIXTable(count: NVMe.maximumQueues + 1)
    var configuration: UInt32 = 0
    var isReady = false
    var hasFailed = false
    /// CSTS.SHST: 0 normal, 1 under way, 2 complete.
    var shutdown: UInt8 = 0
    var interruptMask: UInt32 = 0
    var adminSizes: UInt32 = 0
    var adminSubmission: UInt64 = 0
    var adminCompletion: UInt64 = 0
    var submissions = Array(repeating: NVMeSubmissionQueue(), count: NVMe.maximumQueues + 1)
    var completions = Array(repeating: NVMeCompletionQueue(), count: NVMe.maximumQueues + 1)
    /// By feature identifier.
    var features = Array(repeating: Feature(), count: NVMe.featureCount)
    /// Asynchronous event requests that were made.
    var eventRequests: UInt8 = 0
    /// Submission queues (bit n) that go on when the timer fires.
    var unfinished: UInt32 = 0

    public init() { features[NVMe.writeCacheFeature].value = 1 }
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.nested("messages", &messages)
      try visit.field("configuration", &configuration)
      try visit.field("isReady", &isReady)
      try visit.field("hasFailed", &hasFailed)
      try visit.field("shutdown", &shutdown, in: 0...2)
      try visit.field("interruptMask", &interruptMask)
      try visit.field("adminSizes", &adminSizes)
      try visit.field("adminSubmission", &adminSubmission)
      try visit.field("adminCompletion", &adminCompletion)
      try visit.fixedList("submissions", &submissions)
      try visit.fixedList("completions", &completions)
      try visit.fixedList("features", &features)
      try visit.field("eventRequests", &eventRequests, in: 0...NVMe.eventRequestLimit)
      try visit.field("unfinished", &unfinished)
    }
  }
  /// What is known of a command that the backend carries out.
  struct Pending: Sendable {
    var queue: Int
    var identifier: UInt16
    var isRead: Bool
    /// The flush of a shutdown, which is nobody's command.
    var isShutdown = false
    /// Commands from before the controller was disabled belong to nobody any more.
    var run: Int
  }

  /// I/O queues of either kind.
  static let maximumQueues = 16
  /// Entries of a queue.
  static let maximumEntries: UInt32 = 1024
  /// Bytes of a transfer: 2^9 pages.
  static let transferExponent: UInt8 = 9, transferLimit = 2 << 20
  static let featureCount = 12, writeCacheFeature = 6
  static let eventRequestLimit: UInt8 = 4
  /// Requests that the backend has at a time.
  private static let pendingLimit = 1024
  /// Commands taken in one entry.
  private static let budgetLimit = 128
  private static let pauseNanoseconds: Int64 = 10_000
  private static let registersSize: UInt64 = 0x4000, doorbells = 0x1000, messageTable = 0x2000, pendingBits = 0x3000
  private static let messageCapability = 0x40

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x80ee, device: 0x4e56, classCode: 0x010802, revision: 1, subsystem: PCIConfigSpace.platform,
      interruptPin: 1)
    config.defineBAR(0, size: registersSize, kind: .memory64(prefetchable: false))
    config.bytes[0x06] = 0x10  // capability list
    config.bytes[0x34] = UInt8(messageCapability)
    MSIXTable.define(
      &config, at: messageCapability, vectors: maximumQueues + 1, bar: 0, table: messageTable, pendingBits: pendingBits)
    return config
  }()

  public let descriptor: DeviceDescriptor
  public let barRegions: [(bar: Int, region: Int)] = [(0, 0)]
  let medium: MediumInfo
  var stored = State()
  public var config: PCIConfigSpace {
    get { stored.config }
    set { stored.config = newValue }
  }
  public var state: State {
    get { stored }
    set { stored = newValue }
  }
  // Not saved: nothing is saved with requests.
  var jobs = BlockJobs<Pending>()
  var run = 0
  /// Commands under way, by submission queue.
  var flying = Array(repeating: 0, count: NVMe.maximumQueues + 1)
  /// Commands that delete a submission queue whose own commands are under way.
  var deletions: [Int: UInt16] = [:]
  private var isDisabling = false
  // Only meaningful inside a call.
  private var budget = 0
  private var signals: UInt32 = 0

  /// `medium.serial` tells the controller from others of the machine.
  public init(_ medium: MediumInfo, name: String = "nvme") {
    self.medium = medium
    descriptor = DeviceDescriptor(
      name: name, regions: [Region(.memory, base: nil, size: NVMe.registersSize, "NVMe registers")],
      outputs: ["inta"], timers: ["go on"])
  }

  public mutating func reset(_ host: some DeviceServices) {
    stored = State()
    forget()
    mapBARs(host)
    host.disarm(0)
    updatePin(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    forget()
    mapBARs(host)
    stored.messages.copyControl(config, at: NVMe.messageCapability)
    updatePin(host)
    if stored.shutdown == 1 { startShutdown(host) }
    if stored.unfinished != 0 { pause(host) }
  }
  private mutating func forget() {
    jobs.removeAll()
    run += 1
    flying = Array(repeating: 0, count: NVMe.maximumQueues + 1)
    deletions = [:]
    isDisabling = false
  }

  // MARK: Registers (NVMe 1.4, 3.1)

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.region == 0, [1, 2, 4, 8].contains(access.width), access.offset < NVMe.registersSize else {
      return .max
    }
    let offset = Int(access.offset)
    if offset >= NVMe.messageTable {
      return stored.messages.read(
        offset - NVMe.messageTable, width: access.width, pendingBits: NVMe.pendingBits - NVMe.messageTable)
    }
    let aligned = offset & ~3
    var value = UInt64(register(aligned))
    if offset + access.width > aligned + 4 { value |= UInt64(register(aligned + 4)) << 32 }
    return value >> UInt64((offset & 3) * 8)
  }
  private func register(_ offset: Int) -> UInt32 {
    switch offset {
    // Queues in one piece, 10 s until ready, doorbells next to each other.
    case 0x00: NVMe.maximumEntries - 1 | 1 << 16 | 20 << 24
    case 0x04: 1 << 5  // NVM command set; pages of 4 KiB
    case 0x08: 0x0001_0400
    case 0x0c, 0x10: stored.interruptMask
    case 0x14: stored.configuration
    case 0x1c:
      UInt32(stored.shutdown) << 2 | (stored.isReady ? 1 : 0) | (stored.hasFailed ? 2 : 0)
    case 0x24: stored.adminSizes
    case 0x28: UInt32(truncatingIfNeeded: stored.adminSubmission)
    case 0x2c: UInt32(truncatingIfNeeded: stored.adminSubmission >> 32)
    case 0x30: UInt32(truncatingIfNeeded: stored.adminCompletion)
    case 0x34: UInt32(truncatingIfNeeded: stored.adminCompletion >> 32)
    default: 0
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    // Registers are written whole.
    guard access.region == 0, access.offset < NVMe.registersSize, access.offset & 3 == 0 else { return }
    guard access.width == 4 || access.width == 8 else { return }
    begin()
    writeRegister(Int(access.offset), UInt32(truncatingIfNeeded: value), host)
    if access.width == 8 { writeRegister(Int(access.offset) + 4, UInt32(truncatingIfNeeded: value >> 32), host) }
    end(host)
  }
  private mutating func writeRegister(_ offset: Int, _ value: UInt32, _ host: some DeviceServices) {
    func low(_ old: UInt64) -> UInt64 { old & ~0xffff_ffff | UInt64(value & ~0xfff) }
    func high(_ old: UInt64) -> UInt64 { old & 0xffff_ffff | UInt64(value) << 32 }
    switch offset {
    case NVMe.messageTable...: stored.messages.write(offset - NVMe.messageTable, value, host)
    case NVMe.doorbells...: ring((offset - NVMe.doorbells) / 4, value, host)
    case 0x0c: stored.interruptMask |= value
    case 0x10: stored.interruptMask &= ~value
    case 0x14: configure(value, host)
    case 0x24: stored.adminSizes = value & 0x0fff_0fff
    case 0x28: stored.adminSubmission = low(stored.adminSubmission)
    case 0x2c: stored.adminSubmission = high(stored.adminSubmission)
    case 0x30: stored.adminCompletion = low(stored.adminCompletion)
    case 0x34: stored.adminCompletion = high(stored.adminCompletion)
    default: break
    }
  }
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {
    stored.messages.configure(config, at: NVMe.messageCapability, host)
    updatePin(host)
  }

  // MARK: Enable, disable, shutdown (NVMe 1.4, 7.6)

  private mutating func configure(_ value: UInt32, _ host: some DeviceServices) {
    let before = stored.configuration
    stored.configuration = value & 0x00ff_fff1
    if value & 1 != 0, before & 1 == 0, !isDisabling { enable(host) }
    if value & 1 == 0, before & 1 != 0 {
      run += 1
      isDisabling = true
      finishDisabling(host)
    }
    if value & 0xc000 != 0, before & 0xc000 == 0, stored.shutdown == 0 { startShutdown(host) }
  }
  private mutating func enable(_ host: some DeviceServices) {
    let (submission, completion) = (stored.adminSizes & 0xfff, stored.adminSizes >> 16)
    // NVM command set, pages of 4 KiB, round robin; two entries at least.
    guard stored.configuration & 0x3ff0 == 0, (1..<NVMe.maximumEntries).contains(submission),
      (1..<NVMe.maximumEntries).contains(completion)
    else {
      host.log(.guestError, "NVMe: cannot be enabled as configured")
      stored.hasFailed = true
      return
    }
    stored.submissions[0] = NVMeSubmissionQueue(
      base: stored.adminSubmission, size: submission + 1, completionQueue: 0)
    stored.completions[0] = NVMeCompletionQueue(
      base: stored.adminCompletion, size: completion + 1, raisesInterrupts: true, vector: 0)
    stored.isReady = true
  }
  private mutating func finishDisabling(_ host: some DeviceServices) {
    guard isDisabling, jobs.count == 0 else { return }
    isDisabling = false
    let old = stored
    stored = State()
    (stored.config, stored.messages, stored.configuration) = (old.config, old.messages, old.configuration)
    (stored.adminSizes, stored.adminSubmission, stored.adminCompletion) = (
      old.adminSizes, old.adminSubmission, old.adminCompletion
    )
    stored.messages.clearPending()
    flying = Array(repeating: 0, count: NVMe.maximumQueues + 1)
    deletions = [:]
    host.disarm(0)
    // Enabled again before it had come to rest.
    if stored.configuration & 1 != 0 { enable(host) }
  }
  private mutating func startShutdown(_ host: some DeviceServices) {
    stored.shutdown = 1
    jobs.start(BlockRequest(.flush), Pending(queue: 0, identifier: 0, isRead: false, isShutdown: true, run: run), host)
  }

  // MARK: Queues

  private var isRunning: Bool { stored.isReady && !stored.hasFailed && !isDisabling }
  private mutating func begin() { (budget, signals) = (NVMe.budgetLimit, 0) }
  /// Interrupts for all that was completed in this entry.
  private mutating func end(_ host: some DeviceServices) {
    for queue in stored.completions.indices where signals >> UInt32(queue) & 1 == 1 {
      stored.messages.signal(Int(stored.completions[queue].vector), host)
    }
    updatePin(host)
  }
  private func updatePin(_ host: some DeviceServices) {
    let isPending =
      stored.isReady && !stored.messages.isEnabled && config.bytes[5] & 4 == 0
      && stored.completions.contains {
        $0.isValid && $0.raisesInterrupts && $0.used > 0 && stored.interruptMask >> UInt32($0.vector & 31) & 1 == 0
      }
    host.setLine(0, isPending)
  }
  private func pause(_ host: some DeviceServices) {
    host.arm(0, at: host.now.adding(nanoseconds: NVMe.pauseNanoseconds))
  }

  /// A doorbell: even numbers are tails of submission queues, odd ones heads of completion queues.
  private mutating func ring(_ number: Int, _ value: UInt32, _ host: some DeviceServices) {
    let queue = number / 2
    guard isRunning, queue <= NVMe.maximumQueues else { return }
    if number & 1 == 0 {
      guard stored.submissions[queue].isValid, value < stored.submissions[queue].size else {
        host.log(.guestError, "NVMe: doorbell of submission queue \(queue): \(value)")
        return
      }
      stored.submissions[queue].tail = value
      serve(queue, host)
    } else {
      let completion = stored.completions[queue]
      let taken = value >= completion.head ? value - completion.head : value &+ completion.size &- completion.head
      guard completion.isValid, value < completion.size, taken <= completion.used else {
        host.log(.guestError, "NVMe: doorbell of completion queue \(queue): \(value)")
        return
      }
      stored.completions[queue].head = value
      for index in stored.submissions.indices where Int(stored.submissions[index].completionQueue) == queue {
        serve(index, host)
      }
    }
  }
  /// Room in a completion queue beyond the commands under way that will end there.
  private func hasRoom(_ queue: Int) -> Bool {
    var reserved = stored.completions[queue].used
    for index in stored.submissions.indices where Int(stored.submissions[index].completionQueue) == queue {
      reserved += UInt32(flying[index])
    }
    return reserved < stored.completions[queue].size - 1
  }
  /// Takes commands from a queue while there are any, and room and time for them.
  private mutating func serve(_ queue: Int, _ host: some DeviceServices) {
    while isRunning, stored.submissions[queue].isValid, !stored.submissions[queue].isEmpty, deletions[queue] == nil {
      let completion = Int(stored.submissions[queue].completionQueue)
      guard stored.completions[completion].isValid, hasRoom(completion), jobs.count < NVMe.pendingLimit else { return }
      guard budget > 0 else {
        stored.unfinished |= 1 << UInt32(queue)
        return pause(host)
      }
      budget -= 1
      let command = stored.submissions[queue].next(host)
      flying[queue] += 1
      if queue == 0 { administer(command, host) } else { perform(command, queue, host) }
    }
  }
  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    begin()
    let queues = stored.unfinished
    stored.unfinished = 0
    for queue in stored.submissions.indices where queues >> UInt32(queue) & 1 == 1 { serve(queue, host) }
    end(host)
  }

  /// A command has ended: its entry goes into the completion queue, where there is room for it.
  mutating func complete(
    _ queue: Int, _ identifier: UInt16, status: NVMeStatus = .success, result: UInt32 = 0, _ host: some DeviceServices
  ) {
    flying[queue] -= flying[queue] > 0 ? 1 : 0
    let number = Int(stored.submissions[queue].completionQueue)
    guard stored.completions[number].isValid else { return }
    stored.completions[number].post(
      result: result, submissionHead: stored.submissions[queue].head, queue: queue, command: identifier,
      status: status.field, host)
    if stored.completions[number].raisesInterrupts { signals |= 1 << UInt32(number) }
  }
  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard let (pending, status) = jobs.completed(completion, host) else { return }
    begin()
    if pending.run == run, pending.isShutdown {
      stored.shutdown = 2
    } else if pending.run == run {
      complete(pending.queue, pending.identifier, status: NVMe.status(status, isRead: pending.isRead), host)
      finishDeletion(of: pending.queue, host)
      if jobs.count == NVMe.pendingLimit - 1 {
        for queue in stored.submissions.indices { serve(queue, host) }
      }
    }
    finishDisabling(host)
    end(host)
  }
  private static func status(_ status: BlockCompletion.Status, isRead: Bool) -> NVMeStatus {
    switch status {
    case .done: .success
    case .readOnly: .writeProtected
    case .outOfRange: .outOfRange
    case .ioError, .noMedium: isRead ? .readError : .writeFault
    }
  }

  public func info() -> String {
    let queues = stored.submissions.enumerated().filter { $0.element.isValid }.map { index, queue in
      "submission queue \(index): size \(queue.size), head \(queue.head), tail \(queue.tail), \(flying[index]) under way"
    }
    let first = "\(medium.sectors) sectors, ready \(stored.isReady), failed \(stored.hasFailed)"
    return ([first] + queues).joined(separator: "\n")
  }
}
