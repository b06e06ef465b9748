import Glibc

/// The host's clocks. Devices never see them: guest time comes from `VirtualClock`.
public enum HostClock {
  /// Nanoseconds of CLOCK_MONOTONIC.
  public static var monotonicNanoseconds: Int64 { read(CLOCK_MONOTONIC) }
  /// Nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME).
  public static var wallNanoseconds: Int64 { read(CLOCK_REALTIME) }

  /// Seconds that local time, by TZ or /etc/localtime, is ahead of UTC at `second` (since 1970-01-01 UTC); 0 when that
  /// cannot be said.
  public static func localOffset(at second: Int64) -> Int64 {
    var time = time_t(second)
    // SAFETY: both live for the duration of the call, which reads the first and writes the second; its zone is not used.
    var parts = unsafe tm()
    tzset()
    guard unsafe localtime_r(&time, &parts) != nil else { return 0 }
    return unsafe Int64(parts.tm_gmtoff)
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    // SAFETY: `time` lives for the duration of the call, which only writes it.
    _ = unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
