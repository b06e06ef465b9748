// Filters for devices of the host's USB: those that a machine wants, or what becomes of devices that none wants.

import { call, get } from "./api.js";
import { acting, ask, check, choice, field, h, replace, table } from "./dom.js";

const digits = { pattern: "[0-9A-Fa-f]{0,4}", placeholder: "any" };
const texts = [["vendorId", "Vendor's number", digits], ["productId", "Product's number", digits], ["revision", "Revision", digits],
  ["manufacturer", "Manufacturer's name", {}], ["product", "Product's name", {}], ["serialNumber", "Serial number", {}]];
const places = [["", "anywhere"], ["false", "at this host"], ["true", "at a client elsewhere"]];
const actions = [["ignore", "no machine gets them"], ["hold", "they are kept for machines"]];

const fields = (entry, isGlobal) => [
  field("name", "Name", entry?.name, { required: true }), check("active", "It is asked", entry?.active ?? true),
  ...texts.map(([name, label, properties]) => field(name, label, entry?.[name], properties)),
  choice("remote", "Devices are", places, String(entry?.remote ?? "")),
  field("maskedInterfaces", "Interfaces that the guest does not see (bits)", entry?.maskedInterfaces ?? 0, { type: "number", min: 0, max: 4294967295 }),
  ...(isGlobal ? [choice("action", "What becomes of them", actions, entry?.action || "ignore")] : []),
];
const body = ({ remote, maskedInterfaces, place, ...answer }) => ({
  ...answer, remote: remote ? remote === "true" : null, maskedInterfaces: Number(maskedInterfaces), ...(place ? { place: Number(place) - 1 } : {}),
});
const columns = [["Name", (entry) => entry.name], ["Asked", (entry) => entry.active ? "yes" : "no"],
  ["Devices", (entry) => texts.map(([name, label]) => entry[name] && `${label} ${entry[name]}`).filter(Boolean).join(", ") || "all"],
  ["Where", (entry) => places.find(([word]) => word === String(entry.remote ?? ""))[1]]];

// `root` is where the list is below the API's root.
export function usbCard(root, life, { isGlobal = false } = {}) {
  const path = `${root}usbfilters`;
  const card = h("div", { class: "card", id: "usbfilters" });
  const then = (work) => acting(async () => { if (await work() !== false) await draw(); });
  async function draw() {
    const entries = (await get(path)).map((entry, place) => ({ ...entry, place }));
    if (life.aborted) return;
    const add = then(async () => {
      const place = field("place", "Place in the list", entries.length + 1, { type: "number", min: 1, max: entries.length + 1, required: true });
      const answer = await ask("A filter for USB devices", [...fields(null, isGlobal), place]);
      return answer ? call("POST", path, body(answer)) : false;
    });
    const change = (entry) => then(async () => {
      const answer = await ask(entry.name, fields(entry, isGlobal));
      return answer ? call("PATCH", `${path}/${entry.place}`, body(answer)) : false;
    });
    const shown = isGlobal ? [...columns, ["Then", (entry) => actions.find(([word]) => word === entry.action)?.[1] ?? "–"]] : columns;
    replace(card, h("div", { class: "bar" }, h("h2", { class: "grow" }, "Filters for USB devices"), h("button", { type: "button", class: "add", onclick: add }, "Add…")),
      h("p", { class: "dim" }, "Kept without effect: machines get no devices of the host's USB."),
      table(shown, entries, (entry) => [h("button", { type: "button", class: "change", onclick: change(entry) }, "Change…"),
        h("button", { type: "button", class: "danger", onclick: then(() => call("DELETE", `${path}/${entry.place}`)) }, "Remove")]));
  }
  return { card, draw };
}
