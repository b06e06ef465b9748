import Base
import DeviceKit

/// The firmware configuration device that SeaBIOS, OVMF and Linux know as fw_cfg, with its DMA interface.
///
/// - Ports: 510h selector (16-bit write) and, at 511h, the data byte; 514h-51Bh DMA address, big-endian,
///   whose low half starts the transfer.
/// - Spec: QEMU "Firmware Configuration (fw_cfg) Device" interface description.
/// - Items are set by the machine at power-on. The guest changes only files added as writable.
public struct FirmwareConfig: Device {
  /// Item keys with a fixed meaning.
  public enum Key {
    /// The four bytes "QEMU".
    public static let signature: UInt16 = 0x00
    /// Which interfaces there are: bit 0 the ports, bit 1 DMA.
    public static let id: UInt16 = 0x01
    /// UUID of the machine, 16 bytes.
    public static let uuid: UInt16 = 0x02
    /// Bytes of RAM, 64 bits.
    public static let ramSize: UInt16 = 0x03
    /// Non-zero: no display, 16 bits.
    public static let noGraphic: UInt16 = 0x04
    /// Processors present at power-on, 16 bits.
    public static let processorCount: UInt16 = 0x05
    /// Number of the machine type, 32 bits.
    public static let machineID: UInt16 = 0x06
    /// Where the kernel is to be loaded, 32 bits.
    public static let kernelAddress: UInt16 = 0x07
    /// Bytes of the kernel, 32 bits.
    public static let kernelSize: UInt16 = 0x08
    /// Command line of the kernel.
    public static let kernelCommandLine: UInt16 = 0x09
    /// Where the initial RAM disk is to be loaded, 32 bits.
    public static let initrdAddress: UInt16 = 0x0a
    /// Bytes of the initial RAM disk, 32 bits.
    public static let initrdSize: UInt16 = 0x0b
    /// Drive to boot from, 16 bits.
    public static let bootDevice: UInt16 = 0x0c
    /// Nodes, and the memory and processors of each.
    public static let numa: UInt16 = 0x0d
    /// Non-zero: show the boot menu, 16 bits.
    public static let bootMenu: UInt16 = 0x0e
    /// Largest number of APIC IDs, 16 bits.
    public static let maximumProcessors: UInt16 = 0x0f
    /// Where the kernel is entered, 32 bits.
    public static let kernelEntry: UInt16 = 0x10
    /// The kernel itself.
    public static let kernelData: UInt16 = 0x11
    /// The initial RAM disk itself.
    public static let initrdData: UInt16 = 0x12
    /// Where the command line is to be loaded, 32 bits.
    public static let commandLineAddress: UInt16 = 0x13
    /// Bytes of the command line, 32 bits.
    public static let commandLineSize: UInt16 = 0x14
    /// The command line itself.
    public static let commandLineData: UInt16 = 0x15
    /// Where the kernel's setup code is to be loaded, 32 bits.
    public static let setupAddress: UInt16 = 0x16
    /// Bytes of the setup code, 32 bits.
    public static let setupSize: UInt16 = 0x17
    /// The setup code itself.
    public static let setupData: UInt16 = 0x18
    /// The directory of named files.
    public static let fileDirectory: UInt16 = 0x19
    /// The first named file.
    public static let firstFile: UInt16 = 0x20
    /// ACPI tables for firmware without a table loader.
    public static let acpiTables: UInt16 = 0x8000
    /// SMBIOS fields and tables.
    public static let smbiosTables: UInt16 = 0x8001
    /// Non-zero: IRQ 0 arrives at I/O APIC pin 2.
    public static let irq0Override: UInt16 = 0x8002
    /// The memory map.
    public static let e820Table: UInt16 = 0x8003
    /// The HPETs there are.
    public static let hpet: UInt16 = 0x8004
  }

  public static let maximumFiles = 64
  /// Largest writable file: it travels in saved states.
  public static let maximumWritableBytes = 1 << 20
  /// Zeros that one DMA read past an item's end may produce before it is refused.
  static let maximumPadding = 1 << 24
  static let chunk = 1 << 16

  /// Control word bits of a DMA request.
  enum Control {
    static let error: UInt32 = 0x01
    static let read: UInt32 = 0x02
    static let skip: UInt32 = 0x04
    static let select: UInt32 = 0x08
    static let write: UInt32 = 0x10
  }

