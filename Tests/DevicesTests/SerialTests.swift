import Base
import DeviceConformance
import DeviceKit
import Testing

@testable import Devices

@Suite struct SerialTests {
  private func port(_ host: FakeServices) -> UART16550A {
    var uart = UART16550A(name: "serial0", base: 0x3f8)
    uart.reset(host)
    uart.testWrite(4, 0x0b, host)
    return uart
  }

  @Test func divisorAndScratchAreKeptBehindTheirLatches() {
    let host = FakeServices()
    var uart = port(host)
    uart.testWrite(3, 0x83, host)
    uart.testWrite(0, 0x34, host)
    uart.testWrite(1, 0x12, host)
    #expect(uart.testRead(0, host) == 0x34 && uart.testRead(1, host) == 0x12)
    uart.testWrite(3, 0x03, host)
    #expect(uart.testRead(1, host) == 0)
    uart.testWrite(7, 0xa5, host)
    #expect(uart.testRead(7, host) == 0xa5)
    #expect(uart.testRead(0, width: 2, host) == .max)
  }

  @Test func transmitterIsAlwaysReadyAndInterruptsAgainAfterEachByte() {
    let host = FakeServices()
    var uart = port(host)
    #expect(uart.testRead(5, host) == 0x60)
    uart.testWrite(1, 2, host)
    #expect(host.level(0))
    #expect(uart.testRead(2, host) == 0x02)
    #expect(!host.level(0))
    #expect(uart.testRead(2, host) == 0x01)
    uart.testWrite(0, 0x41, host)
    #expect(host.takeTransmitted() == [0x41])
    #expect(host.level(0))
    uart.testWrite(0, 0x42, host)
    #expect(host.risingEdges(0) == 3)
  }

  @Test func fifoInterruptsAtItsTriggerLevelOrAfterATimeout() {
    let host = FakeServices()
    var uart = port(host)
    uart.testWrite(2, 0x41, host)  // trigger at 4
    uart.testWrite(1, 1, host)
    #expect(uart.received([1, 2, 3], host) == 3)
    #expect(!host.level(0))
    #expect(uart.received([4], host) == 1)
    #expect(uart.testRead(2, host) == 0xc4)
    #expect(uart.testRead(0, host) == 1)
    #expect(!host.level(0))
    // 40 bit times at 9600 baud.
    host.advance(&uart, by: 4_200_000)
    #expect(uart.testRead(2, host) == 0xcc)
    #expect(uart.testRead(0, host) == 2)
    #expect(!host.level(0))
  }

  @Test func receiverTakesWhatFitsAndSaysWhenThereIsRoomAgain() {
    let host = FakeServices()
    var uart = port(host)
    #expect(uart.received([1, 2], host) == 1)
    #expect(!host.level(1))
    uart.testWrite(2, 1, host)
    #expect(uart.received([UInt8](repeating: 9, count: 40), host) == 16)
    #expect(!host.level(1))
    _ = uart.testRead(0, host)
    #expect(host.level(1))
    #expect(uart.receiveRoom == 1)
  }

  @Test func loopbackReturnsBytesAndModemOutputs() {
    let host = FakeServices()
    var uart = port(host)
    uart.testWrite(4, 0x1a, host)
    #expect(uart.testRead(6, host) & 0xf0 == 0x90)
    uart.testWrite(0, 0x5a, host)
    #expect(host.takeTransmitted() == [])
    #expect(uart.testRead(5, host) == 0x61)
    uart.testWrite(0, 0x5b, host)
    #expect(uart.testRead(5, host) & 2 == 2)
    #expect(uart.testRead(0, host) == 0x5a)
  }

  @Test func lineStatusOutranksDataOutranksTransmitterOutranksModem() {
    let host = FakeServices()
    var uart = port(host)
    uart.testWrite(1, 0x0f, host)
    uart.setModemInputs(cts: false, dsr: true, ri: false, dcd: true, host)
    uart.testWrite(4, 0x1f, host)
    uart.testWrite(0, 1, host)
    uart.testWrite(0, 2, host)
    #expect(uart.testRead(2, host) == 0x06)
    _ = uart.testRead(5, host)
    #expect(uart.testRead(2, host) == 0x04)
    _ = uart.testRead(0, host)
    #expect(uart.testRead(2, host) == 0x02)
    #expect(uart.testRead(2, host) == 0x00)
    _ = uart.testRead(6, host)
    #expect(uart.testRead(2, host) == 0x01)
  }

  @Test func interruptNeedsOUT2() {
    let host = FakeServices()
    var uart = port(host)
    uart.testWrite(4, 0x03, host)
    uart.testWrite(1, 2, host)
    #expect(!host.level(0))
    uart.testWrite(4, 0x0b, host)
    #expect(host.level(0))
  }

  @Test func debugConsoleShowsItselfAndPassesBytesOn() {
    let host = FakeServices()
    var console = DebugConsole()
    #expect(console.testRead(0, host) == 0xe9)
    for byte in "hi".utf8 { console.testWrite(0, UInt64(byte), host) }
    #expect(host.transmitted == Array("hi".utf8))
    #expect(console.info().contains("2 bytes"))
  }
}
