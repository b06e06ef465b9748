import Base
import Synchronization

/// The register file: as a memory page (SDM 3A, table 11-1) and as MSRs 800h-83Fh (table 11-6).
extension LocalAPIC {
  /// Version 14h; highest LVT entry 5.
  static let version: UInt32 = 0x0005_0014

  // MARK: xAPIC page

  /// A guest read inside the register page. Registers stand on 16-byte boundaries and are 32 bits wide.
  public func read(offset: UInt64, width: Int) -> UInt64 {
    guard offset < 0x1000 else { return .max }
    let lane = offset & 0xf
    // Between the registers the SDM leaves reads undefined.
    guard lane < 4 else { return 0 }
    guard let value = register(UInt32(truncatingIfNeeded: offset >> 4)) else {
      report(ErrorBit.illegalRegister)
      return 0
    }
    return UInt64(value) >> (lane * 8) & (width >= 8 ? .max : (1 << UInt64(max(1, width) * 8)) - 1)
  }

  /// A guest write inside the register page; off the 16-byte boundaries nothing is written.
  public func write(offset: UInt64, width: Int, _ value: UInt64) {
    guard offset < 0x1000, offset & 0xf == 0 else { return }
    let value = UInt32(truncatingIfNeeded: width >= 4 ? value : value & ((1 << UInt64(max(1, width) * 8)) - 1))
    let index = UInt32(truncatingIfNeeded: offset >> 4)
    switch index {
    case 0x0d: logicalDestination.store(value & 0xff00_0000, ordering: .releasing)
    case 0x0e: destinationFormat.store(value | 0x0fff_ffff, ordering: .releasing)
    case 0x30:
      let high = interruptCommand.load(ordering: .relaxed) & 0xffff_ffff_0000_0000
      sendIPI(high | UInt64(value), extended: false)
    case 0x31:
      let low = interruptCommand.load(ordering: .relaxed) & 0xffff_ffff
      interruptCommand.store(UInt64(value & 0xff00_0000) << 32 | low, ordering: .relaxed)
    default:
      if !setRegister(index, value) { report(ErrorBit.illegalRegister) }
    }
  }

  // MARK: x2APIC MSRs

  /// RDMSR of 800h-8FFh; nil means #GP.
  public func readMSR(_ msr: UInt32) -> UInt64? {
    guard mode == .x2APIC, msr >= 0x800, msr <= 0x83f else { return nil }
    switch msr {
    case 0x802: return UInt64(id)
    case 0x80d: return UInt64(x2LogicalDestination)
    case 0x830: return interruptCommand.load(ordering: .relaxed)
    // Not in x2APIC mode: APR, RRD, DFR, ICR high; write-only: EOI, SELF IPI.
    case 0x809, 0x80b, 0x80c, 0x80e, 0x831, 0x83f: return nil
    default: return register(msr & 0x3f).map(UInt64.init)
    }
  }

  /// WRMSR of 800h-8FFh; false means #GP.
  public func writeMSR(_ msr: UInt32, _ value: UInt64) -> Bool {
    guard mode == .x2APIC, msr >= 0x800, msr <= 0x83f else { return false }
    if msr == 0x830 {
      guard value & 0xfff3_2000 == 0 else { return false }
      sendIPI(value, extended: true)
      return true
    }
    guard let low = UInt32(exactly: value) else { return false }
    switch msr {
    case 0x808: guard low <= 0xff else { return false }
    case 0x80b, 0x828: guard low == 0 else { return false }
    case 0x80d, 0x80e, 0x831: return false
    case 0x80f: guard low & ~0x3ff == 0 else { return false }
    case 0x832...0x837: guard low & ~entryMask(Int(msr) - 0x832) & ~0x5000 == 0 else { return false }
    case 0x83e: guard low & ~0xb == 0 else { return false }
    case 0x83f:
      guard low <= 0xff else { return false }
      deliverSelf(UInt8(truncatingIfNeeded: low))
      return true
    default: break
    }
    return setRegister(msr & 0x3f, low)
  }

  // MARK: Shared by both

