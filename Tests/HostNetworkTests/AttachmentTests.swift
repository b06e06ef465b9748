import DeviceKit
import Foundation
import HostSystem
import Synchronization
import Testing

@testable import HostNetwork

@Suite("NAT") struct NATTests {
  private func start(_ change: (inout NATConfiguration) -> Void = { _ in }) throws -> (NATAttachment, FramePeer) {
    var configuration = NATConfiguration()
    change(&configuration)
    let nat = try NATAttachment(configuration)
    let peer = FramePeer()
    try nat.start(peer)
    return (nat, peer)
  }

  @Test func theRouterAnswersARP() throws {
    let (nat, peer) = try start()
    defer { nat.close() }
    nat.transmit(NetworkFrame(Guest.arpRequest([10, 0, 2, 2])))
    let reply = peer.wait { $0.count >= 42 && $0[12...13] == [8, 6] && $0[21] == 2 }
    #expect(reply.map { Array($0[28..<32]) } == [10, 0, 2, 2])
  }

  @Test func dhcpOffersTheUsualAddresses() throws {
    let (nat, peer) = try start { $0.bootFile = "boot.bin" }
    defer { nat.close() }
    nat.transmit(NetworkFrame(Guest.dhcpDiscover()))
    let offer = try #require(peer.wait { $0.count > 282 && Array($0[34..<38]) == [0, 67, 0, 68] })
    #expect(Array(offer[58..<62]) == [10, 0, 2, 15])
    #expect(String(decoding: offer[150..<158], as: UTF8.self) == "boot.bin")
  }

  @Test func otherNetworksHaveOtherAddresses() throws {
    let (nat, peer) = try start { try? $0.setNetwork("192.168.99.0/24") }
    defer { nat.close() }
    nat.transmit(NetworkFrame(Guest.dhcpDiscover()))
    let offer = peer.wait { $0.count > 282 && Array($0[34..<38]) == [0, 67, 0, 68] }
    #expect(offer.map { Array($0[58..<62]) } == [192, 168, 99, 15])
  }

  @Test func datagramsReachTheHostsLoopbackOnlyWhenAllowed() throws {
    for isAllowed in [true, false] {
      let server = try UDPServer()
      let (nat, peer) = try start { $0.reachesLoopback = isAllowed }
      defer { nat.close() }
      nat.transmit(NetworkFrame(Guest.announcement))
      nat.transmit(NetworkFrame(Guest.udp(Array("ping".utf8), from: 4000, to: Int(server.port))))
      #expect(server.echo(milliseconds: isAllowed ? 20_000 : 300) == isAllowed)
      guard isAllowed else { continue }
      let reply = peer.wait { $0.count >= 46 && $0[23] == 17 && Array($0[36..<38]) == Guest.half(4000) }
      #expect(reply.map { Array($0[42..<46]) } == Array("ping".utf8))
    }
  }

  @Test func forwardsComeAndGoAtRunTime() throws {
    let (nat, peer) = try start()
    defer { nat.close() }
    nat.transmit(NetworkFrame(Guest.announcement))
    let port = try UDPServer().port
    let rule = try PortForward(parsing: "tcp::\(port)-:22")
    try nat.add(rule)
    #expect(nat.activeForwards == [rule])
    #expect(throws: NetworkError.self) { try nat.add(rule) }
    let connection = try TCPClient(port: port)
    // The guest sees the connection's SYN from the router.
    let syn = try #require(peer.wait { $0.count >= 54 && $0[23] == 6 && $0[47] & 2 != 0 })
    #expect(Array(syn[36..<38]) == Guest.half(22) && Array(syn[30..<34]) == [10, 0, 2, 15])
    connection.close()
    try nat.remove(rule)
    #expect(nat.activeForwards.isEmpty)
    #expect(throws: (any Error).self) { try TCPClient(port: port) }
    #expect(throws: NetworkError.self) { try nat.remove(rule) }
  }

