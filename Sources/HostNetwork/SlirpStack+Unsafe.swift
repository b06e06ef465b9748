import CSlirp
import DeviceKit
import Glibc
import HostSystem

/// libslirp behind Swift types: frames in, frames out, descriptors to wait for, port forwards.
///
/// Belongs to one thread after `init`. libslirp keeps a few things for the whole process (the name server it found), so
/// all stacks of a process share a lock while they are inside it.
// SAFETY(type): `slirp`, `callbacks` and the strings are made in init and freed in deinit, after which nobody calls
// back. libslirp calls back only during the calls made here, with `opaque` being this object, which outlives them.
// @unchecked Sendable: handed to its thread once, and only used there.
@safe final class SlirpStack: @unchecked Sendable {
  private var slirp: OpaquePointer?
  private let callbacks: UnsafeMutablePointer<SlirpCb>
  private var strings: [UnsafeMutablePointer<CChar>] = unsafe []
  /// Frames for the guest since the last `takeFrames`.
  private var output: [NetworkFrame] = []
  private var outputBytes = 0
  private var polled: [pollfd] = []
  /// A port has been opened since the sockets were last looked at.
  private var opensPort = false
  /// Connections that may wait for the guest; the stack itself asks for one, and others then wait for a second and more.
  private static let backlog: Int32 = 4096
  /// When the router advertisement timer is due, in nanoseconds of the monotonic clock; nil: not armed.
  private var timerDue: Int64?
  private var timerOpaque: UnsafeMutableRawPointer?
  private static let inside = HostLock()
  /// Frames for the guest that one turn may make; what is beyond is dropped, and TCP sends it again.
  private static let outputLimit = 8 << 20

  init(_ configuration: NATConfiguration) throws(NetworkError) {
    unsafe callbacks = .allocate(capacity: 1)
    unsafe callbacks.initialize(to: SlirpCb())
    setCallbacks()
    var config = unsafe SlirpConfig()
    unsafe config.version = 4
    unsafe fill(&config, configuration)
    let opaque = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe slirp = SlirpStack.locked { unsafe slirp_new(&config, callbacks, opaque) }
    guard unsafe slirp != nil else { throw NetworkError("the NAT's TCP/IP stack does not start") }
  }
  deinit {
    if let slirp = unsafe slirp { SlirpStack.locked { unsafe slirp_cleanup(slirp) } }
    unsafe callbacks.deinitialize(count: 1)
    unsafe callbacks.deallocate()
    while let string = unsafe strings.popLast() { unsafe free(string) }
  }

  private static func locked<R>(_ body: () -> R) -> R {
    inside.lock()
    defer { inside.unlock() }
    return body()
  }

  private func text(_ value: String?) -> UnsafePointer<CChar>? {
    // SAFETY: the copy lives until deinit.
    guard let value, let copy = unsafe strdup(value) else { return nil }
    unsafe strings.append(copy)
    return unsafe UnsafePointer(copy)
  }

  private func fill(_ config: inout SlirpConfig, _ configuration: NATConfiguration) {
    func address(_ number: UInt32) -> in_addr { in_addr(s_addr: (configuration.network | number).bigEndian) }
    unsafe config.restricted = configuration.isRestricted ? 1 : 0
    unsafe config.in_enabled = true
    unsafe config.vnetwork = address(0)
    unsafe config.vnetmask = in_addr(s_addr: configuration.mask.bigEndian)
    unsafe config.vhost = address(2)
    unsafe config.vnameserver = address(3)
    if let host = configuration.hostAddress { unsafe config.vhost.s_addr = host.bigEndian }
    if let server = configuration.nameServer { unsafe config.vnameserver.s_addr = server.bigEndian }
    unsafe config.vdhcp_start = address(configuration.guestNumber)
    unsafe config.in6_enabled = configuration.ipv6
    // A unique local prefix (RFC 4193) whose last part is the third byte of the IPv4 network.
    let subnet = UInt8(truncatingIfNeeded: configuration.network >> 8)
    let prefix: [UInt8] = [0xfd, 0x17, 0x62, 0x5c, 0xf0, 0x37, 0, subnet, 0, 0, 0, 0, 0, 0, 0]
    unsafe config.vprefix_addr6 = SlirpStack.address6(prefix + [0])
    unsafe config.vprefix_len = 64
    unsafe config.vhost6 = SlirpStack.address6(prefix + [2])
    unsafe config.vnameserver6 = SlirpStack.address6(prefix + [3])
    // SAFETY: the copies live as long as this object.
    unsafe config.vhostname = text(configuration.hostName)
    unsafe config.tftp_path = text(configuration.tftpFolder)
    unsafe config.bootfile = text(configuration.bootFile)
    unsafe config.disable_host_loopback = !configuration.reachesLoopback
    unsafe config.enable_emu = false
  }
  private static func address6(_ bytes: [UInt8]) -> in6_addr {
    var address = in6_addr()
    // SAFETY: both are sixteen bytes.
    unsafe withUnsafeMutableBytes(of: &address) { target in
      for (index, byte) in bytes.prefix(target.count).enumerated() { unsafe target[index] = byte }
    }
    return address
  }

