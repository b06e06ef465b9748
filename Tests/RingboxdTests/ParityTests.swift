import Base
import Foundation
import TestSupport
import Testing

/// What REST can do to machines beside the command line: each sees what the other has done.
@Suite("REST beside the command line", .serialized) struct ParityTests {
  private let service: ServiceUnderTest
  init() throws {
    service = try ServiceUnderTest()
    try service.done(
      "POST", "machines", ["name": "m", "osType": "Debian_64", "options": ["memory": 64, "nic1": "none"]])
  }
  private func told(_ words: [String]) throws -> String { try service.machines.output(words) }

  @Test func filtersOfUSBDevices() throws {
    let path = "machines/m/usbfilters"
    let first = try service.done(
      "POST", path, ["name": "stick", "vendorId": "046d", "remote": false, "maskedInterfaces": 3, "active": false])
    #expect(
      first == [
        "name": "stick", "active": false, "vendorId": "046d", "productId": "", "revision": "", "manufacturer": "",
        "product": "", "remote": false, "serialNumber": "", "maskedInterfaces": 3,
      ])
    _ = try told(["usbfilter", "add", "0", "--target", "m", "--name", "by hand", "--productid", "abcd"])
    try service.done("POST", path, ["name": "between", "place": 1])
    let changed = try service.done("PATCH", "\(path)/2", ["active": true, "remote": .null, "serialNumber": "x"])
    #expect(changed["remote"] == .null && changed["vendorId"] == "046d" && changed["active"] == true)
    #expect(try service.done("GET", path).array?.map { $0["name"] } == ["by hand", "between", "stick"])
    #expect(try service.machines.info("m", "USBFilterSerialNumber3") == "x")
    try service.done("DELETE", "\(path)/1")
    #expect(try service.machines.info("m", "USBFilterName2") == "stick")
    #expect(try service.machines.info("m", "USBFilterName3") == nil)
    // What cannot be is named.
    let missing = try service.ask("PATCH", "\(path)/2", [:])
    #expect(missing.status == 404 && missing.text.contains("no place 2"))
    #expect(try service.ask("DELETE", "\(path)/one").status == 400)
    let wrong = try service.ask("POST", path, ["name": "x", "vendorId": "12345"])
    #expect(wrong.status == 400 && wrong.text.contains("body.vendorId"))
    #expect(try service.ask("POST", path, ["vendorId": "1234"]).text.contains("body.name is missing"))
    #expect(try service.ask("POST", path, ["name": "x", "action": "hold"]).status == 400)
    #expect(try service.ask("GET", "machines/none/usbfilters").status == 404)

