// A terminal as a serial line's other end expects one: VT100 and the parts of xterm that programs use. No canvas: rows of
// text, so that what it shows can be selected, searched and read aloud.

const plain = { fg: null, bg: null, bold: false, dim: false, under: false, inverse: false };
const palette = ["#000000", "#cd3131", "#0dbc79", "#c5a332", "#3b78d8", "#bc3fbc", "#11a8cd", "#d0d0d0",
  "#666666", "#f14c4c", "#23d18b", "#f5f543", "#6ca6f8", "#d670d6", "#29b8db", "#ffffff"];
const graphics = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·";
const keep = 2000;

function colour(index) {
  if (index < 16) return palette[index];
  if (index > 231) { const grey = 8 + (index - 232) * 10; return `rgb(${grey} ${grey} ${grey})`; }
  const part = (value) => (value ? 55 + value * 40 : 0), cube = index - 16;
  return `rgb(${part(Math.floor(cube / 36))} ${part(Math.floor(cube / 6) % 6)} ${part(cube % 6)})`;
}

// The screen as a value: text in, cells and answers out; nothing of the page.
export class Screen {
  constructor(columns, rows, answer = () => {}) {
    this.answer = answer;
    this.decoder = new TextDecoder();
    this.history = [];
    [this.columns, this.rows] = [columns, rows];
    this.reset();
  }
  reset() {
    this.pen = { ...plain };
    this.lines = Array.from({ length: this.rows }, () => this.#blank());
    [this.x, this.y, this.wraps] = [0, 0, false];
    [this.top, this.bottom] = [0, this.rows - 1];
    Object.assign(this, { other: null, saved: null, autowrap: true, origin: false, inserts: false, hidden: false,
      applicationKeys: false, bracketed: false, charsets: ["B", "B"], charset: 0, last: " " });
    this.state = "text";
    this.tabs = new Set();
    for (let x = 8; x < 1000; x += 8) this.tabs.add(x);
  }
  resize(columns, rows) {
    const fit = (lines) => {
      const fitted = lines.map((line) => Array.from({ length: columns }, (_, x) => line[x] ?? { text: " ", pen: plain }));
      while (fitted.length > rows) { const first = fitted.shift(); if (!this.other) this.#remember(first); this.y = Math.max(0, this.y - 1); }
      while (fitted.length < rows) fitted.push(Array.from({ length: columns }, () => ({ text: " ", pen: plain })));
      return fitted;
    };
    this.lines = fit(this.lines);
    if (this.other) this.other.lines = fit(this.other.lines);
    [this.columns, this.rows] = [columns, rows];
    [this.top, this.bottom] = [0, rows - 1];
    this.x = Math.min(this.x, columns - 1);
    this.y = Math.min(this.y, rows - 1);
    this.wraps = false;
  }
  #blank() { return Array.from({ length: this.columns }, () => ({ text: " ", pen: this.pen?.bg ? { ...plain, bg: this.pen.bg } : plain })); }
  #remember(line) { this.history.push(line); if (this.history.length > keep) this.history.shift(); }
  get text() { return this.lines.map((line) => line.map((cell) => cell.text).join("").trimEnd()).join("\n"); }

  // Input

  write(bytes) {
    for (const char of this.decoder.decode(bytes, { stream: true })) this.#take(char);
  }
  #take(char) {
    const code = char.codePointAt(0);
    // Control characters work inside sequences, too.
    if (code < 32 && this.state !== "string") return this.#control(code);
    switch (this.state) {
      case "text": if (code !== 127) this.#put(char); break;
      case "escape": this.#escape(char); break;
      case "charset0": case "charset1": this.charsets[Number(this.state.at(-1))] = char; this.state = "text"; break;
      case "skip": this.state = "text"; break;
      case "string": if (code === 7 || (char === "\\" && this.escaped)) this.state = "text"; this.escaped = code === 27; break;
      default:
        if (code >= 0x40 && code < 0x7f) { this.state = "text"; this.#sequence(char); }
        else if (this.parameters.length < 200) this.parameters += char;
    }
  }
  #control(code) {
    switch (code) {
      case 8: this.x = Math.max(0, this.x - 1); this.wraps = false; break;
      case 9: do this.x += 1; while (this.x < this.columns - 1 && !this.tabs.has(this.x)); this.x = Math.min(this.x, this.columns - 1); break;
      case 10: case 11: case 12: this.#down(); break;
      case 13: this.x = 0; this.wraps = false; break;
      case 14: this.charset = 1; break;
      case 15: this.charset = 0; break;
      case 24: case 26: this.state = "text"; break;
      case 27: this.state = "escape"; break;
      default: break;
    }
  }
  #put(char) {
    if (this.wraps) { this.x = 0; this.#down(); this.wraps = false; }
    const drawn = this.charsets[this.charset] === "0" && char >= "`" && char <= "~" ? graphics[char.charCodeAt(0) - 96] : char;
    const line = this.lines[this.y];
    if (this.inserts) { line.splice(this.x, 0, null); line.length = this.columns; }
    line[this.x] = { text: drawn, pen: { ...this.pen } };
    this.last = char;
    if (this.x < this.columns - 1) this.x += 1; else this.wraps = this.autowrap;
  }
  #down() {
    if (this.y === this.bottom) this.#scroll(1, this.top); else if (this.y < this.rows - 1) this.y += 1;
  }
  #up() {
    if (this.y === this.top) this.#scroll(-1, this.top); else if (this.y > 0) this.y -= 1;
  }
  // Lines from `from` to the region's end move up, or down for negative counts.
  #scroll(count, from) {
    for (let left = Math.min(Math.abs(count), this.rows); left > 0; left -= 1) {
      if (count > 0) {
        const [gone] = this.lines.splice(from, 1);
        if (from === 0 && !this.other) this.#remember(gone);
        this.lines.splice(this.bottom, 0, this.#blank());
      } else {
        this.lines.splice(this.bottom, 1);
        this.lines.splice(from, 0, this.#blank());
      }
    }
  }
  #escape(char) {
    this.state = "text";
    switch (char) {
      case "[": this.state = "sequence"; this.parameters = ""; break;
      case "]": case "P": case "^": case "_": case "X": this.state = "string"; this.escaped = false; break;
      case "(": this.state = "charset0"; break;
      case ")": this.state = "charset1"; break;
      case "#": case "*": case "+": case "%": case " ": this.state = "skip"; break;
      case "7": this.#save(); break;
      case "8": this.#restore(); break;
      case "D": this.#down(); break;
      case "E": this.x = 0; this.#down(); break;
      case "H": this.tabs.add(this.x); break;
      case "M": this.#up(); break;
      case "Z": this.answer("\x1b[?6c"); break;
      case "c": this.reset(); break;
      default: break;
    }
  }
  #save() {
    const { x, y, origin, charset } = this;
    this.saved = { x, y, origin, charset, pen: { ...this.pen }, charsets: [...this.charsets] };
  }
  #restore() {
    if (!this.saved) return this.#move(0, 0);
    Object.assign(this, this.saved, { pen: { ...this.saved.pen }, charsets: [...this.saved.charsets], wraps: false });
    [this.x, this.y] = [Math.min(this.x, this.columns - 1), Math.min(this.y, this.rows - 1)];
  }
  #move(x, y) {
    const [first, last] = this.origin ? [this.top, this.bottom] : [0, this.rows - 1];
    this.x = Math.max(0, Math.min(x, this.columns - 1));
    this.y = Math.max(first, Math.min(y + (this.origin ? this.top : 0), last));
    this.wraps = false;
  }
  #wipe(y, from, to) {
    if (y < 0 || y >= this.rows) return;
    const blank = this.#blank();
    for (let x = Math.max(0, from); x <= Math.min(to, this.columns - 1); x += 1) this.lines[y][x] = blank[x];
  }

  #sequence(final) {
    const isPrivate = /^[?>=<]/.test(this.parameters), mark = isPrivate ? this.parameters[0] : "";
    if (/[ -/]/.test(this.parameters)) { if (final === "p" && this.parameters === "!") this.reset(); return; }
    const values = this.parameters.slice(isPrivate ? 1 : 0).split(";").map((text) => Math.min(9999, parseInt(text, 10) || 0));
    const count = Math.max(1, values[0]);
    if (isPrivate) {
      if (mark === "?" && (final === "h" || final === "l")) for (const mode of values) this.#mode(mode, final === "h");
      else if (mark === ">" && final === "c") this.answer("\x1b[>0;10;0c");
      return;
    }
    const inRegion = this.y >= this.top && this.y <= this.bottom;
    switch (final) {
      case "A": this.#step(0, -count); break;
      case "B": case "e": this.#step(0, count); break;
      case "C": case "a": this.#step(count, 0); break;
      case "D": this.#step(-count, 0); break;
      case "E": this.#step(0, count); this.x = 0; break;
      case "F": this.#step(0, -count); this.x = 0; break;
      case "G": case "`": this.x = Math.min(count, this.columns) - 1; this.wraps = false; break;
      case "d": this.#move(this.x, count - 1); break;
      case "H": case "f": this.#move((values[1] || 1) - 1, count - 1); break;
      case "J": this.#erase(values[0]); break;
      case "K": this.#wipe(this.y, values[0] === 0 ? this.x : 0, values[0] === 1 ? this.x : this.columns); break;
      case "L": if (inRegion) this.#scroll(-count, this.y); break;
      case "M": if (inRegion) { const { other } = this; this.other ??= {}; this.#scroll(count, this.y); this.other = other; } break;
      case "S": this.#scroll(count, this.top); break;
      case "T": this.#scroll(-count, this.top); break;
      case "@": this.#shift(count); break;
      case "P": this.#shift(-count); break;
      case "X": this.#wipe(this.y, this.x, this.x + count - 1); break;
      case "b": for (let left = Math.min(count, this.columns); left > 0; left -= 1) this.#put(this.last); break;
      case "c": this.answer("\x1b[?6c"); break;
      case "n":
        if (values[0] === 5) this.answer("\x1b[0n");
        if (values[0] === 6) this.answer(`\x1b[${this.y - (this.origin ? this.top : 0) + 1};${this.x + 1}R`);
        break;
      case "g": if (values[0] === 3) this.tabs.clear(); else this.tabs.delete(this.x); break;
      case "h": case "l": if (values.includes(4)) this.inserts = final === "h"; break;
      case "m": this.#paint(values); break;
      case "r": {
        const [top, bottom] = [count - 1, Math.min(values[1] || this.rows, this.rows) - 1];
        if (top < bottom) { [this.top, this.bottom] = [top, bottom]; this.#move(0, 0); }
        break;
      }
      case "s": this.#save(); break;
      case "u": this.#restore(); break;
      default: break;
    }
  }
  #step(dx, dy) {
    // The region's edges hold the cursor that is inside.
    const [first, last] = this.y >= this.top && this.y <= this.bottom ? [this.top, this.bottom] : [0, this.rows - 1];
    this.x = Math.max(0, Math.min(this.x + dx, this.columns - 1));
    this.y = Math.max(first, Math.min(this.y + dy, last));
    this.wraps = false;
  }
  #shift(count) {
    const line = this.lines[this.y], size = Math.min(Math.abs(count), this.columns - this.x), blank = this.#blank().slice(0, size);
    if (count > 0) { line.splice(this.x, 0, ...blank); line.length = this.columns; }
    else { line.splice(this.x, size); line.push(...blank); }
  }
  #erase(kind) {
    if (kind === 3) { this.history = []; return; }
    if (kind === 0) this.#wipe(this.y, this.x, this.columns);
    if (kind === 1) this.#wipe(this.y, 0, this.x);
    for (let y = 0; y < this.rows; y += 1) {
      if (kind === 2 || (kind === 0 && y > this.y) || (kind === 1 && y < this.y)) this.#wipe(y, 0, this.columns);
    }
  }
  #mode(mode, isOn) {
    switch (mode) {
      case 1: this.applicationKeys = isOn; break;
      case 6: this.origin = isOn; this.#move(0, 0); break;
      case 7: this.autowrap = isOn; break;
      case 25: this.hidden = !isOn; break;
      case 2004: this.bracketed = isOn; break;
      case 47: case 1047: case 1049:
        if (isOn === (this.other !== null)) break;
        if (isOn) {
          if (mode === 1049) this.#save();
          this.other = { lines: this.lines };
          this.lines = Array.from({ length: this.rows }, () => this.#blank());
        } else {
          this.lines = this.other.lines;
          this.other = null;
          if (mode === 1049) this.#restore();
        }
        break;
      default: break;
    }
  }
  #paint(values) {
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at], pen = this.pen;
      if (value === 0) this.pen = { ...plain };
      else if (value === 1) pen.bold = true;
      else if (value === 2) pen.dim = true;
      else if (value === 4) pen.under = true;
      else if (value === 7) pen.inverse = true;
      else if (value === 22) pen.bold = pen.dim = false;
      else if (value === 24) pen.under = false;
      else if (value === 27) pen.inverse = false;
      else if (value >= 30 && value < 38) pen.fg = colour(value - 30);
      else if (value >= 40 && value < 48) pen.bg = colour(value - 40);
      else if (value >= 90 && value < 98) pen.fg = colour(value - 82);
      else if (value >= 100 && value < 108) pen.bg = colour(value - 92);
      else if (value === 39) pen.fg = null;
      else if (value === 49) pen.bg = null;
      else if (value === 38 || value === 48) {
        const name = value === 38 ? "fg" : "bg";
        if (values[at + 1] === 5) { pen[name] = colour(Math.min(255, values[at + 2] ?? 0)); at += 2; }
        else if (values[at + 1] === 2) { pen[name] = `rgb(${values.slice(at + 2, at + 5).map((part) => Math.min(255, part)).join(" ")})`; at += 4; }
      }
    }
  }
}

