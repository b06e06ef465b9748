// Choosing a file of the host.

import { get, segment } from "./api.js";
import { acting, failure, h, replace } from "./dom.js";

// The path of a file that ends in one of `suffixes`, or null.
export function chooseFile(title, suffixes) {
  return new Promise((resolve) => {
    let chosen = null;
    const place = h("input", { class: "grow", "aria-label": "Folder or file" });
    const list = h("ul", { class: "files" });
    const dialog = h("dialog", { onclose: () => { dialog.remove(); resolve(chosen); } }, h("h1", {}, title),
      h("form", { class: "bar", onsubmit: acting(async () => {
        if (suffixes.some((suffix) => place.value.toLowerCase().endsWith(suffix))) { chosen = place.value; dialog.close(); }
        else await open(place.value);
      }) }, place, h("button", { type: "submit" }, "Open")), list,
      h("div", { class: "bar" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
    async function open(folder) {
      const found = await get(folder ? `files?folder=${segment(folder)}` : "files");
      place.value = found.folder;
      const base = found.folder === "/" ? "" : found.folder;
      const entry = (text, action) => h("li", {}, h("button", { type: "button", onclick: action }, text));
      const up = base.split("/").slice(0, -1).join("/") || "/";
      replace(list, found.folder === "/" ? null : entry("↑ ..", acting(() => open(up))), found.entries
        .filter((item) => item.folder || suffixes.some((suffix) => item.name.toLowerCase().endsWith(suffix)))
        .map((item) => item.folder ? entry(`▸ ${item.name}`, acting(() => open(`${base}/${item.name}`)))
          : entry(item.name, () => { chosen = `${base}/${item.name}`; dialog.close(); })));
    }
    document.body.append(dialog);
    dialog.showModal();
    open("").catch(failure);
  });
}
export const diskSuffixes = [".vdi", ".vmdk", ".vhd", ".qcow2", ".img", ".raw"];
export const discSuffixes = [".iso", ".img", ".viso"];
