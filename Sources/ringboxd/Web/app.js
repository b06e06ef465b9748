// Pages by the part of the address behind the number sign, and what is on all of them.

import { events, get, session } from "./api.js";
import { acting, failure, h, notice, replace } from "./dom.js";
import { hostPage } from "./host.js";
import { listPage } from "./list.js";
import { machinePage } from "./machine.js";
import { mediaPage } from "./media.js";
import { networksPage } from "./networks.js";
import { tasksPage } from "./tasks.js";
import { wizardPage } from "./wizard.js";

const main = document.getElementById("main");
let leave = () => {};

const pages = [
  [/^\/$/, listPage], [/^\/new$/, wizardPage], [/^\/media$/, mediaPage], [/^\/networks$/, networksPage], [/^\/host$/, hostPage], [/^\/tasks$/, tasksPage],
  [/^\/m\/([^/]+)(?:\/([a-z]+))?$/, machinePage],
];

async function show() {
  leave();
  leave = () => {};
  if (!session.token) return login();
  const place = location.hash.slice(1) || "/";
  const found = pages.map(([pattern, page]) => [place.match(pattern), page]).find(([match]) => match);
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.hash === `#${place}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  if (!found) return replace(main, h("h1", {}, "There is no such page"));
  const [match, page] = found;
  // A page gets a signal that ends with it: timers, sockets and listeners hang on that.
  const life = new AbortController();
  leave = () => life.abort();
  try {
    await page(main, life.signal, ...match.slice(1).map((part) => part && decodeURIComponent(part)));
  } catch (error) {
    if (life.signal.aborted) return;
    replace(main, h("h1", {}, "This page cannot be shown"), h("p", {}, error.message));
    failure(error);
  }
}

function login() {
  const input = h("input", { class: "grow", type: "password", id: "token", autocomplete: "off", required: true });
  replace(main, h("form", { class: "card", onsubmit: acting(async () => {
    const entered = input.value.trim();
    session.token = entered.includes("token=") ? entered.split("token=").pop() : entered;
    try { await get("version"); } catch (error) { session.token = ""; throw error; }
    begin();
  }) },
  h("h1", {}, "Who are you?"),
  h("p", {}, "Open the address that the command ", h("code", {}, "ringbox web"), " prints, or paste it here."),
  h("div", { class: "bar" }, h("label", { for: "token" }, "Address or token"), input,
    h("button", { class: "primary", type: "submit" }, "Log in"))));
  input.focus();
}

function theme() {
  const kept = localStorage.getItem("ringbox-theme");
  const wanted = kept ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = wanted;
  return wanted;
}
document.getElementById("theme").addEventListener("click", () => {
  localStorage.setItem("ringbox-theme", theme() === "dark" ? "light" : "dark");
  theme();
});

const tasks = new Map();
events.addEventListener("event", ({ detail: event }) => {
  if (event.task) {
    tasks.set(event.task.id, event.task);
    const running = [...tasks.values()].filter((task) => task.state === "running");
    const link = document.getElementById("tasks-link");
    link.textContent = running.length ? `Tasks (${running.length}: ${running[0].percent} %)` : "Tasks";
    if (event.kind === "task.ended" && event.task.state === "failed") {
      notice(`${event.task.title}: ${event.task.error?.text ?? "failed"}`, { isBad: true });
    }
  }
  if (event.kind === "machine.diskFailed") notice(`${event.name}: ${event.text}`, { isBad: true });
  if (event.kind === "machine.state" && event.state === "aborted") {
    notice(`${event.name} ended in disorder; its log says more.`, { isBad: true });
  }
});
events.addEventListener("connection", ({ detail: isOn }) => {
  const dot = document.getElementById("connection");
  dot.classList.toggle("on", isOn);
  dot.title = isOn ? "connected" : "not connected";
});

let hasBegun = false;
function begin() {
  if (!hasBegun && session.token) { hasBegun = true; events.open(); }
  show();
}
window.addEventListener("hashchange", () => { show(); main.focus({ preventScroll: true }); });
window.addEventListener("token-needed", () => { session.token = ""; leave(); login(); });
window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /INPUT|TEXTAREA|SELECT|CANVAS/.test(event.target.tagName)) return;
  if (event.key === "n") location.hash = "#/new";
  if (event.key === "/") { event.preventDefault(); document.getElementById("search")?.focus(); }
});

theme();
// The token comes behind the number sign, which is sent nowhere; out of sight with it.
if (location.hash.startsWith("#token=")) {
  session.token = location.hash.slice("#token=".length);
  history.replaceState(null, "", "#/");
}
begin();
