import Base
import Glibc
import Machine

@main struct Main {
  static func main() throws {
    var c = MachineConfiguration()
    c.memory = 512 << 20
    var seconds = 600
    var args = Array(CommandLine.arguments.dropFirst())
    func next() -> String { args.removeFirst() }
    while !args.isEmpty {
      switch next() {
      case "--memory": c.memory = UInt64(next())! << 20
      case "--cpus": c.cpus = Int(next())!
      case "--cpu": c.cpu = next()
      case "--kernel": c.kernel = next()
      case "--initrd": c.initrd = next()
      case "--append": c.append = next()
      case "--boot": c.bootOrder = next()
      case "--disk": c.disks.append(.init(path: next(), snapshot: true))
      case "--virtio": c.disks.append(.init(path: next(), interface: .virtio, snapshot: true))
      case "--cdrom": c.cdroms.append(next())
      case "--floppy": c.floppies.append(next())
      case "--seconds": seconds = Int(next())!
      case "--debugcon": c.debugConsole = .stdio
      default: fatalError("argument")
      }
    }
    setvbuf(stdout, nil, _IONBF, 0)
    let machine: Machine
    do {
      machine = try Machine(configuration: c) { event in
        switch event {
        case .serialOutput(_, let bytes), .debugOutput(let bytes): _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
        default: fputs("[\(event)]\n", stderr)
        }
      }
    } catch {
      print(error)
      exit(1)
    }
    machine.start()
    let input = Thread { while true { var b = [UInt8](repeating: 0, count: 64); let n = read(0, &b, 64); if n <= 0 { break }; machine.serialInput(port: 0, Array(b[0..<n])) } }
    input.start()
    var lastText = ""
    for second in 0..<seconds {
      sleep(1)
      if machine.state == .stopped { break }
      if second % 10 == 9 {
        let text = machine.textScreen()?.text ?? "graphics"
        if text != lastText && getenv("SCREEN") != nil { fputs("=== screen\n\(text)\n===\n", stderr) }
        lastText = text
        if getenv("STATUS") != nil { fputs(machine.status.text + "\n", stderr) }
      }
    }
    fputs(machine.status.text + "\n", stderr)
    fputs((machine.textScreen()?.text ?? "graphics") + "\n", stderr)
    machine.stop()
  }
}
final class Thread: @unchecked Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  func start() {
    var t = pthread_t()
    pthread_create(&t, nil, { a in Unmanaged<Thread>.fromOpaque(a!).takeRetainedValue().body(); return nil }, Unmanaged.passRetained(self).toOpaque())
  }
}
