import ArgumentParser
import Base

/// Options of `ringbox run` for machines that run the same way each time.
struct DeterminismOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Time and turns of the processors follow from this number; says at the end what the machine has come to.",
      valueName: "seed"))
  var deterministic: String?
  @Option(help: ArgumentHelp("With --deterministic: end after so many instructions.", valueName: "number"))
  var stopAtInstructions: String?

  func seed() throws -> JSON {
    guard let deterministic else { return .null }
    guard let seed = UInt64(deterministic) else {
      throw Failure.usage("--deterministic: '\(deterministic)' is no whole number from 0 to \(UInt64.max)")
    }
    return .string(String(seed))
  }
  func limit() throws -> JSON {
    guard let stopAtInstructions else { return .null }
    guard deterministic != nil else { throw Failure.usage("--stop-at-instructions needs --deterministic") }
    guard let number = Int64(stopAtInstructions), number > 0 else {
      throw Failure.usage("--stop-at-instructions: '\(stopAtInstructions)' is no whole number above 0")
    }
    return .integer(number)
  }
}
