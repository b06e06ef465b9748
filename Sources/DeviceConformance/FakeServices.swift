import Base
import DeviceKit

/// A host made of plain values: a clock that only tests move, 1 MiB of DMA RAM, and a record of all that the device
/// did.
///
/// Block requests stay in `pendingRequests` until `completeNext`, or with `autoComplete` are served from `disk` at the
/// next `settle`.
public final class FakeServices: DeviceServices {
  /// One change of an output line.
  public struct Edge: Equatable {
    /// Index into the descriptor's outputs.
    public var output: Int
    /// High.
    public var level: Bool
    public var time: VirtualTime
  }
  /// A message-signalled interrupt.
  public struct Message: Equatable {
    /// Where it was written.
    public var address: UInt64
    /// What was written.
    public var data: UInt32
  }
  /// Bytes of DMA RAM.
  public static let ramSize = 1 << 20
  /// Records stop growing here, so that a long fuzz run stays small.
  private static let recordLimit = 100_000

  public var now = VirtualTime(nanoseconds: 0)
  /// Wall clock at time 0.
  public var wallClockStart: Int64 = 1_767_225_600
  public var wallClockSeconds: Int64 { wallClockStart &+ now.nanoseconds / 1_000_000_000 }

  /// Last level of each output that was set.
  public private(set) var levels: [Int: Bool] = [:]
  /// What `fate` answers, by output; `taken` unless a test says otherwise.
  public var fates: [Int: InterruptFate] = [:]
  /// As a controller with one latch: an edge on a `taken` output makes it `waiting`, until a test sets it.
  public var latchesEdges = false
  /// Changes of output lines, oldest first.
  public private(set) var edges: [Edge] = []
  /// Armed timers.
  public private(set) var deadlines: [Int: VirtualTime] = [:]
  /// Movable regions that are mapped, with their base.
  public private(set) var mapped: [Int: UInt64] = [:]
  /// DMA RAM, from address 0.
  public var ram = [UInt8](repeating: 0, count: FakeServices.ramSize)
  /// Message-signalled interrupts, oldest first.
  public private(set) var messages: [Message] = []
  /// Block requests not yet completed.
  public private(set) var pendingRequests: [(request: BlockRequest, drive: Int)] = []
  /// Whether the cable of a network card is plugged in.
  public var isLinkUp = true
  /// The largest frame that goes to the network in one piece.
  public var maximumFrame = NetworkFrame.ordinaryLimit
  /// Frames that wait for the network card; `deliver` adds one and tells the card.
  public var frames: [NetworkFrame] = []
  /// Frames from the network card, oldest first.
  public private(set) var sentFrames: [NetworkFrame] = []
  /// Bytes sent to the character backend.
  public private(set) var transmitted: [UInt8] = []
  /// What the device asked of the machine.
  public private(set) var requests: [MachineRequest] = []
  /// What the device logged.
  public private(set) var logLines: [String] = []
  /// Backing bytes of every drive when `autoComplete` is on.
  public var disk: [UInt8]
  /// Serve block requests from `disk`.
  public var autoComplete: Bool
  /// Calls made by the device since `beginCall`: bounds the work of one access.
  public private(set) var callsInEntry = 0

  public init(diskBytes: Int = 0, autoComplete: Bool = false) {
    disk = [UInt8](repeating: 0, count: diskBytes)
    self.autoComplete = autoComplete
  }

  // MARK: For tests

  /// The last level of an output.
  public func level(_ output: Int) -> Bool { levels[output] ?? false }
  /// Rising edges of an output so far.
  public func risingEdges(_ output: Int) -> Int { edges.filter { $0.output == output && $0.level }.count }
  /// Forgets the records; lines, timers and requests stay.
  public func clearRecords() {
    edges = []
    messages = []
    transmitted = []
    requests = []
    logLines = []
    sentFrames = []
  }
  /// Starts counting `callsInEntry` anew.
  public func beginCall() { callsInEntry = 0 }
  /// Returns and forgets `requests`.
  public func takeRequests() -> [MachineRequest] {
    defer { requests = [] }
    return requests
  }
  /// Returns and forgets `transmitted`.
  public func takeTransmitted() -> [UInt8] {
    defer { transmitted = [] }
    return transmitted
  }