  /// What the guest has made of one writable file.
  public struct WrittenFile: SavedState {
    var key: UInt16 = 0
    var data: [UInt8] = []
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("key", &key)
      try visit.bytes("data", &data, maximum: FirmwareConfig.maximumWritableBytes)
    }
  }

  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    var selected: UInt16 = 0
    var offset: UInt64 = 0
    var dmaHigh: UInt32 = 0
    var written: [WrittenFile] = []
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("selected", &selected)
      try visit.field("offset", &offset)
      try visit.field("dmaHigh", &dmaHigh)
      try visit.list("written", &written, maximum: FirmwareConfig.maximumFiles)
    }
  }

  private struct File {
    var key: UInt16
    var name: String
    var count: Int
    var isWritable: Bool
  }

  public let descriptor = DeviceDescriptor(name: "fw_cfg", regions: [.ports(0x510...0x51b, "fw_cfg")])
  public var state = State()
  private var items: [UInt16: [UInt8]] = [:]
  private var files: [File] = []

  public init() {
    items[Key.signature] = Array("QEMU".utf8)
    // Bit 0: the traditional interface; bit 1: DMA.
    items[Key.id] = [3, 0, 0, 0]
    rebuildDirectory()
  }

  // MARK: Set-up by the machine

  /// Adds or replaces the item `key`.
  public mutating func add(key: UInt16, _ data: [UInt8]) { items[key] = data }
  /// Adds an integer item, little-endian.
  public mutating func add(key: UInt16, _ value: some FixedWidthInteger) {
    items[key] = (0..<(value.bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// Adds or replaces a named file; returns its key, or nil when the directory is full, the name is longer
  /// than 55 bytes, or a writable file is longer than `maximumWritableBytes`.
  @discardableResult public mutating func add(file name: String, _ data: [UInt8], writable: Bool = false) -> UInt16? {
    guard name.utf8.count <= 55, !writable || data.count <= FirmwareConfig.maximumWritableBytes else { return nil }
    if let index = files.firstIndex(where: { $0.name == name }) {
      files[index].count = data.count
      files[index].isWritable = writable
      items[files[index].key] = data
      rebuildDirectory()
      return files[index].key
    }
    guard files.count < FirmwareConfig.maximumFiles else { return nil }
    let key = Key.firstFile + UInt16(files.count)
    files.append(File(key: key, name: name, count: data.count, isWritable: writable))
    items[key] = data
    rebuildDirectory()
    return key
  }

  /// The present contents of a file, with what the guest wrote.
  public func contents(ofFile name: String) -> [UInt8]? {
    files.first { $0.name == name }.map { data($0.key) }
  }

  private mutating func rebuildDirectory() {
    var directory = bigEndian(UInt32(files.count))
    for file in files {
      directory += bigEndian(UInt32(clamping: file.count))
      directory += [UInt8(truncatingIfNeeded: file.key >> 8), UInt8(truncatingIfNeeded: file.key), 0, 0]
      let name = Array(file.name.utf8.prefix(55))
      directory += name + [UInt8](repeating: 0, count: 56 - name.count)
    }
    items[Key.fileDirectory] = directory
  }

  private func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  // MARK: Guest side

  public mutating func reset(_ host: some DeviceServices) { state = State() }

  private func data(_ key: UInt16) -> [UInt8] {
    if let file = state.written.first(where: { $0.key == key }) { return file.data }
    return items[key] ?? []
  }

  private mutating func select(_ key: UInt16) {
    // Bit 14 once marked a write; the key proper leaves it out.
    state.selected = key & 0xbfff
    state.offset = 0
  }

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    switch access.offset {
    case 1 where access.width == 1: return nextByte()
    case 4..<12:
      // The DMA address register reads as a signature, in the order of the bytes.
      var value: UInt64 = 0
      let signature = Array("QEMU CFG".utf8)
      for index in 0..<min(access.width, 8) {
        let at = Int(access.offset) - 4 + index
        value |= UInt64(at < 8 ? signature[at] : 0xff) << UInt64(index * 8)
      }
      return value
    default: return .max
    }
  }

  private mutating func nextByte() -> UInt64 {
    let offset = state.offset
    state.offset = offset &+ 1
    // Looked up in place: string reads take megabytes through here.
    if let file = state.written.firstIndex(where: { $0.key == state.selected }) {
      return offset < state.written[file].data.count ? UInt64(state.written[file].data[Int(offset)]) : 0
    }
    guard let index = items.index(forKey: state.selected) else { return 0 }
    return offset < items.values[index].count ? UInt64(items.values[index][Int(offset)]) : 0
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    switch (access.offset, access.width) {
    case (0, 2): select(UInt16(truncatingIfNeeded: value))
    case (4, 4): state.dmaHigh = UInt32(truncatingIfNeeded: value).byteSwapped
    case (4, 8):
      state.dmaHigh = 0
      transfer(at: GuestPhysical(value.byteSwapped), host)
    case (8, 4):
      let low = UInt64(UInt32(truncatingIfNeeded: value).byteSwapped)
      let address = UInt64(state.dmaHigh) << 32 | low
      state.dmaHigh = 0
      transfer(at: GuestPhysical(address), host)
    default: host.log(.guestError, "fw_cfg: write of \(access.width) bytes at offset \(access.offset)")
    }
  }

  /// Executes the request block at `request`: control, length, address, all big-endian.
  private mutating func transfer(at request: GuestPhysical, _ host: some DeviceServices) {
    let block = host.dmaRead(request, count: 16)
    guard block.count == 16 else { return }
    func word(_ at: Int) -> UInt32 { block[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
    let control = word(0)
    if control & Control.select != 0 { select(UInt16(truncatingIfNeeded: control >> 16)) }
    let length = UInt64(word(4))
    let address = GuestPhysical(UInt64(word(8)) << 32 | UInt64(word(12)))
    var done = true
    if control & Control.read != 0 {
      done = copyOut(length, to: address, host)
    } else if control & Control.write != 0 {
      done = copyIn(length, from: address, host)
    } else if control & Control.skip != 0 {
      state.offset = state.offset &+ length
    }
    host.dmaWrite(request, bigEndian(done ? 0 : Control.error))
  }

  private mutating func copyOut(_ length: UInt64, to address: GuestPhysical, _ host: some DeviceServices) -> Bool {
    let source = data(state.selected)
    let start = Int(min(state.offset, UInt64(source.count)))
    let available = min(Int(length), source.count - start)
    guard Int(length) - available <= FirmwareConfig.maximumPadding else { return false }
    var position = 0
    while position < Int(length) {
      let count = min(FirmwareConfig.chunk, Int(length) - position)
      let from = min(start + position, source.count)
      var piece = Array(source[from..<min(from + count, source.count)])
      // Past its end an item reads as zeros.
      if piece.count < count { piece += [UInt8](repeating: 0, count: count - piece.count) }
      host.dmaWrite(address &+ UInt64(position), piece)
      position += count
    }
    state.offset = state.offset &+ length
    return true
  }

  private mutating func copyIn(_ length: UInt64, from address: GuestPhysical, _ host: some DeviceServices) -> Bool {
    let key = state.selected
    guard files.contains(where: { $0.key == key && $0.isWritable }) else { return false }
    var target = data(key)
    let (end, overflow) = state.offset.addingReportingOverflow(length)
    guard !overflow, end <= UInt64(target.count) else { return false }
    let start = Int(state.offset)
    let bytes = host.dmaRead(address, count: Int(length))
    guard bytes.count == Int(length) else { return false }
    target.replaceSubrange(start..<(start + bytes.count), with: bytes)
    state.offset = end
    var file = WrittenFile()
    file.key = key
    file.data = target
    if let index = state.written.firstIndex(where: { $0.key == key }) {
      state.written[index] = file
    } else if state.written.count < FirmwareConfig.maximumFiles {
      state.written.append(file)
    }
    return true
  }

  public func info() -> String {
    var lines = ["fw_cfg: item 0x\(String(state.selected, radix: 16)) at byte \(state.offset)"]
    for file in files {
      let key = String(file.key, radix: 16)
      lines.append("0x\(key) \(file.name), \(data(file.key).count) bytes\(file.isWritable ? ", writable" : "")")
    }
    return lines.joined(separator: "\n")
  }
}
