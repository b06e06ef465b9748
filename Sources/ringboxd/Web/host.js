// The host, and what holds for all machines.

import { call, get } from "./api.js";
import { acting, h, notice, replace, size } from "./dom.js";
import { foldersCard } from "./folders.js";
import { usbCard } from "./usb.js";

export async function hostPage(main, life) {
  const [version, host, properties] = await Promise.all([get("version"), get("host"), get("properties")]);
  if (life.aborted) return;
  const inputs = Object.entries(properties).map(([name, value]) => [name, h("input", { id: `property-${name}`, value })]);
  const rows = [
    ["Ringbox", `${version.version} (VirtualBox interface ${version.api})`], ["Service's process", version.process],
    ["System", `${host.system} ${host.release}`], ["Processors", host.processors], ["Load", host.load],
    ["Memory", `${size(host.memoryAvailable)} of ${size(host.memory)} available`], ["Free disk space", size(host.diskFree)],
  ];
  const lists = [foldersCard(life), usbCard("", life, { isGlobal: true })];
  replace(main, h("h1", {}, "Host"), h("dl", { class: "card pairs" }, rows.map(([label, value]) => [h("dt", {}, label), h("dd", {}, value)])),
    h("form", { class: "card grid", onsubmit: acting(async () => {
      const changes = inputs.filter(([name, input]) => input.value !== properties[name]).map(([name, input]) => [name, input.value || "default"]);
      await call("PATCH", "properties", Object.fromEntries(changes));
      notice("Kept.");
    }) }, h("h2", { class: "wide" }, "For all machines"),
    inputs.map(([name, input]) => [h("label", { for: input.id }, name), input]), h("div", { class: "wide" }, h("button", { type: "submit" }, "Save"))), lists.map(({ card }) => card));
  await Promise.all(lists.map(({ draw }) => draw()));
}
