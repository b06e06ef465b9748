import Foundation
import HostSystem

/// The per-user service's places: one service for each folder of settings.
extension ServiceHome {
  /// A name for the settings folder that is short enough for sockets (FNV-1a).
  private var mark: String {
    let hash = folder.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
  /// Where the service listens; only the owner may connect.
  public var serviceSocket: String { "\(runtime)/ringboxd-\(mark).sock" }
  /// Port and token of the pages it serves, so that a service that follows a killed one goes on with them.
  public var serviceWeb: String { "\(runtime)/ringboxd-\(mark).web" }
  /// What the service has to say.
  public var serviceLog: String { "\(folder)/ringboxd.log" }
  fileprivate var serviceLock: String { "\(runtime)/ringboxd-\(mark).lock" }

  /// Makes the settings folder the working directory.
  public func enter() { _ = FileManager.default.changeCurrentDirectoryPath(folder) }

  /// Starts the service's program in the background, with its messages in its log.
  public func startService(_ program: String) throws(ServiceError) {
    try prepare()
    do throws(SystemCallError) {
      _ = try Host.spawn(program, [], output: "/dev/null", errors: serviceLog, inherited: [])
    } catch {
      throw ServiceError(.hostError, "Could not start '\(program)': \(error.reason)", .registry)
    }
  }

  /// What windows have to say.
  public var windowLog: String { "\(folder)/ringbox-sdl.log" }
  /// Starts the program of a machine's window in the background.
  public func startWindow(_ program: String, _ arguments: [String]) throws(ServiceError) {
    try prepare()
    do throws(SystemCallError) {
      _ = try Host.spawn(program, arguments, output: "/dev/null", errors: windowLog, inherited: [])
    } catch {
      throw ServiceError(.hostError, "Could not start '\(program)': \(error.reason)", .session)
    }
  }
}

/// The right to be the service: only one process has it, until it ends.
public struct ServiceSeat: ~Copyable, Sendable {
  private let lock: LockFile

  /// nil when another process is the service.
  public init?(_ home: ServiceHome) throws(ServiceError) {
    try home.prepare()
    let opened: LockFile
    do throws(SystemCallError) { opened = try LockFile(home.serviceLock) } catch {
      throw ServiceError(.fileError, "Could not open '\(home.serviceLock)': \(error.reason)", .registry)
    }
    guard opened.take() else { return nil }
    lock = consume opened
  }
}