    // Those for all machines.
    try service.done("POST", "usbfilters", ["name": "all", "action": "hold", "revision": "0100"])
    #expect(try service.done("GET", "usbfilters").array?.first?["action"] == "hold")
    #expect(try told(["list", "usbfilters"]).contains("Action:           Hold\n"))
    _ = try told(["usbfilter", "modify", "0", "--target", "global", "--action", "ignore"])
    #expect(try service.done("PATCH", "usbfilters/0", ["revision": ""])["action"] == "ignore")
    try service.done("DELETE", "usbfilters/0")
    #expect(try told(["list", "usbfilters"]).contains("<none>"))
  }

  @Test func propertiesOfTheGuestHaveFlags() throws {
    let path = "machines/m/guestproperties"
    try service.done("PUT", "\(path)/%2Fa%2Fone", ["value": "1", "flags": ["RDONLYGUEST", "TRANSIENT"]])
    _ = try told(["guestproperty", "set", "m", "/a/two", "2", "--flags", "transreset"])
    _ = try told(["guestproperty", "set", "m", "/b", "3"])
    #expect(
      try told(["guestproperty", "enumerate", "m", "--patterns", "/a/one", "--old-format"]).hasSuffix(
        ", flags: TRANSIENT, RDONLYGUEST\n"))
    func shown(_ patterns: String) throws -> [JSON] {
      let list = try service.done("GET", path + patterns).array ?? []
      #expect(list.allSatisfy { ($0["time"]?.integer ?? 0) > 1_600_000_000_000 })
      return list.map { ["\($0["name"]?.string ?? "")": $0["value"] ?? .null, "flags": $0["flags"] ?? .null] }
    }
    let one: JSON = ["/a/one": "1", "flags": ["TRANSIENT", "RDONLYGUEST"]]
    let two: JSON = ["/a/two": "2", "flags": ["TRANSRESET"]]
    #expect(try shown("") == [one, two, ["/b": "3", "flags": []]])
    #expect(try shown("?patterns=%2Fa%2F*") == [one, two])
    #expect(try shown("?patterns=*two%7C%2F%3F") == [two, ["/b": "3", "flags": []]])
    // Another value keeps the flags, wherever it comes from; other flags take their place.
    try service.done("PUT", "\(path)/%2Fa%2Ftwo", ["value": "22"])
    _ = try told(["guestproperty", "set", "m", "/a/one", "11"])
    try service.done("PUT", "\(path)/%2Fb", ["value": "3", "flags": ["RDONLYHOST", "RDONLYGUEST"]])
    #expect(
      try shown("") == [
        ["/a/two": "22", "flags": ["TRANSRESET"]], ["/a/one": "11", "flags": ["TRANSIENT", "RDONLYGUEST"]],
        ["/b": "3", "flags": ["READONLY"]],
      ])
    // The host may not change this one any more.
    let refused = try service.ask("PUT", "\(path)/%2Fb", ["value": ""])
    #expect(refused.status == 403 && refused.text.contains("'/b' cannot be changed by the host"))
    let kept = try service.machines.manage(["guestproperty", "delete", "m", "/b"])
    #expect(kept.status == 1 && kept.errors.contains("E_ACCESSDENIED"))
    #expect(try service.ask("PUT", "\(path)/x", ["value": "1", "flags": ["SHINY"]]).text.contains("body.flags[0]"))
    let wrong = try service.machines.manage(["guestproperty", "set", "m", "x", "1", "--flags", "SHINY"])
    #expect(wrong.status == 1 && wrong.errors.contains("Invalid flag 'SHINY'"))
    try service.done("PUT", "\(path)/%2Fa%2Fone", ["value": ""])
    #expect(try shown("").count == 2)
  }

  @Test func registersAreSet() throws {
    let path = "machines/m/processors/0/registers"
    #expect(try service.ask("PATCH", path, ["r8": "0x1"]).status == 409, "it does not run")
    try service.done("POST", "machines/m/start")
    defer { _ = try? service.done("POST", "machines/m/poweroff") }
    try service.waitForScreen("m", "SeaBIOS")
    // Firmware of 16 and 32 bits does not know these.
    #expect(try service.done("PATCH", path, ["r8": "0x1234", "r15": "0xFFFFffffFFFFffff"])["r8"] == "0x1234")
    #expect(try told(["debugvm", "m", "getregisters", "r8"]) == "r8 = 0x0000000000001234\n")
    _ = try told(["debugvm", "m", "setregisters", "r8=5", "R8=0x6"])
    let registers = try service.done("GET", path)
    #expect(registers["r8"] == "0x6" && registers["r15"] == "0xffffffffffffffff")
    #expect(try service.done("PATCH", path, [:])["r8"] == "0x6")
    let address = try service.ask("PATCH", path, ["rip": "0xffff000000000000"])
    #expect(address.status == 400 && address.text.contains("no address 0xffff000000000000"))
    let name = try service.ask("PATCH", path, ["cr3": "0x0"])
    #expect(name.status == 400 && name.text.contains("no member 'cr3'"))
    #expect(try service.ask("PATCH", path, ["rax": "5"]).text.contains("body.rax must be"))
    #expect(try service.ask("PATCH", "machines/m/processors/1/registers", ["rax": "0x5"]).status == 404)
    // The same frames by both.
    try service.done("POST", "machines/m/pause")
    #expect(try service.ask("GET", "machines/m/processors/0/stack").text == told(["debugvm", "m", "stack"]))
  }

  @Test func networksHaveLoopbacksAndPortsOfIPv6() throws {
    try service.done("PUT", "natnetworks/lab", ["network": "10.0.9.0/24"])
    let path = "natnetworks/lab"
    try service.done("PUT", "\(path)/loopbacks/127.0.0.1", ["offset": 3])
    _ = try told(["natnetwork", "modify", "--netname", "lab", "--loopback-4", "127.0.0.2=5"])
    let mapped = try service.done("PUT", "\(path)/loopbacks/127.0.0.1", ["offset": 2])
    #expect(
      mapped["loopbacks"] == [["address": "127.0.0.2", "offset": 5], ["address": "127.0.0.1", "offset": 2]])
    try service.done("PUT", "\(path)/loopbacks6/%3A%3A1", ["offset": 2])
    let rule: JSON = ["rule": "web,tcp,::1,8080,fd17::4,80"]
    #expect(try service.done("POST", "\(path)/forwards6", rule)["forwards6"]?.array?.first?["rule"] == rule["rule"])
    _ = try told(["natnetwork", "modify", "--netname", "lab", "--port-forward-6", "ssh:tcp:[::1]:2222:[fd17::4]:22"])
    let shown = try service.done("GET", "natnetworks").array?.first
    #expect(shown?["forwards"] == [] && shown?["forwards6"]?.array?.map { $0["name"] } == ["web", "ssh"])
    let list = try told(["natnetwork", "list"])
    #expect(
      list.contains(
        "Port-forwarding (ipv6)\n        web:tcp:[::1]:8080:[fd17::4]:80\n        ssh:tcp:[::1]:2222:[fd17::4]:22\n"
          + "loopback mappings (ipv4)\n        127.0.0.2=5\n        127.0.0.1=2\nloopback mappings (ipv6)\n        ::1=2\n"
      ))
    // What cannot be is named.
    for (method, place, body, status, text) in [
      ("POST", "forwards6", rule, 400, "A NAT rule of this name already exists"),
      ("POST", "forwards6", ["rule": "x,tcp,me,1,you,2"], 400, "body.rule must be"),
      ("PUT", "loopbacks/host", ["offset": 2], 400, "'host=2'"),
      ("PUT", "loopbacks/127.0.0.1", ["offset": 0], 400, "offset"),
      ("PUT", "loopbacks6/127.0.0.1", ["offset": 2], 400, "'127.0.0.1=2'"),
      ("DELETE", "loopbacks/127.0.0.9", nil, 404, "'127.0.0.9'"), ("DELETE", "forwards6/none", nil, 404, "'none'"),
    ] as [(String, String, JSON?, Int, String)] {
      let answer = try service.ask(method, "\(path)/\(place)", body)
      #expect(answer.status == status && answer.text.contains(text), "\(method) \(place): \(answer.text)")
    }
    #expect(try service.ask("PUT", "natnetworks/none/loopbacks/127.0.0.1", ["offset": 2]).status == 404)
    let again = try service.machines.manage([
      "natnetwork", "modify", "--netname", "lab", "--port-forward-6", "ssh:tcp:[]:1:[]:2",
    ])
    #expect(again.status == 1 && again.errors.contains("already exists"))
    // Each takes away what the other has made.
    _ = try told([
      "natnetwork", "modify", "--netname", "lab", "--loopback-4", "delete", "127.0.0.1", "--loopback-6", "delete",
      "::1",
      "--port-forward-6", "delete", "web",
    ])
    try service.done("DELETE", "\(path)/loopbacks/127.0.0.2")
    let empty = try service.done("DELETE", "\(path)/forwards6/ssh")
    #expect(empty["forwards6"] == [] && empty["loopbacks"] == [] && empty["loopbacks6"] == [])
  }

  @Test func bytesOfMediaAreReadAndCopied() throws {
    let raw = try service.folder.write("r.img", (0..<4096).map { UInt8(truncatingIfNeeded: $0 / 16) })
    let disk = service.folder.name("d.vdi"), uuid = "6b8f2c1e-1111-4000-8000-0123456789ab"
    try service.finish(
      "POST", "media/convert", ["source": .string(raw), "target": .string(disk), "uuid": .string(uuid)])
    #expect(try told(["showmediuminfo", disk]).contains(uuid))
    _ = try told(["mediumproperty", "set", disk, "k", "v"])
    let part = try service.ask("GET", "media/\(uuid)/bytes?offset=500&size=600")
    #expect(part.status == 200 && part.head.contains("application/octet-stream"))
    #expect(part.body == (500..<1100).map { UInt8(truncatingIfNeeded: $0 / 16) })
    #expect(try service.ask("GET", "media/\(uuid)/bytes").body.count == 4096)
    let listing = try service.ask("GET", "media/\(uuid)/listing?offset=1040&size=33").text
    #expect(listing.split(separator: "\n").count == 3 && listing.contains("AAAAAAAAAAAAAAAA\n"))
    #expect(
      try told(["mediumio", "--disk", uuid, "cat", "--hex", "--offset", "1040", "--size", "33"]) == listing)
    let beyond = try service.ask("GET", "media/\(uuid)/bytes?offset=4097")
    #expect(beyond.status == 400 && beyond.text.contains("has 4096 bytes"))
    #expect(try service.ask("GET", "media/\(uuid)/bytes?size=-1").text.contains("Invalid value of size: '-1'"))
    #expect(try service.ask("GET", "media/\(uuid.dropLast())0/listing").status == 404)

    // An image with a unit and an identity of its own; a copy that is larger; a copy into it.
    let own = "6b8f2c1e-2222-4000-8000-0123456789ab", made = service.folder.name("made.vdi")
    try service.done(
      "POST", "media", ["path": .string(made), "size": 65_536, "blockSize": 4096, "uuid": .string(own)])
    #expect(try told(["showmediuminfo", made, "--json"]).contains("\"blockSize\":4096"))
    #expect(
      try service.ask("POST", "media", ["path": .string(made + "x"), "size": 65_536, "blockSize": 1536]).status == 422)
    #expect(
      try service.ask("POST", "media", ["path": .string(made + "x"), "size": 65_536, "uuid": "1"]).text.contains("body")
    )
    try service.finish("POST", "media/clone", ["source": .string(uuid), "target": .string(made), "existing": true])
    #expect(try service.done("GET", "media/info?path=\(made)")["uuid"]?.string == own)
    #expect(try told(["mediumio", "--disk", made, "cat", "--hex", "--offset", "1040", "--size", "33"]) == listing)
    let larger = service.folder.name("larger.vmdk")
    try service.finish("POST", "media/clone", ["source": .string(uuid), "target": .string(larger), "size": 131_072])
    #expect(try service.done("GET", "media/info?path=\(larger)")["capacity"] == 131_072)
    let small = try service.done(
      "POST", "media/clone", ["source": .string(larger), "target": .string(made), "existing": true])
    let end = try service.done("GET", "tasks/\(small["id"]?.integer ?? 0)?wait=60")
    #expect(end["state"] == "failed" && end["error"]?["text"]?.string?.contains("is smaller than") == true)
  }

  @Test func aMergedImageIsForgotten() throws {
    let base = service.folder.name("base.vmdk"), over = service.folder.name("over.vmdk")
    let top = service.folder.name("top.vmdk")
    try service.done("POST", "media", ["path": .string(base), "size": 1_048_576, "format": "VMDK"])
    for (path, parent) in [(over, base), (top, over)] {
      try service.done("POST", "media", ["path": .string(path), "parent": .string(parent)])
    }
    for path in [base, over, top] { _ = try told(["mediumproperty", "set", path, "k", "v"]) }
    func known() throws -> [String] { try service.done("GET", "media").array?.compactMap { $0["path"]?.string } ?? [] }
    #expect(try known().sorted() == [base, over, top])
    // Another one differs from it: refused before anything is merged.
    let refused = try service.machines.manage(["mergemedium", over, "--delete"])
    #expect(refused.status == 1 && refused.errors.contains("has child media"))
    _ = try told(["mergemedium", top, "--delete"])
    #expect(try known().sorted() == [base, over] && !FileManager.default.fileExists(atPath: top))
    let uuid = try #require(
      try service.done("GET", "media").array?.first { $0["path"]?.string == over }?["uuid"]?.string)
    _ = try told(["mergemedium", uuid, "--delete"])
    #expect(try known() == [base] && !FileManager.default.fileExists(atPath: over))
  }

  @Test func foldersOfAllMachines() throws {
    let folder = try service.done("POST", "sharedfolders", ["name": "g", "path": "/tmp", "writable": false])
    #expect(folder["name"] == "g" && folder["writable"] == false)
    #expect(try service.done("GET", "sharedfolders").array == [folder])
    #expect(try service.machines.info("m", "SharedFolderNameGlobalMapping1") == "g")
    let again = try service.ask("POST", "sharedfolders", ["name": "g", "path": "/"])
    #expect(again.status == 409 && again.text.contains("'g' already exists"))
    #expect(try service.ask("POST", "sharedfolders", ["name": "r", "path": "relative"]).status == 400)
    _ = try told(["sharedfolder", "remove", "global", "--name", "g"])
    #expect(try service.done("GET", "sharedfolders").array == [])
    let missing = try service.ask("DELETE", "sharedfolders/g")
    #expect(missing.status == 404 && missing.text.contains("'g'"))
    _ = try told(["sharedfolder", "add", "global", "--name", "h", "--hostpath", "/tmp"])
    try service.done("DELETE", "sharedfolders/h")
    #expect(try service.machines.info("m", "SharedFolderNameGlobalMapping1") == nil)
  }

  @Test func drivesOfDiscsHaveTheirSettings() throws {
    try service.done("POST", "machines/m/controllers", ["name": "IDE", "bus": "ide"])
    let path = "machines/m/controllers/IDE/drives/1/0"
    let disc = try service.folder.write("disc.iso", [UInt8](repeating: 0, count: 4096))
    try service.done("PUT", path, ["kind": "dvddrive", "medium": .string(disc), "temporaryEject": true])
    func drive() throws -> JSON? {
      try service.done("GET", "machines/m")["controllers"]?.array?.first?["drives"]?.array?.first
    }
    #expect(try drive()?["temporaryEject"] == true && drive()?["passthrough"] == false)
    #expect(try service.machines.info("m", "\"IDE-tempeject-1-0\"") == "on")
    _ = try told([
      "storageattach", "m", "--storagectl", "IDE", "--port", "1", "--device", "0", "--passthrough", "on", "--tempeject",
      "off",
    ])
    #expect(try drive()?["temporaryEject"] == false && drive()?["passthrough"] == true)
  }

  @Test func snapshotsAreLookedInto() throws {
    _ = try told(["snapshot", "m", "take", "s"])
    _ = try told(["modifyvm", "m", "--memory", "96"])
    #expect(try service.done("GET", "machines/m/snapshots/s")["memory"] == 64)
    #expect(try service.done("GET", "machines/m")["memory"] == 96)
    let missing = try service.ask("GET", "machines/m/snapshots/t")
    #expect(missing.status == 404 && missing.text.contains("'t'"))
  }
}
