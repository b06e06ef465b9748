import Base
import DeviceKit
import DiskImages
import Execution
import GuestMemory
import HostSystem
import StateFile
import Synchronization

/// An image that will be put over a disk when a snapshot is taken.
public struct SnapshotImage: Sendable, Equatable {
  /// As `Machine` calls the disk: `disk0`.
  public var drive: String
  /// Where the new image will be.
  public var path: String
  public var format: ImageFormat
  public var uuid: DiskUUID
  public init(drive: String, path: String, format: ImageFormat, uuid: DiskUUID) {
    self.drive = drive
    self.path = path
    self.format = format
    self.uuid = uuid
  }
}

extension SnapshotImage {
  /// From a list of objects with these members.
  public static func list(_ json: [JSON]) throws(MachineError) -> [SnapshotImage] {
    var images: [SnapshotImage] = []
    for entry in json {
      guard let drive = entry["drive"]?.string, let path = entry["path"]?.string, !path.isEmpty, !path.utf8.contains(0),
        let format = entry["format"]?.string.flatMap(ImageFormat.init(named:)),
        let uuid = entry["uuid"]?.string.flatMap({ DiskUUID($0) })
      else { throw MachineError(.configuration, "an image needs a drive, a path, a format and a uuid") }
      guard !images.contains(where: { $0.drive == drive || $0.path == path }) else {
        throw MachineError(.configuration, "two images for \(drive)")
      }
      images.append(SnapshotImage(drive: drive, path: path, format: format, uuid: uuid))
    }
    return images
  }
}

/// What became of a snapshot.
public struct SnapshotOutcome: Sendable, Equatable {
  /// How long the guest stood still.
  public var pauseNanoseconds: Int64 = 0
  /// Pages of RAM that the guest changed before they were written.
  public var keptPages = 0
  /// Why there is no state file, though the disks have been covered; nil when all went well.
  public var failure: String?
}

// Snapshots of a machine that runs on: its state goes to a file, and what it writes from then on to new images.
extension Machine {
  /// Makes the images that `takeSnapshot` will put over the disks. They are empty, and nothing refers to them yet.
  public func prepareSnapshot(_ images: [SnapshotImage]) throws(MachineError) {
    try onControlThread { [self] () throws(MachineError) in
      guard state == .running || state == .paused else {
        throw MachineError(.state, "the machine is neither running nor paused")
      }
      guard !background.isBusy else { throw Machine.busy }
      var made: [String] = []
      do throws(MachineError) {
        for image in images {
          try make(image, over: try base(of: image))
          made.append(image.path)
        }
      } catch {
        for path in made { HostFiles.remove(path) }
        throw error
      }
    }
  }
  private func base(of image: SnapshotImage) throws(MachineError) -> (Storage.Drive, any ManagedImage) {
    guard let drive = storage.drive(named: image.drive), drive.kind == .disk else {
      throw MachineError(.configuration, "no disk '\(image.drive)'")
    }
    guard let managed = drive.worker.managedImage else {
      throw MachineError(.state, "\(image.drive) forgets what is written to it; it cannot have snapshots")
    }
    return (drive, managed)
  }
  private func make(_ image: SnapshotImage, over base: (Storage.Drive, any ManagedImage)) throws(MachineError) {
    do throws(DiskError) {
      try ImageLibrary().createChild(image.path, of: try base.1.info(), format: image.format, uuid: image.uuid)
    } catch { throw MachineError(.file, "\(image.drive): \(error)") }
  }

  /// Stops the machine for a moment, keeps its state, puts the images over its disks, and lets it go on; then writes the
  /// state into a new file. Returns at once; `progress` and `completion` come on other threads.
  ///
  /// An error means that nothing has changed; once the disks are covered, what fails is told in the outcome.
  public func takeSnapshot(
    to path: String, _ images: [SnapshotImage], progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<SnapshotOutcome, MachineError>) -> Void
  ) {
    control.post { [self] in
      do throws(MachineError) {
        // Others stand still no sooner than they must.
        if time.schedule != nil, try !standStill() {
          return takeSnapshot(to: path, images, progress: progress, completion: completion)
        }
        guard !background.isBusy else { throw Machine.busy }
        let (units, frozen, pause) = try freeze(images)
        _ = background.start("snapshot") { [self] background in
          var outcome = SnapshotOutcome(pauseNanoseconds: pause)
          do throws(MachineError) {
            for drive in storage.drives {
              do throws(DiskError) { try drive.worker.flushCovered() } catch { throw .host(drive.name, "\(error)") }
            }
            try write(path, units, PastMemory(frozen: frozen), progress)
          } catch { outcome.failure = error.description }
          outcome.keptPages = frozen.keptPages
          frozen.release()
          background.end()
          completion(.success(outcome))
        }
      } catch { completion(.failure(error)) }
    }
  }

  /// The moment in which the machine stands still.
  private func freeze(
    _ images: [SnapshotImage]
  ) throws(MachineError) -> ([MachineUnit], FrozenMemory, Int64) {
    let before = state
    guard before == .running || before == .paused else {
      throw MachineError(.state, "the machine is neither running nor paused")
    }
    do throws(MachineError) {
      var covers = try images.map { image throws(MachineError) in try cover(image) }
      let start = HostClock.monotonicNanoseconds
      if before == .running { halt() }
      try quiesce()
      for (index, image) in images.enumerated() where !isFitting(covers[index].1, covers[index].0) {
        // The first write to the disk since it was opened came after the image was made.
        HostFiles.remove(image.path)
        covers[index] = try remade(image)
      }
      let units = board.save(processors)
      guard let frozen = memory.freeze() else {
        throw MachineError(.state, "another snapshot is being written")
      }
      processors.memoryMapChanged()
      for (drive, child) in covers { drive.worker.cover(with: child) }
      releaseInputs()
      if before == .running { runClocks() }
      return (units, frozen, HostClock.monotonicNanoseconds &- start)
    } catch {
      releaseInputs()
      if before == .running { runClocks() }
      throw error
    }
  }
  private func cover(_ image: SnapshotImage) throws(MachineError) -> (Storage.Drive, any ManagedImage) {
    let (drive, base) = try base(of: image)
    do throws(DiskError) {
      return (drive, try ImageLibrary().open(image.path, over: base))
    } catch {
      guard case .parentMismatch = error else { throw MachineError(.file, "\(image.drive): \(error)") }
    }
    HostFiles.remove(image.path)
    return try remade(image)
  }
  private func remade(_ image: SnapshotImage) throws(MachineError) -> (Storage.Drive, any ManagedImage) {
    let (drive, base) = try base(of: image)
    try make(image, over: (drive, base))
    do throws(DiskError) {
      return (drive, try ImageLibrary().open(image.path, over: base))
    } catch { throw MachineError(.file, "\(image.drive): \(error)") }
  }
  /// The base is still what the image was made over: its identity changes with the first write after it was opened.
  private func isFitting(_ image: any ManagedImage, _ drive: Storage.Drive) -> Bool {
    guard let base = drive.worker.managedImage, let info = try? base.info(), let child = try? image.info() else {
      return false
    }
    return (try? ImageChain.check(child, against: info)) != nil
  }

  private func onControlThread(
    _ body: @escaping @Sendable () throws(MachineError) -> Void
  ) throws(MachineError) {
    let outcome = Mutex<MachineError?>(nil)
    control.perform {
      do throws(MachineError) { try body() } catch { outcome.withLock { $0 = error } }
    }
    if let error = outcome.withLock({ $0 }) { throw error }
  }
}
