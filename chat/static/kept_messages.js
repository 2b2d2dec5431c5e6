import { withoutText } from "./message_window.js";

const DATABASE = "chat";
const STORE = "kept";
const MOST_ROOMS = 20;
const MOST_MESSAGES = 50;

/** The last messages seen, in the browser's own database, so that the page can show them when the server is away.
 *
 *  It belongs to one person and goes when they sign out. Whatever fails here costs only this. */
export class KeptMessages {
  #opening = null;
  #changing = Promise.resolve();
  #deleted = [];

  /** `{me, rooms, cursor, pages: [{room, messages, cursor}]}` as it was kept last, or null. */
  load() {
    return this.#do("readonly", (store) => store.get("visit"));
  }

  // Reading and writing are one transaction, so what is forgotten meanwhile does not come back.
  keep(visit) {
    return this.#do("readwrite", (store) => {
      const reading = store.get("visit");
      reading.onsuccess = () => store.put(withPagesOf(reading.result, visit), "visit");
      return reading;
    });
  }

  /** A message was deleted: its text stays nowhere. Many at once, of somebody who left, are one change. */
  async deleteMessage(room, id) {
    this.#deleted.push({ room, id });
    if (this.#deleted.length > 1) return;
    await this.#changing;
    const deleted = this.#deleted;
    this.#deleted = [];
    this.#changing = this.#change((pages) => pages.map((page) => without(page, deleted)));
  }

  deleteRoom(room) {
    return this.#change((pages) => pages.filter((page) => page.room !== room));
  }

  forget() {
    return this.#do("readwrite", (store) => store.clear());
  }

  #change(change) {
    return this.#do("readwrite", (store) => {
      const reading = store.get("visit");
      reading.onsuccess = () => reading.result && store.put({ ...reading.result, pages: change(reading.result.pages) }, "visit");
      return reading;
    });
  }

  async #do(mode, act) {
    try {
      const database = await (this.#opening ??= open());
      return await resultOf(database.transaction(STORE, mode), act);
    } catch {
      return null;
    }
  }
}

function withPagesOf(former, { me, rooms, cursor, page }) {
  const pages = (former?.me?.user_id === me.user_id ? former.pages : []).filter(({ room }) => room !== page?.room);
  if (page) pages.unshift({ ...page, messages: page.messages.slice(-MOST_MESSAGES) });
  return { me, rooms, cursor, pages: pages.slice(0, MOST_ROOMS) };
}

function without(page, deleted) {
  const ids = new Set(deleted.filter(({ room }) => room === page.room).map(({ id }) => id));
  return { ...page, messages: page.messages.map((message) => (ids.has(message.id) ? withoutText(message) : message)) };
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function resultOf(transaction, act) {
  const request = act(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result ?? null);
    transaction.onabort = () => reject(transaction.error);
  });
}
