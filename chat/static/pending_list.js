import { unsentItem } from "./message_view.js";

/** What was typed into this room and is not yet, or not at all, on the server. */
export class PendingList {
  #list;
  #author;
  #actions;
  #shown = new Map();
  #gone = [];

  constructor(list, { author, onRetry, onDiscard }) {
    this.#list = list;
    this.#author = author;
    this.#actions = { onRetry, onDiscard };
  }

  get isEmpty() {
    return this.#shown.size === 0;
  }

  clear() {
    this.#shown.clear();
    this.#list.replaceChildren();
  }

  /** Adds the entry, or brings the one that is shown up to date. */
  show(entry) {
    const { clientId, refusal, sent } = entry;
    const shown = this.#shown.get(clientId);
    // A new item would take the focus from the buttons of the old one, and its refusal would be read out again.
    if (shown?.refusal === refusal && (refusal || shown.sent === sent)) return;
    const item = unsentItem(entry, this.#author(), {
      onRetry: () => this.#actions.onRetry(entry),
      onDiscard: () => this.#actions.onDiscard(entry),
    });
    if (shown) shown.item.replaceWith(item);
    else this.#list.append(item);
    this.#shown.set(clientId, { item, refusal, sent });
  }

  /** It goes from the screen in the picture in which the message of the server comes: see `draw`. */
  remove({ clientId }) {
    const shown = this.#shown.get(clientId);
    if (shown) this.#gone.push(shown.item);
    this.#shown.delete(clientId);
  }

  draw() {
    for (const item of this.#gone) item.remove();
    this.#gone = [];
  }
}
