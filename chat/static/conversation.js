import { correctAddress } from "./address.js";
import * as api from "./api.js";
import { byId } from "./dom.js";
import { EndKeeper } from "./end_keeper.js";
import { PendingList } from "./pending_list.js";
import { showNobody, showPeople } from "./people_view.js";
import { Presence } from "./presence.js";
import { Timeline } from "./timeline.js";
import { TypingLine } from "./typing_line.js";

const PAGE = 50;

/** The room on screen, from its history to who is writing in it. */
export class Conversation {
  name = null;
  #loaded = false;
  #failed = false;
  // Each entering has a number: an answer that comes after the reader went elsewhere is dropped.
  #visit = 0;
  #end = new EndKeeper(byId("scroller"), { onScroll: () => this.#showNewest() });
  #presence = new Presence();
  #typing = new TypingLine(byId("typing"));
  #timeline;
  #pending;
  #composer;
  #subscriptions;
  #outbox;
  #me;
  #onHistory;
  #onError;

  constructor({ me, composer, subscriptions, outbox, onHistory, onRetry, onDiscard, onError }) {
    this.#me = me;
    this.#composer = composer;
    this.#subscriptions = subscriptions;
    this.#outbox = outbox;
    this.#onHistory = onHistory;
    this.#onError = onError;
    this.#timeline = new Timeline(byId("messages"), this.#end, (message) => message.user_id === me().user_id);
    this.#pending = new PendingList(byId("pending"), { author: () => me().username, onRetry, onDiscard });
    byId("older").addEventListener("click", () => this.#loadOlder());
    byId("newest").addEventListener("click", () => this.toNewest());
  }

  async enter(name) {
    this.leave();
    this.name = name;
    byId("room-name").textContent = name;
    document.title = `${name} – Chat`;
    await this.reload();
  }

  leave() {
    this.#visit += 1;
    if (this.#loaded) this.#composer.close();
    if (this.name !== null && !this.#outbox.waitingIn(this.name).length) this.#subscriptions.leave(this.name);
    this.name = null;
    this.#loaded = this.#failed = false;
    this.#timeline.clear();
    this.#pending.clear();
    this.connectionLost();
    byId("room-name").textContent = "Choose a room";
    byId("notice").textContent = "";
    byId("empty").textContent = "";
    this.#showButtons();
    document.title = "Chat";
  }

  /** For what could not be loaded while the server was away. */
  async connectionOpened() {
    if (this.#failed) await this.reload();
  }

  connectionLost() {
    this.#presence.startOver();
    this.#typing.clear();
    showNobody();
    for (const entry of this.#shownEntries()) this.#pending.show(entry);
  }

  /** Live, at the end, whatever the reader was looking at. */
  async toNewest() {
    if (this.#timeline.behind) await this.reload();
    this.#timeline.unseen = 0;
    this.#end.toEnd();
    this.#showNewest();
  }

  async reload() {
    const visit = ++this.#visit;
    byId("log").ariaBusy = "true";
    byId("notice").textContent = "";
    try {
      const page = await history(this.name);
      if (visit === this.#visit) this.#show(page);
    } catch (error) {
      if (visit === this.#visit) this.#couldNotLoad(error);
    } finally {
      if (visit === this.#visit) byId("log").ariaBusy = "false";
    }
  }

  showEntry(entry) {
    if (entry.room === this.name && this.#loaded) this.#pending.show(entry);
  }

  removeEntry(entry) {
    this.#pending.remove(entry);
  }

  receive(frame) {
    if (frame.room !== this.name || !this.#loaded) return;
    if (frame.type === "chat") this.#receiveMessage(frame);
    else if (frame.type === "live") this.#presence.startOver();
    else if (frame.type === "presence") this.#receivePresence(frame);
    else if (frame.type === "typing") this.#typing.show(frame.usernames.filter((name) => name !== this.#me().username));
  }

  #receiveMessage(frame) {
    this.#timeline.add(frame);
    this.#typing.stopped(frame.username);
    this.#showButtons();
  }

  #receivePresence(frame) {
    this.#presence.update(frame);
    showPeople(this.#presence);
  }

  #show({ room, messages, cursor, next }) {
    if (room !== this.name) correctAddress(room);
    if (!this.#loaded) this.#composer.open(room);
    this.name = room;
    this.#loaded = true;
    this.#failed = false;
    byId("room-name").textContent = room;
    this.#timeline.show(messages, next !== undefined);
    this.#onHistory(messages);
    for (const entry of this.#shownEntries()) this.#pending.show(entry);
    this.#showButtons();
    this.#subscriptions.follow(room, cursor);
  }

  #couldNotLoad(error) {
    this.#failed = true;
    this.#onError(error);
  }

  async #loadOlder() {
    const visit = this.#visit;
    byId("older").disabled = true;
    try {
      const page = await api.listMessages(this.name, { limit: PAGE, before: this.#timeline.oldestId });
      if (visit !== this.#visit) return;
      this.#timeline.showOlder(page.messages, page.next !== undefined);
    } catch (error) {
      this.#onError(error);
    } finally {
      byId("older").disabled = false;
      this.#showButtons();
    }
  }

  #shownEntries() {
    return this.#loaded ? this.#outbox.inRoom(this.name) : [];
  }

  #showButtons() {
    byId("older").hidden = !this.#timeline.hasOlder;
    byId("empty").textContent = this.#loaded && this.#timeline.isEmpty ? "Nothing has been said here yet." : "";
    this.#showNewest();
  }

  #showNewest() {
    const { behind, unseen } = this.#timeline;
    if (this.#end.atEnd && !behind) this.#timeline.unseen = 0;
    byId("newest").hidden = this.#end.atEnd && !behind;
    byId("newest").textContent = unseen ? `↓ ${unseen} new` : "↓ Newest";
  }
}

/** The newest page of a room, which is joined by being read for the first time. */
async function history(room) {
  try {
    return await api.listMessages(room, { limit: PAGE });
  } catch (error) {
    if (error.code !== "not_joined") throw error;
    await api.joinRoom(room);
    return api.listMessages(room, { limit: PAGE });
  }
}
