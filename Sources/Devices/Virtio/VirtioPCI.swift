import Base
import DeviceKit

/// A virtio device of any type behind the PCI transport (Virtio 1.1, 4.1), without the legacy interface.
///
/// - BAR 4 (64-bit memory, 16 KiB): common configuration at 0, ISR at 1000h, device configuration at 2000h,
///   notifications at 3000h, four bytes a queue. BAR 1 (4 KiB): MSI-X table at 0, pending bits at 800h.
/// - One MSI-X vector a queue and one for configuration changes; output "intx" until MSI-X is enabled.
/// - A reset by the driver reads back as 0 only when the backend has nothing of the device any more, because its
///   requests go straight to guest memory.
public struct VirtioPCI<Function: VirtioFunction>: PCIDevice {
  /// All of the device that survives a snapshot.
  public struct State: SavedState {
    var config = PCIConfigSpace()
    var transport = VirtioTransport()
    var function = Function.Saved()
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.nested("transport", &transport)
      try visit.nested("function", &function)
    }
  }

  public let descriptor: DeviceDescriptor
  public let barRegions: [(bar: Int, region: Int)]
  private let rom: OptionROM?
  public var config: PCIConfigSpace
  private let initialConfig: PCIConfigSpace
  var transport: VirtioTransport
  /// The device type.
  public internal(set) var function: Function
  /// The driver wrote 0 to the status while the backend had requests. Not saved: nothing is saved with requests.
  private var resetPending = false

  /// - Parameter rom: what the expansion ROM BAR shows.
  public init(_ function: Function, rom: OptionROM? = nil) {
    self.function = function
    self.rom = rom
    transport = VirtioTransport(queues: function.queueCount, features: function.features)
    var config = VirtioLayout.config(
      deviceType: Function.deviceType, classCode: Function.classCode, queues: function.queueCount,
      configurationSize: function.configuration.count)
    var regions = [
      Region(.memory, base: nil, size: VirtioLayout.registersSize, "\(Function.name) registers"),
      Region(.memory, base: nil, size: VirtioLayout.messagesSize, "\(Function.name) MSI-X"),
    ]
    if let rom {
      config.defineROM(size: UInt64(rom.bytes.count))
      regions.append(Region(.memory, base: nil, size: UInt64(rom.bytes.count), "\(Function.name) ROM"))
      barRegions = [(4, 0), (1, 1), (PCIConfigSpace.romBAR, 2)]
    } else {
      barRegions = [(4, 0), (1, 1)]
    }
    initialConfig = config
    self.config = config
    descriptor = DeviceDescriptor(
      name: function.instanceName, regions: regions, outputs: ["intx"], timers: ["go on"])
  }

  public var state: State {
    get {
      var state = State()
      state.config = config
      state.transport = transport
      state.function = function.saved
      return state
    }
    set {
      config = newValue.config
      transport = newValue.transport
      function.saved = newValue.function
    }
  }

  public mutating func reset(_ host: some DeviceServices) {
    config = initialConfig
    mapBARs(host)
    resetPending = false
    function.reset()
    transport = VirtioTransport(queues: function.queueCount, features: function.features)
    function.linkChanged(&transport, host)
    transport.updatePin(host)
    host.disarm(0)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    resetPending = false
    let saved = function.saved
    function.reset()
    function.saved = saved
    mapBARs(host)
    copyInterruptControl()
    function.linkChanged(&transport, host)
    transport.updatePin(host)
    if transport.unfinished != 0 { host.arm(0, at: host.now.adding(nanoseconds: VirtioLayout.pauseNanoseconds)) }
  }

  // MARK: Memory

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard [1, 2, 4, 8].contains(access.width) else { return .max }
    if access.region == 2, let rom { return rom.read(access) }
    guard access.offset < 0x10000 else { return .max }
    let offset = Int(access.offset)
    if access.region == 1 {
      return transport.messages.read(offset, width: access.width, pendingBits: VirtioLayout.pendingBits)
    }
    guard access.region == 0 else { return .max }
    switch offset {
    case VirtioLayout.common..<VirtioLayout.isr: return word(transport.commonBytes(), offset, access.width)
    case VirtioLayout.isr:
      let value = transport.isr
      transport.isr = 0
      transport.updatePin(host)
      return UInt64(value)
    case VirtioLayout.device..<VirtioLayout.notify:
      return word(function.configuration, offset - VirtioLayout.device, access.width)
    default: return 0
    }
  }
  /// Little-endian bytes of a structure; 0 beyond its end.
  private func word(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
    (0..<width).reduce(0) { $0 | UInt64(offset + $1 < bytes.count ? bytes[offset + $1] : 0) << UInt64($1 * 8) }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard [1, 2, 4, 8].contains(access.width), access.offset < 0x10000 else { return }
    if access.width == 8 {
      write(Access(region: access.region, offset: access.offset, width: 4), value & 0xffff_ffff, host)
      write(Access(region: access.region, offset: access.offset + 4, width: 4), value >> 32, host)
      return
    }
    let offset = Int(access.offset)
    if access.region == 1 {
      if access.width == 4 { transport.messages.write(offset, UInt32(truncatingIfNeeded: value), host) }
      return
    }
    guard access.region == 0 else { return }
    switch offset {
    case 20:
      writeStatus(UInt8(truncatingIfNeeded: value), host)
    case VirtioLayout.common..<VirtioLayout.isr:
      guard !resetPending else { return }
      transport.writeCommon(offset, UInt32(truncatingIfNeeded: value), width: access.width, host)
    case VirtioLayout.notify..<Int(VirtioLayout.registersSize):
      let queue = (offset - VirtioLayout.notify) / 4
      if queue < transport.queues.count { serve(1 << UInt64(queue), host) }
    default: break
    }
  }

  private mutating func writeStatus(_ value: UInt8, _ host: some DeviceServices) {
    guard !resetPending else { return }
    guard value == 0 else {
      transport.addStatus(value)
      return
    }
    if function.outstanding > 0 {
      // Stops the queues at once; the status stays non-zero until the backend is done.
      resetPending = true
      transport.status = VirtioStatus.needsReset
    } else {
      finishReset(host)
    }
  }
  private mutating func finishReset(_ host: some DeviceServices) {
    resetPending = false
    function.reset()
    transport.resetDevice(host)
    host.disarm(0)
  }

  // MARK: Queues

  /// Lets the function work on the queues of a mask, as far as the budget goes.
  private mutating func serve(_ mask: UInt64, _ host: some DeviceServices) {
    guard transport.isRunning else { return }
    transport.unfinished &= ~mask
    transport.refillBudget()
    for queue in 0..<min(transport.queues.count, 64) where mask >> UInt64(queue) & 1 == 1 {
      function.notified(queue, &transport, host)
    }
    // A driver that adds as fast as the device takes must not hold its lock for ever.
    if transport.unfinished != 0 { host.arm(0, at: host.now.adding(nanoseconds: VirtioLayout.pauseNanoseconds)) }
  }
  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) { serve(transport.unfinished, host) }
  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    function.completed(completion, &transport, host)
    if resetPending, function.outstanding == 0 { finishReset(host) }
  }

  public mutating func framesArrived(_ host: some DeviceServices) {
    transport.refillBudget()
    function.framesArrived(&transport, host)
    if transport.unfinished != 0 { host.arm(0, at: host.now.adding(nanoseconds: VirtioLayout.pauseNanoseconds)) }
  }
  public mutating func linkChanged(_ host: some DeviceServices) { function.linkChanged(&transport, host) }

  private mutating func copyInterruptControl() {
    transport.messages.copyControl(config, at: VirtioLayout.messageCapability)
    transport.pinDisabled = config.bytes[5] & 4 != 0
  }

  // MARK: Configuration space

  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {
    copyInterruptControl()
    transport.updatePin(host)
    transport.messages.configure(config, at: VirtioLayout.messageCapability, host)
    if let window = window(offset, width) {
      let value = config.get32(VirtioLayout.windowData)
      let mask: UInt64 = window.width == 4 ? 0xffff_ffff : window.width == 2 ? 0xffff : 0xff
      write(window, UInt64(value) & mask, host)
    }
  }
  public mutating func configWillRead(_ offset: Int, width: Int, _ host: some DeviceServices) {
    guard let window = window(offset, width) else { return }
    config.set32(VirtioLayout.windowData, UInt32(truncatingIfNeeded: read(window, host)))
  }
  /// What an access to pci_cfg_data reaches through the PCI configuration access capability (Virtio 1.1, 4.1.4.8).
  private func window(_ offset: Int, _ width: Int) -> Access? {
    guard offset < VirtioLayout.windowData + 4, offset + width > VirtioLayout.windowData else { return nil }
    let at = UInt64(config.get32(VirtioLayout.windowCapability + 8))
    let size = Int(config.get32(VirtioLayout.windowCapability + 12))
    guard size == 1 || size == 2 || size == 4, at % UInt64(size) == 0 else { return nil }
    switch config.bytes[VirtioLayout.windowCapability + 4] {
    case 4 where at < VirtioLayout.registersSize: return Access(region: 0, offset: at, width: size)
    case 1 where at < VirtioLayout.messagesSize: return Access(region: 1, offset: at, width: size)
    default: return nil
    }
  }

  public func info() -> String {
    let queues = transport.queues.enumerated().filter { $0.element.enabled }.map { index, queue in
      "queue \(index): size \(queue.size), available \(queue.nextAvailable), used \(queue.nextUsed)"
    }
    let status = "\(Function.name): status 0x\(String(transport.status, radix: 16))"
    return ([status + ", features 0x\(String(transport.driverFeatures, radix: 16))"] + queues + [function.info()])
      .joined(separator: "\n")
  }
}

