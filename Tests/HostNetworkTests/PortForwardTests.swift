import HostSystem
import Testing

@testable import HostNetwork

@Suite("Port forwards and networks") struct PortForwardTests {
  @Test func rulesAreReadAndWritten() throws {
    let rule = try PortForward(parsing: "tcp:127.0.0.1:2222-:22")
    #expect(rule.transport == .tcp && rule.host == IPv4Endpoint(address: 0x7f00_0001, port: 2222))
    #expect(rule.guest == IPv4Endpoint(address: 0, port: 22) && rule.description == "tcp:127.0.0.1:2222-:22")
    #expect(try PortForward(parsing: "udp::53-10.0.2.15:5353").description == "udp:127.0.0.1:53-10.0.2.15:5353")
  }

  @Test(
    "mistakes are named",
    arguments: [
      "", "tcp", "tcp:1-2", "sctp::1-:2", "tcp::0-:22", "tcp::70000-:22", "tcp:1.2.3:1-:22", "tcp:1.2.3.400:1-:22",
      "tcp::1-:", "tcp::1:2-:3", "tcp::+1-:22", "tcp-:22:1",
    ]) func mistakes(text: String)
  {
    #expect(throws: NetworkError.self) { try PortForward(parsing: text) }
  }

  @Test func networksMustBeginAtTheirFirstAddress() throws {
    var nat = NATConfiguration()
    try nat.setNetwork("192.168.7.0/28")
    #expect(nat.network == 0xc0a8_0700 && nat.prefix == 28 && nat.guestNumber == 4)
    #expect(throws: NetworkError("network '10.0.2.1/24': did you mean 10.0.2.0/24?")) {
      try nat.setNetwork("10.0.2.1/24")
    }
    for text in ["", "10.0.2.0", "10.0.2.0/30", "10.0.2.0/7", "10.0.2/24"] {
      #expect(throws: NetworkError.self) { try nat.setNetwork(text) }
    }
  }
}
