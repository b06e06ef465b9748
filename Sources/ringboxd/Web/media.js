// Disk images and discs that machines or the registry know.

import { call, events, finish, get, segment, text } from "./api.js";
import { acting, ask, check, choice, field, h, note, notice, replace, size } from "./dom.js";

const types = ["normal", "immutable", "writethrough", "shareable", "readonly", "multiattach"];
const variants = [["dynamic", "as it is written"], ["fixed", "all at once"], ["split", "in files of 2 GiB (VMDK)"], ["splitFixed", "in files of 2 GiB, all at once (VMDK)"]];

export async function mediaPage(main, life) {
  const list = h("tbody");
  const create = acting(async () => {
    const { machinefolder } = await get("properties");
    const answer = await ask("A new disk", [
      field("path", "File", `${machinefolder}/disk.vdi`, { required: true }), field("size", "Size (MiB)", "8192", { type: "number", min: 1, required: true }),
      choice("format", "Format", ["VDI", "VMDK", "VHD", "QCOW2"]), choice("variant", "Its space", variants),
      field("blockSize", "Unit in which space is taken (KiB; empty: as usual)", "", { type: "number", min: 1, max: 262144 }), field("uuid", "UUID (empty: a new one)"),
    ]);
    if (!answer) return;
    const { blockSize, uuid, ...rest } = answer;
    await call("POST", "media", { ...rest, size: Number(answer.size) * 1048576, ...(blockSize ? { blockSize: Number(blockSize) * 1024 } : {}), ...(uuid ? { uuid } : {}) });
    notice(`${answer.path} is made. It appears here when a machine has it.`);
  });
  replace(main, h("div", { class: "bar" }, h("h1", { class: "grow" }, "Media"), h("button", { type: "button", onclick: create }, "New disk…")),
    h("div", { class: "card scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["File", "Kind", "Size", "On disk", "Used by", ""].map((title) => h("th", {}, title)))), list)));
  const load = async () => {
    const media = await get("media");
    if (life.aborted) return;
    replace(list, media.map((medium) => h("tr", { "data-path": medium.path },
      h("td", {}, medium.path, medium.accessible ? null : h("div", { class: "state aborted" }, "not there")),
      h("td", {}, `${medium.format}, ${medium.type}${medium.parent ? ", differencing" : ""}`), h("td", {}, size(medium.capacity)), h("td", {}, size(medium.sizeOnDisk)),
      h("td", {}, medium.users.map((user) => h("div", {}, h("a", { href: `#/m/${segment(user.uuid)}/storage` }, user.name)))),
      h("td", { class: "bar" }, h("button", { type: "button", class: "details", onclick: acting(() => details(medium)) }, "Details…"), medium.kind === "disk" ? [
        h("button", { type: "button", class: "move", onclick: acting(() => move(medium)) }, "Move…"),
        h("button", { type: "button", class: "check", onclick: acting(() => look(medium)) }, "Check…"),
        medium.parent ? h("button", { type: "button", class: "merge", onclick: acting(() => merge(medium)) }, "Merge…") : null,
        h("button", { type: "button", onclick: acting(() => grow(medium)) }, "Grow…"),
        h("button", { type: "button", onclick: acting(() => call("POST", `media/${medium.uuid}/compact`)) }, "Compact"),
      ] : null,
        h("button", { type: "button", class: "copy", onclick: acting(() => copy(medium)) }, "Copy…"), h("button", { type: "button", class: "bytes", onclick: acting(() => bytes(medium)) }, "Bytes…"),
        h("button", { type: "button", class: "danger", disabled: medium.users.length > 0, onclick: acting(() => close(medium)) }, "Close…")))));
  };
  // Everything that is kept with a medium; what differs is changed.
  async function details(medium) {
    const whole = await get(`media/${medium.uuid}`);
    const isDisk = whole.kind === "disk";
    const lines = h("textarea", { rows: 4, placeholder: "name=value" });
    lines.value = Object.entries(whole.properties).map(([name, value]) => `${name}=${value}`).join("\n");
    const answer = await ask("Medium", [note(whole.path), note(h("span", { class: "dim" }, `${whole.children.length} images differ from it`)),
      field("newUUID", "UUID", whole.uuid, { required: true, readonly: !isDisk }), isDisk ? field("description", "Description", whole.description) : null,
      isDisk && !whole.parent ? choice("type", "Type", types, whole.type.toLowerCase()) : null,
      isDisk && whole.parent ? check("autoReset", "Forgets at power-on", whole.autoReset) : null,
      { name: "properties", label: "Properties", input: lines }].filter(Boolean));
    if (!answer) return;
    const kept = Object.fromEntries(answer.properties.split("\n").filter((line) => line.includes("=")).map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1)]));
    const gone = Object.fromEntries(Object.keys(whole.properties).filter((name) => !(name in kept)).map((name) => [name, null]));
    const changed = Object.fromEntries(Object.entries(kept).filter(([name, value]) => whole.properties[name] !== value));
    const wish = { properties: { ...changed, ...gone } };
    if (answer.newUUID !== whole.uuid) wish.newUUID = answer.newUUID;
    if (answer.description !== undefined && answer.description !== whole.description) wish.description = answer.description;
    if (answer.type && answer.type !== whole.type.toLowerCase()) wish.type = answer.type;
    if (answer.autoReset !== undefined && answer.autoReset !== whole.autoReset) wish.autoReset = answer.autoReset;
    await call("PATCH", `media/${medium.uuid}`, wish);
    await load();
  }
  async function move(medium) {
    const answer = await ask("Move", [field("path", "To the file or folder", medium.path, { required: true })]);
    if (answer) { await finish("POST", `media/${medium.uuid}/move`, answer); await load(); }
  }
  async function look(medium) {
    const answer = await ask("Look for errors", [note(medium.path), check("repair", "Mend what can be mended", false)], { ok: "Check" });
    if (!answer) return;
    const { result } = await finish("POST", `media/${medium.uuid}/check`, answer);
    notice(result.errors.length ? `${medium.path}: ${result.errors.join("; ")}`
      : `${medium.path} has no errors; ${result.storedBlocks} of ${result.blocks} blocks are stored, ${size(result.leakedBytes)} are lost.`, { isBad: result.errors.length > 0 });
  }
  async function merge(medium) {
    // What machines have cannot go into another; it can take the other in, while they are off.
    const ways = [["into", "It goes into the image that it differs from"], ["take", "It takes in what that image holds"]];
    const answer = await ask("Merge", [note(medium.path), choice("way", "How", medium.users.length ? ways.slice(1) : ways),
      medium.users.length ? null : check("delete", "What went into the other is removed", true)].filter(Boolean), { ok: "Merge", isDanger: true });
    if (!answer) return;
    await finish("POST", `media/${medium.uuid}/merge`, answer.way === "take" ? { takeParent: true } : { delete: answer.delete });
    await load();
  }
  async function copy(medium) {
    const formats = ["VDI", "VMDK", "VHD", "QCOW2", "RAW"];
    const answer = await ask("Copy", [field("target", "Into the file", medium.path.replace(/(\.[a-z0-9]+)?$/i, "-copy$1"), { required: true }),
      choice("format", "Format", formats, formats.includes(medium.format) ? medium.format : "RAW"), choice("variant", "Its space", [...variants, ["stream", "compressed, for others to import (VMDK)"]]),
      field("size", "Size (MiB), if it shall be larger", "", { type: "number", min: 1 }), check("existing", "The file is there, and what it holds goes", false)]);
    if (!answer) return;
    const { size, ...rest } = answer;
    await call("POST", "media/clone", { source: medium.uuid, ...rest, ...(size ? { size: Number(size) * 1048576 } : {}) });
    notice("Copying; the tasks show how far it is.");
  }
  // A part of what it holds after the other.
  async function bytes(medium) {
    const part = 512;
    for (let offset = 0, answer = {}; answer;) {
      const lines = await text(`media/${medium.uuid}/listing?offset=${offset}&size=${part}`);
      answer = await ask("Bytes", [note(medium.path), note(h("pre", { tabindex: 0, id: "bytes" }, lines || "The medium ends here.")),
        field("offset", "From byte", Math.min(offset + part, medium.capacity), { type: "number", min: 0, max: medium.capacity, required: true })], { ok: "Read" });
      offset = Number(answer?.offset);
    }
  }
  async function grow(medium) {
    const answer = await ask("Grow", [field("size", "Size (MiB)", Math.ceil(medium.capacity / 1048576), { type: "number", required: true })]);
    if (answer) await call("POST", `media/${medium.uuid}/resize`, { size: Number(answer.size) * 1048576 });
  }
  async function close(medium) {
    const answer = await ask("Forget the medium?", [note(medium.path), choice("files", "Its file", [["false", "stays"], ["true", "is deleted"]], "false")], { ok: "Close", isDanger: true });
    if (answer) { await call("DELETE", `media/${medium.uuid}?delete=${answer.files}`); await load(); }
  }
  events.addEventListener("event", ({ detail }) => { if (/^(machine\.changed|registry|task\.ended)/.test(detail.kind)) load().catch(() => {}); }, { signal: life });
  await load();
}
