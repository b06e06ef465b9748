import Base
import DisplayClient
import HostSystem

/// Where the user sits: windows, keyboard and mouse on one side, the machine's display on the other.
///
/// Lives on the main thread. The machine's display and the service have threads of their own, which only wake this one.
final class Seat {
  private let options: Options
  private let machine: KeptMachine
  private var link: ScreenLink
  private let screens: Screens
  private let hostKey: Int?
  private var hostKeyIsDown = false
  /// The host key was used for something else than itself.
  private var hostKeyIsUsed = false
  private var isCaptured = false
  private var isFullScreen: Bool
  private var pressed: Set<Int> = []
  private var buttons: UInt8 = 0
  private var clipboard = ""
  private var areas: [ScreenArea] = []
  /// The power button was pressed by closing the window; another time means it.
  private var isClosing = false
  private var isOver = false
  private let question = Question()

  init(_ options: Options, _ machine: KeptMachine, _ link: ScreenLink) throws(Screens.Failure) {
    self.options = options
    self.machine = machine
    self.link = link
    isFullScreen = options.isFullScreen
    screens = try Screens(isResizable: !options.isRigid, fixedSize: options.fixedSize)
    if let name = options.hostKey {
      guard let key = Screens.key(named: name) else { throw Screens.Failure(text: "no key is called '\(name)'") }
      hostKey = key
    } else {
      hostKey = nil
    }
  }

  /// Until the machine or the user ends it.
  func run() throws(Screens.Failure) {
    try draw()
    if isFullScreen { screens.setFullScreen(true) }
    clipboard = screens.clipboard
    while !isOver {
      if let event = screens.next(milliseconds: 1000) {
        try handle(event)
      } else if link.isOver {
        // The last word may have come before there was anybody to hear it.
        try look()
      }
    }
    release()
    screens.close()
    link.close()
  }

  private func handle(_ event: WindowEvent) throws(Screens.Failure) {
    switch event {
    case .key(let number, let isDown): key(number, isDown)
    case .motion(let window, let x, let y, let dx, let dy): motion(window, x, y, dx, dy)
    case .button(let number, let isDown): button(number, isDown)
    case .wheel(let distance): wheel(distance)
    case .focus(let isHere): if isHere { copyOut() } else { release() }
    case .clipboard: copyOut()
    case .close: close()
    case .redraw: for index in 0..<screens.count { screens.show(index) }
    case .wake: try look()
    case .other: break
    }
  }

  // MARK: Screen

  /// Something happened at the machine's side.
  private func look() throws(Screens.Failure) {
    for failure in machine.takeFailures() {
      isClosing = false
      RingboxSDL.say("error: \(failure)\n")
      question.ask(machine.name, failure, ["OK"], isAboutEnd: false)
    }
    if let answer = question.takeAnswer() { act(on: answer) }
    if link.isOver { return try reconnect() }
    try draw()
    for text in link.use({ $0.takeClipboards() }) where text != clipboard {
      clipboard = text
      screens.clipboard = text
    }
    showTitle()
  }
  /// The display has closed the connection: with the machine, or because another viewer wanted it alone.
  private func reconnect() throws(Screens.Failure) {
    var nothing: [PollEntry] = []
    for _ in 0..<100 {
      if !machine.isOnline {
        isOver = true
        return
      }
      if let path = try? machine.displaySocket(), let new = try? ScreenLink(path, changed: Screens.wake) {
        link = new
        return
      }
      HostPoll.wait(&nothing, nanoseconds: 100_000_000)
    }
    throw Screens.Failure(text: "the machine's display does not answer any more")
  }

  /// What has changed, copied so that the link's thread goes on while it is drawn.
  private struct News: Sendable {
    var areas: [ScreenArea]
    var change: ScreenArea
    /// Rows of the change.
    var pixels: [UInt32]
  }
  private func draw() throws(Screens.Failure) {
    let news = link.use { client -> News? in
      guard let change = client.takeChange(), change.width > 0, change.height > 0 else { return nil }
      let (first, width) = (change.y * client.width, client.width)
      return News(
        areas: client.screens, change: change,
        pixels: Array(client.pixels[first..<(first + change.height * width)]))
    }
    guard let news else { return }
    if news.areas != areas {
      areas = news.areas
      try screens.arrange(areas.map { ($0.width, $0.height) }, title: title)
      shownTitle = ""
      showTitle()
    }
    let stride = news.pixels.count / news.change.height
    for (index, area) in areas.enumerated() {
      let left = max(area.x, news.change.x), top = max(area.y, news.change.y)
      let right = min(area.x + area.width, news.change.x + news.change.width)
      let bottom = min(area.y + area.height, news.change.y + news.change.height)
      guard right > left, bottom > top else { continue }
      screens.put(
        index, x: left - area.x, y: top - area.y, width: right - left, height: bottom - top, pixels: news.pixels,
        start: (top - news.change.y) * stride + left, stride: stride)
      screens.show(index)
    }
  }

  private var title: String {
    var text = "\(machine.name) [\(machine.state)]"
    if isCaptured, let name = options.hostKey { text += " - \(name) releases the mouse" }
    return text + " - Ringbox"
  }
  private var shownTitle = ""
  private func showTitle() {
    guard title != shownTitle else { return }
    shownTitle = title
    screens.setTitle(title)
  }

