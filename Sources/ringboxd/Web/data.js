// What is kept with a machine: shared folders, properties for the guest, extra data, limits.

import { call, get, segment } from "./api.js";
import { acting, ask, choice, field, h, note, replace, size } from "./dom.js";

const yes = (name, label, checked) => ({ name, label, input: h("input", { type: "checkbox", checked }) });
const links = [["", "as usual"], ["forbidden", "nowhere"], ["subtree", "into their folder"], ["relative", "upwards, too"], ["any", "everywhere"]];

// Each list: where it is, its columns as [title, text of an entry], and the question for a new or changed entry.
const lists = [
  { id: "sharedfolders", title: "Shared folders", columns: [["Name", (e) => e.name], ["Folder of the host", (e) => e.path],
    ["Access", (e) => e.writable ? "read and write" : "read only"], ["For", (e) => e.transient ? "this run" : "ever"], ["Mounted at", (e) => e.autoMount ? e.mountPoint || "a place of the guest's choice" : "–"]],
  fields: (e) => [field("path", "Folder of the host", e?.path, { required: true }), yes("writable", "The guest may write", e?.writable ?? true),
    yes("autoMount", "Mounted by itself", e?.autoMount ?? false), field("mountPoint", "At", e?.mountPoint), choice("linkPolicy", "Links in it may lead", links, e?.linkPolicy ?? ""), yes("transient", "Only for this run of the machine", e?.transient ?? false)],
    body: ({ linkPolicy, ...answer }) => ({ ...answer, ...(linkPolicy ? { linkPolicy } : {}) }) },
  { id: "guestproperties", title: "Properties for the guest", isMap: true },
  { id: "extradata", title: "Extra data", isMap: true },
  { id: "bandwidthgroups", title: "Limits of bandwidth", columns: [["Group", (e) => e.name], ["Of", (e) => e.type], ["Limit", (e) => e.limit ? `${size(e.limit)}/s` : "none"]],
    fields: (e) => [e ? note(`Its type: ${e.type}`) : choice("type", "Of", ["Network", "Disk"]),
      field("limit", "Bytes a second (0: none)", e?.limit ?? 1048576, { type: "number", min: 0, required: true })],
    body: (answer) => ({ ...answer, limit: Number(answer.limit) }) },
];
const mapColumns = [["Name", (e) => e.name], ["Value", (e) => e.value]];
const mapFields = (e) => [field("value", "Value", e?.value, { required: true })];

export async function dataTab(body, context) {
  const cards = lists.map((list) => ({ list, card: h("div", { class: "card", id: list.id }) }));
  replace(body, cards.map(({ card }) => card));
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
      if (list.isMap) await call("PUT", `${path}/${segment(entry.name)}`, { value: "" });
      else await call("DELETE", `${path}/${segment(entry.name)}`);
      await draw({ list, card });
    });
    replace(card, h("div", { class: "bar" }, h("h2", { class: "grow" }, list.title), h("button", { type: "button", class: "add", onclick: add }, "Add…")),
      entries.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, columns.map(([title]) => h("th", {}, title)), h("th"))),
        h("tbody", {}, entries.map((entry) => h("tr", { "data-name": entry.name }, columns.map(([, text]) => h("td", {}, text(entry))), h("td", { class: "bar" },
          h("button", { type: "button", onclick: change(entry) }, "Change…"), h("button", { type: "button", class: "danger", onclick: remove(entry) }, "Remove"))))))) : h("p", { class: "dim" }, "None."));
  };
  context.changed = () => {};
  await Promise.all(cards.map(draw));
}
