import Base
import DeviceKit

/// Device status bits (Virtio 1.1, 2.1).
enum VirtioStatus {
  static let driverOK: UInt8 = 4, featuresOK: UInt8 = 8, needsReset: UInt8 = 64
}
/// Feature bits of the transport (Virtio 1.1, 6).
enum VirtioFeature {
  static let indirect: UInt64 = 1 << 28, eventIndex: UInt64 = 1 << 29, version1: UInt64 = 1 << 32
}

/// The saved state of a device type that has nothing to save.
public struct VirtioNoState: SavedState {
  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {}
}

/// What a virtio device type adds to the transport.
public protocol VirtioFunction {
  associatedtype Saved: SavedState = VirtioNoState
  /// What the type itself has to save.
  var saved: Saved { get set }
  /// Device type (Virtio 1.1, 5): the PCI device ID is 1040h more.
  static var deviceType: UInt16 { get }
  static var classCode: UInt32 { get }
  static var name: String { get }
  /// Name of the device in the machine; `name` unless a machine may have several.
  var instanceName: String { get }
  /// Feature bits of the type.
  var features: UInt64 { get }
  var queueCount: Int { get }
  /// Device configuration space.
  var configuration: [UInt8] { get }
  /// Requests that a backend has; a reset waits for them.
  var outstanding: Int { get }
  /// The device was reset; what is outstanding belongs to nobody.
  mutating func reset()
  /// Takes requests from `queue` until it is empty or the budget of the transport is used up.
  mutating func notified(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices)
  mutating func completed(
    _ completion: BlockCompletion, _ transport: inout VirtioTransport, _ host: some DeviceServices)
  /// Frames wait (`DeviceServices.nextFrame`).
  mutating func framesArrived(_ transport: inout VirtioTransport, _ host: some DeviceServices)
  /// The cable was plugged in or out, or may have been while the device was not looking.
  mutating func linkChanged(_ transport: inout VirtioTransport, _ host: some DeviceServices)
  func info() -> String
}

extension VirtioFunction {
  public var instanceName: String { Self.name }
  public mutating func completed(
    _ completion: BlockCompletion, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {}
  public mutating func framesArrived(_ transport: inout VirtioTransport, _ host: some DeviceServices) {}
  public mutating func linkChanged(_ transport: inout VirtioTransport, _ host: some DeviceServices) {}
}
extension VirtioFunction where Saved == VirtioNoState {
  public var saved: VirtioNoState {
    get { VirtioNoState() }
    set {}
  }
}

/// Queues, features, status and interrupts of a virtio device, whatever its type.
public struct VirtioTransport: SavedState {
  var queues: [Virtqueue] = []
  /// One vector a queue, and one for configuration changes.
  var messages = MSIXTable()
  var status: UInt8 = 0
  var deviceFeatureSelect: UInt32 = 0
  var driverFeatureSelect: UInt32 = 0
  var driverFeatures: UInt64 = 0
  var configurationVector = Virtqueue.noVector
  var queueSelect: UInt16 = 0
  var isr: UInt8 = 0
  /// Goes up with each change of the device configuration, so that drivers do not read halves of two.
  var generation: UInt8 = 0
  /// Queues (bit n) that ran out of budget and go on when the timer fires.
  var unfinished: UInt64 = 0
  /// Copy of the command register's interrupt disable bit.
  var pinDisabled = false

  /// Offered features; constant.
  var offered: UInt64 = 0
  /// Work left in this entry, in descriptors. Not saved: only meaningful inside a call.
  private var budget = 0
  private static let budgetLimit = 1024

  public init() {}
  init(queues count: Int, features: UInt64) {
    queues = Array(repeating: Virtqueue(), count: count)
    messages = MSIXTable(count: count + 1)
    offered = features | VirtioFeature.indirect | VirtioFeature.eventIndex | VirtioFeature.version1
  }
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.fixedList("queues", &queues)
    try visit.nested("messages", &messages)
    try visit.field("status", &status)
    try visit.field("deviceFeatureSelect", &deviceFeatureSelect)
    try visit.field("driverFeatureSelect", &driverFeatureSelect)
    try visit.field("driverFeatures", &driverFeatures)
    guard driverFeatures & ~offered == 0 || status & VirtioStatus.featuresOK == 0 else {
      throw .outOfRange(field: "driverFeatures")
    }
    try visit.field("configurationVector", &configurationVector)
    try visit.field("queueSelect", &queueSelect)
    try visit.field("isr", &isr, in: 0...3)
    try visit.field("generation", &generation)
    try visit.field("unfinished", &unfinished)
    try visit.field("pinDisabled", &pinDisabled)
  }

