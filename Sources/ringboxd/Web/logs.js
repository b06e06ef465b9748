// The machine's logs.

import { get, text } from "./api.js";
import { acting, h, replace, select, size } from "./dom.js";

export async function logsTab(body, context) {
  const logs = await get(`${context.path}/logs`);
  if (!logs.length) return replace(body, h("p", { class: "dim" }, "There are no logs yet."));
  const choice = select(logs.map((log) => [log.number, `${log.number === 0 ? "last run" : `${log.number} before`} (${size(log.size)})`]), 0, { "aria-label": "Log" });
  const filter = h("input", { type: "search", class: "grow", placeholder: "Lines with …", "aria-label": "Lines with" });
  const output = h("pre", { id: "log", tabindex: 0 });
  let whole = "";
  const draw = () => {
    const lines = whole.split("\n"), wanted = filter.value.toLowerCase();
    output.textContent = (wanted ? lines.filter((line) => line.toLowerCase().includes(wanted)) : lines).join("\n");
  };
  const load = async () => {
    whole = await text(`${context.path}/logs/${choice.value}`);
    if (!context.life.aborted) { draw(); output.scrollTop = output.scrollHeight; }
  };
  choice.addEventListener("change", acting(load));
  filter.addEventListener("input", draw);
  replace(body, h("div", { class: "bar" }, choice, filter, h("button", { type: "button", onclick: acting(load) }, "Read again")), output);
  await load();
}
