import Base

/// What the processors and the memory of a machine hold that runs.
extension VMClient {
  /// Registers of a processor by their names, in hexadecimal digits behind 0x.
  public func registers(of processor: Int) throws(ServiceError) -> JSON {
    try command("registers", [("cpu", .integer(Int64(processor)))])["registers"] ?? [:]
  }
  /// Sets registers of a processor: general ones, RIP, and of RFLAGS what belongs to programs.
  public func setRegisters(of processor: Int, _ values: [(name: String, value: UInt64)]) throws(ServiceError) {
    var registers: JSON = [:]
    for (name, value) in values { registers.set(name, .string(VMClient.hex(value))) }
    do throws(ServiceError) {
      try command("set-registers", [("cpu", .integer(Int64(processor))), ("registers", registers)])
    } catch {
      // What is wrong with the values themselves is the client's mistake.
      guard ["no address", "the register"].contains(where: { error.text.hasPrefix($0) }) else { throw error }
      throw ServiceError(.invalidArgument, error.text, .console)
    }
  }
  /// Bytes of guest-physical memory.
  func memory(at address: UInt64, count: Int) throws(ServiceError) -> [UInt8] {
    let reply = try command(
      "read-memory", [("address", .string(VMClient.hex(address))), ("count", .integer(Int64(count)))])
    return Hex.bytes(reply["hex"]?.string ?? "", count: count)
  }
  private static func hex(_ number: UInt64) -> String { "0x\(String(number, radix: 16))" }
}

extension GuestStack {
  /// Of a processor of a machine that runs.
  public init(of processor: Int, _ client: VMClient) throws(ServiceError) {
    let registers = try client.registers(of: processor).members ?? []
    self.init(
      Dictionary(
        registers.map { ($0.key, UInt64(($0.value.string ?? "").dropFirst(2), radix: 16) ?? 0) }
      ) { first, _ in first }
    ) { address, count in try? client.memory(at: address, count: count) }
  }
}
