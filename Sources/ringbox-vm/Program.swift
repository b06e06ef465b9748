import Base
import HostSystem
import X86Engine
import X86ISA

/// One virtual machine in one process. `ringbox run` becomes this program and hands it a configuration.
@main struct Program {
  private static let configurationLimit = 4 << 20

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "--config-fd": run(arguments.dropFirst().first.flatMap(Int32.init), checkOnly: false)
    case "--check-config": run(arguments.dropFirst().first.flatMap(Int32.init), checkOnly: true)
    case "--list-cpus": listCPUs(json: arguments.contains("--json"))
    case "--list-cpuid": listIdentification()
    default:
      Report.fail(
        "ringbox-vm is started by 'ringbox run'; arguments: --config-fd N, --check-config N, --list-cpus, --list-cpuid",
        .usage)
    }
  }

  private static func run(_ descriptor: Int32?, checkOnly: Bool) {
    guard let descriptor, descriptor > 2,
      let bytes = ProcessImage.readInherited(descriptor, limit: configurationLimit)
    else { Report.fail("no readable configuration on the descriptor given", .usage) }
    do {
      let options: SessionOptions
      do { options = try SessionOptions(json: try JSON(parsing: bytes)) } catch let error as JSON.ParseError {
        throw StartError(.usage, "configuration: \(error)")
      }
      if checkOnly {
        _ = try CPUProfile.model(options.machine.cpu, cpus: options.machine.cpus)
        HostProcess.exit(ExitStatus.poweredOff.code)
      }
      try Session.run(options)
    } catch let error as StartError {
      Report.fail(error.text, error.status)
    } catch let error as CPUProfileError {
      Report.fail(error.description, .usage)
    } catch {
      Report.fail("\(error)", .failure)
    }
  }

  /// The host's CPUID leaves with subleaf 0: the basic ones, the extended ones, and those of one maker.
  private static func listIdentification() {
    var leaves: [JSON] = []
    for (first, last) in [(0, 0x7f), (0x8000_0000, 0x8000_007f), (0xc000_0000, 0xc000_007f)] as [(UInt32, UInt32)] {
      let highest = HostProcessor.cpuid(first, 0).eax
      // A range that the processor does not have answers with something else.
      for leaf in first...((first...last).contains(highest) ? highest : first) {
        let found = HostProcessor.cpuid(leaf, 0)
        leaves.append(.array([leaf, found.eax, found.ebx, found.ecx, found.edx].map { .integer(Int64($0)) }))
      }
    }
    HostStream.standard(1).writeAll(Array((JSON.array(leaves).text + "\n").utf8), milliseconds: 10_000)
  }

  private static func listCPUs(json: Bool) {
    var profiles: [JSON] = []
    var text = ""
    for name in CPUProfile.names {
      guard let model = try? CPUProfile.model(name, cpus: 1) else { continue }
      let features = CPUFeature.allCases.filter(model.has).map(\.name)
      profiles.append(["name": .string(name), "features": .array(features.map { .string($0) })])
      text += name + String(repeating: " ", count: max(1, 12 - name.utf8.count)) + "\(features.count) features\n"
    }
    if json { text = (["profiles": .array(profiles)] as JSON).text + "\n" }
    HostStream.standard(1).writeAll(Array(text.utf8), milliseconds: 10_000)
  }
}
