import COracle
import X86ISA

/// Why the native side cannot work.
struct NativeRunnerError: Error, CustomStringConvertible {
  var description: String
}

/// Cases on the host's own processor, in a jailed child process; a ring of slots shared with it.
@safe final class NativeRunner {
  static let slots = Int(ORACLE_SLOTS)
  static let batch = Int(ORACLE_BATCH)
  static let templates = Int(ORACLE_TEMPLATES)

  // SAFETY(type): the pointers in `process` address one shared mapping of fixed layout that lives as long as this
  // object; slot and template numbers are reduced to their range before use.
  private var process = unsafe oracle_process()
  private(set) var submitted: UInt32 = 0
  private(set) var completed: UInt32 = 0
  /// Times the child died or hung.
  private(set) var deaths = 0

  init() throws(NativeRunnerError) {
    guard MemoryLayout<ProcessorImage>.size == Int(ORACLE_STATE_BYTES) else {
      throw NativeRunnerError(description: "ProcessorImage and oracle_state differ")
    }
    // SAFETY: out-parameter.
    guard unsafe oracle_map(&process) else { throw NativeRunnerError(description: "no shared memory for the oracle") }
  }

  deinit {
    // SAFETY: the child is gone before its memory is.
    do {
      _ = unsafe oracle_stop(&process)
      unsafe oracle_unmap(&process)
    }
  }

  /// Initial contents of the data pages number `index`, and of the read-only page. Before `start`.
  func setTemplate(_ index: Int, _ bytes: [UInt8]) {
    let size = min(bytes.count, Window.dataBytes)
    // SAFETY: index is reduced, size bounded.
    unsafe (process.templates + (index % NativeRunner.templates) * Window.dataBytes).update(from: bytes, count: size)
  }
  func setReadOnlyPage(_ bytes: [UInt8]) {
    // SAFETY: a page of 4096 bytes.
    unsafe process.read_only.update(from: bytes, count: min(bytes.count, 4096))
  }

  func start() throws(NativeRunnerError) {
    // SAFETY: mapped by init.
    guard unsafe oracle_start(&process, submitted) else { throw NativeRunnerError(description: "fork failed") }
  }
  /// Whether 16-bit code segments exist; known after the first case.
  var has16Bit: Bool { unsafe oracle_has_16_bit(&process) }

  /// The slot of case `number`.
  private func slot(_ number: UInt32) -> UnsafeMutableRawPointer {
    unsafe process.slots + Int(number) % NativeRunner.slots * Int(ORACLE_SLOT_BYTES)
  }

  /// Puts a case into its slot; `flush` hands it over. The caller keeps at most `slots` cases in flight.
  func add(_ test: OracleCase) {
    // SAFETY: the child does not look at the slot before `flush`; every count is bounded by the slot's arrays.
    do {
      let slot = unsafe slot(submitted)
      unsafe slot.storeBytes(of: test.input, as: ProcessorImage.self)
      let bytes = test.code.prefix(Int(ORACLE_CODE_BYTES))
      unsafe slot.storeBytes(of: UInt32(bytes.count), toByteOffset: Int(ORACLE_SLOT_CODE_LENGTH), as: UInt32.self)
      unsafe put(bytes, at: slot + Int(ORACLE_SLOT_CODE))
      let patches = test.patches.prefix(Int(ORACLE_PATCHES))
      unsafe slot.storeBytes(of: UInt32(patches.count), toByteOffset: Int(ORACLE_SLOT_PATCH_COUNT), as: UInt32.self)
      for (index, patch) in patches.enumerated() {
        let at = unsafe slot + Int(ORACLE_SLOT_PATCHES) + index * MemoryLayout<oracle_patch>.stride
        let content = patch.bytes.prefix(Int(ORACLE_PATCH_BYTES))
        unsafe at.storeBytes(of: UInt32(patch.offset), as: UInt32.self)
        unsafe at.storeBytes(of: UInt32(content.count), toByteOffset: 4, as: UInt32.self)
        unsafe put(content, at: at + 8)
      }
    }
    submitted &+= 1
  }
  private func put(_ bytes: ArraySlice<UInt8>, at target: UnsafeMutableRawPointer) {
    for (index, byte) in bytes.enumerated() { unsafe target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self) }
  }

  func flush() { unsafe oracle_submit(&process, submitted) }

  /// Waits for cases before `end`. When the child dies or hangs on a case, that case is lost: returns its number, and
  /// the child goes on behind it.
  func wait(until end: UInt32, milliseconds: Int32) throws(NativeRunnerError) -> UInt32? {
    while Int32(bitPattern: end &- completed) > 0 {
      let reached = unsafe oracle_wait(&process, end, milliseconds)
      completed = reached
      if Int32(bitPattern: end &- reached) <= 0 { break }
      let status = unsafe oracle_stop(&process)
      deaths += 1
      if deaths > 200 { throw NativeRunnerError(description: "the child dies too often (last status \(status))") }
      let pending = submitted
      submitted = reached &+ 1
      try start()
      submitted = pending
      completed = reached &+ 1
      flush()
      return reached
    }
    return nil
  }

  /// The outcome of a completed case, while its slot has not been used again.
  func outcome(of number: UInt32, for test: OracleCase) -> Outcome {
    // SAFETY: the child has finished with the slot.
    let slot = unsafe slot(number)
    var result = Outcome()
    result.image = unsafe slot.load(fromByteOffset: Int(ORACLE_SLOT_OUTPUT), as: ProcessorImage.self)
    let trap = unsafe slot.load(fromByteOffset: Int(ORACLE_SLOT_TRAP), as: UInt32.self)
    if trap == 3 && result.image.rip == test.endRIP &+ 1 {
      result.image.rip = test.endRIP
      return result
    }
    if trap == 1 && test.isSingleStep { return result }
    result.vector = UInt8(truncatingIfNeeded: trap)
    result.errorCode = unsafe slot.load(fromByteOffset: Int(ORACLE_SLOT_ERROR_CODE), as: UInt32.self)
    result.faultAddress = unsafe slot.load(fromByteOffset: Int(ORACLE_SLOT_FAULT_ADDRESS), as: UInt64.self)
    return result
  }

  /// The data pages after a completed case; nil when they are as the template.
  func withMemory<R>(of number: UInt32, _ body: (UnsafeRawPointer?) -> R) -> R {
    // SAFETY: as in `outcome`.
    let slot = unsafe slot(number)
    if unsafe slot.load(fromByteOffset: Int(ORACLE_SLOT_MEMORY_CHANGED), as: UInt32.self) == 0 { return body(nil) }
    return unsafe body(UnsafeRawPointer(slot) + Int(ORACLE_SLOT_MEMORY))
  }
}
