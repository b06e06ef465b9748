import Foundation
import HostSystem
import TestSupport
import Testing

/// A web server on a free port of the loopback address that answers everything with the same bytes.
private final class SmallWebServer {
  let port: UInt16
  private let listener: HostStream
  private let thread: HostThread
  private let flag: Flag
  private final class Flag: @unchecked Sendable {
    // A plain word: set once, read until seen.
    private let lock = NSLock()
    private var value = false
    var isSet: Bool {
      get { lock.withLock { value } }
      set { lock.withLock { value = newValue } }
    }
  }

  init(_ body: [UInt8]) throws {
    var found: (UInt16, HostStream)?
    for _ in 0..<50 where found == nil {
      let port = UInt16.random(in: 20000...60000)
      if let listener = try? HostSocket.listenLoopback(port: port) { found = (port, listener) }
    }
    let (port, listener) = try #require(found)
    (self.port, self.listener) = (port, listener)
    let flag = Flag()
    self.flag = flag
    let answer = Array("HTTP/1.0 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
    thread = try HostThread(name: "web") {
      while !flag.isSet {
        var entries = [PollEntry(listener.raw)]
        HostPoll.wait(&entries, nanoseconds: 100_000_000)
        guard entries[0].isReadable, let client = HostSocket.accept(listener) else { continue }
        var request = [PollEntry(client.raw)]
        HostPoll.wait(&request, nanoseconds: 20_000_000_000)
        _ = client.read(upTo: 65536)
        client.writeAll(answer, milliseconds: 60_000)
      }
    }
  }
  deinit {
    flag.isSet = true
    thread.join()
  }
}

/// Debian's own drivers on every network card, behind a NAT each.
@Suite("Network", .serialized) struct NetworkBootTests {
  private func shell(_ vm: VM, _ command: String, timeout: TimeInterval = 120) throws -> String {
    let mark = UUID().uuidString.prefix(8)
    let before = vm.serialText().count
    try vm.typeSerial("\(command); echo E\"N\"D-\(mark)\n")
    try vm.waitForSerial("END-\(mark)", timeout: timeout)
    return String(vm.serialText().dropFirst(before))
  }
  private func freePort() throws -> UInt16 {
    for _ in 0..<50 {
      let port = UInt16.random(in: 20000...60000)
      if (try? HostSocket.listenLoopback(port: port)) != nil { return port }
    }
    throw Shell.Failed(description: "no free port")
  }
  /// Fetches from a server on the loopback address, as a client of the guest's web server.
  private func fetch(_ port: UInt16, _ path: String) throws -> [UInt8] {
    let text = try Shell.run(
      "/usr/bin/python3",
      [
        "-c",
        """
        import sys, urllib.request, hashlib
        data = urllib.request.urlopen("http://127.0.0.1:%s/%s" % (sys.argv[1], sys.argv[2]), timeout=120).read()
        print(hashlib.md5(data).hexdigest())
        """, String(port), path,
      ])
    return Array(text.trimmingCharacters(in: .whitespacesAndNewlines).utf8)
  }

