/// The SMBIOS structures and their entry point, which the firmware places.
///
/// - Spec: DMTF DSP0134 "SMBIOS" 2.8: 5.2.1 (entry point), 7.1 BIOS, 7.2 system, 7.3 board, 7.4 chassis, 7.5 processor,
///   7.12 strings of the maker, 7.17 memory array, 7.18 memory device, 7.20 mapped address, 7.33 boot information.
struct SMBIOSTables: Sendable, Equatable {
  private(set) var tables: [UInt8] = []
  private(set) var anchor: [UInt8] = []
  private var count: UInt16 = 0
  private var largest: UInt16 = 0

  private enum Handle {
    static let bios: UInt16 = 0, system: UInt16 = 0x100, board: UInt16 = 0x200, chassis: UInt16 = 0x300
    static let processor: UInt16 = 0x400, maker: UInt16 = 0xb00
    static let array: UInt16 = 0x1000, device: UInt16 = 0x1100, range: UInt16 = 0x1300, boot: UInt16 = 0x2000
    static let end: UInt16 = 0x7f00
  }

  init(
    name: String, memory: UInt64, lowMemory: UInt64, processors: Int, identity: MachineIdentity = MachineIdentity()
  ) {
    func text(_ text: MachineIdentity.Text) -> String? { identity.text(text, machine: name) }
    addBIOS([text(.biosVendor), text(.biosVersion), text(.biosReleaseDate)])
    addSystem(
      [.systemVendor, .systemProduct, .systemVersion, .systemSerial, .systemSKU, .systemFamily].map(text),
      identity.uuid)
    addBoard(
      [.boardVendor, .boardProduct, .boardVersion, .boardSerial, .boardAssetTag, .boardLocation].map(text))
    addChassis([.chassisVendor, .chassisVersion, .chassisSerial, .chassisAssetTag].map(text))
    addMaker([text(.makerVersion), text(.makerRevision)].compactMap { $0 })
    for cpu in 0..<processors { addProcessor(cpu) }
    addMemory(memory, lowMemory)
    add(32, Handle.boot) { $0.bytes += [0, 0, 0, 0, 0, 0, 0] }
    add(127, Handle.end) { _ in }
    anchor = makeAnchor()
  }

  private mutating func addBIOS(_ texts: [String?]) {
    add(0, Handle.bios, texts) { body, number in
      body.bytes += [number(0), number(1)]
      body.append(UInt16(0xe800))
      body.bytes += [number(2), 0]
      body.append(UInt64(1 << 3))  // characteristics are not given
      body.bytes += [0, 0x1c]  // ACPI no; targeted content, virtual machine
      body.bytes += [0, 0, 0xff, 0xff]
    }
  }
  private mutating func addSystem(_ texts: [String?], _ uuid: [UInt8]?) {
    add(1, Handle.system, texts) { body, number in
      body.bytes += [number(0), number(1), number(2), number(3)]
      body.bytes += SMBIOSTables.field(uuid)
      body.bytes += [6, number(4), number(5)]  // power switch; SKU; family
    }
  }
  /// The first three parts of a UUID are little-endian (7.2.1); zeros: not set.
  private static func field(_ uuid: [UInt8]?) -> [UInt8] {
    guard let uuid, uuid.count == 16 else { return [UInt8](repeating: 0, count: 16) }
    return [3, 2, 1, 0, 5, 4, 7, 6].map { uuid[$0] } + uuid[8...]
  }
  private mutating func addBoard(_ texts: [String?]) {
    add(2, Handle.board, texts) { body, number in
      body.bytes += (0..<5).map(number)
      body.bytes += [1, number(5)]  // hosts the system; place in the chassis
      body.append(Handle.chassis)
      body.bytes += [10, 0]  // motherboard; contains nothing
    }
  }
  private mutating func addChassis(_ texts: [String?]) {
    add(3, Handle.chassis, texts) { body, number in
      body.bytes += [number(0), 1, number(1), number(2), number(3)]  // type "other"
      body.bytes += [3, 3, 3, 2]  // states safe; no security
      body.append(UInt32(0))
      body.bytes += [0, 0, 0, 0, 0]
    }
  }
  private mutating func addMaker(_ texts: [String]) {
    if texts.isEmpty { return }
    add(11, Handle.maker, texts) { body, _ in body.bytes.append(UInt8(texts.count)) }
  }

