import ControlChannel
import HostSystem

/// The outer ends of serial ports and debug console.
///
/// Files are made last and emptied only when nothing else can fail, so that a start that fails leaves no trace.
struct Endpoints {
  private var created: [String] = []
  private var files: [HostStream] = []
  /// Devices of pseudo-terminals, for a message to the user: port name, path.
  private(set) var terminals: [(port: String, path: String)] = []

  /// Opens what `destinations` name and attaches it to the lines of the same index.
  mutating func open(_ destinations: [(Destination, SerialLine)]) throws {
    for (destination, line) in destinations {
      if let endpoint = try listener(destination, line) { line.attach(endpoint) }
    }
    for (destination, line) in destinations {
      guard case .file(let path) = destination else { continue }
      do {
        let (stream, isNew) = try HostStream.outputFile(path)
        if isNew { created.append(path) }
        files.append(stream)
        line.attach(.streams(input: nil, output: stream))
      } catch {
        undo()
        throw StartError(.failure, "\(line.name): cannot write '\(path)': \(error.reason)")
      }
    }
  }

  /// Everything else has worked: empties the files.
  func commit() { for file in files { file.truncate() } }

  /// Removes the files that `open` created.
  mutating func undo() {
    for path in created { HostFiles.remove(path) }
    created = []
  }

  private mutating func listener(_ destination: Destination, _ line: SerialLine) throws -> SerialEndpoint? {
    switch destination {
    case .none, .control, .file: return nil
    case .stdio:
      return .streams(input: HostStream(0, owned: false), output: HostStream.standard(1))
    case .tcp(let port):
      do { return .listener(try HostSocket.listenLoopback(port: port)) } catch {
        throw StartError(.failure, "\(line.name): cannot listen on TCP port \(port): \(error.reason)")
      }
    case .pty:
      do {
        let terminal = try PseudoTerminal()
        terminals.append((line.name, terminal.path))
        return .pseudoTerminal(terminal)
      } catch {
        throw StartError(.failure, "\(line.name): cannot open a pseudo-terminal: \(error.reason)")
      }
    }
  }
}
