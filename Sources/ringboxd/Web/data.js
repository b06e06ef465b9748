// What is kept with a machine: shared folders, properties for the guest, extra data, limits.

import { call, get, segment } from "./api.js";
import { acting, ask, choice, field, h, note, replace, size, table } from "./dom.js";
import * as folders from "./folders.js";
import { usbCard } from "./usb.js";

const yes = (name, label, checked) => ({ name, label, input: h("input", { type: "checkbox", checked }) });
const flags = [["TRANSIENT", "Only for this run of the machine"], ["TRANSRESET", "Only until a reset (kept without effect)"],
  ["RDONLYGUEST", "The guest may not change it"], ["RDONLYHOST", "Nobody else may, not even to take it away"]];

// Each list: where it is (an empty value may take entries away), its columns as [title, text of an entry], and the question for a new or changed entry.
const lists = [
  { id: "sharedfolders", title: "Shared folders", columns: [...folders.columns, ["For", (e) => e.transient ? "this run" : "ever"]],
    fields: (e) => [...folders.fields(e), yes("transient", "Only for this run of the machine", e?.transient ?? false)], body: folders.body },
  { id: "guestproperties", title: "Properties for the guest", goesByValue: true, columns: [["Name", (e) => e.name], ["Value", (e) => e.value], ["Flags", (e) => e.flags.join(", ") || "–"]],
    fields: (e) => [field("value", "Value", e?.value, { required: true }), ...flags.map(([flag, label]) => yes(flag, label, e?.flags.some((one) => one === flag || one === "READONLY" && flag.startsWith("RDONLY")) ?? false))],
    body: ({ value, ...answer }) => ({ value, flags: flags.map(([flag]) => flag).filter((flag) => answer[flag]) }) },
  { id: "extradata", title: "Extra data", isMap: true, goesByValue: true },
  { id: "bandwidthgroups", title: "Limits of bandwidth", columns: [["Group", (e) => e.name], ["Of", (e) => e.type], ["Limit", (e) => e.limit ? `${size(e.limit)}/s` : "none"]],
    fields: (e) => [e ? note(`Its type: ${e.type}`) : choice("type", "Of", ["Network", "Disk"]),
      field("limit", "Bytes a second (0: none)", e?.limit ?? 1048576, { type: "number", min: 0, required: true })],
    body: (answer) => ({ ...answer, limit: Number(answer.limit) }) },
];
const mapColumns = [["Name", (e) => e.name], ["Value", (e) => e.value]];
const mapFields = (e) => [field("value", "Value", e?.value, { required: true })];

export async function dataTab(body, context) {
  const cards = lists.map((list) => ({ list, card: h("div", { class: "card", id: list.id }) }));
  const usb = usbCard(`${context.path}/`, context.life);
  replace(body, cards.map(({ card }) => card), usb.card);
  const draw = async ({ list, card }) => {
    const path = `${context.path}/${list.id}`;
    const found = await get(path);
    if (context.life.aborted) return;
    const entries = list.isMap ? Object.entries(found).map(([name, value]) => ({ name, value })) : found;
    const columns = list.columns ?? mapColumns, fields = list.fields ?? mapFields;
    const keep = async (name, answer) => {
      await call("PUT", `${path}/${segment(name)}`, list.body ? list.body(answer) : answer);
      await draw({ list, card });
    };
    const add = acting(async () => {
      const answer = await ask(`${list.title}: one more`, [field("name", "Name", "", { required: true }), ...fields(null)]);
      if (!answer) return;
      const { name, ...rest } = answer;
      await keep(name, rest);
    });
    const change = (entry) => acting(async () => {
      const answer = await ask(entry.name, fields(entry));
      if (answer) await keep(entry.name, answer);
    });
    const remove = (entry) => acting(async () => {
      if (list.goesByValue) await call("PUT", `${path}/${segment(entry.name)}`, { value: "" });
      else await call("DELETE", `${path}/${segment(entry.name)}`);
      await draw({ list, card });
    });
    replace(card, h("div", { class: "bar" }, h("h2", { class: "grow" }, list.title), h("button", { type: "button", class: "add", onclick: add }, "Add…")),
      table(columns, entries, (entry) => [h("button", { type: "button", onclick: change(entry) }, "Change…"),
        h("button", { type: "button", class: "danger", onclick: remove(entry) }, "Remove")]));
  };
  context.changed = () => {};
  await Promise.all([...cards.map(draw), usb.draw()]);
}
