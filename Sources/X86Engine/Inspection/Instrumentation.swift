import X86ISA

/// What a client of the translator wants to be told.
public struct InstrumentationPoints: OptionSet, Sendable {
  /// One bit for each point.
  public let rawValue: UInt8
  /// As for any option set.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// How often each straight run of instructions was executed (`Instrumentation.counted`): four host instructions a run.
  public static let counts = InstrumentationPoints(rawValue: 1)
  /// Each entry into a block.
  public static let block = InstrumentationPoints(rawValue: 2)
  /// Each instruction.
  public static let instruction = InstrumentationPoints(rawValue: 4)
  /// Each operand in memory, the stack's included.
  public static let memoryAccess = InstrumentationPoints(rawValue: 8)
  /// Each control transfer.
  public static let branch = InstrumentationPoints(rawValue: 16)
  /// Those for which generated code calls the client.
  static let calls: InstrumentationPoints = [.block, .instruction, .memoryAccess, .branch]
}

/// A client of the translator, told of what a guest executes before it happens.
///
/// Calls come on the threads of virtual processors, each while that one stands before the instruction. All of the
/// architecture is executed the same with and without a client. An instruction that faults and is executed again is told
/// twice. A call costs some 50 ns.
public protocol Instrumentation: AnyObject, Sendable {
  /// Asked once, when the machine is built.
  var points: InstrumentationPoints { get }
  func block(_ place: GuestPlace)
  func instruction(_ place: GuestPlace)
  func memoryAccess(_ access: MemoryAccess, _ place: GuestPlace)
  func branch(_ branch: BranchEvent, _ place: GuestPlace)
  /// `run` was executed `times` more times than was told before. Told when code is forgotten and when asked for.
  func counted(_ run: CountedRun, times: UInt64)
}

extension Instrumentation {
  /// Nothing, like the other defaults.
  public func block(_ place: GuestPlace) {}
  /// Nothing.
  public func instruction(_ place: GuestPlace) {}
  /// Nothing.
  public func memoryAccess(_ access: MemoryAccess, _ place: GuestPlace) {}
  /// Nothing.
  public func branch(_ branch: BranchEvent, _ place: GuestPlace) {}
  /// Nothing.
  public func counted(_ run: CountedRun, times: UInt64) {}
}

/// An instruction about to be executed.
public struct GuestPlace: Sendable {
  /// Number of the virtual processor.
  public var cpu: Int
  /// Linear address.
  public var address: UInt64
  /// Size of code in force.
  public var codeSize: CodeSize
  /// Current privilege level.
  public var privilege: Int
  /// Decoded; with its length, size and operands.
  public var instruction: Instruction
}

/// An access to memory about to be made; it may yet fault. Repeated string instructions tell their first element;
/// gathers, scatters and the stack frames of far transfers and interrupts are not told.
public struct MemoryAccess: Sendable, Equatable {
  /// Linear address.
  public var address: UInt64
  /// Bytes; 0 where the instruction does not fix them (XSAVE).
  public var size: Int
  /// Both when the instruction changes what is there.
  public var isRead: Bool
  /// See `isRead`.
  public var isWrite: Bool
}

/// A control transfer about to be made.
public struct BranchEvent: Sendable, Equatable {
  /// `other`: far transfers, interrupts, system calls.
  public enum Kind: Sendable { case jump, conditional, call, `return`, other }
  /// What instruction makes it.
  public var kind: Kind
  /// The address in CS; nil when it comes from memory or from a gate.
  public var target: UInt64?
  /// False: execution goes on behind it.
  public var isTaken: Bool
}

/// Instructions that are executed one after the other, or not at all; but for faults, after which the rest counts though it
/// was not reached.
public struct CountedRun: Sendable, Equatable {
  /// Number of the virtual processor.
  public var cpu: Int
  /// Linear address of the first instruction.
  public var address: UInt64
  /// Bytes of code.
  public var count: Int
  /// Size of code in force.
  public var codeSize: CodeSize
  /// Current privilege level.
  public var privilege: Int
  /// The instructions, in order.
  public var operations: [Op]
}
