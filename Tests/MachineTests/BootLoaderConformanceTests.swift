import Base
import DeviceConformance
import Testing

@testable import Machine

/// The device that hands a kernel over to its ROM keeps the laws that all devices keep.
@Suite struct BootLoaderConformanceTests {
  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(
      make: {
        BootLoader { _, _ in .failure(MachineError(.file, "no kernel")) }
      }, seeds: 40)
    #expect(violations.isEmpty, "\(violations)")
  }
}
