import Base
import DeviceKit
import Execution
import GuestMemory
import HostSystem

/// Why a machine could not be built or driven. `description` is the one line to show.
public struct MachineError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: Equatable, Sendable {
    /// The configuration says something impossible: wrong usage.
    case configuration
    /// A file that the configuration names is missing, unreadable or not what it should be.
    case file
    /// The host refused something: memory, threads.
    case host
    /// The machine is not in a state in which this can be done.
    case state
  }
  public var kind: Kind
  public var description: String
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// A file that could not be read, as `what` ("kernel", "disk").
  static func unreadable(_ what: String, _ error: FileError) -> MachineError {
    MachineError(.file, "\(what) '\(error.path)': \(error.reason)")
  }
  static func host(_ what: String, _ error: some Error) -> MachineError { host(what, "\(error)") }
  static func host(_ what: String, _ reason: String) -> MachineError { MachineError(.host, "\(what): \(reason)") }
}
