import Base
import DeviceKit

/// One port of an AHCI controller: registers, resets, and what is posted to the guest.
struct AHCIPort {
  /// What is known of a command whose data or flush the backend carries out.
  struct Command: Sendable {
    enum Form: Sendable { case pioIn, other, packet, queued }
    var slot: Int
    var form: Form
    /// Bytes moved.
    var count: Int
    var isRead: Bool
    /// First sector, for reports of errors.
    var sector: UInt64
    /// Commands of an earlier run of the command list belong to nobody any more.
    var run: Int
  }
  let number: Int
  var configuration: ATADriveConfiguration
  /// Drives may come and go, which software is told by PxCMD.HPCP. Not saved: it is a property of the machine.
  var isHotPluggable = true
  var state = AHCIPortState()
  var jobs = BlockJobs<Command>()
  /// Goes up when what is under way is given up. Not saved: nothing is saved with requests.
  var run = 0
  enum Reset: Sendable { case port, software, plug }
  /// A reset that waits for the backend.
  private(set) var pendingReset: Reset?

  init(number: Int, configuration: ATADriveConfiguration) {
    self.number = number
    self.configuration = configuration
  }

  var isPresent: Bool { configuration.kind != .none }
  var isCDROM: Bool { configuration.kind == .cdrom }
  /// The backend has requests of this port.
  var isWaiting: Bool { jobs.count > 0 }
  private var detection: UInt32 { state.sataControl & 15 }
  /// The link is up, and the drive ready for commands.
  var isOnline: Bool { isPresent && detection == 0 && (pendingReset == nil || pendingReset == .software) }
  var isStarted: Bool { state.command & AHCICommand.ST != 0 }

  // MARK: Reset

  mutating func powerOn(_ host: some DeviceServices) {
    jobs.removeAll()
    run += 1
    pendingReset = nil
    state = AHCIPortState()
    resetDrive(host)
  }
  mutating func restored(_ host: some DeviceServices) {
    jobs.removeAll()
    run += 1
    pendingReset = nil
    runCommands(host)
  }
  /// HBA reset leaves only the addresses of list and frames (AHCI 1.3.1, 10.4.3).
  mutating func hbaReset(_ host: some DeviceServices) {
    var fresh = AHCIPortState()
    (fresh.commandListBase, fresh.fisBase) = (state.commandListBase, state.fisBase)
    state = fresh
    pendingReset = nil
    resetDrive(host)
    if isPresent { state.sataError = SATAError.X | SATAError.N }
  }
  /// What is under way ends without effect on the port.
  mutating func abandon() { run += 1 }
  /// The list stops, for good as far as its commands are concerned.
  mutating func stop() {
    abandon()
    state.command &= ~AHCICommand.ST
    (state.commandIssue, state.sataActive, state.currentSlot, state.nextSlot) = (0, 0, 0, 0)
    state.isHalted = false
  }
  /// The drive after a reset of any kind: its signature is in the registers, and on its way to the guest.
  private mutating func resetDrive(_ host: some DeviceServices) {
    state.drive = ATADrive()
    state.device = 0
    state.isInSoftwareReset = false
    state.failedTag = 0x80
    guard isPresent else {
      state.drive.status = 0x7f
      state.drive.error = 0
      state.signature = 0xffff_ffff
      return
    }
    state.drive.setSignature(isCDROM: isCDROM)
    state.signature = isCDROM ? 0xeb14_0101 : 0x0000_0101
    state.owesSignature = true
    postSignature(host)
  }
  private mutating func postSignature(_ host: some DeviceServices) {
    guard state.owesSignature, state.command & AHCICommand.FRE != 0 else { return }
    state.owesSignature = false
    postRegisters(interrupt: false, host)
  }

  /// COMRESET: the drive is reset when the bit goes back to 0 and the backend has nothing of it any more.
  private mutating func writeControl(_ value: UInt32, _ host: some DeviceServices) {
    let before = detection
    state.sataControl = value & 0xfff
    if detection == 1, before != 1 {
      abandon()
      if isPresent { state.drive.status = ATAStatus.BSY }
    }
    if detection == 0, before != 0 {
      pendingReset = .port
      finishReset(host)
    }
  }
  /// Both halves of a software reset have been sent.
  mutating func softwareReset(_ host: some DeviceServices) {
    abandon()
    state.drive.status = ATAStatus.BSY
    pendingReset = .software
    finishReset(host)
  }
  private mutating func finishReset(_ host: some DeviceServices) {
    guard let reset = pendingReset, !isWaiting else { return }
    pendingReset = nil
    let old = state.drive
    resetDrive(host)
    switch reset {
    case .port: if isPresent { state.sataError |= SATAError.X | SATAError.N }
    // Media and tray know nothing of it.
    case .software: state.drive.keepMedium(of: old)
    case .plug:
      if isCDROM { state.drive.mediumChanged(isPresent: configuration.medium.sectors > 0) }
      tellLink(SATAError.X | SATAError.N)
    }
  }