  @Test("address, ping, both directions of HTTP, cable and trace, on virtio-net, e1000 and PCnet")
  func everyCard() throws {
    let folder = try TemporaryFolder()
    let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    let server = try SmallWebServer(body)
    let wanted = try folder.write("body", body)
    let sum = try Shell.run("/usr/bin/md5sum", [wanted]).prefix(32)
    let cards = ["virtio", "e1000", "pcnet"]
    let ports = try cards.map { _ in try freePort() }
    var arguments: [String] = []
    for (index, model) in cards.enumerated() {
      arguments += [
        "--nic",
        "nat,model=\(model),mac=08:00:27:00:00:0\(index),net=10.0.\(index + 2).0/24,localhost=on,hostfwd=tcp::\(ports[index])-:8080,"
          + "pcap=\(folder.name(model))",
      ]
    }
    let vm = try VM.launch(arguments: GuestAssets.linux("amd64", extra: arguments))
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    _ = try shell(vm, "httpd -p 8080 -h /tmp")
    for (index, model) in cards.enumerated() {
      let router = "10.0.\(index + 2).2"
      // Interfaces are numbered in the order in which their drivers load.
      _ = try shell(vm, "dev=$(grep -l 08:00:27:00:00:0\(index) /sys/class/net/*/address | cut -d/ -f5)")
      let lease = try shell(vm, "udhcpc -i $dev -n -q -t 20; ip addr show $dev")
      #expect(lease.contains("inet 10.0.\(index + 2).15/24"), "\(model): \(lease)")
      let ping = try shell(vm, "ping -c 2 \(router)")
      #expect(ping.contains(" 0% packet loss"), "\(model): \(ping)")
      let got = try shell(vm, "wget -q -O /tmp/\(model) http://\(router):\(server.port)/; md5sum /tmp/\(model)")
      #expect(got.contains(sum), "\(model): \(got)")
      #expect(try fetch(ports[index], model) == Array(sum.utf8), "\(model): through the forward")
      try vm.control.command("link", ["card": .string("nic\(index)"), "state": "down"])
      let carrier = "for i in $(seq 60); do c=$(cat /sys/class/net/$dev/carrier); "
      #expect(try shell(vm, carrier + "[ $c = 0 ] && break; sleep 1; done; echo C=$c").contains("C=0"), "\(model)")
      try vm.control.command("link", ["card": .string("nic\(index)"), "state": "up"])
      #expect(try shell(vm, carrier + "[ $c = 1 ] && break; sleep 1; done; echo C=$c").contains("C=1"), "\(model)")
    }
    try vm.quit()
    for model in cards {
      let protocols = try Shell.run(
        "/usr/bin/tshark", ["-r", folder.name(model), "-T", "fields", "-e", "_ws.col.Protocol"])
      for name in ["DHCP", "ICMP", "TCP", "HTTP"] { #expect(protocols.contains(name), "\(model): no \(name)") }
    }
  }

  /// A program that keeps one connection open and says nothing, on a port that it prints.
  private static let listening = """
    import socket
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    client = server.accept()[0]
    while client.recv(4096): pass
    """
  /// A program that sends datagrams to the ports that it is told, until it is killed.
  private static let flooding = """
    import socket, sys, time
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
      for port in sys.argv[1:]:
        try: sender.sendto(bytes(700), ("127.0.0.1", int(port)))
        except OSError: pass
      time.sleep(0.0005)
    """
  private func python(_ program: String, _ arguments: [String] = []) throws -> (Process, Pipe) {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = ["-c", program] + arguments
    process.standardOutput = pipe
    process.standardError = FileHandle.nowhere
    try process.run()
    return (process, pipe)
  }

  @Test("saved with frames on their way, cards work on, and what the NAT has lost is told")
  func savedState() throws {
    let folder = try TemporaryFolder()
    let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 7) }
    let server = try SmallWebServer(body)
    let sum = try Shell.run("/usr/bin/md5sum", [try folder.write("body", body)]).prefix(32)
    let cards = ["virtio", "e1000", "pcnet"]
    let web = try cards.map { _ in try freePort() }, datagrams = try cards.map { _ in try freePort() }
    var arguments: [String] = []
    for (index, model) in cards.enumerated() {
      arguments += [
        "--nic",
        "nat,model=\(model),mac=08:00:27:00:01:0\(index),net=10.0.\(index + 2).0/24,localhost=on,"
          + "hostfwd=tcp::\(web[index])-:8080,hostfwd=udp::\(datagrams[index])-:9",
      ]
    }
    arguments = GuestAssets.linux("amd64", extra: arguments)
    var vm = try VM.launch(arguments: arguments)
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    _ = try shell(vm, "httpd -p 8080 -h /tmp")
    for index in cards.indices {
      _ = try shell(vm, "d\(index)=$(grep -l 08:00:27:00:01:0\(index) /sys/class/net/*/address | cut -d/ -f5)")
      let lease = try shell(vm, "udhcpc -i $d\(index) -n -q -t 20; ip addr show $d\(index)")
      #expect(lease.contains("inet 10.0.\(index + 2).15/24"), "\(cards[index]): \(lease)")
    }
    let (listener, port) = try python(NetworkBootTests.listening)
    defer { listener.end() }
    let number = String(decoding: port.fileHandleForReading.availableData, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    _ = try shell(
      vm, "{ ((while sleep 1; do echo x; done) | nc 10.0.2.2 \(number); echo CONNECTION-\"\"LOST) 2>/dev/null & }")
    let (flood, _) = try python(NetworkBootTests.flooding, datagrams.map { "\($0)" })
    defer { flood.end() }
    usleep(500_000)
    try vm.control.command("save-state", ["path": .string(folder.name("state"))], timeout: 120)
    #expect(try vm.waitForExit(timeout: 60) == 7)

    vm = try VM.launch(arguments: arguments + ["--restore", folder.name("state")], timeout: 120)
    try vm.waitForSerial("CONNECTION-LOST", timeout: 120)
    for (index, model) in cards.enumerated() {
      let carrier = "for i in $(seq 60); do c=$(cat /sys/class/net/$d\(index)/carrier); "
      #expect(try shell(vm, carrier + "[ $c = 1 ] && break; sleep 1; done; echo C=$c").contains("C=1"), "\(model)")
      let changes = try shell(vm, "echo D=$(cat /sys/class/net/$d\(index)/carrier_down_count)")
      #expect(!changes.contains("D=0"), "\(model) has not seen the link go")
      let address = try shell(vm, "ip addr show $d\(index)")
      #expect(address.contains("inet 10.0.\(index + 2).15/24"), "\(model): \(address)")
      let router = "10.0.\(index + 2).2"
      let ping = try shell(vm, "ping -c 2 \(router)")
      #expect(ping.contains(" 0% packet loss"), "\(model): \(ping)")
      let got = try shell(vm, "wget -q -O /tmp/\(model) http://\(router):\(server.port)/; md5sum /tmp/\(model)")
      #expect(got.contains(sum), "\(model): \(got)")
      #expect(try fetch(web[index], model) == Array(sum.utf8), "\(model): through the forward")
      // The lease is the guest's own when it asks again.
      let lease = try shell(vm, "udhcpc -i $d\(index) -r 10.0.\(index + 2).15 -n -q -t 20; ip addr show $d\(index)")
      #expect(lease.contains("inet 10.0.\(index + 2).15/24"), "\(model): \(lease)")
    }
    try vm.quit()
  }

