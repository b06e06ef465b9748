import Base

/// A virtual machine as the control channel sees it. All calls come from the event loop's thread and should be short.
public protocol MachineControl: AnyObject, Sendable {
  /// "running", "paused" or "stopped".
  var state: String { get }
  func pause() throws(ControlError)
  func resume() throws(ControlError)
  func reset() throws(ControlError)
  /// Raises a non-maskable interrupt.
  func injectNMI()
  /// Presses the ACPI power button.
  func powerButton() throws(ControlError)

  /// Saves the machine into a new file and ends it. Returns at once; `progress` (percents) and `completion` come on other
  /// threads.
  func saveState(
    path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void)

  /// Makes empty images that `takeSnapshot` will put over disks: objects with drive, path, format and uuid.
  func prepareSnapshot(images: [JSON]) throws(ControlError)
  /// Keeps the machine's state in a new file while it runs on, with the images over its disks. As `saveState`.
  func takeSnapshot(
    path: String, images: [JSON], progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void)

  /// Takes an image out of the chain of a disk: what it holds goes into the one at `path`, which lies on it. As
  /// `saveState`.
  func mergeImage(
    parent: String, into path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void)

  /// The scan codes (set 1) that type one character on a US keyboard, presses and releases; nil when no key does.
  func scanCodes(typing character: Character) -> [UInt8]?
  /// The scan codes of a chord such as "ctrl-alt-delete": its keys pressed in order, then released in reverse.
  func scanCodes(chord: String) throws(ControlError) -> [UInt8]
  /// Hands scan codes (set 1) to the keyboard; returns how many it took: none while the guest has not read those before.
  /// A code is not torn apart.
  func keyboardInput(_ codes: [UInt8]) -> Int
  /// The lights of the keyboard's locks, as the guest has set them.
  var keyboardLEDs: KeyboardLEDs { get }
  /// The mouse moved, or its buttons did.
  func mouseInput(_ motion: PointerMotion)
  /// The guest takes places of the mouse, and not only distances.
  var isPointerAbsolute: Bool { get }

  /// What the display shows, as text; nil in graphics modes or without a display.
  func textScreen() -> ScreenText?
  /// The display as a PNG file.
  func screenshot() throws(ControlError) -> [UInt8]
  /// Asks the guest for another mode of a monitor (from 0); nil for what is the guest's to choose.
  func hintMode(_ hint: ModeHint) throws(ControlError)
  /// Records the screen from now on.
  func startRecording(_ settings: RecordingSettings) throws(ControlError)
  /// Ends the recording; `completion` comes on another thread, when the file is whole.
  func stopRecording(completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void)
  /// Bytes of guest-physical memory; nil where there is no RAM.
  func readMemory(_ address: UInt64, count: Int) -> [UInt8]?
  /// Puts a medium into a removable drive, or takes it out with nil.
  func changeMedium(drive: String, path: String?) throws(ControlError)
  /// Plugs a drive in, of kind "disk" or "cdrom", as a configuration describes it. `completion` comes on another thread,
  /// with the drive's name and port.
  func attach(
    kind: String, _ drive: JSON, completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void)
  /// Takes a drive away; `completion` comes on another thread, when nobody uses its image any more.
  func detach(
    drive: String, completion: @escaping @Sendable (Result<[(String, JSON)], ControlError>) -> Void)
  /// Which drives there are, as a list of objects. `completion` comes on another thread, behind what came and went before.
  func listDrives(completion: @escaping @Sendable (JSON) -> Void)

  /// Plugs the cable of a network card in or out.
  func setLink(card: String, isUp: Bool) throws(ControlError)
  /// Adds a port forward to a card behind a NAT, or takes it away.
  func changeForward(card: String, rule: String, add: Bool) throws(ControlError)
  /// Changes what the cards of a group may send together; 0: no limit.
  func limitGroup(_ group: String, bitsPerSecond: Int64) throws(ControlError)
  /// Writes what passes a card into a file from now on, or with nil no longer into any.
  func setTrace(card: String, path: String?) throws(ControlError)
  /// Changes what a card hears that is not for it: "deny", "allow-vms" or "allow".
  func setPromiscuous(card: String, policy: String) throws(ControlError)
  /// The network cards, as a list of objects.
  var networkStatus: JSON { get }

  var deviceNames: [String] { get }
  /// A device's state in words; nil when there is no such device.
  func deviceInfo(_ name: String) -> String?
  var statistics: JSON { get }
  /// What each processor's engine counted, as a list of objects.
  var engineStatistics: JSON { get }
  /// A processor's registers by name; nil when there is no such processor.
  func registers(cpu: Int) -> [(name: String, value: UInt64)]?
  /// Changes registers of a processor, by name.
  func setRegisters(cpu: Int, _ values: [(name: String, value: UInt64)]) throws(ControlError)
  /// Whose log lines are told, as "+all -rtc"; nil: as before. What holds from now on.
  func setLogGroups(_ text: String?) throws(ControlError) -> String
  /// Translated code of a processor in a range of guest addresses as text, at most `limit` blocks; how many more there are.
  func dumpCode(cpu: Int, range: AddressRange, limit: Int) throws(ControlError) -> (text: String, more: Int)
}

/// Why a control command failed; the text goes to the client.
public struct ControlError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A text screen at one moment.
public struct ScreenText: Equatable, Sendable {
  /// One string a row, with trailing blanks.
  public var rows: [String]
  /// Column and row of the cursor, from 0; nil when it is hidden.
  public var cursor: (column: Int, row: Int)?
  public init(rows: [String], cursor: (column: Int, row: Int)? = nil) {
    self.rows = rows
    self.cursor = cursor
  }
  public static func == (a: ScreenText, b: ScreenText) -> Bool {
    a.rows == b.rows && a.cursor?.column == b.cursor?.column && a.cursor?.row == b.cursor?.row
  }
  /// The rows without trailing blanks, one line each.
  public var text: String {
    rows.map { row in
      var row = Substring(row)
      while row.last == " " { row.removeLast() }
      return String(row)
    }.joined(separator: "\n")
  }
}
