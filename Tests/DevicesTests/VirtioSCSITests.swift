import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct VirtioSCSITests {
  static let media = [MediumInfo(sectors: 64, serial: "disk-1"), MediumInfo(sectors: 8, readOnly: true)]

  /// A driver whose queue under test is number 2, or the one named.
  static func bench(queue: UInt64 = 2) -> VirtioBench<VirtioSCSIFunction> {
    var bench = VirtioBench(VirtioSCSIFunction(media), start: false)
    bench.write(20, 3, 1)
    bench.write(8, 1, 4)
    bench.write(12, 1, 4)
    bench.write(20, 0xb, 1)
    bench.write(22, queue, 2)
    bench.write(24, 8, 2)
    bench.write(32, UInt64(bench.descriptors), 4)
    bench.write(40, UInt64(bench.available), 8)
    bench.write(48, UInt64(bench.used), 4)
    bench.write(28, 1, 2)
    bench.write(20, 0xf, 1)
    return bench
  }
  struct Answer: Equatable {
    var response: UInt8, status: UInt8, residual: UInt64
    /// Sense key, code.
    var sense: [UInt8]
  }
  /// Sends a command; header at 5000h, response at 5100h, data at 6000h.
  static func send(
    _ bench: inout VirtioBench<VirtioSCSIFunction>, _ command: [UInt8], target: UInt8 = 0, unit: UInt8 = 0,
    data: Int = 0, isRead: Bool = true
  ) -> Answer {
    let header: [UInt8] = [1, target, 0x40, unit, 0, 0, 0, 0] + [UInt8](repeating: 7, count: 8) + [0, 0, 0]
    for (index, byte) in (header + command + [UInt8](repeating: 0, count: 32 - command.count)).enumerated() {
      bench.host.ram[0x5000 + index] = byte
    }
    bench.nextDescriptor = 0
    var parts: [(address: Int, count: Int, writable: Bool)] = [(0x5000, 51, false)]
    if data > 0, !isRead { parts.append((0x6000, data, false)) }
    parts.append((0x5100, 108, true))
    if data > 0, isRead { parts.append((0x6000, data, true)) }
    bench.add(parts)
    bench.write(0x3008, 2, 2)
    while bench.host.completeNext(&bench.device) {}
    return Answer(
      response: bench.host.ram[0x510b], status: bench.host.ram[0x510a], residual: bench.peek(0x5104, 4),
      sense: bench.peek(0x5100, 4) == 0 ? [] : [bench.host.ram[0x510e], bench.host.ram[0x5118]])
  }
  private static let good = Answer(response: 0, status: 0, residual: 0, sense: [])

  @Test func disksIntroduceThemselves() {
    var bench = VirtioSCSITests.bench()
    let inquiry = VirtioSCSITests.send(&bench, [0x12, 0, 0, 0, 36, 0], data: 36)
    #expect(inquiry == VirtioSCSITests.good)
    #expect(bench.host.ram[0x6000] == 0 && Array(bench.host.ram[0x6008..<0x600f]) == Array("RINGBOX".utf8))
    _ = VirtioSCSITests.send(&bench, [0x12, 1, 0x80, 0, 255, 0], data: 255)
    #expect(Array(bench.host.ram[0x6004..<0x600a]) == Array("disk-1".utf8))
    let capacity = VirtioSCSITests.send(&bench, [0x25] + [UInt8](repeating: 0, count: 9), data: 8)
    #expect(capacity == VirtioSCSITests.good && Array(bench.host.ram[0x6000..<0x6008]) == [0, 0, 0, 63, 0, 0, 2, 0])
    let luns = VirtioSCSITests.send(&bench, [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], data: 64)
    #expect(luns.residual == 48 && bench.host.ram[0x6003] == 8)
  }

  @Test func readsWritesAndFlushesReachTheBackendOfTheTarget() {
    var bench = VirtioSCSITests.bench()
    let read = VirtioSCSITests.send(&bench, [0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0], data: 1024)
    #expect(read == VirtioSCSITests.good && bench.host.ram[0x6000] == 6 && bench.host.ram[0x6200] == 7)
    for index in 0..<512 { bench.host.ram[0x6000 + index] = 0x5a }
    let write = VirtioSCSITests.send(
      &bench, [0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0], data: 512, isRead: false)
    #expect(write == VirtioSCSITests.good && bench.host.disk[4608..<5120].allSatisfy { $0 == 0x5a })
    #expect(VirtioSCSITests.send(&bench, [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == VirtioSCSITests.good)
    let more = VirtioSCSITests.send(&bench, [0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0], data: 1024)
    #expect(more.residual == 512)
  }

  @Test func blocksAreUnmappedAndZeroed() {
    var bench = VirtioSCSITests.bench()
    let list: [UInt8] = [0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0]
    for (index, byte) in list.enumerated() { bench.host.ram[0x6000 + index] = byte }
    let unmap = VirtioSCSITests.send(&bench, [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], data: 24, isRead: false)
    #expect(unmap == VirtioSCSITests.good && bench.host.disk[4096..<8192].allSatisfy { $0 == 0 })
    for index in 0..<512 { bench.host.ram[0x6000 + index] = 0 }
    let same = VirtioSCSITests.send(&bench, [0x41, 8, 0, 0, 0, 20, 0, 0, 4, 0], data: 512, isRead: false)
    #expect(same == VirtioSCSITests.good && bench.host.disk[10240..<12288].allSatisfy { $0 == 0 })
  }

  @Test func whatCannotBeDoneIsSaid() {
    var bench = VirtioSCSITests.bench()
    let beyond = VirtioSCSITests.send(&bench, [0x28, 0, 0, 0, 0, 63, 0, 0, 2, 0], data: 1024)
    #expect(beyond.status == 2 && beyond.sense == [5, 0x21])
    #expect(VirtioSCSITests.send(&bench, [0xff]).sense == [5, 0x20])
    #expect(VirtioSCSITests.send(&bench, [0x00], target: 2).response == 3)
    #expect(VirtioSCSITests.send(&bench, [0x00], unit: 1).sense == [5, 0x25])
    let write = VirtioSCSITests.send(
      &bench, [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0], target: 1, data: 512, isRead: false)
    #expect(write.sense == [7, 0x27])
    #expect(VirtioSCSITests.send(&bench, [0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0], data: 512).response == 1)
  }

  @Test func taskManagementIsAnswered() {
    var bench = VirtioSCSITests.bench(queue: 0)
    bench.host.ram[0x5100] = 0xff
    bench.add([(0x5000, 24, false), (0x5100, 1, true)])
    bench.write(0x3000, 0, 2)
    #expect(bench.host.ram[0x5100] == 0 && bench.peek(bench.used + 2, 2) == 1)
  }

  @Test func conformance() {
    #expect(DeviceConformance.check(make: { VirtioSCSI(VirtioSCSIFunction(VirtioSCSITests.media)) }, seeds: 60) == [])
  }
}
