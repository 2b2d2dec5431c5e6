const KEY = "outbox";

/** What was typed and has not come back from the server yet, in the order it was typed.
 *
 *  It is kept for this tab, so that a reload loses nothing, and for one person: what ada left waiting
 *  must never be sent by bob. An entry is `{clientId, room, text, refusal, sent}`: `refusal` is the
 *  server's sentence, `sent` whether it went out on the present connection. */
export class Outbox {
  #storage;
  #userId = null;
  #entries = new Map();

  constructor(storage) {
    this.#storage = storage;
  }

  openFor(userId) {
    const kept = this.#load();
    this.#userId = userId;
    const entries = kept?.userId === userId ? kept.entries : [];
    this.#entries = new Map(entries.map((entry) => [entry.clientId, { ...entry, sent: false }]));
    this.#save();
  }

  add(room, text) {
    const entry = { clientId: randomId(), room, text, refusal: "", sent: false };
    this.#entries.set(entry.clientId, entry);
    this.#save();
    return entry;
  }

  /** Takes the entry out and gives it back; undefined when it is not one of ours. */
  take(clientId) {
    const entry = this.#entries.get(clientId);
    if (this.#entries.delete(clientId)) this.#save();
    return entry;
  }

  refuse(clientId, sentence) {
    return this.#change(clientId, { refusal: sentence });
  }

  retry(clientId) {
    return this.#change(clientId, { refusal: "", sent: false });
  }

  /** None of what went out on the lost connection can be counted on. */
  connectionLost() {
    for (const entry of this.#entries.values()) entry.sent = false;
  }

  inRoom(room) {
    return [...this.#entries.values()].filter((entry) => entry.room === room);
  }

  waitingIn(room) {
    return this.inRoom(room).filter((entry) => !entry.refusal);
  }

  /** The rooms that something still has to go to. */
  rooms() {
    return new Set([...this.#entries.values()].filter((entry) => !entry.refusal).map((entry) => entry.room));
  }

  #change(clientId, changes) {
    const entry = this.#entries.get(clientId);
    if (!entry) return undefined;
    Object.assign(entry, changes);
    this.#save();
    return entry;
  }

  // A browser may forbid storage or run out of it; the page then merely forgets at a reload.
  #save() {
    try {
      this.#storage.setItem(KEY, JSON.stringify({ userId: this.#userId, entries: [...this.#entries.values()] }));
    } catch {
      return;
    }
  }

  #load() {
    try {
      return JSON.parse(this.#storage.getItem(KEY));
    } catch {
      return null;
    }
  }
}

// crypto.randomUUID is missing on plain http outside localhost, where many teams will run this.
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