  private static func stack(_ opaque: UnsafeMutableRawPointer?) -> SlirpStack? {
    guard let opaque = unsafe opaque else { return nil }
    return unsafe Unmanaged<SlirpStack>.fromOpaque(opaque).takeUnretainedValue()
  }
  private func setCallbacks() {
    // SAFETY: see the type: `opaque` is this object during every call.
    unsafe callbacks.pointee.send_packet = { bytes, count, opaque in
      guard let stack = unsafe SlirpStack.stack(opaque), let bytes = unsafe bytes, count > 0 else { return -1 }
      unsafe stack.append(UnsafeRawBufferPointer(start: bytes, count: count))
      return count
    }
    unsafe callbacks.pointee.guest_error = { _, _ in }
    unsafe callbacks.pointee.clock_get_ns = { _ in HostClock.monotonicNanoseconds }
    unsafe callbacks.pointee.timer_new_opaque = { _, argument, opaque in
      guard let stack = unsafe SlirpStack.stack(opaque) else { return nil }
      unsafe stack.timerOpaque = argument
      return unsafe opaque
    }
    unsafe callbacks.pointee.timer_free = { _, opaque in unsafe SlirpStack.stack(opaque)?.timerDue = nil }
    unsafe callbacks.pointee.timer_mod = { _, milliseconds, opaque in
      unsafe SlirpStack.stack(opaque)?.timerDue = milliseconds &* 1_000_000
    }
    unsafe callbacks.pointee.register_poll_fd = { _, _ in }
    unsafe callbacks.pointee.unregister_poll_fd = { _, _ in }
    unsafe callbacks.pointee.notify = { _ in }
    unsafe callbacks.pointee.init_completed = { _, _ in }
  }

  private func append(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= NetworkFrame.headerSize, outputBytes + bytes.count <= SlirpStack.outputLimit else { return }
    outputBytes += bytes.count
    // SAFETY: libslirp lends the bytes for the duration of the call; they are copied.
    output.append(NetworkFrame(unsafe Array(bytes), isVerified: true))
  }
  /// Returns and forgets the frames made for the guest.
  func takeFrames() -> [NetworkFrame] {
    defer {
      output = []
      outputBytes = 0
    }
    return output
  }

  /// Hands frames of the guest in.
  func input(_ frames: [NetworkFrame]) {
    guard let slirp = unsafe slirp else { return }
    SlirpStack.locked {
      for frame in frames where frame.bytes.count >= NetworkFrame.headerSize {
        // SAFETY: pointer and count belong to the array.
        unsafe slirp_input(slirp, frame.bytes, Int32(frame.bytes.count))
      }
    }
  }

