import Base
import DeviceKit
import Devices
import Execution
import GuestMemory
import HostSystem
import Synchronization

/// What happens to requests of devices that concern more than the board: the machine's control thread.
struct BoardDelegate: Sendable {
  /// Reset, power-off and the like; called under device locks, must only queue.
  var request: @Sendable (MachineRequest) -> Void
  /// Triple fault of a processor; called on its thread, must only queue.
  var tripleFault: @Sendable (Int) -> Void
  /// A log line: device, kind, text. Must not block.
  var log: @Sendable (String, LogKind, String) -> Void
  /// The guest has set the keyboard's lights; called under the keyboard's lock, must only queue.
  var keyboardLEDs: @Sendable (KeyboardLEDs) -> Void = { _ in }
}

/// The main board: every device, and how they are wired to each other and to the processors.
///
/// It is an i440FX/PIIX3 PC with an I/O APIC, HPET, PIIX4 power management and an fw_cfg port. Interrupt lines of ISA
/// devices go to the 8259A pair and to the I/O APIC pin of the same number (IRQ 0: pin 2). PCI interrupts PIRQA-PIRQD
/// go to I/O APIC pins 16-19, and through the PIIX3 router to the ISA lines for guests that use the 8259A.
///
/// Lock order: see `DeviceSlot`. The board has no lock of its own.
final class Board: Sendable {
  let memory: GuestMemory
  let bus: IOBus
  let clock: VirtualClock
  let timers: TimerQueue
  let services: MachineServices
  let apics: [LocalAPIC]
  let apicBus: APICBus
  let pci: PCIBus

  let pic: DeviceSlot<I8259A>
  let ioapic: DeviceSlot<IOAPIC>
  let pit: DeviceSlot<I8254>
  let rtc: DeviceSlot<RTC>
  let hpet: DeviceSlot<HPET>
  let dma: DeviceSlot<I8237>
  let keyboard: DeviceSlot<I8042>
  let port92: DeviceSlot<Port92>
  let firmwareConfig: DeviceSlot<FirmwareConfig>
  let debugConsole: DeviceSlot<DebugConsole>
  let uarts: [DeviceSlot<UART16550A>]
  let hostBridge: DeviceSlot<I440FX>
  let isaBridge: DeviceSlot<PIIX3>
  let powerManagement: DeviceSlot<PIIX4PM>
  let vga: DeviceSlot<VGA>
  let ide: DeviceSlot<PIIX3IDE>
  let floppy: DeviceSlot<FDC82078>
  let entropy: DeviceSlot<VirtioRNG>
  let virtioDisks: [DeviceSlot<VirtioBlock>]
  let nvmeDisks: [DeviceSlot<NVMe>]
  /// Only in machines with SCSI disks.
  let scsi: DeviceSlot<VirtioSCSI>?
  /// Only in machines with SATA drives.
  let ahci: DeviceSlot<AHCI>?
  /// Host adapters, only in machines with drives on them.
  let lsiLogic: DeviceSlot<FusionMPT>?
  let lsiLogicSAS: DeviceSlot<FusionMPT>?
  let busLogic: DeviceSlot<BusLogic>?
  let network: Network
  /// Only in a machine whose mouse is absolute.
  let pointer: DeviceSlot<VMMouse>?
  /// Only in a machine that boots a kernel.
  let bootLoader: DeviceSlot<BootLoader>?

  /// ISA interrupt lines IRQ 0-15, each an OR of its sources.
  let isaLines: [SharedLine]
  /// INTR of the 8259A pair.
  let picRequests = Atomic<Bool>(false)
  /// IRQ 0 and IRQ 8 belong to the HPET.
  let legacyReplacement = Atomic<Bool>(false)
  /// Timers with beats that the guest has yet to get; each bit is one of `LateTimer`.
  let lateTimers = Atomic<UInt8>(0)
  enum LateTimer { static let pit: UInt8 = 1, hpet: UInt8 = 2 }
  /// CMOS index bit 7: NMIs do not reach the processor.
  private let nmiMasked = Atomic<Bool>(false)
  private let delegate: BoardDelegate
  private let link: ProcessorLink
  private let hasFloppies: Bool

