// Controllers and what is plugged into them.

import { call, segment } from "./api.js";
import { acting, ask, choice, field, h, replace } from "./dom.js";
import { chooseFile, discSuffixes, diskSuffixes } from "./files.js";
import { isOnline } from "./screens.js";

const buses = ["sata", "ide", "virtio", "pcie", "scsi", "sas", "floppy"];

export async function storageTab(body, context) {
  const path = (controller, drive) => `${context.path}/controllers/${segment(controller)}${drive ? `/drives/${drive.port}/${drive.device}` : ""}`;
  const apply = async (...request) => context.set(await call(...request));

  context.changed = () => {
    const { machine } = context;
    const isOff = !isOnline(machine.state);
    replace(body, isOff ? null : h("p", { class: "dim" }, "While the machine runs, CDs and floppies can be changed."),
      machine.controllers.map((controller) => card(controller, isOff)),
      h("button", { type: "button", id: "add-controller", disabled: !isOff, onclick: acting(async () => {
        const answer = await ask("A controller more", [choice("bus", "Bus", buses, "sata"), field("name", "Name", "SATA", { required: true })]);
        if (answer) await apply("POST", `${context.path}/controllers`, answer);
      }) }, "Add controller…"));
  };
  function card(controller, isOff) {
    return h("div", { class: "card" }, h("div", { class: "bar" }, h("h2", { class: "grow" }, `${controller.name} `,
      h("span", { class: "dim" }, `${controller.type}, ${controller.ports} port${controller.ports === 1 ? "" : "s"}`)),
    h("button", { type: "button", class: "add-drive", disabled: !isOff, onclick: acting(() => addDrive(controller)) }, "Add drive…"),
    h("button", { type: "button", class: "danger", disabled: !isOff, onclick: acting(() => apply("DELETE", path(controller.name))) }, "Remove")),
    h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, controller.drives.map((drive) => h("tr", {},
      h("td", {}, `${drive.port}-${drive.device}`), h("td", {}, { hdd: "Disk", dvddrive: "CD", fdd: "Floppy" }[drive.kind]),
      h("td", {}, drive.path ?? h("span", { class: "dim" }, "empty")),
      h("td", { class: "bar" }, drive.kind === "hdd" ? null : [
        h("button", { type: "button", onclick: acting(() => insert(controller, drive)) }, "Insert…"),
        h("button", { type: "button", disabled: !drive.path, onclick: acting(() => apply("PUT", path(controller.name, drive), { medium: "emptydrive" })) }, "Eject"),
      ], h("button", { type: "button", class: "danger", disabled: !isOff, onclick: acting(() => apply("DELETE", path(controller.name, drive))) }, "Detach"))))))));
  }
  async function insert(controller, drive) {
    const file = await chooseFile("A disc", discSuffixes);
    if (file) await apply("PUT", path(controller.name, drive), { medium: file });
  }
  // The first place that is free.
  function freePlace(controller) {
    for (let port = 0; port < controller.maximumPorts; port += 1) {
      for (let device = 0; device < controller.devicesPerPort; device += 1) {
        if (!controller.drives.some((drive) => drive.port === port && drive.device === device)) return { port, device };
      }
    }
    throw new Error(`The controller '${controller.name}' is full`);
  }
  async function addDrive(controller) {
    const isFloppy = controller.bus === "floppy";
    const kinds = isFloppy ? [["fdd", "Floppy drive"]] : [["new", "New disk"], ["hdd", "Disk from a file"], ["dvddrive", "CD drive"]];
    const answer = await ask("A drive more", [choice("kind", "What", kinds), field("size", "Size of a new disk (MiB)", "8192", { type: "number", min: 1 })]);
    if (!answer) return;
    const place = freePlace(controller);
    if (answer.kind === "new") {
      const file = `${context.machine.folder}/${context.machine.name}-${controller.name}-${place.port}-${place.device}.vdi`;
      await call("POST", "media", { path: file, size: Number(answer.size) * 1048576 });
      return apply("PUT", path(controller.name, place), { kind: "hdd", medium: file });
    }
    if (answer.kind === "hdd") {
      const file = await chooseFile("A disk image", diskSuffixes);
      return file ? apply("PUT", path(controller.name, place), { kind: "hdd", medium: file }) : null;
    }
    return apply("PUT", path(controller.name, place), { kind: answer.kind, medium: "emptydrive" });
  }
  context.changed();
}