  // MARK: For functions

  /// Whether the driver has accepted all of these feature bits.
  public func negotiated(_ feature: UInt64) -> Bool { driverFeatures & feature == feature }
  var isRunning: Bool {
    status & (VirtioStatus.driverOK | VirtioStatus.needsReset) == VirtioStatus.driverOK
  }

  /// The next request of a queue; nil when it is empty, the device stopped, or the budget of this entry used up.
  public mutating func next(_ queue: Int, _ host: some DeviceServices) -> VirtioChain? {
    guard isRunning, queues.indices.contains(queue), queues[queue].enabled else { return nil }
    guard budget > 0 else {
      unfinished |= 1 << UInt64(queue & 63)
      return nil
    }
    do throws(VirtqueueError) {
      let chain = try queues[queue].next(
        eventIndex: negotiated(VirtioFeature.eventIndex), indirect: negotiated(VirtioFeature.indirect), host)
      // Work other than reading descriptors counts like eight of them.
      if let chain { budget -= 8 + chain.readable.count + chain.writable.count }
      return chain
    } catch {
      fault(error, host)
      return nil
    }
  }
  /// Puts the last `count` requests of a queue back as if they had not been taken.
  mutating func putBack(_ queue: Int, count: Int) {
    guard isRunning, queues.indices.contains(queue), queues[queue].enabled else { return }
    queues[queue].putBack(count)
  }
  /// Gives a request back.
  public mutating func complete(_ queue: Int, head: UInt16, written: UInt32, _ host: some DeviceServices) {
    complete(queue, [(head, written)], host)
  }
  /// Gives several requests back, which the driver sees all at once.
  mutating func complete(
    _ queue: Int, _ requests: [(head: UInt16, written: UInt32)], _ host: some DeviceServices
  ) {
    guard isRunning, queues.indices.contains(queue), queues[queue].enabled else { return }
    let wanted = queues[queue].complete(requests, eventIndex: negotiated(VirtioFeature.eventIndex), host)
    if wanted { signal(queues[queue].vector, isr: 1, host) }
  }
  /// The driver broke the rules: nothing more is done until it resets the device (Virtio 1.1, 2.1.2).
  public mutating func fault(_ error: VirtqueueError, _ host: some DeviceServices) {
    host.log(.guestError, "virtio: \(error)")
    status |= VirtioStatus.needsReset
    if status & VirtioStatus.driverOK != 0 { signal(configurationVector, isr: 2, host) }
  }
  /// The device configuration is another now; the driver is told.
  mutating func configurationChanged(_ host: some DeviceServices) {
    generation &+= 1
    if isRunning { signal(configurationVector, isr: 2, host) }
  }
  /// Uses the budget of this entry up for work besides reading descriptors.
  mutating func spend(_ work: Int) { budget -= work }
  mutating func refillBudget() { budget = VirtioTransport.budgetLimit }

  // MARK: Interrupts

  mutating func signal(_ vector: UInt16, isr bits: UInt8, _ host: some DeviceServices) {
    guard messages.isEnabled else {
      isr |= bits
      updatePin(host)
      return
    }
    messages.signal(Int(vector), host)
  }
  func updatePin(_ host: some DeviceServices) { host.setLine(0, isr != 0 && !messages.isEnabled && !pinDisabled) }

  // MARK: Common configuration (Virtio 1.1, 4.1.4.3)

  private var selected: Int? { queues.indices.contains(Int(queueSelect)) ? Int(queueSelect) : nil }

