import Devices

/// The keys that X11 key symbols stand for, on a US keyboard.
enum Keysyms {
  private static let names: [UInt32: String] = {
    var names: [UInt32: String] = [
      0xff08: "backspace", 0xff09: "tab", 0xff0d: "enter", 0xff13: "pause", 0xff14: "scrolllock", 0xff15: "sysrq",
      0xff1b: "esc", 0xff50: "home", 0xff51: "left", 0xff52: "up", 0xff53: "right", 0xff54: "down", 0xff55: "pageup",
      0xff56: "pagedown", 0xff57: "end", 0xff61: "printscreen", 0xff63: "insert", 0xff67: "menu", 0xff6b: "break",
      0xff7f: "numlock", 0xff8d: "kpenter", 0xff95: "kp7", 0xff96: "kp4", 0xff97: "kp8", 0xff98: "kp6",
      0xff99: "kp2", 0xff9a: "kp9", 0xff9b: "kp3", 0xff9c: "kp1", 0xff9d: "kp5", 0xff9e: "kp0", 0xff9f: "kpdot",
      0xffaa: "kpasterisk", 0xffab: "kpplus", 0xffad: "kpminus", 0xffae: "kpdot", 0xffaf: "kpslash",
      0xffe1: "shift", 0xffe2: "rightshift", 0xffe3: "ctrl", 0xffe4: "rightctrl", 0xffe5: "capslock", 0xffe7: "win",
      0xffe8: "rightwin", 0xffe9: "alt", 0xffea: "rightalt", 0xffeb: "win", 0xffec: "rightwin", 0xfe03: "altgr",
      0xffff: "delete", 0xfe20: "tab",
    ]
    for number in 0..<10 { names[0xffb0 + UInt32(number)] = "kp\(number)" }
    for number in 1...12 { names[0xffbd + UInt32(number)] = "f\(number)" }
    return names
  }()

  static func key(_ symbol: UInt32) -> KeyMap.Key? {
    if let name = names[symbol] { return KeyMap.keys[name] }
    // Latin-1 stands for itself; other characters are 01xxxxxxh.
    let value = symbol < 0x100 ? symbol : symbol >> 24 == 1 ? symbol & 0xff_ffff : 0
    guard value >= 0x20, let scalar = Unicode.Scalar(value) else { return nil }
    return KeyMap.stroke(scalar)?.key
  }
}
