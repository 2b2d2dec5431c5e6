import { unsentItem } from "./message_view.js";

/** What was typed into this room and is not yet, or not at all, on the server. */
export class PendingList {
  #list;
  #author;
  #actions;
  #items = new Map();

  constructor(list, { author, onRetry, onDiscard }) {
    this.#list = list;
    this.#author = author;
    this.#actions = { onRetry, onDiscard };
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
  }

  /** Adds the entry, or brings the one that is shown up to date. */
  show(entry) {
    const item = unsentItem(entry, this.#author(), {
      onRetry: () => this.#actions.onRetry(entry),
      onDiscard: () => this.#actions.onDiscard(entry),
    });
    const shown = this.#items.get(entry.clientId);
    if (shown) shown.replaceWith(item);
    else this.#list.append(item);
    this.#items.set(entry.clientId, item);
  }

  remove({ clientId }) {
    this.#items.get(clientId)?.remove();
    this.#items.delete(clientId);
  }
}