  /// The 56 bytes of the structure as they read now.
  func commonBytes() -> [UInt8] {
    var bytes: [UInt8] = []
    func put(_ value: UInt64, _ size: Int) {
      for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
    func half(_ features: UInt64, _ select: UInt32) -> UInt64 {
      select < 2 ? features >> UInt64(select * 32) & 0xffff_ffff : 0
    }
    put(UInt64(deviceFeatureSelect), 4)
    put(half(offered, deviceFeatureSelect), 4)
    put(UInt64(driverFeatureSelect), 4)
    put(half(driverFeatures, driverFeatureSelect), 4)
    put(UInt64(configurationVector), 2)
    put(UInt64(queues.count), 2)
    put(UInt64(status), 1)
    put(UInt64(generation), 1)
    put(UInt64(queueSelect), 2)
    let queue = selected.map { queues[$0] }
    put(UInt64(queue?.size ?? 0), 2)
    put(UInt64(queue?.vector ?? Virtqueue.noVector), 2)
    put(queue?.enabled == true ? 1 : 0, 2)
    put(UInt64(queueSelect), 2)
    put(queue?.descriptorTable ?? 0, 8)
    put(queue?.driverArea ?? 0, 8)
    put(queue?.deviceArea ?? 0, 8)
    return bytes
  }

  /// A write of any field but the status.
  mutating func writeCommon(_ offset: Int, _ value: UInt32, width: Int, _ host: some DeviceServices) {
    let half = UInt16(truncatingIfNeeded: value)
    switch (offset, width) {
    case (0, 4): deviceFeatureSelect = value
    case (8, 4): driverFeatureSelect = value
    case (12, 4):
      guard status & VirtioStatus.featuresOK == 0, driverFeatureSelect < 2 else { return }
      let shift = UInt64(driverFeatureSelect * 32)
      driverFeatures = driverFeatures & ~(0xffff_ffff << shift) | UInt64(value) << shift
    case (16, 2): configurationVector = usable(half)
    case (22, 2): queueSelect = half
    default:
      guard let queue = selected else { return }
      writeQueue(queue, offset, value, width: width, host)
    }
  }
  /// A vector that does not exist reads back as none, which tells the driver that it was refused.
  private func usable(_ vector: UInt16) -> UInt16 { Int(vector) < messages.vectors.count ? vector : Virtqueue.noVector }

  private mutating func writeQueue(
    _ queue: Int, _ offset: Int, _ value: UInt32, width: Int, _ host: some DeviceServices
  ) {
    let half = UInt16(truncatingIfNeeded: value)
    if offset == 26, width == 2 {
      queues[queue].vector = usable(half)
      return
    }
    guard !queues[queue].enabled else {
      host.log(.guestError, "virtio: queue \(queue) changed while enabled")
      return
    }
    func merge(_ old: UInt64, high: Bool) -> UInt64 {
      high ? old & 0xffff_ffff | UInt64(value) << 32 : old & ~0xffff_ffff | UInt64(value)
    }
    switch (offset, width) {
    case (24, 2):
      guard (1...Virtqueue.maximumSize).contains(half), half & (half - 1) == 0 else {
        host.log(.guestError, "virtio: queue size \(half)")
        return
      }
      queues[queue].size = half
    case (28, 2):
      guard half == 1 else { return }
      guard queues[queue].hasValidAddresses else {
        fault(.request, host)
        return
      }
      queues[queue].enabled = true
    case (32, 4), (36, 4): queues[queue].descriptorTable = merge(queues[queue].descriptorTable, high: offset == 36)
    case (40, 4), (44, 4): queues[queue].driverArea = merge(queues[queue].driverArea, high: offset == 44)
    case (48, 4), (52, 4): queues[queue].deviceArea = merge(queues[queue].deviceArea, high: offset == 52)
    default: break
    }
  }

  /// A write of the status other than 0: bits are only ever added.
  mutating func addStatus(_ value: UInt8) {
    var added = value & ~status & ~VirtioStatus.needsReset
    if added & VirtioStatus.featuresOK != 0,
      driverFeatures & ~offered != 0 || driverFeatures & VirtioFeature.version1 == 0
    {
      added &= ~VirtioStatus.featuresOK
    }
    if (status | added) & VirtioStatus.featuresOK == 0 { added &= ~VirtioStatus.driverOK }
    status |= added
  }
  /// Device reset; MSI-X and configuration space belong to PCI and stay.
  mutating func resetDevice(_ host: some DeviceServices) {
    let fresh = VirtioTransport(queues: queues.count, features: offered)
    let old = self
    self = fresh
    messages = old.messages
    messages.clearPending()
    generation = old.generation
    pinDisabled = old.pinDisabled
    updatePin(host)
  }
}
