// Machines in files for others: what an import would make, and what an export says.

import { call, get, segment } from "./api.js";
import { ask, check, choice, field, h, note, notice } from "./dom.js";
import { chooseFile } from "./files.js";

const addresses = [["new", "new ones"], ["keepnat", "kept where the card is behind NAT"], ["keepall", "all kept"]];
// What of a piece is worth showing.
const hidden = new Set(["name", "settingsFile", "baseFolder", "osType", "group", "license", "text", "cpus", "memory", "product", "productURL", "vendor", "vendorURL", "version"]);

export async function importAppliance() {
  const path = await chooseFile("An appliance", [".ova", ".ovf"]);
  if (!path) return;
  const { systems } = await call("POST", "appliances/preview", { path });
  const forms = systems.map((system) => {
    const value = (kind) => system.units.find((unit) => unit.kind === kind)?.value ?? "";
    const pieces = system.units.filter((unit) => !hidden.has(unit.kind)).map((unit) => ({ unit, box: h("input", { type: "checkbox", checked: !unit.ignored }) }));
    return { system, pieces, name: h("input", { value: system.name, required: true }), memory: h("input", { type: "number", min: 4, value: value("memory") }),
      cpus: h("input", { type: "number", min: 1, max: 64, value: value("cpus") }), accepts: system.license ? h("input", { type: "checkbox", required: true }) : null };
  });
  const fields = forms.flatMap(({ system, pieces, name, memory, cpus, accepts }, index) => [
    note(h("h2", {}, `Machine ${index + 1}: ${system.osType}`)),
    { name: `name${index}`, label: "Name", input: name }, { name: `memory${index}`, label: "Memory (MiB)", input: memory },
    { name: `cpus${index}`, label: "Processors", input: cpus },
    note(h("fieldset", {}, h("legend", {}, "What comes with it"), pieces.map(({ unit, box }) => h("div", {}, h("label", {}, box, " ", `${unit.kind}: ${unit.value || unit.original}`,
      unit.place ? h("span", { class: "dim" }, ` ${unit.place}`) : null))))),
    system.license ? note(h("pre", {}, system.license)) : null,
    accepts ? { name: `accepts${index}`, label: "I accept this license", input: accepts } : null,
  ].filter(Boolean));
  const answer = await ask("Import", [note(path), ...fields, choice("addresses", "Addresses of network cards", addresses, "new"), check("makesVDI", "All disks become VDI", false)], { ok: "Import" });
  if (!answer) return;
  await call("POST", "appliances/import", { path, addresses: answer.addresses, makesVDI: answer.makesVDI, systems: forms.map((form) => ({
    name: form.name.value, memory: Number(form.memory.value), cpus: Number(form.cpus.value), acceptLicense: form.accepts?.checked ?? false,
    units: form.pieces.filter(({ box }) => !box.checked).map(({ unit }) => ({ number: unit.number, ignored: true })),
  })) });
  notice("Importing; the tasks show how far it is.");
}

export async function exportMachine(machine) {
  const words = [["product", "Product"], ["productURL", "Its page"], ["vendor", "Vendor"], ["vendorURL", "Their page"], ["version", "Product's version"], ["description", "Description"], ["license", "License to agree to"]];
  const answer = await ask(`Export '${machine.name}'`, [
    field("path", "File (.ova or .ovf)", `${machine.folder}/${machine.name}.ova`, { required: true }), choice("format", "Version of OVF", ["0.9", "1.0", "2.0"], "1.0"),
    check("manifest", "With digests of all files", true), check("discs", "CDs go with it", false),
    choice("addresses", "Addresses of network cards", [["keepall", "all kept"], ["keepnat", "kept where the card is behind NAT"], ["new", "none kept"]], "keepall"),
    ...words.map(([name, label]) => field(name, label)),
  ], { ok: "Export" });
  if (!answer) return;
  const said = Object.fromEntries(words.map(([name]) => [name, answer[name]]).filter(([, value]) => value));
  await call("POST", "appliances/export", { machines: [machine.uuid], path: answer.path, version: answer.format, manifest: answer.manifest, discs: answer.discs,
    addresses: answer.addresses, ...(Object.keys(said).length ? { systems: [said] } : {}) });
  notice("Exporting; the tasks show how far it is.");
}

export async function cloneMachine(path, machine) {
  const snapshots = await get(`${path}/snapshots`);
  const answer = await ask(`Clone '${machine.name}'`, [
    field("name", "Name", `${machine.name} Clone`, { required: true }),
    choice("snapshot", "As it was", [["", "now"], ...snapshots.map((one) => [one.uuid, `at '${one.name}'`])], ""),
    choice("mode", "What", [["machine", "one state"], ["machineandchildren", "the snapshot and those after it"], ["all", "everything with all snapshots"]], "machine"),
    check("linked", "Linked: its disks lie over the snapshot's", false), choice("addresses", "Addresses of network cards", addresses, "new"),
    check("keepDiskNames", "Its disks keep their names", false), check("keepHardwareUUIDs", "Its guest keeps the machine's identity", false),
    field("folder", "Into the folder (empty: as usual)"),
  ], { ok: "Clone" });
  if (!answer) return;
  const { snapshot, folder, ...rest } = answer;
  await call("POST", `${path}/clone`, { ...rest, ...(snapshot ? { snapshot } : {}), ...(folder ? { folder } : {}) });
  notice("Cloning; the tasks show how far it is.");
}

export async function registerMachine() {
  const path = await chooseFile("A machine's settings", [".vbox"]);
  if (!path) return;
  const machine = await call("POST", "machines/register", { path });
  location.hash = `#/m/${segment(machine.uuid)}`;
}