  /// Ports and interrupt lines of COM1 to COM4.
  static let serialPorts: [(base: UInt16, irq: Int)] = [(0x3f8, 4), (0x2f8, 3), (0x3e8, 4), (0x2e8, 3)]
  static let isaPCISlot = 1
  static let vgaPCISlot = 2
  static let entropyPCISlot = 3
  static let firstDiskPCISlot = 4
  /// Behind sixteen virtio and NVMe disks and eight network cards.
  static let scsiPCISlot = 28
  static let ahciPCISlot = 29
  static let lsiLogicPCISlot = 30
  static let lsiLogicSASPCISlot = 31
  /// The place of the sixteenth virtio or NVMe disk.
  static let busLogicPCISlot = 19
  /// Behind the sixteen disks there may be.
  static let firstNetworkPCISlot = 20

  init(
    memory: GuestMemory, processors count: Int, serial: [(any CharacterBackend)?], debug: (any CharacterBackend)?,
    display: DisplayAdapter, mouse: MachineConfiguration.Mouse, storage: Storage, network plans: [Network.Plan],
    bootLoader loader: BootLoader?, time: GuestTime, delegate: BoardDelegate
  ) throws(BusError) {
    self.memory = memory
    self.delegate = delegate
    hasFloppies = !storage.floppyDrives.isEmpty
    let (clock, timers) = (time.clock, time.timers)
    let bus = IOBus()
    let link = ProcessorLink()
    self.clock = clock
    self.timers = timers
    self.bus = bus
    self.link = link

    let apics = Board.makeAPICs(count, clock, timers, link)
    let late = LateIOAPIC()
    let apicBus = APICBus(apics) { vector in
      late.slot.load()?.withDevice { device, services in device.endOfInterrupt(vector: vector, services) }
    }
    self.apics = apics
    self.apicBus = apicBus
    let router = RequestRouter(memory: memory, link: link, delegate: delegate)
    services = MachineServices(
      bus: bus, clock: clock, timers: timers, dma: RAMSpace(memory: memory), request: { router.route($0) },
      messageInterrupt: { [weak apicBus] address, data in apicBus?.messageInterrupt(address: address, data: data) },
      log: delegate.log)

    pic = try DeviceSlot(I8259A(), machine: services)
    ioapic = try DeviceSlot(IOAPIC(), machine: services)
    pit = try DeviceSlot(I8254(), machine: services)
    rtc = try DeviceSlot(RTC(), machine: services)
    hpet = try DeviceSlot(HPET(), machine: services)
    dma = try DeviceSlot(I8237(), machine: services)
    keyboard = try DeviceSlot(I8042(ledsChanged: delegate.keyboardLEDs), machine: services)
    pointer = mouse == .absolute ? try DeviceSlot(VMMouse(), machine: services) : nil
    port92 = try DeviceSlot(Port92(), machine: services)
    firmwareConfig = try DeviceSlot(FirmwareConfig(), machine: services)
    debugConsole = try DeviceSlot(DebugConsole(), machine: services, character: debug)
    uarts = try Board.makeUARTs(services, serial)
    pci = try PCIBus(bus)
    hostBridge = try DeviceSlot(I440FX(), machine: services)
    isaBridge = try DeviceSlot(PIIX3(), machine: services)
    powerManagement = try DeviceSlot(PIIX4PM(), machine: services)
    let ideDrives = storage.ideDrives
    ide = try DeviceSlot(
      PIIX3IDE(drives: ideDrives.map(\.0)), machine: services, drives: ideDrives.map(\.1))
    let floppies = storage.floppyDrives
    floppy = try DeviceSlot(
      FDC82078(media: floppies.map(\.medium), dma: I8237Channel(dma, channel: 2)), machine: services,
      drives: floppies.map(\.backend))
    entropy = try DeviceSlot(
      VirtioRNG(VirtioEntropyFunction { time.schedule?.bytes($0) ?? HostEntropy.bytes($0) }), machine: services)
    virtioDisks = try Board.makeVirtioDisks(services, storage)
    nvmeDisks = try Board.makeNVMeDisks(services, storage)
    let scsiDrives = storage.scsiDrives
    if scsiDrives.isEmpty {
      scsi = nil
    } else {
      scsi = try DeviceSlot(
        VirtioSCSI(VirtioSCSIFunction(scsiDrives.map(\.medium))), machine: services, drives: scsiDrives.map(\.backend))
    }
    let sataDrives = storage.sataDrives
    if sataDrives.isEmpty {
      ahci = nil
    } else {
      ahci = try DeviceSlot(
        AHCI(drives: sataDrives.map(\.0), fixed: storage.fixedPorts), machine: services, drives: sataDrives.map(\.1))
    }
    lsiLogic = try Board.makeFusionMPT(.parallel, storage.lsiLogicDrives, services)
    lsiLogicSAS = try Board.makeFusionMPT(.serial, storage.lsiLogicSASDrives, services)
    busLogic = try Board.makeBusLogic(storage.busLogicDrives, services)
    network = try Network(plans, services, pci, firstSlot: Board.firstNetworkPCISlot)
    let window = DisplayWindow(memory: memory, display: display.video, link: link)
    vga = try DeviceSlot(
      VGA(memory: display.video.memory, kind: display.kind) { window.move(to: $0) }, machine: services)
    if let loader { bootLoader = try DeviceSlot(loader, machine: services) } else { bootLoader = nil }
    isaLines = (0..<16).map { _ in SharedLine() }
    _ = late.slot.storeIfNil(ioapic)

    memory.setFlags(GuestMemory.PageFlag.mmio, clear: 0, at: GuestPhysical(0xa0000), size: 0x20000)
    wireInterruptControllers()
    wireISA()
    wirePCI()
    let frameBuffer = FrameBufferMapping(memory: memory, display: display.video, link: link)
    let fifo = display.fifo.map { FrameBufferMapping(memory: memory, display: $0, link: link) }
    vga.observeMap { region, base in
      if region == VGA.frameBufferRegion { frameBuffer.move(to: base) }
      if region == VGA.fifoRegion { fifo?.move(to: base) }
    }
  }

