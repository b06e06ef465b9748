// Long work: how far it is, and a way to end it.

import { call, events, get } from "./api.js";
import { acting, h, replace, time } from "./dom.js";

export async function tasksPage(main, life) {
  const list = h("div", { id: "tasks" });
  replace(main, h("h1", {}, "Tasks"), list);
  const load = async () => {
    const tasks = await get("tasks");
    if (life.aborted) return;
    replace(list, tasks.length ? tasks.reverse().map((task) => h("div", { class: "card" },
      h("div", { class: "bar" }, h("strong", { class: "grow" }, task.title), h("span", { class: "dim" }, task.state, ", ", time(task.started)),
        task.cancellable ? h("button", { type: "button", onclick: acting(() => call("DELETE", `tasks/${task.id}`)) }, "Cancel") : null),
      task.state === "running" ? h("progress", { max: 100, value: task.percent }) : null,
      task.error ? h("p", {}, task.error.text) : null)) : h("p", { class: "dim" }, "Nothing goes on."));
  };
  events.addEventListener("event", ({ detail }) => { if (detail.task) load().catch(() => {}); }, { signal: life });
  await load();
}
