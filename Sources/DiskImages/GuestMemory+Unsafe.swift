import Base
import DeviceKit
import GuestMemory
import HostSystem

extension GuestMemory: GuestBuffer {
  public func copyIn(_ address: GuestPhysical, count: Int) -> [UInt8] { read(address, count: max(0, count)) }
  public func copyOut(_ address: GuestPhysical, _ bytes: [UInt8]) { write(address, bytes) }
  public func directBuffer(_ segment: GuestSegment) -> HostBuffer? {
    // SAFETY: the run is mapped as long as this object lives, and block workers hold a reference to it; device memory
    // that is unmapped under a transfer makes the system call fail, not this process.
    guard let run = unsafe span(segment.address, count: segment.count), let base = run.baseAddress else { return nil }
    // SAFETY: `span` vouches for `count` bytes.
    return unsafe HostBuffer(base, count: run.count)
  }
  public func didWrite(_ segment: GuestSegment) { didWrite(segment.address, count: segment.count) }
}
