import Base
import DeviceKit
import Foundation
import Synchronization
import Testing

/// A machine that stands still to be saved.
@Suite struct QuiescenceTests {
  /// What a saved state brings back is armed in another order than it was.
  @Test func timersThatAreDueAtOnceFireInTheOrderOfTheirRegistration() {
    for rotation in 0..<7 {
      let queue = TimerQueue(clock: VirtualClock(manualWithWallSeconds: 0))
      let fired = Mutex<[Int]>([])
      let timers = (0..<7).map { number in queue.register { fired.withLock { $0.append(number) } } }
      for step in 0..<7 { queue.arm(timers[(step * 3 + rotation) % 7], at: VirtualTime(nanoseconds: 100)) }
      queue.disarm(timers[rotation])
      queue.arm(timers[rotation], at: VirtualTime(nanoseconds: 100))
      queue.advance(to: VirtualTime(nanoseconds: 100))
      #expect(fired.withLock { $0 } == Array(0..<7))
    }
  }
  @Test func afterSettlingNoTimerCalls() throws {
    for _ in 0..<20 {
      let clock = VirtualClock()
      let queue = TimerQueue(clock: clock)
      let calls = Mutex((begun: 0, ended: 0))
      let timer = queue.register {
        calls.withLock { $0.begun += 1 }
        usleep(2000)
        calls.withLock { $0.ended += 1 }
      }
      try queue.start()
      queue.arm(timer, at: VirtualTime(nanoseconds: 100_000))
      clock.resume()
      usleep(UInt32.random(in: 0...1500))
      clock.pause()
      queue.settle()
      let after = calls.withLock { $0 }
      #expect(after.begun == after.ended)
      usleep(3000)
      #expect(calls.withLock { $0 } == after)
      queue.stop()
    }
  }
}
