// Networks that machines share.

import { call, get, segment } from "./api.js";
import { acting, ask, field, h, replace } from "./dom.js";

// Fields as [name, label, usual value]; a usual value of true or false makes a box to tick.
const lists = [
  { id: "natnetworks", title: "NAT networks", fields: [["network", "Network", "10.0.3.0/24"], ["enabled", "Machines may use it", true], ["dhcp", "With a DHCP server", true],
    ["ipv6", "With IPv6", false], ["prefix6", "IPv6 network", "fd17:625c:f037:3::/64"], ["defaultRoute6", "IPv6 leads to everywhere", false]] },
  { id: "hostonlynetworks", title: "Host-only networks", fields: [["mask", "Mask", "255.255.255.0"], ["lower", "First address", "192.168.57.1"],
    ["upper", "Last address", "192.168.57.199"], ["enabled", "Machines may use it", true]] },
  { id: "hostonlyinterfaces", title: "Host-only interfaces", isNumbered: true, fields: [["address", "The host's address", ""], ["mask", "Mask", "255.255.255.0"],
    ["address6", "IPv6 address", ""], ["prefix6", "Bits of its network", 64], ["dhcp", "The host asks for its address", false]] },
  { id: "dhcpservers", title: "DHCP servers", fields: [["address", "Its address", "192.168.56.100"], ["mask", "Mask", "255.255.255.0"],
    ["lower", "First address", "192.168.56.101"], ["upper", "Last address", "192.168.56.254"], ["enabled", "It answers", true]] },
];
const input = ([name, label, usual], value = usual) => typeof usual === "boolean"
  ? { name, label, input: h("input", { type: "checkbox", checked: value }) } : field(name, label, value, typeof usual === "number" ? { type: "number", min: 0, max: 128 } : {});
const shown = (value) => value === true ? "yes" : value === false ? "no" : String(value);

export async function networksPage(main, life) {
  const cards = lists.map((list) => ({ list, card: h("div", { class: "card", id: list.id }) }));
  replace(main, h("h1", {}, "Networks"), h("p", { class: "dim" }, "Machines join them on their own Network page; internal networks need nothing but a name there."), cards.map(({ card }) => card));
  const draw = async ({ list, card }) => {
    const entries = await get(list.id);
    if (life.aborted) return;
    const encode = (answer) => Object.fromEntries(Object.entries(answer).map(([name, value]) =>
      [name, typeof list.fields.find(([word]) => word === name)[2] === "number" ? Number(value) : value]));
    const add = acting(async () => {
      if (list.isNumbered) await call("POST", list.id);
      else {
        const answer = await ask(`${list.title}: one more`, [field("name", "Name", "", { required: true }), ...list.fields.map((one) => input(one))]);
        if (!answer) return;
        const { name, ...rest } = answer;
        await call("PUT", `${list.id}/${segment(name)}`, encode(rest));
      }
      await draw({ list, card });
    });
    const change = (entry) => acting(async () => {
      const answer = await ask(entry.name, list.fields.map((one) => input(one, entry[one[0]])));
      if (answer) { await call(list.isNumbered ? "PATCH" : "PUT", `${list.id}/${segment(entry.name)}`, encode(answer)); await draw({ list, card }); }
    });
    const remove = (entry) => acting(async () => { await call("DELETE", `${list.id}/${segment(entry.name)}`); await draw({ list, card }); });
    replace(card, h("div", { class: "bar" }, h("h2", { class: "grow" }, list.title), h("button", { type: "button", class: "add", onclick: add }, list.isNumbered ? "Add" : "Add…")),
      entries.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Name"), list.fields.map(([, label]) => h("th", {}, label)), h("th"))),
        h("tbody", {}, entries.map((entry) => h("tr", { "data-name": entry.name }, h("td", {}, entry.name), list.fields.map(([name]) => h("td", {}, shown(entry[name]))), h("td", { class: "bar" },
          h("button", { type: "button", onclick: change(entry) }, "Change…"), h("button", { type: "button", class: "danger", onclick: remove(entry) }, "Remove"))))))) : h("p", { class: "dim" }, "None."));
  };
  await Promise.all(cards.map(draw));
}
