// Elements, notices and dialogues: the little that all pages share.

// An element: h("button", { class: "primary", onclick: f }, "Text", other).
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "disabled") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(4).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(4).filter((child) => child !== null && child !== undefined && child !== false));
}

// Says something in the corner; errors stay until they are closed.
// An action is the text of a button and what it does.
export function notice(text, { isBad = false, seconds = 5, action = null } = {}) {
  const close = () => box.remove();
  const box = h("div", { class: isBad ? "notice bad" : "notice" }, h("p", {}, text),
    action && h("button", { type: "button", onclick: acting(async () => { await action[1](); close(); }) }, action[0]),
    h("button", { type: "button", "aria-label": "Close", onclick: close }, "×"));
  document.getElementById("notices").append(box);
  if (!isBad) setTimeout(close, seconds * 1000);
  while (document.getElementById("notices").children.length > 4) document.getElementById("notices").firstChild.remove();
}

const explanations = {
  VBOX_E_OBJECT_NOT_FOUND: "It may have been removed or renamed meanwhile.",
  VBOX_E_INVALID_VM_STATE: "The machine is in a state in which this cannot be done: switch it on or off first.",
  VBOX_E_INVALID_OBJECT_STATE: "Somebody else is using the machine, or it is running: switch it off first.",
  VBOX_E_OBJECT_IN_USE: "Something else uses it.",
  VBOX_E_FILE_ERROR: "The host's file could not be read or written: look at its rights and at the free space.",
  E_ACCESSDENIED: "Open the address that 'ringbox web' prints.",
};
export function failure(error) {
  const more = explanations[error.code];
  notice(more ? `${error.message}. ${more}`.replace("..", ".") : error.message, { isBad: true });
}

// Runs what a button does: it is off meanwhile, and errors are shown.
export function acting(body) {
  return async (event) => {
    const target = event.currentTarget ?? event.target;
    event.preventDefault();
    const button = event.submitter ?? (target instanceof HTMLButtonElement ? target : null);
    if (button) button.disabled = true;
    try { await body(event); } catch (error) { failure(error); } finally { if (button) button.disabled = false; }
  };
}

// A question in a dialogue; the values of its fields, or null.
export function ask(title, fields, { ok = "OK", isDanger = false } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const inputs = fields.filter((field) => field.name).map((field) => field.input);
    const form = h("form", { class: "grid", method: "dialog", onsubmit: () => {
      answer = {};
      fields.forEach((field) => {
        if (field.name) answer[field.name] = field.input.type === "checkbox" ? field.input.checked : field.input.value;
      });
    } },
    fields.map((field) => field.label ? [h("label", { for: `ask-${field.name}` }, field.label), field.element ?? field.input]
      : h("div", { class: "wide" }, field.text)),
    h("div", { class: "wide bar" },
      h("button", { class: isDanger ? "danger" : "primary", type: "submit", id: "ask-ok" }, ok),
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
    fields.forEach((field) => { if (field.name) field.input.id = `ask-${field.name}`; });
    const dialog = h("dialog", { onclose: () => { dialog.remove(); resolve(answer); } }, h("h1", {}, title), form);
    document.body.append(dialog);
    dialog.showModal();
    inputs[0]?.focus();
  });
}
export const field = (name, label, value = "", properties = {}) =>
  ({ name, label, input: h("input", { value, ...properties }) });
export const choice = (name, label, options, value) =>
  ({ name, label, input: select(options, value) });
export const check = (name, label, checked) => ({ name, label, input: h("input", { type: "checkbox", checked }) });
// Words or elements that ask nothing.
export const note = (text) => ({ text });

// The entries of a list as a table: columns are [title, text of an entry], `buttons` makes what stands behind them.
export function table(columns, entries, buttons) {
  if (!entries.length) return h("p", { class: "dim" }, "None.");
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, columns.map(([title]) => h("th", {}, title)), h("th"))),
    h("tbody", {}, entries.map((entry) => h("tr", { "data-name": entry.name },
      columns.map(([, text]) => h("td", {}, text(entry))), h("td", { class: "bar" }, buttons(entry)))))));
}

// [value, text] pairs, or words.
export function select(options, value, properties = {}) {
  const element = h("select", properties, options.map((option) => {
    const [word, text] = Array.isArray(option) ? option : [option, option];
    return h("option", { value: word }, text);
  }));
  if (value !== undefined && value !== null) element.value = value;
  return element;
}

export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${bytes >= 100 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
export const time = (value) => new Date(value).toLocaleString();
