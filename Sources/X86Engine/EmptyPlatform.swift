/// A board with nothing on it: for a processor that is tried by itself.
package final class EmptyPlatform: Platform {
  package init() {}
  package func portRead(_ port: UInt16, width: Int, cpu: Int) -> UInt32 { ~0 }
  package func portWrite(_ port: UInt16, width: Int, value: UInt32, cpu: Int) {}
  package func memoryRead(_ address: UInt64, width: Int, cpu: Int) -> UInt64 { ~0 }
  package func memoryWrite(_ address: UInt64, width: Int, value: UInt64, cpu: Int) {}
  package func acknowledgeInterrupt(cpu: Int) -> UInt8? { nil }
  package func readAPIC(msr: UInt32, cpu: Int) -> UInt64? { nil }
  package func writeAPIC(msr: UInt32, value: UInt64, cpu: Int) -> Bool { false }
  package func setAPICBase(_ value: UInt64, cpu: Int) -> Bool { false }
  package func taskPriority(cpu: Int) -> UInt8 { 0 }
  package func setTaskPriority(_ value: UInt8, cpu: Int) {}
  package func tripleFault(cpu: Int) {}
}
