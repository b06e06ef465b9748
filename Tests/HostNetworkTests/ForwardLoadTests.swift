import DeviceKit
import Foundation
import HostSystem
import Synchronization
import Testing

@testable import HostNetwork

/// A guest whose TCP server takes every connection and ends it with the other side.
private final class TinyServer: FrameReceiver {
  private let nat: NATAttachment
  private let taken = Atomic<Int>(0)
  init(_ nat: NATAttachment) { self.nat = nat }
  var waitingFrames: Int { 0 }
  /// Connections that were asked for; a SYN that came twice counts twice.
  var connections: Int { taken.load(ordering: .relaxed) }

  func receive(_ frames: [NetworkFrame]) { for frame in frames { answer(frame.bytes) } }

  private func answer(_ frame: [UInt8]) {
    guard let packet = IPv4Packet(frame: frame), packet.protocolNumber == 6, packet.payload.count >= 20 else { return }
    let segment = Array(frame[packet.payload])
    let flags = segment[13]
    let data = segment.count - Int(segment[12] >> 4) * 4
    let next = IPv4Packet.word(segment, 4) &+ UInt32(max(0, data)) &+ (flags & 3 != 0 ? 1 : 0)
    switch flags & 7 {
    case 2:
      taken.add(1, ordering: .relaxed)
      send(segment, packet.source, sequence: 1000, acknowledge: next, flags: 0x12)
    case 1: send(segment, packet.source, sequence: 1001, acknowledge: next, flags: 0x11)
    default: break
    }
  }
  /// A segment back to where one came from (RFC 9293, 3.1).
  private func send(_ to: [UInt8], _ host: UInt32, sequence: UInt32, acknowledge: UInt32, flags: UInt8) {
    var segment = Array(to[2..<4]) + to[0..<2] + IPv4Packet.bytes(sequence) + IPv4Packet.bytes(acknowledge)
    segment += [0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
    let ends: [UInt8] = [10, 0, 2, 15] + IPv4Packet.bytes(host)
    let sum = IPv4Packet.checksum(ends + [0, 6, 0, 20] + segment)
    segment.replaceSubrange(16..<18, with: [UInt8(sum >> 8), UInt8(sum & 0xff)])
    nat.transmit(NetworkFrame(Guest.ip(segment, protocolNumber: 6, to: IPv4Packet.bytes(host))))
  }
}

@Suite("Forwarded ports under load") struct ForwardLoadTests {
  private var descriptors: Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }

  @Test("a forwarded port survives ten thousand connections, and keeps nothing of them")
  func manyConnections() throws {
    let nat = try NATAttachment(NATConfiguration())
    defer { nat.close() }
    let server = TinyServer(nat)
    try nat.start(server)
    nat.transmit(NetworkFrame(Guest.announcement))
    let port = try UDPServer().port
    try nat.add(try PortForward(parsing: "tcp::\(port)-:22"))
    let before = descriptors
    for number in 0..<10_000 {
      let client = try TCPClient(port: port)
      client.close()
      // No more than what may wait: connections beyond try again after a second.
      let patience = Date(timeIntervalSinceNow: 30)
      while number - server.connections > 100, Date() < patience { usleep(100) }
    }
    // The last ones are still on their way.
    let deadline = Date(timeIntervalSinceNow: 60)
    while server.connections < 10_000 || descriptors > before + 1000, Date() < deadline { usleep(20_000) }
    #expect(server.connections >= 10_000)
    #expect(descriptors <= before + 1000, "\(descriptors) descriptors, \(before) before")
    let one = try TCPClient(port: port)
    one.close()
  }

  @Test("Fuzz: what decides about frames and answers them takes any bytes") func fuzzedFrames() throws {
    let filter = HostSideFilter(network: 0x0a00_0200, mask: 0xffff_ff00, own: [0x0a00_0202], routes: true, ipv6: true)
    let seconds = ProcessInfo.processInfo.environment["RINGBOX_FUZZ_SECONDS"].flatMap(Double.init) ?? 0.5
    let deadline = Date(timeIntervalSinceNow: seconds)
    let echo = Guest.ip([8, 0, 0, 0, 0, 1, 0, 1] + [UInt8](repeating: 7, count: 30), protocolNumber: 1)
    let shapes = [Guest.arpRequest([10, 0, 2, 2]), Guest.dhcpDiscover(), Guest.udp([1, 2], from: 1, to: 67), echo]
    var answered = 0
    repeat {
      for round in 0..<400 {
        var bytes = shapes[round % shapes.count]
        for _ in 0..<Int.random(in: 0...4) { bytes[.random(in: 0..<bytes.count)] = .random(in: 0...255) }
        if round % 3 == 0 { bytes = Array(bytes.prefix(.random(in: 0...bytes.count))) }
        _ = filter.takes(bytes)
        _ = DHCPMessage.isForServer(bytes)
        _ = DHCPMessage(frame: bytes)
        if let packet = IPv4Packet(frame: bytes) {
          #expect(packet.payload.upperBound <= bytes.count && packet.payload.lowerBound >= 34)
        }
        let arp = HostSideFilter.answerARP(bytes, for: [0x0a00_0202]) { _ in [2, 0, 0, 0, 0, 1] }
        let reply = HostSideFilter.answerEcho(bytes, for: [0x0a00_0202])
        for answer in [arp, reply].compactMap({ $0 }) {
          answered += 1
          #expect(answer.count >= 42 && answer[0..<6] == bytes[6..<12])
        }
      }
    } while Date() < deadline
    #expect(answered > 0)
  }
}
