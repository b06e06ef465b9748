import Base
import DeviceKit

/// Messages to the IOC itself (MPI 1.5).
extension FusionMPT {
  /// How a message came, and so how it is answered. A queued one knows where its frame is.
  enum Channel: Equatable, Sendable { case doorbell, queue(UInt64) }
  /// IOCStatus values.
  enum Status {
    static let success: UInt16 = 0, invalidFunction: UInt16 = 1, busy: UInt16 = 2, invalidSGL: UInt16 = 3
    static let insufficientResources: UInt16 = 6, invalidField: UInt16 = 7, invalidState: UInt16 = 8
    static let configInvalidAction: UInt16 = 0x20, configInvalidType: UInt16 = 0x21, configInvalidPage: UInt16 = 0x22
    static let configCantCommit: UInt16 = 0x25
    static let scsiInvalidBus: UInt16 = 0x41, scsiInvalidTarget: UInt16 = 0x42, scsiDeviceNotThere: UInt16 = 0x43
    static let scsiDataUnderrun: UInt16 = 0x45, scsiProtocolError: UInt16 = 0x47
  }
  /// MPI 1.5; header files of version 10h.
  private static let messageVersion: UInt64 = 0x0105, headerVersion: UInt64 = 0x1000
  private static let firmwareVersion: UInt64 = 0x0132_9200
  /// Bytes of a request frame; the longest chain of scatter-gather segments that is announced.
  static let requestFrameSize = 128, chainDepth = 34

  var deviceCount: Int { targets.plugged.count }

  /// The start of a reply to `request`: `words` long, with what is the same in all replies.
  func reply(to request: [UInt8], words: Int, status: UInt16 = Status.success) -> [UInt8] {
    var reply = [UInt8](repeating: 0, count: words * 4)
    for index in [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11] { reply[index] = UInt8(request.little(index, 1)) }
    reply[2] = UInt8(words)
    reply.put(0x0e, UInt64(status), 2)
    return reply
  }
  mutating func answer(_ reply: [UInt8], through channel: Channel, _ host: some DeviceServices) {
    if channel == .doorbell { answerThroughDoorbell(reply) } else { post(reply, host) }
  }

  mutating func perform(_ request: [UInt8], through channel: Channel, _ host: some DeviceServices) {
    switch request.little(3, 1) {
    case 0x00:
      guard case .queue(let address) = channel else { break }
      return startSCSI(request, at: address, host)
    case 0x01: return manageTasks(request, host)
    case 0x02: return answer(initialize(request), through: channel, host)
    case 0x03: return answer(facts(request), through: channel, host)
    case 0x04: return configure(request, through: channel, host)
    case 0x05: return answer(portFacts(request), through: channel, host)
    // PortEnable, EventAck, SASIOUnitControl (there is no table of persistent IDs to clear), HostPageBufferAccess.
    case 0x06, 0x08, 0x1b, 0x44: return answer(reply(to: request, words: 5), through: channel, host)
    case 0x07: return answer(notify(request), through: channel, host)
    default: break
    }
    answer(reply(to: request, words: 5, status: Status.invalidFunction), through: channel, host)
  }

  // MARK: IOC and port