  private static func makeAPICs(
    _ count: Int, _ clock: VirtualClock, _ timers: TimerQueue, _ link: ProcessorLink
  ) -> [LocalAPIC] {
    (0..<count).map { index in
      let apicClock = QueuedAPICClock(clock: clock, timers: timers) { tsc in
        guard let processors = link.processors else { return clock.now }
        let ahead = Int64(bitPattern: tsc &- processors.timestamp(index))
        let product = UInt64(ahead.magnitude).multipliedFullWidth(by: 1_000_000_000)
        let hertz = processors.timestampHertz
        let distance = product.high < hertz ? hertz.dividingFullWidth(product).quotient : UInt64(Int64.max)
        let ns = Int64(clamping: distance)
        return clock.now.adding(nanoseconds: ahead < 0 ? -ns : ns)
      }
      let apic = LocalAPIC(id: UInt32(index), isBootProcessor: index == 0, physicalBits: 46, clock: apicClock)
      apicClock.connect(apic)
      return apic
    }
  }

  private static func makeUARTs(
    _ services: MachineServices, _ serial: [(any CharacterBackend)?]
  ) throws(BusError) -> [DeviceSlot<UART16550A>] {
    var uarts: [DeviceSlot<UART16550A>] = []
    for (index, port) in serialPorts.enumerated() {
      // A port that is configured away is not on the bus: guests find no COM port there.
      guard index < serial.count, let backend = serial[index] else { continue }
      let uart = UART16550A(name: "serial\(index)", base: port.base)
      uarts.append(try DeviceSlot(uart, machine: services, character: backend))
    }
    return uarts
  }

  private static func makeVirtioDisks(
    _ services: MachineServices, _ storage: Storage
  ) throws(BusError) -> [DeviceSlot<VirtioBlock>] {
    var disks: [DeviceSlot<VirtioBlock>] = []
    for drive in storage.virtioDrives {
      let device = VirtioBlock(VirtioBlockFunction(drive.medium))
      disks.append(try DeviceSlot(device, machine: services, drives: [drive.backend]))
    }
    return disks
  }

  private static func makeNVMeDisks(
    _ services: MachineServices, _ storage: Storage
  ) throws(BusError) -> [DeviceSlot<NVMe>] {
    var disks: [DeviceSlot<NVMe>] = []
    for (index, drive) in storage.nvmeDrives.enumerated() {
      disks.append(
        try DeviceSlot(NVMe(drive.medium, name: "nvme\(index)"), machine: services, drives: [drive.backend]))
    }
    return disks
  }

  private static func makeFusionMPT(
    _ kind: FusionMPT.Kind, _ drives: [(ATADriveConfiguration, any BlockBackend)]?, _ services: MachineServices
  ) throws(BusError) -> DeviceSlot<FusionMPT>? {
    guard let drives else { return nil }
    return try DeviceSlot(FusionMPT(kind, drives: drives.map(\.0)), machine: services, drives: drives.map(\.1))
  }

