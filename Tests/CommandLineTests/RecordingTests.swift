import Base
import Foundation
import TestSupport
import Testing

/// Recordings of the screen: what is in the file, and what happens without the encoder.
@Suite("Recording", .serialized) struct RecordingTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// Codec, size and number of pictures, as ffprobe finds them by decoding.
  private func probe(_ path: String) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/ffprobe")
    process.arguments = [
      "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
      "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", path,
    ]
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
  private func launch(prefix: [String] = []) throws -> VM {
    let code = TinyFirmware.printing("up") + TinyFirmware.halt
    let rom = try folder.write("rom", TinyFirmware.image(code))
    return try VM.launch(arguments: ["--memory", "1M", "--firmware", rom], prefix: prefix)
  }

  @Test func theFileHasTheSizeAndEveryPicture() throws {
    let vm = try launch()
    let path = folder.name("-film.webm")
    try vm.control.command(
      "recording-start", ["path": .string(path), "width": 320, "height": 240, "framesPerSecond": 10, "rate": 200])
    #expect(throws: ControlClient.Failed.self) {
      try vm.control.command("recording-start", ["path": .string(folder.name("other.webm"))])
    }
    sleep(2)
    let frames = try #require(try vm.control.command("recording-stop", timeout: 60)["frames"]?.integer)
    // A busy host takes fewer, none takes more.
    #expect((2...60).contains(frames))
    #expect(try probe(path) == "vp8,320,240,\(frames)")
    #expect(!FileManager.default.fileExists(atPath: path + ".log"))
    #expect(throws: ControlClient.Failed.self) { try vm.control.command("recording-stop") }
    try vm.quit()
  }

  @Test func aRecordingEndsByItselfAndWithTheMachine() throws {
    let vm = try launch()
    let limited = folder.name("limited.webm"), whole = folder.name("whole.webm")
    try vm.control.command(
      "recording-start",
      ["path": .string(limited), "width": 64, "height": 48, "framesPerSecond": 20, "maximumSeconds": 1])
    sleep(4)
    #expect(try vm.control.command("recording-stop", timeout: 60)["frames"] == 20)
    #expect(try probe(limited) == "vp8,64,48,20")
    try vm.control.command("recording-start", ["path": .string(whole), "width": 64, "height": 48])
    sleep(1)
    #expect(try vm.quit(timeout: 60) == 5)
    #expect(try probe(whole).hasPrefix("vp8,64,48,"))
  }

  @Test func whatCannotBeRecordedIsRefused() throws {
    let vm = try launch(prefix: ["/usr/bin/env", "PATH=/nowhere"])
    let error = #expect(throws: ControlClient.Failed.self) {
      try vm.control.command("recording-start", ["path": .string(folder.name("film.webm"))])
    }
    #expect(error?.description.contains("not installed (package ffmpeg)") == true)
    try vm.quit()
    let other = try launch()
    for arguments in [["path": "/nowhere/film.webm"], ["path": "x", "width": 8]] as [KeyValuePairs<String, JSON>] {
      #expect(throws: ControlClient.Failed.self) { try other.control.command("recording-start", arguments) }
    }
    try other.quit()
  }

  @Test func aKeptMachineIsRecordedAsItsSettingsSay() throws {
    let machines = try KeptMachines()
    let firmware = try machines.folder.write("rom.bin", TinyFirmware.image(TinyFirmware.halt))
    for words in [
      ["createvm", "--name", "m", "--register"],
      [
        "modifyvm", "m", "--memory", "16", "--nic1", "none", "--recording", "on", "--recording-video-res", "160x120",
        "--recording-video-fps", "10",
      ],
      ["setextradata", "m", "Ringbox/Firmware", firmware], ["startvm", "m"],
    ] { _ = try machines.output(words) }
    #expect(try machines.info("m", "recording_enabled") == "on")
    #expect(try machines.info("m", "rec_screen_video_res_xy") == "160x120")
    sleep(1)
    _ = try machines.output(["controlvm", "m", "recording", "off"])
    #expect(try probe(machines.folder.name("VirtualBox VMs/m/m-screen0.webm")).hasPrefix("vp8,160,120,"))
    #expect(try machines.info("m", "recording_enabled") == "off")
    let film = machines.folder.name("second.webm")
    for words in [["filename", film], ["videores", "128", "96"], ["videofps", "5"], ["on"]] {
      _ = try machines.output(["controlvm", "m", "recording"] + words)
    }
    sleep(1)
    _ = try machines.output(["controlvm", "m", "poweroff"])
    #expect(try probe(film).hasPrefix("vp8,128,96,"))
    #expect(try machines.manage(["modifyvm", "m", "--recording-video-res", "1x1"]).status != 0)
  }
}