  /// IOCInit: the driver says who it is and where its frames are.
  private mutating func initialize(_ request: [UInt8]) -> [UInt8] {
    let who = UInt8(request.little(0, 1))
    guard stored.phase == .ready || stored.phase == .operational else {
      return reply(to: request, words: 5, status: Status.invalidState)
    }
    // 0: nobody; 5 and more: not a driver.
    guard (1...4).contains(who) else { return reply(to: request, words: 5, status: Status.invalidField) }
    stored.whoInit = who
    (stored.maxDevices, stored.maxBuses) = (UInt8(request.little(5, 1)), UInt8(request.little(6, 1)))
    stored.replyFrameSize = UInt16(request.little(0x0c, 2))
    (stored.hostMfaHigh, stored.senseHigh) = (UInt32(request.little(0x10, 4)), UInt32(request.little(0x14, 4)))
    stored.phase = .operational
    return reply(to: request, words: 5)
  }
  private func facts(_ request: [UInt8]) -> [UInt8] {
    var facts = reply(to: request, words: 20)
    facts.put(0x00, FusionMPT.messageVersion, 2)
    facts.put(0x04, FusionMPT.headerVersion, 2)
    facts.put(0x06, 0, 1)  // IOCNumber
    facts.put(0x14, UInt64(FusionMPT.chainDepth), 1)
    facts.put(0x15, UInt64(stored.whoInit), 1)
    facts.put(0x16, 8, 1)  // BlockSize, in words
    facts.put(0x18, UInt64(FusionMPT.credits), 2)  // ReplyQueueDepth
    facts.put(0x1a, UInt64(FusionMPT.requestFrameSize / 4), 2)
    // ProductID: 1030 C0 or 1068 family, SCSI initiator.
    facts.put(0x1e, kind == .parallel ? 0x0104 : 0x2102, 2)
    facts.put(0x20, UInt64(stored.hostMfaHigh), 4)
    facts.put(0x24, UInt64(FusionMPT.credits), 2)
    facts.put(0x26, 1, 1)  // NumberOfPorts
    facts.put(0x27, stored.reportsEvents ? 1 : 0, 1)
    facts.put(0x28, UInt64(stored.senseHigh), 4)
    facts.put(0x2c, UInt64(stored.replyFrameSize), 2)
    facts.put(0x2e, UInt64(deviceCount & 0xff), 1)
    facts.put(0x2f, 1, 1)  // MaxBuses
    facts.put(0x34, 1, 4)  // IOCCapabilities: high priority request queue
    facts.put(0x38, FusionMPT.firmwareVersion, 4)
    facts.put(0x3c, 16, 2)  // HighPriorityQueueDepth
    return facts
  }
  private func portFacts(_ request: [UInt8]) -> [UInt8] {
    guard request.little(6, 1) == 0 else { return reply(to: request, words: 10, status: Status.invalidField) }
    var facts = reply(to: request, words: 10)
    facts.put(0x15, kind == .parallel ? 0x01 : 0x30, 1)  // PortType
    facts.put(0x16, UInt64(deviceCount), 2)
    facts.put(0x18, UInt64(kind == .parallel ? FusionMPT.initiator : deviceCount), 2)  // PortSCSIID
    facts.put(0x1a, 0x08, 2)  // ProtocolFlags: initiator
    facts.put(0x1e, kind == .parallel ? 0 : UInt64(deviceCount), 2)  // MaxPersistentIDs
    return facts
  }
  /// EventNotification: answered by the event that the notification was switched on or off. There are no others: drives
  /// neither come nor go.
  private mutating func notify(_ request: [UInt8]) -> [UInt8] {
    stored.reportsEvents = request.little(0, 1) & 1 == 1
    var event = reply(to: request, words: 8)
    event.put(0x00, 1, 2)  // EventDataLength, in words
    event.put(0x14, 0x0a, 4)  // EventChange
    event.put(0x1c, stored.reportsEvents ? 1 : 0, 4)
    return event
  }

  // MARK: Configuration pages

