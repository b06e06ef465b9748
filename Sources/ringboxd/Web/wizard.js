// A new machine in one page.

import { call, get, segment } from "./api.js";
import { acting, h, replace, select } from "./dom.js";
import { chooseFile, discSuffixes } from "./files.js";

// What the name or the label of a disc says about the system on it.
const guesses = [[/debian/i, "Debian"], [/ubuntu/i, "Ubuntu"], [/fedora/i, "Fedora"], [/arch/i, "ArchLinux"], [/suse/i, "OpenSUSE"],
  [/gentoo/i, "Gentoo"], [/freebsd/i, "FreeBSD"], [/openbsd/i, "OpenBSD"], [/netbsd/i, "NetBSD"], [/win(dows)?[ _-]?10/i, "Windows10"],
  [/win(dows)?[ _-]?7/i, "Windows7"], [/xp/i, "WindowsXP"], [/freedos|dos/i, "DOS"], [/linux/i, "Linux26"]];

export async function wizardPage(main, life) {
  const types = await get("ostypes");
  if (life.aborted) return;
  const families = [...new Set(types.map((type) => type.family))];
  const name = h("input", { id: "new-name", required: true, maxlength: 200 });
  const system = h("select", { id: "new-ostype" }, families.map((family) => h("optgroup", { label: family },
    types.filter((type) => type.family === family).map((type) => h("option", { value: type.id }, type.description)))));
  system.value = "Debian_64";
  const memory = h("input", { id: "new-memory", type: "number", min: 4, max: 2097152, value: 1024, required: true });
  const cpus = h("input", { id: "new-cpus", type: "number", min: 1, max: 64, value: 1, required: true });
  const disk = h("input", { id: "new-disk", type: "number", min: 0, value: 8192, required: true });
  const disc = h("input", { id: "new-iso", class: "grow", placeholder: "none" });
  const network = select([["nat", "NAT"], ["none", "none"]], "nat", { id: "new-network" });
  system.addEventListener("change", () => { memory.value = types.find((type) => type.id === system.value)?.memory ?? memory.value; });
  const guess = async () => {
    if (!disc.value) return;
    let label = "";
    try { ({ label } = await get(`files/label?path=${segment(disc.value)}`)); } catch { /* no disc that can be read */ }
    const text = `${label} ${disc.value.split("/").pop()}`;
    const family = guesses.find(([pattern]) => pattern.test(text))?.[1];
    const is64 = /amd64|x86_64|x64|64/i.test(text) || !/i386|i686|x86|32/i.test(text);
    const found = family && (types.find((type) => type.id === `${family}${is64 ? "_64" : ""}`) ?? types.find((type) => type.id.startsWith(family)));
    if (found) { system.value = found.id; memory.value = found.memory; }
    if (!name.value && label) name.value = label.trim();
  };
  disc.addEventListener("change", guess);
  const fields = [
    ["new-name", "Name", name],
    ["new-iso", "Disc to install from", h("div", { class: "bar" }, disc, h("button", { type: "button", onclick: acting(async () => {
      const file = await chooseFile("A disc", discSuffixes);
      if (file) { disc.value = file; await guess(); }
    }) }, "Choose…"))],
    ["new-ostype", "Guest system", system], ["new-memory", "Memory (MiB)", memory], ["new-cpus", "Processors", cpus],
    ["new-disk", "Disk (MiB, 0: none)", disk], ["new-network", "Network", network],
  ];
  const create = acting(async () => {
    const options = { memory: Number(memory.value), cpus: Number(cpus.value), nic1: network.value };
    const machine = await call("POST", "machines", { name: name.value, osType: system.value, defaults: true, options });
    const path = `machines/${segment(machine.uuid)}`;
    try {
      if (Number(disk.value) > 0) {
        const file = `${machine.folder}/${machine.name}.vdi`;
        await call("POST", "media", { path: file, size: Number(disk.value) * 1048576 });
        await call("PUT", `${path}/controllers/SATA/drives/0/0`, { kind: "hdd", medium: file });
      }
      if (disc.value) await call("PUT", `${path}/controllers/IDE/drives/1/0`, { kind: "dvddrive", medium: disc.value });
    } catch (error) {
      // Half a machine helps nobody.
      await call("DELETE", `${path}?delete=true`);
      throw error;
    }
    location.hash = `#/m/${segment(machine.uuid)}`;
  });
  replace(main, h("h1", {}, "New machine"), h("form", { class: "card grid", id: "wizard", onsubmit: create },
    fields.map(([id, label, input]) => [h("label", { for: id }, label), input]),
    h("div", { class: "wide bar" }, h("button", { class: "primary", type: "submit", id: "create" }, "Create"), h("a", { class: "button", href: "#/" }, "Cancel"))));
  name.focus();
}
