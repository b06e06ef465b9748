import DisplayClient
import HostSystem
import Service

/// A kept machine in a window, as VBoxSDL shows it.
@main struct RingboxSDL {
  private enum Status {
    static let failure: Int32 = 1
    static let usage: Int32 = 2
  }

  static func main() {
    SignalDescriptor.ignoreBrokenPipes()
    let options: Options
    do throws(Options.Refused) { options = try Options(Array(CommandLine.arguments.dropFirst())) } catch {
      end("error: \(error.text)\n\(Options.usage)", Status.usage)
    }
    if options.wantsHelp { leave(Options.usage) }
    if options.wantsVersion { leave("ringbox-sdl \(ServiceVersion.text)\n") }
    for note in options.notes { say("note: \(note)\n") }
    do throws(ServiceError) { try show(options) } catch { end("error: \(error.text)\n", Status.failure) }
  }

  private static func show(_ options: Options) throws(ServiceError) {
    let machine = try KeptMachine(options.machine)
    if !options.isSeparate { try machine.start(discardingState: options.discardsState) }
    let path = try machine.displaySocket()
    let link: ScreenLink
    do throws(SystemCallError) { link = try ScreenLink(path, changed: Screens.wake) } catch {
      throw ServiceError(.vmError, "The display of '\(machine.name)' does not answer: \(error.reason)", .console)
    }
    try waitForPicture(link)
    do throws(Screens.Failure) {
      let seat = try Seat(options, machine, link)
      machine.watch(Screens.wake)
      try seat.run()
    } catch {
      throw ServiceError(.hostError, "No window: \(error.text)", .console)
    }
    if machine.actualState == VMState.aborted.rawValue {
      throw ServiceError(.vmError, "The machine '\(machine.name)' has ended by accident; see its log", .console)
    }
  }
  /// A window has a size from the start.
  private static func waitForPicture(_ link: ScreenLink) throws(ServiceError) {
    var nothing: [PollEntry] = []
    for _ in 0..<1000 {
      let (isThere, failure) = link.use { ($0.isRunning && $0.updates > 0, $0.failure) }
      if let failure { throw ServiceError(.vmError, failure.text, .console) }
      if isThere { return }
      if link.isOver { break }
      HostPoll.wait(&nothing, nanoseconds: 10_000_000)
    }
    throw ServiceError(.vmError, "The machine's display shows nothing", .console)
  }

  /// A line on standard error.
  static func say(_ text: String) {
    HostStream.standard(2).writeAll(Array("ringbox-sdl: \(text)".utf8))
  }
  private static func end(_ text: String, _ status: Int32) -> Never {
    say(text)
    HostProcess.exit(status)
  }
  private static func leave(_ text: String) -> Never {
    HostStream.standard(1).writeAll(Array(text.utf8))
    HostProcess.exit(0)
  }
}