  // MARK: Keyboard

  private func key(_ number: Int, _ isDown: Bool) {
    if number == hostKey {
      if isDown {
        if !hostKeyIsDown { hostKeyIsUsed = false }
        hostKeyIsDown = true
      } else if hostKeyIsDown {
        hostKeyIsDown = false
        if !hostKeyIsUsed { capture(!isCaptured) }
      }
      return
    }
    // A key that the guest has seen going down comes up for it, whatever is held by then.
    if hostKeyIsDown, isDown {
      hostKeyIsUsed = true
      return command(number)
    }
    guard let code = ScanCodes.code(number) else { return }
    if isDown { pressed.insert(number) } else if pressed.remove(number) == nil { return }
    link.use { $0.key(code, isDown: isDown) }
  }
  /// Letters behind the host key, as VBoxSDL has them. SDL numbers A to Z from 4 on.
  private func command(_ number: Int) {
    let deleteKey = 76
    if number == deleteKey {
      let keys = [0x1d, 0x38, 0xd3] as [UInt8]
      return link.use { client in
        for key in keys { client.key(key, isDown: true) }
        for key in keys.reversed() { client.key(key, isDown: false) }
      }
    }
    guard (4...29).contains(number) else { return }
    let letter = Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(number - 4)))
    guard !options.disabledKeys.contains(letter) else { return }
    switch letter {
    case "f":
      guard !options.keepsScreen else { return }
      isFullScreen.toggle()
      screens.setFullScreen(isFullScreen)
    case "h": order(.powerButton)
    case "n": order(.snapshot)
    case "p": order(.pauseOrResume)
    case "q": order(.powerOff)
    case "r": order(.reset)
    case "s": order(.save)
    default: break
    }
  }
  private func order(_ order: KeptMachine.Order) { machine.order(order, Screens.wake) }

  // MARK: Mouse

  private func capture(_ isOn: Bool) {
    let isRelative = link.use { $0.isRelative }
    isCaptured = isOn
    screens.capture(mouse: isOn && isRelative, keyboard: isOn)
    showTitle()
  }
  /// Keys and buttons that are down come up, and the desktop has its mouse again.
  private func release() {
    for number in pressed { if let code = ScanCodes.code(number) { link.use { $0.key(code, isDown: false) } } }
    pressed = []
    hostKeyIsDown = false
    if buttons != 0 {
      buttons = 0
      link.use { $0.motion(dx: 0, dy: 0, buttons: 0) }
    }
    if isCaptured { capture(false) }
  }

  private func motion(_ window: Int, _ x: Int, _ y: Int, _ dx: Int, _ dy: Int) {
    let (buttons, isCaptured) = (buttons, isCaptured)
    let area = areas.indices.contains(window) ? areas[window] : ScreenArea(x: 0, y: 0, width: 1, height: 1)
    link.use { client in
      if !client.isRelative {
        client.pointer(x: area.x + x, y: area.y + y, buttons: buttons)
      } else if isCaptured {
        client.motion(dx: dx, dy: dy, buttons: buttons)
      }
    }
    place = (area.x + x, area.y + y)
  }
  private var place = (x: 0, y: 0)
  private func button(_ number: Int, _ isDown: Bool) {
    guard (1...3).contains(number) else { return }
    let isRelative = link.use { $0.isRelative }
    if isRelative, !isCaptured {
      // The click that captures is not the guest's.
      if isDown, options.grabsOnClick { capture(true) }
      return
    }
    let bit = UInt8(1) << UInt8(number - 1)
    if isDown { buttons |= bit } else { buttons &= ~bit }
    press(buttons)
  }
  private func wheel(_ distance: Int) {
    let isRelative = link.use { $0.isRelative }
    guard !isRelative || isCaptured else { return }
    for _ in 0..<min(8, abs(distance)) {
      press(buttons | (distance > 0 ? 8 : 16))
      press(buttons)
    }
  }
  private func press(_ buttons: UInt8) {
    let place = place
    link.use { client in
      client.motion(dx: 0, dy: 0, buttons: buttons)
      client.pointer(x: place.x, y: place.y, buttons: buttons)
    }
  }

  // MARK: Clipboard

  private func copyOut() {
    let text = screens.clipboard
    guard !text.isEmpty, text != clipboard else { return }
    clipboard = text
    link.use { $0.offer(text) }
  }

  // MARK: End

  private func close() {
    release()
    guard !options.isSeparate else {
      isOver = true
      return
    }
    switch options.closing {
    case .ask: ask()
    case .acpi:
      guard !isClosing else { return ask() }
      isClosing = true
      order(.powerButton)
    case .save: order(.save)
    case .poweroff: order(.powerOff)
    case .detach: isOver = true
    }
  }
  private func ask() {
    let answers = ["Cancel", "Let it run", "Save its state", "Press its power button", "Power it off"]
    question.ask("Close '\(machine.name)'", "What is to become of the machine?", answers, isAboutEnd: true)
  }
  private func act(on answer: Int?) {
    switch answer {
    case 1: isOver = true
    case 2: order(.save)
    case 3: order(.powerButton)
    case 4: order(.powerOff)
    case nil:
      // Who cannot be asked has not said that the machine is to end.
      RingboxSDL.say("note: the desktop shows no question; the machine runs on\n")
      isOver = true
    default: break
    }
  }
}
