// A viewer of the RFB protocol (RFC 6143) on a canvas: raw, CopyRect and Hextile, size changes, raw keys, the keyboard's
// lights, the extended clipboard.
//
// The protocol is read by a generator that yields how many bytes it wants next and goes on when they are there: it
// reads like the standard, and no message has to come in one piece.

import { Clipboard } from "./clipboard.js";

const encodings = { raw: 0, copy: 1, hextile: 5, size: -223, keys: -258, lights: -261, clipboard: 0xc0a1e5ce | 0 };

export class RFB {
  #queue = [];
  #available = 0;
  #wanted = 0;
  #reader;
  #hasKeys = false;
  #pressed = new Map();
  #buttons = 0;
  #clipboard = new Clipboard((head, body) => this.#sendAll(head, body), (text) => this.told("clipboard", text));

  // `told` is called with "open", "size", "closed", "failed" and a reason, "lights" and their bits (1 Scroll Lock, 2 Num
  // Lock, 4 Caps Lock), or "clipboard" and what another viewer copied.
  constructor(socket, canvas, told) {
    this.socket = socket;
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.told = told;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (message) => this.#feed(new Uint8Array(message.data));
    socket.onclose = () => told("closed");
    this.#reader = this.#run();
    this.#wanted = this.#reader.next().value;
  }
  close() { this.releaseKeys(); this.socket.close(); }

  // Bytes

