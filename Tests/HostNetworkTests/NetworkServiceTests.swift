import Base
import DeviceKit
import Foundation
import HostSystem
import Testing

@testable import HostNetwork

@Suite("Network service", .serialized) struct NetworkServiceTests {
  private let name = "service \(UInt32.random(in: 0...(.max)))"

  private func service(_ json: JSON) throws -> NetworkService {
    var json = json
    json.set("network", .string(name))
    let service = try NetworkService(try NetworkServiceConfiguration(json: json))
    try service.start()
    return service
  }
  private func port() throws -> (SwitchAttachment, FramePeer) {
    let port = try SwitchAttachment(network: name), peer = FramePeer()
    try port.start(peer)
    return (port, peer)
  }
  private let dhcp: JSON = [
    "server": "192.168.56.100", "mask": "255.255.255.0", "lower": "192.168.56.101", "upper": "192.168.56.254",
  ]
  private let hostOnly: JSON = ["network": "192.168.56.0/24", "address": "192.168.56.1"]
  private func arp(_ address: [UInt8]) -> (([UInt8]) -> Bool) {
    { $0.count >= 42 && Array($0[12..<14]) == [8, 6] && $0[21] == 2 && Array($0[28..<32]) == address }
  }

  @Test func hostOnlyNetworksHaveAServerAndAHost() throws {
    let service = try service(["dhcp": dhcp, "host": hostOnly])
    let (card, peer) = try port()
    defer {
      card.close()
      service.close()
    }
    let client = DHCPClient(mac: Guest.mac)
    card.transmit(NetworkFrame(client.frame(1)))
    let offer = peer.wait { DHCPClient.parse($0)?.kind == 2 }
    #expect(DHCPClient.parse(offer)?.address == [192, 168, 56, 101])
    for last in [1, 100] as [UInt8] {
      card.transmit(NetworkFrame(Guest.arpRequest([192, 168, 56, last])))
      #expect(peer.wait(arp([192, 168, 56, last])) != nil, "\(last)")
    }
    // The host answers to ping, and to nothing that is beyond the network.
    let host: [UInt8] = [0x52, 0x55, 192, 168, 56, 1]
    func ping(_ to: [UInt8]) -> [UInt8] {
      var icmp: [UInt8] = [8, 0, 0, 0, 1, 2, 3, 4]
      icmp.replaceSubrange(2..<4, with: Guest.sum(icmp))
      return Guest.ip(icmp, protocolNumber: 1, from: [192, 168, 56, 101], to: to, mac: host)
    }
    var announcement = Guest.announcement
    for place in [28, 38] { announcement.replaceSubrange(place..<(place + 4), with: [192, 168, 56, 101]) }
    card.transmit(NetworkFrame(announcement))
    card.transmit(NetworkFrame(ping([127, 0, 0, 1])))
    card.transmit(NetworkFrame(ping([192, 168, 56, 1])))
    let reply = peer.wait { $0.count >= 42 && $0[23] == 1 && $0[34] == 0 }
    #expect(reply.map { Array($0[26..<30]) } == [192, 168, 56, 1])
    card.transmit(NetworkFrame(ping([192, 168, 56, 100])))
    let server = peer.wait { $0.count >= 42 && $0[23] == 1 && $0[34] == 0 && $0[29] == 100 }
    #expect(server.map { Guest.sum(Array($0[34...])) == [0, 0] && Guest.sum(Array($0[14..<34])) == [0, 0] } == true)
    #expect(service.machines == 1)
  }

  @Test func natNetworksServeSeveralMachinesAndForwardPorts() throws {
    let echo = try UDPServer()
    let free = try UDPServer().port
    let service = try service([
      "nat": [
        "network": "10.0.2.0/24", "address": "10.0.2.2", "nameServer": "10.0.2.3", "localhost": true,
        "forwards": [.string("tcp::\(free)-10.0.2.15:22")],
      ], "aliases": ["10.0.2.1"],
      "dhcp": [
        "server": "10.0.2.3", "mask": "255.255.255.0", "lower": "10.0.2.4", "upper": "10.0.2.254", "router": "10.0.2.1",
        "nameServer": "10.0.2.3",
      ],
    ])
    let (one, first) = try port(), (two, second) = try port()
    defer {
      one.close()
      two.close()
      service.close()
    }
    let lease = DHCPClient.parse(
      {
        one.transmit(
          NetworkFrame(DHCPClient(mac: Guest.mac).frame(3, [[50, 4, 10, 0, 2, 15], [54, 4, 10, 0, 2, 3]])))
        return first.wait { DHCPClient.parse($0) != nil }
      }())
    #expect(lease?.kind == 5 && lease?.options[3] == [10, 0, 2, 1] && lease?.options[6] == [10, 0, 2, 3])
    one.transmit(NetworkFrame(Guest.announcement))
    for last in [1, 2, 3] as [UInt8] {
      one.transmit(NetworkFrame(Guest.arpRequest([10, 0, 2, last])))
      #expect(first.wait(arp([10, 0, 2, last])) != nil, "\(last)")
    }
    // The host's loopback services are at the address that is mapped to them.
    one.transmit(NetworkFrame(Guest.udp(Array("ping".utf8), from: 4000, to: Int(echo.port), address: [10, 0, 2, 2])))
    #expect(echo.echo(milliseconds: 20_000))
    #expect(first.wait { $0.count >= 46 && $0[23] == 17 && Array($0[26..<30]) == [10, 0, 2, 2] } != nil)
    // The forward's SYN goes to the machine that has the address, and to no other.
    let connection = try TCPClient(port: free)
    #expect(first.wait { $0.count >= 54 && $0[23] == 6 && $0[47] & 2 != 0 } != nil)
    #expect(!second.all.contains { $0.count >= 54 && $0[12] == 8 && $0[23] == 6 })
    connection.close()
  }

