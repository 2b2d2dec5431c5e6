import { messageItem, showBeginnings } from "./message_view.js";

/** Draws a MessageWindow as a list; what stays on screen keeps its element. */
export class Timeline {
  #list;
  #isOwn;
  #items = new Map();

  constructor(list, isOwn) {
    this.#list = list;
    this.#isOwn = isOwn;
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
  }

  /** `newSince` is the cursor after which messages of others are new to the reader; null when nothing is marked. */
  draw(messages, newSince) {
    this.#dropAllBut(messages);
    let place = this.#list.firstElementChild;
    let before = null;
    let marked = newSince === null;
    for (const message of messages) {
      const item = this.#items.get(message.id) ?? this.#make(message);
      const isFirstNew = !marked && message.cursor > newSince && !this.#isOwn(message);
      marked ||= isFirstNew;
      showBeginnings(item, message, before, isFirstNew);
      if (item === place) place = place.nextElementSibling;
      else this.#list.insertBefore(item, place);
      before = message;
    }
  }

  #dropAllBut(messages) {
    const wanted = new Set(messages.map((message) => message.id));
    for (const [id, item] of this.#items) {
      if (wanted.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
  }

  #make(message) {
    const item = messageItem(message, this.#isOwn(message));
    this.#items.set(message.id, item);
    return item;
  }
}
