// What is in a running machine: its system, devices, processors; whose log lines it tells.

import { call, get, segment, text } from "./api.js";
import { acting, h, replace, select } from "./dom.js";
import { isOnline } from "./screens.js";

export async function insideTab(body, context) {
  const { path, life } = context;
  let wasOnline = null;
  context.changed = () => {
    const isNow = isOnline(context.machine.state);
    if (isNow === wasOnline) return;
    wasOnline = isNow;
    if (isNow) show().catch(() => {});
    else replace(body, h("p", { class: "dim" }, "The machine does not run."));
  };
  // A choice, and the text that belongs to it; `more` makes what stands below.
  function viewer(id, title, words, read, more = () => []) {
    const choice = select(words, words[0]?.[0], { "aria-label": title });
    const output = h("pre", { tabindex: 0 });
    const load = async () => {
      const found = await read(choice.value);
      if (!life.aborted) output.textContent = found;
    };
    choice.addEventListener("change", acting(load));
    return h("div", { class: "card", id }, h("div", { class: "bar" }, h("h2", { class: "grow" }, title), choice, h("button", { type: "button", onclick: acting(load) }, "Read")), output, more(choice, load));
  }
  // NAME=VALUE, several with blanks between them.
  function setter(choice, load) {
    const values = h("input", { class: "grow", required: true, pattern: " *([A-Za-z0-9]+=0x[0-9A-Fa-f]{1,16} *)+", placeholder: "rax=0x1 rip=0x7c00", "aria-label": "Registers to set" });
    return h("form", { class: "bar", onsubmit: acting(async () => {
      const pairs = values.value.toLowerCase().split(" ").filter(Boolean).map((pair) => pair.split("="));
      await call("PATCH", `${path}/processors/${choice.value}/registers`, Object.fromEntries(pairs));
      values.value = "";
      await load();
    }) }, values, h("button", { type: "submit" }, "Set"));
  }
  async function show() {
    const devices = await get(`${path}/devices`);
    if (life.aborted) return;
    const system = h("span", {}, "not looked for yet");
    const groups = h("input", { id: "loggroups", class: "grow", "aria-label": "Groups", placeholder: "-all +ahci" });
    const processors = Array.from({ length: context.machine.cpus }, (_, number) => [number, `processor ${number}`]);
    replace(body,
      h("div", { class: "card", id: "system" }, h("div", { class: "bar" }, h("h2", { class: "grow" }, "System"), h("button", { type: "button", onclick: acting(async () => {
        const found = await get(`${path}/system`);
        system.textContent = found.name ? `${found.name} ${found.version}` : "Its memory does not say.";
      }) }, "Look")), system),
      viewer("devices", "Devices", devices.map((name) => [name, name]), (name) => text(`${path}/devices/${segment(name)}`)),
      viewer("registers", "Registers", processors, async (number) =>
        Object.entries(await get(`${path}/processors/${number}/registers`)).map(([name, value]) => `${name.padEnd(8)} ${value}`).join("\n"), setter),
      viewer("stack", "Stack", processors, (number) => text(`${path}/processors/${number}/stack`)),
      h("form", { class: "card", id: "groups", onsubmit: acting(async () => {
        groups.value = (await call("PUT", `${path}/loggroups`, { settings: groups.value })).settings;
      }) }, h("div", { class: "bar" }, h("h2", {}, "Who tells its log"), groups, h("button", { type: "submit" }, "Set"))));
    groups.value = (await call("PUT", `${path}/loggroups`, {})).settings;
  }
  context.changed();
}
