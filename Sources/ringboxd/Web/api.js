// The service's API: requests, images, sockets, events. The token stays in this tab and is sent by this code alone.

const root = "/api/v1/";
const key = "ringbox-token";

export const session = {
  get token() { return sessionStorage.getItem(key) ?? ""; },
  set token(value) { sessionStorage.setItem(key, value); },
};

export class ApiError extends Error {
  constructor(status, error) {
    super(error?.text ?? `The service answered with status ${status}`);
    this.status = status;
    this.code = error?.code;
    this.details = error?.details;
  }
}

async function send(method, path, body) {
  const headers = { Authorization: `Bearer ${session.token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(root + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, { text: "The service cannot be reached; 'ringbox web' starts it again" });
  }
  if (answer.ok) return answer;
  let error;
  try { error = (await answer.json()).error; } catch { error = undefined; }
  if (answer.status === 401) window.dispatchEvent(new CustomEvent("token-needed"));
  throw new ApiError(answer.status, error);
}
export async function call(method, path, body) {
  const answer = await send(method, path, body);
  return answer.status === 204 ? null : answer.json();
}
export const get = (path) => call("GET", path);
export const text = async (path) => (await send("GET", path)).text();
export const blob = async (path) => (await send("GET", path)).blob();
export const segment = encodeURIComponent;

// Starts a task and waits for its end.
export async function finish(method, path, body) {
  let task = await call(method, path, body);
  while (task.state === "running") task = await get(`tasks/${task.id}?wait=30`);
  if (task.state === "failed") throw new ApiError(500, task.error);
  return task;
}

export function socket(path) {
  const place = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${root}${path}`;
  return new WebSocket(place, ["ringbox.v1", `ringbox.token.${session.token}`]);
}

// Events, over a socket that is opened again when it breaks.
export class Events extends EventTarget {
  #last = 0;
  #delay = 500;
  open() {
    const link = socket(`events/socket${this.#last ? `?after=${this.#last}` : ""}`);
    link.onopen = () => { this.#delay = 500; this.#tell("connection", true); };
    link.onmessage = (message) => {
      const event = JSON.parse(message.data);
      this.#last = event.number;
      this.#tell("event", event);
    };
    link.onclose = () => {
      this.#tell("connection", false);
      // Another service counts from one again.
      this.#last = 0;
      this.#delay = Math.min(this.#delay * 2, 15000);
      setTimeout(() => this.open(), this.#delay);
    };
  }
  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}
export const events = new Events();