  private mutating func addProcessor(_ cpu: Int) {
    add(4, Handle.processor &+ UInt16(cpu), ["CPU \(cpu)", "Ringbox"]) { body in
      body.bytes += [1, 3, 1, 2]  // socket; central processor; family "other"; maker
      body.append(UInt64(0))
      body.bytes += [0, 0]
      for word in [0, 2000, 2000] as [UInt16] { body.append(word) }  // clock, MHz
      body.bytes += [0x41, 1]  // populated, enabled; upgrade "other"
      for _ in 0..<3 { body.append(UInt16(0xffff)) }  // no cache handles
      body.bytes += [0, 0, 0, 1, 1, 1]
      body.append(UInt16(2))
      body.append(UInt16(1))
    }
  }

  private mutating func addMemory(_ memory: UInt64, _ lowMemory: UInt64) {
    let mebibytes = memory >> 20
    add(16, Handle.array) { body in
      body.bytes += [1, 3, 6]  // other location, system memory, multi-bit ECC
      let kibibytes = memory >> 10
      body.append(kibibytes < 0x8000_0000 ? UInt32(kibibytes) : 0x8000_0000)
      body.append(UInt16(0xfffe))
      body.append(UInt16(1))
      body.append(memory)
    }
    add(17, Handle.device, ["DIMM 0", "Ringbox"]) { body in
      body.append(Handle.array)
      for word in [0xfffe, 0xffff, 0xffff] as [UInt16] { body.append(word) }
      body.append(mebibytes < 0x7fff ? UInt16(mebibytes) : 0x7fff)
      body.bytes += [9, 0, 1, 0, 7]  // DIMM; no set; locator; no bank; RAM
      body.append(UInt16(2))
      body.append(UInt16(0))
      body.bytes += [2, 0, 0, 0, 0]
      body.append(mebibytes < 0x7fff ? 0 : UInt32(clamping: mebibytes))
      body.bytes += [UInt8](repeating: 0, count: 8)
    }
    addRange(0, 0, lowMemory)
    if memory > lowMemory { addRange(1, 4 << 30, memory - lowMemory) }
  }
  private mutating func addRange(_ index: UInt16, _ base: UInt64, _ size: UInt64) {
    guard size > 0 else { return }
    add(19, Handle.range + index) { body in
      // In KiB, or all ones and 64-bit addresses when that does not fit.
      let fits = (base + size - 1) >> 10 < 0xffff_ffff
      body.append(fits ? UInt32(base >> 10) : 0xffff_ffff)
      body.append(fits ? UInt32((base + size - 1) >> 10) : 0xffff_ffff)
      body.append(Handle.array)
      body.append(UInt8(1))
      body.append(fits ? 0 : base)
      body.append(fits ? 0 : base + size - 1)
    }
  }

  /// One structure with its strings, of which those that are there are numbered from 1; `fill` asks for numbers, 0 for none.
  private mutating func add(
    _ type: UInt8, _ handle: UInt16, _ texts: [String?], _ fill: (inout ByteBuilder, (Int) -> UInt8) -> Void
  ) {
    let strings = texts.compactMap { $0 }
    add(type, handle, strings) { body in
      fill(&body) { place in texts[place] == nil ? 0 : UInt8(texts[...place].compactMap { $0 }.count) }
    }
  }
  private mutating func add(
    _ type: UInt8, _ handle: UInt16, _ strings: [String] = [], _ fill: (inout ByteBuilder) -> Void
  ) {
    var body = ByteBuilder()
    fill(&body)
    var structure = ByteBuilder()
    structure.bytes = [type, UInt8(4 + body.bytes.count)]
    structure.append(handle)
    structure.bytes += body.bytes
    // Names come from outside: at most 64 printable characters, never an empty string, which would end the set.
    for string in strings {
      let text = string.utf8.filter { $0 >= 0x20 && $0 < 0x7f }.prefix(MachineIdentity.textLimit)
      structure.bytes += (text.isEmpty ? [0x2d] : Array(text)) + [0]
    }
    structure.bytes += strings.isEmpty ? [0, 0] : [0]
    tables += structure.bytes
    count += 1
    largest = max(largest, UInt16(clamping: structure.bytes.count))
  }

  /// The firmware fills in address and checksums.
  private func makeAnchor() -> [UInt8] {
    var table = ByteBuilder()
    table.append(text: "_SM_", count: 4)
    table.bytes += [0, 0x1f, 2, 8]
    table.append(largest)
    table.bytes += [0, 0, 0, 0, 0, 0]
    table.append(text: "_DMI_", count: 5)
    table.append(UInt8(0))
    table.append(UInt16(clamping: tables.count))
    table.append(UInt32(0))
    table.append(count)
    table.append(UInt8(0x28))
    return table.bytes
  }
}