  /// Waits until `wake` is readable, one of the stack's sockets is ready, or `milliseconds` have passed, and lets the
  /// stack work. With `sockets` false only `wake` ends the wait early. Returns whether `wake` was readable.
  func turn(wake: Int32, sockets: Bool, milliseconds: UInt32) -> Bool {
    guard let slirp = unsafe slirp else { return false }
    var timeout = milliseconds
    polled = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
    let opaque = unsafe Unmanaged.passUnretained(self).toOpaque()
    if sockets {
      SlirpStack.locked {
        // SAFETY: the callback runs during the call, with `opaque` being this object.
        unsafe slirp_pollfds_fill(
          slirp, &timeout,
          { descriptor, events, opaque in
            guard let stack = unsafe SlirpStack.stack(opaque) else { return -1 }
            return stack.add(descriptor, events)
          }, opaque)
      }
      if opensPort { widenBacklogs() }
    }
    if let timerDue {
      let left = max(0, timerDue &- HostClock.monotonicNanoseconds) / 1_000_000
      timeout = min(timeout, UInt32(clamping: left))
    }
    // SAFETY: `polled` outlives the call; the count is its own.
    let ready = unsafe poll(&polled, nfds_t(polled.count), Int32(clamping: timeout))
    if ready <= 0 { for index in polled.indices { polled[index].revents = 0 } }
    if sockets {
      SlirpStack.locked {
        // SAFETY: as above.
        unsafe slirp_pollfds_poll(
          slirp, ready < 0 ? 1 : 0,
          { index, opaque in unsafe SlirpStack.stack(opaque)?.events(Int(index)) ?? 0 }, opaque)
      }
    }
    if let due = timerDue, due <= HostClock.monotonicNanoseconds {
      timerDue = nil
      SlirpStack.locked { unsafe slirp_handle_timer(slirp, SLIRP_TIMER_RA, timerOpaque) }
    }
    return polled[0].revents != 0
  }

  private func add(_ descriptor: Int32, _ events: Int32) -> Int32 {
    var wanted: Int32 = 0
    if events & Int32(SLIRP_POLL_IN) != 0 { wanted |= POLLIN }
    if events & Int32(SLIRP_POLL_OUT) != 0 { wanted |= POLLOUT }
    if events & Int32(SLIRP_POLL_PRI) != 0 { wanted |= POLLPRI }
    if events & Int32(SLIRP_POLL_ERR) != 0 { wanted |= POLLERR }
    if events & Int32(SLIRP_POLL_HUP) != 0 { wanted |= POLLHUP }
    polled.append(pollfd(fd: descriptor, events: Int16(wanted), revents: 0))
    return Int32(polled.count - 1)
  }
  private func events(_ index: Int) -> Int32 {
    guard polled.indices.contains(index) else { return 0 }
    let found = Int32(polled[index].revents)
    var events = 0
    if found & POLLIN != 0 { events |= SLIRP_POLL_IN }
    if found & POLLOUT != 0 { events |= SLIRP_POLL_OUT }
    if found & POLLPRI != 0 { events |= SLIRP_POLL_PRI }
    if found & POLLERR != 0 { events |= SLIRP_POLL_ERR }
    if found & POLLHUP != 0 { events |= SLIRP_POLL_HUP }
    return Int32(events)
  }

  /// Lets more connections wait on the sockets that listen.
  private func widenBacklogs() {
    opensPort = false
    for entry in polled.dropFirst() {
      var (isListening, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
      // SAFETY: the value is as large as its size says. Sockets of the stack stay open until it is called again.
      let code = unsafe getsockopt(entry.fd, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size)
      if code == 0 && isListening != 0 { _ = listen(entry.fd, SlirpStack.backlog) }
    }
  }

  // MARK: Port forwards

  func add(_ forward: PortForward) throws(NetworkError) {
    guard let slirp = unsafe slirp else { return }
    let code = SlirpStack.locked {
      unsafe slirp_add_hostfwd(
        slirp, forward.transport == .udp ? 1 : 0, in_addr(s_addr: forward.host.address.bigEndian),
        Int32(forward.host.port), in_addr(s_addr: forward.guest.address.bigEndian), Int32(forward.guest.port))
    }
    guard code == 0 else {
      throw NetworkError("port forward '\(forward)': \(SystemCallError.last("bind").reason)")
    }
    opensPort = true
  }
  func remove(_ forward: PortForward) throws(NetworkError) {
    guard let slirp = unsafe slirp else { return }
    let code = SlirpStack.locked {
      unsafe slirp_remove_hostfwd(
        slirp, forward.transport == .udp ? 1 : 0, in_addr(s_addr: forward.host.address.bigEndian),
        Int32(forward.host.port))
    }
    guard code == 0 else { throw NetworkError("port forward '\(forward)': there is none") }
  }
}
