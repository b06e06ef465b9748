import Base
import DeviceConformance
import Testing

@testable import Devices

/// The laws of `DeviceConformance` for the devices of the board.
@Suite struct BoardDevicesConformanceTests {
  @Test func ioapic() {
    // Inputs stay asserted through a reset.
    #expect(DeviceConformance.check(make: { IOAPIC() }, seeds: 60) { $0.levels = 0 } == [])
  }
  @Test func hpet() {
    #expect(DeviceConformance.check(make: { HPET() }, seeds: 60) == [])
  }
  @Test func rtc() {
    // Time and CMOS live on battery.
    #expect(
      DeviceConformance.check(make: { RTC() }, seeds: 60) { state in
        let upper = state.index
        state = RTC.State()
        state.index = upper
      } == [])
  }
  @Test func i8237() {
    // DREQ inputs are driven by others.
    #expect(
      DeviceConformance.check(make: { I8237() }, seeds: 60) { state in
        for index in 0..<2 { state.controllers[index].lines = 0 }
      } == [])
  }
  @Test func i8042() {
    #expect(DeviceConformance.check(make: { I8042() }, seeds: 60) == [])
  }
  @Test func uart() {
    #expect(DeviceConformance.check(make: { UART16550A(name: "serial0", base: 0x3f8) }, seeds: 60) == [])
  }
  @Test func debugConsole() {
    #expect(DeviceConformance.check(make: { DebugConsole() }, seeds: 10) == [])
  }
  @Test func firmwareConfig() {
    #expect(
      DeviceConformance.check(
        make: {
          var device = FirmwareConfig()
          device.add(file: "etc/a", [1, 2, 3, 4])
          device.add(file: "etc/b", [UInt8](repeating: 7, count: 100), writable: true)
          return device
        }, seeds: 60) == [])
  }
}
