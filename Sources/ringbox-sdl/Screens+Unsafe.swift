import CSDL2
import HostSystem

/// What the user does, and what the window system wants.
enum WindowEvent: Sendable {
  /// A key by SDL's number.
  case key(Int, isDown: Bool)
  /// A place inside a window, and how far it is from the last one.
  case motion(window: Int, x: Int, y: Int, dx: Int, dy: Int)
  /// SDL's number: 1 left, 2 middle, 3 right.
  case button(Int, isDown: Bool)
  case wheel(Int)
  case focus(Bool)
  case redraw
  case close
  case clipboard
  /// Somebody called `Screens.wake`.
  case wake
  case other
}

/// Windows on the desktop, one for each screen of a machine. All but `wake` belongs to the main thread.
// SAFETY(type): windows, renderers and textures come from SDL, belong to this object, and are handed back to SDL only; each
// is destroyed once, in `remove`. SDL copies strings before it returns.
@safe final class Screens {
  /// A window with what is drawn in it.
  @safe private struct Window {
    let window: OpaquePointer
    let renderer: OpaquePointer
    var texture: OpaquePointer?
    var size: (width: Int, height: Int)
  }
  /// Why there is no window.
  struct Failure: Error { var text: String }

  private var windows: [Window] = []
  private let isResizable: Bool
  private let fixedSize: (width: Int, height: Int)?
  private var isFullScreen = false

  /// - Parameter fixedSize: of every window, whatever it shows.
  init(isResizable: Bool, fixedSize: (width: Int, height: Int)?) throws(Failure) {
    self.isResizable = isResizable
    self.fixedSize = fixedSize
    SDL_SetMainReady()
    // The desktop's screen saver is the user's, and so is what a second click does.
    unsafe SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1")
    unsafe SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1")
    unsafe SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1")
    // A closed window is told of as such; once is enough.
    unsafe SDL_SetHint(SDL_HINT_QUIT_ON_LAST_WINDOW_CLOSE, "0")
    // Without OpenGL behind its back SDL makes each window once.
    unsafe SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0")
    guard SDL_Init(SDL_INIT_VIDEO) == 0 else { throw Screens.failure() }
    // Drivers for programs that show nothing count only when somebody asks for them.
    let driver = unsafe SDL_GetCurrentVideoDriver().map { unsafe String(cString: $0) } ?? ""
    if ["dummy", "offscreen", "evdev"].contains(driver), (ProcessImage.environment("SDL_VIDEODRIVER") ?? "").isEmpty {
      SDL_Quit()
      throw Failure(text: "there is no desktop (neither DISPLAY nor WAYLAND_DISPLAY leads to one)")
    }
    SDL_EventState(SDL_TEXTINPUT.rawValue, SDL_IGNORE)
    SDL_StopTextInput()
  }
  private static func failure() -> Failure { Failure(text: unsafe String(cString: SDL_GetError())) }
  /// Takes the windows away.
  func close() {
    while !windows.isEmpty { remove(windows.count - 1) }
    SDL_Quit()
  }

  /// The number of windows.
  var count: Int { windows.count }

  // MARK: Windows

