import { correctAddress, goTo, roomInAddress } from "./address.js";
import * as api from "./api.js";
import { showCard } from "./card.js";
import { ask } from "./confirm.js";
import { byId } from "./dom.js";
import { LAST_ROOM } from "./first_questions.js";
import { hideNotice } from "./notice.js";
import { history } from "./pager.js";
import { keep, kept } from "./storage.js";
import { Switcher } from "./switcher.js";

/** The way into rooms and out of them: by the address bar, the list, the switcher. */
export class Entrance {
  /** The name of the room that the page is about; it may still be loading, or not be joined. */
  room = null;
  #rooms;
  #conversation;
  #composer;
  #people;
  #layout;
  #keptMessages;
  #on;
  #switcher;
  #isKept = false;
  #failed = false;
  #leaving = null;

  constructor({ rooms, conversation, composer, people, layout, keptMessages, onRoom, onEntered, onRefresh, onDelete, onError }) {
    this.#rooms = rooms;
    this.#conversation = conversation;
    this.#composer = composer;
    this.#people = people;
    this.#layout = layout;
    this.#keptMessages = keptMessages;
    this.#on = { onRoom, onEntered, onRefresh, onError };
    this.#switcher = new Switcher(rooms, {
      onOpen: onRefresh,
      onChoose: (room) => this.#choose(room),
      onCreate: (name) => this.#create(name),
      onDone: () => this.#focusComposer(),
    });
    byId("open-switcher").addEventListener("click", () => this.find());
    byId("leave-room").addEventListener("click", () => this.#leaveForGood());
    byId("delete-room").addEventListener("click", () => onDelete(this.room));
    byId("room-list").addEventListener("click", () => this.#layout.close({ returnFocus: false }));
  }

  find() {
    this.#layout.close();
    this.#switcher.open();
  }

  /** Shows the room that the address names; without one, the room of the last time or the most recent. */
  async enterAddressed(asked = null) {
    const named = roomInAddress();
    if (!named) return this.#enterUsual(asked);
    const room = this.#named(named) ?? (await this.#namedLately(named));
    if (named !== roomInAddress()) return undefined; // elsewhere by now
    if (!room) return this.#showUnknown(named);
    if (room.name !== named) correctAddress(room.name);
    if (!room.joined) return this.#showUnjoined(room.name);
    if (room.name === this.#conversation.name && !this.#failed) return undefined;
    return this.#enter(room, asked?.room === named ? asked.page : undefined);
  }

  goTo(name) {
    if (!name) return;
    if (name === roomInAddress()) this.enterAddressed();
    else goTo(name);
  }

  leave() {
    this.#clear();
    this.#composer.close();
  }

  #clear() {
    this.room = null;
    this.#isKept = this.#failed = false;
    this.#conversation.leave();
    this.#people.startOver();
    byId("room-name").textContent = "Choose a room";
    for (const id of ["toggle-people", "leave-room", "delete-room"]) byId(id).hidden = true;
  }

  /** What could not be loaded, or was shown from the last visit, is fetched now. */
  connectionOpened() {
    if (this.#failed || this.#isKept) this.reload();
  }

  async reload() {
    const room = this.#rooms.get(this.room);
    if (room?.joined) await this.#enter(room);
    else this.enterAddressed();
  }

  async membershipChanged({ room, joined }) {
    const isKnown = this.#rooms.setJoined(room, joined);
    if (joined || !isKnown) await this.#on.onRefresh();
    if (room !== this.room || room === this.#leaving) return;
    if (joined) this.enterAddressed();
    else this.#showUnjoined(room);
  }

  /** The room is no more: who was in it goes to another. */
  roomDeleted(room) {
    if (room !== this.room) return;
    correctAddress("");
    this.enterAddressed();
  }

  roomsChanged() {
    this.#switcher.refresh();
  }

  keep(me, cursor) {
    const rooms = this.#rooms.all.map(toListed);
    const { name, loaded, messages, atEnd } = this.#conversation;
    const page = loaded && atEnd && !this.#isKept ? { room: name, messages, cursor: this.#rooms.get(name)?.head } : undefined;
    if (me) this.#keptMessages.keep({ me, rooms, cursor, page });
  }

  async #enter(room, page = history(room.name)) {
    this.#clear(); // but not the composer: who is writing while a room is loaded anew goes on writing
    hideNotice();
    this.room = room.name;
    keep(LAST_ROOM, room.name);
    byId("room-name").textContent = room.name;
    for (const id of ["toggle-people", "leave-room", "delete-room"]) byId(id).hidden = false;
    this.#composer.open(room.name);
    this.#on.onRoom();
    const newSince = this.#rooms.unreadIn(room.name) ? room.read : null;
    try {
      const shown = await this.#conversation.enter(room.name, this.#orKept(room.name, page), newSince);
      if (shown) this.#on.onEntered(shown);
    } catch (error) {
      this.#couldNotEnter(error);
    }
    this.#focusComposer();
  }

  async #orKept(name, page) {
    try {
      return await page;
    } catch (error) {
      const visit = error.status === 0 ? await this.#keptMessages.load() : null;
      const keptPage = visit?.pages.find(({ room }) => room === name);
      if (!keptPage) throw error;
      this.#isKept = this.room === name;
      return { ...keptPage, next: keptPage.messages[0]?.id };
    }
  }

  #couldNotEnter(error) {
    const name = this.room;
    if (error.code === "not_joined") {
      this.#rooms.setJoined(name, false);
      return this.#showUnjoined(name);
    }
    if (error.code === "unknown_room") return this.#showUnknown(name);
    this.#failed = true;
    if (error.status === 401) this.#on.onError(error);
    else showCard(`${name} could not be loaded. ${error.message}`, "Try again", () => this.reload());
  }

  #enterUsual(asked) {
    const last = this.#rooms.get(kept(LAST_ROOM));
    const room = last?.joined ? last : this.#rooms.joined[0];
    if (room) {
      correctAddress(room.name);
      return this.enterAddressed(asked);
    }
    this.leave();
    this.#on.onRoom();
    showCard("You are in no room yet.", "Find or create a room", () => this.find());
    return undefined;
  }

  #showUnjoined(name) {
    this.#standBefore(name);
    showCard(`You are not in ${name}.`, "Join the room", () => this.#try(() => this.#choose(this.#rooms.get(name))));
  }

  #showUnknown(name) {
    this.#standBefore(name);
    showCard(`There is no room called ${name}.`, "Create it", () => this.#try(() => this.#create(name)));
  }

  #standBefore(name) {
    this.leave();
    this.room = name;
    byId("room-name").textContent = name;
    this.#conversation.showUnsentOf(name);
    this.#on.onRoom();
  }

  async #choose(room) {
    if (!room.joined) {
      await api.joinRoom(room.name);
      await this.#on.onRefresh();
    }
    this.goTo(room.name);
  }

  async #create(name) {
    const { room_name: created } = await api.createRoom(name);
    await this.#on.onRefresh();
    this.goTo(created);
  }

  async #leaveForGood() {
    const name = this.room;
    if (!(await ask(`Leave ${name}? You can join it again at any time.`, "Leave"))) return;
    this.#leaving = name;
    await this.#try(async () => {
      await api.leaveRoom(name);
      this.#rooms.setJoined(name, false);
      if (this.room !== name) return;
      correctAddress(this.#rooms.joined[0]?.name ?? "");
      await this.enterAddressed();
    });
    this.#leaving = null;
  }

  async #try(action) {
    try {
      await action();
    } catch (error) {
      this.#on.onError(error);
    }
  }

  #named(name) {
    const spelling = sameSpelling(name);
    return this.#rooms.get(name) ?? this.#rooms.all.find((room) => sameSpelling(room.name) === spelling);
  }

  // Others make rooms too, and nobody is told.
  async #namedLately(name) {
    await this.#on.onRefresh();
    return this.#named(name);
  }

  // A keyboard that slides in over a phone's screen must be asked for.
  #focusComposer() {
    if (matchMedia("(hover: hover)").matches && !isBusy()) this.#composer.focus();
  }
}

// Who is quicker than the network must not find their words in another box.
const isBusy = () => document.activeElement.matches("input, textarea, dialog[open] *");

const sameSpelling = (name) => name.normalize("NFKC").toLowerCase();

function toListed({ name, id, joined, lastAt, read, counted, fresh }) {
  return {
    room_name: name,
    room_id: id,
    joined,
    unread: counted + fresh.length,
    read,
    last_message_at: lastAt ? new Date(lastAt).toISOString() : null,
  };
}
