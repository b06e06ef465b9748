// Networks that machines share.

import { call, get, segment } from "./api.js";
import { acting, ask, choice, field, h, note, notice, replace, table } from "./dom.js";

// Fields as [name, label, usual value]; a usual value of true or false makes a box to tick.
const lists = [
  { id: "natnetworks", title: "NAT networks", hasService: true, more: [["forwards", "Ports…", forwards], ["loopbacks", "Host…", loopbacks]], fields: [["network", "Network", "10.0.3.0/24"], ["enabled", "Machines may use it", true], ["dhcp", "With a DHCP server", true],
    ["ipv6", "With IPv6", false], ["prefix6", "IPv6 network", "fd17:625c:f037:3::/64"], ["defaultRoute6", "IPv6 leads to everywhere", false]] },
  { id: "hostonlynetworks", title: "Host-only networks", fields: [["mask", "Mask", "255.255.255.0"], ["lower", "First address", "192.168.57.1"],
    ["upper", "Last address", "192.168.57.199"], ["enabled", "Machines may use it", true]] },
  { id: "hostonlyinterfaces", title: "Host-only interfaces", isNumbered: true, more: [["status", "State…", status]], fields: [["address", "The host's address", ""], ["mask", "Mask", "255.255.255.0"],
    ["address6", "IPv6 address", ""], ["prefix6", "Bits of its network", 64], ["dhcp", "The host asks for its address", false],
    ["forwards", "Ports (tcp:[HOST]:PORT-GUEST:PORT)", []], ["services", "Machines reach the host's services", false]] },
  { id: "dhcpservers", title: "DHCP servers", hasService: true, more: [["scopes", "Options…", scopes], ["leases", "Leases…", leases]], fields: [["address", "Its address", "192.168.56.100"], ["mask", "Mask", "255.255.255.0"],
    ["lower", "First address", "192.168.56.101"], ["upper", "Last address", "192.168.56.254"], ["enabled", "It answers", true]] },
];
// Lists are words with blanks between them.
const encoded = (usual, value) => typeof usual === "number" ? Number(value) : Array.isArray(usual) ? value.split(/[ ,]+/).filter(Boolean) : value;
const input = ([name, label, usual], value = usual) => typeof usual === "boolean"
  ? { name, label, input: h("input", { type: "checkbox", checked: value }) } : field(name, label, Array.isArray(value) ? value.join(" ") : value, typeof usual === "number" ? { type: "number", min: 0, max: 128 } : {});
const shown = (value) => value === true ? "yes" : value === false ? "no" : Array.isArray(value) ? value.join(" ") : String(value);

