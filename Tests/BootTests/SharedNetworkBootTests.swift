import Base
import Foundation
import HostSystem
import TestSupport
import Testing

/// Kept machines with Debian's kernel on networks that they share, as VBoxManage's users set them up.
@Suite("shared networks", .serialized) struct SharedNetworkBootTests {
  /// A running machine's serial console, by its control channel.
  private final class Console {
    private let control: ControlClient
    init(_ machines: KeptMachines, _ name: String) throws {
      let uuid = try machines.info(name, "UUID") ?? ""
      control = try ControlClient(path: machines.folder.name("run/ringbox/\(uuid).sock"))
      try wait(GuestAssets.marker, GuestAssets.bootTimeout)
      try wait("# ", 60)
    }
    private func text() throws -> String {
      try control.command("serial-read", ["port": "serial0", "from": 0, "limit": .integer(1 << 18)])["text"]?.string
        ?? ""
    }
    private func wait(_ mark: String, _ timeout: TimeInterval) throws {
      let deadline = Date(timeIntervalSinceNow: timeout)
      while !(try text().contains(mark)) {
        guard Date() < deadline else { throw Shell.Failed(description: "no '\(mark)':\n\(try text().suffix(2000))") }
        usleep(50_000)
      }
    }
    /// What a command prints.
    func run(_ command: String, timeout: TimeInterval = 120) throws -> String {
      let mark = UUID().uuidString.prefix(8)
      let before = try text().count
      try control.command(
        "serial-write", ["port": "serial0", "text": .string("\(command); echo E\"N\"D-\(mark)\n")])
      try wait("END-\(mark)", timeout)
      return String(try text().dropFirst(before))
    }
    /// Asks for an address.
    func lease() throws -> String {
      try run(
        "dev=$(ls /sys/class/net | grep -v lo); ip link set $dev up; udhcpc -i $dev -n -q -t 20; ip addr show $dev")
    }
  }
  private func create(_ machines: KeptMachines, _ name: String, _ words: [String]) throws {
    _ = try machines.output(["createvm", "--name", name, "--ostype", "Debian_64", "--register"])
    _ = try machines.output(["modifyvm", name, "--memory", "256", "--uart1", "0x3F8", "4"] + words)
    for (key, value) in [
      ("Kernel", GuestAssets.path("amd64/linux")), ("Initrd", GuestAssets.path("amd64/busybox.gz")),
      ("Append", "console=ttyS0"),
    ] { _ = try machines.output(["setextradata", name, "Ringbox/\(key)", value]) }
  }
  private func freePort() throws -> UInt16 {
    for _ in 0..<50 {
      let port = UInt16.random(in: 20000...60000)
      if (try? HostSocket.listenLoopback(port: port)) != nil { return port }
    }
    throw Shell.Failed(description: "no free port")
  }
  private func fetch(_ port: UInt16) throws -> String {
    try Shell.run(
      "/usr/bin/python3",
      [
        "-c",
        "import sys,urllib.request; print(urllib.request.urlopen('http://127.0.0.1:%s/x' % sys.argv[1], timeout=60).read().decode())",
        "\(port)",
      ])
  }

  @Test("two machines on a host-only network: DHCP, ping, a port of the host") func hostOnly() throws {
    let machines = try KeptMachines()
    _ = try machines.output(["hostonlyif", "create"])
    let trace = machines.folder.name("trace.pcap")
    try create(
      machines, "a",
      [
        "--nic1", "hostonly", "--hostonlyadapter1", "vboxnet0", "--nictype1", "virtio", "--nictrace1", "on",
        "--nictracefile1", trace,
      ])
    try create(machines, "b", ["--nic1", "hostonly", "--hostonlyadapter1", "vboxnet0", "--nictype1", "82540EM"])
    _ = try machines.output([
      "dhcpserver", "modify", "--interface", "vboxnet0", "--vm", "b", "--nic", "1", "--fixed-address", "192.168.56.77",
    ])
    for name in ["a", "b"] { _ = try machines.output(["startvm", name]) }
    let a = try Console(machines, "a"), b = try Console(machines, "b")
    let first = try a.lease(), second = try b.lease()
    #expect(first.contains("inet 192.168.56.101/24"), "\(first)")
    #expect(second.contains("inet 192.168.56.77/24"), "\(second)")
    for other in ["192.168.56.77", "192.168.56.1", "192.168.56.100"] {
      let ping = try a.run("ping -c 2 \(other)")
      #expect(ping.contains(" 0% packet loss"), "\(ping)")
    }
    #expect(try b.run("ping -c 2 192.168.56.101").contains(" 0% packet loss"))
    let mac = try machines.info("b", "macaddress1") ?? ""
    let lease = try machines.output(["dhcpserver", "findlease", "--interface", "vboxnet0", "--mac-address", mac])
    #expect(lease.hasPrefix("IP Address:  192.168.56.77\n"))
    let port = try freePort()
    _ = try machines.output(["hostonlyif", "forward", "vboxnet0", "tcp::\(port)-192.168.56.77:8080"])
    _ = try b.run("echo hello from b > /tmp/x; httpd -p 8080 -h /tmp")
    #expect(try fetch(port).contains("hello from b"))
    for name in ["a", "b"] { _ = try machines.output(["controlvm", name, "poweroff"]) }
    let protocols = try Shell.run("/usr/bin/tshark", ["-r", trace, "-T", "fields", "-e", "_ws.col.Protocol"])
    #expect(protocols.contains("DHCP") && protocols.contains("ICMP"))
  }

