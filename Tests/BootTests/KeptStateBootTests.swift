import Base
import Foundation
import TestSupport
import Testing

/// Kept machines that are saved, snapshotted while they run, killed and brought back, as VBoxManage's clients do it.
@Suite("kept machines are saved", .serialized) struct KeptStateBootTests {
  /// A machine `deb` that boots Debian's kernel to a shell on its serial port, with an empty disk.
  private final class Guest {
    let machines: KeptMachines
    var control: ControlClient?
    init() throws {
      machines = try KeptMachines()
      _ = try machines.output(["createvm", "--name", "deb", "--ostype", "Debian_64", "--register"])
      _ = try machines.output(["modifyvm", "deb", "--memory", "512", "--cpus", "2", "--nic1", "nat"])
      _ = try machines.output(["modifyvm", "deb", "--uart1", "0x3F8", "4", "--uartmode1", "disconnected"])
      for (key, value) in [
        ("Kernel", GuestAssets.path("amd64/linux")), ("Initrd", GuestAssets.path("amd64/busybox.gz")),
        ("Append", "console=ttyS0"),
      ] { _ = try machines.output(["setextradata", "deb", "Ringbox/\(key)", value]) }
      let disk = machines.folder.name("VirtualBox VMs/deb/deb.vdi")
      _ = try machines.output(["createmedium", "--filename", disk, "--size", "16"])
      _ = try machines.output(["storagectl", "deb", "--name", "SATA", "--add", "sata"])
      _ = try machines.output([
        "storageattach", "deb", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium",
        disk,
      ])
    }
    var uuid: String { (try? machines.info("deb", "UUID")) ?? "" }
    var snapshots: [String] {
      let folder = machines.folder.name("VirtualBox VMs/deb/Snapshots")
      return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
    func start() throws {
      _ = try machines.output(["startvm", "deb", "--type", "headless"])
      control = try ControlClient(path: machines.folder.name("run/ringbox/\(uuid).sock"))
    }
    func boot() throws {
      try start()
      try wait(GuestAssets.marker, GuestAssets.bootTimeout)
      try wait("# ", 60)
    }
    func wait(_ text: String, _ timeout: TimeInterval = 60) throws {
      try control?.command(
        "wait-for-text", ["text": .string(text), "where": "serial0", "timeout": .number(timeout)],
        timeout: timeout + 10)
    }
    func type(_ text: String) throws { try control?.command("serial-write", ["text": .string(text + "\n")]) }
    func text() throws -> String {
      try control?.command("serial-read", ["from": 0, "limit": .integer(1 << 18)])["text"]?.string ?? ""
    }
    /// The numbers that the guest has counted since the machine was started, once there are `count` of them. Which one comes
    /// first depends on the host: the guest counts on until its state is kept.
    func ticks(_ count: Int) throws -> [Int] {
      let deadline = Date(timeIntervalSinceNow: 60)
      while true {
        let parts = try text().components(separatedBy: "tick-").dropFirst()
        let numbers = parts.compactMap { part in part.firstIndex(of: "-").flatMap { Int(part[..<$0]) } }
        if numbers.count >= count { return numbers }
        guard Date() < deadline else { throw Shell.Failed(description: "\(numbers): the guest does not count") }
        usleep(50_000)
      }
    }
    /// The machine's process, by the lock that it holds.
    func process() throws -> Int32 { try machines.process(of: "ringbox-vm", holding: "\(uuid).lock") }

    /// Boots, and kills the process while its state file is unfinished; false when it was finished before that.
    func killWhileSaving() throws -> Bool {
      try boot()
      // Noise takes its time.
      try type("dd if=/dev/urandom of=/tmp/noise bs=1M count=200 2>/dev/null; echo fi\"\"lled")
      try wait("filled", 120)
      let process = try process()
      // Only the thread uses it from here on.
      nonisolated(unsafe) let control = try #require(control)
      let folder = machines.folder.name("VirtualBox VMs/deb/Snapshots")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      Thread { _ = try? control.command("save-state", ["path": .string(folder + "/x.sav")], timeout: 60) }.start()
      let deadline = Date(timeIntervalSinceNow: 60)
      while snapshots.isEmpty, Date() < deadline { usleep(1000) }
      // What is seen of a stopped process stays as it is seen.
      kill(process, SIGSTOP)
      usleep(50_000)
      let isUnfinished = snapshots == ["x.sav.partial"]
      kill(process, isUnfinished ? SIGKILL : SIGCONT)
      return isUnfinished
    }
  }

