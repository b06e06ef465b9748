// Network cards, cables and port forwards.

import { call, segment } from "./api.js";
import { acting, ask, choice, field, h, replace, select } from "./dom.js";
import { isOnline } from "./screens.js";

const attachments = [["none", "not there"], ["nat", "NAT"], ["natnetwork", "NAT network"], ["intnet", "internal network"],
  ["hostonly", "host-only interface"], ["hostonlynet", "host-only network"], ["bridged", "interface of the host"], ["generic", "generic driver"], ["null", "no cable"]];
// The option that names what a card is attached to.
const names = { natnetwork: "natnetwork", intnet: "intnet", hostonly: "hostonlyadapter", hostonlynet: "hostonlynet", bridged: "bridgeadapter", generic: "nicgenericdrv" };
const types = [["virtio", "virtio"], ["82540EM", "Intel 82540EM"], ["82545EM", "Intel 82545EM"], ["82543GC", "Intel 82543GC"],
  ["Am79C973", "AMD Am79C973"]];

export async function networkTab(body, context) {
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
    const network = h("input", { id: `net${number}`, value: card.network, disabled: !isOff, placeholder: "its name, where it has one" });
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
    h("label", { for: `net${number}` }, "Network"), network, h("label", { for: `mac${number}` }, "Address"), mac,
    h("label", { for: `cable${number}` }, "Cable plugged in"), cable,
    card.attachment === "nat" ? h("div", { class: "wide" }, forwards(card, isOff)) : null,
    h("div", { class: "wide" }, h("button", { type: "submit", disabled: !isOff }, "Save")));
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
