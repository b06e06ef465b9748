// The machine's screen, keyboard and mouse in the page.

import { blob, call, get, socket } from "./api.js";
import { acting, ask, failure, h, notice, replace, select } from "./dom.js";
import { chords, keysym, scancodes } from "./keys.js";
import { RFB } from "./rfb.js";
import { isOnline } from "./screens.js";
import { Typist } from "./typing.js";

export async function consoleTab(body, context) {
  const canvas = h("canvas", { id: "screen", tabindex: 0, width: 720, height: 400, "aria-label": "The machine's screen; keys go to the machine" });
  const screen = h("div", { class: "screen" }, canvas);
  const hint = h("p", { class: "dim", id: "console-hint" });
  const lights = [["Num", 2], ["Caps", 4], ["Scroll", 1]].map(([name, bit]) => [bit, name, h("span", { class: "light" }, name)]);
  const shine = (bits) => {
    for (const [bit, name, light] of lights) {
      light.classList.toggle("on", (bits & bit) !== 0);
      light.setAttribute("aria-label", `${name} Lock ${bits & bit ? "on" : "off"}`);
    }
  };
  shine(0);
  let viewer = null;
  let next = null;

  function connect() {
    if (viewer || context.life.aborted) return;
    if (!isOnline(context.machine.state)) { hint.textContent = "The machine does not run: start it above."; return; }
    hint.textContent = "Connecting…";
    viewer = new RFB(socket(`${context.path}/display`), canvas, (what, text) => {
      if (what === "open") { hint.textContent = "Click the screen, then type. The key F6 leaves it; Ctrl-Shift-V types what is in the clipboard."; canvas.dataset.connected = "true"; }
      if (what === "failed") notice(text, { isBad: true });
      if (what === "clipboard") copied(text);
      if (what === "lights") shine(text);
      if (what === "closed") {
        viewer = null;
        delete canvas.dataset.connected;
        shine(0);
        hint.textContent = "The connection is closed.";
        clearTimeout(next);
        next = setTimeout(connect, 1000);
      }
    });
  }
  context.changed = connect;
  context.life.addEventListener("abort", () => { clearTimeout(next); viewer?.close(); typist.stop(); });
  listen(canvas, () => viewer);

  const progress = h("span", { id: "typing-progress", role: "status" });
  const stop = h("button", { type: "button", id: "stop-typing", hidden: true, onclick: () => typist.stop() }, "Stop typing");
  const typist = new Typist(context.path, (count, all) => {
    stop.hidden = all === 0;
    progress.textContent = all ? `Typing… ${count} of ${all}` : "";
  });
  // What is pasted over the screen is typed.
  canvas.addEventListener("paste", (event) => {
    event.preventDefault();
    const text = event.clipboardData?.getData("text");
    // The keys that said so are still held.
    viewer?.releaseKeys();
    if (text) typist.type(text).catch(failure);
  });

  // Another viewer of this machine has copied something. A page may not always write to the clipboard by itself.
  async function copied(text) {
    canvas.dataset.copied = text;
    try { await navigator.clipboard.writeText(text); notice("Another viewer has copied a text: it is in your clipboard."); } catch {
      notice("Another viewer has copied a text.", { seconds: 60, action: ["Copy it", () => navigator.clipboard.writeText(text)] });
    }
  }
  // What the browser's clipboard holds, or what its user says instead.
  async function clipboardText(title, ok) {
    const area = h("textarea", { rows: 5 });
    area.value = await navigator.clipboard?.readText().catch(() => "") ?? "";
    const answer = await ask(title, [{ name: "text", label: "Text", input: area }], { ok });
    return answer?.text;
  }

  const special = select([["", "Special keys…"], ...chords], "", { id: "special-keys", "aria-label": "Special keys" });
  special.addEventListener("change", acting(async () => {
    const keys = special.value;
    special.value = "";
    if (keys) await call("POST", `${context.path}/keyboard`, { keys: [keys] });
    canvas.focus();
  }));
  const button = (id, text, action) => h("button", { type: "button", id, onclick: acting(action) }, text);
  replace(body, h("div", { class: "bar" },
    button("cad", "Ctrl-Alt-Del", () => call("POST", `${context.path}/keyboard`, { keys: ["ctrl-alt-delete"] })), special,
    button("type-text", "Type text…", async () => {
      const text = await clipboardText("Type this into the machine", "Type");
      if (text && !await typist.type(text)) notice("Not all of it was typed.");
      canvas.focus();
    }),
    stop, progress,
    button("share-text", "Share text…", async () => {
      const text = await clipboardText("Hand this to the machine's other viewers", "Share");
      if (text && !await viewer?.offer(text)) notice("That is too long, or there is no connection.", { isBad: true });
    }),
    button("copy-text", "Copy text", async () => {
      const { mode, rows } = await get(`${context.path}/screen`);
      if (mode !== "text") return notice("The screen shows graphics, not text.");
      const text = rows.map((row) => row.trimEnd()).join("\n").trimEnd();
      try { await navigator.clipboard.writeText(text); notice("Copied."); } catch {
        await ask("The screen's text", [{ name: "text", label: "Text", input: h("textarea", { rows: 16, value: text }) }]);
      }
    }),
    button("save-image", "Save image", async () => {
      const address = URL.createObjectURL(await blob(`${context.path}/screenshot`));
      h("a", { href: address, download: `${context.machine.name}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    }),
    button("exact", "Real size", () => screen.classList.toggle("exact")),
    button("full", "Full screen", () => screen.requestFullscreen())),
  screen, h("p", { id: "lights", role: "status", "aria-label": "The machine's keyboard" }, lights.map(([, , light]) => light)), hint);
  connect();
}

// Keys and the mouse go to whatever viewer there is.
function listen(canvas, viewer) {
  const send = (isDown) => (event) => {
    const code = scancodes.get(event.code);
    // One key stays the page's, so that nobody is caught in the canvas.
    if (!viewer() || code === undefined || event.code === "F6") return;
    // Pasting is the browser's.
    if (event.ctrlKey && event.shiftKey && event.code === "KeyV") return;
    event.preventDefault();
    event.stopPropagation();
    viewer().key(code, keysym(event), isDown);
  };
  canvas.addEventListener("keydown", send(true));
  canvas.addEventListener("keyup", send(false));
  canvas.addEventListener("keydown", (event) => { if (event.code === "F6") { event.preventDefault(); canvas.blur(); } });
  canvas.addEventListener("blur", () => viewer()?.releaseKeys());
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  // The page counts left, right, middle; the protocol left, middle, right.
  const buttons = (event) => (event.buttons & 1) | (event.buttons & 2) << 1 | (event.buttons & 4) >> 1;
  for (const name of ["pointerdown", "pointermove", "pointerup"]) {
    canvas.addEventListener(name, (event) => {
      if (name === "pointerdown") { canvas.focus(); canvas.setPointerCapture(event.pointerId); }
      viewer()?.pointer(...place(event), buttons(event));
      event.preventDefault();
    });
  }
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => { viewer()?.wheel(...place(event), event.deltaY < 0); event.preventDefault(); }, { passive: false });
}
