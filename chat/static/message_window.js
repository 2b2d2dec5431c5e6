// So much of the window may go at once to make place for what came while a newer page was on its way: the reader is
// further down than that.
const EARLY_SHARE = 1 / 8;
// A page is on its way for seconds, and few messages are deleted meanwhile.
const MOST_DELETED = 1_000;

/** The stretch of a room that is on screen: messages without a gap, oldest first, each once, never more than `most`.
 *
 *  `hasOlder` and `hasNewer` say whether the room goes on beyond its ends. While it has newer ones that are not here,
 *  what arrives live is left out, as it would leave a gap. Pure: it knows nothing of the page. */
export class MessageWindow {
  messages = [];
  hasOlder = false;
  hasNewer = true; // nothing is here before the first page
  #most;
  #early = null;
  #deleted = new Set();

  constructor(most) {
    this.#most = most;
  }

  get oldestId() {
    return this.messages[0]?.id;
  }

  get newestId() {
    return this.messages.at(-1)?.id;
  }

  get isFull() {
    return this.messages.length >= this.#most;
  }

  clear() {
    this.#empty();
    this.#deleted.clear();
  }

  /** From here to `show` or `showNewer` what arrives live is held back: it may be what the page does not reach. */
  expectNewer() {
    this.#early = [];
  }

  /** The newest page of the room. */
  show(page, hasOlder) {
    const early = this.#takeEarly();
    this.#empty();
    this.messages = this.#asItIs(page.slice(-this.#most));
    this.hasOlder = hasOlder || page.length > this.#most;
    this.hasNewer = early.length > this.#most;
    this.#addAll(early);
  }

  /** The page before the message `before`, if that is still the oldest; what no longer fits goes at the other end. */
  showOlder(page, hasOlder, before) {
    if (before !== this.oldestId) return;
    this.messages.unshift(...this.#asItIs(page.filter(({ id }) => id < before)));
    this.hasOlder = hasOlder;
    this.#cutNewest();
  }

  /** The page after the message `after`, if that is still the newest; without `hasNewer` it reached the room's end. */
  showNewer(page, hasNewer, after) {
    const early = this.#takeEarly();
    if (after !== this.newestId) return;
    this.messages.push(...this.#asItIs(page.filter(({ id }) => id > after)));
    this.#cutOldest();
    this.hasNewer = hasNewer || early.length > Math.ceil(this.#most * EARLY_SHARE);
    this.#addAll(early);
  }

  /** A live message, or a repeat. At the end of the room the oldest make place for it; otherwise the reader keeps
   *  what is before their eyes. False when it is not, or not again, to be seen. */
  add(message, atEnd) {
    if (this.#early && this.#early.length <= this.#most) this.#early.push(message);
    if (!atEnd && this.isFull && message.id > this.newestId) this.hasNewer = true;
    if (this.hasNewer) return false;
    const place = this.#placeOf(message.id);
    if (this.messages[place]?.id === message.id || (place === 0 && this.hasOlder)) return false;
    this.messages.splice(place, 0, message);
    this.#cutOldest();
    return true;
  }

  /** A message was deleted: what is here of it, or comes with a page that is older than this, has no text any more. */
  delete(id) {
    this.#deleted.add(id);
    if (this.#deleted.size > MOST_DELETED) this.#deleted.delete(this.#deleted.values().next().value);
    this.messages = this.#asItIs(this.messages);
  }

  #empty() {
    this.messages = [];
    this.hasOlder = false;
    this.hasNewer = true;
    this.#early = null;
  }

  #asItIs(messages) {
    return messages.map((message) => (this.#deleted.has(message.id) && !message.deleted ? withoutText(message) : message));
  }

  #takeEarly() {
    const early = this.#early ?? [];
    this.#early = null;
    return this.#asItIs(early);
  }

  #addAll(early) {
    for (const message of early) this.add(message, true);
  }

  // Nearly always the end; a repeat from before a lost connection is the exception.
  #placeOf(id) {
    let place = this.messages.length;
    while (place > 0 && this.messages[place - 1].id >= id) place -= 1;
    return place;
  }

  #cutOldest() {
    const surplus = this.messages.length - this.#most;
    if (surplus <= 0) return;
    this.messages.splice(0, surplus);
    this.hasOlder = true;
  }

  #cutNewest() {
    if (this.messages.length <= this.#most) return;
    this.messages.length = this.#most;
    this.hasNewer = true;
  }
}

/** What is left of a message that was deleted; it keeps its place and the cursor that it had. */
export const withoutText = (message) => ({ ...message, message: "", deleted: true });
