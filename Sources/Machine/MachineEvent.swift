import DeviceKit

/// What a machine tells its front end. Delivered on any thread, possibly with a device's lock held: the receiver
/// must neither block nor call the machine from inside, but may queue.
public enum MachineEvent: Sendable, Equatable {
  case stateChanged(MachineState)
  /// A hardware reset is done; `reason` names what asked for it.
  case reset(reason: String)
  /// The guest's processors are at a standstill for good.
  case stopped(StopReason)
  /// Bytes of COM port `port` (0 = COM1), unless its configuration is `none` or `file`.
  case serialOutput(port: Int, bytes: [UInt8])
  case debugOutput([UInt8])
  /// The host's disk is full or did not take a write: the machine is paused, and `resume` tries again.
  case diskFailed(drive: String, text: String)
  /// A device's log line, rate-limited.
  case log(device: String, kind: LogKind, text: String)
}

public enum MachineState: String, Sendable, Equatable {
  /// Built, not yet powered on.
  case off
  case running
  case paused
  /// Its state is being written to a file; it stands still.
  case saving
  case stopped
}

/// Why a machine stopped.
public enum StopReason: Sendable, Equatable {
  /// The guest switched it off; names the register used.
  case powerOff(String)
  /// `stop()` was called.
  case requested
  /// `saveState` is done: the file.
  case saved(String)
  /// A reset that `exitOn` turns into an end.
  case reset(String)
  /// A triple fault that `exitOn` turns into an end; the processor.
  case tripleFault(cpu: Int)
  /// A deterministic machine has executed as many instructions as its configuration says.
  case instructionLimit
  /// The engines disagree about what the guest's code does: the report, many lines, and the run as a test case.
  case divergence(report: String, testCase: String)

  /// One line for a person.
  public var text: String {
    switch self {
    case .powerOff(let reason): "power off (\(reason))"
    case .requested: "stopped"
    case .saved: "saved"
    case .reset(let reason): "reset (\(reason))"
    case .tripleFault(let cpu): "triple fault on CPU \(cpu)"
    case .instructionLimit: "instruction limit"
    case .divergence: "recompiler and interpreter disagree"
    }
  }
}
