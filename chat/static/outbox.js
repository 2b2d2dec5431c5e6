import { forget, keep, kept, keptKeys, parsed } from "./storage.js";

const PREFIX = "chat.outbox.";

/** What was typed and has not come back from the server yet, in the order it was typed.
 *
 *  Each entry is kept in the browser under a key of its own, so that a reload loses nothing and two windows do not
 *  write over each other; and for one person: what ada left waiting must never be sent by bob. An entry is
 *  `{key, clientId, room, text, refusal, sent}`: `refusal` is the server's sentence, `sent` whether it went out on
 *  the present connection. Two windows may send the same entry: the server knows it by its `client_id`. */
export class Outbox {
  #prefix = null;
  #entries = new Map();
  #typed = 0;

  openFor(userId) {
    this.#prefix = `${PREFIX}${userId}.`;
    this.#entries.clear();
    this.adopt();
  }

  /** Takes in what another window, or a visit before this one, left behind. */
  adopt() {
    for (const key of keptKeys(this.#prefix)) {
      const entry = kept(key);
      if (isEntry(entry) && !this.#entries.has(entry.clientId)) this.#entries.set(entry.clientId, { ...entry, key, sent: false });
    }
  }

  add(room, text, now = Date.now()) {
    const clientId = randomId();
    const order = `${String(now).padStart(15, "0")}.${String(this.#typed++).padStart(6, "0")}`;
    const entry = { key: `${this.#prefix}${order}.${clientId}`, clientId, room, text, refusal: "", sent: false };
    this.#entries.set(clientId, entry);
    save(entry);
    return entry;
  }

  /** Takes the entry out and gives it back; undefined when it is not one of ours. */
  take(clientId) {
    const entry = this.#entries.get(clientId);
    if (this.#entries.delete(clientId)) forget(entry.key);
    return entry;
  }

  refuse(clientId, sentence) {
    return this.#change(clientId, { refusal: sentence });
  }

  /** It did not get through on this connection, and will be sent again. */
  hold(clientId) {
    const entry = this.#entries.get(clientId);
    if (entry) entry.sent = false;
    return entry;
  }

  retry(clientId) {
    return this.#change(clientId, { refusal: "", sent: false });
  }

  /** Another window changed what is kept: gives back the entry that is gone, or that is now otherwise. */
  changedElsewhere(key, value) {
    const shown = [...this.#entries.values()].find((entry) => entry.key === key);
    if (!shown) return undefined;
    if (value === null) this.#entries.delete(shown.clientId);
    else shown.refusal = parsed(value)?.refusal ?? "";
    return shown;
  }

  /** None of what went out on the lost connection can be counted on. */
  connectionLost() {
    for (const entry of this.#entries.values()) entry.sent = false;
  }

  inRoom(room) {
    return [...this.#entries.values()].filter((entry) => entry.room === room).sort(byKey);
  }

  waitingIn(room) {
    return this.inRoom(room).filter((entry) => !entry.refusal);
  }

  /** The rooms that something still has to go to. */
  rooms() {
    return new Set([...this.#entries.values()].filter((entry) => !entry.refusal).map((entry) => entry.room));
  }

  /** How much of this person's was not sent, by other windows too. */
  get size() {
    return new Set([...keptKeys(this.#prefix), ...[...this.#entries.values()].map(({ key }) => key)]).size;
  }

  /** In all windows. */
  clear() {
    for (const key of keptKeys(this.#prefix)) forget(key);
    this.#entries.clear();
  }

  #change(clientId, changes) {
    const entry = this.#entries.get(clientId);
    if (!entry) return undefined;
    Object.assign(entry, changes);
    save(entry);
    return entry;
  }
}

function save({ key, clientId, room, text, refusal }) {
  keep(key, { clientId, room, text, refusal });
}

// A key begins with the time at which its text was typed.
const byKey = (one, other) => (one.key < other.key ? -1 : 1);

function isEntry(value) {
  return [value?.clientId, value?.room, value?.text, value?.refusal].every((field) => typeof field === "string");
}

// crypto.randomUUID is missing on plain http outside localhost, where many teams will run this.
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
