import Base

/// How the screen is to be recorded.
public struct RecordingSettings: Equatable, Sendable {
  /// The file, in WebM format; one that is there is overwritten.
  public var path: String
  /// Pixels of the picture. A larger screen is made smaller, a smaller one has black around it.
  public var width = 1024
  /// See `width`.
  public var height = 768
  /// Pictures a second.
  public var framesPerSecond = 25
  /// Thousands of bits a second that the encoder aims at.
  public var rate = 512
  /// The recording ends by itself after so many seconds; 0: it does not.
  public var seconds = 0
  /// The file becomes no larger, in MiB; 0: no limit.
  public var mebibytes = 0

  public init(path: String) { self.path = path }

  /// Names and limits, in requests and in the options of a machine's process.
  static let members:
    [(name: String, place: WritableKeyPath<RecordingSettings, Int> & Sendable, range: ClosedRange<Int64>)] = [
      ("width", \.width, 16...4096), ("height", \.height, 16...4096), ("framesPerSecond", \.framesPerSecond, 1...60),
      ("rate", \.rate, 1...100_000), ("maximumSeconds", \.seconds, 0...31_536_000),
      ("maximumMebibytes", \.mebibytes, 0...1_048_576),
    ]

  /// Reads an object with the members of a request.
  public init(json: JSON) throws(ControlError) {
    guard let path = json["path"]?.string, !path.isEmpty, !path.utf8.contains(0) else {
      throw ControlError("\"path\" must be a file name")
    }
    self.init(path: path)
    for member in json.members ?? [] where member.key != "path" {
      guard let known = RecordingSettings.members.first(where: { $0.name == member.key }) else {
        throw ControlError("unknown member \"\(member.key)\"")
      }
      guard let number = member.value.integer, known.range.contains(number) else {
        throw ControlError(
          "\"\(member.key)\" must be a whole number from \(known.range.lowerBound) to \(known.range.upperBound)")
      }
      self[keyPath: known.place] = Int(number)
    }
  }
}
