// One machine: what it does, and pages for everything about it.

import { call, events, get, segment } from "./api.js";
import { cloneMachine, exportMachine } from "./appliances.js";
import { consoleTab } from "./console.js";
import { dataTab } from "./data.js";
import { acting, ask, choice, field, h, notice, replace, time } from "./dom.js";
import { hardwareFacts, pairs } from "./facts.js";
import { insideTab } from "./inside.js";
import { logsTab } from "./logs.js";
import { networkTab } from "./network.js";
import { performanceTab } from "./performance.js";
import { isOnline, stateBadge, Thumbnail } from "./screens.js";
import { serialTab } from "./serial.js";
import { settingsTab } from "./settings.js";
import { snapshotsTab } from "./snapshots.js";
import { storageTab } from "./storage.js";

const tabs = [
  ["overview", "Overview", overviewTab], ["console", "Console", consoleTab], ["serial", "Serial", serialTab], ["settings", "Settings", settingsTab],
  ["storage", "Storage", storageTab], ["network", "Network", networkTab], ["snapshots", "Snapshots", snapshotsTab],
  ["data", "Data", dataTab], ["logs", "Logs", logsTab], ["performance", "Performance", performanceTab],
  ["inside", "Inside", insideTab],
];

export async function machinePage(main, life, uuid, name = "overview") {
  const path = `machines/${segment(uuid)}`;
  let machine = await get(path);
  if (life.aborted) return;
  const head = h("div"), body = h("section", { id: "tab" });
  const tab = tabs.find(([word]) => word === name) ?? tabs[0];
  const bar = h("nav", { class: "tabs", "aria-label": "Parts of the machine" }, tabs.map(([word, text]) =>
    h("a", { href: `#/m/${segment(uuid)}/${word}`, "aria-current": word === tab[0] ? "page" : null }, text)));
  replace(main, head, bar, body);

  // Tabs draw themselves again when the machine has changed.
  const context = { path, life, get machine() { return machine; }, changed: () => {}, set(value) { machine = value; drawHead(); context.changed(); } };
  function drawHead() {
    replace(head, h("div", { class: "bar" }, h("h1", { class: "grow" }, machine.name, " ", stateBadge(machine)), powerButtons(context)));
  }
  drawHead();
  let timer = null;
  events.addEventListener("event", ({ detail }) => {
    if (detail.machine !== machine.uuid || !/^(machine|snapshot)\./.test(detail.kind)) return;
    if (detail.kind === "machine.unregistered") { notice(`${machine.name} is gone.`); location.hash = "#/"; return; }
    if (timer) return;
    timer = setTimeout(async () => {
      timer = null;
      if (life.aborted) return;
      try { const fresh = await get(path); if (!life.aborted) context.set(fresh); } catch { /* it is just going */ }
    }, 60);
  }, { signal: life });
  if (!machine.accessible) {
    return replace(body, h("div", { class: "card" }, h("h2", {}, "The settings cannot be read"), h("p", {}, machine.accessError),
      h("p", { class: "dim" }, machine.settingsFile)));
  }
  await tab[2](body, context);
}

function powerButtons({ path, machine }) {
  const act = (verb) => acting(() => call("POST", `${path}/${verb}`));
  const button = (id, text, action, properties = {}) => h("button", { type: "button", id, onclick: action, ...properties }, text);
  if (!machine.accessible) return [];
  if (!isOnline(machine.state)) {
    return [
      button("start", "Start", act("start"), { class: "primary" }),
      machine.state === "saved" ? button("discard", "Discard state", act("discardstate")) : null,
      machine.state === "saved" ? null : button("clone", "Clone…", acting(() => cloneMachine(path, machine))),
      machine.state === "saved" ? null : button("export", "Export…", acting(() => exportMachine(machine))),
      machine.state === "saved" ? null : button("adopt", "Adopt state…", acting(() => adopt(path))),
      button("move", "Move…", acting(() => move(path, machine))),
      button("remove", "Remove…", acting(() => remove(path, machine)), { class: "danger" }),
    ];
  }
  return [
    machine.state === "paused" ? button("resume", "Resume", act("resume"), { class: "primary" }) : button("pause", "Pause", act("pause")),
    button("reset", "Reset", act("reset")),
    button("acpi", "Power button", act("acpipowerbutton")),
    button("record", "Record…", acting(() => record(path, machine))),
    button("save", "Save state", act("savestate")),
    button("nmi", "NMI", act("nmi"), { title: "A non-maskable interrupt: many systems then say where they stand" }),
    button("dump", "Dump memory…", acting(() => dump(path, machine))),
    button("poweroff", "Power off", act("poweroff"), { class: "danger" }),
  ];
}

