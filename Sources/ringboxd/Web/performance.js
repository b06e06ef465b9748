// What a running machine uses, drawn second by second.

import { get } from "./api.js";
import { h, replace, size } from "./dom.js";
import { isOnline } from "./screens.js";

const points = 120;

class Chart {
  #values = [];
  constructor(title, format, ceiling) {
    this.format = format;
    this.ceiling = ceiling;
    this.text = h("span", { class: "dim" });
    this.canvas = h("canvas", { class: "chart", width: 480, height: 120, role: "img", "aria-label": title });
    this.element = h("div", { class: "card" }, h("div", { class: "bar" }, h("strong", { class: "grow" }, title), this.text), this.canvas);
  }
  add(value) {
    this.#values.push(value);
    if (this.#values.length > points) this.#values.shift();
    this.text.textContent = this.format(value);
    const pen = this.canvas.getContext("2d"), { width, height } = this.canvas;
    const top = Math.max(this.ceiling ?? 0, ...this.#values, 1e-9);
    pen.clearRect(0, 0, width, height);
    pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    pen.lineWidth = 2;
    pen.beginPath();
    this.#values.forEach((item, index) => {
      const x = width - (this.#values.length - 1 - index) * width / (points - 1), y = height - 3 - item / top * (height - 8);
      if (index) pen.lineTo(x, y); else pen.moveTo(x, y);
    });
    pen.stroke();
  }
}

// The sum of all figures of this name, however deep.
function total(value, name) {
  if (value === null || typeof value !== "object") return 0;
  return Object.entries(value).reduce((sum, [key, item]) => sum + (key === name && typeof item === "number" ? item : total(item, name)), 0);
}

export async function performanceTab(body, context) {
  const charts = {
    cpu: new Chart("Processor time of the host", (value) => `${value.toFixed(0)} %`, 100),
    memory: new Chart("Memory in use on the host", size),
    interpreted: new Chart("Instructions left to the interpreter", (value) => `${Math.round(value)} /s`),
    entries: new Chart("Entries into translated code", (value) => `${Math.round(value)} /s`),
    received: new Chart("Network, to the guest", (value) => `${size(value)}/s`),
    sent: new Chart("Network, from the guest", (value) => `${size(value)}/s`),
  };
  const hint = h("p", { class: "dim" });
  replace(body, hint, h("div", { class: "charts" }, Object.values(charts).map((chart) => chart.element)));
  let before = null;
  const look = async () => {
    if (!isOnline(context.machine.state)) { before = null; hint.textContent = "The machine does not run."; return; }
    hint.textContent = "";
    if (document.hidden) return;
    const now = await get(`${context.path}/metrics`);
    if (context.life.aborted) return;
    charts.memory.add(now.residentBytes ?? 0);
    if (before && now.time > before.time) {
      const seconds = (now.time - before.time) / 1000;
      const rate = (part, name) => Math.max(0, (total(now[part], name) - total(before[part], name)) / seconds);
      charts.cpu.add(((now.cpuMilliseconds ?? 0) - (before.cpuMilliseconds ?? 0)) / seconds / 10);
      charts.interpreted.add(rate("engine", "instructions"));
      charts.entries.add(rate("engine", "entries"));
      charts.received.add(rate("cards", "receivedBytes"));
      charts.sent.add(rate("cards", "sentBytes"));
    }
    before = now;
  };
  const timer = setInterval(() => look().catch(() => {}), 1000);
  context.life.addEventListener("abort", () => clearInterval(timer));
  await look();
}