  /// Register `index` (offset / 16), or nil where there is none.
  private func register(_ index: UInt32) -> UInt32? {
    switch index {
    case 0x02: return id << 24
    case 0x03: return LocalAPIC.version
    case 0x08: return taskPriority.load(ordering: .relaxed)
    // No arbitration bus: APR shows what it would hold when idle.
    case 0x09, 0x0a: return UInt32(processorPriority)
    case 0x0b, 0x0c: return 0
    case 0x0d: return logicalDestination.load(ordering: .relaxed)
    case 0x0e: return destinationFormat.load(ordering: .relaxed)
    case 0x0f: return spurious.load(ordering: .relaxed)
    case 0x10...0x17: return inService[Int(index & 7)].load(ordering: .relaxed)
    case 0x18...0x1f: return triggerMode[Int(index & 7)].load(ordering: .relaxed)
    case 0x20...0x27: return requests[Int(index & 7)].load(ordering: .relaxed)
    case 0x28: return errorStatus.load(ordering: .relaxed)
    case 0x30: return UInt32(truncatingIfNeeded: interruptCommand.load(ordering: .relaxed))
    case 0x31: return UInt32(truncatingIfNeeded: interruptCommand.load(ordering: .relaxed) >> 32)
    case 0x32...0x37: return lvt[Int(index - 0x32)].load(ordering: .relaxed)
    case 0x38: return initialCount
    case 0x39: return currentCount
    case 0x3e: return divideConfiguration
    default: return nil
    }
  }

  /// Writes register `index`; false where there is none or it is read-only.
  private func setRegister(_ index: UInt32, _ value: UInt32) -> Bool {
    switch index {
    case 0x02: break  // the ID is fixed, as the SDM allows
    case 0x08: setTaskPriority(value)
    case 0x0b: eoi()
    case 0x0f: setSpurious(value)
    case 0x28: errorStatus.store(newErrors.exchange(0, ordering: .acquiringAndReleasing), ordering: .relaxed)
    case 0x32...0x37: setEntry(Int(index - 0x32), value)
    case 0x38: setInitialCount(value)
    case 0x3e: setDivideConfiguration(value)
    default: return false
    }
    return true
  }

  private func setSpurious(_ value: UInt32) {
    spurious.store(value & 0x3ff, ordering: .releasing)
    guard value & 0x100 == 0 else { return }
    // A software-disabled APIC holds all its entries masked (SDM 3A, 11.4.7.2).
    for index in 0..<6 { lvt[index].bitwiseOr(LocalAPIC.masked, ordering: .acquiringAndReleasing) }
  }

  /// Writable bits of LVT entry `index`.
  private func entryMask(_ index: Int) -> UInt32 {
    switch LVT(rawValue: index) {
    case .timer: 0x7_00ff
    case .thermal, .performance: 0x1_07ff
    case .lint0, .lint1: 0x1_a7ff
    case .error, nil: 0x1_00ff
    }
  }

  private func setEntry(_ index: Int, _ value: UInt32) {
    var new = value & entryMask(index)
    if spurious.load(ordering: .relaxed) & 0x100 == 0 { new |= LocalAPIC.masked }
    let old = lvt[index].exchange(new, ordering: .acquiringAndReleasing)
    switch LVT(rawValue: index) {
    case .timer: timerEntryChanged(from: old, to: new)
    // The 8259 may have been waiting for the gate to open.
    case .lint0: if acceptsPIC { target?.interruptPending() }
    default: break
    }
  }

  // MARK: Interprocessor interrupts

  private func deliverSelf(_ vector: UInt8) {
    guard vector >= 16 else { return report(ErrorBit.sendIllegalVector) }
    accept(vector, levelTriggered: false)
  }

  /// Executes a write to ICR (SDM 3A, 11.6.1). `extended`: the 32-bit destination of x2APIC mode.
  private func sendIPI(_ command: UInt64, extended: Bool) {
    // Delivery is immediate, so the delivery-status bit never shows.
    let command = command & ~0x1000
    interruptCommand.store(command, ordering: .relaxed)
    let low = UInt32(truncatingIfNeeded: command)
    guard let kind = InterruptMessage.DeliveryMode(rawValue: UInt8(truncatingIfNeeded: low >> 8) & 7) else { return }
    let vector = UInt8(truncatingIfNeeded: low)
    switch kind {
    case .fixed, .lowestPriority:
      if vector < 16 { return report(ErrorBit.sendIllegalVector) }
    // INIT level de-assert only synchronised arbitration IDs on early buses.
    case .initialize: if low & 0xc000 == 0x8000 { return }
    case .nmi, .startUp: break
    case .smi, .reserved, .externalInterrupt: return
    }
    let destination = UInt32(truncatingIfNeeded: extended ? command >> 32 : command >> 56)
    let message = InterruptMessage(
      destination: destination, logical: low & 0x800 != 0, broadcast: destination == (extended ? 0xffff_ffff : 0xff),
      mode: kind, vector: vector)
    switch low >> 18 & 3 {
    case 0: bus?.send(message)
    case 1: deliver(message)
    case 2: bus?.broadcast(message, excluding: nil)
    default: bus?.broadcast(message, excluding: self)
    }
  }
}
