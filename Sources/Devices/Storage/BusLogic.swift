import Base
import DeviceKit

/// BusLogic BT-958 MultiMaster host adapter, 104B:1040: ultra wide parallel SCSI with sixteen targets, of which number 7
/// is the adapter itself.
///
/// - BAR 0 (32 ports) and BAR 1 (memory) show four registers: control/status, command/data, interrupt, geometry. The
///   ports of an ISA adapter can be switched on as well (MODIFY I/O ADDRESS). Output: "inta".
/// - The guest puts addresses of command control blocks into outgoing mailboxes and tells the adapter; ends are put into
///   incoming mailboxes, when there is a free one. Mailboxes and blocks have 24-bit or 32-bit addresses.
/// - Requests go straight to guest memory and cannot be called back: a reset is over only when the backend has none any
///   more, and a command that is to be aborted ends as it would have.
/// - Spec: BusLogic MultiMaster technical reference manual (names of registers, commands and status bytes).
/// - Not modelled: target mode, linked commands, SCAM, flash and EEPROM, the adapter's BIOS.
public struct BusLogic: PCIDevice {
  /// Where the outgoing mailboxes are; the incoming ones lie behind them.
  struct Mailboxes: SavedState {
    var base: UInt32 = 0
    /// Of either kind; 0: not initialised.
    var count: UInt8 = 0
    /// 32-bit addresses: INITIALIZE EXTENDED MAILBOX.
    var isExtended = false
    /// The next to be looked at or filled.
    var outgoing: UInt8 = 0, incoming: UInt8 = 0
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("base", &base)
      try visit.field("count", &count)
      try visit.field("isExtended", &isExtended)
      let last = count > 0 ? count - 1 : 0
      try visit.field("outgoing", &outgoing, in: 0...last)
      try visit.field("incoming", &incoming, in: 0...last)
    }
  }
  /// What an incoming mailbox is to say.
  struct Ending: SavedState {
    var block: UInt32 = 0
    var adapterStatus: UInt8 = 0, targetStatus: UInt8 = 0, completion: UInt8 = 0
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("block", &block)
      try visit.field("adapterStatus", &adapterStatus)
      try visit.field("targetStatus", &targetStatus)
      try visit.field("completion", &completion)
    }
  }
  /// All of the adapter that survives a snapshot.
  public struct State: SCSIAdapterState {
    var config = PCIConfigSpace()
    /// A reset is under way until this time, and until the guest has seen it.
    var resetEnd: VirtualTime?
    /// Mailboxes are to be initialised: INREQ.
    var needsMailboxes = true
    var isInvalid = false
    /// Interrupt register, and what comes when that is cleared.
    var interrupt: UInt8 = 0, nextInterrupt: UInt8 = 0
    var areInterruptsEnabled = true
    var reportsFreeMailboxes = false
    /// Operation code and parameters of a command that is not complete yet.
    var command: [UInt8] = []
    /// What the guest has yet to read, and whether a Command Complete interrupt follows.
    var answer: [UInt8] = []
    var completes = false
    var mailboxes = Mailboxes()
    var isStrict = false
    /// Outgoing mailboxes are to be looked at again.
    var hasWork = false
    var usesExtendedUnits = false
    var isaPort: UInt8 = 6
    var memory = BusLogic.initialMemory
    /// Ends for which there was no free mailbox yet, and how often that was so since there was one.
    var endings: [Ending] = []
    var retries: UInt8 = 0
    /// When mailboxes are looked at again.
    var wakeUp: VirtualTime?
    var drives: [ATADrive] = []

    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.field("resetEnd", &resetEnd)
      try visit.field("needsMailboxes", &needsMailboxes)
      try visit.field("isInvalid", &isInvalid)
      try visit.field("interrupt", &interrupt, in: 0...0x8f)
      try visit.field("nextInterrupt", &nextInterrupt, in: 0...0x0f)
      try visit.field("areInterruptsEnabled", &areInterruptsEnabled)
      try visit.field("reportsFreeMailboxes", &reportsFreeMailboxes)
      try visit.bytes("command", &command, maximum: BusLogic.commandLimit)
      try visit.bytes("answer", &answer, maximum: 256)
      try visit.field("completes", &completes)
      try visit.nested("mailboxes", &mailboxes)
      try visit.field("isStrict", &isStrict)
      try visit.field("hasWork", &hasWork)
      try visit.field("usesExtendedUnits", &usesExtendedUnits)
      try visit.field("isaPort", &isaPort, in: 0...7)
      try visit.fixedBytes("memory", &memory)
      try visit.list("endings", &endings, maximum: BusLogic.endingLimit)
      try visit.field("retries", &retries, in: 0...BusLogic.retryLimit)
      try visit.field("wakeUp", &wakeUp)
      try visit.fixedList("drives", &drives)
    }
  }
  /// What is known of a command that the backend carries out.
  struct Pending: Sendable {
    var block: BusLogicBlock
    /// Commands from before a reset belong to nobody any more.
    var run: Int
  }

  /// Targets of the bus, and the number of the adapter there.
  public static let targets = 16, initiator = 7
  /// Blocks that the adapter has at a time, and ends that wait for mailboxes: those, and what ends at once.
  static let blockLimit = 192, endingLimit = 512
  /// Bytes of a command with its parameters.
  static let commandLimit = 258
  /// Work of one entry.
  private static let budgetLimit = 128
  private static let pauseNanoseconds: Int64 = 20_000, mailboxNanoseconds: Int64 = 1_000_000
  /// The longer nothing is free, the longer (a power of two) the adapter waits.
  private static let retryLimit: UInt8 = 8
  private static let resetNanoseconds: Int64 = 500_000
  private static let portsSize: UInt64 = 32, memorySize: UInt64 = 4096, isaSize: UInt64 = 4
  private static let isaPorts: [UInt64] = [0x330, 0x334, 0x230, 0x234, 0x130, 0x134]
  private static let isaRegion = 2

  /// Interrupt register.
  enum Interrupt { static let IMBL: UInt8 = 1, MBOR: UInt8 = 2, CMDC: UInt8 = 4, RSTS: UInt8 = 8, INTV: UInt8 = 0x80 }
  /// Status register.
  private enum Status {
    static let CMDINV: UInt8 = 0x01, DIRRDY: UInt8 = 0x04, CPRBSY: UInt8 = 0x08, HARDY: UInt8 = 0x10
    static let INREQ: UInt8 = 0x20, DACT: UInt8 = 0x80
  }
  /// Control register.
  private enum Control {
    static let RSBUS: UInt8 = 0x10, RINT: UInt8 = 0x20, RSOFT: UInt8 = 0x40, RHARD: UInt8 = 0x80
  }

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x104b, device: 0x1040, classCode: 0x010000, revision: 8, subsystem: (0x104b, 0x1040), interruptPin: 1)
    config.defineBAR(0, size: portsSize, kind: .port)
    config.defineBAR(1, size: memorySize, kind: .memory32(prefetchable: false))
    return config
  }()

  public let descriptor = DeviceDescriptor(
    name: "buslogic",
    regions: [
      Region(.port, base: nil, size: BusLogic.portsSize, "BusLogic ports", accessWidth: 1),
      Region(.memory, base: nil, size: BusLogic.memorySize, "BusLogic registers", accessWidth: 1),
      Region(.port, base: nil, size: BusLogic.isaSize, "BusLogic ISA ports", accessWidth: 1),
    ], outputs: ["inta"], timers: ["go on"])
  public let barRegions: [(bar: Int, region: Int)] = [(0, 0), (1, 1)]
  var stored = State()
  var bus: SCSITargets<Pending>
  public var config: PCIConfigSpace {
    get { stored.config }
    set { stored.config = newValue }
  }
  public var state: State {
    get { bus.saving(stored) }
    set { stored = bus.restoring(newValue) }
  }
  // Not saved: nothing is saved with requests.
  private var run = 0
  // Only meaningful inside a call.
  private var budget = 0

  /// Target n is backend n.
  public init(drives: [ATADriveConfiguration]) {
    var drives = drives
    while drives.count < BusLogic.targets { drives.append(.none) }
    drives = Array(drives.prefix(BusLogic.targets))
    drives[BusLogic.initiator] = .none
    bus = SCSITargets(drives)
    stored.config = BusLogic.initialConfig
  }

  // MARK: Life

  public mutating func reset(_ host: some DeviceServices) {
    stored = State()
    stored.config = BusLogic.initialConfig
    bus.powerOn()
    run += 1
    mapBARs(host)
    mapISA(host)
    host.disarm(0)
    updateLine(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    bus.forget()
    run += 1
    mapBARs(host)
    mapISA(host)
    if let time = stored.wakeUp { host.arm(0, at: time) }
    updateLine(host)
  }
  /// Soft and hard reset: all but PCI and ISA ports is as at power-on.
  private mutating func resetAdapter(_ host: some DeviceServices) {
    var fresh = State()
    (fresh.config, fresh.isaPort) = (stored.config, stored.isaPort)
    fresh.resetEnd = host.now.adding(nanoseconds: BusLogic.resetNanoseconds)
    stored = fresh
    run += 1
    host.disarm(0)
  }
  private func mapISA(_ host: some DeviceServices) {
    let port = Int(stored.isaPort)
    host.map(BusLogic.isaRegion, at: port < BusLogic.isaPorts.count ? BusLogic.isaPorts[port] : nil)
  }
  mutating func moveISA(_ port: UInt8, _ host: some DeviceServices) {
    stored.isaPort = port
    mapISA(host)
  }

  // MARK: Registers

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.region <= BusLogic.isaRegion, access.width == 1 else { return .max }
    switch access.offset & 3 {
    case 0: return UInt64(readStatus(host))
    case 1: return UInt64(readData(host))
    case 2: return UInt64(stored.interrupt)
    // Geometry: translation of large disks is on.
    default: return 0x80
    }
  }
  private mutating func readStatus(_ host: some DeviceServices) -> UInt8 {
    if let end = stored.resetEnd {
      // A guest sees once that it goes on.
      if host.now >= end, bus.outstanding == 0 { stored.resetEnd = nil }
      return Status.DACT
    }
    var status: UInt8 = stored.needsMailboxes ? Status.INREQ : 0
    if stored.isInvalid { status |= Status.CMDINV }
    if !stored.answer.isEmpty { status |= Status.DIRRDY }
    if stored.command.isEmpty, stored.answer.isEmpty { status |= Status.HARDY }
    return status
  }
  private mutating func readData(_ host: some DeviceServices) -> UInt8 {
    guard !stored.answer.isEmpty else { return 0 }
    let byte = stored.answer.removeFirst()
    if stored.answer.isEmpty, stored.completes { raise(Interrupt.CMDC, host) }
    return byte
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.region <= BusLogic.isaRegion, access.width == 1 else { return }
    let value = UInt8(truncatingIfNeeded: value)
    budget = BusLogic.budgetLimit
    switch access.offset & 3 {
    case 0: writeControl(value, host)
    case 1: writeCommand(value, host)
    default: break
    }
    updateLine(host)
  }
  private mutating func writeControl(_ value: UInt8, _ host: some DeviceServices) {
    if value & (Control.RSOFT | Control.RHARD) != 0 { return resetAdapter(host) }
    // RSBUS: targets have nothing that a reset of the bus would end.
    guard value & Control.RINT != 0 else { return }
    stored.isInvalid = false
    let next = stored.nextInterrupt
    (stored.interrupt, stored.nextInterrupt) = (0, 0)
    for bit in [Interrupt.CMDC, Interrupt.IMBL, Interrupt.MBOR] where next & bit != 0 { raise(bit, host) }
  }

  // MARK: Interrupts

  /// One cause at a time: drivers look for one and clear all.
  mutating func raise(_ cause: UInt8, _ host: some DeviceServices) {
    if stored.interrupt & Interrupt.INTV == 0 {
      stored.interrupt = Interrupt.INTV | cause
    } else if stored.interrupt & cause == 0 {
      stored.nextInterrupt |= cause
    }
    updateLine(host)
  }
  func updateLine(_ host: some DeviceServices) {
    let isPending = stored.interrupt & Interrupt.INTV != 0 && stored.areInterruptsEnabled
    host.setLine(0, isPending && config.bytes[5] & 4 == 0)
  }
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) { updateLine(host) }

  // MARK: Commands

  private mutating func writeCommand(_ value: UInt8, _ host: some DeviceServices) {
    if stored.resetEnd != nil {
      _ = readStatus(host)
      guard stored.resetEnd == nil else { return }
    }
    if stored.command.isEmpty {
      // EXECUTE MAILBOX COMMAND is taken at any time, and ends without a sign.
      if value == 0x02 { return startMailboxes(host) }
      (stored.isInvalid, stored.answer) = (false, [])
    }
    stored.command.append(value)
    guard let wanted = BusLogic.parameters(of: stored.command) else { return finish(.invalid, host) }
    guard stored.command.count > wanted || stored.command.count >= BusLogic.commandLimit else { return }
    finish(carryOut(stored.command, host), host)
  }
  /// How a command of the adapter ended.
  enum Outcome: Equatable { case invalid, done, reply([UInt8]), silent, silentReply([UInt8]) }
  private mutating func finish(_ outcome: Outcome, _ host: some DeviceServices) {
    stored.command = []
    stored.answer = []
    stored.completes = true
    switch outcome {
    case .invalid:
      stored.isInvalid = true
      raise(Interrupt.CMDC, host)
    case .done: raise(Interrupt.CMDC, host)
    case .reply(let bytes):
      stored.answer = bytes
      if bytes.isEmpty { raise(Interrupt.CMDC, host) }
    case .silent: stored.completes = false
    case .silentReply(let bytes):
      stored.answer = bytes
      stored.completes = false
    }
  }

  // MARK: Mailboxes

  /// Comes back for what is left; a time that is set already stays.
  private mutating func planWork(_ host: some DeviceServices) {
    guard stored.hasWork || !stored.endings.isEmpty else {
      if stored.wakeUp != nil { host.disarm(0) }
      stored.wakeUp = nil
      return
    }
    guard stored.wakeUp == nil else { return }
    let wait =
      stored.endings.isEmpty ? BusLogic.pauseNanoseconds : BusLogic.mailboxNanoseconds << Int64(stored.retries)
    let time = host.now.adding(nanoseconds: wait)
    stored.wakeUp = time
    host.arm(0, at: time)
  }
  private mutating func startMailboxes(_ host: some DeviceServices) {
    guard stored.mailboxes.count > 0 else {
      host.log(.guestError, "buslogic: there are no mailboxes")
      return
    }
    stored.hasWork = true
    serve(host)
  }
  /// Takes blocks from outgoing mailboxes while there are any, and room and time for them.
  private mutating func serve(_ host: some DeviceServices) {
    defer { planWork(host) }
    deliver(host)
    guard stored.hasWork else { return }
    let count = Int(stored.mailboxes.count)
    var empty = 0
    while empty < count {
      guard bus.outstanding < BusLogic.blockLimit, stored.endings.count < BusLogic.blockLimit else { return }
      guard budget > 0 else { return }
      budget -= 1
      guard let (action, address) = takeMailbox(host) else {
        // Strict order: nothing is looked for behind a free one.
        if stored.isStrict { break }
        empty += 1
        advance()
        continue
      }
      empty = 0
      advance()
      start(action, address, host)
    }
    stored.hasWork = false
  }
  private mutating func advance() {
    stored.mailboxes.outgoing = (stored.mailboxes.outgoing + 1) % max(1, stored.mailboxes.count)
  }
  /// What is in the next outgoing mailbox, which becomes free.
  private mutating func takeMailbox(_ host: some DeviceServices) -> (action: UInt8, block: UInt32)? {
    let boxes = stored.mailboxes
    let size: UInt64 = boxes.isExtended ? 8 : 4
    let at = UInt64(boxes.base) + UInt64(boxes.outgoing) * size
    let bytes = host.dmaRead(GuestPhysical(at), count: Int(size))
    let action = UInt8(bytes.little(boxes.isExtended ? 7 : 0, 1))
    guard action != 0 else { return nil }
    host.dmaWrite(GuestPhysical(at + (boxes.isExtended ? 7 : 0)), [0])
    if stored.reportsFreeMailboxes { raise(Interrupt.MBOR, host) }
    return (action, boxes.isExtended ? UInt32(bytes.little(0, 4)) : BusLogicBlock.big24(bytes, 1))
  }
  private mutating func start(_ action: UInt8, _ address: UInt32, _ host: some DeviceServices) {
    var ending = Ending()
    ending.block = address
    switch action {
    case 1: break
    case 2:
      // To be aborted: there is nothing that could be, it ends by itself or has ended.
      ending.completion = Completion.notFound
      return end(ending, host)
    default:
      (ending.adapterStatus, ending.completion) = (0x15, Completion.error)  // invalid outgoing mailbox action
      return end(ending, host)
    }
    let block = BusLogicBlock(
      address: address, is32: stored.mailboxes.isExtended, usesExtendedUnits: stored.usesExtendedUnits, host)
    perform(block, host)
  }
  private mutating func perform(_ block: BusLogicBlock, _ host: some DeviceServices) {
    switch block.opcode {
    case 0x00, 0x02, 0x03, 0x04: break
    case 0x81:  // bus device reset
      return complete(block, SCSIEnd(cause: bus.isPresent(block.target) ? .status : .noTarget), host)
    default: return fail(block, 0x16, host)  // invalid operation code
    }
    guard let list = block.segments(host) else { return fail(block, 0x1a, host) }
    budget -= list.count / 16
    let command = SCSICommand(
      target: block.target, unit: block.unit, bytes: block.command, direction: block.direction, data: list)
    var block = block
    block.room = command.room
    if let end = bus.start(command, Pending(block: block, run: run), host) { complete(block, end, host) }
  }
  /// Completion codes of incoming mailboxes.
  private enum Completion { static let good: UInt8 = 1, notFound: UInt8 = 3, error: UInt8 = 4 }

  private mutating func fail(_ block: BusLogicBlock, _ adapterStatus: UInt8, _ host: some DeviceServices) {
    report(block, adapterStatus: adapterStatus, targetStatus: 0, host)
  }
  private mutating func complete(_ block: BusLogicBlock, _ end: SCSIEnd, _ host: some DeviceServices) {
    switch end.cause {
    case .noTarget: return fail(block, 0x11, host)  // selection timeout
    case .mismatch: return fail(block, 0x12, host)  // data overrun or underrun
    case .status: break
    }
    block.store(sense: end.sense, host)
    block.store(residual: block.room - end.moved, host)
    report(block, adapterStatus: 0, targetStatus: end.status, host)
  }
  private mutating func report(
    _ block: BusLogicBlock, adapterStatus: UInt8, targetStatus: UInt8, _ host: some DeviceServices
  ) {
    host.dmaWrite(GuestPhysical(UInt64(block.address) + 14), [adapterStatus, targetStatus])
    var ending = Ending()
    (ending.block, ending.adapterStatus, ending.targetStatus) = (block.address, adapterStatus, targetStatus)
    ending.completion = adapterStatus == 0 && targetStatus == 0 ? Completion.good : Completion.error
    end(ending, host)
  }
  /// Tells an end, now or when a mailbox is free. The list is bounded: nothing is taken while it is long.
  private mutating func end(_ ending: Ending, _ host: some DeviceServices) {
    guard stored.endings.count < BusLogic.endingLimit else { return }
    stored.endings.append(ending)
    deliver(host)
  }
  private mutating func deliver(_ host: some DeviceServices) {
    let boxes = stored.mailboxes
    guard boxes.count > 0 else { return }
    let size: UInt64 = boxes.isExtended ? 8 : 4
    while let ending = stored.endings.first {
      let incoming = UInt64(boxes.base) + (UInt64(boxes.count) + UInt64(stored.mailboxes.incoming)) * size
      let flag = incoming + (boxes.isExtended ? 7 : 0)
      guard host.dmaRead(GuestPhysical(flag), count: 1).little(0, 1) == 0 else { return }
      stored.endings.removeFirst()
      stored.retries = 0
      // The completion code comes last: by that the guest knows that there is something.
      if boxes.isExtended {
        var bytes = [UInt8](repeating: 0, count: 7)
        bytes.put(0, UInt64(ending.block), 4)
        (bytes[4], bytes[5]) = (ending.adapterStatus, ending.targetStatus)
        host.dmaWrite(GuestPhysical(incoming), bytes)
      } else {
        host.dmaWrite(GuestPhysical(incoming + 1), [16, 8, 0].map { UInt8(truncatingIfNeeded: ending.block >> $0) })
      }
      host.dmaWrite(GuestPhysical(flag), [ending.completion])
      stored.mailboxes.incoming = (stored.mailboxes.incoming + 1) % boxes.count
      raise(Interrupt.IMBL, host)
    }
  }
  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    budget = BusLogic.budgetLimit
    stored.wakeUp = nil
    if !stored.endings.isEmpty { stored.retries = min(stored.retries + 1, BusLogic.retryLimit) }
    serve(host)
  }
  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard let (pending, end) = bus.completed(completion, host), pending.run == run else { return }
    budget = BusLogic.budgetLimit
    complete(pending.block, end, host)
    serve(host)
  }
  /// The machine changed the medium of a CD-ROM drive; `sectors` 0 when it was taken out.
  public mutating func mediumChanged(target: Int, _ medium: MediumInfo, _ host: some DeviceServices) {
    bus.mediumChanged(target, medium)
  }

  public func info() -> String {
    let there = bus.plugged.indices.filter { bus.isPresent($0) }.map { target in
      "target \(target): \(bus.plugged[target].kind), \(bus.plugged[target].medium.sectors) sectors, "
        + "\(bus.outstanding(of: target)) requests under way"
    }
    let boxes = stored.mailboxes
    let first =
      "\(boxes.count) mailboxes\(boxes.isExtended ? ", 32-bit" : ""), interrupt 0x\(String(stored.interrupt, radix: 16)), "
      + "\(stored.endings.count) ends wait for mailboxes"
    return ([first] + there).joined(separator: "\n")
  }
}
