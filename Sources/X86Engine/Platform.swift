/// The registers that IN of four bytes from `RegisterCall.port` hands over and takes back (VMware's interface).
public struct RegisterCall: Sendable, Equatable {
  /// Where registers are parameters.
  public static let port: UInt16 = 0x5658
  /// EAX, EBX, ECX and EDX.
  public var eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
  public init(eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32) {
    self.eax = eax
    self.ebx = ebx
    self.ecx = ecx
    self.edx = edx
  }
}

/// What a vCPU needs of the board around it. Called on vCPU threads; implementations take their own locks.
public protocol Platform: AnyObject, Sendable {
  /// `width` 1, 2 or 4 bytes.
  func portRead(_ port: UInt16, width: Int, cpu: Int) -> UInt32
  func portWrite(_ port: UInt16, width: Int, value: UInt32, cpu: Int)
  /// IN from `RegisterCall.port`: what the registers are afterwards; nil: the port is an ordinary one.
  func registerCall(_ call: RegisterCall, cpu: Int) -> RegisterCall?
  /// Bus reads and writes outside RAM; `width` 1, 2, 4 or 8 bytes, never across a page.
  func memoryRead(_ address: UInt64, width: Int, cpu: Int) -> UInt64
  func memoryWrite(_ address: UInt64, width: Int, value: UInt64, cpu: Int)
  /// The vector to deliver now, or nil when the interrupt went away. Acknowledges it (INTA or local APIC).
  func acknowledgeInterrupt(cpu: Int) -> UInt8?
  /// Local APIC registers reached by MSR (x2APIC range 0x800...0x8ff, IA32_TSC_DEADLINE 0x6e0) and CR8; nil = #GP.
  func readAPIC(msr: UInt32, cpu: Int) -> UInt64?
  func writeAPIC(msr: UInt32, value: UInt64, cpu: Int) -> Bool
  /// IA32_APIC_BASE was written; false = #GP.
  func setAPICBase(_ value: UInt64, cpu: Int) -> Bool
  /// Task priority as CR8 sees it, 0...15.
  func taskPriority(cpu: Int) -> UInt8
  func setTaskPriority(_ value: UInt8, cpu: Int)
  /// The vCPU went into a triple fault; the machine decides (reset).
  func tripleFault(cpu: Int)
}

extension Platform {
  /// Boards without such a port.
  public func registerCall(_ call: RegisterCall, cpu: Int) -> RegisterCall? { nil }
}
