import Base
import DeviceKit

/// The admin command set (NVMe 1.4, 5).
extension NVMe {
  mutating func administer(_ command: NVMeCommand, _ host: some DeviceServices) {
    var result: UInt32 = 0
    do throws(NVMeStatus) {
      // No fused commands, no SGLs.
      guard command.flags & 0xc3 == 0 else { throw .invalidField }
      switch command.opcode {
      case 0x00:
        // Its completion comes when the queue's commands have ended.
        if try deleteSubmissionQueue(command) { return finishDeletion(of: Int(command.dword10 & 0xffff), host) }
      case 0x01: try createSubmissionQueue(command)
      case 0x02: try getLogPage(command, host)
      case 0x04: try deleteCompletionQueue(command)
      case 0x05: try createCompletionQueue(command)
      case 0x06: try identify(command, host)
      case 0x08: result = 1  // ABORT: not aborted; what the backend has cannot be called back
      case 0x09: result = try setFeature(command)
      case 0x0a: result = try getFeature(command)
      case 0x0c:
        // ASYNCHRONOUS EVENT REQUEST: kept, and no event ever comes.
        guard stored.eventRequests < NVMe.eventRequestLimit else { throw .tooManyEventRequests }
        stored.eventRequests += 1
        flying[0] -= 1
        return
      default: throw .invalidOpcode
      }
    } catch {
      return complete(0, command.identifier, status: error, host)
    }
    complete(0, command.identifier, result: result, host)
  }

  /// Stores up to a page of data where the command says.
  private func reply(_ bytes: [UInt8], _ command: NVMeCommand, _ host: some DeviceServices) throws(NVMeStatus) {
    host.scatter(bytes, try command.segments(bytes.count, host))
  }

  // MARK: Queues

  private func newQueue(_ command: NVMeCommand) throws(NVMeStatus) -> (number: Int, size: UInt32) {
    let number = Int(command.dword10 & 0xffff)
    guard (1...NVMe.maximumQueues).contains(number) else { throw .invalidQueue }
    let size = command.dword10 >> 16
    guard (1..<NVMe.maximumEntries).contains(size) else { throw .invalidQueueSize }
    // In one piece, from the start of a page on.
    guard command.dword11 & 1 == 1 else { throw .invalidField }
    guard command.regions.0 & (NVMeCommand.pageSize - 1) == 0 else { throw .invalidRegion }
    return (number, size + 1)
  }
  private mutating func createCompletionQueue(_ command: NVMeCommand) throws(NVMeStatus) {
    let (number, size) = try newQueue(command)
    guard !stored.completions[number].isValid else { throw .invalidQueue }
    let vector = command.dword11 >> 16
    guard vector <= UInt32(NVMe.maximumQueues) else { throw .invalidVector }
    stored.completions[number] = NVMeCompletionQueue(
      base: command.regions.0, size: size, raisesInterrupts: command.dword11 & 2 != 0, vector: UInt16(vector))
  }
  private mutating func createSubmissionQueue(_ command: NVMeCommand) throws(NVMeStatus) {
    let (number, size) = try newQueue(command)
    guard !stored.submissions[number].isValid, flying[number] == 0 else { throw .invalidQueue }
    let completion = command.dword11 >> 16
    guard (1...UInt32(NVMe.maximumQueues)).contains(completion), stored.completions[Int(completion)].isValid else {
      throw .completionQueueInvalid
    }
    stored.submissions[number] = NVMeSubmissionQueue(
      base: command.regions.0, size: size, completionQueue: UInt16(completion))
  }
  private mutating func deleteCompletionQueue(_ command: NVMeCommand) throws(NVMeStatus) {
    let number = Int(command.dword10 & 0xffff)
    guard (1...NVMe.maximumQueues).contains(number), stored.completions[number].isValid else { throw .invalidQueue }
    let isUsed = stored.submissions.contains { $0.isValid && Int($0.completionQueue) == number }
    guard !isUsed else { throw .invalidQueueDeletion }
    stored.completions[number] = NVMeCompletionQueue()
  }
  /// True when the queue is on its way out.
  private mutating func deleteSubmissionQueue(_ command: NVMeCommand) throws(NVMeStatus) -> Bool {
    let number = Int(command.dword10 & 0xffff)
    guard (1...NVMe.maximumQueues).contains(number), stored.submissions[number].isValid, deletions[number] == nil
    else { throw .invalidQueue }
    deletions[number] = command.identifier
    return true
  }
  /// A queue that is being deleted goes when the last of its commands has ended.
  mutating func finishDeletion(of queue: Int, _ host: some DeviceServices) {
    guard let identifier = deletions[queue], flying[queue] == 0 else { return }
    deletions[queue] = nil
    stored.submissions[queue] = NVMeSubmissionQueue()
    complete(0, identifier, host)
  }

  // MARK: Identify