  private mutating func configure(_ request: [UInt8], through channel: Channel, _ host: some DeviceServices) {
    let action = request.little(0, 1)
    let type = UInt8(request.little(0x17, 1) & 15), number = UInt8(request.little(0x16, 1))
    let address = UInt32(request.little(0x18, 4))
    let extended = type == 15 ? UInt8(request.little(6, 1)) : nil
    var answer = reply(to: request, words: 6)
    answer.put(0x14, request.little(0x14, 4), 4)
    func refuse(_ status: UInt16) { answer.put(0x0e, UInt64(status), 2) }
    let found = page(type, extended: extended, number, address)
    switch (action, found) {
    case (_, .invalidType): refuse(Status.configInvalidType)
    case (_, .invalidPage): refuse(Status.configInvalidPage)
    case (0...6, .page(let page)):
      answer.put(0x14, page.bytes.little(0, 4), 4)
      if extended != nil {
        answer.put(0x15, 0, 1)
        answer.put(0x04, page.bytes.little(4, 2), 2)
        answer.put(0x06, page.bytes.little(6, 1), 1)
      }
      if action == 1 || action == 5 || action == 6 {
        // One simple element says where the page goes.
        let list = bufferElement(request, at: 0x1c)
        host.scatter(page.bytes, list)
      } else if action == 2 || action == 4 {
        let bytes = host.gather(bufferElement(request, at: 0x1c).slice(0, page.bytes.count))
        if !keep(type, number, address, bytes) { refuse(Status.configCantCommit) }
      } else if action == 3 {
        _ = keep(type, number, address, [UInt8](repeating: 0, count: page.bytes.count))
      }
    default: refuse(Status.configInvalidAction)
    }
    self.answer(answer, through: channel, host)
  }
  /// A simple scatter-gather element, as the list it stands for.
  private func bufferElement(_ request: [UInt8], at offset: Int) -> [GuestSegment] {
    let flags = UInt32(request.little(offset, 4))
    guard flags >> 28 & 3 == 1 else { return [] }
    let count = min(Int(flags & 0xff_ffff), FusionMPT.pageLimit)
    let address = request.little(offset + 4, flags >> 25 & 1 == 1 ? 8 : 4)
    return count > 0 ? [GuestSegment(address: GuestPhysical(address), count: count)] : []
  }
  /// Only the parameters that a target negotiates can be changed.
  private mutating func keep(_ type: UInt8, _ number: UInt8, _ address: UInt32, _ bytes: [UInt8]) -> Bool {
    guard kind == .parallel, type == 4, number == 1, bytes.count >= 16 else { return false }
    let target = Int(address & 0xff)
    guard stored.negotiations.indices.contains(target) else { return false }
    stored.negotiations[target].requested = UInt32(bytes.little(4, 4))
    stored.negotiations[target].configuration = UInt32(bytes.little(12, 4))
    return true
  }

  // MARK: Task management

  /// A request that ends when the commands it is about have ended.
  struct TaskManagement: Sendable {
    var reply: [UInt8]
    var serials: Set<UInt64>
  }
  private static let taskLimit = 16

  /// SCSITaskMgmt. Its reply comes through the queue however it came itself.
  private mutating func manageTasks(_ request: [UInt8], _ host: some DeviceServices) {
    guard stored.phase == .operational else { return }
    let target = Int(request.little(0, 1)), context = UInt32(request.little(0x30, 4))
    var reply = self.reply(to: request, words: 6)
    reply[4] = 0  // ResponseCode: complete
    let isAffected: (SCSIRequest) -> Bool
    switch request.little(5, 1) {
    case 1: isAffected = { $0.context == context }  // abort task
    case 2, 3, 5, 6: isAffected = { $0.target == target }  // abort task set, reset target or unit, clear task set
    case 4: isAffected = { _ in true }  // reset bus
    case 7:
      reply[4] = flying.values.contains { $0.context == context } ? 8 : 0  // query task
      return post(reply, host)
    default:
      reply.put(0x0e, UInt64(Status.invalidField), 2)
      return post(reply, host)
    }
    let serials = Set(flying.filter { isAffected($0.value) }.keys)
    guard !serials.isEmpty else { return post(reply, host) }
    guard tasks.count < FusionMPT.taskLimit else {
      reply.put(0x0e, UInt64(Status.insufficientResources), 2)
      return post(reply, host)
    }
    tasks.append(TaskManagement(reply: reply, serials: serials))
  }
  /// A command has ended; so may have what waited for it.
  mutating func finishTasks(_ serial: UInt64, _ host: some DeviceServices) {
    guard !tasks.isEmpty else { return }
    for index in tasks.indices { tasks[index].serials.remove(serial) }
    let ended = tasks.filter { $0.serials.isEmpty }
    tasks.removeAll { $0.serials.isEmpty }
    for task in ended { post(task.reply, host) }
  }
}
