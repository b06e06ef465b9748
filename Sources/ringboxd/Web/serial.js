// The machine's serial ports, each a terminal. Several pages may look at one; all see the same.

import { call, socket } from "./api.js";
import { acting, ask, h, notice, replace, select } from "./dom.js";
import { isOnline } from "./screens.js";
import { TerminalView } from "./terminal.js";

const sizes = [["80x24", "80 × 24"], ["80x25", "80 × 25"], ["100x30", "100 × 30"], ["132x43", "132 × 43"]];

export async function serialTab(body, context) {
  const { path, life } = context;
  const element = h("div", { id: "terminal", class: "terminal", tabindex: 0, role: "log", "aria-label": "Terminal of the serial port; keys go to the machine" });
  const hint = h("p", { class: "dim", id: "serial-hint" });
  const port = select([["0", "Port 1"], ["1", "Port 2"], ["2", "Port 3"], ["3", "Port 4"]], "0", { id: "serial-port", "aria-label": "Serial port" });
  const size = select(sizes, "80x24", { id: "serial-size", "aria-label": "Size of the terminal" });
  let link = null, next = null;
  const encoder = new TextEncoder();
  const view = new TerminalView(element, 80, 24, (text) => { if (link?.readyState === WebSocket.OPEN) link.send(encoder.encode(text)); });
  element.terminal = view;

  function connect() {
    clearTimeout(next);
    if (link || life.aborted) return;
    if (!isOnline(context.machine.state)) { hint.textContent = "The machine does not run: start it above."; return; }
    hint.textContent = "Connecting…";
    const opened = socket(`${path}/serial/${port.value}/socket`);
    link = opened;
    opened.binaryType = "arraybuffer";
    opened.onopen = () => {
      view.clear();
      view.answers = false;
      hint.textContent = "Click the terminal, then type. The key F6 leaves it; Ctrl-Shift-C copies, Ctrl-Shift-V pastes.";
    };
    opened.onmessage = (message) => {
      if (typeof message.data !== "string") return view.write(new Uint8Array(message.data));
      const { live, error } = JSON.parse(message.data);
      // What was asked long ago has been answered by somebody, or nobody.
      if (live) { view.answers = true; element.dataset.connected = "true"; return; }
      hint.textContent = `${error}.`;
      opened.onclose = () => { if (link === opened) { link = null; delete element.dataset.connected; } };
    };
    opened.onclose = () => {
      if (link !== opened) return;
      link = null;
      delete element.dataset.connected;
      hint.textContent = "The connection is closed.";
      next = setTimeout(connect, 1000);
    };
  }
  function again() { const old = link; link = null; old?.close(); view.clear(); connect(); }
  port.addEventListener("change", again);
  size.addEventListener("change", () => { const [columns, rows] = size.value.split("x").map(Number); view.resize(columns, rows); element.focus(); });
  context.changed = () => { if (!link) connect(); };
  life.addEventListener("abort", () => { clearTimeout(next); const old = link; link = null; old?.close(); });

  const button = (id, text, action) => h("button", { type: "button", id, onclick: acting(action) }, text);
  replace(body, h("div", { class: "bar" }, port, size,
    button("serial-copy", "Copy text", async () => {
      const text = view.screen.text.trimEnd();
      try { await navigator.clipboard.writeText(text); notice("Copied."); } catch {
        await ask("The terminal's text", [{ name: "text", label: "Text", input: h("textarea", { rows: 16, value: text }) }]);
      }
    }),
    button("serial-paste", "Type text…", async () => {
      const area = h("textarea", { rows: 5 });
      area.value = await navigator.clipboard?.readText().catch(() => "") ?? "";
      const answer = await ask("Send this to the serial port", [{ name: "text", label: "Text", input: area }], { ok: "Send" });
      if (answer?.text) view.send(answer.text.replace(/\r?\n/g, "\r"));
      element.focus();
    }),
    button("serial-add", "Add port 1…", async () => {
      await call("PATCH", path, { options: { uart1: ["0x3f8", "4"] } });
      notice("The machine has a serial port from its next start on.");
    })), element, hint);
  connect();
}
