import Glibc
import HostSystem
import Service
import ServiceAPI

/// The per-user service: one process that knows what machines do, and serves the API.
@main struct Ringboxd {
  static func main() {
    do throws(ServiceError) { try run() } catch {
      HostStream.standard(2).writeAll(Array("ringboxd: \(error.text)\n".utf8))
      HostProcess.exit(1)
    }
  }

  private static func run() throws(ServiceError) {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    // Machines' processes get this environment: a crash must not wait for a debugger's dialogue.
    ProcessImage.setDefault("SWIFT_BACKTRACE", "enable=no")
    SignalDescriptor.ignoreBrokenPipes()
    let signals: SignalDescriptor
    do throws(SystemCallError) { signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP]) } catch {
      throw ServiceError(.hostError, "Could not watch for signals: \(error.reason)", .registry)
    }
    let home = try ServiceHome()
    guard let seat = try waitForSeat(home) else { return }
    defer { _ = seat }
    // Where it was started may go away; machines' processes start where it is.
    home.enter()
    let service = try MachineService(registry: Registry(home: home), program: try machineProgram())
    try service.start()
    let server = try Server(service: service, home: home, grace: options.grace)
    try server.run(signals)
  }

  /// The seat of the service; nil when another process has it and answers.
  private static func waitForSeat(_ home: ServiceHome) throws(ServiceError) -> ServiceSeat? {
    for _ in 0..<1000 {
      if let seat = try ServiceSeat(home) { return consume seat }
      if (try? HostSocket.connectLocal(home.serviceSocket)) != nil { return nil }
      // The other one begins or ends.
      var nothing: [PollEntry] = []
      HostPoll.wait(&nothing, nanoseconds: 10_000_000)
    }
    throw ServiceError(.hostError, "Another ringboxd neither answers nor ends", .registry)
  }

  /// `ringbox-vm`, next to this program or where packagers put it.
  private static func machineProgram() throws(ServiceError) -> String {
    guard let own = ProcessImage.path else { throw ServiceError(.hostError, "/proc is missing", .registry) }
    let folder = Paths.folder(of: own)
    let places = ["\(folder)/ringbox-vm", "\(folder)/../libexec/ringbox/ringbox-vm"]
    guard let found = places.first(where: ProcessImage.isExecutable) else {
      throw ServiceError(.hostError, "ringbox-vm is missing; it belongs next to ringboxd", .registry)
    }
    return found
  }
}

/// What the command line says. People rarely write one: `ringbox` starts the service by itself.
struct Options {
  /// Seconds without clients, machines and work after which the service ends.
  var grace: Int64 = 10

  init(_ words: [String]) throws(ServiceError) {
    if let text = ProcessImage.environment("RINGBOXD_GRACE"), let seconds = Int64(text), seconds >= 0 {
      grace = seconds
    }
    var rest = words[...]
    while let word = rest.popFirst() {
      switch word {
      case "--grace":
        guard let text = rest.popFirst(), let seconds = Int64(text), (0...86_400).contains(seconds) else {
          throw ServiceError(.invalidArgument, "--grace needs a number of seconds", .registry)
        }
        grace = seconds
      case "--version":
        HostStream.standard(1).writeAll(Array("ringboxd \(ServiceVersion.text)\n".utf8))
        HostProcess.exit(0)
      default:
        throw ServiceError(.invalidArgument, "unknown option '\(word)' (there are: --grace, --version)", .registry)
      }
    }
  }
}