const named = { Enter: "\r", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", Delete: "\x1b[3~", Insert: "\x1b[2~", PageUp: "\x1b[5~",
  PageDown: "\x1b[6~", F1: "\x1bOP", F2: "\x1bOQ", F3: "\x1bOR", F4: "\x1bOS", F5: "\x1b[15~", F6: "\x1b[17~", F7: "\x1b[18~",
  F8: "\x1b[19~", F9: "\x1b[20~", F10: "\x1b[21~", F11: "\x1b[23~", F12: "\x1b[24~" };
const arrows = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", Home: "H", End: "F" };

// What a key sends; undefined: nothing.
export function keyBytes(event, applicationKeys = false) {
  if (event.metaKey || event.isComposing) return undefined;
  const prefix = event.altKey ? "\x1b" : "";
  if (arrows[event.key]) return prefix + (applicationKeys ? "\x1bO" : "\x1b[") + arrows[event.key];
  if (event.key === "Tab" && event.shiftKey) return "\x1b[Z";
  if (named[event.key]) return prefix + named[event.key];
  if ([...event.key].length !== 1) return undefined;
  if (!event.ctrlKey) return prefix + event.key;
  const code = event.key.toUpperCase().charCodeAt(0);
  if (event.key === " ") return `${prefix}\0`;
  return code >= 0x40 && code < 0x60 ? prefix + String.fromCharCode(code & 31) : undefined;
}

// The screen in an element.
export class TerminalView {
  #pending = false;
  #shownHistory = 0;

  constructor(element, columns, rows, send) {
    this.element = element;
    this.send = send;
    this.answers = true;
    this.screen = new Screen(columns, rows, (text) => { if (this.answers) send(text); });
    this.old = document.createElement("div");
    this.now = document.createElement("div");
    element.replaceChildren(this.old, this.now);
    element.addEventListener("keydown", (event) => {
      // The browser's own copy, paste and way out of the element stay.
      if (event.ctrlKey && event.shiftKey && ["C", "V"].includes(event.key.toUpperCase())) return;
      if (event.key === "F6") { event.preventDefault(); return element.blur(); }
      const bytes = keyBytes(event, this.screen.applicationKeys);
      if (bytes === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.send(bytes);
    });
    element.addEventListener("paste", (event) => {
      event.preventDefault();
      const text = (event.clipboardData?.getData("text") ?? "").replace(/\r?\n/g, "\r");
      if (text) this.send(this.screen.bracketed ? `\x1b[200~${text}\x1b[201~` : text);
    });
    for (const name of ["focus", "blur"]) element.addEventListener(name, () => this.#draw());
  }
  write(bytes) { this.screen.write(bytes); this.#draw(); }
  resize(columns, rows) { this.screen.resize(columns, rows); this.#draw(); }
  clear() { this.screen.history = []; this.screen.reset(); this.#draw(); }

  #draw() {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => { this.#pending = false; this.#paint(); });
  }
  #paint() {
    const { element, screen } = this;
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
    const history = screen.history;
    // Old lines do not change: what is new is added, what was forgotten is taken away.
    if (history.length < this.#shownHistory || history[0] !== this.first) { this.old.replaceChildren(); this.#shownHistory = 0; }
    for (let index = this.#shownHistory; index < history.length; index += 1) this.old.append(this.#row(history[index], -1));
    this.#shownHistory = history.length;
    this.first = history[0];
    this.now.replaceChildren(...screen.lines.map((line, y) => this.#row(line, y === screen.y && !screen.hidden ? screen.x : -1)));
    if (isAtEnd) element.scrollTop = element.scrollHeight;
  }
  #row(line, cursor) {
    const row = document.createElement("div");
    let text = "", style = "", isCursor = false;
    const flush = () => {
      if (!text) return;
      if (!style && !isCursor) row.append(text);
      else {
        const span = document.createElement("span");
        span.textContent = text;
        if (style) span.style.cssText = style;
        if (isCursor) span.className = "cursor";
        row.append(span);
      }
      text = "";
    };
    let last = line.length;
    while (last > 0 && last - 1 !== cursor && line[last - 1].text === " " && line[last - 1].pen === plain) last -= 1;
    for (let x = 0; x < last; x += 1) {
      const { pen } = line[x], look = this.#style(pen);
      if (look !== style || isCursor || x === cursor) { flush(); style = look; isCursor = x === cursor; }
      text += line[x].text;
    }
    flush();
    if (!row.firstChild) row.append("\u200b");
    return row;
  }
  #style(pen) {
    if (pen === plain) return "";
    let { fg, bg } = pen;
    if (pen.bold && fg && palette.indexOf(fg) >= 0 && palette.indexOf(fg) < 8) fg = palette[palette.indexOf(fg) + 8];
    if (pen.inverse) [fg, bg] = [bg ?? "var(--terminal-back)", fg ?? "var(--terminal-text)"];
    return (fg ? `color:${fg};` : "") + (bg ? `background:${bg};` : "") + (pen.bold ? "font-weight:bold;" : "")
      + (pen.dim ? "opacity:.7;" : "") + (pen.under ? "text-decoration:underline;" : "");
  }
}
