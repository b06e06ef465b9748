import Base
import DeviceKit
import Synchronization

/// The clock of one local APIC on the machine's timer queue.
public final class QueuedAPICClock: LocalAPICClock {
  private let clock: VirtualClock
  private let timers: TimerQueue
  private let timer: TimerQueue.Timer
  private let link: Link
  private let timeOfTSC: @Sendable (UInt64) -> VirtualTime

  /// - Parameter timeOfTSC: guest time at which this vCPU's time-stamp counter, with its offset, reaches a value.
  public init(clock: VirtualClock, timers: TimerQueue, timeOfTSC: @escaping @Sendable (UInt64) -> VirtualTime) {
    self.clock = clock
    self.timers = timers
    self.timeOfTSC = timeOfTSC
    let link = Link()
    self.link = link
    timer = timers.register { link.apic.load()?.value?.timerFired() }
  }

  /// Names the APIC to call; the first call counts. Held weakly.
  public func connect(_ apic: LocalAPIC) { _ = link.apic.storeIfNil(WeakAPIC(apic)) }

  public var now: VirtualTime { clock.now }
  public func arm(at time: VirtualTime) { timers.arm(timer, at: time) }
  public func disarm() { timers.disarm(timer) }
  public func time(ofTSC tsc: UInt64) -> VirtualTime { timeOfTSC(tsc) }

  private final class Link: Sendable { let apic = AtomicLazyReference<WeakAPIC>() }
}

private final class WeakAPIC: Sendable {
  weak let value: LocalAPIC?
  init(_ value: LocalAPIC) { self.value = value }
}
