import Foundation
import Glibc

/// A UDP socket on a free port of the loopback address.
final class UDPServer {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    self.descriptor = descriptor
    var address = UDPServer.loopback(0)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, 16) }
    }
    guard bound == 0 else { throw CocoaError(.fileReadUnknown) }
    var size: socklen_t = 16
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    port = UInt16(bigEndian: address.sin_port)
  }
  deinit { close(descriptor) }

  static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  /// Waits for one datagram and sends it back; false when none came.
  func echo(milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, milliseconds) == 1 else { return false }
    var bytes = [UInt8](repeating: 0, count: 2048)
    var address = sockaddr_in()
    var size: socklen_t = 16
    return withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
        let count = recvfrom(descriptor, &bytes, bytes.count, 0, peer, &size)
        return count >= 0 && sendto(descriptor, bytes, count, 0, peer, size) == count
      }
    }
  }
}

/// A connection to a port of the loopback address.
final class TCPClient {
  private let descriptor: Int32
  init(port: UInt16) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.descriptor = descriptor
    var address = UDPServer.loopback(port)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, 16) }
    }
    guard code == 0 else {
      Glibc.close(descriptor)
      throw CocoaError(.fileReadUnknown)
    }
  }
  func close() { Glibc.close(descriptor) }
}
