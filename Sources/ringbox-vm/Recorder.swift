import ControlChannel
import Devices
import HostSystem
import Synchronization

/// Records the screen: pictures at even distances go to ffmpeg, a process of its own, which makes a WebM file of them.
///
/// The thread looks at the screen as viewers do; neither guest nor event loop waits for it.
final class Recorder: Sendable {
  /// What became of it.
  struct Outcome {
    var frames: Int
    /// Why there is no whole file; nil: there is one.
    var failure: String?
  }

  let settings: RecordingSettings
  private let program: FedProgram
  private let errors: String
  private let source: @Sendable () -> Frame
  private let isEnding = Atomic<Bool>(false)
  private let parker = Parker()
  private let result = Mutex(Outcome(frames: 0, failure: nil))
  private let thread = OwnedThread()
  /// A picture that ffmpeg does not take in this time ends the recording.
  private static let patience = 20_000
  /// What ffmpeg has not taken after this many nanoseconds is left out.
  private static let longestGap: Int64 = 2_000_000_000

  init(_ settings: RecordingSettings, source: @escaping @Sendable () -> Frame) throws(ControlError) {
    self.settings = settings
    self.source = source
    guard let path = Recorder.find("ffmpeg") else {
      throw ControlError("recording needs the program ffmpeg, which is not installed (package ffmpeg)")
    }
    if let obstacle = HostFiles.obstacle(toWriting: settings.path) {
      throw ControlError("cannot write '\(settings.path)': \(obstacle.reason)")
    }
    errors = settings.path + ".log"
    do throws(SystemCallError) {
      program = try FedProgram(path, Recorder.arguments(settings), errors: errors)
    } catch { throw ControlError("cannot start '\(path)': \(error.reason)") }
    do throws(ThreadError) {
      try thread.start(name: "recorder") { [self] in run() }
    } catch { throw ControlError("cannot start a thread") }
  }

  private static func find(_ name: String) -> String? {
    let folders = (ProcessImage.environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first(where: ProcessImage.isExecutable)
  }

  static func arguments(_ settings: RecordingSettings) -> [String] {
    var list = [
      "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "rawvideo", "-pixel_format", "bgr0", "-video_size",
      "\(settings.width)x\(settings.height)", "-framerate", "\(settings.framesPerSecond)", "-i", "pipe:0", "-an",
      "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "\(settings.rate)k", "-pix_fmt", "yuv420p",
    ]
    if settings.mebibytes > 0 { list += ["-fs", "\(settings.mebibytes << 20)"] }
    // The prefix keeps a name from being taken for an option or for another protocol.
    return list + ["-f", "webm", "-y", "file:" + settings.path]
  }

  private func run() {
    let distance = 1_000_000_000 / Int64(settings.framesPerSecond)
    let limit = settings.seconds > 0 ? settings.seconds * settings.framesPerSecond : Int.max
    var due = HostClock.monotonicNanoseconds
    var frames = 0
    recording: while !isEnding.load(ordering: .acquiring), frames < limit {
      let shown = picture()
      // Where pictures were missed this one stands for them, too: the film must not run faster than the guest did.
      repeat {
        guard program.feed(shown, milliseconds: Recorder.patience) else { break recording }
        frames += 1
        due += distance
      } while due < HostClock.monotonicNanoseconds && frames < limit && !isEnding.load(ordering: .acquiring)
      // An encoder that is far behind does not get more to do because of that.
      due = max(due, HostClock.monotonicNanoseconds - Recorder.longestGap)
      while !isEnding.load(ordering: .acquiring), HostClock.monotonicNanoseconds < due { _ = parker.park(until: due) }
    }
    let status = program.finish(milliseconds: Recorder.patience)
    var failure: String?
    if status != 0 {
      let said = (try? WholeFile.read(errors, maximum: 4096)).map { String(decoding: $0, as: UTF8.self) } ?? ""
      let line = said.split(separator: "\n").last.map { ": \($0)" } ?? ""
      failure = status.map { "ffmpeg ended with status \($0)\(line)" } ?? "ffmpeg did not end by itself"
    }
    try? HostPaths.remove(errors)
    result.withLock { $0 = Outcome(frames: frames, failure: failure) }
  }

  /// The screen in the middle of a picture, bytes blue, green, red, nothing.
  private func picture() -> [UInt8] {
    let frame = source()
    let (width, height) = (settings.width, settings.height)
    // Enlarging it would only cost bits.
    let isLarge = frame.width > width || frame.height > height
    let isWide = frame.width * height > frame.height * width
    let shownWidth = !isLarge ? frame.width : isWide ? width : max(1, frame.width * height / frame.height)
    let shownHeight = !isLarge ? frame.height : isWide ? max(1, frame.height * width / frame.width) : height
    let (left, top) = ((width - shownWidth) / 2, (height - shownHeight) / 2)
    let columns = (0..<shownWidth).map { $0 * frame.width / shownWidth }
    var bytes = [UInt8](repeating: 0, count: width * height * 4)
    for y in 0..<shownHeight {
      let row = y * frame.height / shownHeight * frame.width
      var at = ((top + y) * width + left) * 4
      for column in columns {
        let pixel = frame.pixels[row + column]
        bytes[at] = UInt8(truncatingIfNeeded: pixel)
        bytes[at + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
        bytes[at + 2] = UInt8(truncatingIfNeeded: pixel >> 16)
        at += 4
      }
    }
    return bytes
  }

  /// Ends the recording and waits until the file is whole.
  func stop() -> Outcome {
    isEnding.store(true, ordering: .releasing)
    parker.unpark()
    thread.join()
    return result.withLock { $0 }
  }
}