  // MARK: Registers

  func read(_ offset: Int) -> UInt32 {
    switch offset {
    case AHCIPortRegister.commandListBase: UInt32(truncatingIfNeeded: state.commandListBase)
    case AHCIPortRegister.commandListBase + 4: UInt32(truncatingIfNeeded: state.commandListBase >> 32)
    case AHCIPortRegister.fisBase: UInt32(truncatingIfNeeded: state.fisBase)
    case AHCIPortRegister.fisBase + 4: UInt32(truncatingIfNeeded: state.fisBase >> 32)
    case AHCIPortRegister.interruptStatus: pendingInterrupts
    case AHCIPortRegister.interruptEnable: state.interruptEnable
    case AHCIPortRegister.command: command
    case AHCIPortRegister.taskFileData: UInt32(state.drive.error) << 8 | UInt32(state.drive.status)
    case AHCIPortRegister.signature: state.signature
    // Interface active, 3 Gbit/s, device and link; while reset is held there is no link; 4: switched off.
    case AHCIPortRegister.sataStatus: detection == 4 ? 4 : isOnline ? 0x123 : isPresent ? 1 : 0
    case AHCIPortRegister.sataControl: state.sataControl
    case AHCIPortRegister.sataError: state.sataError
    case AHCIPortRegister.sataActive: state.sataActive
    case AHCIPortRegister.commandIssue: state.commandIssue
    default: 0
    }
  }
  /// PxCMD as it reads: the list runs until the backend has nothing of it any more.
  private var command: UInt32 {
    var value = state.command | AHCICommand.SUD | AHCICommand.POD
    if isHotPluggable { value |= AHCICommand.HPCP }
    if state.command & AHCICommand.FRE != 0 { value |= AHCICommand.FR }
    if isStarted || isWaiting { value |= AHCICommand.CR }
    if isStarted { value |= UInt32(state.currentSlot) << 8 }
    return value
  }
  private var pendingInterrupts: UInt32 {
    var value = state.interruptStatus
    if state.sataError & SATAError.X != 0 { value |= AHCIInterrupt.PCS }
    if state.sataError & SATAError.N != 0 { value |= AHCIInterrupt.PRCS }
    return value
  }
  var wantsInterrupt: Bool { pendingInterrupts & state.interruptEnable != 0 }

  mutating func write(_ offset: Int, _ value: UInt32, _ host: some DeviceServices) {
    func merge(_ old: UInt64, _ low: UInt32?, _ high: UInt32?) -> UInt64 {
      UInt64(low ?? UInt32(truncatingIfNeeded: old)) | UInt64(high ?? UInt32(truncatingIfNeeded: old >> 32)) << 32
    }
    switch offset {
    case AHCIPortRegister.commandListBase:
      state.commandListBase = merge(state.commandListBase, value & ~0x3ff, nil)
    case AHCIPortRegister.commandListBase + 4: state.commandListBase = merge(state.commandListBase, nil, value)
    case AHCIPortRegister.fisBase: state.fisBase = merge(state.fisBase, value & ~0xff, nil)
    case AHCIPortRegister.fisBase + 4: state.fisBase = merge(state.fisBase, nil, value)
    case AHCIPortRegister.interruptStatus: state.interruptStatus &= ~value
    case AHCIPortRegister.interruptEnable: state.interruptEnable = value & 0xfdc0_00ff
    case AHCIPortRegister.command: writeCommand(value, host)
    case AHCIPortRegister.sataControl: writeControl(value, host)
    case AHCIPortRegister.sataError: state.sataError &= ~value
    case AHCIPortRegister.sataActive: if isStarted { state.sataActive |= value }
    case AHCIPortRegister.commandIssue:
      guard isStarted else { return }
      state.commandIssue |= value
      runCommands(host)
    default: break
    }
  }
  private mutating func writeCommand(_ value: UInt32, _ host: some DeviceServices) {
    let wasStarted = isStarted
    state.command = value & AHCICommand.writable
    postSignature(host)
    if value & AHCICommand.CLO != 0, !wasStarted { state.drive.status &= ~(ATAStatus.BSY | ATAStatus.DRQ) }
    if wasStarted, !isStarted { stop() }
    if isStarted { runCommands(host) }
  }

