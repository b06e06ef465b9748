import Base
import DeviceKit
import Devices
import DiskImages

// Drives and media that come and go while the machine runs.
extension Machine {
  /// Names of the drives whose medium can be changed.
  public var removableDrives: [String] { storage.drives.filter { $0.kind != .disk }.map(\.name) }

  /// Takes the medium out of a CD-ROM or floppy drive, or with a path puts another in.
  public func mediumChange(drive name: String, path: String?) throws(MachineError) {
    guard let drive = storage.drive(named: name), drive.kind != .disk else {
      let names = removableDrives.isEmpty ? "none" : removableDrives.joined(separator: ", ")
      throw MachineError(.configuration, "no removable drive '\(name)' (there are: \(names))")
    }
    guard state != .stopped else { throw MachineError(.state, "the machine has stopped") }
    let image: (any DiskImage)?
    if let path { image = try Storage.openMedium(path, drive.kind) } else { image = nil }
    control.perform { [board] in
      if let image { drive.worker.insert(image) } else { drive.worker.eject() }
      switch drive.place {
      case .ide(let number):
        board.ide.withDevice { device, services in device.mediumChanged(drive: number, drive.medium, services) }
      case .floppy(let number):
        board.floppy.withDevice { device, services in device.mediumChanged(drive: number, drive.medium, services) }
      case .sata(let port):
        board.ahci?.withDevice { device, services in device.mediumChanged(drive: port, drive.medium, services) }
      case .lsilogic(let target):
        board.lsiLogic?.withDevice { device, services in device.mediumChanged(target: target, drive.medium, services) }
      case .lsilogicsas(let target):
        board.lsiLogicSAS?.withDevice { device, services in
          device.mediumChanged(target: target, drive.medium, services)
        }
      case .buslogic(let target):
        board.busLogic?.withDevice { device, services in device.mediumChanged(target: target, drive.medium, services) }
      case .virtio, .scsi, .nvme: break
      }
    }
  }

  // MARK: Hot-plug

  /// Plugs a drive into a port of the AHCI controller; a machine that is paused finds it when it goes on. Returns at once;
  /// `completion` comes on another thread, with the drive's name and port.
  public func attach(
    _ drive: MachineConfiguration.NewDrive,
    completion: @escaping @Sendable (Result<(name: String, port: Int), MachineError>) -> Void
  ) {
    control.post { [self] in
      do throws(MachineError) {
        try checkPlugging()
        let plugged = try storage.plug(drive)
        guard case .sata(let port) = plugged.place else { return }
        board.ahci?.withDevice { device, services in
          device.driveChanged(port: port, plugged.ataConfiguration, services)
        }
        completion(.success((plugged.name, port)))
      } catch { completion(.failure(error)) }
    }
  }
  /// Takes a drive away, as if somebody pulled it out: the guest is not asked. What the guest had under way fails there,
  /// and ends here; what had ended is on stable storage when `completion` comes, on another thread.
  public func detach(drive name: String, completion: @escaping @Sendable (MachineError?) -> Void) {
    control.post { [self] in
      do throws(MachineError) {
        try checkPlugging()
        guard let drive = storage.drive(named: name) else { throw MachineError(.configuration, "no drive '\(name)'") }
        guard case .sata(let port) = drive.place, drive.canComeAndGo else {
          throw MachineError(.configuration, "\(drive.name) cannot be taken away while the machine runs")
        }
        // The controller asks nothing of it from here on, and guest memory is the guest's when CR goes.
        board.ahci?.withDevice { device, services in device.driveChanged(port: port, .none, services) }
        if let failure = storage.unplug(drive) {
          report(.log(device: drive.name, kind: .info, text: "the host did not take what was written last: \(failure)"))
        }
        completion(nil)
      } catch { completion(error) }
    }
  }
  /// Which drives there are, and what is in them. `completion` comes on another thread, behind all that was asked for before.
  public func listDrives(completion: @escaping @Sendable (JSON) -> Void) {
    control.post { [storage] in
      completion(
        .array(
          storage.drives.map { drive in
            [
              "name": .string(drive.name), "kind": .string("\(drive.kind)"),
              "slot": drive.slot.map { .string($0) } ?? .null, "path": drive.worker.path.map { .string($0) } ?? .null,
              "hotPluggable": .bool(drive.canComeAndGo),
            ]
          }))
    }
  }
  private func checkPlugging() throws(MachineError) {
    guard state == .running || state == .paused else {
      throw MachineError(.state, "the machine is neither running nor paused")
    }
    guard time.schedule == nil else {
      throw MachineError(.state, "drives of a deterministic machine stay: their coming and going follows from no seed")
    }
    guard !background.isBusy else { throw Machine.busy }
  }
}