  @Test func aPortInUseIsNamed() throws {
    var configuration = NATConfiguration()
    let server = try UDPServer()
    configuration.forwards = [try PortForward(parsing: "udp::\(server.port)-:53")]
    #expect(throws: NetworkError.self) { try NATAttachment(configuration) }
  }

  @Test func noiseIsIgnored() throws {
    let (nat, peer) = try start()
    defer { nat.close() }
    var generator = SystemRandomNumberGenerator()
    let shapes = [Guest.arpRequest([10, 0, 2, 2]), Guest.dhcpDiscover(), Guest.udp([1, 2, 3], from: 1, to: 2)]
    for round in 0..<3000 {
      var bytes = shapes[round % 3]
      for _ in 0..<4 { bytes[Int.random(in: 12..<bytes.count, using: &generator)] = .random(in: 0...255) }
      if round % 5 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count))) }
      nat.transmit(NetworkFrame(bytes))
    }
    Thread.sleep(forTimeInterval: 0.2)
    nat.transmit(NetworkFrame(Guest.arpRequest([10, 0, 2, 3])))
    #expect(peer.wait { $0.count >= 42 && $0[12...13] == [8, 6] && Array($0[28..<32]) == [10, 0, 2, 3] } != nil)
  }
}

@Suite("Switch, tunnel, adapter") struct AttachmentTests {
  private let name = "test-\(UInt32.random(in: 0...(.max)))"
  private func frame(to: [UInt8], from: [UInt8], _ text: String) -> NetworkFrame {
    NetworkFrame(to + from + [0x88, 0xb5] + Array(text.utf8) + [UInt8](repeating: 0, count: 40))
  }
  private let a: [UInt8] = [8, 0, 0x27, 0, 0, 1], b: [UInt8] = [8, 0, 0x27, 0, 0, 2]

  @Test func theSwitchFloodsUntilItHasLearned() throws {
    let ports = try (0..<3).map { _ in try SwitchAttachment(network: name) }
    let peers = ports.map { _ in FramePeer() }
    for (port, peer) in zip(ports, peers) { try port.start(peer) }
    defer { for port in ports { port.close() } }
    let hello = frame(to: Guest.broadcast, from: a, "hello")
    ports[0].transmit(hello)
    #expect(peers[1].wait { $0 == hello.bytes } != nil && peers[2].wait { $0 == hello.bytes } != nil)
    let answer = frame(to: a, from: b, "answer")
    ports[1].transmit(answer)
    #expect(peers[0].wait { $0 == answer.bytes } != nil)
    // The address is known: nobody else hears it, and nothing comes back to its sender.
    ports[1].transmit(frame(to: Guest.broadcast, from: b, "last"))
    #expect(peers[2].wait { $0.starts(with: Guest.broadcast) && $0[11] == 2 } != nil)
    #expect(!peers[2].all.contains(answer.bytes) && !peers[0].all.contains(hello.bytes))
  }

  @Test func burstsArriveWholeAndInOrder() throws {
    let sender = try SwitchAttachment(network: name), receiver = try SwitchAttachment(network: name)
    let peer = FramePeer(), own = FramePeer()
    try sender.start(own)
    try receiver.start(peer)
    defer {
      sender.close()
      receiver.close()
    }
    // The sender learns where b lives, or the burst would be flooded and might be lost.
    receiver.transmit(frame(to: a, from: b, "here"))
    #expect(own.wait { $0[11] == 2 } != nil)
    let burst = (0..<500).map { frame(to: b, from: a, "number \($0)") }
    for frame in burst { sender.transmit(frame) }
    #expect(peer.wait { $0 == burst[499].bytes } != nil)
    #expect(peer.all == burst.map(\.bytes))
  }

