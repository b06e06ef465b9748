import Base
import DeviceKit

/// Laws that every device keeps, whatever the guest, the saved state or the host does.
///
/// - No access, event or accepted state traps (a trap ends the test process).
/// - Save, load, save gives the same bytes, and a loaded device goes on as the original would.
/// - A state that was tampered with is refused with an error, or makes a lawful device.
/// - Reset gives the state of a fresh device that was reset.
/// - Work per entry and timer firings per time step are bounded.
public enum DeviceConformance {
  /// Runs all laws with `seeds` random byte strings. Returns the violations (at most ten).
  ///
  /// `resetKeeps`: fields that by specification survive a reset; their effect is left out by `normalize`, which is
  /// applied to both states before they are compared.
  public static func check<D: Device>(
    make: () -> D, seeds: Int = 200, length: Int = 400, firstSeed: UInt64 = 1,
    normalize: (inout D.State) -> Void = { _ in }
  ) -> [Violation] {
    var violations: [Violation] = []
    for seed in 0..<UInt64(max(0, seeds)) where violations.count < 10 {
      var generator = SeededGenerator(seed: firstSeed &+ seed)
      do throws(Violation) {
        try checkOne(make, &generator, length, normalize)
      } catch {
        violations.append(Violation(law: error.law, detail: "seed \(firstSeed &+ seed): \(error.detail)"))
      }
    }
    return violations
  }

  private static func checkOne<D: Device>(
    _ make: () -> D, _ generator: inout SeededGenerator, _ length: Int, _ normalize: (inout D.State) -> Void
  ) throws(Violation) {
    let host = FakeServices(diskBytes: 64 * 512, autoComplete: generator.next() & 1 == 0)
    var device = make()
    device.reset(host)
    try exercise(&device, noise(&generator, length), host)
    let tape = noise(&generator, length / 2)
    try checkSaving(make, &device, host, tape)
    try checkReset(make, &device, host, normalize)
    try checkHostileState(make, device, &generator, length / 4)
    _ = device.info()
  }

  private static func noise(_ generator: inout SeededGenerator, _ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }

  /// Save, load into a fresh device, save: identical; then both live through the same events and stay identical.
  private static func checkSaving<D: Device>(
    _ make: () -> D, _ device: inout D, _ host: FakeServices, _ tape: [UInt8]
  ) throws(Violation) {
    // As the machine does: nothing is saved with block requests under way.
    var drained = 0
    while host.completeNext(&device), drained < 10_000 { drained += 1 }
    let saved = StateWriter.encode(device.state)
    let twinHost = FakeServices(diskBytes: 0, autoComplete: host.autoComplete)
    twinHost.disk = host.disk
    twinHost.ram = host.ram
    twinHost.now = host.now
    twinHost.fates = host.fates
    twinHost.frames = host.frames
    twinHost.isLinkUp = host.isLinkUp
    var twin = make()
    twin.reset(twinHost)
    do throws(StateError) {
      twin.state = try StateReader.decode(saved, into: twin.state)
    } catch {
      throw Violation(law: "own state is accepted", detail: "\(error)")
    }
    guard StateWriter.encode(twin.state) == saved else { throw difference("save-load-save", saved, twin) }
    twin.stateRestored(twinHost)
    for output in device.descriptor.outputs.indices where host.level(output) != twinHost.level(output) {
      throw Violation(law: "restored lines", detail: "output \(device.descriptor.outputs[output])")
    }
    for (timer, time) in host.deadlines where twinHost.deadlines[timer] == nil && time > host.now {
      throw Violation(law: "restored timers", detail: device.descriptor.timers[timer])
    }
    guard host.mapped == twinHost.mapped else {
      throw Violation(law: "restored mappings", detail: "\(host.mapped) became \(twinHost.mapped)")
    }
    try exercise(&device, tape, host)
    try exercise(&twin, tape, twinHost)
    let after = StateWriter.encode(device.state)
    guard StateWriter.encode(twin.state) == after else { throw difference("same behaviour after load", after, twin) }
  }

  private static func difference<D: Device>(_ law: String, _ expected: [UInt8], _ device: D) -> Violation {
    let got = StateWriter.encode(device.state)
    let at = zip(expected, got).prefix { $0 == $1 }.count
    // The field's name stands before its payload: show the text around the first difference.
    let around = expected[max(0, at - 48)..<min(expected.count, at + 8)]
    let text = String(decoding: around.map { $0 >= 0x20 && $0 < 0x7f ? $0 : 0x2e }, as: UTF8.self)
    return Violation(law: law, detail: "states differ at byte \(at) near \"\(text)\"")
  }

  private static func checkReset<D: Device>(
    _ make: () -> D, _ device: inout D, _ host: FakeServices, _ normalize: (inout D.State) -> Void
  ) throws(Violation) {
    let freshHost = FakeServices()
    freshHost.isLinkUp = host.isLinkUp
    freshHost.now = host.now
    var fresh = make()
    fresh.reset(freshHost)
    var afterReset = device
    afterReset.reset(host)
    var expected = fresh.state
    var got = afterReset.state
    normalize(&expected)
    normalize(&got)
    guard expected == got else {
      fresh.state = expected
      afterReset.state = got
      throw difference("reset equals fresh", StateWriter.encode(expected), afterReset)
    }
    for output in device.descriptor.outputs.indices where host.level(output) != freshHost.level(output) {
      throw Violation(law: "reset lines", detail: "output \(device.descriptor.outputs[output])")
    }
    device = afterReset
  }

  /// Mutated states are refused or make a device that keeps the laws.
  private static func checkHostileState<D: Device>(
    _ make: () -> D, _ device: D, _ generator: inout SeededGenerator, _ length: Int
  ) throws(Violation) {
    let saved = StateWriter.encode(device.state)
    for _ in 0..<8 {
      var bytes = saved
      for _ in 0...(generator.next() % 4) where !bytes.isEmpty {
        let at = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 6 {
        case 0: bytes[at] ^= 1 << UInt8(generator.next() % 8)
        case 1, 2: bytes[at] = UInt8(truncatingIfNeeded: generator.next())
        case 3: bytes[at] = generator.next() & 1 == 0 ? 0xff : 0x7f
        case 4: bytes.remove(at: at)
        default: for index in at..<min(at + 8, bytes.count) { bytes[index] = 0xff }
        }
      }
      let host = FakeServices(diskBytes: 64 * 512, autoComplete: true)
      // Late in a long run, so that loaded times can lie far in the past as well as in the future.
      host.now = VirtualTime(nanoseconds: Int64(generator.next() % 1_000_000_000_000))
      var hostile = make()
      hostile.reset(host)
      guard let state = try? StateReader.decode(bytes, into: hostile.state) else { continue }
      hostile.state = state
      hostile.stateRestored(host)
      try exercise(&hostile, noise(&generator, length), host)
    }
  }
}
