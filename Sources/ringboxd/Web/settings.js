// Settings of a machine that is off: the usual ones as fields, all others by their names.

import { call, get } from "./api.js";
import { acting, h, notice, replace, select } from "./dom.js";
import { isOnline } from "./screens.js";

export async function settingsTab(body, context) {
  const [types, options] = await Promise.all([get("ostypes"), get("options")]);
  if (context.life.aborted) return;
  const form = h("div"), others = h("div");
  replace(body, form, others, await extraData(context));
  let shown = "";
  context.changed = () => {
    // What somebody is typing stays, unless the machine itself is another now.
    const key = JSON.stringify([context.machine.hardware, context.machine.name, isOnline(context.machine.state)]);
    if (key === shown) return;
    shown = key;
    replace(form, usual(context, types));
    replace(others, everything(context, options));
  };
  context.changed();
}

function usual(context, types) {
  const machine = context.machine, hardware = machine.hardware, isOff = !isOnline(machine.state);
  const boot = [["none", "–"], ["disk", "Disk"], ["dvd", "CD"], ["net", "Network"], ["floppy", "Floppy"]];
  const number = (value, min, max) => h("input", { type: "number", value, min, max, required: true });
  const flag = (value) => h("input", { type: "checkbox", checked: value });
  const fields = [
    ["name", "Name", h("input", { value: machine.name, required: true })],
    ["ostype", "Guest system", select(types.map((type) => [type.id, type.description]), machine.osType)],
    ["memory", "Memory (MiB)", number(hardware.memory, 4, 2097152)], ["cpus", "Processors", number(hardware.cpus, 1, 64)],
    ["vram", "Video memory (MiB)", number(hardware.vram, 0, 256)],
    ["firmware", "Firmware", select([["bios", "BIOS"], ["efi", "EFI"]], hardware.firmware)],
    ["graphicscontroller", "Display adapter", select([["vboxvga", "VBoxVGA"], ["vboxsvga", "VBoxSVGA"], ["vmsvga", "VMSVGA"], ["none", "none"]], hardware.graphicscontroller)],
    ["clipboardmode", "Shared clipboard", select([["disabled", "disabled"], ["hosttoguest", "host to guest"], ["guesttohost", "guest to host"], ["bidirectional", "both ways"]], hardware.clipboardmode)],
    ["boot1", "Boots first from", select(boot, hardware.boot1)], ["boot2", "then", select(boot, hardware.boot2)],
    ["boot3", "then", select(boot, hardware.boot3)], ["boot4", "then", select(boot, hardware.boot4)],
    ["ioapic", "I/O APIC", flag(hardware.ioapic)], ["longmode", "64-bit mode", flag(hardware.longmode)],
    ["x2apic", "X2APIC", flag(hardware.x2apic)], ["rtcuseutc", "Clock shows UTC", flag(hardware.rtcuseutc)],
  ];
  const before = Object.fromEntries(fields.map(([name, , input]) => [name, valueOf(input)]));
  for (const [name, , input] of fields) { input.id = `set-${name}`; input.disabled = !isOff && name !== "clipboardmode"; }
  return h("form", { class: "card grid", id: "settings", onsubmit: acting(async () => {
    const changes = fields.map(([name, , input]) => [name, valueOf(input)]).filter(([name, value]) => value !== before[name]);
    if (!changes.length) return notice("Nothing has changed.");
    if (isOff) context.set(await call("PATCH", context.path, { options: Object.fromEntries(changes) }));
    else await call("PUT", `${context.path}/clipboard`, { mode: Object.fromEntries(changes).clipboardmode });
    notice("Kept.");
  }) },
  isOff ? null : h("p", { class: "wide dim" }, "Switch the machine off to change these; the clipboard's way can change now."),
  fields.map(([name, label, input]) => [h("label", { for: `set-${name}` }, label), input]),
  h("div", { class: "wide" }, h("button", { class: "primary", type: "submit" }, "Save")));
}
const valueOf = (input) => (input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value);

// Each value has a field of its own: it may hold blanks, or be empty.
function everything(context, options) {
  const known = new Map(options.flatMap((option) => [option.name, ...option.aliases].flatMap((name) => option.numbered
    ? Array.from({ length: option.last - option.first + 1 }, (_, index) => [`${name}${option.first + index}`, option]) : [[name, option]])));
  const name = h("input", { list: "option-names", id: "option-name", required: true, placeholder: "as nictype1" });
  const values = h("span", { id: "option-values", class: "grow bar" });
  const inputs = () => [...values.querySelectorAll("input")];
  const input = () => h("input", { class: "grow", "aria-label": `Value ${inputs().length + 1}` });
  const more = h("button", { type: "button", "aria-label": "One value more", onclick: () => { more.before(input()); inputs().at(-1).focus(); } }, "+");
  const shape = () => {
    const count = known.get(name.value)?.values ?? 1;
    while (inputs().length > count) inputs().at(-1).remove();
    while (inputs().length < count) more.before(input());
  };
  // The first value may say that no others follow, as in uart1 off: those are left empty.
  const given = () => {
    const all = inputs().map((one) => one.value);
    while (all.length > 1 && all.at(-1) === "") all.pop();
    return all;
  };
  values.append(more);
  name.addEventListener("change", shape);
  shape();
  return h("form", { class: "card", onsubmit: acting(async () => {
    context.set(await call("PATCH", context.path, { changes: [{ name: name.value, values: given() }] }));
    notice(`${name.value} is set.`);
  }) },
  h("h2", {}, "Every other option of modifyvm"),
  h("datalist", { id: "option-names" }, [...known.keys()].map((value) => h("option", { value }))),
  h("div", { class: "bar" }, h("label", { for: "option-name" }, "Option"), name, values,
    h("button", { type: "submit", id: "option-set", disabled: isOnline(context.machine.state) }, "Set")));
}

async function extraData(context) {
  const list = h("tbody");
  const path = `${context.path}/extradata`;
  const load = async () => {
    const data = await get(path);
    replace(list, Object.entries(data).map(([key, value]) => h("tr", {}, h("td", {}, key), h("td", {}, value),
      h("td", {}, h("button", { type: "button", onclick: acting(() => put(key, "")) }, "Remove")))));
  };
  const put = async (key, value) => { await call("PUT", `${path}/${encodeURIComponent(key)}`, { value }); await load(); };
  const key = h("input", { placeholder: "Key", "aria-label": "Key", required: true });
  const value = h("input", { placeholder: "Value", "aria-label": "Value", class: "grow", required: true });
  await load();
  return h("div", { class: "card" }, h("h2", {}, "Extra data"), h("div", { class: "scroll" }, h("table", {}, list)),
    h("form", { class: "bar", onsubmit: acting(async () => { await put(key.value, value.value); key.value = value.value = ""; }) },
      key, value, h("button", { type: "submit" }, "Keep")));
}