/// Where the structures lie.
enum VirtioLayout {
  static let common = 0, isr = 0x1000, device = 0x2000, notify = 0x3000
  static let registersSize: UInt64 = 0x4000
  static let messagesSize: UInt64 = 0x1000
  static let pendingBits = 0x800
  static let pauseNanoseconds: Int64 = 10_000
  // Capabilities in configuration space.
  static let messageCapability = 0x40, firstCapability = 0x50, windowCapability = 0xa0
  static let windowData = windowCapability + 16

  static func config(deviceType: UInt16, classCode: UInt32, queues: Int, configurationSize: Int) -> PCIConfigSpace {
    var config = PCIConfigSpace(
      vendor: 0x1af4, device: 0x1040 &+ deviceType, classCode: classCode, revision: 1,
      subsystem: PCIConfigSpace.platform, interruptPin: 1)
    config.defineBAR(1, size: messagesSize, kind: .memory32(prefetchable: false))
    config.defineBAR(4, size: registersSize, kind: .memory64(prefetchable: true))
    config.bytes[0x06] = 0x10  // capability list
    config.bytes[0x34] = UInt8(messageCapability)
    MSIXTable.define(
      &config, at: messageCapability, next: firstCapability, vectors: queues + 1, bar: 1, pendingBits: pendingBits)
    let structures: [(type: UInt8, offset: Int, size: Int)] = [
      (1, common, 56), (3, isr, 1), (4, device, max(4, configurationSize)), (2, notify, queues * 4), (5, 0, 0),
    ]
    var at = firstCapability
    for (index, structure) in structures.enumerated() {
      let isLast = index == structures.count - 1
      let size = structure.type == 2 || structure.type == 5 ? 20 : 16
      let next = index == structures.count - 2 ? windowCapability : at + size
      config.bytes[at] = 0x09
      config.bytes[at + 1] = isLast ? 0 : UInt8(next)
      config.bytes[at + 2] = UInt8(size)
      config.bytes[at + 3] = structure.type
      config.bytes[at + 4] = structure.type == 5 ? 0 : 4
      config.set32(at + 8, UInt32(structure.offset))
      config.set32(at + 12, UInt32(structure.size))
      if structure.type == 2 { config.set32(at + 16, 4) }  // notify_off_multiplier
      at = next
    }
    config.writable[windowCapability + 4] = 0xff
    for byte in 8..<20 { config.writable[windowCapability + byte] = 0xff }
    return config
  }
}
