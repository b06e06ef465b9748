import Base
import DeviceConformance
import Synchronization
import Testing

@testable import DeviceKit

/// Answers with the offset's low byte repeated; records accesses.
final class RecordingTarget: BusTarget {
  let accesses = Mutex<[String]>([])
  func read(region: Int, offset: UInt64, width: Int) -> UInt64 {
    accesses.withLock { $0.append("r\(region)+\(offset)/\(width)") }
    return (offset & 0xff) &* 0x0101_0101_0101_0101
  }
  func write(region: Int, offset: UInt64, width: Int, value: UInt64) {
    accesses.withLock { $0.append("w\(region)+\(offset)/\(width)=\(String(value, radix: 16))") }
  }
  func take() -> [String] {
    accesses.withLock { list in
      defer { list = [] }
      return list
    }
  }
}

final class NoRAM: DMASpace {
  func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8] { [UInt8](repeating: 0xff, count: count) }
  func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8]) {}
}

@Suite("I/O bus") struct IOBusTests {
  @Test func wideAccessesSplitAcrossNarrowRegisters() throws {
    let bus = IOBus()
    let target = RecordingTarget()
    let mapping = try bus.attach(target, region: 3, .ports(0x20...0x22, "bytes", accessWidth: 1), owner: "a")
    try bus.map(mapping, at: 0x20)
    #expect(bus.portRead(0x20, width: 4) == 0xff02_0100)
    #expect(target.take() == ["r3+0/1", "r3+1/1", "r3+2/1"])
    #expect(bus.unclaimedAccesses == 1)
    bus.portWrite(0x21, width: 2, 0xbeef)
    #expect(target.take() == ["w3+1/1=ef", "w3+2/1=be"])
    #expect(bus.portRead(0xffff, width: 4) == 0xffff_ffff)
  }

  @Test func overlapsAreRefusedAndNamedAndTakePlaceLater() throws {
    let bus = IOBus()
    let a = try bus.attach(RecordingTarget(), region: 0, .memory(0, size: 0x1000, "a"), owner: "first")
    let b = try bus.attach(RecordingTarget(), region: 0, .memory(0, size: 0x2000, "b"), owner: "second")
    try bus.map(a, at: 0xfebf_0000)
    #expect(throws: BusError.overlap(owner: "second", other: "first", base: 0xfebe_f000, size: 0x2000)) {
      try bus.map(b, at: 0xfebe_f000)
    }
    #expect(bus.owner(.memory, at: 0xfebe_f000) == nil)
    try bus.map(a, at: 0xfec0_0000)
    #expect(bus.owner(.memory, at: 0xfebf_0fff) == "second")
    #expect(throws: BusError.outOfRange(owner: "first", base: .max - 5, size: 0x1000)) { try bus.map(a, at: .max - 5) }
    #expect(bus.owner(.memory, at: 0xfec0_0000) == nil)
  }

  @Test func pagesSharedByRangesAndHighAddressesUseTheTree() throws {
    let bus = IOBus()
    let targets = (0..<3).map { _ in RecordingTarget() }
    let places: [(UInt64, UInt64)] = [(0xfee0_0000, 0x10), (0xfee0_0800, 0x100), (0x10_0000_0000, 0x4000)]
    var mappings: [BusMapping] = []
    for (target, place) in zip(targets, places) {
      let mapping = try bus.attach(target, region: 0, .memory(0, size: place.1, "m"), owner: "m")
      try bus.map(mapping, at: place.0)
      mappings.append(mapping)
    }
    #expect(bus.memoryRead(0xfee0_0810, width: 4) == 0x1010_1010)
    #expect(bus.memoryRead(0xfee0_0008, width: 8) == 0x0808_0808_0808_0808)
    #expect(bus.memoryRead(0xfee0_000c, width: 8) == 0xffff_ffff_0c0c_0c0c)
    #expect(bus.memoryRead(0x10_0000_3fff, width: 1) == 0xff)
    #expect(targets[2].take() == ["r0+16383/1"])
    #expect(bus.memoryRead(0xfee0_0400, width: 4) == 0xffff_ffff)
    try bus.map(mappings[0], at: nil)
    #expect(bus.memoryRead(0xfee0_0008, width: 1) == 0xff)
    #expect(bus.memoryRead(0xfee0_0801, width: 1) == 1)
    bus.memoryWrite(.max - 1, width: 8, 5)
  }

  @Test func rangeTreeStaysBalancedAndAgreesWithAList() {
    var tree = RangeTree<Int>()
    var list: [UInt64: Int] = [:]
    var generator = SeededGenerator(seed: 7)
    for step in 0..<3000 {
      let lower = (generator.next() % 700) * 16
      if generator.next() % 3 == 0 {
        tree.remove(lower)
        list[lower] = nil
      } else if tree.insert(lower, lower + 15, step) == nil {
        #expect(list[lower] == nil)
        list[lower] = step
      } else {
        #expect(list[lower] != nil)
      }
    }
    #expect(tree.ranges.map(\.lowerBound) == list.keys.sorted())
    for (lower, value) in list { #expect(tree.find(lower + 7) == value) }
    #expect(tree.height <= 14)  // 1.44 log2(700)
  }
}

