/// What the command line says, in VBoxSDL's grammar.
struct Options {
  /// What closing the window does to the machine.
  enum Closing: String, CaseIterable {
    /// The user is asked.
    case ask
    /// The power button; the window stays until the guest has switched itself off.
    case acpi
    case save, poweroff
    /// The machine runs on.
    case detach
  }
  /// Why nothing comes of it.
  struct Refused: Error {
    var text: String
  }

  var machine = ""
  /// The machine is another program's: it is only looked at.
  var isSeparate = false
  var isFullScreen = false
  /// Full screen is not left or entered by key.
  var keepsScreen = false
  /// The user cannot change the window's size.
  var isRigid = false
  /// Size of the window, whatever the guest's mode is.
  var fixedSize: (width: Int, height: Int)?
  /// SDL's name or the number of VBoxSDL's day; nil: no key is the user's own.
  var hostKey: String? = "Right Ctrl"
  /// Letters behind the host key that do nothing.
  var disabledKeys: Set<Character> = []
  var grabsOnClick = true
  var closing = Closing.ask
  var discardsState = false
  var wantsHelp = false, wantsVersion = false
  /// What was asked for in vain.
  private(set) var notes: [String] = []

  /// Options that mean nothing here, with the number of words behind them.
  private static let ignored = [
    "memory": 1, "vram": 1, "boot": 1, "hda": 1, "fda": 1, "cdrom": 1, "vrdp": 1, "vrdeport": 1, "settingspw": 1,
    "settingspwfile": 1, "evdevkeymap": 0, "rawr0": 0, "norawr0": 0, "rawr3": 0, "norawr3": 0, "patm": 0, "nopatm": 0,
    "csam": 0, "nocsam": 0, "hwvirtex": 0, "nohwvirtex": 0, "execute-all-in-iem": 0, "warpdrive": 1,
    "fullscreenresize": 0, "detecthostkey": 0, "convertsettings": 0, "tapdev": 1, "boottrace": 0, "vmm": 1,
  ]

  init(_ words: [String]) throws(Refused) {
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("-") else {
        guard machine.isEmpty else { throw Refused(text: "a second machine, '\(word)'") }
        machine = word
        continue
      }
      try take(word, String(word.drop { $0 == "-" }).lowercased(), &rest)
    }
    if !wantsHelp, !wantsVersion, machine.isEmpty { throw Refused(text: "which machine? (--startvm NAME)") }
  }

  private mutating func take(_ word: String, _ name: String, _ rest: inout ArraySlice<String>) throws(Refused) {
    switch name {
    case "startvm", "vm", "s": machine = try Options.next(word, &rest)
    case "separate": isSeparate = true
    case "fullscreen": isFullScreen = true
    case "nofstoggle": keepsScreen = true
    case "noresize": isRigid = true
    case "fixedmode", "fixedres":
      guard let width = Int(try Options.next(word, &rest)), let height = Int(try Options.next(word, &rest)),
        let bits = Int(try Options.next(word, &rest)), (64...8192).contains(width), (64...8192).contains(height),
        bits > 0
      else { throw Refused(text: "\(word) takes a width, a height and a number of bits") }
      fixedSize = (width, height)
    case "nohostkey": hostKey = nil
    case "nohostkeys": disabledKeys = Set(try Options.next(word, &rest).lowercased())
    case "hostkey":
      hostKey = Options.keyName(try Options.next(word, &rest))
      // A second key and the modifier's bits may follow.
      while let more = rest.first, Int(more) != nil { _ = rest.popFirst() }
    case "nograbonclick": grabsOnClick = false
    case "termacpi": closing = .acpi
    case "close":
      let text = try Options.next(word, &rest)
      guard let closing = Closing(rawValue: text) else {
        throw Refused(text: "\(word) takes one of \(Closing.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      self.closing = closing
    case "discardstate": discardsState = true
    case "help", "h", "?": wantsHelp = true
    case "version", "v": wantsVersion = true
    default:
      guard let count = Options.ignored[name] else { throw Refused(text: "unknown option '\(word)'") }
      for _ in 0..<count { _ = try Options.next(word, &rest) }
      notes.append("\(word) is ignored\(["memory", "vram", "boot"].contains(name) ? ": see 'ringbox modifyvm'" : "")")
    }
  }
  private static func next(_ word: String, _ rest: inout ArraySlice<String>) throws(Refused) -> String {
    guard let value = rest.popFirst() else { throw Refused(text: "\(word) needs a value") }
    return value
  }
  /// Modifier keys by the numbers that SDL 1.2 gave them, or by short names; else as it is.
  private static func keyName(_ text: String) -> String {
    let names = [
      "303": "Right Shift", "304": "Left Shift", "305": "Right Ctrl", "306": "Left Ctrl", "307": "Right Alt",
      "308": "Left Alt", "309": "Right GUI", "310": "Left GUI", "311": "Left GUI", "312": "Right GUI",
      "rctrl": "Right Ctrl", "lctrl": "Left Ctrl", "ralt": "Right Alt", "lalt": "Left Alt", "rshift": "Right Shift",
      "lshift": "Left Shift", "rwin": "Right GUI", "lwin": "Left GUI",
    ]
    return names[text.lowercased()] ?? text
  }

  static let usage = """
    usage: ringbox-sdl --startvm NAME|UUID [options]

      --separate             looks at a machine that runs already; closing the window leaves it alone
      --fullscreen           begins with the full screen
      --nofstoggle           no key enters or leaves full screen
      --fixedmode W H BPP    a window of this size, whatever mode the guest sets
      --noresize             the window's size cannot be changed by hand
      --hostkey KEY          the key that is not the guest's (Right Ctrl), by SDL's name or SDL 1.2's number
      --nohostkey            all keys are the guest's
      --nohostkeys LETTERS   these letters behind the host key do nothing
      --nograbonclick        a click does not capture the mouse; the host key does
      --termacpi             closing the window presses the power button
      --close ask|acpi|save|poweroff|detach
      --discardstate         forgets a saved state first
      --help, --version

    Behind the host key: F full screen, H power button, P pause, Q power off, R reset, S save the state,
    N take a snapshot, Del sends Ctrl-Alt-Del. The host key alone captures and releases mouse and keyboard.
    Other options of VBoxSDL's are accepted and ignored.

    """
}