  @Test("savestate, startvm, discardstate, adoptstate") func saved() throws {
    let guest = try Guest()
    let machines = guest.machines
    try guest.boot()
    try guest.type("(i=0; while :; do i=$((i+1)); echo ti\"\"ck-$i-; sleep 0.1; done) &")
    try guest.wait("tick-3-")
    let saving = try machines.manage(["controlvm", "deb", "savestate"])
    #expect(saving.status == 0 && saving.errors == "0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n")
    #expect(try machines.info("deb", "VMState") == "saved")
    let file = try #require(try machines.info("deb", "VMStateFile"))
    #expect(FileManager.default.fileExists(atPath: file))
    #expect(try machines.output(["showvminfo", "deb"]).contains("State:                       saved"))
    for words in [
      ["modifyvm", "deb", "--memory", "256"], ["storagectl", "deb", "--name", "B", "--add", "ide"],
      ["storageattach", "deb", "--storagectl", "SATA", "--port", "0", "--device", "0", "--medium", "none"],
      ["adoptstate", "deb", file],
    ] {
      let refused = try machines.manage(words)
      #expect(refused.status == 1 && refused.errors.contains("VBOX_E_INVALID_VM_STATE"), "\(words) \(refused)")
    }
    let kept = machines.folder.name("kept.sav")
    try FileManager.default.copyItem(atPath: file, toPath: kept)

    // It goes on, and the state is used up.
    try guest.start()
    let numbers = try guest.ticks(5)
    #expect(numbers == Array(numbers[0]..<numbers[0] + numbers.count) && numbers[0] > 3)
    #expect(try machines.info("deb", "VMState") == "running")
    #expect(try machines.info("deb", "VMStateFile") == nil)
    #expect(!FileManager.default.fileExists(atPath: file))
    _ = try machines.output(["controlvm", "deb", "savestate"])
    _ = try machines.output(["discardstate", "deb"])
    #expect(try machines.info("deb", "VMState") == "poweroff")
    #expect(guest.snapshots == [])
    #expect(try machines.manage(["discardstate", "deb"]).errors.contains("VBOX_E_INVALID_VM_STATE"))

    // A state from elsewhere; nonsense is none.
    #expect(try machines.manage(["adoptstate", "deb", GuestAssets.path("amd64/linux")]).status == 1)
    #expect(try machines.info("deb", "VMState") == "poweroff")
    _ = try machines.output(["adoptstate", "deb", kept])
    #expect(try machines.info("deb", "VMState") == "saved")
    try guest.start()
    // From the same moment, give or take what was half said.
    #expect(try abs(guest.ticks(5)[0] - numbers[0]) <= 1)
    _ = try machines.output(["controlvm", "deb", "poweroff"])
    #expect(FileManager.default.fileExists(atPath: kept))
    #expect(try machines.info("deb", "VMState") == "poweroff")
  }

  @Test("a state that does not fit leaves the machine saved, with the reason") func unfit() throws {
    let guest = try Guest()
    let machines = guest.machines
    try guest.boot()
    _ = try machines.output(["controlvm", "deb", "savestate"])
    let file = try #require(try machines.info("deb", "VMStateFile"))
    var bytes = [UInt8](FileManager.default.contents(atPath: file) ?? Data())
    bytes[bytes.count / 2] ^= 0xff
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    let refused = try machines.manage(["startvm", "deb", "--type", "headless"])
    #expect(refused.status == 1 && refused.errors.contains("is damaged"), "\(refused)")
    #expect(try machines.info("deb", "VMState") == "saved")
    _ = try machines.output(["discardstate", "deb"])
    #expect(try machines.info("deb", "VMState") == "poweroff")
  }

