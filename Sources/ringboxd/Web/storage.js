// Controllers and what is plugged into them.

import { call, segment } from "./api.js";
import { acting, ask, check, choice, field, h, note, replace } from "./dom.js";
import { chooseFile, discSuffixes, diskSuffixes } from "./files.js";
import { isOnline } from "./screens.js";

// Buses, and the controllers for each.
const models = { sata: ["AHCI"], ide: ["PIIX4", "PIIX3", "ICH6"], virtio: ["VirtioSCSI"], pcie: ["NVMe"], scsi: ["LsiLogic", "BusLogic"], sas: ["LsiLogicSas"], floppy: ["I82078"] };
const types = [["normal", "normal"], ["immutable", "immutable: forgets at power-on"], ["writethrough", "write-through: not in snapshots"], ["shareable", "shareable"], ["readonly", "read-only"], ["multiattach", "multi-attach"]];

export async function storageTab(body, context) {
  const path = (controller, drive) => `${context.path}/controllers/${segment(controller)}${drive ? `/drives/${drive.port}/${drive.device}` : ""}`;
  const apply = async (...request) => context.set(await call(...request));

  context.changed = () => {
    const { machine } = context;
    const isOff = !isOnline(machine.state);
    replace(body, isOff ? null : h("p", { class: "dim" }, "While the machine runs, CDs and floppies can be changed, and what is hot-pluggable can come and go."),
      machine.controllers.map((controller) => card(controller, isOff)),
      h("button", { type: "button", id: "add-controller", disabled: !isOff, onclick: acting(addController) }, "Add controller…"));
  };
  function card(controller, isOff) {
    return h("div", { class: "card", "data-name": controller.name }, h("div", { class: "bar" }, h("h2", { class: "grow" }, `${controller.name} `,
      h("span", { class: "dim" }, `${controller.type}, ${controller.ports} port${controller.ports === 1 ? "" : "s"}${controller.hostIOCache ? ", host's cache" : ""}`)),
    h("button", { type: "button", class: "add-drive", disabled: !isOff && controller.bus !== "sata", onclick: acting(() => addDrive(controller)) }, "Add drive…"),
    h("button", { type: "button", class: "controller-settings", disabled: !isOff, onclick: acting(() => changeController(controller)) }, "Settings…"),
    h("button", { type: "button", class: "danger", disabled: !isOff, onclick: acting(() => apply("DELETE", path(controller.name))) }, "Remove")),
    h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, controller.drives.map((drive) => h("tr", { "data-place": `${drive.port}-${drive.device}` },
      h("td", {}, `${drive.port}-${drive.device}`), h("td", {}, { hdd: "Disk", dvddrive: "CD", fdd: "Floppy" }[drive.kind]),
      h("td", {}, drive.path ?? h("span", { class: "dim" }, "empty"), h("div", { class: "dim" }, traits(drive))),
      h("td", { class: "bar" }, drive.kind === "hdd" ? null : [
        h("button", { type: "button", onclick: acting(() => insert(controller, drive)) }, "Insert…"),
        h("button", { type: "button", disabled: !drive.path, onclick: acting(() => apply("PUT", path(controller.name, drive), { medium: "emptydrive" })) }, "Eject"),
      ], h("button", { type: "button", class: "drive-settings", disabled: !isOff, onclick: acting(() => changeDrive(controller, drive)) }, "Settings…"),
      h("button", { type: "button", class: "danger", disabled: !isOff && !drive.hotPluggable, onclick: acting(() => apply("DELETE", path(controller.name, drive))) }, "Detach"))))))));
  }
  const traits = (drive) => [drive.type && drive.type !== "Normal" ? drive.type.toLowerCase() : null, drive.nonrotational ? "solid-state" : null,
    drive.discard ? "gives space back" : null, drive.hotPluggable ? "hot-pluggable" : null].filter(Boolean).join(", ");
  async function insert(controller, drive) {
    const file = await chooseFile("A disc", discSuffixes);
    if (file) await apply("PUT", path(controller.name, drive), { medium: file });
  }
  async function changeDrive(controller, drive) {
    const isDisk = drive.kind === "hdd";
    const answer = await ask(`Drive ${drive.port}-${drive.device} of ${controller.name}`, [
      note(drive.path ?? "empty"), isDisk ? choice("type", "Type of the medium", types, (drive.type ?? "normal").toLowerCase()) : null,
      isDisk ? check("nonrotational", "A solid-state disk", drive.nonrotational) : null, isDisk ? check("discard", "Gives space back that the guest does not need", drive.discard) : null,
      check("hotPluggable", "May come and go while the machine runs", drive.hotPluggable),
      drive.kind === "dvddrive" ? check("temporaryEject", "What the guest ejects is in it again at the next start (kept without effect)", drive.temporaryEject) : null,
      drive.kind === "dvddrive" ? check("passthrough", "The guest writes to the host's drive (kept without effect)", drive.passthrough) : null,
    ].filter(Boolean));
    if (!answer) return;
    const { type, ...rest } = answer;
    await apply("PUT", path(controller.name, drive), { ...rest, ...(type && type !== drive.type?.toLowerCase() ? { type } : {}) });
  }
  async function addController() {
    const bus = choice("bus", "Bus", Object.keys(models), "sata"), name = field("name", "Name", "SATA", { required: true });
    const type = choice("type", "Model", models.sata);
    // A choice follows the other.
    bus.input.addEventListener("change", () => { replace(type.input, models[bus.input.value].map((word) => h("option", { value: word }, word))); name.input.value = bus.input.value.toUpperCase(); });
    const answer = await ask("A controller more", [bus, type, name, check("hostIOCache", "The host's cache", false)]);
    if (answer) await apply("POST", `${context.path}/controllers`, answer);
  }
  async function changeController(controller) {
    const hasPorts = controller.maximumPorts > 1 && ["sata", "sas", "pcie", "virtio"].includes(controller.bus);
    const answer = await ask(controller.name, [
      field("name", "Name", controller.name, { required: true }), choice("type", "Model", models[controller.bus] ?? [controller.type], controller.type),
      hasPorts ? field("ports", "Ports", controller.ports, { type: "number", min: 1, max: controller.maximumPorts, required: true }) : null,
      check("bootable", "The firmware may start from it", controller.bootable), check("hostIOCache", "The host's cache", controller.hostIOCache),
    ].filter(Boolean));
    if (!answer) return;
    const { type, ports, ...rest } = answer;
    await apply("PATCH", path(controller.name), { ...rest, ...(type !== controller.type ? { type } : {}), ...(ports && Number(ports) !== controller.ports ? { ports: Number(ports) } : {}) });
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
