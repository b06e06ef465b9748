/// Why the service does not do what it was asked for, with the code and the place that VirtualBox's clients look for.
public struct ServiceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Names and numbers that clients branch on.
  public enum Code: String, Sendable {
    case objectNotFound = "VBOX_E_OBJECT_NOT_FOUND"
    case invalidVMState = "VBOX_E_INVALID_VM_STATE"
    case vmError = "VBOX_E_VM_ERROR"
    case fileError = "VBOX_E_FILE_ERROR"
    case invalidObjectState = "VBOX_E_INVALID_OBJECT_STATE"
    case hostError = "VBOX_E_HOST_ERROR"
    case notSupported = "VBOX_E_NOT_SUPPORTED"
    case xmlError = "VBOX_E_XML_ERROR"
    case objectInUse = "VBOX_E_OBJECT_IN_USE"
    case invalidArgument = "E_INVALIDARG"
    case accessDenied = "E_ACCESSDENIED"
    case failure = "NS_ERROR_FAILURE"

    /// As clients see it in the second line of an error.
    public var number: UInt32 {
      switch self {
      case .objectNotFound: 0x80bb_0001
      case .invalidVMState: 0x80bb_0002
      case .vmError: 0x80bb_0003
      case .fileError: 0x80bb_0004
      case .invalidObjectState: 0x80bb_0007
      case .hostError: 0x80bb_0008
      case .notSupported: 0x80bb_0009
      case .xmlError: 0x80bb_000a
      case .objectInUse: 0x80bb_000c
      case .invalidArgument: 0x8007_0057
      case .accessDenied: 0x8007_0005
      case .failure: 0x8000_4005
      }
    }
  }
  /// The interface of VirtualBox's object model that the object belongs to.
  public enum Subject: String, Sendable {
    case registry = "IVirtualBox", machine = "IMachine", medium = "IMedium", console = "IConsole", session = "ISession"
    case snapshot = "ISnapshot", appliance = "IAppliance", host = "IHost"

    var component: String {
      switch self {
      case .registry: "VirtualBoxWrap"
      case .console: "ConsoleWrap"
      case .session: "SessionMachine"
      default: "\(rawValue.dropFirst())Wrap"
      }
    }
  }

  /// By which clients tell errors apart.
  public var code: Code
  /// A sentence for people.
  public var text: String
  /// What the error is about.
  public var subject: Subject
  public init(_ code: Code, _ text: String, _ subject: Subject = .machine) {
    self.code = code
    self.text = text
    self.subject = subject
  }
  public var description: String { text }
  /// The second line of an error, which clients look through for the code's name.
  public var details: String {
    let hex = String(code.number, radix: 16)
    return "Details: code \(code.rawValue) (0x\(hex)), component \(subject.component), interface \(subject.rawValue), "
      + "callee nsISupports"
  }
}
