import Base
import HostSystem

/// Finds `ringbox-vm` and becomes it: same process, same terminal, so that keys and signals go straight to the machine.
struct Launcher {
  let program: String

  init() throws { program = try Launcher.find("ringbox-vm") }

  /// Looks next to this program, in the libexec directory that packagers like, and in PATH.
  static func find(_ name: String) throws -> String {
    var places: [String] = []
    if let own = ProcessImage.path, let slash = own.lastIndex(of: "/") {
      let folder = own[..<slash]
      places = ["\(folder)/\(name)", "\(folder)/../libexec/ringbox/\(name)"]
    }
    for folder in (ProcessImage.environment("PATH") ?? "").split(separator: ":") { places.append("\(folder)/\(name)") }
    guard let found = places.first(where: ProcessImage.isExecutable) else {
      throw Failure.failure("\(name) is missing; it belongs next to ringbox (was looked for in \(places[0]))")
    }
    return found
  }

  /// Starts the machine that `options` describe. Returns only with an error.
  func run(_ options: JSON) throws -> Failure {
    do {
      let file = try ProcessImage.inheritedFile(Array(options.text.utf8))
      return replace(["--config-fd", "\(file)"])
    } catch {
      throw Failure.failure("cannot hand over the configuration: \(error)")
    }
  }

  func replace(_ arguments: [String]) -> Failure {
    // The Swift runtime would answer a crash on a terminal with a dialogue, and keep the terminal until it is over.
    ProcessImage.setDefault("SWIFT_BACKTRACE", "enable=no")
    let error = ProcessImage.replace(program, ["ringbox-vm"] + arguments)
    return .failure("cannot start \(program): \(error.reason)")
  }
}
