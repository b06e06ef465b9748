import Base
import DeviceKit

/// LSI Logic Fusion-MPT host adapter: 53C1030 (parallel SCSI, 1000:0030) or SAS1068 (1000:0054).
///
/// - BAR 0 (256 ports) and BAR 1 (64-bit memory) show the system interface registers, BAR 3 the diagnostic memory, which is
///   empty here. MSI; output "inta" while it is off.
/// - Requests are message frames in guest memory whose addresses are written to the request FIFO, or come word by word
///   through the doorbell. A SCSI command that ended well is told by its context alone, all else by a reply frame; replies
///   for which the guest has given no frame yet wait.
/// - Requests go straight to guest memory and cannot be called back: a reset becomes READY, and task management ends, only
///   when the backend has nothing of theirs any more.
/// - Spec: Fusion-MPT Message Passing Interface 1.5 (names of registers, messages and configuration pages).
/// - Not modelled: firmware up- and download, RAID, target mode, expanders, SMP and SATA pass-through.
public struct FusionMPT: PCIDevice {
  /// The chips there are.
  public enum Kind: Sendable, Equatable {
    /// 53C1030: sixteen targets, of which number 7 is the adapter itself.
    case parallel
    /// SAS1068: a phy for each drive.
    case serial
  }
  /// A 32-bit number in a saved list.
  struct Word: SavedState {
    var value: UInt32 = 0
    init() {}
    init(_ value: UInt32) { self.value = value }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) { try visit.field("value", &value) }
  }
  /// A reply that waits for a frame.
  struct Message: SavedState {
    var bytes: [UInt8] = []
    init() {}
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.bytes("bytes", &bytes, maximum: FusionMPT.messageLimit)
    }
  }
  /// SCSI Device Page 1 of a target, as the driver wrote it.
  struct Negotiation: SavedState {
    var requested: UInt32 = 0, configuration: UInt32 = 0
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("requested", &requested)
      try visit.field("configuration", &configuration)
    }
  }
  /// IOC states, as the doorbell shows them in bits 31-28.
  enum Phase: UInt8, Sendable { case reset = 0, ready = 1, operational = 2, fault = 4 }
  /// A message that comes or goes through the doorbell.
  struct Doorbell: SavedState {
    enum Phase: UInt8, Sendable { case idle, request, reply }
    var phase = Phase.idle
    /// Words that are still to come.
    var wanted: UInt8 = 0
    var bytes: [UInt8] = []
    /// Bytes of a reply that the driver has read.
    var position: UInt16 = 0
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("phase", &phase)
      try visit.field("wanted", &wanted)
      try visit.bytes("bytes", &bytes, maximum: FusionMPT.messageLimit)
      // A driver takes two bytes at a time.
      try visit.field("position", &position, in: 0...UInt16(FusionMPT.messageLimit + 1))
    }
  }
  /// All of the adapter that survives a snapshot.
  public struct State: SCSIAdapterState {
    var config = PCIConfigSpace()
    var phase = Phase.ready
    var faultCode: UInt16 = 0
    var doorbell = Doorbell()
    /// Bit 0 of Host Interrupt Status.
    var doorbellInterrupt = false
    var interruptMask = FusionMPT.interruptBits
    /// Keys of the write sequence that came so far.
    var keys: UInt8 = 0
    var diagnostic: UInt32 = 0
    // What IOCInit said.
    var whoInit: UInt8 = 0
    var maxDevices: UInt8 = 0
    var maxBuses: UInt8 = 0
    var replyFrameSize: UInt16 = 0
    var hostMfaHigh: UInt32 = 0
    var senseHigh: UInt32 = 0
    var reportsEvents = false
    var replyFree: [Word] = []
    var replyPost: [Word] = []
    var waiting: [Message] = []
    var negotiations = Array(repeating: Negotiation(), count: FusionMPT.parallelTargets)
    var drives: [ATADrive] = []

    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.field("phase", &phase)
      try visit.field("faultCode", &faultCode)
      try visit.nested("doorbell", &doorbell)
      try visit.field("doorbellInterrupt", &doorbellInterrupt)
      try visit.field("interruptMask", &interruptMask)
      try visit.field("keys", &keys, in: 0...4)
      try visit.field("diagnostic", &diagnostic)
      try visit.field("whoInit", &whoInit, in: 0...7)
      try visit.field("maxDevices", &maxDevices)
      try visit.field("maxBuses", &maxBuses)
      try visit.field("replyFrameSize", &replyFrameSize)
      try visit.field("hostMfaHigh", &hostMfaHigh)
      try visit.field("senseHigh", &senseHigh)
      try visit.field("reportsEvents", &reportsEvents)
      try visit.list("replyFree", &replyFree, maximum: FusionMPT.queueLimit)
      try visit.list("replyPost", &replyPost, maximum: FusionMPT.queueLimit)
      try visit.list("waiting", &waiting, maximum: FusionMPT.queueLimit)
      try visit.fixedList("negotiations", &negotiations)
      try visit.fixedList("drives", &drives)
    }
  }
  /// What is known of a SCSI command that the backend carries out.
  struct Pending: Sendable {
    var serial: UInt64
    var request: SCSIRequest
    /// Commands from before a reset belong to nobody any more.
    var run: Int
  }

  /// Targets of a parallel bus, and the number of the adapter there.
  public static let parallelTargets = 16, initiator = 7
  /// Phys of a SAS adapter, at least and at most.
  public static let minimumPhys = 8, maximumPhys = 255
  /// Entries of each FIFO; requests under way.
  static let queueLimit = 512, credits = 256
  /// Bytes of a message.
  static let messageLimit = 1024
  /// Host Interrupt Status and Mask: reply, doorbell.
  static let interruptBits: UInt32 = 9
  static let registersSize: UInt64 = 0x4000
  private static let portsSize: UInt64 = 0x100, diagnosticSize: UInt64 = 0x1_0000
  private static let messageCapability = 0x98

  /// The chip.
  public let kind: Kind
  public let descriptor: DeviceDescriptor
  public let barRegions: [(bar: Int, region: Int)] = [(0, 0), (1, 1), (3, 2)]
  private let initialConfig: PCIConfigSpace
  var stored = State()
  var targets: SCSITargets<Pending>
  public var config: PCIConfigSpace {
    get { stored.config }
    set { stored.config = newValue }
  }
  public var state: State {
    get { targets.saving(stored) }
    set { stored = targets.restoring(newValue) }
  }
  // Not saved: nothing is saved with requests.
  var run = 0
  var lastSerial: UInt64 = 0
  /// Commands under way, by serial number.
  var flying: [UInt64: SCSIRequest] = [:]
  /// Task management that waits for commands.
  var tasks: [TaskManagement] = []
  /// For messages: an edge sends one.
  private var wasPending = false

  /// Target n is backend n.
  public init(_ kind: Kind, drives: [ATADriveConfiguration], name: String? = nil) {
    self.kind = kind
    var drives = drives
    if kind == .serial {
      while drives.count < FusionMPT.minimumPhys { drives.append(.none) }
      drives = Array(drives.prefix(FusionMPT.maximumPhys))
    } else {
      while drives.count < FusionMPT.parallelTargets { drives.append(.none) }
      drives = Array(drives.prefix(FusionMPT.parallelTargets))
      drives[FusionMPT.initiator] = .none
    }
    targets = SCSITargets(drives)
    initialConfig = FusionMPT.configuration(kind)
    stored.config = initialConfig
    descriptor = DeviceDescriptor(
      name: name ?? (kind == .parallel ? "lsilogic" : "lsilogicsas"),
      regions: [
        Region(.port, base: nil, size: FusionMPT.portsSize, "Fusion-MPT ports"),
        Region(.memory, base: nil, size: FusionMPT.registersSize, "Fusion-MPT registers", accessWidth: 4),
        Region(.memory, base: nil, size: FusionMPT.diagnosticSize, "Fusion-MPT diagnostic memory", accessWidth: 4),
      ], outputs: ["inta"])
  }
  private static func configuration(_ kind: Kind) -> PCIConfigSpace {
    var config = PCIConfigSpace(
      vendor: 0x1000, device: kind == .parallel ? 0x0030 : 0x0054, classCode: 0x010000,
      revision: kind == .parallel ? 0 : 1,
      subsystem: (0x1000, kind == .parallel ? 0x1000 : 0x3000), interruptPin: 1)
    config.defineBAR(0, size: portsSize, kind: .port)
    config.defineBAR(1, size: registersSize, kind: .memory64(prefetchable: false))
    config.defineBAR(3, size: diagnosticSize, kind: .memory64(prefetchable: false))
    config.bytes[0x06] = 0x10  // capability list
    config.bytes[0x34] = UInt8(messageCapability)
    MSICapability.define(&config, at: messageCapability)
    return config
  }

  // MARK: Life

  public mutating func reset(_ host: some DeviceServices) {
    stored = State()
    stored.config = initialConfig
    targets.powerOn()
    forget()
    wasPending = false
    mapBARs(host)
    updateInterrupt(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    targets.forget()
    forget()
    // The message of what is pending was sent before.
    wasPending = isPending
    mapBARs(host)
    updateInterrupt(host)
    finishReset()
  }
  private mutating func forget() {
    run += 1
    flying = [:]
    tasks = []
  }
  /// Message Unit Reset, IO Unit Reset and the reset by the diagnostic register. FIFOs and handshake end.
  private mutating func resetUnit(isHard: Bool) {
    var fresh = State()
    fresh.config = stored.config
    (fresh.keys, fresh.diagnostic) = (stored.keys, stored.diagnostic)
    fresh.phase = .reset
    if !isHard { (fresh.interruptMask, fresh.negotiations) = (stored.interruptMask, stored.negotiations) }
    stored = fresh
    forget()
    finishReset()
  }
  private mutating func finishReset() {
    if stored.phase == .reset, targets.outstanding == 0 { stored.phase = .ready }
  }
  /// The IOC cannot go on until it is reset.
  mutating func fault(_ code: UInt16, _ reason: StaticString, _ host: some DeviceServices) {
    host.log(.guestError, "\(descriptor.name): \(reason)")
    (stored.phase, stored.faultCode) = (.fault, code)
  }

  // MARK: Registers

  private enum Register {
    static let doorbell = 0x00, writeSequence = 0x04, diagnostic = 0x08
    static let interruptStatus = 0x30, interruptMask = 0x34
    static let requestQueue = 0x40, replyQueue = 0x44, highPriorityQueue = 0x48
  }
  /// Bits of the diagnostic register.
  private enum Diagnostic {
    static let DRWE: UInt32 = 0x80, RESET_HISTORY: UInt32 = 0x20, RESET_ADAPTER: UInt32 = 0x04
    /// PREVENT_IOC_BOOT, RW_ENABLE, DISABLE_ARM, MEM_ENABLE: kept, without effect.
    static let plain: UInt32 = 0x213
  }

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.region < 2, access.offset < FusionMPT.registersSize, [1, 2, 4].contains(access.width) else {
      return access.region == 2 ? 0 : .max
    }
    // Registers with effects are read whole.
    let offset = Int(access.offset)
    guard access.width == 4, offset & 3 == 0 else {
      return UInt64(quietRegister(offset & ~3) >> UInt32((offset & 3) * 8))
    }
    switch offset {
    case Register.doorbell:
      let value = quietRegister(offset)
      if stored.doorbell.phase == .reply, Int(stored.doorbell.position) < stored.doorbell.bytes.count {
        stored.doorbell.position += 2
      }
      return UInt64(value)
    case Register.replyQueue:
      let value = quietRegister(offset)
      if !stored.replyPost.isEmpty { stored.replyPost.removeFirst() }
      updateInterrupt(host)
      return UInt64(value)
    default: return UInt64(quietRegister(offset))
    }
  }
  /// A register without the effects of reading it.
  private func quietRegister(_ offset: Int) -> UInt32 {
    switch offset {
    case Register.doorbell:
      let active: UInt32 = stored.doorbell.phase == .idle ? 0 : 1 << 27
      var data = stored.phase == .fault ? UInt32(stored.faultCode) : 0
      if stored.doorbell.phase == .reply {
        data = UInt32(stored.doorbell.bytes.little(Int(stored.doorbell.position), 2))
      }
      return UInt32(stored.phase.rawValue) << 28 | active | UInt32(stored.whoInit) << 24 | data
    case Register.diagnostic: return stored.diagnostic
    case Register.interruptStatus: return interruptStatus
    case Register.interruptMask: return stored.interruptMask
    case Register.replyQueue: return stored.replyPost.first?.value ?? .max
    default: return 0
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    // Registers are written whole.
    guard access.region < 2, access.width == 4, access.offset & 3 == 0 else { return }
    let value = UInt32(truncatingIfNeeded: value)
    switch Int(access.offset) {
    case Register.doorbell: writeDoorbell(value, host)
    case Register.writeSequence: writeKey(value)
    case Register.diagnostic: writeDiagnostic(value)
    case Register.interruptStatus: acknowledgeDoorbell()
    case Register.interruptMask: stored.interruptMask = value & FusionMPT.interruptBits
    case Register.requestQueue, Register.highPriorityQueue: takeRequest(value, host)
    case Register.replyQueue: giveReplyFrame(value, host)
    default: return
    }
    updateInterrupt(host)
  }
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) { updateInterrupt(host) }

  private mutating func writeKey(_ value: UInt32) {
    let sequence: [UInt32] = [4, 0xb, 2, 7, 0xd]
    stored.diagnostic &= ~Diagnostic.DRWE
    if value & 15 != sequence[Int(stored.keys)] {
      stored.keys = value & 15 == sequence[0] ? 1 : 0
    } else if Int(stored.keys) == sequence.count - 1 {
      stored.keys = 0
      stored.diagnostic |= Diagnostic.DRWE
    } else {
      stored.keys += 1
    }
  }
  private mutating func writeDiagnostic(_ value: UInt32) {
    guard stored.diagnostic & Diagnostic.DRWE != 0 else { return }
    if value & Diagnostic.RESET_ADAPTER != 0 {
      stored.diagnostic = Diagnostic.RESET_HISTORY
      resetUnit(isHard: true)
    } else {
      let history = stored.diagnostic & value & Diagnostic.RESET_HISTORY
      stored.diagnostic = Diagnostic.DRWE | history | value & Diagnostic.plain
    }
  }

  // MARK: Doorbell (MPI 1.5, System Doorbell)

  private mutating func writeDoorbell(_ value: UInt32, _ host: some DeviceServices) {
    if stored.doorbell.phase == .request {
      guard stored.doorbell.bytes.count + 4 <= FusionMPT.messageLimit else {
        stored.doorbell = Doorbell()
        return
      }
      stored.doorbell.bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
      stored.doorbell.wanted -= stored.doorbell.wanted > 0 ? 1 : 0
      if stored.doorbell.wanted == 0 {
        let request = stored.doorbell.bytes
        stored.doorbell = Doorbell()
        perform(request, through: .doorbell, host)
        // The driver waits for this also when the answer does not come through the doorbell.
        stored.doorbellInterrupt = true
      }
      return
    }
    switch value >> 24 {
    case 0x40: resetUnit(isHard: false)
    case 0x41:
      resetUnit(isHard: false)
      stored.negotiations = State().negotiations
      targets.drives = targets.drives.map { drive in
        var fresh = ATADrive()
        fresh.keepMedium(of: drive)
        return fresh
      }
    case 0x42:
      guard stored.phase == .ready || stored.phase == .operational else { return }
      stored.doorbell = Doorbell()
      stored.doorbell.wanted = UInt8(truncatingIfNeeded: value >> 16)
      stored.doorbell.phase = stored.doorbell.wanted > 0 ? .request : .idle
      stored.doorbellInterrupt = true
    default: break
    }
  }
  /// A write of the interrupt status: the driver is ready for the next half of a word.
  private mutating func acknowledgeDoorbell() {
    guard stored.doorbell.phase == .reply else {
      stored.doorbellInterrupt = false
      return
    }
    // It stays set for the end of the message, too.
    if Int(stored.doorbell.position) >= stored.doorbell.bytes.count { stored.doorbell = Doorbell() }
  }
  /// An answer that the driver fetches from the doorbell.
  mutating func answerThroughDoorbell(_ bytes: [UInt8]) {
    stored.doorbell = Doorbell()
    stored.doorbell.phase = .reply
    stored.doorbell.bytes = bytes
  }

  // MARK: Queues

  private mutating func takeRequest(_ value: UInt32, _ host: some DeviceServices) {
    guard stored.phase == .operational else {
      host.log(.guestError, "\(descriptor.name): a request before IOCInit")
      return
    }
    // Bits 1-0 are a hint of the size. Firmware has frames at any multiple of four.
    let address = UInt64(stored.hostMfaHigh) << 32 | UInt64(value & ~3)
    let frame = host.dmaRead(GuestPhysical(address), count: FusionMPT.requestFrameSize)
    perform(frame, through: .queue(address), host)
  }
  private mutating func giveReplyFrame(_ value: UInt32, _ host: some DeviceServices) {
    guard stored.replyFree.count < FusionMPT.queueLimit else {
      return fault(0x0006, "too many reply frames", host)
    }
    stored.replyFree.append(Word(value & ~3))
    while !stored.waiting.isEmpty, !stored.replyFree.isEmpty { deliver(stored.waiting.removeFirst().bytes, host) }
  }
  /// A reply to a message from the request queue.
  mutating func post(_ bytes: [UInt8], _ host: some DeviceServices) {
    guard stored.replyFree.isEmpty else { return deliver(bytes, host) }
    guard stored.waiting.count < FusionMPT.queueLimit else {
      return fault(0x0006, "too many replies wait for frames", host)
    }
    stored.waiting.append(Message(bytes))
  }
  private mutating func deliver(_ bytes: [UInt8], _ host: some DeviceServices) {
    let frame = stored.replyFree.removeFirst().value
    let address = UInt64(stored.hostMfaHigh) << 32 | UInt64(frame)
    host.dmaWrite(GuestPhysical(address), Array(bytes.prefix(Int(stored.replyFrameSize))))
    pushReply(0x8000_0000 | frame >> 1, host)
  }
  /// An address reply, or the context of a command that has ended well.
  mutating func pushReply(_ value: UInt32, _ host: some DeviceServices) {
    guard stored.replyPost.count < FusionMPT.queueLimit else {
      return fault(0x0006, "the driver does not take replies", host)
    }
    stored.replyPost.append(Word(value))
  }

  // MARK: Interrupts

  private var interruptStatus: UInt32 { (stored.doorbellInterrupt ? 1 : 0) | (stored.replyPost.isEmpty ? 0 : 8) }
  private var isPending: Bool { interruptStatus & ~stored.interruptMask & FusionMPT.interruptBits != 0 }
  func updateInterruptLine(_ host: some DeviceServices) {
    let byMessage = MSICapability.isEnabled(config, at: FusionMPT.messageCapability)
    host.setLine(0, isPending && !byMessage && config.bytes[5] & 4 == 0)
  }
  mutating func updateInterrupt(_ host: some DeviceServices) {
    updateInterruptLine(host)
    if isPending, !wasPending, MSICapability.isEnabled(config, at: FusionMPT.messageCapability) {
      MSICapability.send(config, at: FusionMPT.messageCapability, host)
    }
    wasPending = isPending
  }

  // MARK: Drives

  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard let (pending, end) = targets.completed(completion, host) else { return }
    if pending.run == run {
      flying[pending.serial] = nil
      finish(pending.request, end, host)
      finishTasks(pending.serial, host)
    }
    finishReset()
    updateInterrupt(host)
  }
  /// The machine changed the medium of a CD-ROM drive; `sectors` 0 when it was taken out.
  public mutating func mediumChanged(target: Int, _ medium: MediumInfo, _ host: some DeviceServices) {
    targets.mediumChanged(target, medium)
  }

  public func info() -> String {
    let there = targets.plugged.indices.filter { targets.isPresent($0) }.map { target in
      "target \(target): \(targets.plugged[target].kind), \(targets.plugged[target].medium.sectors) sectors, "
        + "\(targets.outstanding(of: target)) requests under way"
    }
    let first =
      "IOC \(stored.phase), \(stored.replyFree.count) reply frames free, \(stored.replyPost.count) replies posted, "
      + "\(stored.waiting.count) waiting"
    return ([first] + there).joined(separator: "\n")
  }
}