  @Test("a process that is killed while it saves leaves no state") func killed() throws {
    let guest = try Guest()
    let machines = guest.machines
    // On a busy host the state may be whole before anybody looks; then once more.
    var wasCaught = false
    for _ in 0..<5 where !wasCaught {
      wasCaught = try guest.killWhileSaving()
      if !wasCaught {
        try machines.waitForState("deb", "saved", timeout: 60)
        _ = try machines.output(["discardstate", "deb"])
      }
    }
    #expect(wasCaught)
    try machines.waitForState("deb", "aborted", timeout: 60)
    #expect(try machines.info("deb", "VMStateFile") == nil)
    #expect(guest.snapshots == [])
    try guest.boot()
    _ = try machines.output(["controlvm", "deb", "poweroff"])
  }

  @Test("a snapshot of a running machine has its state and its disk") func online() throws {
    let guest = try Guest()
    let machines = guest.machines
    try guest.boot()
    try guest.type(
      """
      put() { echo "$1-----" | dd of=/dev/sda bs=512 conv=notrunc,sync,fsync 2>/dev/null; }; \
      get() { echo 3 >/proc/sys/vm/drop_caches; echo di\"\"sk-$(dd if=/dev/sda bs=512 count=1 2>/dev/null | cut -c1-5); }; \
      put first; (i=0; while :; do i=$((i+1)); echo ti\"\"ck-$i-; sleep 0.1; done) &
      """)
    try guest.wait("tick-3-")
    let taken = try machines.output(["snapshot", "deb", "take", "one", "--description", "while running", "--live"])
    #expect(taken.contains("Snapshot taken. UUID: "))
    #expect(try machines.info("deb", "VMState") == "running")
    #expect(guest.snapshots.filter { $0.hasSuffix(".sav") }.count == 1)
    #expect(guest.snapshots.filter { $0.hasSuffix(".vdi") }.count == 1)
    try guest.type("put secnd; get")
    try guest.wait("disk-secnd")
    _ = try machines.output(["snapshot", "deb", "take", "two"])
    try guest.type("put third; get")
    try guest.wait("disk-third")
    #expect(try machines.manage(["snapshot", "deb", "restore", "one"]).status == 1)
    _ = try machines.output(["controlvm", "deb", "poweroff"])

    for (name, contents) in [("one", "first"), ("two", "secnd"), ("one", "first")] {
      _ = try machines.output(["snapshot", "deb", "restore", name])
      #expect(try machines.info("deb", "VMState") == "saved")
      #expect(try machines.info("deb", "CurrentSnapshotName") == name)
      try guest.start()
      try guest.wait("tick-")
      try guest.type("get")
      try guest.wait("disk-\(contents)")
      _ = try machines.output(["controlvm", "deb", "poweroff"])
    }
    // Off: the snapshots go, what the disk holds stays.
    _ = try machines.output(["snapshot", "deb", "restorecurrent"])
    _ = try machines.output(["discardstate", "deb"])
    for name in ["two", "one"] { _ = try machines.output(["snapshot", "deb", "delete", name]) }
    #expect(guest.snapshots == [])
    try guest.boot()
    try guest.type("echo di\"\"sk-$(dd if=/dev/sda bs=512 count=1 2>/dev/null | cut -c1-5)")
    try guest.wait("disk-first")
    _ = try machines.output(["controlvm", "deb", "poweroff"])
    _ = try machines.output(["unregistervm", "deb", "--delete"])
    #expect(!FileManager.default.fileExists(atPath: machines.folder.name("VirtualBox VMs/deb")))
  }
}
