import Foundation
import HostSystem
import Testing

@testable import HostNetwork

/// A DHCP client in a few lines: makes messages, and takes answers apart.
struct DHCPClient {
  let mac: [UInt8]
  static let server: [UInt8] = [192, 168, 56, 100]

  func frame(
    _ kind: UInt8, _ options: [[UInt8]] = [], ciaddr: [UInt8] = [0, 0, 0, 0], isBroadcast: Bool = false
  ) -> [UInt8] {
    var message: [UInt8] = [1, 1, 6, 0, 9, 8, 7, 6, 0, 0, isBroadcast ? 0x80 : 0, 0] + ciaddr
    message += [UInt8](repeating: 0, count: 12) + mac + [UInt8](repeating: 0, count: 10 + 64 + 128)
    message += [0x63, 0x82, 0x53, 0x63, 53, 1, kind] + options.flatMap { $0 } + [255]
    let udp = Guest.half(68) + Guest.half(67) + Guest.half(8 + message.count) + [0, 0] + message
    var frame = Guest.ip(udp, protocolNumber: 17, from: ciaddr, to: [255, 255, 255, 255], mac: Guest.broadcast)
    frame.replaceSubrange(6..<12, with: mac)
    return frame
  }
  /// The address and the options of an answer.
  static func parse(_ frame: [UInt8]?) -> (kind: UInt8, address: [UInt8], options: [UInt8: [UInt8]])? {
    guard let frame, frame.count > 282, Array(frame[34..<38]) == [0, 67, 0, 68] else { return nil }
    var options: [UInt8: [UInt8]] = [:]
    var at = 282
    while at + 1 < frame.count, frame[at] != 255 {
      options[frame[at]] = Array(frame[(at + 2)..<(at + 2 + Int(frame[at + 1]))])
      at += 2 + Int(frame[at + 1])
    }
    return (options[53]?[0] ?? 0, Array(frame[58..<62]), options)
  }
}