@Suite("Timers") struct TimerQueueTests {
  @Test func manualTimersFireInOrderAtTheirDeadlines() {
    let clock = VirtualClock(manualWithWallSeconds: 1000)
    let queue = TimerQueue(clock: clock)
    let log = Mutex<[Int64]>([])
    var timers: [TimerQueue.Timer] = []
    for index in 0..<50 {
      timers.append(queue.register { log.withLock { $0.append(Int64(index) << 32 | clock.now.nanoseconds) } })
    }
    for (index, timer) in timers.enumerated() {
      queue.arm(timer, at: VirtualTime(nanoseconds: Int64((index * 37) % 50) * 10 + 10))
    }
    queue.disarm(timers[0])
    #expect(queue.advance(to: VirtualTime(nanoseconds: 250)) == 24)
    queue.arm(timers[0], at: VirtualTime(nanoseconds: 0))
    #expect(queue.advance(to: VirtualTime(nanoseconds: 2_000_000_000)) == 26)
    let times = log.withLock { $0.map { $0 & 0xffff_ffff } }
    #expect(times == times.sorted())
    #expect(clock.wallClockSeconds == 1002)
  }

  @Test func countedTimeIsWhatItsOwnerSays() {
    let time = Mutex<Int64>(5)
    let expected = Mutex<[Int64]>([])
    let clock = VirtualClock(
      countedWithWallSeconds: 1000, time: { time.withLock { $0 } },
      expects: { due in expected.withLock { $0.append(due.nanoseconds) } })
    let queue = TimerQueue(clock: clock)
    let fired = Mutex<[Int64]>([])
    let timer = queue.register { fired.withLock { $0.append(clock.now.nanoseconds) } }
    queue.arm(timer, at: VirtualTime(nanoseconds: 10))
    #expect(expected.withLock { $0 } == [10])
    clock.resume()
    clock.set(VirtualTime(nanoseconds: 77))
    queue.fireDue()
    #expect(fired.withLock { $0 }.isEmpty && clock.now.nanoseconds == 5)
    time.withLock { $0 = 3_000_000_000 }
    queue.fireDue()
    queue.fireDue()
    #expect(fired.withLock { $0 } == [3_000_000_000] && queue.nextDeadline == nil)
    #expect(clock.wallClockSeconds == 1003)
  }

  @Test func threadFiresTimersAndRearmsFromCallbacks() async throws {
    let clock = VirtualClock()
    let queue = TimerQueue(clock: clock)
    let fired = Mutex(0)
    let timer = Mutex<TimerQueue.Timer?>(nil)
    let made = queue.register {
      let count = fired.withLock { count in
        count += 1
        return count
      }
      if count < 5, let again = timer.withLock({ $0 }) { queue.arm(again, at: clock.now.adding(nanoseconds: 100_000)) }
    }
    timer.withLock { $0 = made }
    try queue.start()
    queue.arm(made, at: VirtualTime(nanoseconds: 1_000_000))
    clock.resume()
    for _ in 0..<500 where fired.withLock({ $0 }) < 5 { try await Task.sleep(nanoseconds: 1_000_000) }
    #expect(fired.withLock { $0 } == 5)
    clock.pause()
    let paused = clock.now
    #expect(paused.nanoseconds >= 1_400_000)
    queue.arm(made, at: paused)
    try await Task.sleep(nanoseconds: 5_000_000)
    #expect(fired.withLock { $0 } == 5)
    #expect(clock.now == paused)
    queue.stop()
  }
}

