import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct FirmwareConfigTests {
  private typealias Key = FirmwareConfig.Key

  private func bytes(_ device: inout FirmwareConfig, key: UInt16, _ count: Int, _ host: FakeServices) -> [UInt8] {
    device.testWrite(0, UInt64(key), width: 2, host)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: device.testRead(1, host)) }
  }
  private func put(_ host: FakeServices, _ address: Int, _ control: UInt32, _ length: UInt32, _ target: UInt64) {
    var block: [UInt8] = []
    for word in [control, length, UInt32(target >> 32), UInt32(truncatingIfNeeded: target)] {
      block += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }
    host.ram.replaceSubrange(address..<(address + 16), with: block)
  }
  private func start(_ device: inout FirmwareConfig, _ address: UInt32, _ host: FakeServices) {
    device.testWrite(4, 0, width: 4, host)
    device.testWrite(8, UInt64(address.byteSwapped), width: 4, host)
  }

  @Test func signatureIdentificationAndIntegers() {
    let host = FakeServices()
    var device = FirmwareConfig()
    device.add(key: Key.ramSize, UInt64(0x1234_5678))
    #expect(bytes(&device, key: Key.signature, 5, host) == Array("QEMU".utf8) + [0])
    #expect(bytes(&device, key: Key.id, 4, host) == [3, 0, 0, 0])
    #expect(bytes(&device, key: Key.ramSize, 8, host) == [0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0])
    #expect(bytes(&device, key: 0x7777, 2, host) == [0, 0])
    #expect(device.testRead(4, width: 4, host) == 0x554d_4551)
    #expect(device.testRead(8, width: 4, host) == 0x4746_4320)
  }

  @Test func directoryListsFilesWithSizeKeyAndName() throws {
    let host = FakeServices()
    var device = FirmwareConfig()
    let keyAdded = device.add(file: "etc/e820", [1, 2, 3])
    let key = try #require(keyAdded)
    device.add(file: "bootorder", Array("x".utf8))
    #expect(device.add(file: String(repeating: "n", count: 56), []) == nil)
    let directory = bytes(&device, key: Key.fileDirectory, 4 + 2 * 64, host)
    #expect(Array(directory[0..<12]) == [0, 0, 0, 2, 0, 0, 0, 3, 0, UInt8(key), 0, 0])
    #expect(Array(directory[12..<21]) == Array("etc/e820".utf8) + [0])
    #expect(bytes(&device, key: key, 3, host) == [1, 2, 3])
    for index in 0..<100 { device.add(file: "f\(index)", []) }
    #expect(device.add(file: "one more", []) == nil)
  }

  @Test func dmaSelectsReadsAndPadsWithZeros() throws {
    let host = FakeServices()
    var device = FirmwareConfig()
    let keyAdded = device.add(file: "etc/a", [1, 2, 3])
    let key = try #require(keyAdded)
    host.ram[0x2003] = 0xee
    put(host, 0x1000, UInt32(key) << 16 | 0x0a, 5, 0x2000)
    start(&device, 0x1000, host)
    #expect(Array(host.ram[0x2000..<0x2005]) == [1, 2, 3, 0, 0])
    #expect(Array(host.ram[0x1000..<0x1004]) == [0, 0, 0, 0])
    put(host, 0x1000, UInt32(key) << 16 | 0x0c, 2, 0)
    start(&device, 0x1000, host)
    #expect(device.testRead(1, host) == 3)
  }

  @Test func onlyWritableFilesTakeWritesAndOnlyInsideTheirSize() throws {
    let host = FakeServices()
    var device = FirmwareConfig()
    let fixedAdded = device.add(file: "etc/fixed", [1, 2, 3, 4])
    let fixed = try #require(fixedAdded)
    let openAdded = device.add(file: "etc/open", [1, 2, 3, 4], writable: true)
    let open = try #require(openAdded)
    host.ram.replaceSubrange(0x2000..<0x2004, with: [9, 8, 7, 6])
    put(host, 0x1000, UInt32(fixed) << 16 | 0x18, 4, 0x2000)
    start(&device, 0x1000, host)
    #expect(host.ram[0x1003] == 1)
    put(host, 0x1000, UInt32(open) << 16 | 0x18, 5, 0x2000)
    start(&device, 0x1000, host)
    #expect(host.ram[0x1003] == 1)
    put(host, 0x1000, UInt32(open) << 16 | 0x18, 4, 0x2000)
    start(&device, 0x1000, host)
    #expect(host.ram[0x1003] == 0)
    #expect(device.contents(ofFile: "etc/open") == [9, 8, 7, 6])
    #expect(device.contents(ofFile: "etc/fixed") == [1, 2, 3, 4])
    #expect(bytes(&device, key: open, 2, host) == [9, 8])
  }

  @Test func endlessReadIsRefused() {
    let host = FakeServices()
    var device = FirmwareConfig()
    put(host, 0x1000, 0x02, .max, 0)
    start(&device, 0x1000, host)
    #expect(host.ram[0x1003] == 1)
  }
}
