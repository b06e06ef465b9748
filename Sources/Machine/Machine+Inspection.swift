import Base
import Execution
import Synchronization

// What the processors do with the guest's code, for people.
extension Machine {
  /// What each processor's engine counted: exact while paused, a snapshot while running.
  public var engineReports: [ProcessorReport] { (0..<processors.count).map { processors.report($0) } }

  /// The registers of one processor; nil when there is no such processor. A running machine stands still meanwhile.
  public func registers(cpu: Int) -> ProcessorRegisters? {
    guard (0..<processors.count).contains(cpu) else { return nil }
    let result = Mutex<ProcessorRegisters?>(nil)
    standingStill { [processors] in
      let found = processors.registers(cpu)
      result.withLock { $0 = found }
    }
    return result.withLock { $0 }
  }

  /// Changes registers of one processor: general ones by number, RIP, and of RFLAGS what belongs to programs. A running
  /// machine stands still meanwhile.
  public func setRegisters(cpu: Int, rip: UInt64?, rflags: UInt64?, general: [Int: UInt64]) throws(MachineError) {
    guard (0..<processors.count).contains(cpu) else { throw MachineError(.configuration, "no processor \(cpu)") }
    let failure = Mutex<MachineError?>(nil)
    standingStill { [processors] in
      let now = processors.registers(cpu)
      // An address that the processor could not have come to by itself.
      let limit: UInt64 = now.efer & 0x400 != 0 ? 1 << 47 : 1 << 32
      if let rip, rip >= limit, now.efer & 0x400 == 0 || rip < ~(limit - 1) {
        return failure.withLock { $0 = MachineError(.configuration, "no address 0x\(String(rip, radix: 16))") }
      }
      processors.setRegisters(cpu, rip: rip, rflags: rflags, general: general)
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Translated code of one processor in a range of linear addresses, at most `limit` blocks, and how many more there are;
  /// nil when there is no such processor. A running machine stands still meanwhile.
  public func codeListings(
    cpu: Int, in range: AddressRange, limit: Int = .max
  ) -> (blocks: [CodeListing], more: Int)? {
    guard (0..<processors.count).contains(cpu) else { return nil }
    let result = Mutex<(blocks: [CodeListing], more: Int)>(([], 0))
    standingStill { [processors] in
      let found = processors.listings(cpu, in: range, limit: limit)
      result.withLock { $0 = found }
    }
    return result.withLock { $0 }
  }

  /// Tells the instrumentation client what was counted up to now. A running machine stands still meanwhile.
  public func tellCounts() { standingStill { [processors] in processors.tellCounts() } }

  private func standingStill(_ body: @escaping @Sendable () -> Void) {
    control.perform { [self] in
      let isRunning = state == .running
      if isRunning { halt() }
      body()
      if isRunning { runClocks() }
    }
  }
}
