import Base
import Glibc
import HostNetwork
import HostSystem

/// The service of one network in one process: started with the first machine that needs it, gone after the last.
@main struct Program {
  private static let configurationLimit = 4 << 20

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 2, arguments[0] == "--config-fd", let descriptor = Int32(arguments[1]), descriptor > 2,
      let bytes = ProcessImage.readInherited(descriptor, limit: configurationLimit)
    else { fail("ringbox-net is started by ringboxd; arguments: --config-fd N", 2) }
    do {
      let configuration = try NetworkServiceConfiguration(json: try JSON(parsing: bytes))
      SignalDescriptor.ignoreBrokenPipes()
      // Before there are threads: they inherit what is blocked.
      let signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP])
      try NetworkServiceControl(configuration).run(signals)
    } catch is NetworkServiceControl.Taken {
      // Whoever started this one finds the other.
      HostProcess.exit(3)
    } catch { fail("\(error)", 1) }
    HostProcess.exit(0)
  }

  private static func fail(_ text: String, _ status: Int32) -> Never {
    HostStream.standard(2).writeAll(Array("ringbox-net: \(text)\n".utf8))
    HostProcess.exit(status)
  }
}