  @Test("a machine on a NAT network: out to a server of the host, in by a port forward") func natNetwork() throws {
    let machines = try KeptMachines()
    let port = try freePort(), serverPort = try freePort()
    _ = try machines.output([
      "natnetwork", "add", "--netname", "the lab", "--network", "10.9.0.0/24", "--loopback-4", "127.0.0.1=2",
      "--port-forward-4", "web:tcp:[]:\(port):[10.9.0.4]:8080",
    ])
    try create(machines, "a", ["--nic1", "natnetwork", "--nat-network1", "the lab", "--nictype1", "virtio"])
    _ = try machines.output(["startvm", "a"])
    let a = try Console(machines, "a")
    let lease = try a.lease()
    #expect(lease.contains("inet 10.9.0.4/24"), "\(lease)")
    #expect(try a.run("ping -c 2 10.9.0.1").contains(" 0% packet loss"))
    try machines.folder.write("y", Array("hello from the host".utf8))
    let server = Process()
    server.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    server.arguments = [
      "-m", "http.server", "\(serverPort)", "--bind", "127.0.0.1", "-d", machines.folder.path,
    ]
    server.standardError = FileHandle.nowhere
    server.standardOutput = FileHandle.nowhere
    try server.run()
    defer { server.end() }
    let got = try a.run("for i in $(seq 20); do wget -q -O - 10.9.0.2:\(serverPort)/y && break; sleep 1; done")
    #expect(got.contains("hello from the host"), "\(got)")
    _ = try a.run("echo hello from a > /tmp/x; httpd -p 8080 -h /tmp")
    #expect(try fetch(port).contains("hello from a"))
    // A rule that comes while the network is live; one whose port is taken says so.
    let other = try freePort()
    _ = try machines.output([
      "natnetwork", "modify", "--netname", "the lab", "--port-forward-4", "more:tcp:[]:\(other):[10.9.0.4]:8080",
    ])
    #expect(try fetch(other).contains("hello from a"))
    let taken = try machines.manage([
      "natnetwork", "modify", "--netname", "the lab", "--port-forward-4", "no:tcp:[]:\(serverPort):[10.9.0.4]:80",
    ])
    #expect(taken.errors.contains("\(serverPort)"), "\(taken.errors)")
    _ = try machines.output(["controlvm", "a", "poweroff"])
  }

  @Test("cards that cannot be bridged and networks that are not there keep a machine from starting")
  func missingNetworks() throws {
    let machines = try KeptMachines()
    try create(machines, "a", ["--nic1", "hostonly", "--hostonlyadapter1", "vboxnet5"])
    #expect(try machines.manage(["startvm", "a"]).errors.contains("vboxnet5"))
    _ = try machines.output(["modifyvm", "a", "--nic1", "bridged", "--bridgeadapter1", "nosuchtap"])
    let bridged = try machines.manage(["startvm", "a"]).errors
    #expect(bridged.contains("nosuchtap") && bridged.contains("ip tuntap add"), "\(bridged)")
  }

  /// Runs a command in a network of its own in which it may make interfaces.
  private static let namespace: [String] = {
    let words = ["/usr/bin/unshare", "--net", "--mount", "--propagation", "private"]
    return words + (PrivateFolder.userID == 0 ? [] : ["--map-root-user"])
  }()
  private static let taps = """
    export PATH=$PATH:/sbin:/usr/sbin
    mount -t sysfs none /sys && ip link set lo up &&
    ip tuntap add dev tap7 mode tap && ip addr add 192.168.77.1/24 dev tap7 && ip link set tap7 up &&
    ip tuntap add dev vboxnet0 mode tap && ip addr add 192.168.56.1/24 dev vboxnet0 && ip link set vboxnet0 up
    """
  /// Containers often have neither taps nor namespaces.
  private static let hasTaps: Bool = {
    let (program, words) = (namespace[0], Array(namespace.dropFirst()))
    return (try? Shell.run(program, words + ["sh", "-c", taps])) != nil
  }()

