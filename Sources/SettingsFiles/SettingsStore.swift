/// What settings files need of a file system; tests put one that loses power in its place.
public protocol SettingsStore: Sendable {
  func exists(_ path: String) -> Bool
  /// The whole file, unless it is longer than `maximum`.
  func read(_ path: String, maximum: Int) throws(SettingsError) -> [UInt8]
  /// A file of this name and contents, made new or emptied first; only its owner may read it.
  func write(_ path: String, _ contents: [UInt8]) throws(SettingsError)
  /// Waits until the file's contents are on stable storage.
  func synchronize(_ path: String) throws(SettingsError)
  /// The file gets a second name, which must not be taken.
  func link(_ path: String, _ name: String) throws(SettingsError)
  func rename(_ path: String, to name: String) throws(SettingsError)
  func remove(_ path: String)
  /// Waits until the names in the file's folder are on stable storage.
  func synchronizeFolder(of path: String) throws(SettingsError)
}

extension SettingsStore {
  /// Replaces a file so that at every moment, and after a power cut at any moment, it has its old or its new contents.
  /// With `keepsPrevious` the old contents stay under the name with "-prev" behind it.
  public func replace(_ path: String, _ contents: [UInt8], keepsPrevious: Bool) throws(SettingsError) {
    let temporary = "\(path)-tmp"
    do throws(SettingsError) {
      try write(temporary, contents)
      // Before the name: else the name could outlive the contents.
      try synchronize(temporary)
      if keepsPrevious, exists(path) { keepPrevious(path) }
      try rename(temporary, to: path)
    } catch {
      remove(temporary)
      throw error
    }
    try synchronizeFolder(of: path)
  }
  /// A convenience for people, which file systems without links do not get.
  private func keepPrevious(_ path: String) {
    let link = "\(path)-prev-tmp"
    remove(link)
    do throws(SettingsError) {
      try self.link(path, link)
      try rename(link, to: "\(path)-prev")
    } catch { remove(link) }
  }
}
