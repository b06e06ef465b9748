import Foundation
import Testing

@testable import Machine

@Suite struct LoaderTests {
  private static let map = [
    MemoryRange(base: 0, size: 0x9fc00, type: 1), MemoryRange(base: 0x9fc00, size: 0x400, type: 2),
    MemoryRange(base: 1 << 20, size: 127 << 20, type: 1),
  ]

  /// A bzImage of protocol 2.12 with 4 setup sectors and `payload` bytes behind them.
  private static func bzImage(payload: Int = 4096) -> [UInt8] {
    var image = ByteBuilder(bytes: [UInt8](repeating: 0, count: 5 * 512 + payload))
    image.set(0x1f1, UInt8(4))
    image.set(0x1f4, UInt32(payload / 16))
    image.set(0x1fe, UInt16(0xaa55))
    image.set(0x202, UInt32(0x5372_6448))
    image.set(0x206, UInt16(0x020c))
    image.set(0x211, UInt8(1))
    image.set(0x22c, UInt32(0x37ff_ffff))
    image.set(0x238, UInt32(2047))
    image.set(0x258, UInt64(16 << 20))
    image.set(0x260, UInt32(32 << 20))
    return image.bytes
  }

  private func reason(_ bytes: [UInt8], initrd: [UInt8]? = nil, commandLine: [UInt8] = []) -> String? {
    do throws(KernelError) {
      _ = try KernelFile.parse(bytes).plan(
        map: LoaderTests.map, commandLine: commandLine, initrd: initrd, rsdp: nil)
      return nil
    } catch {
      return error.reason
    }
  }

  @Test func laysLinuxOutAsTheBootProtocolSays() throws {
    let image = try KernelFile.parse(LoaderTests.bzImage())
    let plan = try image.plan(
      map: LoaderTests.map, commandLine: Array("console=ttyS0 vga=0x305".utf8), initrd: [1, 2, 3], rsdp: nil)
    func segment(_ address: UInt64) -> ByteReader? {
      plan.segments.first { $0.address == address }.map { ByteReader($0.bytes) }
    }
    let setup = try #require(segment(0x10000))
    #expect(setup.bytes.count == 5 * 512)
    #expect(setup.bytes[0x210] == 0xff)
    #expect(setup.bytes[0x211] == 0x81)
    #expect(setup.u16(0x1fa) == 0x305)
    #expect(setup.u32(0x228) == 0x1e000)
    #expect(segment(0x1e000)?.bytes.last == 0)
    #expect(segment(1 << 20)?.bytes.count == 4096)
    let disk = try #require(setup.u32(0x218))
    #expect(disk >= 48 << 20 && disk & 0xfff == 0 && setup.u32(0x21c) == 3)
    #expect(segment(UInt64(disk))?.bytes == [1, 2, 3])
    #expect(plan.entry == .real(codeSegment: 0x1020, offset: 0, dataSegment: 0x1000, stackPointer: 0xe000))
  }

  @Test func saysWhatIsWrongWithAKernel() {
    let good = LoaderTests.bzImage()
    #expect(reason(good) == nil)
    #expect(reason([])?.contains("empty") == true)
    #expect(reason(Array(good.dropLast(600)))?.contains("truncated") == true)
    #expect(reason(Array(good.prefix(0x220)))?.contains("truncated") == true)
    #expect(reason([UInt8](repeating: 7, count: 4096))?.contains("neither") == true)
    #expect(reason([0x1f, 0x8b, 8])?.contains("gzip") == true)
    #expect(reason(good, commandLine: [UInt8](repeating: 65, count: 3000))?.contains("2047") == true)
    #expect(reason(good, initrd: [UInt8](repeating: 0, count: 100 << 20))?.contains("--memory") == true)
    var arm = [UInt8](repeating: 0, count: 4096)
    arm.replaceSubrange(0x38..<0x3c, with: Array("ARMd".utf8))
    #expect(reason(arm)?.contains("AArch64") == true)
    var elf = ByteBuilder(bytes: [0x7f, 0x45, 0x4c, 0x46, 2, 1] + [UInt8](repeating: 0, count: 200))
    elf.set(18, UInt16(183))
    #expect(reason(elf.bytes)?.contains("AArch64") == true)
    elf.set(18, UInt16(62))
    #expect(reason(elf.bytes)?.contains("bzImage") == true)
    var low = ByteBuilder(bytes: good)
    low.set(0x211, UInt8(0))
    #expect(reason(low.bytes)?.contains("zImage") == true)
    var old = ByteBuilder(bytes: good)
    old.set(0x206, UInt16(0x0201))
    #expect(reason(old.bytes)?.contains("2.02") == true)
  }

