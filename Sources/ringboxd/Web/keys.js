// Keys by their places on the keyboard: scan codes of set 1, those behind E0h with bit 7 set, as the RFB protocol's
// message for raw keys takes them; and key symbols for servers without it.

const row = (first, names) => names.split(" ").map((name, index) => [name, first + index]);

export const scancodes = new Map([
  ...row(0x01, "Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab"),
  ...row(0x10, "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft"),
  ...row(0x1e, "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash"),
  ...row(0x2c, "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock"),
  ...row(0x3b, "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract"),
  ...row(0x4b, "Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal"),
  ["IntlBackslash", 0x56], ["F11", 0x57], ["F12", 0x58], ["IntlRo", 0x73], ["IntlYen", 0x7d],
  ["NumpadEnter", 0x9c], ["ControlRight", 0x9d], ["NumpadDivide", 0xb5], ["PrintScreen", 0xb7], ["AltRight", 0xb8],
  ["Home", 0xc7], ["ArrowUp", 0xc8], ["PageUp", 0xc9], ["ArrowLeft", 0xcb], ["ArrowRight", 0xcd], ["End", 0xcf],
  ["ArrowDown", 0xd0], ["PageDown", 0xd1], ["Insert", 0xd2], ["Delete", 0xd3], ["MetaLeft", 0xdb], ["MetaRight", 0xdc],
  ["ContextMenu", 0xdd],
]);

const symbols = { Escape: 0xff1b, Backspace: 0xff08, Tab: 0xff09, Enter: 0xff0d, NumpadEnter: 0xff8d, ShiftLeft: 0xffe1,
  ShiftRight: 0xffe2, ControlLeft: 0xffe3, ControlRight: 0xffe4, AltLeft: 0xffe9, AltRight: 0xffea, MetaLeft: 0xffeb,
  MetaRight: 0xffec, ContextMenu: 0xff67, Home: 0xff50, ArrowLeft: 0xff51, ArrowUp: 0xff52, ArrowRight: 0xff53,
  ArrowDown: 0xff54, PageUp: 0xff55, PageDown: 0xff56, End: 0xff57, Insert: 0xff63, Delete: 0xffff, CapsLock: 0xffe5 };

// The X11 symbol of a key as the browser reports it.
export function keysym(event) {
  if (symbols[event.code]) return symbols[event.code];
  const number = /^F(\d+)$/.exec(event.code);
  if (number) return 0xffbd + Number(number[1]);
  const point = event.key.length === 1 ? event.key.codePointAt(0) : 0;
  return point < 0x100 ? point : 0x1000000 + point;
}

// What the menu of special keys offers, as the API's keyboard operation takes it.
export const chords = ["ctrl-alt-delete", "ctrl-alt-backspace", "ctrl-c", "esc", "tab", "alt-tab", "alt-f4", "win", "f1", "f2", "f8", "f10",
  "f12", "ctrl-alt-f1", "ctrl-alt-f2", "ctrl-alt-f7", "printscreen", "sysrq", "pause", "insert", "delete"];
