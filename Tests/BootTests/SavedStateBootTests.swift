import Base
import Foundation
import TestSupport
import Testing

/// A Debian guest under load that is saved and brought back: it must not notice.
@Suite("Saved states of a guest", .serialized) struct SavedStateBootTests {
  /// Reads a disk through an empty cache and checks its sum, while another job copies and compares noise; each round
  /// prints a number, and whatever goes wrong prints WRONG.
  private static func work(_ disk: String) -> String {
    """
    sum=$(sha256sum <\(disk) | cut -c1-16); \
    (while :; do dd if=/dev/urandom of=/tmp/a bs=64k count=8 2>/dev/null; cp /tmp/a /tmp/b; \
    cmp /tmp/a /tmp/b || echo WRO\"\"NG-copy; done) & \
    (i=0; while :; do i=$((i+1)); echo 3 >/proc/sys/vm/drop_caches; s=$(sha256sum <\(disk) | cut -c1-16); \
    [ $s = $sum ] || echo WRO\"\"NG-sum-$i; echo ro\"\"und-$i-; done) &

    """
  }
  private static let trouble = ["WRONG", "Call Trace", "soft lockup", "rcu_sched", "I/O error", "Kernel panic"]

  /// The number of the last round on the serial port.
  private func round(_ vm: VM) -> Int {
    let numbers = vm.serialText().components(separatedBy: "round-").dropFirst()
    return numbers.compactMap { text in text.firstIndex(of: "-").flatMap { Int(text[..<$0]) } }.last ?? 0
  }
  /// Waits until a round beyond `last` is over. How many there were before the state was kept is not known: the guest has gone
  /// on meanwhile.
  private func waitForRound(_ vm: VM, beyond last: Int) throws {
    let deadline = Date(timeIntervalSinceNow: 120)
    while round(vm) <= last {
      guard Date() < deadline else {
        throw Shell.Failed(description: "no round beyond \(last): \(vm.serialText().suffix(3000))\n\(vm.activity)")
      }
      usleep(50_000)
    }
  }
  private func arguments(_ folder: TemporaryFolder, _ interface: String) throws -> [String] {
    var noise = [UInt8](repeating: 0, count: 4 << 20)
    for index in noise.indices { noise[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 9) }
    try folder.write("disk", noise)
    return GuestAssets.linux(
      "amd64", extra: ["--cpus", "2", "--disk", "\(folder.name("disk")),if=\(interface),format=raw", "--nic", "nat"])
  }
  private func boot(_ arguments: [String], _ engine: String, disk: String) throws -> VM {
    let vm = try VM.launch(arguments: arguments + ["--engine", engine])
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    try vm.typeSerial(SavedStateBootTests.work(disk))
    try vm.waitForSerial("round-2-", timeout: 120)
    return vm
  }
  private func save(_ vm: VM, _ path: String) throws {
    let reply = try vm.control.command("save-state", ["path": .string(path)], timeout: 120)
    #expect(reply["path"]?.string == path)
    #expect(try vm.waitForExit(timeout: 60) == 7)
  }
  private func check(_ vm: VM) {
    let text = vm.serialText()
    for word in SavedStateBootTests.trouble { #expect(!text.contains(word), "\(word): \(text.suffix(3000))") }
  }

  @Test(
    "work under load goes on, on the same engine and on the other",
    arguments: [
      ("recompiler", "recompiler", "virtio", "/dev/vda"), ("recompiler", "interpreter", "sata", "/dev/sda"),
      ("interpreter", "recompiler", "ide", "/dev/sda"), ("interpreter", "interpreter", "nvme", "/dev/nvme0n1"),
      ("recompiler", "recompiler", "lsilogicsas", "/dev/sda"), ("recompiler", "recompiler", "buslogic", "/dev/sda"),
    ])
  func goesOn(_ first: String, _ second: String, _ interface: String, _ disk: String) throws {
    let folder = try TemporaryFolder()
    let arguments = try arguments(folder, interface)
    var vm = try boot(arguments, first, disk: disk)
    let last = round(vm)
    check(vm)
    try save(vm, folder.name("state"))
    vm = try VM.launch(arguments: arguments + ["--engine", second, "--restore", folder.name("state")], timeout: 120)
    try waitForRound(vm, beyond: last + 2)
    check(vm)
    // The two processors are both at work, and the shell still listens.
    try vm.typeSerial("echo cpus-$(nproc); poweroff\n")
    try vm.waitForSerial("cpus-2", timeout: 60)
    #expect(try vm.waitForExit(timeout: 120) == 0)
  }

  /// RINGBOX_SAVE_CYCLES says how often, up to a thousand and more.
  @Test("many cycles, engines by turns, without a divergence") func cycles() throws {
    let count = Int(ProcessInfo.processInfo.environment["RINGBOX_SAVE_CYCLES"] ?? "") ?? 4
    let folder = try TemporaryFolder()
    let arguments = try arguments(folder, "virtio")
    var vm = try boot(arguments, "recompiler", disk: "/dev/vda")
    for cycle in 1...max(1, count) {
      let last = round(vm)
      try save(vm, folder.name("state"))
      let engine = cycle % 8 == 1 ? "interpreter" : "recompiler"
      vm = try VM.launch(
        arguments: arguments + ["--engine", engine, "--restore", folder.name("state")], timeout: 120)
      try waitForRound(vm, beyond: last)
      check(vm)
    }
    try vm.quit()
  }

  @Test("guest time stands still while the machine is saved") func time() throws {
    let folder = try TemporaryFolder()
    let arguments = GuestAssets.linux("amd64")
    var vm = try VM.launch(arguments: arguments)
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    func uptime(_ mark: String) throws -> Double {
      try vm.typeSerial("echo \(mark.prefix(1))\"\"\(mark.dropFirst())-$(cut -d' ' -f1 /proc/uptime)-\n")
      try vm.waitForSerial("\(mark)-", timeout: 60)
      try vm.waitForSerial("# ", timeout: 60)
      let text = vm.serialText().components(separatedBy: "\(mark)-").last ?? ""
      return Double(text.prefix { $0 != "-" }) ?? 0
    }
    // Taken first: however long the host takes for anything, the guest has no more time than passes from here on, less the
    // pause.
    let start = Date()
    let before = try uptime("first")
    try save(vm, folder.name("state"))
    Thread.sleep(forTimeInterval: 6)
    vm = try VM.launch(arguments: arguments + ["--restore", folder.name("state")], timeout: 120)
    let after = try uptime("second")
    let passed = Date().timeIntervalSince(start)
    #expect(after > before)
    #expect(after - before < passed - 5, "\(after - before) s in the guest, \(passed) s outside")
    try vm.quit()
  }
}
