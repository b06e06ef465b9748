import Synchronization

/// A rate that several disks may share: what one transfers, the others lack.
///
/// An account of bytes that fills up to a tenth of a second's worth. A transfer of any size begins while there is something
/// on it, and overdraws it: the next one waits until the debt is paid.
public final class DiskLimit: Sendable {
  private struct Account {
    /// Bytes a second; 0: no limit.
    var rate: UInt64
    var bytes: Int64
    /// On the host's monotonic clock, in nanoseconds.
    var filledAt: Int64

    init(_ rate: UInt64, _ now: Int64) {
      self.rate = min(rate, DiskLimit.highest)
      bytes = Int64(max(1, self.rate / 10))
      filledAt = now
    }
  }
  /// Beyond it no host's disk is held back.
  private static let highest: UInt64 = 1 << 33
  /// Nobody sleeps longer in one go: the rate may have changed meanwhile.
  static let patience: Int64 = 50_000_000
  private let account: Mutex<Account>

  /// 0: no limit.
  public init(bytesPerSecond rate: UInt64, now: Int64) { account = Mutex(Account(rate, now)) }
  /// Another rate from now on.
  public func change(bytesPerSecond rate: UInt64, now: Int64) { account.withLock { $0 = Account(rate, now) } }
  var isLimited: Bool { account.withLock { $0.rate > 0 } }

  /// Takes what a transfer needs; otherwise says how many nanoseconds to wait.
  func take(bytes: Int, now: Int64) -> Int64? {
    account.withLock { account in
      guard account.rate > 0 else { return nil }
      let elapsed = UInt64(min(1_000_000_000, max(0, now &- account.filledAt)))
      let gained = elapsed * account.rate / 1_000_000_000
      if gained > 0 {
        account.bytes = min(Int64(max(1, account.rate / 10)), account.bytes + Int64(gained))
        account.filledAt = now
      }
      guard account.bytes <= 0 else {
        account.bytes -= Int64(min(max(0, bytes), BlockWorker.transferLimit))
        return nil
      }
      return (1 - account.bytes) * 1_000_000_000 / Int64(account.rate) + 1
    }
  }
}
