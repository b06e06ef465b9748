// Small pictures of machines' screens, and their states in words.

import { blob, segment } from "./api.js";
import { h } from "./dom.js";

export const isOnline = (state) => ["running", "paused", "saving", "starting", "stopping"].includes(state);

const words = { poweroff: "powered off" };
export function stateBadge(machine) {
  const state = machine.accessible === false ? "inaccessible" : machine.state;
  return h("span", { class: `state ${state}` }, words[state] ?? state);
}

const nothing = "data:image/svg+xml," + encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 10"/>');

// The screen of one machine, new every two seconds while somebody can see it.
export class Thumbnail {
  state = "poweroff";
  #address = null;
  constructor(machine, life) {
    this.machine = machine;
    this.element = h("img", { class: "thumb off", alt: "", src: nothing });
    const timer = setInterval(() => this.#refresh(), 2000);
    life.addEventListener("abort", () => { clearInterval(timer); this.#show(null); });
    setTimeout(() => this.#refresh(), 0);
  }
  async #refresh() {
    this.element.classList.toggle("off", !isOnline(this.state));
    if (!isOnline(this.state)) return this.#show(null);
    if (document.hidden || !this.element.isConnected) return;
    try { this.#show(await blob(`machines/${segment(this.machine)}/screenshot`)); } catch { /* it has just ended */ }
  }
  #show(image) {
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = image ? URL.createObjectURL(image) : null;
    this.element.src = this.#address ?? nothing;
  }
}
