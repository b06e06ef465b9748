import Base
import Foundation
import TestSupport
import Testing

/// Two users of one host: what belongs to one is not there for the other. Only root can be both.
@Suite("two users", .enabled(if: geteuid() == 0)) struct TwoUsersTests {
  private let service: ServiceUnderTest
  private let other: TemporaryFolder
  private static let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]

  init() throws {
    service = try ServiceUnderTest()
    other = try TemporaryFolder()
    // What is in them keeps itself to itself.
    let files = FileManager.default
    for path in [service.folder.path, service.folder.name("run")] {
      try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
    try files.setAttributes([.posixPermissions: 0o777], ofItemAtPath: other.path)
  }
  private func asOther(_ words: [String], program: String? = nil, runtime: String? = nil) throws
    -> RingboxProgram.Result
  {
    let environment = [
      "HOME": other.path, "VBOX_USER_HOME": other.name("home"), "XDG_RUNTIME_DIR": runtime ?? other.name("run"),
      "RINGBOXD_GRACE": "1", "PATH": "/usr/bin:/bin",
    ]
    return try RingboxProgram.run(
      words, prefix: TwoUsersTests.nobody, environment: environment, program: program, timeout: 60)
  }

  @Test("one does not see, reach or read the other's machines") func apart() throws {
    let json = try service.done(
      "POST", "machines", ["name": "secret", "osType": "Debian_64", "options": ["memory": 64, "nic1": "none"]])
    let uuid = try #require(json["uuid"]?.string)
    try service.done("POST", "machines/secret/start")

    // With a service and a registry of one's own.
    let list = try asOther(["list", "vms"])
    #expect(list.status == 0 && list.output == "", "\(list)")
    #expect(try asOther(["showvminfo", uuid]).status == 1)
    #expect(try asOther(["controlvm", "secret", "poweroff"]).status == 1)

    // In the other's place for sockets.
    let there = try asOther(["list", "runningvms"], runtime: service.folder.name("run"))
    #expect(there.status == 1 && !there.output.contains("secret"), "\(there)")
    let sockets = try FileManager.default.contentsOfDirectory(atPath: service.folder.name("run/ringbox"))
    #expect(sockets.count >= 3, "\(sockets)")
    for socket in sockets where !socket.hasSuffix(".lock") {
      let connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
      let result = try asOther(
        ["-c", connect, service.folder.name("run/ringbox/\(socket)")], program: "/usr/bin/python3")
      #expect(result.status == 1 && result.errors.contains("PermissionError"), "\(socket): \(result)")
    }

    // The files: settings of the user, of the machine, its log.
    for path in ["home/VirtualBox.xml", "VirtualBox VMs/secret/secret.vbox", "VirtualBox VMs/secret/Logs/VBox.log"] {
      #expect(FileManager.default.fileExists(atPath: service.folder.name(path)), "\(path)")
      let result = try asOther([service.folder.name(path)], program: "/usr/bin/cat")
      #expect(result.status == 1 && result.output.isEmpty, "\(path): \(result.output)")
    }
    try service.done("POST", "machines/secret/poweroff")
  }
}