  /// Returns and forgets `sentFrames`.
  public func takeFrames() -> [NetworkFrame] {
    defer { sentFrames = [] }
    return sentFrames
  }
  /// A frame arrives from the network. As in a machine, only so many wait.
  public func deliver<D: Device>(_ frame: NetworkFrame, to device: inout D) {
    if frames.count < 64 { frames.append(frame) }
    device.framesArrived(self)
  }
  /// The cable is plugged in or out.
  public func setLink<D: Device>(_ isUp: Bool, of device: inout D) {
    guard isLinkUp != isUp else { return }
    isLinkUp = isUp
    device.linkChanged(self)
  }

  /// Moves time forward, firing due timers at their deadlines. Returns how many fired; stops at `limit`.
  @discardableResult
  public func advance<D: Device>(_ device: inout D, by nanoseconds: Int64, limit: Int = 100_000) -> Int {
    advance(&device, to: now.adding(nanoseconds: max(0, nanoseconds)), limit: limit)
  }
  @discardableResult
  public func advance<D: Device>(_ device: inout D, to end: VirtualTime, limit: Int = 100_000) -> Int {
    var fired = 0
    while fired < limit {
      guard let due = deadlines.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }), due.value <= end else { break }
      deadlines[due.key] = nil
      now = max(now, due.value)
      device.timerFired(due.key, self)
      fired += 1
    }
    now = max(now, end)
    settle(&device)
    return fired
  }
  /// As a host that woke up late: time jumps first, then each timer due fires once.
  public func wakeLate<D: Device>(_ device: inout D, by nanoseconds: Int64) {
    now = now.adding(nanoseconds: max(0, nanoseconds))
    for timer in deadlines.filter({ $0.value <= now }).keys.sorted() {
      deadlines[timer] = nil
      device.timerFired(timer, self)
    }
  }

  /// With `autoComplete`, serves requests from `disk` until the device makes no more (at most `limit`).
  public func settle<D: Device>(_ device: inout D, limit: Int = 10_000) {
    var served = 0
    while autoComplete, served < limit, completeNext(&device) { served += 1 }
  }
  /// Ends the oldest request: as `status` says, or served from `disk` when that is nil.
  @discardableResult
  public func completeNext<D: Device>(_ device: inout D, status: BlockCompletion.Status? = nil) -> Bool {
    guard !pendingRequests.isEmpty else { return false }
    let (request, drive) = pendingRequests.removeFirst()
    var completion = BlockCompletion(tag: request.tag, drive: drive, status: .done)
    if let status {
      completion.status = status
    } else {
      serve(request, &completion)
    }
    device.blockCompleted(completion, self)
    return true
  }

  /// Turns the order of the requests around: backends end them in any.
  public func reverseRequests() { pendingRequests.reverse() }

  private func serve(_ request: BlockRequest, _ completion: inout BlockCompletion) {
    guard request.operation != .flush else { return }
    let (start, overflow) = request.sector.multipliedReportingOverflow(by: 512)
    guard !overflow, request.count >= 0, start <= UInt64(disk.count), request.count <= disk.count - Int(start) else {
      completion.status = .outOfRange
      return
    }
    let range = Int(start)..<(Int(start) + request.count)
    switch request.operation {
    case .read:
      switch request.payload {
      case .buffer: completion.data = Array(disk[range])
      case .guest(let segments):
        var at = range.lowerBound
        for segment in segments {
          let end = min(at + max(0, segment.count), range.upperBound)
          dmaWrite(segment.address, Array(disk[at..<end]))
          at = end
        }
      }
    case .write:
      var data: [UInt8] = []
      switch request.payload {
      case .buffer(let bytes): data = bytes
      case .guest(let segments): for segment in segments { data += dmaRead(segment.address, count: segment.count) }
      }
      for (offset, byte) in data.prefix(range.count).enumerated() { disk[range.lowerBound + offset] = byte }
    case .writeZeroes, .discard:
      for index in range { disk[index] = 0 }
    case .flush: break
    }
  }

  // MARK: DeviceServices

  public func setLine(_ output: Int, _ level: Bool) {
    callsInEntry += 1
    guard levels[output] ?? false != level else { return }
    levels[output] = level
    if latchesEdges, level, fates[output] ?? .taken == .taken { fates[output] = .waiting }
    if edges.count < FakeServices.recordLimit { edges.append(Edge(output: output, level: level, time: now)) }
  }
  public func fate(of output: Int) -> InterruptFate {
    callsInEntry += 1
    return fates[output] ?? .taken
  }
  public func arm(_ timer: Int, at time: VirtualTime) {
    callsInEntry += 1
    deadlines[timer] = time
  }
  public func disarm(_ timer: Int) {
    callsInEntry += 1
    deadlines[timer] = nil
  }
  public func map(_ region: Int, at base: UInt64?) {
    callsInEntry += 1
    mapped[region] = base
  }
  public func dmaRead(_ address: GuestPhysical, count: Int) -> [UInt8] {
    callsInEntry += 1
    // A device that asks for more than RAM holds would make a real host allocate that much, too.
    guard count > 0, count <= 16 << 20 else { return [] }
    var result = [UInt8](repeating: 0xff, count: count)
    guard address.value < UInt64(ram.count) else { return result }
    let start = Int(address.value)
    let available = min(count, ram.count - start)
    result.replaceSubrange(0..<available, with: ram[start..<(start + available)])
    return result
  }
  public func dmaWrite(_ address: GuestPhysical, _ bytes: [UInt8]) {
    callsInEntry += 1
    guard address.value < UInt64(ram.count) else { return }
    let start = Int(address.value)
    let available = min(bytes.count, ram.count - start)
    ram.replaceSubrange(start..<(start + available), with: bytes[0..<available])
  }
  public func messageInterrupt(address: UInt64, data: UInt32) {
    callsInEntry += 1
    if messages.count < FakeServices.recordLimit { messages.append(Message(address: address, data: data)) }
  }
  public func submit(_ request: BlockRequest, drive: Int) {
    callsInEntry += 1
    pendingRequests.append((request, drive))
  }
  public func transmit(_ bytes: [UInt8]) {
    callsInEntry += 1
    if transmitted.count < FakeServices.recordLimit { transmitted += bytes }
  }
  public func transmit(_ frame: NetworkFrame) {
    callsInEntry += 1
    if isLinkUp, sentFrames.count < FakeServices.recordLimit / 10 { sentFrames.append(frame) }
  }
  public func nextFrame(remove: Bool) -> NetworkFrame? {
    callsInEntry += 1
    return remove ? frames.isEmpty ? nil : frames.removeFirst() : frames.first
  }
  public func request(_ request: MachineRequest) {
    callsInEntry += 1
    if requests.count < FakeServices.recordLimit { requests.append(request) }
  }
  public func log(_ kind: LogKind, _ message: @autoclosure () -> String) {
    if logLines.count < 1000 { logLines.append(message()) }
  }
}

extension Device {
  /// A read by a test; `region` and `width` as in `Access`.
  public mutating func testRead(_ offset: UInt64, region: Int = 0, width: Int = 1, _ host: FakeServices) -> UInt64 {
    read(Access(region: region, offset: offset, width: width), host)
  }
  public mutating func testWrite(
    _ offset: UInt64, _ value: UInt64, region: Int = 0, width: Int = 1, _ host: FakeServices
  ) {
    write(Access(region: region, offset: offset, width: width), value, host)
  }
}
