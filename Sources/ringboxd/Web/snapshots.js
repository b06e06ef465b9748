// Snapshots as the tree they are.

import { call, finish, get, segment } from "./api.js";
import { acting, ask, field, h, note, replace, time } from "./dom.js";
import { hardwareFacts, pairs } from "./facts.js";

export async function snapshotsTab(body, context) {
  const path = `${context.path}/snapshots`;
  const tree = h("ul", { class: "tree", id: "snapshot-tree" });
  const take = acting(async () => {
    const answer = await ask("Take a snapshot", [field("name", "Name", "", { required: true }), field("description", "Description")]);
    if (answer) await finish("POST", path, answer);
  });
  replace(body, h("div", { class: "card" }, h("div", { class: "bar" },
    h("button", { type: "button", class: "primary", id: "take-snapshot", onclick: take }, "Take snapshot…")), tree));

  async function load() {
    const nodes = await get(path);
    if (context.life.aborted) return;
    const now = () => h("li", { class: "now" }, "Current state");
    const draw = (parent) => nodes.filter((node) => node.parent === parent).map((node) => h("li", { "data-name": node.name },
      h("div", { class: "bar" }, h("span", { class: "name" }, node.name), h("span", { class: "dim" }, time(node.time)),
        h("span", { class: "grow dim" }, node.description),
        h("button", { type: "button", class: "restore", onclick: acting(() => restore(node)) }, "Restore"),
        h("button", { type: "button", class: "details", onclick: acting(() => details(node)) }, "Details…"),
        h("button", { type: "button", onclick: acting(() => edit(node)) }, "Edit…"),
        h("button", { type: "button", class: "danger delete", onclick: acting(() => remove(node)) }, "Delete")),
      h("ul", {}, draw(node.uuid), node.current ? now() : null)));
    replace(tree, nodes.length ? draw(null) : now());
  }
  async function details(node) {
    await ask(node.name, [note(h("dl", { class: "pairs" }, pairs(hardwareFacts(await get(`${path}/${segment(node.uuid)}`)))))]);
  }
  async function restore(node) {
    const sure = await ask(`Back to '${node.name}'?`, [note("What was written since the last snapshot is lost.")], { ok: "Restore", isDanger: true });
    if (sure) await finish("POST", `${path}/${segment(node.uuid)}/restore`);
  }
  async function edit(node) {
    const answer = await ask("Snapshot", [field("name", "Name", node.name, { required: true }), field("description", "Description", node.description)]);
    if (answer) await call("PATCH", `${path}/${segment(node.uuid)}`, answer);
  }
  async function remove(node) {
    const sure = await ask(`Forget '${node.name}'?`, [note("The machine stays as it is; the snapshot's disks are merged.")], { ok: "Delete", isDanger: true });
    if (sure) await finish("DELETE", `${path}/${segment(node.uuid)}`);
  }
  context.changed = () => load().catch(() => {});
  await load();
}