  /// Two macvtaps on one end of a cable whose other end is the host's, with addresses that are not the cards'.
  private static let macvtaps = """
    export PATH=$PATH:/sbin:/usr/sbin
    mount -t sysfs none /sys && ip link set lo up && ip link add wire type veth peer name far &&
    ip addr add 192.168.78.1/24 dev far && ip link set wire up && ip link set far up &&
    for i in 1 2; do
      ip link add link wire name macvtap$i type macvtap mode bridge && ip link set macvtap$i up &&
      : <>/dev/tap$(cat /sys/class/net/macvtap$i/ifindex) || exit 1
    done
    """
  /// Many kernels have none, and the device files are root's.
  private static let hasMacvtaps: Bool = {
    let (program, words) = (namespace[0], Array(namespace.dropFirst()))
    return (try? Shell.run(program, words + ["sh", "-c", macvtaps])) != nil
  }()

  @Test(
    "macvtaps of the host: two machines hear each other and the far end of the wire, by their cards' own addresses",
    .enabled(if: hasMacvtaps))
  func macvtaps() throws {
    let machines = try KeptMachines()
    for (name, number, type) in [("a", 1, "virtio"), ("b", 2, "82540EM")] {
      try create(
        machines, name,
        ["--nic1", "bridged", "--bridgeadapter1", "macvtap\(number)", "--nictype1", type])
    }
    // Both start in the network of the service, which the first start begins.
    for name in ["a", "b"] {
      let prefix = name == "a" ? Self.namespace + ["sh", "-c", "\(Self.macvtaps) && exec \"$@\"", "sh"] : []
      let started = try RingboxProgram.run(
        ["startvm", name], prefix: prefix, environment: machines.environment,
        program: machines.folder.name("VBoxManage"), timeout: 60)
      #expect(started.status == 0, "\(started.errors)")
    }
    let a = try Console(machines, "a"), b = try Console(machines, "b")
    let up = "dev=$(ls /sys/class/net | grep -v lo); ip link set $dev up; ip addr add 192.168.78"
    _ = try a.run("\(up).2/24 dev $dev")
    _ = try b.run("\(up).3/24 dev $dev")
    for (console, others) in [(a, [1, 3]), (b, [1, 2])] {
      for other in others {
        let ping = try console.run("ping -c 3 192.168.78.\(other)")
        #expect(ping.contains(" 0% packet loss"), "\(ping)")
      }
    }
    for name in ["a", "b"] { _ = try machines.output(["controlvm", name, "poweroff"]) }
  }

  @Test("taps of the host: a bridged card, and the host's side of a host-only network", .enabled(if: hasTaps))
  func taps() throws {
    let machines = try KeptMachines()
    _ = try machines.output(["hostonlyif", "create"])
    try create(
      machines, "a",
      [
        "--nic1", "bridged", "--bridgeadapter1", "tap7", "--nictype1", "virtio", "--macaddress1", "080027000001",
        "--nic2", "hostonly", "--hostonlyadapter2", "vboxnet0", "--nictype2", "virtio", "--macaddress2",
        "080027000002",
      ])
    // The service, and with it the machine, lives where it was started.
    let started = try RingboxProgram.run(
      ["startvm", "a"], prefix: Self.namespace + ["sh", "-c", "\(Self.taps) && exec \"$@\"", "sh"],
      environment: machines.environment, program: machines.folder.name("VBoxManage"), timeout: 60)
    #expect(started.status == 0, "\(started.errors)")
    let a = try Console(machines, "a")
    _ = try a.run("one=$(grep -l 08:00:27:00:00:01 /sys/class/net/*/address | cut -d/ -f5)")
    _ = try a.run("two=$(grep -l 08:00:27:00:00:02 /sys/class/net/*/address | cut -d/ -f5)")
    let bridged = try a.run("ip addr add 192.168.77.2/24 dev $one; ip link set $one up; ping -c 3 192.168.77.1")
    #expect(bridged.contains(" 0% packet loss"), "\(bridged)")
    let hostOnly = try a.run(
      "ip link set $two up; udhcpc -i $two -n -q -t 20; ip addr show $two; ping -c 3 192.168.56.1")
    #expect(hostOnly.contains("inet 192.168.56.101/24") && hostOnly.contains(" 0% packet loss"), "\(hostOnly)")
    _ = try machines.output(["controlvm", "a", "poweroff"])
  }
}
