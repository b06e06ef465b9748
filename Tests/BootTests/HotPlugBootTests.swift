import Base
import Foundation
import TestSupport
import Testing

/// Drives that come to a running guest and go from it, in the words of VirtualBox's users.
@Suite("hot-plug in a guest", .serialized) struct HotPlugBootTests {
  private let machines: KeptMachines
  private var disk: String { machines.folder.name("second.vdi") }

  init() throws {
    machines = try KeptMachines()
    try machines.createDebian("deb")
    let first = machines.folder.name("VirtualBox VMs/deb/deb.vdi")
    for path in [first, disk] { _ = try machines.output(["createmedium", "--filename", path, "--size", "64"]) }
    _ = try machines.output(["storagectl", "deb", "--name", "SATA", "--add", "sata", "--portcount", "4"])
    _ = try attach("0", first, ["--type", "hdd"])
  }
  private func attach(_ port: String, _ medium: String, _ more: [String] = []) throws -> RingboxProgram.Result {
    try machines.manage(
      ["storageattach", "deb", "--storagectl", "SATA", "--port", port, "--device", "0", "--medium", medium] + more)
  }
  private func add(_ port: String) throws {
    let result = try attach(port, disk, ["--type", "hdd"])
    #expect(result.status == 0, "\(result.errors)")
  }
  private func remove(_ port: String) throws {
    let result = try attach(port, "none")
    #expect(result.status == 0, "\(result.errors)")
  }
  private func start() throws -> KeptGuest {
    try machines.start("deb") { guest in
      try guest.wait(GuestAssets.marker, GuestAssets.bootTimeout)
      try guest.wait("# ")
    }
  }
  /// Waits until the guest has a disk besides the first, and keeps its name in `$d`; or until it has none.
  private func waitForDisk(_ isThere: Bool, _ guest: KeptGuest) throws {
    let test = "ls /sys/block | grep -v sda | grep -m1 ^sd"
    try guest.type(
      isThere
        ? "until d=/dev/$(\(test)); do sleep 0.1; done; echo th\"\"ere"
        : "while \(test) >/dev/null; do sleep 0.1; done; echo go\"\"ne",
      until: isThere ? "there" : "gone", 120)
  }
  private func read(_ word: String, _ guest: KeptGuest) throws {
    try guest.type("echo re\"\"ad-$(dd if=$d bs=512 count=1 2>/dev/null | tr -d '\\000')", until: "read-\(word)")
  }

  @Test("a disk comes, goes, comes back and is saved with the machine") func comesAndGoes() throws {
    let guest = try start()
    let refused = try attach("0", "none")
    #expect(refused.status == 1)
    #expect(
      refused.errors.contains(
        "VBoxManage: error: The device slot 0 on port 0 of controller 'SATA' does not support hot-plugging\n"),
      "\(refused.errors)")
    #expect(refused.errors.contains("VBOX_E_NOT_SUPPORTED (0x80bb0009)"))

    try add("2")
    try waitForDisk(true, guest)
    try guest.type(
      "echo one | dd of=$d bs=512 conv=sync,notrunc,fsync 2>/dev/null; echo wr\"\"ote", until: "wrote")
    try read("one", guest)
    #expect(try machines.info("deb", "\"SATA-2-0\"") != nil)

    try remove("2")
    try waitForDisk(false, guest)
    try guest.type("dmesg | grep -c 'SATA link down'; echo al\"\"ive", until: "alive")
    #expect(try machines.manage(["showmediuminfo", disk]).status == 0, "the image is free")

    // On another port: what was written is there, and goes through a saved state with its port.
    try add("3")
    try waitForDisk(true, guest)
    try read("one", guest)
    _ = try machines.output(["controlvm", "deb", "savestate"])
    let again = try start()
    try again.type("echo 3 >/proc/sys/vm/drop_caches")
    try read("one", again)
    try remove("3")
    try waitForDisk(false, again)
    _ = try machines.output(["controlvm", "deb", "savestate"])
    let last = try start()
    try add("1")
    try waitForDisk(true, last)
    try read("one", last)
    try machines.stop("deb")
    #expect(try machines.output(["list", "hdds"]).contains("second.vdi"))
  }

  @Test("a disk goes while the guest writes and reads") func underLoad() throws {
    let guest = try start()
    for round in 1...2 {
      try add("1")
      try waitForDisk(true, guest)
      try guest.type(
        """
        (while dd if=/dev/zero of=$d bs=64k count=512 conv=fsync 2>/tmp/w; do echo wri\"\"ting; done; cat /tmp/w; \
        echo wri\"\"ter-ended) & (while dd if=$d of=/dev/null bs=64k iflag=direct 2>/tmp/r; do :; done; echo rea\"\"der-ended) &
        """, until: "writing", 120)
      try remove("1")
      try guest.type("wait; echo all-\"\"ended-\(round)", until: "all-ended-\(round)", 180)
      try waitForDisk(false, guest)
    }
    // The other disk and the guest are as before.
    try guest.type("dd if=/dev/urandom of=/dev/sda bs=64k count=64 conv=fsync && echo fi\"\"ne", until: "fine")
    try machines.stop("deb")
  }

  @Test("a CD-ROM drive comes with its disc, which is changed, and goes") func cdromDrive() throws {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let discs = try ["disc-one", "disc-two"].map { name in
      bytes.replaceSubrange(0..<8, with: Array(name.utf8))
      return try machines.folder.write("\(name).iso", bytes)
    }
    let guest = try start()
    // Nobody in this guest loads drivers for what comes later.
    try guest.type("modprobe sr_mod; echo lo\"\"aded", until: "loaded")
    func read(_ word: String) throws {
      try guest.type(
        "until dd if=/dev/sr0 bs=2048 count=1 2>/dev/null | grep -q \(word); do sleep 0.1; done; echo rea\"\"d-it",
        until: "read-it", 120)
    }
    #expect(try attach("1", discs[0], ["--type", "dvddrive"]).status == 0)
    try read("disc-one")
    #expect(try attach("1", discs[1], ["--type", "dvddrive"]).status == 0)
    try read("disc-two")
    #expect(try attach("1", "none").status == 0)
    try guest.type("while [ -e /sys/block/sr0 ]; do sleep 0.1; done; echo go\"\"ne", until: "gone", 120)
    try machines.stop("deb")
  }
}