  @Test func packetsFromStrangersAreNotBelieved() throws {
    let port = try SwitchAttachment(network: name)
    defer { port.close() }
    var generator = SystemRandomNumberGenerator()
    let label = Array("1-2_3".utf8)
    let good = [5] + label + [0, 60] + Guest.broadcast + b + [UInt8](repeating: 0, count: 48)
    var frames: [NetworkFrame] = []
    port.unwrap(good, &frames)
    #expect(frames.count == 1)
    for _ in 0..<5000 {
      var bytes = good + good.dropFirst(6)
      for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255) }
      port.unwrap(Array(bytes.prefix(.random(in: 0...bytes.count))), &frames)
    }
    #expect(frames.allSatisfy { (14...NetworkFrame.ordinaryLimit).contains($0.bytes.count) && $0.bytes[6] & 1 == 0 })
  }

  @Test func otherNetworksHearNothingAndNamesAreChecked() throws {
    let here = try SwitchAttachment(network: name), there = try SwitchAttachment(network: name + ".b")
    let peer = FramePeer(), own = FramePeer()
    try here.start(own)
    try there.start(peer)
    here.transmit(frame(to: Guest.broadcast, from: a, "x"))
    Thread.sleep(forTimeInterval: 0.1)
    #expect(peer.all.isEmpty)
    here.close()
    there.close()
    for bad in ["", "a\nb", String(repeating: "n", count: 256)] {
      #expect(throws: NetworkError.self) { try SwitchAttachment(network: bad) }
    }
    // Names that are none for folders are for networks all the same, and lead nowhere else.
    let odd = ["../\(name)", "a/\(name)", ".\(name)", "ünder \(name)", String(repeating: "n", count: 33) + name]
    let folders = odd.compactMap(NetworkFolder.path)
    #expect(Set(folders).count == odd.count)
    #expect(folders.allSatisfy { $0.hasPrefix(NetworkFolder.base + "/~") && $0.utf8.count < 85 })
  }

  @Test func listenersHearWhatTheirPolicyLetsThem() throws {
    let roles: [SwitchAttachment.Role] = [.card, .card, .listensToCards, .listensToAll, .host]
    let ports = try roles.map { try SwitchAttachment(network: name, role: $0) }
    let peers = ports.map { _ in FramePeer() }
    for (port, peer) in zip(ports, peers) { try port.start(peer) }
    defer { for port in ports { port.close() } }
    // Everybody learns where a, b and the host live.
    let host: [UInt8] = [0x52, 0x55, 10, 0, 0, 1]
    for (port, mac) in [(ports[0], a), (ports[1], b), (ports[4], host)] {
      port.transmit(frame(to: Guest.broadcast, from: mac, "here"))
      for (peer, other) in zip(peers, ports) where other !== port {
        #expect(peer.wait { Array($0[6..<12]) == mac } != nil)
      }
    }
    let between = frame(to: b, from: a, "between cards"), out = frame(to: host, from: a, "to the host")
    let back = frame(to: a, from: host, "from the host"), last = frame(to: Guest.broadcast, from: a, "last")
    ports[0].transmit(between)
    ports[0].transmit(out)
    #expect(peers[4].wait { $0 == out.bytes } != nil)
    ports[4].transmit(back)
    #expect(peers[0].wait { $0 == back.bytes } != nil)
    ports[0].transmit(last)
    for peer in peers.dropFirst() { #expect(peer.wait { $0 == last.bytes } != nil) }
    #expect(peers[3].wait { $0 == back.bytes } != nil)
    func heard(_ index: Int) -> [Bool] { [between, out, back].map { peers[index].all.contains($0.bytes) } }
    #expect(heard(1) == [true, false, false] && heard(2) == [true, false, false] && heard(3) == [true, true, true])
  }

  @Test func portsOfDeadProcessesAreNotCounted() throws {
    let port = try SwitchAttachment(network: name), other = try SwitchAttachment(network: name)
    defer { port.close() }
    #expect(port.livePorts == 1)
    let left = "\(NetworkFolder.base)/\(name)/999-dead"
    _ = try DatagramSocket(local: left)
    #expect(HostPaths.exists(left) && port.livePorts == 1 && !HostPaths.exists(left))
    other.close()
    #expect(port.livePorts == 0)
  }

  @Test func interfacesThatAreNotThereAreNamed() {
    for name in ["nosuchtap", "lo", "../x", "", String(repeating: "t", count: 40)] {
      #expect(throws: NetworkError.self) { try TapAttachment(interface: name) }
    }
  }

  @Test func aGroupSharesWhatItsCardsMaySend() throws {
    // Two cards with half a megabyte each in a group of a megabyte a second, of which a tenth may be saved up.
    let group = RateLimit(bitsPerSecond: 8_000_000)
    let adapters = (0..<2).map { _ in NetworkAdapter(Mirror(), address: a) }
    let peers = adapters.map { _ in FramePeer() }
    let start = HostClock.monotonicNanoseconds
    for (adapter, peer) in zip(adapters, peers) { try adapter.start(card(peer), group: group) }
    let bytes = [UInt8](repeating: 0, count: 1200)
    for index in 0..<200 {
      for adapter in adapters { adapter.transmit(NetworkFrame(a + a + [8, 0, UInt8(index)] + bytes)) }
    }
    for peer in peers { #expect(peer.wait { _ in peer.all.count == 200 } != nil) }
    // 400 frames of 1215 bytes less what was saved up: 386 ms at least.
    #expect(HostClock.monotonicNanoseconds - start > 300_000_000)
    for adapter in adapters { adapter.close() }
  }

  @Test func aLimitThatIsLiftedHoldsNothingBackAnyMore() throws {
    // A frame of 1215 bytes would take two seconds, more than are saved up for sixty of them.
    let group = RateLimit(bitsPerSecond: 5000)
    let adapter = NetworkAdapter(Mirror(), address: a)
    let peer = FramePeer()
    try adapter.start(card(peer), group: group)
    let bytes = [UInt8](repeating: 0, count: 1200)
    for index in 0..<200 { adapter.transmit(NetworkFrame(a + a + [8, 0, UInt8(index)] + bytes)) }
    usleep(50_000)
    #expect(peer.all.count < 200)
    group.change(bitsPerSecond: 0)
    #expect(peer.wait { _ in peer.all.count == 200 } != nil)
    adapter.close()
  }

  @Test func tunnelsCarryFramesBothWays() throws {
    let ports = [try UDPServer().port, try UDPServer().port]
    let ends = ports.map { IPv4Endpoint(address: 0x7f00_0001, port: $0) }
    let left = try TunnelAttachment(local: ends[0], remote: ends[1])
    let right = try TunnelAttachment(local: ends[1], remote: ends[0])
    let peers = [FramePeer(), FramePeer()]
    try left.start(peers[0])
    try right.start(peers[1])
    defer {
      left.close()
      right.close()
    }
    left.transmit(frame(to: b, from: a, "there"))
    #expect(peers[1].wait { $0 == frame(to: b, from: a, "there").bytes } != nil)
    right.transmit(frame(to: a, from: b, "back"))
    #expect(peers[0].wait { $0 == frame(to: a, from: b, "back").bytes } != nil)
  }

  /// An attachment that gives back what it gets.
  private final class Mirror: NetworkAttachment {
    let receiver = Mutex<(any FrameReceiver)?>(nil)
    let count = Atomic<Int>(0)
    let maximumFrame = NetworkFrame.ordinaryLimit
    let summary = "mirror"
    func start(_ receiver: any FrameReceiver) throws(NetworkError) { self.receiver.withLock { $0 = receiver } }
    func transmit(_ frame: NetworkFrame) {
      count.add(1, ordering: .relaxed)
      receiver.withLock { $0 }?.receive([frame])
    }
    func close() {}
  }
  private func card(_ peer: FramePeer) -> NetworkAdapter.Card {
    NetworkAdapter.Card(receive: { peer.receive($0) }, waitingFrames: { 0 })
  }

  @Test func theAdapterFiltersCountsAndTraces() throws {
    let path = NSTemporaryDirectory() + "ringbox-\(name).pcap"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let mirror = Mirror()
    let adapter = NetworkAdapter(mirror, address: a, trace: try PcapTrace(path))
    let peer = FramePeer()
    try adapter.start(card(peer))
    adapter.transmit(frame(to: b, from: a, "for b"))
    adapter.transmit(frame(to: a, from: a, "for a"))
    adapter.transmit(frame(to: Guest.broadcast, from: a, "for all"))
    #expect(peer.all.count == 2)
    adapter.isLinkUp = false
    adapter.transmit(frame(to: a, from: a, "lost"))
    #expect(peer.all.count == 2 && mirror.count.load(ordering: .relaxed) == 3)
    #expect(adapter.counters.sentFrames == 3 && adapter.counters.receivedFrames == 2)
    adapter.close()
    let bytes = try #require(FileManager.default.contents(atPath: path)).map { $0 }
    #expect(Array(bytes[..<4]) == [0x4d, 0x3c, 0xb2, 0xa1] && Array(bytes[20..<24]) == [1, 0, 0, 0])
    // Three went out, two came in; each behind a header of sixteen bytes.
    var at = 24
    var lengths: [Int] = []
    while at + 16 <= bytes.count {
      let length = Int(bytes[at + 8]) | Int(bytes[at + 9]) << 8
      lengths.append(length)
      at += 16 + length
    }
    #expect(lengths == [59, 59, 59, 61, 61] && at == bytes.count)
  }

  @Test func promiscuousCardsHearEverything() throws {
    let adapter = NetworkAdapter(Mirror(), address: a, policy: .allowAll)
    let peer = FramePeer()
    try adapter.start(card(peer))
    adapter.transmit(frame(to: b, from: a, "for b"))
    #expect(peer.all.count == 1)
    adapter.close()
  }

  @Test func policyAndTraceChangeWhileFramesFlow() throws {
    let path = NSTemporaryDirectory() + "ringbox-\(name)-later.pcap"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let adapter = NetworkAdapter(Mirror(), address: a)
    let peer = FramePeer()
    try adapter.start(card(peer))
    adapter.transmit(frame(to: b, from: a, "for b"))
    #expect(peer.all.isEmpty)
    adapter.policy = .allowAll
    adapter.setTrace(try PcapTrace(path))
    adapter.transmit(frame(to: b, from: a, "for b"))
    adapter.setTrace(nil)
    adapter.transmit(frame(to: b, from: a, "for b"))
    #expect(peer.all.count == 2)
    // The file is whole when the trace has ended: its head, one frame out and one in.
    #expect(FileManager.default.contents(atPath: path)?.count == 24 + 2 * (16 + 59))
    adapter.close()
  }

  @Test func bucketsLetNoMoreThroughThanTheirRate() {
    var bucket = TokenBucket(rate: 8_000_000, now: 0)
    var now: Int64 = 0
    var bytes = 0
    while now < 2_000_000_000 {
      if let wait = bucket.take(bytes: 1000, now: now) { now += wait } else { bytes += 1000 }
    }
    // Two seconds at a million bytes each, and what was saved up.
    #expect((1_999_000...2_102_000).contains(bytes))
    // Hostile arithmetic: rates and times at the ends of their ranges.
    var slow = TokenBucket(rate: 1, now: .min)
    _ = slow.take(bytes: NetworkFrame.limit, now: .max)
    _ = slow.take(bytes: NetworkFrame.limit, now: .min)
    var fast = TokenBucket(rate: .max, now: 0)
    _ = fast.take(bytes: 65536, now: .max)
  }

  @Test func limitedAdaptersDeliverLaterNotNever() throws {
    let adapter = NetworkAdapter(Mirror(), address: a)
    let peer = FramePeer()
    try adapter.start(card(peer), bitsPerSecond: 2_000_000)
    for index in 0..<20 { adapter.transmit(frame(to: a, from: a, "number \(index)")) }
    #expect(peer.wait { _ in peer.all.count == 20 } != nil)
    adapter.close()
  }
}
