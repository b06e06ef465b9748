import Base
import Foundation
import HostSystem
import TestSupport
import Testing

@testable import ServiceAPI

/// A real ringboxd with real machines, asked by HTTP over its socket.
@Suite("ringboxd", .serialized) struct ServiceTests {
  private let service: ServiceUnderTest
  init() throws { service = try ServiceUnderTest() }

  /// A machine that boots SeaBIOS from nothing.
  private func machine(_ name: String = "m") throws -> String {
    let json = try service.done(
      "POST", "machines", ["name": .string(name), "osType": "Debian_64", "options": ["memory": 64, "nic1": "none"]])
    return try #require(json["uuid"]?.string)
  }

  @Test func aMachinesLifeByHTTP() throws {
    let listener = try EventListener(service)
    let uuid = try machine()
    #expect(listener.wait("machine.registered")?["machine"]?.string == uuid)
    // Settings, controllers, disks.
    let changed = try service.done(
      "PATCH", "machines/m", ["options": ["memory": 96, "boot1": "disk", "rtcuseutc": true]])
    #expect(changed["memory"]?.integer == 96 && changed["hardware"]?["rtcuseutc"] == true)
    try service.done("POST", "machines/m/controllers", ["name": "SATA", "bus": "sata"])
    let disk = service.folder.name("d.vdi")
    try service.done("POST", "media", ["path": .string(disk), "size": 8_388_608])
    let attached = try service.done(
      "PUT", "machines/m/controllers/SATA/drives/0/0", ["kind": "hdd", "medium": .string(disk)])
    #expect(attached["controllers"]?.array?.first?["drives"]?.array?.first?["path"]?.string == disk)
    // It runs.
    #expect(try service.done("POST", "machines/m/start")["state"] == "running")
    #expect(listener.wait("machine.state") { $0["state"] == "running" } != nil)
    try service.waitForScreen("m", "SeaBIOS")
    let image = try service.ask("GET", "machines/m/screenshot")
    #expect(image.head.contains("image/png") && image.body.starts(with: [0x89, 0x50, 0x4e, 0x47]))
    try service.done("POST", "machines/m/keyboard", ["text": "x", "scancodes": [0x1c, 0x9c]])
    try service.done("POST", "machines/m/pause")
    #expect(listener.wait("machine.state") { $0["state"] == "paused" } != nil)
    try service.done("POST", "machines/m/resume")
    let metrics = try service.done("GET", "machines/m/metrics")
    #expect((metrics["residentBytes"]?.integer ?? 0) > 0 && metrics["engine"]?.array?.count == 1)
    try service.done("POST", "machines/m/poweroff")
    #expect(listener.wait("machine.state") { $0["state"] == "poweroff" } != nil)
    #expect(try service.done("GET", "machines/m/logs").array?.count == 1)
    #expect(try service.ask("GET", "machines/m/logs/0").text.contains("Machine 'm'"))
    // Snapshots.
    let task = try service.finish("POST", "machines/m/snapshots", ["name": "one"])
    let snapshot = try #require(task["result"]?["snapshot"]?.string)
    #expect(listener.wait("snapshot.taken")?["snapshot"]?.string == snapshot)
    try service.done("PATCH", "machines/m", ["options": ["memory": 128]])
    try service.finish("POST", "machines/m/snapshots/one/restore")
    #expect(try service.done("GET", "machines/m")["memory"]?.integer == 96)
    try service.finish("DELETE", "machines/m/snapshots/\(snapshot)")
    #expect(try service.done("GET", "machines/m/snapshots").array == [])
    // Gone, with all that was its own.
    try service.done("DELETE", "machines/m?delete=true")
    #expect(listener.wait("machine.unregistered")?["machine"]?.string == uuid)
    #expect(!FileManager.default.fileExists(atPath: service.folder.name("VirtualBox VMs/m")))
    #expect(!FileManager.default.fileExists(atPath: disk))
  }

  @Test func machinesAreCopiedAndExchangedByHTTP() throws {
    _ = try machine()
    let copy = try service.finish("POST", "machines/m/clone", ["name": "copy"])
    #expect(try service.done("GET", "machines/copy")["uuid"] == copy["result"]?["machine"])
    let path = service.folder.name("m.ova")
    try service.finish("POST", "appliances/export", ["machines": ["m"], "path": .string(path), "manifest": true])
    try service.finish("POST", "appliances/import", ["path": .string(path), "names": ["back"]])
    #expect(try service.done("GET", "machines/back")["memory"]?.integer == 64)
    #expect(try service.ask("POST", "appliances/import", ["path": .string(path + ".none")]).status >= 400)
    #expect(try service.ask("POST", "machines/m/clone", ["name": "x", "mode": "half"]).status == 400)
  }

