import Foundation

extension FileHandle {
  /// Reads as empty, and keeps nothing: for programs that tests start.
  ///
  /// Not `nullDevice`: for that, Foundation's `Process` opens a descriptor of its own that may be closed before the
  /// program has been started. Another thread's file has its number then, and becomes the program's input or output.
  public static let nowhere = FileHandle(forUpdatingAtPath: "/dev/null") ?? .nullDevice
}