@Suite("DHCP server") struct DHCPTests {
  private let a = DHCPClient(mac: [8, 0, 0x27, 0, 0, 1]), b = DHCPClient(mac: [8, 0, 0x27, 0, 0, 2])
  private func address(_ text: String) -> UInt32 { IPv4Text.address(text) ?? 0 }
  private func configuration(upper: String = "192.168.56.254") throws -> DHCPConfiguration {
    try #require(
      DHCPConfiguration(
        server: address("192.168.56.100"), mask: address("255.255.255.0"), lower: address("192.168.56.101"),
        upper: address(upper)))
  }
  private func wants(_ last: UInt8) -> [UInt8] { [50, 4, 192, 168, 56, last] }
  private let names: [UInt8] = [54, 4] + DHCPClient.server

  @Test func clientsOfAGroupGetWhatIsForIt() throws {
    var all = try configuration()
    var scope = DHCPConfiguration.Scope()
    scope.options[67] = Array("ipxe.efi".utf8)
    scope.options[12] = Array("first".utf8)
    scope.forced = [67, 12]
    scope.times.usual = 1200
    all.groups = [
      DHCPGroup(
        name: "boot",
        conditions: [
          DHCPGroup.Condition(.vendorClass, "pxeclient:*", isPattern: true),
          DHCPGroup.Condition(.card, "08:00:27:00:00:02", isExclusive: true),
        ], scope: scope)
    ]
    scope.options = [12: Array("second".utf8), 15: Array("lab".utf8)]
    scope.forced = [15]
    scope.times.usual = 2400
    all.groups.append(
      DHCPGroup(name: "cards", conditions: [DHCPGroup.Condition(.card, "080027??00*", isPattern: true)], scope: scope))
    all.groups.append(DHCPGroup(name: "empty", conditions: [], scope: scope))
    scope = DHCPConfiguration.Scope()
    scope.options[15] = Array("own".utf8)
    all.clients[b.mac] = DHCPConfiguration.Client(scope: scope)
    var server = DHCPServer(all)
    let vendor: [UInt8] = [60, 20] + Array("PXEClient:Arch:00007".utf8)
    let first = try #require(DHCPClient.parse(server.answer(a.frame(1, [vendor]), now: 1)))
    // In both groups: the first counts more.
    #expect(first.options[67] == Array("ipxe.efi".utf8) && first.options[12] == Array("first".utf8))
    #expect(first.options[15] == Array("lab".utf8) && first.options[51] == [0, 0, 0x04, 0xb0])
    // Kept out of the first; its own comes before the second's.
    let second = try #require(DHCPClient.parse(server.answer(b.frame(1, [vendor]), now: 1)))
    #expect(second.options[67] == nil && second.options[15] == Array("own".utf8))
    #expect(second.options[51] == [0, 0, 0x09, 0x60])
    let other = DHCPClient(mac: [8, 0, 0x28, 0, 0, 1])
    let third = try #require(DHCPClient.parse(server.answer(other.frame(1), now: 1)))
    #expect(third.options[15] == nil && third.options[51] == [0, 0, 2, 88])
  }
  @Test(arguments: [
    ("", "", true), ("abc", "abc", true), ("abc", "a?c", true), ("abc", "a?", false), ("abc", "*", true),
    ("abc", "a*b*c*", true), ("abc", "*b", false), ("aaab", "*a*b", true), ("abab", "*ab", true), ("", "?", false),
  ])
  func patterns(text: String, pattern: String, fits: Bool) {
    #expect(DHCPGroup.matches(Array(text.utf8), Array(pattern.utf8)) == fits)
  }

  @Test func aClientGetsAnAddressAndKeepsIt() throws {
    var server = DHCPServer(try configuration())
    let offer = try #require(DHCPClient.parse(server.answer(a.frame(1), now: 1000)))
    #expect(offer.kind == 2 && offer.address == [192, 168, 56, 101] && offer.options[54] == DHCPClient.server)
    #expect(server.given.isEmpty)
    let acknowledged = server.answer(a.frame(3, [wants(101), names]), now: 1001)
    let answer = try #require(acknowledged)
    let lease = try #require(DHCPClient.parse(answer))
    #expect(lease.kind == 5 && lease.address == [192, 168, 56, 101])
    #expect(lease.options[1] == [255, 255, 255, 0] && lease.options[51] == [0, 0, 2, 88])
    // For the client's card, with sums that hold: the ones' complement sum of a header with its own sum is zero.
    #expect(Array(answer[0..<6]) == a.mac && Guest.sum(Array(answer[14..<34])) == [0, 0])
    let udp = Array(answer[34...])
    let pseudo = Array(answer[26..<34]) + [0, 17] + Array(answer[38..<40])
    #expect(Guest.sum(pseudo + udp) == [0, 0])
    #expect(server.given.map(\.address) == [address("192.168.56.101")] && server.hasNews)
    // Another client gets another one; the first gets the same again, by any way to ask.
    #expect(DHCPClient.parse(server.answer(b.frame(1, [wants(101)]), now: 1002))?.address == [192, 168, 56, 102])
    #expect(DHCPClient.parse(server.answer(a.frame(1), now: 1003))?.address == [192, 168, 56, 101])
    let renewed = server.answer(a.frame(3, ciaddr: [192, 168, 56, 101]), now: 1100)
    #expect(DHCPClient.parse(renewed)?.kind == 5)
  }

  @Test func whatIsNotTheirsIsRefusedToClients() throws {
    var server = DHCPServer(try configuration())
    _ = server.answer(a.frame(3, [wants(110), names]), now: 1000)
    #expect(DHCPClient.parse(server.answer(b.frame(3, [wants(110), names]), now: 1001))?.kind == 6)
    #expect(DHCPClient.parse(server.answer(b.frame(3, [[50, 4, 10, 0, 0, 1], names]), now: 1001))?.kind == 6)
    #expect(DHCPClient.parse(server.answer(b.frame(3, [wants(100), names]), now: 1001))?.kind == 6)
    #expect(DHCPClient.parse(server.answer(b.frame(3, [wants(255), names]), now: 1001))?.kind == 6)
    // An offer of another server was taken.
    let other = server.answer(b.frame(3, [wants(120), [54, 4, 192, 168, 56, 7]]), now: 1001)
    #expect(other == nil)
    // A lease that is over goes to whoever asks.
    #expect(DHCPClient.parse(server.answer(b.frame(3, [wants(110), names]), now: 1602))?.kind == 5)
  }

  @Test func aFullRangeGivesNothingUntilALeaseIsOver() throws {
    var server = DHCPServer(try configuration(upper: "192.168.56.102"))
    for (client, last) in [(a, 101 as UInt8), (b, 102)] {
      #expect(DHCPClient.parse(server.answer(client.frame(3, [wants(last), names]), now: 1000))?.kind == 5)
    }
    let third = DHCPClient(mac: [8, 0, 0x27, 0, 0, 3])
    let full = server.answer(third.frame(1), now: 1100)
    #expect(full == nil)
    _ = server.answer(b.frame(7, [names], ciaddr: [192, 168, 56, 102]), now: 1150)
    #expect(DHCPClient.parse(server.answer(third.frame(1), now: 1151))?.address == [192, 168, 56, 102])
    // One that somebody else uses is left alone.
    var other = DHCPServer(try configuration())
    _ = other.answer(a.frame(3, [wants(101), names]), now: 1000)
    let declined = other.answer(a.frame(4, [wants(101), names]), now: 1001)
    #expect(declined == nil)
    #expect(DHCPClient.parse(other.answer(a.frame(1), now: 1002))?.address == [192, 168, 56, 102])
  }

  @Test func fixedAddressesOptionsAndTimesAreThoseOfTheSettings() throws {
    var settings = try configuration()
    settings.router = address("192.168.56.1")
    settings.global.options[15] = DHCPOptionText.encode(15, "lab.test")
    settings.global.options[66] = DHCPOptionText.encode(66, "192.168.56.9")
    settings.global.options[67] = DHCPOptionText.encode(67, "pxe.0")
    settings.global.times.maximum = 3600
    var own = DHCPConfiguration.Scope()
    own.options[6] = DHCPOptionText.encode(6, "10.1.1.1 10.1.1.2")
    own.forced = [15]
    settings.clients[a.mac] = .init(address: address("192.168.56.7"), scope: own)
    var server = DHCPServer(settings)
    let asked: [UInt8] = [55, 2, 3, 6]
    let answer = server.answer(a.frame(3, [[50, 4, 192, 168, 56, 7], asked, [51, 4, 0, 1, 0, 0]]), now: 1)
    let lease = try #require(DHCPClient.parse(answer))
    #expect(lease.kind == 5 && lease.options[51] == [0, 0, 0x0e, 0x10])
    #expect(lease.options[3] == [192, 168, 56, 1] && lease.options[6] == [10, 1, 1, 1, 10, 1, 1, 2])
    #expect(lease.options[15] == Array("lab.test".utf8) && lease.options[67] == nil)
    let whole = try #require(answer)
    #expect(Array(whole[62..<66]) == [192, 168, 56, 9] && Array(whole[150..<156]) == Array("pxe.0\0".utf8))
    // Nobody else gets it.
    #expect(DHCPClient.parse(server.answer(b.frame(3, [[50, 4, 192, 168, 56, 7]]), now: 2))?.kind == 6)
  }

  @Test func optionsAreWrittenAsTheirNumbersDemand() {
    #expect(DHCPOptionText.encode(3, "10.0.0.1") == [10, 0, 0, 1])
    #expect(DHCPOptionText.encode(26, "1400") == [5, 120])
    #expect(DHCPOptionText.encode(19, "1") == [1])
    #expect(DHCPOptionText.encode(2, "3600") == [0, 0, 14, 16])
    #expect(DHCPOptionText.encode(121, "10.0.0.0/8 192.168.1.1") == [8, 10, 192, 168, 1, 1])
    #expect(DHCPOptionText.encode(43, "01:02:ff", isHex: true) == [1, 2, 255])
    for (number, text) in [
      (3, "10.0.0"), (26, "70000"), (33, "1.2.3.4"), (19, "no"), (121, "10.0.0.0/40 1.2.3.4"), (12, ""), (0, "x"),
      (255, "x"),
    ] as [(UInt8, String)] { #expect(DHCPOptionText.encode(number, text) == nil, "\(number) \(text)") }
    #expect(DHCPOptionText.encode(43, "abc", isHex: true) == nil)
  }

  @Test func rangesOutsideTheNetworkAreNone() {
    let mask = address("255.255.255.0"), server = address("10.0.0.1")
    func make(_ mask: UInt32, _ lower: String, _ upper: String) -> DHCPConfiguration? {
      DHCPConfiguration(server: server, mask: mask, lower: address(lower), upper: address(upper))
    }
    #expect(make(mask, "10.0.0.2", "10.0.0.9") != nil && make(mask, "10.0.0.9", "10.0.0.2") == nil)
    #expect(make(mask, "10.0.1.2", "10.0.1.9") == nil && make(0, "10.0.0.2", "10.0.0.9") == nil)
    #expect(make(address("255.0.255.0"), "10.0.0.2", "10.0.0.9") == nil)
    #expect(make(address("255.0.0.0"), "10.0.0.2", "10.9.0.9") == nil)
  }

  @Test func leasesComeBackFromTheirFile() throws {
    let path = NSTemporaryDirectory() + "leases-\(UInt32.random(in: 0...(.max)))"
    defer { HostFiles.remove(path) }
    let leases = [
      DHCPServer.Lease(hardware: a.mac, address: address("192.168.56.150"), issued: 5000, duration: 600),
      DHCPServer.Lease(hardware: b.mac, address: address("10.9.9.9"), issued: 5000, duration: 600),
    ]
    try LeaseFile.write(leases, to: path, now: 5001)
    #expect(LeaseFile.read(path) == leases)
    var server = DHCPServer(try configuration(), leases: LeaseFile.read(path))
    // What is of another network is forgotten.
    #expect(server.given == [leases[0]])
    #expect(DHCPClient.parse(server.answer(a.frame(1), now: 9000))?.address == [192, 168, 56, 150])
    for text in ["", "<Lease ", "<Lease mac=\"x\"", "<Lease mac=\"08:00:27:00:00:01\"><Address value=\"1\"/>"] {
      try HostFiles.replace(path, with: Array(text.utf8))
      #expect(LeaseFile.read(path) == [])
    }
  }

  @Test("Fuzz: frames of any kind give an answer or nothing") func fuzzedFramesDoNoHarm() throws {
    var settings = try configuration(upper: "192.168.56.110")
    settings.clients[a.mac] = .init(address: address("192.168.56.7"))
    var server = DHCPServer(settings)
    var generator = SystemRandomNumberGenerator()
    let seconds = ProcessInfo.processInfo.environment["RINGBOX_FUZZ_SECONDS"].flatMap(Double.init) ?? 0.5
    let deadline = Date(timeIntervalSinceNow: seconds)
    var round: Int64 = 0
    while Date() < deadline {
      for _ in 0..<200 {
        round += 1
        let client = DHCPClient(mac: [8, 0, 0x27, 0, 0, .random(in: 0...30)])
        var bytes = client.frame(.random(in: 0...9), [wants(.random(in: 0...255)), [55, 3, 1, 3, 6]])
        for _ in 0..<Int.random(in: 0...4) { bytes[.random(in: 0..<bytes.count)] = .random(in: 0...255) }
        if round % 4 == 0 { bytes = Array(bytes.prefix(.random(in: 0...bytes.count))) }
        if round % 7 == 0 { bytes += (0..<64).map { _ in .random(in: 0...255, using: &generator) } }
        if let answer = server.answer(bytes, now: round) { #expect((300...1400).contains(answer.count)) }
      }
    }
    // Ten of the range but the fixed one's, and that.
    #expect(server.given.count <= 11)
  }
}