  private static func makeBusLogic(
    _ drives: [(ATADriveConfiguration, any BlockBackend)]?, _ services: MachineServices
  ) throws(BusError) -> DeviceSlot<BusLogic>? {
    guard let drives else { return nil }
    return try DeviceSlot(BusLogic(drives: drives.map(\.0)), machine: services, drives: drives.map(\.1))
  }

  /// Every device of the board, in the order of power-on.
  var components: [any MachineComponent] {
    var all: [any MachineComponent] = [
      pci, pic, ioapic, pit, rtc, hpet, dma, keyboard, port92, firmwareConfig, debugConsole, hostBridge, isaBridge,
      powerManagement, ide, floppy, vga, entropy,
    ]
    for uart in uarts { all.append(uart) }
    for disk in virtioDisks { all.append(disk) }
    for disk in nvmeDisks { all.append(disk) }
    if let scsi { all.append(scsi) }
    if let ahci { all.append(ahci) }
    if let lsiLogic { all.append(lsiLogic) }
    if let lsiLogicSAS { all.append(lsiLogicSAS) }
    if let busLogic { all.append(busLogic) }
    for card in network.cards { all.append(card.component) }
    if let pointer { all.append(pointer) }
    if let bootLoader { all.append(bootLoader) }
    return all
  }

  // MARK: Wiring

  private func wireInterruptControllers() {
    for irq in 0..<16 where irq != 2 {
      isaLines[irq].connect(to: pic.input(irq))
      isaLines[irq].connect(to: ioapic.input(irq == 0 ? 2 : irq))
    }
    let bootAPIC = apics[0]
    pic.connect(output: 0) { [picRequests = PICRequests(self)] level in
      picRequests.set(level)
      bootAPIC.lint(0, level)
    }
  }

  private func wireISA() {
    wireLateTimers()
    connectTimer(pit, 0, irq: 0)
    connectTimer(rtc, 0, irq: 8)
    _ = rtc.connect(output: "nmiMask") { [weak self] level in self?.nmiMasked.store(level, ordering: .relaxed) }
    hpet.connect(output: 0, to: isaLines[0].source())
    hpet.connect(output: 1, to: isaLines[8].source())
    for pin in 20...23 { _ = hpet.connect(output: "pin\(pin)", to: ioapic.input(pin)) }
    _ = hpet.connect(output: "legacyReplacement") { [weak self] level in
      self?.legacyReplacement.store(level, ordering: .relaxed)
    }
    _ = keyboard.connect(output: "irq1", to: isaLines[1].source())
    _ = keyboard.connect(output: "irq12", to: isaLines[12].source())
    _ = pointer?.connect(output: "news", to: keyboard.input(0))
    _ = floppy.connect(output: "irq6", to: isaLines[6].source())
    _ = floppy.connect(output: "drq2", to: dma.input(2))
    for (index, uart) in uarts.enumerated() {
      guard let port = serialPort(ofUART: index) else { continue }
      uart.connect(output: 0, to: isaLines[Board.serialPorts[port].irq].source())
    }
  }

  /// What became of the last edge on an ISA interrupt line, in whichever controller the guest listens to.
  private func fate(isa irq: Int) -> InterruptFate {
    let pic = apics[0].acceptsPIC ? pic.withDevice { device, _ in device.fate(of: irq) } ?? .taken : .ignored
    return pic == .waiting ? pic : merge(pic, fate(pin: irq == 0 ? 2 : irq))
  }
  private func fate(pin: Int) -> InterruptFate {
    guard let message = ioapic.withDevice({ device, _ in device.message(ofPin: pin) }).flatMap({ $0 }) else {
      return .ignored
    }
    return apicBus.isWaiting(message) ? .waiting : .taken
  }
  private func merge(_ first: InterruptFate, _ second: InterruptFate) -> InterruptFate {
    second == .ignored ? first : second
  }

