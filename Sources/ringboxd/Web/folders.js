// Folders of the host for guests: what is said of one, and those that are for all machines.

import { call, get, segment } from "./api.js";
import { acting, ask, check, choice, field, h, replace, table } from "./dom.js";

const links = [["", "as usual"], ["forbidden", "nowhere"], ["subtree", "into their folder"], ["relative", "upwards, too"], ["any", "everywhere"]];

export const columns = [["Name", (e) => e.name], ["Folder of the host", (e) => e.path], ["Access", (e) => e.writable ? "read and write" : "read only"],
  ["Mounted at", (e) => e.autoMount ? e.mountPoint || "a place of the guest's choice" : "–"]];
export const fields = (e) => [field("path", "Folder of the host", e?.path, { required: true }), check("writable", "The guest may write", e?.writable ?? true),
  check("autoMount", "Mounted by itself", e?.autoMount ?? false), field("mountPoint", "At", e?.mountPoint), choice("linkPolicy", "Links in it may lead", links, e?.linkPolicy ?? "")];
export const body = ({ linkPolicy, ...answer }) => ({ ...answer, ...(linkPolicy ? { linkPolicy } : {}) });

export function foldersCard(life) {
  const card = h("div", { class: "card", id: "sharedfolders" });
  async function draw() {
    const entries = await get("sharedfolders");
    if (life.aborted) return;
    const add = acting(async () => {
      const answer = await ask("A folder for all machines", [field("name", "Name", "", { required: true }), ...fields(null)]);
      if (answer) { await call("POST", "sharedfolders", body(answer)); await draw(); }
    });
    const remove = (entry) => acting(async () => { await call("DELETE", `sharedfolders/${segment(entry.name)}`); await draw(); });
    replace(card, h("div", { class: "bar" }, h("h2", { class: "grow" }, "Shared folders of all machines"), h("button", { type: "button", class: "add", onclick: add }, "Add…")),
      table(columns, entries, (entry) => [h("button", { type: "button", class: "danger", onclick: remove(entry) }, "Remove")]));
  }
  return { card, draw };
}
