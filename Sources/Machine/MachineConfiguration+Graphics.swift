import Base
import Devices

extension MachineConfiguration {
  /// The display adapter.
  public struct Graphics: Equatable, Sendable {
    /// Which one.
    public var controller = GraphicsController.vga
    /// Bytes of video memory: a power of two, 1 to 256 MiB.
    public var memory = Graphics.usualMemory
    /// Monitors that the guest may use, 1 to `maximumMonitors`; more than one only with VirtualBox's and VMware's.
    public var monitors = 1
    public init(_ controller: GraphicsController = .vga, memory: Int = Graphics.usualMemory, monitors: Int = 1) {
      self.controller = controller
      self.memory = memory
      self.monitors = monitors
    }

    /// 16 MiB: 1600 x 1200 with 32 bits, twice.
    public static let usualMemory = 16 << 20
    /// The most monitors of a machine.
    public static let maximumMonitors = 8

    func validate() throws(MachineError) {
      if memory & (memory - 1) != 0 || !(1 << 20...256 << 20).contains(memory) {
        throw MachineError(.configuration, "video memory must be 1, 2, 4 ... 256 MiB, not \(memory) bytes")
      }
      let most = controller == .vga ? 1 : Graphics.maximumMonitors
      if !(1...most).contains(monitors) {
        throw MachineError(
          .configuration, "the display adapter \(controller.rawValue) has 1 to \(most) monitors, not \(monitors)")
      }
    }

    /// The form in which one program hands it to another; `init(_:)` reads it.
    var json: JSON {
      [
        "controller": .string(controller.rawValue), "memory": .integer(Int64(memory)),
        "monitors": .integer(Int64(monitors)),
      ]
    }
    init(_ field: JSONField) throws(MachineError) {
      for member in try field.members() {
        let member = JSONField("\(field.name).\(member.key)", member.value)
        switch member.lastName {
        case "controller": controller = try member.choice()
        case "memory": memory = Int(try member.integer(in: 1...Int64(Int32.max)))
        case "monitors": monitors = Int(try member.integer(in: 0...64))
        default: throw MachineError(.configuration, "unknown member '\(member.name)'")
        }
      }
    }
  }
}
