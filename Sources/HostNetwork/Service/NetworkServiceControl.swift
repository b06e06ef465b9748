import Base
import HostSystem

/// The life of a network's service: it begins with the first machine, answers one JSON object a line on a local socket,
/// and ends by itself a little after the last machine.
public final class NetworkServiceControl {
  private struct Client {
    var stream: HostStream
    var input: [UInt8] = []
  }
  private let service: NetworkService
  private let listener: HostStream
  private let socket: String
  /// Held as long as this lives: a network has one service.
  private let lock: FileDescriptor
  private var clients: [Client] = []
  private var isEnding = false
  /// Somebody has said something: a machine may be about to start.
  private var isAsked = false

  /// How long it stays without machines, in nanoseconds.
  private let grace: Int64
  private static let clientLimit = 16
  private static let lineLimit = 1 << 20

  /// Another process serves the network already.
  public struct Taken: Error { public init() {} }

  /// Opens everything.
  public init(_ configuration: NetworkServiceConfiguration, grace: Int64 = 10_000_000_000) throws {
    let folder = try SwitchAttachment.prepare(configuration.network)
    socket = "\(folder)/.service"
    self.grace = grace
    // Made when it is not there; it stays.
    _ = try HostStream.outputFile("\(folder)/.lock")
    lock = try FileDescriptor(opening: "\(folder)/.lock", .readWrite)
    guard try lock.tryLock(.exclusive) else { throw Taken() }
    service = try NetworkService(configuration)
    listener = try HostSocket.listenLocal(socket)
  }

  /// Works until it is told to stop, or nobody needs it.
  public func run(_ signals: SignalDescriptor) throws {
    try service.start()
    var neededAt = HostClock.monotonicNanoseconds
    var lookedAt = Int64.min
    while !isEnding {
      var entries = [PollEntry(signals.raw), PollEntry(listener.raw)] + clients.map { PollEntry($0.stream.raw) }
      HostPoll.wait(&entries, nanoseconds: 1_000_000_000)
      if entries[0].isReadable, signals.next() != nil { break }
      for (index, entry) in entries.dropFirst(2).enumerated().reversed() where entry.isReadable { read(index) }
      if entries[1].isReadable, let stream = HostSocket.accept(listener) {
        if clients.count < NetworkServiceControl.clientLimit { clients.append(Client(stream: stream)) }
      }
      let now = HostClock.monotonicNanoseconds
      if isAsked { (isAsked, neededAt) = (false, now) }
      guard now - 1_000_000_000 > lookedAt || lookedAt == .min else { continue }
      lookedAt = now
      service.saveLeases()
      if service.stays || service.machines > 0 { neededAt = now }
      if now - neededAt > grace { break }
    }
    // Nobody is to find a service that is about to end.
    HostFiles.remove(socket)
    service.close()
  }

  private func read(_ index: Int) {
    switch clients[index].stream.read(upTo: 65536) {
    case .bytes(let bytes):
      clients[index].input += bytes
      while let end = clients[index].input.firstIndex(of: 0x0a) {
        let line = Array(clients[index].input[..<end])
        clients[index].input.removeFirst(end + 1)
        let reply = answer(line)
        guard clients[index].stream.writeAll(Array((reply.text + "\n").utf8), milliseconds: 1000) else {
          clients.remove(at: index)
          return
        }
      }
      if clients[index].input.count > NetworkServiceControl.lineLimit { clients.remove(at: index) }
    case .wouldBlock: return
    case .end, .failed: clients.remove(at: index)
    }
  }
  private func answer(_ line: [UInt8]) -> JSON {
    var reply: JSON = ["id": 0, "ok": true]
    isAsked = true
    do {
      let request = try JSON(parsing: line)
      if let id = request["id"] { reply.set("id", id) }
      switch request["command"]?.string {
      case "status": reply.set("status", service.status)
      case "configure":
        try service.change(to: try NetworkServiceConfiguration(json: request["configuration"] ?? [:]))
      case "leases":
        let leases = service.leases.map { lease -> JSON in
          [
            "mac": .string(LeaseFile.text(lease.hardware)), "address": .string(IPv4Text.text(lease.address)),
            "issued": .integer(lease.issued), "expiration": .integer(Int64(lease.duration)),
          ]
        }
        reply.set("leases", .array(leases))
      case "stop": isEnding = true
      default: throw NetworkError("unknown command; there are: status, configure, leases, stop")
      }
    } catch {
      reply.set("ok", false)
      reply.set("error", .string("\(error)"))
    }
    return reply
  }
}
