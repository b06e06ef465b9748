import X86ISA

/// Which status flags may be undefined where in a case's code: forwards along every way through it.
struct FlagFlow {
  private struct Node {
    var range: Range<Int>
    var undefined: UInt16
    var defined: UInt16
    var reads: UInt16
    /// Offsets that follow; the code's length is the end.
    var successors: [Int]
    /// Goes on at an address that the code computes.
    var isComputed = false
    var before: UInt16 = 0
    var isReached = false
  }
  private var nodes: [Int: Node] = [:]
  private let end: Int
  private(set) var hasBranches = false

  /// Nil when some instruction does not decode.
  init?(_ test: OracleCase, _ name: (Int) -> String) {
    end = test.code.count
    var at = 0
    while at < end {
      var i = Instruction()
      let rest = test.code[at..<min(at + 15, end)]
      guard Decoder.decode(Array(rest).span, codeSize: test.codeSize, into: &i) == .ok else { return nil }
      let next = at + Int(i.length)
      let (undefined, defined) = FlagDefinition.of(i, name(Int(i.row)), test.input)
      var node = Node(
        range: at..<next, undefined: undefined, defined: defined, reads: FlagFlow.reads(i), successors: [next])
      let target = next &+ Int(truncatingIfNeeded: Int64(bitPattern: i.immediate))
      switch i.op {
      case .jmp, .call:
        node.isComputed = i.modRMOffset != 0
        node.successors = node.isComputed ? [] : [target]
        hasBranches = true
      case .ret:
        node.isComputed = true
        node.successors = []
        hasBranches = true
      case .jcc, .loop, .jcxz:
        node.successors.append(target)
        hasBranches = true
      default: break
      }
      nodes[at] = node
      at = next
    }
    solve()
  }

  /// Flags whose value decides something, other than passing through a shift by zero.
  private static func reads(_ i: Instruction) -> UInt16 {
    switch i.op {
    case .jcc, .setcc, .cmovcc: i.conditionFlags
    case .shl, .shr, .sar, .rol, .ror, .shld, .shrd: 0
    case .rcl, .rcr: FlagEffect.cf
    default: InstructionTable.flags(ofRow: i.row).reads
    }
  }

  private mutating func solve() {
    var work = [0]
    nodes[0]?.isReached = true
    while let at = work.popLast() {
      guard let node = nodes[at] else { continue }
      let after = node.before & ~node.defined | node.undefined
      // Returns and computed jumps may lead anywhere.
      for next in node.isComputed ? Array(nodes.keys) : node.successors {
        guard var following = nodes[next] else { continue }
        if following.isReached && following.before | after == following.before { continue }
        following.before |= after
        following.isReached = true
        nodes[next] = following
        work.append(next)
      }
    }
  }

  /// Undefined where the code is left, by its end or otherwise than by a fault.
  var atEnd: UInt16 {
    var result: UInt16 = 0
    for node in nodes.values where node.isReached {
      let leaves = node.isComputed || node.successors.contains { nodes[$0] == nil }
      if leaves { result |= node.before & ~node.defined | node.undefined }
    }
    return result
  }
  /// Undefined where some instruction may fault, or a jump leads elsewhere.
  var onFault: UInt16 { nodes.values.reduce(atEnd) { $1.isReached ? $0 | $1.before : $0 } }

  /// Instructions that depend on what is undefined.
  var badReaders: [Range<Int>] {
    nodes.values.filter { $0.isReached && $0.before & $0.reads != 0 }.map(\.range)
      .sorted { $0.lowerBound < $1.lowerBound }
  }
}

extension CaseGenerator {
  /// A case made elsewhere: decodes its code and finds out what of the outcome is not defined. False when some
  /// instruction does not decode.
  func complete(_ test: inout OracleCase) -> Bool {
    let code = test.code
    test.code = []
    test.rows = []
    test.undefinedFlags = 0
    test.undefinedOnFault = 0
    test.ignoredMemory = []
    var at = 0
    while at < code.count {
      let rest = Array(code[at..<min(at + 15, code.count)])
      var instruction = Instruction()
      guard Decoder.decode(rest.span, codeSize: test.codeSize, into: &instruction) == .ok else {
        test.code = code
        return false
      }
      let length = Int(instruction.length)
      append(InstructionEncoder.Encoded(bytes: Array(rest.prefix(length)), instruction: instruction), &test)
      at += length
    }
    guard !test.isSingleStep, let flow = FlagFlow(test, name), flow.hasBranches else { return true }
    test.isProgram = true
    test.undefinedFlags = UInt64(flow.atEnd)
    test.undefinedOnFault = UInt64(flow.onFault)
    return true
  }

  /// Instructions of a program that read flags which some way to them leaves undefined.
  func readersOfUndefinedFlags(_ test: OracleCase) -> [Range<Int>] {
    FlagFlow(test, name)?.badReaders ?? []
  }
}
