import Base
import DeviceKit

/// The machine's side of the boot ROM: ports 0FF4h-0FF7h.
///
/// A 32-bit write gives the address of the BIOS's memory map (count, 12 reserved bytes, entries of 24 bytes); the
/// kernel and its companions are then in memory when the write ends. A read gives 1 when that worked, else 0.
struct BootLoader: Device {
  struct State: SavedState {
    var isLoaded = false
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("isLoaded", &isLoaded)
    }
  }
  static let port: UInt16 = 0x0ff4
  private static let maximumEntries = 128
  private static let entrySize = 24

  let descriptor = DeviceDescriptor(
    name: "bootloader", regions: [.ports(port...(port + 3), "boot ROM hand-over")])
  var state = State()
  /// Reads the files and lays the kernel out for a memory map.
  private let source: @Sendable ([MemoryRange], _ rsdp: [UInt8]?) -> Result<BootPlan, MachineError>

  init(source: @escaping @Sendable ([MemoryRange], [UInt8]?) -> Result<BootPlan, MachineError>) {
    self.source = source
  }

  /// The option ROM with its checksums.
  static var rom: [UInt8] {
    var rom = BootROMCode.rom
    let header = 0x20..<0x40
    guard rom.count == 512 else { return rom }
    rom[0x29] = 0 &- rom[header].reduce(0, &+)
    rom[511] = 0 &- rom.reduce(0, &+)
    return rom
  }

  mutating func reset(_ host: some DeviceServices) { state = State() }
  mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    access.offset == 0 ? (state.isLoaded ? 1 : 0) : .max
  }
  mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.offset == 0, access.width == 4 else { return }
    state.isLoaded = false
    let map = BootLoader.memoryMap(at: GuestPhysical(UInt64(UInt32(truncatingIfNeeded: value))), host)
    switch source(map, BootLoader.rootPointer(host)) {
    case .success(let plan):
      for segment in plan.segments { host.dmaWrite(GuestPhysical(segment.address), segment.bytes) }
      host.dmaWrite(GuestPhysical(BootPlan.entryAddress), plan.entryCode)
      state.isLoaded = true
    case .failure(let error): host.log(.guestError, error.description)
    }
  }

  private static func memoryMap(at address: GuestPhysical, _ host: some DeviceServices) -> [MemoryRange] {
    let reader = ByteReader(host.dmaRead(address, count: 16 + maximumEntries * entrySize))
    let count = min(Int(reader.u32(0) ?? 0), maximumEntries)
    return (0..<count).compactMap { index in
      let at = 16 + index * entrySize
      guard let base = reader.u64(at), let size = reader.u64(at + 8), let type = reader.u32(at + 16),
        !base.addingReportingOverflow(size).overflow
      else { return nil }
      return MemoryRange(base: base, size: size, type: type)
    }
  }

  /// The ACPI root pointer in the BIOS area (ACPI 5.2.5.1).
  private static func rootPointer(_ host: some DeviceServices) -> [UInt8]? {
    let area = host.dmaRead(GuestPhysical(0xe0000), count: 0x20000)
    let signature = Array("RSD PTR ".utf8)
    for at in stride(from: 0, to: area.count - 36, by: 16) where area[at...].starts(with: signature) {
      let pointer = Array(area[at..<(at + 36)])
      if pointer.prefix(20).reduce(0, &+) == 0 { return pointer }
    }
    return nil
  }

  func info() -> String { "boot ROM: kernel \(state.isLoaded ? "loaded" : "not loaded")" }
}
