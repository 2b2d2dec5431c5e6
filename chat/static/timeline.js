import { messageItem, showDay } from "./message_view.js";

// More elements than this make a page slow on a phone; the rest is a press of a button away.
const MOST_SHOWN = 1_000;

/** The messages on screen, oldest first, each once, never more than MOST_SHOWN.
 *
 *  It shows one unbroken stretch of the room. When that must be cut at its newer end, because the
 *  reader is far back in the past, it is `behind`: newer messages are counted, and shown after a reload. */
export class Timeline {
  behind = false;
  unseen = 0;
  hasOlder = false;
  #list;
  #end;
  #isOwn;

  constructor(list, end, isOwn) {
    this.#list = list;
    this.#end = end;
    this.#isOwn = isOwn;
  }

  get isEmpty() {
    return !this.#list.firstElementChild;
  }

  get oldestId() {
    return idOf(this.#list.firstElementChild);
  }

  clear() {
    this.#list.replaceChildren();
    this.behind = this.hasOlder = false;
    this.unseen = 0;
  }

  show(messages, hasOlder) {
    this.clear();
    this.#prepend(messages);
    this.hasOlder = hasOlder;
    this.#end.toEnd();
  }

  showOlder(messages, hasOlder) {
    this.#end.keepPlace(() => this.#prepend(messages));
    this.hasOlder = hasOlder;
    this.#cutNewest();
  }

  add(message) {
    const before = this.#placeFor(message.id);
    if (idOf(before) === message.id || this.#isInOlderPages(before)) return;
    if (this.behind || (!this.#end.atEnd && this.#list.childElementCount >= MOST_SHOWN)) {
      this.behind = true;
      this.unseen += 1;
      return;
    }
    this.#insertAfter(before, this.#item(message));
    if (!this.#end.atEnd) this.unseen += 1;
    this.#cutOldest();
  }

  // Nearly always the last one; a repeat of a message from before a lost connection is the exception.
  #placeFor(id) {
    let item = this.#list.lastElementChild;
    while (item && idOf(item) > id) item = item.previousElementSibling;
    return item;
  }

  #isInOlderPages(before) {
    return !before && this.hasOlder;
  }

  #insertAfter(before, item) {
    if (before) before.after(item);
    else this.#list.prepend(item);
    showDay(item);
    showDay(item.nextElementSibling);
  }

  #prepend(messages) {
    const formerFirst = this.#list.firstElementChild;
    this.#list.prepend(...messages.map((message) => this.#item(message)));
    for (let item = this.#list.firstElementChild; item !== formerFirst; item = item.nextElementSibling) showDay(item);
    showDay(formerFirst);
  }

  #cutOldest() {
    if (this.#list.childElementCount <= MOST_SHOWN) return;
    this.#list.firstElementChild.remove();
    this.hasOlder = true;
    showDay(this.#list.firstElementChild);
  }

  #cutNewest() {
    while (this.#list.childElementCount > MOST_SHOWN) {
      this.#list.lastElementChild.remove();
      this.behind = true;
    }
  }

  #item(message) {
    return messageItem(message, this.#isOwn(message));
  }
}

const idOf = (item) => (item ? Number(item.dataset.id) : undefined);