  /// Timers whose beats guests count: they learn what became of each, and when a processor has taken an interrupt.
  private func wireLateTimers() {
    for (slot, irq) in [(0, 0), (1, 8)] {
      hpet.connectFate(output: slot) { [weak self] in self?.fate(isa: irq) ?? .taken }
    }
    for pin in 20...23 { hpet.connectFate(output: 2 + pin - 20) { [weak self] in self?.fate(pin: pin) ?? .taken } }
    pit.connectFate(output: 0) { [weak self] in
      guard let self, !legacyReplacement.load(ordering: .relaxed) else { return .ignored }
      return fate(isa: 0)
    }
    rtc.connectFate(output: 0) { [weak self] in
      guard let self, !legacyReplacement.load(ordering: .relaxed) else { return .ignored }
      return fate(isa: 8)
    }
    _ = pit.connect(output: "late") { [weak self] isLate in self?.setLate(LateTimer.pit, isLate) }
    _ = hpet.connect(output: "late") { [weak self] isLate in self?.setLate(LateTimer.hpet, isLate) }
  }
  private func setLate(_ timer: UInt8, _ isLate: Bool) {
    if isLate {
      lateTimers.bitwiseOr(timer, ordering: .sequentiallyConsistent)
    } else {
      lateTimers.bitwiseAnd(~timer, ordering: .sequentiallyConsistent)
    }
  }
  /// A processor took an interrupt: a timer that has late beats may send the next. Called with no lock held.
  func deliverLateBeats() {
    let late = lateTimers.load(ordering: .relaxed)
    if late & LateTimer.pit != 0 { pit.setInput(0, true) }
    if late & LateTimer.hpet != 0 { hpet.setInput(0, true) }
  }

  /// PIT and RTC lose their interrupt line while the HPET replaces them.
  private func connectTimer<D: Device>(_ slot: DeviceSlot<D>, _ output: Int, irq: Int) {
    let line = isaLines[irq].source()
    slot.connect(output: output) { [weak self] level in
      line(level && self?.legacyReplacement.load(ordering: .relaxed) != true)
    }
  }

  private func wirePCI() {
    pci.plug(hostBridge, device: 0)
    pci.plug(isaBridge, device: Board.isaPCISlot, function: 0)
    pci.plug(ide, device: Board.isaPCISlot, function: 1)
    pci.plug(powerManagement, device: Board.isaPCISlot, function: 3)
    pci.plug(vga, device: Board.vgaPCISlot, interruptOutput: "inta")
    pci.plug(entropy, device: Board.entropyPCISlot, interruptOutput: "intx")
    for (index, disk) in virtioDisks.enumerated() {
      pci.plug(disk, device: Board.firstDiskPCISlot + index, interruptOutput: "intx")
    }
    for (index, disk) in nvmeDisks.enumerated() {
      pci.plug(disk, device: Board.firstDiskPCISlot + virtioDisks.count + index, interruptOutput: "inta")
    }
    if let scsi { pci.plug(scsi, device: Board.scsiPCISlot, interruptOutput: "intx") }
    if let ahci { pci.plug(ahci, device: Board.ahciPCISlot, interruptOutput: "inta") }
    if let lsiLogic { pci.plug(lsiLogic, device: Board.lsiLogicPCISlot, interruptOutput: "inta") }
    if let lsiLogicSAS { pci.plug(lsiLogicSAS, device: Board.lsiLogicSASPCISlot, interruptOutput: "inta") }
    if let busLogic { pci.plug(busLogic, device: Board.busLogicPCISlot, interruptOutput: "inta") }
    pci.setResetControl(isaBridge)
    for pirq in 0..<4 {
      pci.interruptLines[pirq].connect(to: isaBridge.input(pirq))
      pci.interruptLines[pirq].connect(to: ioapic.input(16 + pirq))
    }
    for irq in 0..<16 { isaBridge.connect(output: irq, to: isaLines[irq].source()) }
    _ = ide.connect(output: "irq14", to: isaLines[14].source())
    _ = ide.connect(output: "irq15", to: isaLines[15].source())
    _ = powerManagement.connect(output: "sci", to: isaLines[9].source())
  }

  // MARK: Life

  /// Names the processors, once.
  func attach(_ processors: ProcessorSet) -> [ProcessorPin] {
    link.set(processors)
    return apics.enumerated().map { index, apic in
      let pin = ProcessorPin(processors: processors, index: index, apic: apic)
      apic.attach(pin)
      return pin
    }
  }

  /// COM port number (0 = COM1) of `uarts[index]`.
  func serialPort(ofUART index: Int) -> Int? {
    Board.serialPorts.firstIndex { UInt64($0.base) == uarts[index].descriptor.regions[0].base }
  }
  func uart(ofPort port: Int) -> DeviceSlot<UART16550A>? {
    uarts.indices.first { serialPort(ofUART: $0) == port }.map { uarts[$0] }
  }
  /// What the DSDT must know: bits 0-3 COM1-COM4 exist, bit 4 floppy drives.
  var presentDevices: UInt8 {
    uarts.indices.reduce(into: hasFloppies ? 0x10 : 0) { mask, index in
      if let port = serialPort(ofUART: index) { mask |= 1 << UInt8(port) }
    }
  }
  /// Where SeaBIOS puts BARs below 4 GiB: from the first of 2 GiB, 3 GiB and 3.5 GiB that lies above the RAM.
  static func pciWindow(_ lowMemory: UInt64) -> ClosedRange<UInt32> {
    (lowMemory <= 0x8000_0000 ? 0x8000_0000 : lowMemory <= 0xc000_0000 ? 0xc000_0000 : 0xe000_0000)...0xfebf_ffff
  }

