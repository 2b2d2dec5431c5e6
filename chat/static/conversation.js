import { byId } from "./dom.js";
import { EndKeeper } from "./end_keeper.js";
import { MessageWindow } from "./message_window.js";
import { onNextDay } from "./next_day.js";
import { history, Pager } from "./pager.js";
import { PendingList } from "./pending_list.js";
import { Timeline } from "./timeline.js";

const MOST_SHOWN = 200;

/** The messages of the room on screen: its history, what arrives, what is still on its way. */
export class Conversation {
  name = null;
  unseen = 0;
  #newSince = null;
  #unsentOf = null;
  #loaded = false;
  #drawing = false;
  // Each entering has a number: an answer that comes after the reader went elsewhere is dropped.
  #visit = 0;
  #window = new MessageWindow(MOST_SHOWN);
  #end;
  #pager;
  #timeline;
  #pending;
  #outbox;
  #on;

  constructor({ me, outbox, onHistory, onEnd, onRetry, onDiscard, onDelete, onError }) {
    this.#outbox = outbox;
    this.#on = { onHistory, onEnd, onError };
    this.#timeline = new Timeline(byId("messages"), {
      isOwn: (message) => message.user_id === me().user_id,
      onDelete: (message) => (me().admin ? () => onDelete(message) : undefined),
    });
    this.#pending = new PendingList(byId("pending"), { author: () => me().username, onRetry, onDiscard });
    this.#end = new EndKeeper(byId("scroller"), byId("messages").children, {
      isWhole: () => !this.#window.hasNewer,
      onScroll: () => this.#scrolled(),
    });
    this.#pager = new Pager(this.#window, this.#end, { onPage: () => this.draw(), onError });
    byId("latest").addEventListener("click", () => this.toLatest());
    onNextDay(() => this.draw());
  }

  get loaded() {
    return this.#loaded;
  }

  get messages() {
    return this.#window.messages;
  }

  /** Whether the reader has the newest message before them. */
  get atEnd() {
    return this.#loaded && this.#end.atEnd;
  }

  /** The cursor after which messages are new to the reader, for the line above the first of them; or null. */
  set newSince(cursor) {
    this.#newSince = cursor;
    this.draw();
  }

  /** Shows a room; `page` is a promise of its newest page, as `history` gives it. Rejects when that does. */
  async enter(name, page = history(name), newSince = null) {
    this.leave();
    this.name = name;
    this.#newSince = newSince;
    return this.#load(page);
  }

  leave() {
    this.#visit += 1;
    this.name = this.#newSince = this.#unsentOf = null;
    this.#loaded = false;
    this.unseen = 0;
    this.#pager.stop();
    this.#window.clear();
    this.#timeline.clear();
    this.#pending.clear();
    for (const id of ["skeleton", "empty", "beginning", "latest"]) byId(id).hidden = true;
  }

  /** At the newest message, whatever the reader was looking at. */
  async toLatest() {
    try {
      if (this.#loaded && this.#window.hasNewer) await this.#load(history(this.name));
    } catch (error) {
      this.#on.onError(error);
    }
    this.#end.toEnd();
    this.#scrolled();
  }

  receive(message) {
    if (message.room !== this.name) return;
    const atEnd = this.#end.atEnd;
    const isNew = this.#window.add(message, atEnd) || this.#window.hasNewer;
    if (!this.#loaded) return;
    if (isNew && !atEnd) this.unseen += 1;
    this.draw();
  }

  /** A message was deleted; nothing happens when it is not on screen. */
  messageDeleted({ room, id }) {
    if (room !== this.name) return;
    this.#window.delete(id);
    if (this.#loaded) this.draw();
  }

  /** In place of a room that cannot be entered: what was written for it and never sent. */
  showUnsentOf(name) {
    this.#unsentOf = name;
    this.showEntries();
  }

  showEntry(entry) {
    if (entry.room !== (this.name ?? this.#unsentOf)) return;
    this.#pending.show(entry);
    this.#showAround();
  }

  removeEntry(entry) {
    this.#pending.remove(entry);
    this.draw();
  }

  showEntries() {
    const name = this.name ?? this.#unsentOf;
    for (const entry of name === null ? [] : this.#outbox.inRoom(name)) this.#pending.show(entry);
  }

  /** Once for all that has changed before the next picture. */
  draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawNow();
    });
  }

  scrollBy(pages) {
    const box = byId("scroller");
    box.scrollBy({ top: pages * box.clientHeight * 0.85 });
  }

  #drawNow() {
    this.#end.keepPlace(() => {
      this.#timeline.draw(this.#window.messages, this.#newSince);
      this.#pending.draw();
    });
    this.#showAround();
    this.#scrolled();
  }

  async #load(promised) {
    const visit = ++this.#visit;
    byId("skeleton").hidden = this.#loaded;
    this.#pager.stop();
    this.#window.expectNewer();
    this.showEntries();
    try {
      const page = await promised;
      if (visit !== this.#visit) return null;
      this.#show(page);
      return page;
    } catch (error) {
      if (visit === this.#visit) throw error;
      return null;
    } finally {
      if (visit === this.#visit) this.#loadEnded();
    }
  }

  #loadEnded() {
    byId("skeleton").hidden = true;
    if (!this.#loaded) return;
    this.#pager.start(this.name);
    this.#pager.look();
  }

  #show({ room, messages, next }) {
    this.name = room;
    this.#loaded = true;
    this.unseen = 0;
    this.#window.show(messages, next !== undefined);
    this.#on.onHistory(messages);
    this.showEntries();
    this.#end.toEnd();
    this.#drawNow();
  }

  #scrolled() {
    if (!this.#loaded) return;
    if (this.#end.atEnd) this.unseen = 0;
    this.#showLatest();
    if (this.#end.atEnd) this.#on.onEnd();
    this.#pager.look();
  }

  // Until a page is there, a card may stand here that says why there is none.
  #showAround() {
    if (!this.#loaded) return;
    const isEmpty = !this.#window.messages.length && this.#pending.isEmpty;
    byId("beginning").hidden = this.#window.hasOlder || isEmpty;
    byId("beginning").textContent = `This is where ${this.name} begins.`;
    byId("empty").hidden = !isEmpty;
    if (isEmpty) byId("empty-text").textContent = `Nothing has been said in ${this.name} yet. Say the first word.`;
    byId("empty-action").hidden = true;
  }

  #showLatest() {
    byId("latest").hidden = this.#end.atEnd;
    byId("latest-text").textContent = this.unseen ? `${this.unseen} new` : "Latest";
  }
}