  // MARK: Frames to the guest

  private func post(_ offset: UInt64, _ frame: [UInt8], _ host: some DeviceServices) {
    guard state.command & AHCICommand.FRE != 0 else { return }
    host.dmaWrite(GuestPhysical(state.fisBase &+ offset), frame)
  }
  private func registers(_ type: UInt8, _ flags: UInt8) -> [UInt8] {
    let drive = state.drive
    func low(_ value: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: value) }
    return [
      type, flags, drive.status, drive.error, low(drive.low), low(drive.mid), low(drive.high), state.device,
      low(drive.low >> 8), low(drive.mid >> 8), low(drive.high >> 8), 0, low(drive.count), low(drive.count >> 8), 0, 0,
      0, 0, 0, 0,
    ]
  }
  /// Register frame from device to host.
  mutating func postRegisters(interrupt: Bool, _ host: some DeviceServices) {
    post(0x40, registers(0x34, interrupt ? 0x40 : 0), host)
    if interrupt { state.interruptStatus |= AHCIInterrupt.DHRS }
  }
  /// PIO Setup frame of a transfer of `count` bytes to the host, which ends with the status of the registers.
  mutating func postPIOSetup(_ count: Int, _ host: some DeviceServices) {
    var frame = registers(0x5f, 0x60)
    frame[15] = frame[2]
    frame[2] = ATAStatus.DRDY | ATAStatus.DSC | ATAStatus.DRQ
    frame.put(16, UInt64(count), 2)
    post(0x20, frame, host)
    state.interruptStatus |= AHCIInterrupt.PSS
  }
  /// Set Device Bits frame: queued commands of a mask have ended.
  mutating func postDeviceBits(_ ended: UInt32, _ host: some DeviceServices) {
    var frame: [UInt8] = [0xa1, 0x40, state.drive.status & 0x77, state.drive.error, 0, 0, 0, 0]
    frame.put(4, UInt64(ended), 4)
    post(0x58, frame, host)
    state.interruptStatus |= AHCIInterrupt.SDBS
  }

  // MARK: Backend and machine

  mutating func completed(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard let (command, status) = jobs.completed(completion, host) else { return }
    if command.run == run {
      ended(command, status, host)
    } else if !isWaiting, pendingReset == nil, detection == 0, isPresent {
      // Given up: the drive is free again when the last has gone.
      state.drive.status &= ~(ATAStatus.BSY | ATAStatus.DRQ)
    }
    finishReset(host)
    runCommands(host)
  }
  /// A drive goes, or another comes (AHCI 1.3.1, 7.3): the link changes either way, and a drive that comes sends COMINIT.
  ///
  /// What the old one has not ended stays issued, and the list stands still, until software clears ST: nobody may take
  /// it for done. As long as the backend has requests, CR stays set, and a new drive does not come online.
  mutating func plug(_ configuration: ATADriveConfiguration, _ host: some DeviceServices) {
    abandon()
    pendingReset = nil
    if state.commandIssue | state.sataActive != 0 {
      state.interruptStatus |= AHCIInterrupt.IFS
      state.isHalted = true
    }
    self.configuration = configuration
    if isPresent {
      state.drive.status = ATAStatus.BSY
      pendingReset = .plug
      finishReset(host)
    } else {
      resetDrive(host)
      tellLink(SATAError.N)
    }
  }
  /// A port whose interface is switched off (PxSCTL.DET 4) hears nothing of its drive.
  private mutating func tellLink(_ bits: UInt32) { if detection != 4 { state.sataError |= bits } }
  mutating func mediumChanged(_ medium: MediumInfo) {
    configuration.medium = medium
    if isCDROM { state.drive.mediumChanged(isPresent: medium.sectors > 0) }
  }

  func info() -> String {
    "port \(number): \(configuration.kind), \(configuration.medium.sectors) sectors, "
      + "status 0x\(String(state.drive.status, radix: 16)), command 0x\(String(command, radix: 16)), "
      + "issued 0x\(String(state.commandIssue, radix: 16)), active 0x\(String(state.sataActive, radix: 16))"
  }
}