  @Test func survivesBrokenHeaders() {
    var random = SystemRandomNumberGenerator()
    for base in [LoaderTests.bzImage(payload: 512), LoaderTests.multibootELF()] {
      for _ in 0..<300 {
        var image = base
        for _ in 0..<8 { image[Int.random(in: 0..<min(image.count, 0x280), using: &random)] = .random(in: 0...255) }
        _ = reason(image)
        _ = reason(Array(image.prefix(Int.random(in: 0...image.count, using: &random))))
      }
    }
  }

  /// A 32-bit ELF with one segment at 1 MiB and a Multiboot 1 header.
  private static func multibootELF() -> [UInt8] {
    var image = ByteBuilder(bytes: [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 505))
    image.set(16, UInt16(2))
    image.set(18, UInt16(3))
    image.set(24, UInt32(0xc010_0010))
    image.set(28, UInt32(52))
    image.set(42, UInt16(32))
    image.set(44, UInt16(1))
    for (index, word) in [1, 256, 0xc010_0000, 0x10_0000, 256, 4096, 7, 0].enumerated() {
      image.set(52 + index * 4, UInt32(word))
    }
    image.set(256, UInt32(0x1bad_b002))
    image.set(260, UInt32(3))
    image.set(264, 0 &- (UInt32(0x1bad_b002) &+ 3))
    return image.bytes
  }

  @Test func laysMultibootOut() throws {
    let image = try KernelFile.parse(LoaderTests.multibootELF())
    let plan = try image.plan(
      map: LoaderTests.map, commandLine: Array("hello".utf8), initrd: [9, 9], rsdp: nil)
    guard case .flat(let address, let eax, let ebx, _) = plan.entry else {
      Issue.record("not a flat entry")
      return
    }
    #expect(address == 0x10_0010)
    #expect(eax == 0x2bad_b002)
    #expect(plan.segments.first { $0.address == 1 << 20 }?.bytes.count == 4096)
    let information = ByteReader(try #require(plan.segments.first { $0.address == UInt64(ebx) }).bytes)
    #expect(information.u32(0) == 0x24d)
    #expect(information.u32(4) == 639)
    #expect(information.u32(8) == 127 << 10)
    #expect(information.u32(44) == 72)
    let modules = Int(try #require(information.u32(24))) - Int(ebx)
    let start = try #require(information.u32(modules))
    #expect(plan.segments.first { $0.address == UInt64(start) }?.bytes == [9, 9])
  }

  @Test func multiboot2GivesTagsAndRefusesUnknownDemands() throws {
    func kernel(_ tag: [UInt16]) -> [UInt8] {
      var image = ByteBuilder(bytes: [UInt8](repeating: 0, count: 256))
      var header = ByteBuilder()
      let length = UInt32(16 + 24 + 16 + (tag.isEmpty ? 0 : 8) + 8)
      for word in [0xe852_50d6, 0, length, 0 &- (0xe852_50d6 &+ length)] as [UInt32] { header.append(word) }
      for word in [2, 24, 0x20_0000, 0x20_0000, 0x20_0100, 0x20_0100] as [UInt32] { header.append(word) }
      for word in [3, 12, 0x20_0040, 0] as [UInt32] { header.append(word) }
      for word in tag { header.append(word) }
      if !tag.isEmpty { header.append(UInt32(8)) }
      for word in [0, 8] as [UInt32] { header.append(word) }
      image.bytes.replaceSubrange(0..<header.bytes.count, with: header.bytes)
      return image.bytes
    }
    let plan = try KernelFile.parse(kernel([])).plan(map: LoaderTests.map, commandLine: [], initrd: nil, rsdp: nil)
    guard case .flat(let address, let eax, let ebx, _) = plan.entry else {
      Issue.record("not a flat entry")
      return
    }
    #expect(address == 0x20_0040)
    #expect(eax == 0x36d7_6289)
    let information = ByteReader(try #require(plan.segments.first { $0.address == UInt64(ebx) }).bytes)
    #expect(information.u32(0) == UInt32(information.bytes.count))
    #expect(reason(kernel([77, 0]))?.contains("feature 77") == true)
    #expect(reason(kernel([77, 1])) == nil)
  }

  @Test func acceptsDebiansKernels() throws {
    for architecture in ["amd64", "i386"] {
      let path = "/usr/lib/debian-installer/images/12/\(architecture)/text/debian-installer/\(architecture)/linux"
      guard let data = FileManager.default.contents(atPath: path) else { continue }
      let bytes = [UInt8](data)
      #expect(reason(bytes) == nil)
      #expect(reason(Array(bytes.dropLast(100_000)))?.contains("truncated") == true)
    }
  }

  @Test func bootROMHasValidChecksums() {
    let rom = BootLoader.rom
    #expect(rom.count == 512)
    #expect(rom.reduce(0, &+) == 0)
    #expect(rom[0x20..<0x40].reduce(0, &+) == 0)
  }
}