/// A device that reaches itself in all the ways that must not deadlock.
struct Loopback: PCIDevice {
  struct State: SavedState {
    var config = PCIConfigSpace(vendor: 0x1234, device: 1, classCode: 0xff0000, interruptPin: 1)
    var value: UInt8 = 0
    var completions: UInt32 = 0
    init() {
      config.defineBAR(0, size: 0x1000, kind: .memory32(prefetchable: false))
      config.defineBAR(1, size: 16, kind: .port)
    }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.field("value", &value, in: 0...0x7f)
      try visit.field("completions", &completions)
    }
  }
  var state = State()
  var config: PCIConfigSpace {
    get { state.config }
    set { state.config = newValue }
  }
  let barRegions = [(bar: 0, region: 0), (bar: 1, region: 1)]
  var touch: (@Sendable () -> Void)?
  var descriptor: DeviceDescriptor {
    DeviceDescriptor(
      name: "loopback",
      regions: [Region(.memory, base: nil, size: 0x1000, "bar0"), Region(.port, base: nil, size: 16, "bar1")],
      outputs: ["intx"], inputs: ["in"], timers: ["t"])
  }
  mutating func reset(_ host: some DeviceServices) {
    state = State()
    mapBARs(host)
    host.setLine(0, false)
    host.disarm(0)
  }
  mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    touch?()
    return UInt64(state.value)
  }
  mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    state.value = UInt8(truncatingIfNeeded: value) & 0x7f
    host.submit(BlockRequest(.flush, tag: 9), drive: 0)
    host.arm(0, at: host.now.adding(nanoseconds: 100))
    host.setLine(0, value & 1 == 1)
  }
  mutating func timerFired(_ timer: Int, _ host: some DeviceServices) { state.value = 0x55 }
  mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    state.value = level ? 0x33 : 0x22
  }
  mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    if completion.status == .noMedium { state.completions &+= 1 }
  }
  mutating func stateRestored(_ host: some DeviceServices) {
    mapBARs(host)
    if state.value == 1 { host.setLine(0, true) }
  }
  func info() -> String { "value \(state.value)" }
}

@Suite("Device slot") struct DeviceSlotTests {
  let clock = VirtualClock(manualWithWallSeconds: 0)
  let bus = IOBus()
  func machine(_ timers: TimerQueue) -> MachineServices {
    MachineServices(bus: bus, clock: clock, timers: timers, dma: NoRAM(), request: { _ in })
  }

  @Test func reentrantAccessIsRefusedAndReentrantLineIsDelivered() throws {
    let timers = TimerQueue(clock: clock)
    let slot = try DeviceSlot(Loopback(), machine: machine(timers))
    try slot.start()
    slot.map(0, at: 0xd000_0000)
    let bus = self.bus
    let seen = Mutex<UInt64>(0)
    slot.withDevice { device, _ in
      device.touch = { [weak slot] in
        seen.withLock { $0 = bus.memoryRead(0xd000_0000, width: 4) }
        slot?.setInput(0, true)
      }
    }
    #expect(bus.memoryRead(0xd000_0000, width: 1) == 0)
    #expect(seen.withLock { $0 } == 0xffff_ffff)
    #expect(slot.refusedAccesses == 1)
    #expect(slot.withDevice { device, _ in device.state.value } == 0x33)
  }

