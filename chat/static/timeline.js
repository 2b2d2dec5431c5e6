import { DeleteKeys } from "./delete_keys.js";
import { messageArticle, messageItem, showBeginnings } from "./message_view.js";

/** Draws a MessageWindow as a list; what stays on screen keeps its element. */
export class Timeline {
  #list;
  #isOwn;
  #onDelete;
  #deleteKeys;
  #items = new Map();
  #deleted = new Set();

  /** `onDelete(message)` gives what a press of its button does; undefined when this person may not delete it. */
  constructor(list, { isOwn, onDelete }) {
    this.#list = list;
    this.#isOwn = isOwn;
    this.#onDelete = onDelete;
    this.#deleteKeys = new DeleteKeys(list);
  }

  clear() {
    this.#items.clear();
    this.#deleted.clear();
    this.#list.replaceChildren();
  }

  /** `newSince` is the cursor after which messages of others are new to the reader; null when nothing is marked. */
  draw(messages, newSince) {
    this.#dropAllBut(messages);
    let place = this.#list.firstElementChild;
    let before = null;
    let marked = newSince === null;
    for (const message of messages) {
      const item = this.#itemOf(message);
      const isFirstNew = !marked && !message.deleted && message.cursor > newSince && !this.#isOwn(message);
      marked ||= isFirstNew;
      showBeginnings(item, message, before, isFirstNew);
      if (item === place) place = place.nextElementSibling;
      else this.#list.insertBefore(item, place);
      before = message;
    }
    this.#deleteKeys.leaveOneStop();
  }

  #dropAllBut(messages) {
    const wanted = new Set(messages.map((message) => message.id));
    for (const [id, item] of this.#items) {
      if (wanted.has(id)) continue;
      item.remove();
      this.#items.delete(id);
      this.#deleted.delete(id);
    }
  }

  #itemOf(message) {
    const item = this.#items.get(message.id) ?? this.#make(message);
    if (message.deleted && !this.#deleted.has(message.id)) this.#showDeleted(item, message);
    return item;
  }

  // The item stays, and with it the reader's place.
  #showDeleted(item, message) {
    this.#deleted.add(message.id);
    const former = item.querySelector(":scope > .message");
    if (former.contains(document.activeElement)) this.#deleteKeys.leave(former);
    former.replaceWith(messageArticle(message, this.#isOwn(message)));
  }

  #make(message) {
    const item = messageItem(message, this.#isOwn(message), this.#onDelete(message));
    if (message.deleted) this.#deleted.add(message.id);
    this.#items.set(message.id, item);
    return item;
  }
}
