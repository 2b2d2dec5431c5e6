import { forget, keep, kept, keptKeys } from "./storage.js";

const PREFIX = "chat.draft.";

/** What was begun in each room, kept over a reload, for one person. */
export class Drafts {
  #prefix = null;

  openFor(userId) {
    this.#prefix = `${PREFIX}${userId}.`;
  }

  of(room) {
    const text = kept(this.#prefix + room);
    return typeof text === "string" ? text : "";
  }

  keep(room, text) {
    if (text) keep(this.#prefix + room, text);
    else forget(this.#prefix + room);
  }

  clear() {
    for (const key of keptKeys(this.#prefix)) forget(key);
  }
}
