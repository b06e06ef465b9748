// The clipboard that a machine's viewers share: the RFB protocol's extended clipboard, and its old form without it.

const flag = { text: 1, caps: 1 << 24, request: 1 << 25, peek: 1 << 26, notify: 1 << 27, provide: 1 << 28 };
// Longer texts are neither sent nor taken.
export const clipboardLimit = 1 << 20;

const word = (value) => [value >>> 24 & 255, value >>> 16 & 255, value >>> 8 & 255, value & 255];
const long = (bytes, at) => (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;

async function through(stream, bytes, limit) {
  const output = [];
  let size = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      output.push(piece.value);
      size += piece.value.length;
      if (size > limit) { await reader.cancel(); return null; }
    }
  } catch {
    // A stream that was flushed and not ended: all of it has come.
  }
  return new Uint8Array(await new Blob(output).arrayBuffer());
}

export class Clipboard {
  #isExtended = false;
  #text = "";

  // `send` takes head and body of a message, `copied` a text that another viewer has copied.
  constructor(send, copied) {
    this.send = send;
    this.copied = copied;
  }

  // The body of the server's message.
  receive(bytes, isExtended) {
    if (!isExtended) {
      if (bytes.length <= clipboardLimit) this.copied(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      return;
    }
    if (bytes.length < 4) return;
    const flags = long(bytes, 0);
    if (flags & flag.caps) {
      this.#isExtended = true;
      this.#message(flag.caps | flag.request | flag.notify | flag.provide | flag.text, word(clipboardLimit));
    } else if (flags & flag.text) {
      if (flags & flag.request) this.#provide();
      if (flags & flag.notify) this.#message(flag.request | flag.text, []);
      if (flags & flag.provide) this.#take(bytes.slice(4));
    }
  }
  async #take(bytes) {
    const data = await through(new DecompressionStream("deflate"), bytes, clipboardLimit + 5);
    if (!data || data.length < 4) return;
    const count = long(data, 0);
    if (count > data.length - 4) return;
    const text = new TextDecoder().decode(data.subarray(4, 4 + count));
    this.copied(text.replace(/\0$/, "").replaceAll("\r\n", "\n"));
  }

  // False when the text is too long.
  async offer(text) {
    if (new TextEncoder().encode(text).length * 2 > clipboardLimit) return false;
    this.#text = text;
    if (this.#isExtended) await this.#provide();
    else {
      const bytes = Array.from(text, (letter) => letter.codePointAt(0) < 256 ? letter.codePointAt(0) : 0x3f);
      this.send([6, 0, 0, 0, ...word(bytes.length)], Uint8Array.from(bytes));
    }
    return true;
  }
  async #provide() {
    const text = new TextEncoder().encode(`${this.#text.replaceAll("\n", "\r\n")}\0`);
    const plain = new Uint8Array(4 + text.length);
    plain.set(word(text.length));
    plain.set(text, 4);
    this.#message(flag.provide | flag.text, await through(new CompressionStream("deflate"), plain, 2 * clipboardLimit));
  }
  #message(flags, body) { this.send([6, 0, 0, 0, ...word(-(4 + body.length)), ...word(flags)], body); }
}