async function move(path, machine) {
  const answer = await ask(`Move '${machine.name}'`, [field("folder", "Into the folder", "", { required: true })]);
  if (answer) { await call("POST", `${path}/move`, answer); notice("Moving; the tasks show how far it is."); }
}
async function adopt(path) {
  const answer = await ask("Go on from a saved state", [field("path", "File (.sav)", "", { required: true })]);
  if (answer) await call("POST", `${path}/adoptstate`, answer);
}
async function record(path, machine) {
  const number = (name, label, value, max) => field(name, label, value, { type: "number", min: 0, max });
  const answer = await ask("Recording of the screen", [
    choice("enabled", "What", [["true", "begin"], ["false", "end"]], "true"), field("file", "File (.webm)", `${machine.folder}/${machine.name}.webm`, { required: true }),
    field("size", "Size of the picture", "1024x768", { pattern: "[0-9]+x[0-9]+", required: true }), number("rate", "Rate (kbit/s)", 512, 100000),
    number("framesPerSecond", "Pictures a second", 25, 60), number("maximumSeconds", "Seconds at most (0: no limit)", 0, 31536000),
    number("maximumMebibytes", "MiB at most (0: no limit)", 0, 1048576),
  ]);
  if (!answer) return;
  const isOn = answer.enabled === "true";
  const { enabled, file, size, ...numbers } = answer;
  const wish = { enabled: isOn, ...(isOn ? { file, size, ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])) } : {}) };
  const { frames } = await call("PUT", `${path}/recording`, wish);
  notice(isOn ? `Recording into ${file}.` : `The recording has ended${frames === undefined ? "" : `, after ${frames} pictures`}.`);
}
async function dump(path, machine) {
  const answer = await ask("The guest's memory, for a debugger", [field("path", "File (ELF)", `${machine.folder}/${machine.name}.core`, { required: true })], { ok: "Write" });
  if (answer) { await call("POST", `${path}/core`, answer); notice("Writing; the tasks show how far it is."); }
}
async function remove(path, machine) {
  const answer = await ask(`Remove '${machine.name}'?`, [
    choice("files", "Its files", [["keep", "stay where they are"], ["delete", "are deleted, disks that no other machine has included"],
      ["media", "are deleted, and CDs and floppies in its folder too"]], "keep"),
  ], { ok: "Remove", isDanger: true });
  if (!answer) return;
  await call("DELETE", `${path}?${answer.files === "media" ? "media" : "delete"}=${answer.files !== "keep"}`);
  location.hash = "#/";
}

async function overviewTab(body, context) {
  const { path, life } = context;
  const thumbnail = new Thumbnail(context.machine.uuid, life);
  thumbnail.element.id = "thumbnail";
  const details = h("dl", { class: "pairs" });
  replace(body, h("div", { class: "charts" },
    h("a", { href: `${location.hash.split("/").slice(0, 3).join("/")}/console`, "aria-label": "Console" }, thumbnail.element),
    h("div", { class: "card" }, details)));
  context.changed = () => {
    const machine = context.machine;
    thumbnail.state = machine.state;
    const rows = [
      ...hardwareFacts(machine), ["Since", time(machine.since)], ["Snapshots", machine.snapshots],
      ["Groups", machine.groups.join(", ")], ["Settings file", machine.settingsFile], ["UUID", machine.uuid],
      machine.process ? ["Process", machine.process] : null,
      ["Description", [machine.description || "–", " ", h("button", { type: "button", onclick: acting(async () => {
        const answer = await ask("Description", [field("text", "Text", machine.description)]);
        if (answer) context.set(await call("PATCH", path, { options: { description: answer.text } }));
      }) }, "Change…")]],
    ];
    replace(details, pairs(rows));
  };
  context.changed();
}