  @Test func timersCompletionsAndLinesReachTheDevice() throws {
    let timers = TimerQueue(clock: clock)
    let slot = try DeviceSlot(Loopback(), machine: machine(timers))
    try slot.start()
    let line = SharedLine()
    let other = line.source()
    slot.connect(output: "intx", to: line.source())
    slot.write(region: 0, offset: 0, width: 1, value: 1)
    #expect(line.level)
    #expect(slot.withDevice { device, _ in device.state.completions } == 1)
    #expect(slot.outstandingRequests == 0)
    timers.advance(to: VirtualTime(nanoseconds: 99))
    #expect(slot.info() == "value 1")
    let saved = slot.saveState()
    timers.advance(to: VirtualTime(nanoseconds: 100))
    #expect(slot.info() == "value 85")
    other(true)
    slot.reset()
    #expect(line.level)
    other(false)
    #expect(!line.level)
    try slot.restoreState(saved, version: 1)
    #expect(slot.info() == "value 1")
    #expect(line.level)
    #expect(throws: StateError.self) { try slot.restoreState(Array(saved.dropLast()), version: 1) }
    #expect(slot.info() == "value 1")
  }

  @Test func configurationAccessesMoveBARs() throws {
    let timers = TimerQueue(clock: clock)
    let slot = try DeviceSlot(Loopback(), machine: machine(timers))
    let pci = try PCIBus(bus)
    let resetControl = RecordingTarget()
    pci.setResetControl(resetControl)
    try pci.start()
    try slot.start()
    #expect(pci.plug(slot, device: 5, interruptOutput: "intx"))
    #expect(!pci.plug(slot, device: 5))
    bus.portWrite(0xcf8, width: 4, 0x8000_2800)
    #expect(bus.portRead(0xcfc, width: 4) == 0x0001_1234)
    #expect(bus.portRead(0xcfe, width: 2) == 1)
    #expect(bus.portRead(0xcfd, width: 1) == 0x12)
    bus.portWrite(0xcf9, width: 1, 6)
    #expect(resetControl.take() == ["w0+0/1=6"])
    #expect(bus.portRead(0xcf8, width: 4) == 0x8000_2800)
    func config(_ register: UInt32, _ value: UInt32) {
      bus.portWrite(0xcf8, width: 4, 0x8000_2800 | register)
      bus.portWrite(0xcfc, width: 4, value)
    }
    config(0x10, 0xffff_ffff)
    #expect(bus.portRead(0xcfc, width: 4) == 0xffff_f000)
    config(0x10, 0xfe00_0000)
    config(0x14, 0xc001)
    #expect(bus.owner(.memory, at: 0xfe00_0000) == nil)
    config(0x04, 3)
    #expect(bus.owner(.memory, at: 0xfe00_0fff) == "loopback")
    #expect(bus.owner(.port, at: 0xc00f) == "loopback")
    bus.portWrite(0xc000, width: 1, 1)
    #expect(pci.interruptLines[0].level)  // device 5, INTA#: (5 + 1 - 2) & 3
    config(0x10, 0xfe10_0000)
    #expect(bus.owner(.memory, at: 0xfe00_0000) == nil)
    #expect(bus.owner(.memory, at: 0xfe10_0000) == "loopback")
    slot.reset()
    #expect(bus.owner(.port, at: 0xc00f) == nil)
    bus.portWrite(0xcf8, width: 4, 0x8000_3000)
    #expect(bus.portRead(0xcfc, width: 4) == 0xffff_ffff)
  }

  @Test func loopbackKeepsTheLaws() {
    let violations = DeviceConformance.check(make: { Lawful() }, seeds: 50)
    #expect(violations.isEmpty, "\(violations)")
    let broken = DeviceConformance.check(make: { Unlawful() }, seeds: 5)
    #expect(!broken.isEmpty)
  }
}

/// The smallest device that keeps the laws: one register.
struct Lawful: Device {
  struct State: SavedState {
    var value: UInt64 = 0
    init() {}
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) { try visit.field("value", &value) }
  }
  var state = State()
  let descriptor = DeviceDescriptor(name: "lawful", regions: [.ports(0...3, "register")])
  mutating func reset(_ host: some DeviceServices) { state = State() }
  mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 { state.value }
  mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) { state.value = value }
  func info() -> String { "" }
}

/// Forgets its register at reset: the suite must notice.
struct Unlawful: Device {
  var state = Lawful.State()
  let descriptor = DeviceDescriptor(name: "unlawful", regions: [.ports(0...3, "register")])
  mutating func reset(_ host: some DeviceServices) {}
  mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 { state.value }
  mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) { state.value = value | 1 }
  func info() -> String { "" }
}
