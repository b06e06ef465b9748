// Text typed into the machine, a piece at a time: it goes on at the guest's pace, can be watched, and be stopped.

import { call } from "./api.js";

// So many key strokes take minutes; more is better brought in by other ways.
export const typingLimit = 16384;
const piece = 200;

// What no key of the keyboard types, one of each.
export const untypable = (text) => [...new Set([...text].filter((letter) => !/[\t\n\x20-\x7e]/.test(letter)))];

export class Typist {
  isTyping = false;
  #stops = false;

  // `told` is called with the number of characters that were typed and of all; both are 0 when it is over.
  constructor(path, told) {
    this.path = path;
    this.told = told;
  }
  stop() { this.#stops = true; }

  // True when all was typed.
  async type(raw) {
    const letters = [...raw.replace(/\r\n?/g, "\n")];
    if (this.isTyping) throw new Error("Something is being typed already");
    if (letters.length > typingLimit) {
      throw new Error(`${letters.length} characters are too many to be typed: ${typingLimit} at most`);
    }
    const strange = untypable(letters.join(""));
    if (strange.length) throw new Error(`No key types ${strange.slice(0, 8).map((letter) => `'${letter}'`).join(", ")}: nothing was typed`);
    this.isTyping = true;
    this.#stops = false;
    try {
      for (let at = 0; at < letters.length && !this.#stops; at += piece) {
        this.told(at, letters.length);
        await call("POST", `${this.path}/keyboard`, { text: letters.slice(at, at + piece).join("") });
      }
    } finally {
      this.isTyping = false;
      this.told(0, 0);
    }
    return !this.#stops;
  }
}
