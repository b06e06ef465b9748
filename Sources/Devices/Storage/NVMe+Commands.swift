import Base
import DeviceKit

/// The NVM command set (NVMe 1.4, 6). Logical blocks are 512 bytes.
extension NVMe {
  mutating func perform(_ command: NVMeCommand, _ queue: Int, _ host: some DeviceServices) {
    do throws(NVMeStatus) {
      guard command.flags & 0xc3 == 0 else { throw .invalidField }
      let isFlush = command.opcode == 0x00
      guard command.namespace == 1 || isFlush && command.namespace == .max else { throw .invalidNamespace }
      switch command.opcode {
      case 0x00: start([BlockRequest(.flush)], command, queue, host)
      case 0x01, 0x02: try transfer(command, queue, host)
      case 0x08: try writeZeroes(command, queue, host)
      case 0x09: try manage(command, queue, host)
      default: throw .invalidOpcode
      }
    } catch {
      complete(queue, command.identifier, status: error, host)
    }
  }

  private mutating func start(
    _ requests: [BlockRequest], _ command: NVMeCommand, _ queue: Int, _ host: some DeviceServices
  ) {
    let pending = Pending(queue: queue, identifier: command.identifier, isRead: command.opcode == 0x02, run: run)
    if !jobs.start(requests, pending, host) { complete(queue, command.identifier, host) }
  }
  private func check(_ sector: UInt64, _ count: UInt64, isWrite: Bool) throws(NVMeStatus) {
    guard sector <= medium.sectors, count <= medium.sectors - sector else { throw .outOfRange }
    if isWrite, medium.readOnly { throw .writeProtected }
  }
  /// Data that is written must be on stable storage: by the command's wish, or because the write cache is off.
  private func isForced(_ command: NVMeCommand) -> Bool {
    command.dword12 >> 30 & 1 == 1 || stored.features[NVMe.writeCacheFeature].value & 1 == 0
  }

  private mutating func transfer(
    _ command: NVMeCommand, _ queue: Int, _ host: some DeviceServices
  ) throws(NVMeStatus) {
    let count = UInt64(command.dword12 & 0xffff) + 1
    let isWrite = command.opcode == 0x01
    guard count * 512 <= UInt64(NVMe.transferLimit) else { throw .invalidField }
    try check(command.sector, count, isWrite: isWrite)
    let list = try command.segments(Int(count) * 512, host)
    let request = BlockRequest(
      isWrite ? .write : .read, sector: command.sector, count: Int(count) * 512, payload: .guest(list))
    let pending = Pending(queue: queue, identifier: command.identifier, isRead: !isWrite, run: run)
    jobs.start(request, then: isWrite && isForced(command) ? [BlockRequest(.flush)] : [], pending, host)
  }
  private mutating func writeZeroes(
    _ command: NVMeCommand, _ queue: Int, _ host: some DeviceServices
  ) throws(NVMeStatus) {
    let count = UInt64(command.dword12 & 0xffff) + 1
    try check(command.sector, count, isWrite: true)
    var requests = [BlockRequest(.writeZeroes, sector: command.sector, count: Int(count) * 512)]
    if isForced(command) { requests.append(BlockRequest(.flush)) }
    start(requests, command, queue, host)
  }
  /// DATASET MANAGEMENT: ranges of 16 bytes each; only deallocation has an effect.
  private mutating func manage(_ command: NVMeCommand, _ queue: Int, _ host: some DeviceServices) throws(NVMeStatus) {
    let count = Int(command.dword10 & 0xff) + 1
    let data = host.gather(try command.segments(count * 16, host))
    var ranges: [Range<UInt64>] = []
    for index in 0..<count {
      let (sector, size) = (data.little(index * 16 + 8, 8), data.little(index * 16 + 4, 4))
      try check(sector, size, isWrite: true)
      if size > 0 { ranges.append(sector..<sector + size) }
    }
    let deallocates = command.dword11 & 4 != 0
    start(deallocates ? BlockRequest.clearing(ranges, by: .discard) : [], command, queue, host)
  }
}
