import Base

/// A disk, CD or floppy image below a storage device.
public protocol BlockBackend: AnyObject, Sendable {
  /// Starts a request; `completion` is called exactly once, from any thread, also from inside this call.
  /// A read into `.buffer` returns the bytes in the completion; `.guest` payloads are moved by the backend.
  func submit(_ request: BlockRequest, completion: @escaping @Sendable (BlockCompletion) -> Void)
}

/// What lies beyond a serial port or debug console. Input goes to `DeviceSlot.receive`.
public protocol CharacterBackend: AnyObject, Sendable {
  /// Called under the device's lock: must not block nor call the device.
  func transmit(_ bytes: [UInt8])
}

/// Guest RAM as devices reach it: RAM and ROM only, never MMIO (a device cannot be made to program another).
public protocol DMASpace: AnyObject, Sendable {
  /// Bytes outside RAM read as 0xff.
  func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8]
  /// Bytes outside RAM are dropped.
  func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8])
}

/// What a machine lends to its device slots.
public struct MachineServices: Sendable {
  public var bus: IOBus
  public var clock: VirtualClock
  public var timers: TimerQueue
  public var dma: any DMASpace
  /// Requests of devices. Called under the device's lock: resets and power-off must be left to another thread;
  /// `a20` and `shadow` take effect before the call returns, without calling any device.
  public var request: @Sendable (MachineRequest) -> Void
  /// Message-signalled interrupt: address, data. Called under the device's lock.
  public var messageInterrupt: @Sendable (UInt64, UInt32) -> Void
  /// Log lines: device, kind, text; already rate-limited.
  public var log: @Sendable (String, LogKind, String) -> Void

  public init(
    bus: IOBus, clock: VirtualClock, timers: TimerQueue, dma: any DMASpace,
    request: @escaping @Sendable (MachineRequest) -> Void,
    messageInterrupt: @escaping @Sendable (UInt64, UInt32) -> Void = { _, _ in },
    log: @escaping @Sendable (String, LogKind, String) -> Void = { _, _, _ in }
  ) {
    self.bus = bus
    self.clock = clock
    self.timers = timers
    self.dma = dma
    self.request = request
    self.messageInterrupt = messageInterrupt
    self.log = log
  }
}
