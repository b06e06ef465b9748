import DeviceKit

/// Why a network attachment could not be made or changed; the text is for people.
public struct NetworkError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// What is at the far end of a card's cable: a NAT, a switch, a tunnel, or nothing.
///
/// Frames for the guest go to the receiver, on a thread of the attachment's own.
public protocol NetworkAttachment: AnyObject, Sendable {
  /// The largest frame it takes.
  var maximumFrame: Int { get }
  /// Begins to work. Called once, before anything else.
  func start(_ receiver: any FrameReceiver) throws(NetworkError)
  /// A frame from the guest. Called under a device's lock: only queues, and drops what it has no room for.
  func transmit(_ frame: NetworkFrame)
  /// Ends its threads and lets go of what it holds.
  func close()
  /// A few words for people.
  var summary: String { get }
}

/// Takes the frames of an attachment.
public protocol FrameReceiver: AnyObject, Sendable {
  func receive(_ frames: [NetworkFrame])
  /// Frames that the guest has not taken yet: an attachment that can wait does so while there are many.
  var waitingFrames: Int { get }
}

/// A cable whose far end lies on the floor.
public final class NullAttachment: NetworkAttachment {
  public init() {}
  public let maximumFrame = NetworkFrame.limit
  public func start(_ receiver: any FrameReceiver) throws(NetworkError) {}
  public func transmit(_ frame: NetworkFrame) {}
  public func close() {}
  public let summary = "connected to nothing"
}