  #feed(bytes) {
    this.#queue.push(bytes);
    this.#available += bytes.length;
    try {
      while (this.#available >= this.#wanted) {
        const { value, done } = this.#reader.next(this.#take(this.#wanted));
        if (done) return this.socket.close();
        this.#wanted = value;
      }
    } catch (error) {
      this.told("failed", error.message);
      this.socket.close();
    }
  }
  #take(count) {
    this.#available -= count;
    const first = this.#queue[0];
    if (count === 0) return new Uint8Array(0);
    if (first.length > count) { this.#queue[0] = first.subarray(count); return first.subarray(0, count); }
    const bytes = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      const piece = this.#queue[0], part = piece.subarray(0, count - at);
      bytes.set(part, at);
      at += part.length;
      if (part.length === piece.length) this.#queue.shift(); else this.#queue[0] = piece.subarray(part.length);
    }
    return bytes;
  }
  #sendAll(head, body) {
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(head);
    bytes.set(body, head.length);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes);
  }
  #send(...bytes) { if (this.socket.readyState === WebSocket.OPEN) this.socket.send(new Uint8Array(bytes)); }

  // Protocol

  *#run() {
    const half = (bytes, at = 0) => bytes[at] << 8 | bytes[at + 1];
    const long = (bytes, at = 0) => (half(bytes, at) << 16 | half(bytes, at + 2)) >>> 0;
    yield 12;
    this.#send(...new TextEncoder().encode("RFB 003.008\n"));
    const types = yield (yield 1)[0];
    if (!types.includes(1)) throw new Error("The display wants a password, which pages cannot give");
    this.#send(1);
    if (long(yield 4) !== 0) throw new Error("The display refuses");
    this.#send(1);
    const start = yield 24;
    yield long(start, 20);
    this.#resize(half(start), half(start, 2));
    // 32 bits a pixel, red in the lowest byte: as the canvas has them.
    this.#send(0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0);
    const wanted = [encodings.copy, encodings.hextile, encodings.raw, encodings.size, encodings.keys, encodings.lights, encodings.clipboard];
    this.#send(2, 0, 0, wanted.length, ...wanted.flatMap((code) => [code >> 24 & 255, code >> 16 & 255, code >> 8 & 255, code & 255]));
    this.#ask(false);
    this.told("open");
    while (true) {
      switch ((yield 1)[0]) {
        case 0: {
          const count = half(yield 3, 1);
          for (let index = 0; index < count; index += 1) yield* this.#rectangle(yield 12, half, long);
          this.#ask(true);
          break;
        }
        case 1: yield half(yield 5, 3) * 6; break;
        case 2: break;
        case 3: {
          const length = long(yield 7, 3) | 0, count = Math.abs(length);
          if (count > 1 << 24) throw new Error("The display hands over an impossible clipboard");
          this.#clipboard.receive(yield count, length < 0);
          break;
        }
        default: throw new Error("The display sends what nobody asked for");
      }
    }
  }
  #ask(isIncremental) {
    const { width, height } = this.canvas;
    this.#send(3, isIncremental ? 1 : 0, 0, 0, 0, 0, width >> 8, width & 255, height >> 8, height & 255);
  }
  #resize(width, height) {
    if (width < 1 || height < 1 || width * height > 1 << 25) throw new Error("The display has an impossible size");
    this.canvas.width = width;
    this.canvas.height = height;
    this.told("size");
  }
  *#rectangle(head, half, long) {
    const [x, y, width, height] = [0, 2, 4, 6].map((at) => half(head, at));
    switch (long(head, 8) | 0) {
      case encodings.raw: this.#put(yield width * height * 4, x, y, width, height); break;
      case encodings.copy: {
        const source = yield 4;
        if (width && height) this.pen.drawImage(this.canvas, half(source), half(source, 2), width, height, x, y, width, height);
        break;
      }
      case encodings.hextile: yield* this.#hextile(x, y, width, height); break;
      case encodings.size: this.#resize(width, height); this.#ask(false); break;
      case encodings.keys: this.#hasKeys = true; break;
      case encodings.lights: this.told("lights", (yield 1)[0]); break;
      default: throw new Error("The display uses an encoding that nobody asked for");
    }
  }
  #put(bytes, x, y, width, height) {
    if (!width || !height) return;
    const pixels = new Uint8ClampedArray(bytes);
    for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255;
    this.pen.putImageData(new ImageData(pixels, width, height), x, y);
  }
  *#hextile(x, y, width, height) {
    let ground = "#000", front = "#fff";
    const colour = (bytes, at = 0) => `rgb(${bytes[at]} ${bytes[at + 1]} ${bytes[at + 2]})`;
    for (let top = y; top < y + height; top += 16) {
      for (let left = x; left < x + width; left += 16) {
        const wide = Math.min(16, x + width - left), high = Math.min(16, y + height - top);
        const kind = (yield 1)[0];
        if (kind & 1) { this.#put(yield wide * high * 4, left, top, wide, high); continue; }
        if (kind & 2) ground = colour(yield 4);
        if (kind & 4) front = colour(yield 4);
        this.pen.fillStyle = ground;
        this.pen.fillRect(left, top, wide, high);
        if (!(kind & 8)) continue;
        const count = (yield 1)[0], isColoured = (kind & 16) !== 0, size = isColoured ? 6 : 2;
        const pieces = yield count * size;
        this.pen.fillStyle = front;
        for (let at = 0; at < pieces.length; at += size) {
          if (isColoured) this.pen.fillStyle = colour(pieces, at);
          const place = pieces[at + size - 2], extent = pieces[at + size - 1];
          this.pen.fillRect(left + (place >> 4), top + (place & 15), (extent >> 4) + 1, (extent & 15) + 1);
        }
      }
    }
  }

  // Input

  key(code, keysym, isDown) {
    if (isDown) this.#pressed.set(code, keysym); else this.#pressed.delete(code);
    const symbol = [keysym >> 24 & 255, keysym >> 16 & 255, keysym >> 8 & 255, keysym & 255];
    if (this.#hasKeys) this.#send(255, 0, 0, isDown ? 1 : 0, ...symbol, 0, 0, 0, code & 255);
    else if (keysym) this.#send(4, isDown ? 1 : 0, 0, 0, ...symbol);
  }
  // Hands a text to the machine's other viewers.
  offer(text) { return this.#clipboard.offer(text); }
  releaseKeys() { for (const [code, keysym] of [...this.#pressed]) this.key(code, keysym, false); }
  pointer(x, y, buttons) {
    this.#buttons = buttons;
    const clamp = (value, limit) => Math.max(0, Math.min(limit - 1, Math.round(value)));
    const left = clamp(x, this.canvas.width), top = clamp(y, this.canvas.height);
    this.#send(5, buttons, left >> 8, left & 255, top >> 8, top & 255);
  }
  wheel(x, y, isUp) {
    this.pointer(x, y, this.#buttons | (isUp ? 8 : 16));
    this.pointer(x, y, this.#buttons & ~24);
  }
}
