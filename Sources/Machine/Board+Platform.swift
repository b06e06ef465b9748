import Devices
import Execution

/// The board as its processors see it. Called on vCPU threads, with no lock held.
extension Board: ProcessorPlatform {
  private static let pageMask: UInt64 = ~0xfff
  private static let tscDeadlineMSR: UInt32 = 0x6e0

  func portRead(_ port: UInt16, width: Int, cpu: Int) -> UInt32 { bus.portRead(port, width: width) }
  func portWrite(_ port: UInt16, width: Int, value: UInt32, cpu: Int) { bus.portWrite(port, width: width, value) }

  /// The port where VMware's pointer is.
  func registerCall(_ call: RegisterCall, cpu: Int) -> RegisterCall? {
    let registers = VMMouse.Registers(eax: call.eax, ebx: call.ebx, ecx: call.ecx, edx: call.edx)
    guard let result = pointer?.withDevice({ device, services in device.call(registers, services) }) else { return nil }
    return RegisterCall(eax: result.eax, ebx: result.ebx, ecx: result.ecx, edx: result.edx)
  }

  func memoryRead(_ address: UInt64, width: Int, cpu: Int) -> UInt64 {
    if apics[cpu].registerPage?.value == address & Board.pageMask {
      return apics[cpu].read(offset: address & 0xfff, width: width)
    }
    return bus.memoryRead(address, width: width)
  }
  func memoryWrite(_ address: UInt64, width: Int, value: UInt64, cpu: Int) {
    if apics[cpu].registerPage?.value == address & Board.pageMask {
      apics[cpu].write(offset: address & 0xfff, width: width, value)
      // LINT0 may have been opened while INTR of the 8259 was high: that is not an edge.
      if cpu == 0 { raiseAgainIfPending(cpu) }
      return
    }
    bus.memoryWrite(address, width: width, value)
  }

  /// The local APIC's vector comes first; the 8259 pair speaks through LINT0 of processor 0.
  func acknowledgeInterrupt(cpu: Int) -> UInt8? {
    let apic = apics[cpu]
    var vector = apic.acknowledge()
    if vector == nil, cpu == 0, picRequests.load(ordering: .sequentiallyConsistent), apic.acceptsPIC {
      vector = pic.withDevice { device, services in device.acknowledge(services) }
    }
    if lateTimers.load(ordering: .relaxed) != 0 { deliverLateBeats() }
    raiseAgainIfPending(cpu)
    return vector
  }

  private func raiseAgainIfPending(_ cpu: Int) {
    let pending =
      apics[cpu].pendingVector() != nil
      || cpu == 0 && picRequests.load(ordering: .sequentiallyConsistent) && apics[cpu].acceptsPIC
    if pending { processors?.raiseInterrupt(cpu) }
  }

  func readAPIC(msr: UInt32, cpu: Int) -> UInt64? {
    msr == Board.tscDeadlineMSR ? apics[cpu].tscDeadline : apics[cpu].readMSR(msr)
  }
  func writeAPIC(msr: UInt32, value: UInt64, cpu: Int) -> Bool {
    if msr == Board.tscDeadlineMSR {
      apics[cpu].tscDeadline = value
      return true
    }
    defer { if cpu == 0 { raiseAgainIfPending(cpu) } }
    return apics[cpu].writeMSR(msr, value)
  }
  func setAPICBase(_ value: UInt64, cpu: Int) -> Bool {
    guard apics[cpu].setAPICBase(value) else { return false }
    raiseAgainIfPending(cpu)
    return true
  }
  func taskPriority(cpu: Int) -> UInt8 { apics[cpu].cr8 }
  func setTaskPriority(_ value: UInt8, cpu: Int) { apics[cpu].cr8 = value }
  func tripleFault(cpu: Int) { reportTripleFault(cpu) }
}