  @Test func settingsChangeWhileItRuns() throws {
    let service = try service(["dhcp": dhcp, "host": hostOnly])
    let (card, peer) = try port()
    defer {
      card.close()
      service.close()
    }
    let free = try UDPServer().port
    var host = hostOnly
    host.set("forwards", [.string("tcp::\(free)-192.168.56.50:22")])
    let changed: JSON = ["network": .string(name), "host": host]
    try service.change(to: try NetworkServiceConfiguration(json: changed))
    try TCPClient(port: free).close()
    #expect(service.status["forwards"]?.array?.count == 1 && service.status["dhcp"] == false)
    // Taken by somebody: the message says so, and the service goes on.
    let taken = try UDPServer()
    host.set("forwards", [.string("udp::\(taken.port)-192.168.56.50:22")])
    #expect(throws: NetworkError.self) {
      try service.change(to: try NetworkServiceConfiguration(json: ["network": .string(name), "host": host]))
    }
    card.transmit(NetworkFrame(Guest.arpRequest([192, 168, 56, 1])))
    #expect(peer.wait(arp([192, 168, 56, 1])) != nil)
    #expect(throws: NetworkError.self) {
      try service.change(to: try NetworkServiceConfiguration(json: ["network": "other"]))
    }
    // A host's side that does not open can be gone back from.
    let tap: JSON = ["network": .string(name), "tap": "nosuchtap"]
    #expect(throws: NetworkError.self) { try service.change(to: try NetworkServiceConfiguration(json: tap)) }
    try service.change(to: try NetworkServiceConfiguration(json: changed))
    try TCPClient(port: free).close()
  }

  @Test func nonsenseInTheConfigurationIsNamed() {
    for text in [
      "{}", "{\"network\":\"x\",\"nat\":{}}", "{\"network\":\"x\",\"nat\":{\"network\":\"10.0.0.0/99\"}}",
      "{\"network\":\"x\",\"dhcp\":{\"server\":\"10.0.0.1\"}}",
      "{\"network\":\"x\",\"host\":{\"network\":\"10.0.0.0/24\",\"forwards\":[\"nonsense\"]}}",
    ] {
      #expect(throws: NetworkError.self, "\(text)") { try NetworkServiceConfiguration(json: JSON(parsing: text)) }
    }
  }

  @Test func theHostsStackSeesOnlyWhatIsForIt() {
    let filter = HostSideFilter(network: 0x0a00_0200, mask: 0xffff_ff00, own: [0x0a00_0201], routes: true, ipv6: false)
    func ip(_ to: [UInt8], _ mac: [UInt8]) -> [UInt8] {
      Guest.ip([1, 2, 3, 4, 5, 6, 7, 8], protocolNumber: 17, to: to, mac: mac)
    }
    let router: [UInt8] = [0x52, 0x55, 10, 0, 2, 1], other: [UInt8] = [8, 0, 0x27, 9, 9, 9]
    #expect(filter.takes(ip([10, 0, 2, 1], router)) && filter.takes(ip([9, 9, 9, 9], router)))
    #expect(!filter.takes(ip([9, 9, 9, 9], other)) && !filter.takes(ip([10, 0, 2, 77], router)))
    #expect(!filter.takes(ip([10, 0, 2, 255], Guest.broadcast)))
    var closed = filter
    closed.routes = false
    #expect(closed.takes(ip([10, 0, 2, 1], router)) && !closed.takes(ip([9, 9, 9, 9], router)))
    for count in 0..<60 { _ = filter.takes(Array(ip([10, 0, 2, 1], router).prefix(count))) }
  }

  @Test func itAnswersOnItsSocketAndEndsByItself() throws {
    let signals = try SignalDescriptor([])
    let configuration = try NetworkServiceConfiguration(json: ["network": .string(name), "dhcp": dhcp])
    // Handed to its thread, and not touched here again.
    nonisolated(unsafe) let control = try NetworkServiceControl(configuration, grace: 1_500_000_000)
    // A network has one service.
    #expect(throws: NetworkServiceControl.Taken.self) { try NetworkServiceControl(configuration) }
    let thread = Thread { try? control.run(signals) }
    thread.start()
    let socket = try #require(NetworkFolder.serviceSocket(name))
    let stream = try HostSocket.connectLocal(socket)
    func ask(_ text: String) throws -> JSON {
      stream.writeAll(Array((text + "\n").utf8))
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: 20_000_000_000)
      guard case .bytes(let bytes) = stream.read(upTo: 65536) else { throw NetworkError("no answer") }
      return try JSON(parsing: bytes.filter { $0 != 0x0a })
    }
    #expect(try ask("{\"id\":7,\"command\":\"status\"}")["status"]?["dhcp"] == true)
    #expect(try ask("{\"id\":8,\"command\":\"leases\"}")["leases"] == [])
    #expect(try ask("nonsense")["ok"] == false)
    #expect(try ask("{\"id\":9,\"command\":\"configure\"}")["ok"] == false)
    let deadline = Date(timeIntervalSinceNow: 20)
    while !thread.isFinished, Date() < deadline { usleep(20_000) }
    #expect(thread.isFinished && !HostPaths.exists(socket))
  }
}