  /// Makes windows until there are as many as screens, each of the size of its screen.
  func arrange(_ sizes: [(width: Int, height: Int)], title: String) throws(Failure) {
    while windows.count > max(1, sizes.count) { remove(windows.count - 1) }
    for (index, size) in sizes.enumerated() {
      if index == windows.count { windows.append(try make(size, title)) } else { try resize(index, size) }
    }
  }
  private func make(_ size: (width: Int, height: Int), _ title: String) throws(Failure) -> Window {
    let outer = fixedSize ?? size
    // SDL_WINDOWPOS_UNDEFINED
    let anywhere: Int32 = 0x1fff_0000
    var flags: UInt32 = 0
    if isResizable, fixedSize == nil { flags |= SDL_WINDOW_RESIZABLE.rawValue }
    if isFullScreen { flags |= SDL_WINDOW_FULLSCREEN_DESKTOP.rawValue }
    guard
      let window = unsafe SDL_CreateWindow(title, anywhere, anywhere, Int32(outer.width), Int32(outer.height), flags)
    else { throw Screens.failure() }
    // SDL's own drawing is enough to move pixels, starts at once, and leaves the window as it was made; SDL_RENDER_DRIVER
    // names another.
    let isChosen = !(ProcessImage.environment("SDL_RENDER_DRIVER") ?? "").isEmpty
    let chosen = unsafe isChosen ? SDL_CreateRenderer(window, -1, 0) : nil
    guard let renderer = unsafe chosen ?? SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE.rawValue) else {
      let failure = Screens.failure()
      unsafe SDL_DestroyWindow(window)
      throw failure
    }
    var new = unsafe Window(window: window, renderer: renderer, texture: nil, size: (0, 0))
    try Screens.fit(&new, size)
    return new
  }
  private func resize(_ index: Int, _ size: (width: Int, height: Int)) throws(Failure) {
    guard windows[index].size != size else { return }
    try Screens.fit(&windows[index], size)
    if fixedSize == nil, !isFullScreen {
      unsafe SDL_SetWindowSize(windows[index].window, Int32(size.width), Int32(size.height))
    }
  }
  private static func fit(_ window: inout Window, _ size: (width: Int, height: Int)) throws(Failure) {
    if let texture = unsafe window.texture { unsafe SDL_DestroyTexture(texture) }
    unsafe window.texture = SDL_CreateTexture(
      window.renderer, SDL_PIXELFORMAT_RGB888.rawValue, Int32(SDL_TEXTUREACCESS_STREAMING.rawValue), Int32(size.width),
      Int32(size.height))
    window.size = size
    guard unsafe window.texture != nil else { throw failure() }
    unsafe SDL_RenderSetLogicalSize(window.renderer, Int32(size.width), Int32(size.height))
  }
  private func remove(_ index: Int) {
    let window = windows.remove(at: index)
    if let texture = unsafe window.texture { unsafe SDL_DestroyTexture(texture) }
    unsafe SDL_DestroyRenderer(window.renderer)
    unsafe SDL_DestroyWindow(window.window)
  }

  /// Puts part of a picture into a window: a rectangle of `pixels` (rows of `stride`), which begins at `start`, to a place.
  func put(
    _ index: Int, x: Int, y: Int, width: Int, height: Int, pixels: [UInt32], start: Int, stride: Int
  ) {
    guard windows.indices.contains(index), width > 0, height > 0, x >= 0, y >= 0,
      x + width <= windows[index].size.width,
      y + height <= windows[index].size.height, start >= 0, start + (height - 1) * stride + width <= pixels.count
    else { return }
    var area = SDL_Rect(x: Int32(x), y: Int32(y), w: Int32(width), h: Int32(height))
    // SAFETY: the guard above keeps all rows inside the array, which outlives the call.
    _ = unsafe pixels.withUnsafeBufferPointer { buffer in
      unsafe SDL_UpdateTexture(
        windows[index].texture, &area, buffer.baseAddress.map { unsafe $0 + start }, Int32(stride * 4))
    }
  }
  /// Shows what was put into a window.
  func show(_ index: Int) {
    guard windows.indices.contains(index) else { return }
    let window = windows[index]
    unsafe SDL_SetRenderDrawColor(window.renderer, 0, 0, 0, 255)
    unsafe SDL_RenderClear(window.renderer)
    unsafe SDL_RenderCopy(window.renderer, window.texture, nil, nil)
    unsafe SDL_RenderPresent(window.renderer)
  }

  func setTitle(_ title: String) {
    for (index, window) in windows.enumerated() {
      unsafe SDL_SetWindowTitle(window.window, windows.count > 1 ? "\(title) - screen \(index + 1)" : title)
    }
  }
  func setFullScreen(_ isOn: Bool) {
    isFullScreen = isOn
    for window in windows {
      unsafe SDL_SetWindowFullscreen(window.window, isOn ? SDL_WINDOW_FULLSCREEN_DESKTOP.rawValue : 0)
      if !isOn, fixedSize == nil {
        unsafe SDL_SetWindowSize(window.window, Int32(window.size.width), Int32(window.size.height))
      }
    }
  }
  /// Mouse and keyboard belong to the machine, or to the desktop again.
  func capture(mouse: Bool, keyboard: Bool) {
    SDL_SetRelativeMouseMode(mouse ? SDL_TRUE : SDL_FALSE)
    for window in windows { unsafe SDL_SetWindowKeyboardGrab(window.window, keyboard ? SDL_TRUE : SDL_FALSE) }
  }

  // MARK: Events

  /// The next event; nil when nothing happens for so long.
  func next(milliseconds: Int32) -> WindowEvent? {
    var event = unsafe SDL_Event()
    // SAFETY: SDL fills the local; each member of the union is read only for the types that have it.
    guard unsafe SDL_WaitEventTimeout(&event, milliseconds) != 0 else { return nil }
    let type = unsafe event.type
    switch type {
    case SDL_KEYDOWN.rawValue, SDL_KEYUP.rawValue:
      let number = unsafe Int(event.key.keysym.scancode.rawValue)
      return .key(number, isDown: type == SDL_KEYDOWN.rawValue)
    case SDL_MOUSEMOTION.rawValue:
      let motion = unsafe event.motion
      return .motion(
        window: index(motion.windowID), x: Int(motion.x), y: Int(motion.y), dx: Int(motion.xrel), dy: Int(motion.yrel))
    case SDL_MOUSEBUTTONDOWN.rawValue, SDL_MOUSEBUTTONUP.rawValue:
      return unsafe .button(Int(event.button.button), isDown: type == SDL_MOUSEBUTTONDOWN.rawValue)
    case SDL_MOUSEWHEEL.rawValue: return unsafe .wheel(Int(event.wheel.y))
    case SDL_WINDOWEVENT.rawValue: return Screens.window(unsafe event.window)
    case SDL_QUIT.rawValue: return .close
    case SDL_CLIPBOARDUPDATE.rawValue: return .clipboard
    case SDL_RENDER_TARGETS_RESET.rawValue, SDL_RENDER_DEVICE_RESET.rawValue: return .redraw
    case SDL_USEREVENT.rawValue: return .wake
    default: return .other
    }
  }
  private func index(_ id: UInt32) -> Int {
    windows.firstIndex { unsafe SDL_GetWindowID($0.window) == id } ?? 0
  }
  private static func window(_ event: SDL_WindowEvent) -> WindowEvent {
    switch UInt32(event.event) {
    case SDL_WINDOWEVENT_FOCUS_GAINED.rawValue: .focus(true)
    case SDL_WINDOWEVENT_FOCUS_LOST.rawValue: .focus(false)
    case SDL_WINDOWEVENT_CLOSE.rawValue: .close
    case SDL_WINDOWEVENT_EXPOSED.rawValue, SDL_WINDOWEVENT_SIZE_CHANGED.rawValue: .redraw
    default: .other
    }
  }
  /// Makes `next` return `wake`; for any thread.
  static func wake() {
    var event = unsafe SDL_Event()
    unsafe event.type = SDL_USEREVENT.rawValue
    // SAFETY: SDL copies the local.
    _ = unsafe SDL_PushEvent(&event)
  }

  /// SDL's number of a key by its name.
  static func key(named name: String) -> Int? {
    let number = unsafe Int(SDL_GetScancodeFromName(name).rawValue)
    return number == 0 ? nil : number
  }

  // MARK: Desktop

  /// What the user has copied elsewhere.
  var clipboard: String {
    get {
      guard let text = unsafe SDL_GetClipboardText() else { return "" }
      let copy = unsafe String(cString: text)
      unsafe SDL_free(text)
      return copy
    }
    set { unsafe SDL_SetClipboardText(newValue) }
  }

  /// A message with buttons; the number of the one that was pressed, -1 for none. Waits for the user, so it is for a
  /// thread that has nothing else to do: SDL shows it in a process of its own. Nil when the desktop cannot show it, for
  /// want of a font for example.
  static func ask(_ title: String, _ text: String, _ answers: [String]) -> Int? {
    // SAFETY: strdup'ed strings, which live until SDL has returned and are freed once.
    let names = unsafe answers.map { unsafe SDL_strdup($0) }
    let buttons = unsafe names.enumerated().map { index, name in
      unsafe SDL_MessageBoxButtonData(flags: 0, buttonid: Int32(index), text: name)
    }
    let (titleText, messageText) = unsafe (SDL_strdup(title), SDL_strdup(text))
    var pressed: Int32 = -1
    // SAFETY: the list of buttons outlives the call.
    let code = unsafe buttons.withUnsafeBufferPointer { buffer in
      var data = unsafe SDL_MessageBoxData()
      unsafe data.flags = SDL_MESSAGEBOX_INFORMATION.rawValue
      unsafe data.title = UnsafePointer(titleText)
      unsafe data.message = UnsafePointer(messageText)
      unsafe data.numbuttons = Int32(buffer.count)
      unsafe data.buttons = buffer.baseAddress
      return unsafe SDL_ShowMessageBox(&data, &pressed)
    }
    let strings = unsafe names + [titleText, messageText]
    // SAFETY: each came from SDL_strdup and is freed once.
    for index in unsafe strings.indices { unsafe SDL_free(strings[index]) }
    return code == 0 ? Int(pressed) : nil
  }
}