  var processors: ProcessorSet? { link.processors }
  func reportTripleFault(_ cpu: Int) { delegate.tripleFault(cpu) }

  /// Maps and resets every device.
  func start() throws(BusError) {
    for component in components { try component.start() }
  }

  /// Hardware reset of everything but the processors.
  func reset() {
    for apic in apics { apic.reset() }
    for component in components { component.reset() }
    legacyReplacement.store(false, ordering: .relaxed)
  }

  /// Takes the board apart for good, when no thread uses it any more: devices let go of what they are connected with, and
  /// so of each other. Without that no part would ever be freed.
  func disconnect() { for component in components { component.disconnect() } }

  /// A non-maskable interrupt from outside, unless CMOS masks it.
  func pulseNMI() {
    guard !nmiMasked.load(ordering: .relaxed) else { return }
    // LINT1 carries NMI on every local APIC of a PC.
    for apic in apics {
      apic.lint(1, true)
      apic.lint(1, false)
    }
  }
}

/// What the 8259's INTR sink may keep of the board: a weak reference, because the slot belongs to the board.
private final class PICRequests: Sendable {
  private weak let board: Board?
  init(_ board: Board) { self.board = board }
  func set(_ level: Bool) { board?.picRequests.store(level, ordering: .sequentiallyConsistent) }
}

/// The I/O APIC as the APIC bus finds it: the bus is made first.
private final class LateIOAPIC: Sendable {
  let slot = AtomicLazyReference<DeviceSlot<IOAPIC>>()
}

/// The processors as the board finds them: they are made last, and own a reference to the board.
final class ProcessorLink: Sendable {
  private final class Weak: Sendable {
    weak let processors: ProcessorSet?
    init(_ processors: ProcessorSet) { self.processors = processors }
  }
  private let slot = AtomicLazyReference<Weak>()
  func set(_ processors: ProcessorSet) { _ = slot.storeIfNil(Weak(processors)) }
  var processors: ProcessorSet? { slot.load()?.processors }
}

/// The interrupt pins of one processor.
final class ProcessorPin: InterruptTarget {
  private let processors: ProcessorSet
  private let index: Int
  private weak let apic: LocalAPIC?
  init(processors: ProcessorSet, index: Int, apic: LocalAPIC) {
    self.processors = processors
    self.index = index
    self.apic = apic
  }
  func interruptPending() { processors.raiseInterrupt(index) }
  func raiseNMI() { processors.raiseNMI(index) }
  /// The local APIC forgets its registers at once; the processor follows at its next block boundary.
  func raiseINIT() {
    apic?.initReset()
    processors.raiseINIT(index)
  }
  func raiseSIPI(vector: UInt8) { processors.startup(index, vector: vector) }
}

/// Guest RAM as devices see it.
final class RAMSpace: DMASpace {
  private let memory: GuestMemory
  /// No device moves more in one go.
  private static let limit = 1 << 28
  init(memory: GuestMemory) { self.memory = memory }
  func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8] {
    memory.read(address, count: min(max(0, count), RAMSpace.limit))
  }
  func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8]) { memory.write(address, bytes) }
}

/// Serves what must be done before a device's call returns (A20, shadow RAM) and passes the rest on.
struct RequestRouter: Sendable {
  let memory: GuestMemory
  let link: ProcessorLink
  let delegate: BoardDelegate

  func route(_ request: MachineRequest) {
    switch request {
    case .a20(let enabled): link.processors?.setA20(enabled: enabled)
    case .shadow(let base, let size, _, let writable):
      // Reads always see RAM, which holds a copy of the ROM from reset on: firmware that copies itself into shadow RAM
      // finds what it would have found in the ROM.
      let flag = GuestMemory.PageFlag.readOnly
      memory.setFlags(writable ? 0 : flag, clear: writable ? flag : 0, at: GuestPhysical(base), size: size)
      link.processors?.memoryMapChanged()
    case .reset, .powerOff, .nmi: delegate.request(request)
    }
  }
}
