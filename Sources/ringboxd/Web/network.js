// Network cards, cables and port forwards.

import { call, get, segment } from "./api.js";
import { acting, ask, choice, field, h, notice, replace, select } from "./dom.js";
import { isOnline } from "./screens.js";

const attachments = [["none", "not there"], ["nat", "NAT"], ["natnetwork", "NAT network"], ["intnet", "internal network"],
  ["hostonly", "host-only interface"], ["hostonlynet", "host-only network"], ["bridged", "interface of the host"], ["generic", "generic driver"], ["null", "no cable"]];
// The option that names what a card is attached to.
const names = { natnetwork: "natnetwork", intnet: "intnet", hostonly: "hostonlyadapter", hostonlynet: "hostonlynet", bridged: "bridgeadapter", generic: "nicgenericdrv" };
const types = [["virtio", "virtio"], ["82540EM", "Intel 82540EM"], ["82545EM", "Intel 82545EM"], ["82543GC", "Intel 82543GC"],
  ["Am79C973", "AMD Am79C973"]];

const policies = [["deny", "nothing"], ["allow-vms", "what passes between machines"], ["allow-all", "everything"]];

export async function networkTab(body, context) {
  // Names to choose from, by what a card is attached to.
  const [shared, lists] = await Promise.all([get("networknames"), Promise.all(["natnetworks", "hostonlyinterfaces", "hostonlynetworks"].map(get))]);
  const known = { intnet: shared.internal, bridged: shared.bridged, natnetwork: lists[0].map((one) => one.name), hostonly: lists[1].map((one) => one.name), hostonlynet: lists[2].map((one) => one.name) };
  const modify = async (changes) => context.set(await call("PATCH", context.path, { changes }));
  const change = (name, ...values) => ({ name, values });

  context.changed = () => {
    const isOff = !isOnline(context.machine.state);
    // The first one that is not there shows where a further one goes.
    const last = context.machine.adapters.findLastIndex((card) => card.enabled);
    replace(body, context.machine.adapters.slice(0, Math.min(8, last + 2)).map((card) => show(card, isOff)));
  };
  function show(card, isOff) {
    const number = card.number;
    const attachment = select(attachments, card.attachment, { id: `nic${number}`, disabled: !isOff });
    const type = select(types, card.type, { id: `nictype${number}`, disabled: !isOff });
    const words = h("datalist", { id: `nets${number}` });
    const offer = () => replace(words, (known[attachment.value] ?? []).map((name) => h("option", { value: name })));
    attachment.addEventListener("change", offer);
    offer();
    const network = h("input", { id: `net${number}`, list: `nets${number}`, value: card.network, disabled: !isOff, placeholder: "its name, where it has one" });
    // What changes while the machine runs goes another way.
    const alter = (options) => acting(async () => {
      if (isOff) context.set(await call("PATCH", context.path, { options: options() }));
      else {
        const { later } = await call("PATCH", `${context.path}/live`, { options: options() });
        if (later.length) notice(`In force from the machine's next start on: ${later.join(", ")}`);
      }
    });
    const hears = select(policies, card.promiscuous, { id: `hears${number}`, disabled: !card.enabled });
    hears.addEventListener("change", alter(() => ({ [`nicpromisc${number}`]: hears.value })));
    const trace = h("button", { type: "button", class: "trace", disabled: !card.enabled, onclick: acting(async (event) => {
      const answer = card.trace ? {} : await ask("What passes the card goes into a file", [field("file", "File (.pcap)", `${context.machine.folder}/card${number}.pcap`, { required: true })]);
      if (answer) await alter(() => card.trace ? { [`nictrace${number}`]: "off" } : { [`nictracefile${number}`]: answer.file, [`nictrace${number}`]: "on" })(event);
    }) }, card.trace ? `End the trace into ${card.trace}` : "Trace…");
    const mac = h("input", { id: `mac${number}`, value: card.mac, disabled: !isOff });
    const cable = h("input", { type: "checkbox", id: `cable${number}`, checked: card.cable, disabled: !card.enabled, onchange: acting(async () => {
      if (isOff) await modify([change(`cableconnected${number}`, cable.checked ? "on" : "off")]);
      else await call("PUT", `${context.path}/adapters/${number}/link`, { up: cable.checked });
    }) });
    return h("form", { class: "card grid", onsubmit: acting(async () => {
      const changes = [change(`nic${number}`, attachment.value), change(`nictype${number}`, type.value)];
      const name = names[attachment.value];
      if (name && network.value) changes.push(change(`${name}${number}`, network.value));
      if (mac.value && mac.value !== card.mac) changes.push(change(`macaddress${number}`, mac.value.replaceAll(":", "")));
      await modify(changes);
    }) },
    h("h2", { class: "wide" }, `Card ${number}`),
    h("label", { for: `nic${number}` }, "Leads to"), attachment, h("label", { for: `nictype${number}` }, "Model"), type,
    h("label", { for: `net${number}` }, "Network"), h("span", {}, network, words), h("label", { for: `mac${number}` }, "Address"), mac,
    h("label", { for: `cable${number}` }, "Cable plugged in"), cable,
    h("label", { for: `hears${number}` }, "Hears of what is not for it"), hears,
    card.attachment === "nat" ? h("div", { class: "wide" }, forwards(card, isOff)) : null,
    h("div", { class: "wide" }, h("button", { type: "submit", disabled: !isOff }, "Save"), " ", trace));
  }
  function forwards(card, isOff) {
    const number = card.number;
    const remove = (rule) => acting(async () => {
      if (isOff) await modify([change(`natpf${number}`, "delete", rule.name)]);
      else await call("DELETE", `${context.path}/adapters/${number}/forwards/${segment(rule.name)}`);
    });
    const add = acting(async () => {
      const answer = await ask("A port forward more", [
        field("name", "Name", "ssh", { required: true }), choice("protocol", "Protocol", ["tcp", "udp"]),
        field("host", "Host's address", "127.0.0.1"), field("hostPort", "Host's port", "2222", { type: "number", min: 1, max: 65535, required: true }),
        field("guest", "Guest's address"), field("guestPort", "Guest's port", "22", { type: "number", min: 1, max: 65535, required: true }),
      ]);
      if (!answer) return;
      const rule = [answer.name, answer.protocol, answer.host, answer.hostPort, answer.guest, answer.guestPort].join(",");
      if (isOff) await modify([change(`natpf${number}`, rule)]);
      else await call("POST", `${context.path}/adapters/${number}/forwards`, { rule });
    });
    return [h("table", {}, h("tbody", {}, card.forwards.map((rule) => h("tr", {}, h("td", {}, rule.name),
      h("td", {}, `${rule.protocol} ${rule.hostAddress || "*"}:${rule.hostPort} → ${rule.guestAddress || "guest"}:${rule.guestPort}`),
      h("td", {}, h("button", { type: "button", onclick: remove(rule) }, "Remove")))))),
    h("button", { type: "button", onclick: add }, "Forward a port…")];
  }
  context.changed();
}
