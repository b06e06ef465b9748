// What a running machine uses, drawn second by second.

import { get } from "./api.js";
import { h, replace, size } from "./dom.js";
import { isOnline } from "./screens.js";

const points = 120;

// One line, or several with a name each.
class Chart {
  #lines = new Map();
  constructor(title, format, ceiling) {
    this.format = format;
    this.ceiling = ceiling;
    this.text = h("span", { class: "dim" });
    this.legend = h("div", { class: "dim legend" });
    this.canvas = h("canvas", { class: "chart", width: 480, height: 120, role: "img", "aria-label": title });
    this.element = h("div", { class: "card" }, h("div", { class: "bar" }, h("strong", { class: "grow" }, title), this.text), this.canvas, this.legend);
  }
  add(value) { this.addAll({ "": value }); }
  // An object of values by name.
  addAll(values) {
    for (const [name, value] of Object.entries(values)) {
      const line = this.#lines.get(name) ?? [];
      this.#lines.set(name, line);
      line.push(value);
      if (line.length > points) line.shift();
    }
    const pen = this.canvas.getContext("2d"), { width, height } = this.canvas;
    const top = Math.max(this.ceiling ?? 0, ...[...this.#lines.values()].flat(), 1e-9);
    const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    pen.clearRect(0, 0, width, height);
    pen.lineWidth = 2;
    const names = [...this.#lines.keys()];
    names.forEach((name, number) => {
      const line = this.#lines.get(name);
      pen.strokeStyle = names.length > 1 ? `hsl(${number * 360 / names.length} 65% 50%)` : accent;
      pen.beginPath();
      line.forEach((item, index) => {
        const x = width - (line.length - 1 - index) * width / (points - 1), y = height - 3 - item / top * (height - 8);
        if (index) pen.lineTo(x, y); else pen.moveTo(x, y);
      });
      pen.stroke();
    });
    if (names.length === 1) { this.text.textContent = this.format(this.#lines.get(names[0]).at(-1)); return; }
    replace(this.legend, names.map((name, number) => {
      const key = h("span", {}, "■ ");
      key.style.color = `hsl(${number * 360 / names.length} 65% 50%)`;
      return h("span", {}, key, `${name}: ${this.format(this.#lines.get(name).at(-1))} `);
    }));
  }
}

// The sum of all figures of this name, however deep.
function total(value, name) {
  if (value === null || typeof value !== "object") return 0;
  return Object.entries(value).reduce((sum, [key, item]) => sum + (key === name && typeof item === "number" ? item : total(item, name)), 0);
}

// Why the engines come back to their run loops, and what they do by longer ways, by the names of engine-statistics.
const exits = { event: "event", halt: "halt", step: "step", fault: "fault", hostFault: "host fault", fetch: "fetch" };
const slowPaths = { cacheMiss: "page not at hand", interpretedAccess: "device or fault", declined: "interpreted", indirectMiss: "jump looked up" };
const sectionTotal = (engines, section, name) => (engines ?? []).reduce((sum, engine) => sum + (engine[section]?.[name] ?? 0), 0);
// Bytes a second of each drive.
function byDrive(now, before, name, seconds) {
  const drives = now?.disks ?? [];
  if (!drives.length) return { "": 0 };
  return Object.fromEntries(drives.map((drive, index) => [drives.length > 1 ? drive.name : "", Math.max(0, (drive[name] - (before?.disks?.[index]?.[name] ?? 0)) / seconds)]));
}

export async function performanceTab(body, context) {
  const charts = {
    cpu: new Chart("Processor time of the host", (value) => `${value.toFixed(0)} %`, 100),
    memory: new Chart("Memory in use on the host", size),
    interpreted: new Chart("Instructions left to the interpreter", (value) => `${Math.round(value)} /s`),
    exits: new Chart("Exits of translated code", (value) => `${Math.round(value)} /s`),
    slow: new Chart("Slow paths of translated code", (value) => `${Math.round(value)} /s`),
    read: new Chart("Disks, to the guest", (value) => `${size(value)}/s`),
    written: new Chart("Disks, from the guest", (value) => `${size(value)}/s`),
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
      // Entries are as many as exits of all kinds.
      const kinds = (section, names) => Object.fromEntries(Object.entries(names).map(([name, text]) =>
        [text, Math.max(0, (sectionTotal(now.engine, section, name) - sectionTotal(before.engine, section, name)) / seconds)]));
      charts.exits.addAll(kinds("exits", exits));
      charts.slow.addAll(kinds("slowPaths", slowPaths));
      charts.read.addAll(byDrive(now.devices, before.devices, "readBytes", seconds));
      charts.written.addAll(byDrive(now.devices, before.devices, "writtenBytes", seconds));
      charts.received.add(rate("cards", "receivedBytes"));
      charts.sent.add(rate("cards", "sentBytes"));
    }
    before = now;
  };
  const timer = setInterval(() => look().catch(() => {}), 1000);
  context.life.addEventListener("abort", () => clearInterval(timer));
  await look();
}