const families = [["", "IPv4"], ["6", "IPv6 (kept without effect)"]];
// What a network has of a list of both families, as what a dialogue shows of it, and the choice between one more and one less.
// `look` makes of an entry its name and its text.
function entries(network, list, look) {
  const found = families.flatMap(([family]) => network[`${list}${family}`].map((entry) => [`${list}${family}/${segment(look(entry)[0])}`, ...look(entry)]));
  return [note(found.length ? h("ul", {}, found.map(([, , text]) => h("li", {}, text))) : "None yet."),
    choice("what", "What", [["", "one more"], ...found.map(([place, name]) => [place, `'${name}' goes`])], ""), choice("family", "Addresses", families, "")];
}
// Port forwards of a NAT network.
async function forwards(path, entry) {
  const answer = await ask(`Ports to '${entry.name}'`, [...entries(entry, "forwards", (rule) => [rule.name, rule.rule]),
    field("name", "Name", "ssh"), choice("protocol", "Protocol", ["tcp", "udp"]), field("host", "Host's address", "127.0.0.1"), field("hostPort", "Host's port", "2222", { type: "number", min: 1, max: 65535 }),
    field("guest", "Guest's address", "10.0.3.15"), field("guestPort", "Guest's port", "22", { type: "number", min: 1, max: 65535 }),
  ]);
  if (!answer) return;
  if (answer.what) await call("DELETE", `${path}/${answer.what}`);
  else await call("POST", `${path}/forwards${answer.family}`, { rule: [answer.name, answer.protocol, answer.host, answer.hostPort, answer.guest, answer.guestPort].join(",") });
}
// The host's own services that machines of a NAT network reach.
async function loopbacks(path, entry) {
  const answer = await ask(`The host's services in '${entry.name}'`, [...entries(entry, "loopbacks", ({ address, offset }) => [address, `${address}: at .${offset}`]),
    field("address", "The host's own address", "127.0.0.1"), field("offset", "Where in the network (from its first address on)", 2, { type: "number", min: 1, max: 16777215 })]);
  if (!answer) return;
  if (answer.what) await call("DELETE", `${path}/${answer.what}`);
  else await call("PUT", `${path}/loopbacks${answer.family}/${segment(answer.address)}`, { offset: Number(answer.offset) });
}
async function status(path, entry) {
  const found = Object.entries(await get(`${path}/status`));
  await ask(entry.name, [note(found.length ? h("dl", { class: "pairs" }, found.map(([name, value]) => [h("dt", {}, name), h("dd", {}, shown(typeof value === "object" ? JSON.stringify(value) : value))])) : "No machine is on it now.")]);
}
// What a DHCP server tells: the options of a scope, one a line.
async function scopes(path, entry) {
  const names = entry.scopes.map((scope) => scope.scope);
  const options = (scope) => (scope?.options ?? []).map((option) => `${option.number}=${option.value}`).join("\n");
  const lines = h("textarea", { rows: 5, placeholder: "15=example.org" });
  const scope = field("scope", "For (global, group:NAME, mac:ADDRESS, machine:UUID:CARD)", names[0] ?? "global", { required: true });
  const address = field("address", "Always this address (one card)"), lease = field("lease", "Lease (seconds; 0: as usual)", 0, { type: "number", min: 0 });
  const conditions = h("textarea", { rows: 2, placeholder: "MAC=08:00:27:…" });
  // Options of which a server speaks without being asked, and of which it never does.
  const numbers = (name, label) => field(name, label, "", { pattern: "[0-9]+([ ,]+[0-9]+)*", placeholder: "66 67" });
  const forced = numbers("forced", "Told even to those who do not ask (numbers)"), suppressed = numbers("suppressed", "Never told (numbers)");
  const leastLease = field("minimumLease", "Shortest lease (seconds; 0: as usual)", 0, { type: "number", min: 0 }), mostLease = field("maximumLease", "Longest lease (seconds; 0: as usual)", 0, { type: "number", min: 0 });
  const fill = () => {
    const found = entry.scopes.find((one) => one.scope === scope.input.value);
    lines.value = options(found);
    address.input.value = found?.address ?? "";
    lease.input.value = found?.lease ?? 0;
    leastLease.input.value = found?.minimumLease ?? 0;
    mostLease.input.value = found?.maximumLease ?? 0;
    forced.input.value = (found?.forced ?? []).join(" ");
    suppressed.input.value = (found?.suppressed ?? []).join(" ");
    conditions.value = (found?.conditions ?? []).map((one) => `${one.type}=${one.value}${one.exclusive ? " !" : ""}`).join("\n");
  };
  scope.input.addEventListener("change", fill);
  fill();
  const answer = await ask(`What '${entry.name}' tells`, [note(names.length ? `There are: ${names.join(", ")}` : "Nothing is told yet."), scope,
    { name: "options", label: "Options (NUMBER=VALUE)", input: lines }, forced, suppressed, address, lease, leastLease, mostLease, { name: "conditions", label: "Who is in the group (TYPE=VALUE, ! behind: who is not)", input: conditions },
    choice("what", "What", [["keep", "keep this"], ["remove", "forget all of it"]], "keep")]);
  if (!answer) return;
  const place = `${path}/scopes/${segment(answer.scope)}`;
  if (answer.what === "remove") return void await call("DELETE", place);
  const pairs = (text) => text.split("\n").filter((line) => line.includes("=")).map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1)]);
  const before = entry.scopes.find((one) => one.scope === answer.scope) ?? {};
  await call("PUT", place, { forced: encoded([], answer.forced).map(Number), suppressed: encoded([], answer.suppressed).map(Number), minimumLease: Number(answer.minimumLease), maximumLease: Number(answer.maximumLease),
    lease: Number(answer.lease), options: pairs(answer.options).map(([number, value]) => ({ number: Number(number), value, hex: before.options?.find((one) => one.number === Number(number))?.hex ?? false })),
    ...(answer.address ? { address: answer.address } : {}),
    conditions: pairs(answer.conditions).map(([type, value]) => ({ type, value: value.replace(/ !$/, ""), exclusive: value.endsWith(" !") })) });
}
async function leases(path, entry) {
  const found = await get(`${path}/leases`);
  await ask(`Addresses given by '${entry.name}'`, [note(found.length ? h("table", {}, h("tbody", {}, found.map((lease) => h("tr", {}, h("td", {}, lease.mac), h("td", {}, lease.address),
    h("td", {}, new Date((lease.issued + lease.expiration) * 1000).toLocaleString()))))) : "None now.")]);
}

export async function networksPage(main, life) {
  const cards = lists.map((list) => ({ list, card: h("div", { class: "card", id: list.id }) }));
  replace(main, h("h1", {}, "Networks"), h("p", { class: "dim" }, "Machines join them on their own Network page; internal networks need nothing but a name there."), cards.map(({ card }) => card));
  const draw = async ({ list, card }) => {
    const entries = await get(list.id);
    if (life.aborted) return;
    const encode = (answer) => Object.fromEntries(Object.entries(answer).map(([name, value]) =>
      [name, encoded(list.fields.find(([word]) => word === name)[2], value)]));
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
      table([["Name", (entry) => entry.name], ...list.fields.map(([name, label]) => [label, (entry) => shown(entry[name])])], entries, (entry) => [
        (list.more ?? []).map(([word, text, action]) => h("button", { type: "button", class: word, onclick: acting(async () => {
          await action(`${list.id}/${segment(entry.name)}`, entry);
          await draw({ list, card });
        }) }, text)),
        list.hasService ? ["start", "stop"].map((verb) => h("button", { type: "button", class: verb, onclick: acting(async () => {
          await call("POST", `${list.id}/${segment(entry.name)}/${verb}`);
          notice(verb === "start" ? `${entry.name} runs, even without machines.` : `${entry.name} has ended.`);
        }) }, verb === "start" ? "Start" : "Stop")) : null,
        h("button", { type: "button", onclick: change(entry) }, "Change…"), h("button", { type: "button", class: "danger", onclick: remove(entry) }, "Remove")]));
  };
  await Promise.all(cards.map(draw));
}
