import DeviceKit

/// A DMA controller's channel as the device on it sees it.
public protocol DMAChannel: AnyObject, Sendable {
  /// Guest memory for the next at most `count` bytes; nil while the channel is not open (the request stays pending).
  func take(_ count: Int) -> I8237.Grant?
}

/// A channel of the board's I8237.
///
/// Lock order: the device that transfers, then the I8237, which calls no device.
public final class I8237Channel: DMAChannel {
  private let controller: DeviceSlot<I8237>
  private let number: Int
  public init(_ controller: DeviceSlot<I8237>, channel: Int) {
    self.controller = controller
    number = channel
  }
  public func take(_ count: Int) -> I8237.Grant? {
    controller.withDevice { device, _ in device.take(channel: number, count: count) } ?? nil
  }
}