  private func identify(_ command: NVMeCommand, _ host: some DeviceServices) throws(NVMeStatus) {
    var data = [UInt8](repeating: 0, count: 4096)
    switch command.dword10 & 0xff {
    case 0x00:
      guard command.namespace == 1 || command.namespace == .max else { throw .invalidNamespace }
      if command.namespace == 1 { data = namespaceData() }
    case 0x01: data = controllerData()
    case 0x02:
      guard command.namespace < 0xffff_fffe else { throw .invalidNamespace }
      if command.namespace == 0 { data.put(0, 1, 4) }
    case 0x03:
      guard command.namespace == 1 else { throw .invalidNamespace }
      // One descriptor: NGUID.
      data.replaceSubrange(0..<4, with: [2, 16, 0, 0])
      data.replaceSubrange(4..<20, with: uniqueIdentifier)
    default: throw .invalidField
    }
    try reply(data, command, host)
  }
  /// 128 bits made of the serial number (FNV-1a, two rounds).
  private var uniqueIdentifier: [UInt8] {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    var bytes: [UInt8] = []
    for round in 0..<2 as Range<UInt8> {
      for byte in Array(medium.serial.utf8) + [round] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: hash >> ($0 * 8)) }
    }
    return bytes
  }
  private func text(_ value: String, _ size: Int) -> [UInt8] {
    let bytes = Array(value.utf8.map { $0 >= 0x20 && $0 < 0x7f ? $0 : 0x20 }.prefix(size))
    return bytes + [UInt8](repeating: 0x20, count: size - bytes.count)
  }
  private func controllerData() -> [UInt8] {
    var data = [UInt8](repeating: 0, count: 4096)
    data.put(0, UInt64(config.get16(0)), 2)
    data.put(2, UInt64(config.get16(0x2c)), 2)
    data.replaceSubrange(4..<24, with: text(medium.serial, 20))
    data.replaceSubrange(24..<64, with: text("RINGBOX NVME DISK", 40))
    data.replaceSubrange(64..<72, with: text("1.0", 8))
    data[77] = NVMe.transferExponent
    data.put(80, 0x0001_0400, 4)
    data[111] = 1  // I/O controller
    data[258] = 3  // commands to be aborted at a time - 1
    data[259] = NVMe.eventRequestLimit - 1
    data[260] = 0x03  // one firmware slot, read-only
    data.put(266, 343, 2)  // warning and critical temperature, K
    data.put(268, 373, 2)
    data[512] = 0x66
    data[513] = 0x44
    data.put(516, 1, 4)
    data.put(520, 0x0c, 2)  // DATASET MANAGEMENT, WRITE ZEROES
    data[525] = 0x07  // volatile write cache; FLUSH takes all namespaces
    let hexadecimal = uniqueIdentifier.map { byte in
      let text = String(byte, radix: 16)
      return text.count < 2 ? "0" + text : text
    }
    let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { hexadecimal[$0].joined() }
    let name = Array("nqn.2014-08.org.nvmexpress:uuid:\(groups.joined(separator: "-"))".utf8)
    data.replaceSubrange(768..<(768 + name.count), with: name)
    data.put(2048, 2500, 2)  // power state 0: at most 25 W
    return data
  }
  private func namespaceData() -> [UInt8] {
    var data = [UInt8](repeating: 0, count: 4096)
    for offset in [0, 8, 16] { data.put(offset, medium.sectors, 8) }
    data[33] = 0x08  // WRITE ZEROES may deallocate
    data[99] = medium.readOnly ? 1 : 0
    data.replaceSubrange(104..<120, with: uniqueIdentifier)
    data[130] = 9  // format 0: blocks of 512 bytes, no metadata
    return data
  }

  // MARK: Log pages

  private func getLogPage(_ command: NVMeCommand, _ host: some DeviceServices) throws(NVMeStatus) {
    let words = UInt64(command.dword10 >> 16) | UInt64(command.dword11 & 0xffff) << 16
    guard words < 1024 else { throw .invalidField }
    var data = [UInt8](repeating: 0, count: (Int(words) + 1) * 4)
    switch command.dword10 & 0xff {
    case 0x01: break  // no errors
    case 0x02:
      data.put(1, 310, 2)  // temperature, K
      data.put(3, 100, 1)  // spare, and when it is little
      data.put(4, 10, 1)
    case 0x03:
      data.put(0, 1, 1)
      for (index, byte) in text("1.0", 8).enumerated() { data.put(8 + index, UInt64(byte), 1) }
    default: throw .invalidField
    }
    try reply(data, command, host)
  }

  // MARK: Features

  private func feature(_ command: NVMeCommand) throws(NVMeStatus) -> Int {
    let number = Int(command.dword10 & 0xff)
    // Arbitration, power, temperature, error recovery, write cache, queues, interrupts, atomicity, events.
    guard [1, 2, 4, 5, 6, 7, 8, 9, 10, 11].contains(number) else { throw .invalidField }
    return number
  }
  private static let queueNumbers = UInt32(maximumQueues - 1) << 16 | UInt32(maximumQueues - 1)

  private mutating func setFeature(_ command: NVMeCommand) throws(NVMeStatus) -> UInt32 {
    let number = try feature(command)
    guard command.dword10 >> 31 == 0 else { throw .notSaveable }
    if number == 7 {
      guard command.dword11 & 0xffff != 0xffff, command.dword11 >> 16 != 0xffff else { throw .invalidField }
      return NVMe.queueNumbers
    }
    if number == NVMe.writeCacheFeature {
      stored.features[number].value = command.dword11 & 1
    } else {
      stored.features[number].value = command.dword11
    }
    return 0
  }
  private func getFeature(_ command: NVMeCommand) throws(NVMeStatus) -> UInt32 {
    let number = try feature(command)
    return number == 7 ? NVMe.queueNumbers : stored.features[number].value
  }
}
