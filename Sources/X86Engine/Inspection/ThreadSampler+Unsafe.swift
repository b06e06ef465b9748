import CHost

/// Samples of where a vCPU's thread is, at a steady rate of its processor time. One sampler a thread.
// SAFETY(type): ring and sampler are allocated in init and freed in deinit, when the signal handler does not use them:
// whoever starts it stops it on the same thread. Everything else is used by that thread, or while it does not run: hence
// @unchecked Sendable.
@safe final class ThreadSampler: @unchecked Sendable {
  private let ring: UnsafeMutablePointer<rb_sample>
  private let sampler: UnsafeMutablePointer<rb_sampler>

  /// Samples are lost while `capacity`, a power of two, wait to be taken.
  init(capacity: Int) {
    // SAFETY: fresh allocations of trivial types.
    do {
      unsafe ring = .allocate(capacity: capacity)
      unsafe sampler = .allocate(capacity: 1)
      unsafe sampler.initialize(to: rb_sampler())
      unsafe sampler.pointee.samples = ring
      unsafe sampler.pointee.capacity = UInt64(capacity)
    }
  }
  deinit {
    // SAFETY: see the type.
    do {
      unsafe ring.deallocate()
      unsafe sampler.deallocate()
    }
  }

  /// Begins to sample the calling thread, which runs `cpu`, `hertz` times for each second that it runs; false when the host
  /// does not let it. Generated code is left when the ring is half full.
  func start(_ cpu: Cpu, hertz: UInt32) -> Bool {
    // SAFETY: the fields live as long as the block, which outlives the thread's run.
    do {
      let block = unsafe UnsafeMutableRawPointer(cpu.p)
      unsafe sampler.pointee.guest = UnsafePointer(
        block.advanced(by: Int(VcpuLayout.rip)).assumingMemoryBound(to: UInt64.self))
      unsafe sampler.pointee.base = UnsafePointer(
        block.advanced(by: Int(VcpuLayout.segment(UInt8(Seg.cs), \.base))).assumingMemoryBound(to: UInt64.self))
      unsafe sampler.pointee.code_size = UnsafePointer(
        block.advanced(by: Int(VcpuLayout.state(\.codeSize))).assumingMemoryBound(to: UInt8.self))
      unsafe sampler.pointee.privilege = UnsafePointer(
        block.advanced(by: Int(VcpuLayout.state(\.cpl))).assumingMemoryBound(to: UInt8.self))
      unsafe sampler.pointee.request = block.advanced(by: Int(cpu.x.recompiler.offsets.exitRequest))
        .assumingMemoryBound(to: UInt32.self)
      return unsafe rb_sampler_start(sampler, hertz)
    }
  }
  /// Ends what the calling thread started.
  func stop() { rb_sampler_stop() }

  /// Nothing waits to be taken.
  var isEmpty: Bool { unsafe sampler.pointee.made == sampler.pointee.taken }
  /// The oldest sample that was not taken yet.
  func take() -> rb_sample? {
    var sample = rb_sample()
    return unsafe rb_sampler_take(sampler, &sample) ? sample : nil
  }
}
