// All machines with their screens.

import { events, get, segment } from "./api.js";
import { importAppliance, registerMachine } from "./appliances.js";
import { acting, h, replace } from "./dom.js";
import { stateBadge, Thumbnail } from "./screens.js";

export async function listPage(main, life) {
  let machines = [];
  let wanted = "";
  const thumbnails = new Map();
  const list = h("ul", { class: "machines", id: "machines" });
  const search = h("input", { id: "search", class: "grow", type: "search", placeholder: "Search (/)", "aria-label": "Search",
    oninput: () => { wanted = search.value.toLowerCase(); draw(); } });
  replace(main, h("div", { class: "bar" }, h("h1", {}, "Machines"), search,
    h("button", { type: "button", id: "register", onclick: acting(registerMachine) }, "Add…"),
    h("button", { type: "button", id: "import", onclick: acting(importAppliance) }, "Import…"),
    h("a", { class: "button", href: "#/new", id: "new-machine" }, "New machine (n)")), list);

  function draw() {
    const shown = machines.filter((machine) => machine.name.toLowerCase().includes(wanted));
    replace(list, shown.length ? shown.map(card) : h("li", { class: "dim" }, machines.length ? "None of that name." :
      "No machines yet: make one with the button above, or add one that there is already."));
  }
  function card(machine) {
    let thumbnail = thumbnails.get(machine.uuid);
    if (!thumbnail) thumbnails.set(machine.uuid, thumbnail = new Thumbnail(machine.uuid, life));
    thumbnail.state = machine.state;
    return h("li", {}, h("a", { class: "card", href: `#/m/${segment(machine.uuid)}`, "data-name": machine.name },
      thumbnail.element, h("span", { class: "name" }, machine.name),
      h("span", {}, stateBadge(machine), " ", h("span", { class: "dim" },
        machine.accessible ? `${machine.osDescription}, ${machine.memory} MiB` : machine.accessError))));
  }
  async function load() {
    machines = await get("machines");
    if (!life.aborted) draw();
  }
  // A burst of events is one look.
  let timer = null;
  events.addEventListener("event", ({ detail }) => {
    if (!/^(machine|snapshot|registry)\./.test(detail.kind) || timer) return;
    timer = setTimeout(() => { timer = null; if (!life.aborted) load().catch(() => {}); }, 100);
  }, { signal: life });
  await load();
}
