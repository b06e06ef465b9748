// What a machine is made of, or was when a snapshot was taken: pairs of a label and what belongs to it.

import { h } from "./dom.js";

const list = (texts) => texts.length ? texts.map((text) => h("div", {}, text)) : "none";

export function hardwareFacts(machine) {
  const drives = machine.controllers.flatMap((controller) => controller.drives.map((drive) =>
    `${controller.name} ${drive.port}-${drive.device}: ${drive.path ?? "empty"}`));
  const cards = machine.adapters.filter((card) => card.enabled).map((card) => `${card.number}: ${card.type}, ${card.attachment}`);
  return [["Guest system", machine.osDescription], ["Memory", `${machine.memory} MiB`], ["Processors", machine.cpus],
    ["Drives", list(drives)], ["Network cards", list(cards)]];
}
export const pairs = (facts) => facts.filter(Boolean).map(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]);