  @Test func networksAreKeptByHTTP() throws {
    // The same for every list of networks: make, change, look, take away.
    for (path, body, change, wrong) in [
      ("natnetworks", ["network": "10.9.0.0/24"], ["dhcp": false], ["network": "10.9/99"]),
      (
        "dhcpservers", ["address": "10.9.0.3", "mask": "255.255.255.0", "lower": "10.9.0.4", "upper": "10.9.0.9"],
        ["enabled": true], ["upper": "ten"]
      ),
      (
        "hostonlynetworks", ["mask": "255.255.255.0", "lower": "10.9.0.4", "upper": "10.9.0.9"], ["enabled": false],
        ["mask": "24"]
      ),
    ] as [(String, JSON, JSON, JSON)] {
      #expect(try service.ask("PUT", "\(path)/lab", [:]).status == 404, "what it lacks is needed only to make one")
      #expect(try service.ask("PUT", "\(path)/lab", wrong).status == 400)
      #expect(try service.ask("DELETE", "\(path)/lab").status == 404)
      let before = try service.done("GET", path).array ?? []
      let made = try service.done("PUT", "\(path)/lab", body)
      for member in body.members ?? [] { #expect(made[member.key] == member.value, "\(path) \(member.key)") }
      let changed = try service.done("PUT", "\(path)/lab", change)
      for member in change.members ?? [] { #expect(changed[member.key] == member.value, "\(path) \(member.key)") }
      for member in body.members ?? [] { #expect(changed[member.key] == member.value, "\(path) \(member.key)") }
      #expect(try service.done("GET", path).array == before + [changed])
      #expect(try service.ask("PUT", "\(path)/lab", wrong).status == 400)
      #expect(try service.done("GET", path).array == before + [changed])
    }
    // As the command line sees them.
    #expect(try service.machines.output(["list", "natnets"]).contains("lab"))
    #expect(try service.machines.output(["list", "dhcpservers"]).contains("10.9.0.3"))
    for path in ["natnetworks", "dhcpservers", "hostonlynetworks"] { try service.done("DELETE", "\(path)/lab") }
    #expect(try service.machines.output(["list", "natnets"]).contains("lab") == false)
    let interface = try service.done("POST", "hostonlyinterfaces")
    #expect(interface["name"] == "vboxnet0")
    let moved = try service.done("PATCH", "hostonlyinterfaces/vboxnet0", ["address": "10.8.0.1", "prefix6": 64])
    #expect(moved["address"] == "10.8.0.1" && moved["mask"] == interface["mask"])
    #expect(try service.ask("PATCH", "hostonlyinterfaces/vboxnet0", ["address": "x"]).status == 400)
    #expect(try service.ask("PATCH", "hostonlyinterfaces/vboxnet7", [:]).status == 404)
    #expect(try service.done("GET", "hostonlyinterfaces").array == [moved])
    try service.done("DELETE", "hostonlyinterfaces/vboxnet0")
    #expect(try service.done("GET", "hostonlyinterfaces").array == [])
  }

  @Test func bandwidthGroupsByHTTP() throws {
    _ = try machine()
    let path = "machines/m/bandwidthgroups"
    try service.done("PUT", "\(path)/slow", ["limit": 125_000])
    try service.done("PUT", "\(path)/discs", ["limit": 1_048_576, "type": "Disk"])
    try service.done("PUT", "\(path)/slow", ["limit": 250_000])
    #expect(
      try service.done("GET", path).array == [
        ["name": "slow", "type": "Network", "limit": 250_000], ["name": "discs", "type": "Disk", "limit": 1_048_576],
      ])
    #expect(try service.ask("PUT", "\(path)/slow", ["limit": -1]).status == 400)
    #expect(try service.ask("PUT", "\(path)/slow", ["limit": 1, "type": "Tape"]).status == 400)
    // As the command line sees them.
    #expect(
      try service.machines.output(["bandwidthctl", "m", "list", "--machinereadable"])
        == "BandwidthGroup0=slow,Network,250000\nBandwidthGroup1=discs,Disk,1048576\n")
    try service.done("DELETE", "\(path)/slow")
    #expect(try service.ask("DELETE", "\(path)/slow").status == 404)
  }

  @Test func sharedFoldersAndSavedStatesByHTTP() throws {
    _ = try machine()
    let folder = try service.done("PUT", "machines/m/sharedfolders/home", ["path": "/home", "writable": false])
    #expect(
      folder == [
        "name": "home", "path": "/home", "writable": false, "autoMount": false, "mountPoint": "", "transient": false,
        "linkPolicy": "",
      ])
    #expect(try service.done("GET", "machines/m/sharedfolders").array == [folder])
    #expect(
      try service.machines.info("m", "SharedFolderNameMachineMapping1") == "home")
    #expect(try service.ask("PUT", "machines/m/sharedfolders/x", ["path": "relative"]).status == 400)
    try service.done("DELETE", "machines/m/sharedfolders/home")
    #expect(try service.ask("DELETE", "machines/m/sharedfolders/home").status == 404)
    // Saved by the command line, which goes by way of the service; another machine goes on from a copy of the state.
    let listener = try EventListener(service)
    try service.done("POST", "machines/m/start")
    let saving = try service.machines.manage(["controlvm", "m", "savestate"])
    #expect(saving.status == 0 && saving.errors.hasSuffix("100%\n"), "\(saving.errors)")
    #expect(listener.wait("task.started") { $0["task"]?["title"] == "Save 'm'" } != nil)
    #expect(listener.wait("machine.state") { $0["state"] == "saved" } != nil)
    let again = try service.machines.manage(["controlvm", "m", "savestate"])
    #expect(again.status == 1 && again.errors.contains("is not currently running"))
    let snapshots = try #require(try service.done("GET", "machines/m")["snapshotFolder"]?.string)
    let file = try #require(
      try FileManager.default.contentsOfDirectory(atPath: snapshots).first { $0.hasSuffix(".sav") })
    _ = try service.done(
      "POST", "machines", ["name": "n", "osType": "Debian_64", "options": ["memory": 64, "nic1": "none"]])
    #expect(try service.ask("POST", "machines/n/adoptstate", ["path": "/nowhere"]).status == 422)
    try service.done("POST", "machines/n/adoptstate", ["path": .string("\(snapshots)/\(file)")])
    #expect(try service.done("GET", "machines/n")["state"] == "saved")
    #expect(try service.done("POST", "machines/n/start")["state"] == "running")
    try service.done("POST", "machines/n/poweroff")
    try service.done("POST", "machines/m/discardstate")
  }

  @Test func whatTheCommandLineDoesIsTold() throws {
    let listener = try EventListener(service)
    _ = try service.machines.output(["createvm", "--name", "cli", "--register"])
    #expect(listener.wait("machine.registered")?["name"] == "cli")
    _ = try service.machines.output(["modifyvm", "cli", "--memory", "80"])
    #expect(listener.wait("machine.changed")?["name"] == "cli")
    _ = try service.machines.output(["snapshot", "cli", "take", "s"])
    #expect(listener.wait("snapshot.taken")?["name"] == "s")
    _ = try service.machines.output(["unregistervm", "cli", "--delete"])
    #expect(listener.wait("machine.unregistered")?["name"] == "cli")
  }

  @Test func aKilledServiceIsFollowedByOneThatKnowsEverything() throws {
    _ = try machine("a")
    let other = try machine("b")
    try service.done("POST", "machines/a/start")
    let process = try service.done("GET", "machines/a")["process"]
    service.stop(SIGKILL)
    // The machine runs on, and a client sees it without any service.
    #expect(try service.machines.output(["list", "runningvms"]).hasPrefix("\"a\" "))
    try service.start()
    #expect(try service.done("GET", "machines").array?.map { $0["state"] } == ["running", "poweroff"])
    #expect(try service.done("GET", "machines/a")["process"] == process)
    #expect(try service.ask("POST", "machines/a/start").status == 409)
    try service.done("POST", "machines/b/start")
    // It looks after machines that it has not started.
    let listener = try EventListener(service)
    let number = try #require(process?.integer)
    kill(Int32(number), SIGKILL)
    let end = listener.wait("machine.state") { $0["state"] == "aborted" }
    #expect(end?["name"] == "a")
    #expect(try service.done("GET", "machines/a")["state"] == "aborted")
    try service.done("POST", "machines/a/start")
    try service.done("POST", "machines/a/poweroff")
    try service.done("POST", "machines/\(other)/poweroff")
  }

  @Test func aMachineThatIsKilledWhileNoServiceRunsIsAborted() throws {
    _ = try machine()
    try service.done("POST", "machines/m/start")
    let process = try #require(try service.done("GET", "machines/m")["process"]?.integer)
    service.stop(SIGKILL)
    kill(Int32(process), SIGKILL)
    try service.start()
    try service.waitForState("m", "aborted")
    #expect(try service.machines.info("m", "VMState") == "aborted")
  }

  @Test func errorsAreThoseOfTheCommandLine() throws {
    let missing = try service.ask("GET", "machines/foo")
    #expect(missing.status == 404)
    #expect(missing.json["error"]?["code"] == "VBOX_E_OBJECT_NOT_FOUND")
    #expect(missing.json["error"]?["text"] == "Could not find a registered machine named 'foo'")
    let told = try service.machines.manage(["startvm", "foo"])
    #expect(told.status == 1)
    #expect(
      told.errors.hasPrefix(
        "VBoxManage: error: Could not find a registered machine named 'foo'\nVBoxManage: error: Details: code "
          + "VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, interface IVirtualBox"))
    _ = try machine()
    let stopped = try service.ask("POST", "machines/m/pause")
    #expect(stopped.status == 409 && stopped.json["error"]?["code"] == "VBOX_E_INVALID_VM_STATE")
    let wrong = try service.ask("PATCH", "machines/m", ["options": ["memory": 1]])
    #expect(wrong.status == 400 && wrong.json["error"]?["text"]?.string?.contains("memory") == true)
    #expect(try service.ask("PATCH", "machines/m", ["options": ["memroy": 64]]).text.contains("did you mean 'memory'"))
    #expect(try service.ask("POST", "media", ["path": "relative.vdi", "size": 512]).status == 400)
    #expect(try service.ask("POST", "machines", ["name": "m"]).status == 409)
    #expect(try service.ask("DELETE", "tasks/77").status == 404)
    // A change that fails half way leaves nothing.
    let before = try service.done("GET", "machines/m")
    #expect(try service.ask("PATCH", "machines/m", ["options": ["cpus": 2, "memory": 0]]).status == 400)
    #expect(try service.done("GET", "machines/m") == before)
  }

  @Test func answersHaveTheShapesOfTheDocument() throws {
    let uuid = try machine()
    try service.done("POST", "machines/m/controllers", ["name": "IDE", "bus": "ide"])
    try service.done("PUT", "machines/m/controllers/IDE/drives/1/0", ["kind": "dvddrive", "medium": "emptydrive"])
    let disk = service.folder.name("d.vmdk")
    try service.done("POST", "media", ["path": .string(disk), "size": 1_048_576, "format": "VMDK"])
    try service.done("PUT", "machines/m/controllers/IDE/drives/0/0", ["kind": "hdd", "medium": .string(disk)])
    try service.finish("POST", "machines/m/snapshots", ["name": "s", "description": "d"])
    try service.done("PUT", "machines/m/extradata/a%2Fb", ["value": "1"])
    try service.done("PUT", "machines/m/guestproperties/k", ["value": "1", "flags": ["READONLY"]])
    for path in ["usbfilters", "machines/m/usbfilters"] {
      try service.done("POST", path, ["name": "f", "remote": true])
    }
    try service.done("POST", "sharedfolders", ["name": "g", "path": "/tmp"])
    try service.done("PUT", "natnetworks/lab", ["network": "10.0.9.0/24"])
    try service.done("PUT", "natnetworks/lab/loopbacks/127.0.0.1", ["offset": 2])
    try service.done("POST", "hostonlyinterfaces")
    try service.done(
      "PUT", "dhcpservers/vboxnet0",
      ["address": "192.168.56.2", "mask": "255.255.255.0", "lower": "192.168.56.3", "upper": "192.168.56.9"])
    try service.done("POST", "machines/m/start")
    let medium = try #require(try service.done("GET", "media").array?.first?["uuid"]?.string)
    var checked = 0
    for route in Route.all where route.method == .get {
      guard case .call = route.action, case .json(let schema) = route.result else { continue }
      let values = [
        "{machine}": uuid, "{task}": "1", "{port}": "0", "{medium}": medium, "{name}": "vboxnet0", "{log}": "0",
        "{processor}": "0", "{snapshot}": "s",
      ]
      var path = route.path.map { values[$0] ?? $0 }.joined(separator: "/")
      if ["showImage", "readLabel"].contains(route.id) { path += "?path=\(disk)" }
      // This machine has no serial port.
      guard route.id != "readSerial" else { continue }
      let answer = try service.ask("GET", path)
      #expect(answer.status == 200, "\(path): \(answer.text)")
      #expect(throws: Never.self, "\(path): \(answer.text.prefix(300))") { try schema.check(answer.json, "answer") }
      checked += 1
    }
    #expect(checked > 15)
  }

  /// As other tools read it; and what it allows and forbids is so.
  @Test(.timeLimit(.minutes(4))) func theDocumentIsOpenAPIAndTrue() throws {
    let path = try service.folder.write("openapi.json", try service.ask("GET", "openapi.json").body)
    let web = try service.done("POST", "web")
    let port = try #require(web["port"]?.integer), token = try #require(web["token"]?.string)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "bash", "Tools/openapi-check.sh", path, "http://127.0.0.1:\(port)/api/v1", token, service.folder.path,
    ]
    let errors = try service.folder.file("check.out")
    process.standardOutput = errors
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(service.folder.text("check.out"))")
  }

  @Test func tasksAreCancelledByHTTP() throws {
    // 64 MiB that no format can leave out, copied into each other until one is caught at work.
    let source = service.folder.name("source.raw")
    let handle = try service.folder.file("source.raw")
    let piece = Data(repeating: 0xa5, count: 1 << 20)
    for _ in 0..<64 { try handle.write(contentsOf: piece) }
    try handle.close()
    var state = ""
    for attempt in 0..<8 where state != "cancelled" {
      let target = service.folder.name("target\(attempt).vdi")
      let task = try service.done(
        "POST", "media/convert", ["source": .string(source), "target": .string(target)])
      let id = task["id"]?.integer ?? 0
      #expect(try service.done("DELETE", "tasks/\(id)")["id"]?.integer == id)
      state = try service.done("GET", "tasks/\(id)?wait=60")["state"]?.string ?? ""
      #expect(FileManager.default.fileExists(atPath: target) == (state == "done"))
    }
    #expect(state == "cancelled")
  }

  @Test func theServiceEndsWhenNobodyNeedsIt() throws {
    service.stop(SIGTERM)
    _ = try service.machines.output(["createvm", "--name", "m", "--register"])
    _ = try service.machines.output(["modifyvm", "m", "--memory", "64", "--nic1", "none"])
    try service.start(grace: 1)
    try service.done("POST", "machines/m/start")
    usleep(2_500_000)
    #expect(service.isRunning)
    try service.done("POST", "machines/m/poweroff")
    for _ in 0..<1500 where service.isRunning { usleep(10_000) }
    #expect(!service.isRunning)
    #expect(service.socket.hasSuffix("/none"))
  }

  @Test func theCommandLineShowsEvents() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try RingboxProgram.path())
    process.arguments = ["events"]
    process.environment = service.machines.environment
    process.standardOutput = try service.folder.file("events.out")
    try process.run()
    defer { process.end() }
    var kinds: [String] = []
    for attempt in 0..<100 where !kinds.contains("machine.registered") {
      // It may not listen yet when the first one comes.
      _ = try machine("m\(attempt)")
      usleep(100_000)
      let lines = service.folder.text("events.out").split(separator: "\n")
      kinds = lines.compactMap { try? JSON(parsing: String($0))["kind"]?.string }
    }
    #expect(kinds.contains("machine.registered"))
  }

  @Test func onlyOneServiceStarts() throws {
    service.stop(SIGTERM)
    let urls = try Concurrently.run(6) { try service.machines.output(["web"]) }
    #expect(Set(urls).count == 1 && urls[0].hasPrefix("http://127.0.0.1:"))
    _ = try service.machines.output(["web", "--stop"])
  }
}

/// The same by several threads at once.
enum Concurrently {
  static func run(_ count: Int, _ body: () throws -> String) throws -> [String] {
    nonisolated(unsafe) var results = [Result<String, any Error>?](repeating: nil, count: count)
    let lock = NSLock()
    withoutActuallyEscaping(body) { body in
      nonisolated(unsafe) let body = body
      DispatchQueue.concurrentPerform(iterations: count) { index in
        let result = Result { try body() }
        lock.withLock { results[index] = result }
      }
    }
    return try results.compactMap { try $0?.get() }
  }
}
