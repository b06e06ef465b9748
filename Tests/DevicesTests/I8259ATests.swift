import Base
import DeviceConformance
import DeviceKit
import Devices
import Testing

@Suite("i8259") struct I8259ATests {
  let host = FakeServices()

  /// Initialised as a PC: vectors 20h and 28h, all unmasked, ICW4 as given.
  func makePair(icw4: UInt64 = 1) -> I8259A {
    var pic = I8259A()
    pic.reset(host)
    for (region, base, icw3) in [(0, UInt64(0x20), UInt64(4)), (1, 0x28, 2)] {
      pic.testWrite(0, 0x11, region: region, host)
      for word in [base, icw3, icw4, 0] { pic.testWrite(1, word, region: region, host) }
    }
    return pic
  }
  func raise(_ pic: inout I8259A, _ irqs: Int...) { for irq in irqs { pic.lineChanged(irq, true, host) } }
  func lower(_ pic: inout I8259A, _ irqs: Int...) { for irq in irqs { pic.lineChanged(irq, false, host) } }
  func eoi(_ pic: inout I8259A, _ value: UInt64 = 0x20, slave: Bool = false) {
    pic.testWrite(0, value, region: slave ? 1 : 0, host)
  }

  @Test func prioritiesNestAndEOIReleasesTheNext() {
    var pic = makePair()
    raise(&pic, 4, 1)
    #expect(host.level(0))
    #expect(pic.acknowledge(host) == 0x21)
    #expect(!host.level(0))  // 4 is of lower priority
    raise(&pic, 0)
    #expect(pic.acknowledge(host) == 0x20)
    eoi(&pic)
    #expect(!host.level(0))
    eoi(&pic)
    #expect(pic.acknowledge(host) == 0x24)
  }

  @Test func fateOfAnEdgeIsKnownUntilTheProcessorTakesIt() {
    var pic = makePair()
    #expect(pic.fate(of: 0) == .taken)
    raise(&pic, 0, 8)
    #expect(pic.fate(of: 0) == .waiting && pic.fate(of: 8) == .waiting)
    #expect(pic.acknowledge(host) == 0x20)
    #expect(pic.fate(of: 0) == .taken && pic.fate(of: 8) == .waiting)
    pic.testWrite(1, 0x04, region: 0, host)  // the cascade masked
    #expect(pic.fate(of: 0) == .taken && pic.fate(of: 8) == .ignored)
    pic.testWrite(1, 0x01, region: 0, host)
    #expect(pic.fate(of: 0) == .ignored && pic.fate(of: 8) == .waiting)
  }

  @Test func slaveRequestsComeThroughTheCascade() {
    var pic = makePair()
    raise(&pic, 14, 9)
    #expect(pic.acknowledge(host) == 0x29)
    eoi(&pic, slave: true)
    #expect(!host.level(0))  // master's IR2 still in service
    eoi(&pic)
    #expect(pic.acknowledge(host) == 0x2e)
    pic.testWrite(1, 0xff, region: 1, host)
    eoi(&pic, slave: true)
    eoi(&pic)
    #expect(!host.level(0))
  }

  @Test func levelInputsAskUntilLoweredAndEdgesAskOnce() {
    var pic = makePair()
    pic.testWrite(0, 0xff, region: 2, host)
    pic.testWrite(1, 0x08, region: 2, host)
    #expect(pic.testRead(0, region: 2, host) == 0xf8)
    raise(&pic, 5)
    #expect(pic.acknowledge(host) == 0x25)
    eoi(&pic)
    #expect(host.level(0))
    lower(&pic, 5)
    #expect(!host.level(0))
    raise(&pic, 1)
    #expect(pic.acknowledge(host) == 0x21)
    eoi(&pic)
    #expect(!host.level(0))
  }

  @Test func vanishedRequestsAreSpurious() {
    var pic = makePair()
    pic.testWrite(0, 0x20, region: 2, host)
    pic.testWrite(1, 0x08, region: 2, host)
    raise(&pic, 5)
    lower(&pic, 5)
    #expect(pic.acknowledge(host) == 0x27)
    eoi(&pic, 0x0b)
    #expect(pic.testRead(0, host) == 0)  // no in-service bit
    raise(&pic, 11)
    lower(&pic, 11)
    #expect(pic.acknowledge(host) == 0x27)
  }

  @Test func rotationMovesTheServedInputToTheBottom() {
    var pic = makePair()
    raise(&pic, 3, 4)
    #expect(pic.acknowledge(host) == 0x23)
    eoi(&pic, 0xa0)
    lower(&pic, 3)
    raise(&pic, 3, 1)
    #expect(pic.acknowledge(host) == 0x24)
    eoi(&pic, 0x64)  // specific EOI of 4
    #expect(pic.acknowledge(host) == 0x21)
    eoi(&pic)
    #expect(pic.acknowledge(host) == 0x23)
    eoi(&pic, 0xc7)  // lowest = 7: the usual order
    eoi(&pic, 0x63)
    lower(&pic, 0, 7)
    raise(&pic, 7, 0)
    #expect(pic.acknowledge(host) == 0x20)
  }

  @Test func automaticEOILeavesNothingInService() {
    var pic = makePair(icw4: 3)
    raise(&pic, 6)
    #expect(pic.acknowledge(host) == 0x26)
    eoi(&pic, 0x0b)
    #expect(pic.testRead(0, host) == 0)
    raise(&pic, 7)
    #expect(host.level(0))
  }

  @Test func specialMaskModeLetsLowerPrioritiesThrough() {
    var pic = makePair()
    raise(&pic, 1)
    _ = pic.acknowledge(host)
    raise(&pic, 4)
    #expect(!host.level(0))
    pic.testWrite(0, 0x68, host)
    pic.testWrite(1, 0x02, host)
    #expect(host.level(0))
    #expect(pic.acknowledge(host) == 0x24)
  }

  @Test func specialFullyNestedModeNestsSlaveRequests() {
    var pic = makePair(icw4: 0x11)
    raise(&pic, 12)
    #expect(pic.acknowledge(host) == 0x2c)
    raise(&pic, 8)
    #expect(pic.acknowledge(host) == 0x28)
    raise(&pic, 3)
    #expect(!host.level(0))
  }

  @Test func pollAcknowledgesAndRegistersReadBack() {
    var pic = makePair()
    raise(&pic, 3)
    #expect(pic.testRead(0, host) == 0x08)
    pic.testWrite(0, 0x0c, host)
    #expect(pic.testRead(0, host) == 0x83)
    #expect(pic.testRead(0, host) == 0)
    pic.testWrite(0, 0x0b, host)
    #expect(pic.testRead(0, host) == 0x08)
    pic.testWrite(1, 0x5a, host)
    #expect(pic.testRead(1, host) == 0x5a)
  }

  @Test func keepsTheLaws() {
    let violations = DeviceConformance.check(make: { I8259A() })
    #expect(violations.isEmpty, "\(violations)")
  }
}
