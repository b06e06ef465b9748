// Disk images and discs that machines or the registry know.

import { call, events, get, segment } from "./api.js";
import { acting, ask, choice, field, h, note, notice, replace, size } from "./dom.js";

export async function mediaPage(main, life) {
  const list = h("tbody");
  const create = acting(async () => {
    const { machinefolder } = await get("properties");
    const answer = await ask("A new disk", [
      field("path", "File", `${machinefolder}/disk.vdi`, { required: true }), field("size", "Size (MiB)", "8192", { type: "number", min: 1, required: true }),
      choice("format", "Format", ["VDI", "VMDK", "VHD", "QCOW2"]), { name: "fixed", label: "All space at once", input: h("input", { type: "checkbox" }) },
    ]);
    if (!answer) return;
    await call("POST", "media", { ...answer, size: Number(answer.size) * 1048576 });
    notice(`${answer.path} is made. It appears here when a machine has it.`);
  });
  replace(main, h("div", { class: "bar" }, h("h1", { class: "grow" }, "Media"), h("button", { type: "button", onclick: create }, "New disk…")),
    h("div", { class: "card scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["File", "Kind", "Size", "On disk", "Used by", ""].map((text) => h("th", {}, text)))), list)));
  const load = async () => {
    const media = await get("media");
    if (life.aborted) return;
    replace(list, media.map((medium) => h("tr", {},
      h("td", {}, medium.path, medium.accessible ? null : h("div", { class: "state aborted" }, "not there")),
      h("td", {}, `${medium.format}, ${medium.type}${medium.parent ? ", differencing" : ""}`), h("td", {}, size(medium.capacity)), h("td", {}, size(medium.sizeOnDisk)),
      h("td", {}, medium.users.map((user) => h("div", {}, h("a", { href: `#/m/${segment(user.uuid)}/storage` }, user.name)))),
      h("td", { class: "bar" }, medium.kind === "disk" ? [
        h("button", { type: "button", onclick: acting(() => copy(medium)) }, "Copy…"),
        h("button", { type: "button", onclick: acting(() => grow(medium)) }, "Grow…"),
        h("button", { type: "button", onclick: acting(() => call("POST", `media/${medium.uuid}/compact`)) }, "Compact"),
      ] : null, h("button", { type: "button", class: "danger", disabled: medium.users.length > 0, onclick: acting(() => close(medium)) }, "Close…")))));
  };
  async function copy(medium) {
    const answer = await ask("Copy", [field("target", "Into the file", medium.path.replace(/(\.[a-z0-9]+)?$/i, "-copy$1"), { required: true }),
      choice("format", "Format", ["VDI", "VMDK", "VHD", "QCOW2", "RAW"], medium.format)]);
    if (answer) { await call("POST", "media/clone", { source: medium.uuid, ...answer }); notice("Copying; the tasks show how far it is."); }
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
