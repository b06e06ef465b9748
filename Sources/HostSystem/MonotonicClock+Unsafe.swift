import Glibc

/// The host's clocks. Devices never see them: guest time comes from `VirtualClock`.
public enum HostClock {
  /// Nanoseconds of CLOCK_MONOTONIC.
  public static var monotonicNanoseconds: Int64 { read(CLOCK_MONOTONIC) }
  /// Nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME).
  public static var wallNanoseconds: Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    // SAFETY: `time` lives for the duration of the call, which only writes it.
    _ = unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