  @Test("iPXE boots from the built-in TFTP server", arguments: ["virtio", "e1000", "pcnet"])
  func networkBoot(model: String) throws {
    let folder = try TemporaryFolder()
    // mov dx, 3f8h; print; hlt: loaded at 0:7C00h like a boot sector.
    let program = TinyFirmware.printing("NETWORK-BOOTED") + TinyFirmware.halt
    try folder.write("boot.bin", program + [UInt8](repeating: 0, count: 512))
    let vm = try VM.launch(arguments: [
      "--memory", "64M", "--boot", "n", "--nic", "nat,model=\(model),tftp=\(folder.path),bootfile=boot.bin",
    ])
    do {
      try vm.waitForSerial("NETWORK-BOOTED", timeout: 240)
    } catch { throw Shell.Failed(description: "\(error)\n--- screen:\n\((try? vm.screenText()) ?? "")") }
    try vm.quit()
  }

  @Test("two machines meet on an internal network") func internalNetwork() throws {
    // Real-mode guests need no driver: the firmware's network stack asks for an address that nobody gives, and the
    // other machine's trace shows the question.
    let folder = try TemporaryFolder()
    let name = "boot-\(UInt32.random(in: 0...(.max)))"
    let quiet = try folder.write("halt.bin", TinyFirmware.image(TinyFirmware.halt))
    let listener = try VM.launch(arguments: [
      "--memory", "64M", "--firmware", quiet, "--nic", "intnet,net=\(name),pcap=\(folder.name("heard"))",
    ])
    let speaker = try VM.launch(arguments: [
      "--memory", "64M", "--boot", "n", "--nic", "intnet,net=\(name),model=e1000",
    ])
    let deadline = Date(timeIntervalSinceNow: 240)
    while folder.bytes("heard").count < 300, Date() < deadline { usleep(100_000) }
    try speaker.quit()
    try listener.quit()
    let heard = try Shell.run(
      "/usr/bin/tshark", ["-r", folder.name("heard"), "-T", "fields", "-e", "_ws.col.Protocol"])
    #expect(heard.contains("DHCP"))
  }
}
