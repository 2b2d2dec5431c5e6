import { Announcer } from "./announcer.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Delivery } from "./delivery.js";
import { byId, paintAvatar } from "./dom.js";
import { Drafts } from "./drafts.js";
import { Entrance } from "./entrance.js";
import { Layout } from "./layout.js";
import { Listing } from "./listing.js";
import { hideNotice, showNotice } from "./notice.js";
import { Notices } from "./notices.js";
import { withPart } from "./on_demand.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { ReadMarks } from "./read_marks.js";
import { RoomList } from "./room_list.js";
import { Rooms } from "./rooms.js";
import { installShortcuts } from "./shortcuts.js";
import { showStatus } from "./status.js";
import { Subscriptions } from "./subscriptions.js";

const KEEP_AFTER_MS = 2_000;
const DRAW_LIST_AFTER_MS = 50;
// How long to write nothing when the server does not say how long.
const SLOW_SECONDS = 2;

/** The page of one person who is signed in: all their rooms on one socket, one of them on screen. */
export class Chat {
  me = null;
  #listTimer = null;
  #keepTimer = null;
  #slowTimer = null;
  #keptMessages;
  #onSessionEnded;
  #drafts = new Drafts();
  #outbox = new Outbox();
  #announcer = new Announcer();
  #roomList = new RoomList();
  #layout = new Layout();
  #rooms = new Rooms(() => this.#drawListSoon());
  #notices = new Notices(this.#rooms);
  #people = new People({ me: () => this.me?.username });
  #connection;
  #subscriptions = new Subscriptions((frame) => this.#connection.send(frame));
  #readMarks = new ReadMarks((frame) => this.#connection.send(frame));
  #composer;
  #conversation;
  #delivery;
  #listing;
  #entrance;

  constructor({ keptMessages, onDoubt, onSessionEnded, onReconnected }) {
    this.#keptMessages = keptMessages;
    this.#onSessionEnded = onSessionEnded;
    this.#connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
      onState: (connection) => this.#showConnection(connection),
      onOpen: () => this.#connectionOpened(),
      onLost: () => this.#connectionLost(),
      onFrame: (frame) => this.#receive(frame),
      onDoubt,
    });
    this.#composer = new Composer(this.#drafts, {
      onSend: (room, text) => this.#compose(room, text),
      onTyping: (room) => this.#connection.send({ type: "typing", room }),
      onPage: (step) => this.#conversation.scrollBy(step),
      onEscape: () => this.#conversation.toLatest(),
    });
    this.#conversation = new Conversation({
      me: () => this.me,
      outbox: this.#outbox,
      onHistory: (messages) => messages.filter((message) => this.#isMine(message)).forEach((message) => this.#delivery.arrived(message)),
      onEnd: () => this.#markRead(),
      onRetry: (entry) => this.#retry(entry),
      onDiscard: (entry) => this.#discard(entry),
      onDelete: (message) => this.#moderate(({ askToDeleteMessage }) => askToDeleteMessage(message)),
      onError: (error) => this.#fail(error),
    });
    this.#delivery = new Delivery({
      send: (frame) => this.#connection.send(frame),
      subscriptions: this.#subscriptions,
      outbox: this.#outbox,
      conversation: this.#conversation,
      onRefused: (entry) => this.#notSent(entry),
    });
    this.#listing = new Listing({
      me: () => this.me,
      onScreen: () => this.#conversation,
      rooms: this.#rooms,
      subscriptions: this.#subscriptions,
      connection: this.#connection,
      onPerson: (person) => this.#is(Object.assign(this.me, person)),
      onReconnected,
      onDoubt,
      onError: (error) => this.#fail(error),
    });
    this.#entrance = new Entrance({
      rooms: this.#rooms,
      conversation: this.#conversation,
      composer: this.#composer,
      people: this.#people,
      layout: this.#layout,
      keptMessages,
      onRoom: () => this.#drawListSoon(),
      onEntered: (page) => this.#entered(page),
      onRefresh: () => this.#listing.refresh(),
      onDelete: (room) => this.#moderate(({ askToDeleteRoom }) => askToDeleteRoom(room)),
      onError: (error) => this.#fail(error),
    });
    this.#installControls();
  }

  get unsent() {
    this.#outbox.adopt();
    return this.#outbox.size;
  }

  /** `listing` as /get_rooms gives it, or gave it at the last visit; `asked` is a page of messages that was asked for
   *  already, with its room. */
  start(person, listing, { asked = null, isKept = false } = {}) {
    this.#is(person);
    byId("my-name").textContent = person.username;
    paintAvatar(byId("my-avatar"), person.username);
    this.#composer.limitTo(person.message_max_characters);
    this.#drafts.openFor(person.user_id);
    this.#outbox.openFor(person.user_id);
    this.#listing.take(listing, { isKept });
    this.#connection.connect();
    this.#entrance.enterAddressed(asked);
  }

  /** An admin may have become one, or be none any more, since the page was opened. */
  #is(person) {
    this.me = person;
    document.body.classList.toggle("for-admin", person.admin === true);
  }

  stop() {
    if (!this.me) return;
    this.#entrance.leave();
    this.#announcer.clear();
    this.#readMarks.flush();
    this.#readMarks.clear();
    this.#connection.disconnect();
    this.#listing.clear();
    clearTimeout(this.#keepTimer);
    this.#keepTimer = null;
    clearTimeout(this.#slowTimer);
    this.#slowTimer = null;
    this.#delivery.goOn();
    this.me = null;
    document.body.classList.remove("for-admin");
    this.#roomList.show([], null);
    this.#notices.clear();
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
    this.#layout.close({ returnFocus: false });
    hideNotice();
  }

  /** What was typed on this browser and never sent goes with the person who signs out. */
  forgetPerson() {
    this.#composer.empty();
    this.#drafts.clear();
    this.#outbox.clear();
    this.#notices.forget();
  }

  toggleConnection() {
    const { state } = this.#connection;
    if (state === "offline" || state === "waiting") this.#connection.connect();
    else this.#connection.disconnect();
  }

  check() {
    if (!this.me) return;
    this.#connection.check();
    showStatus(this.#connection.state, this.#connection.retryAt);
  }

  /** The window is looked at again. */
  returned() {
    this.#connection.check();
    this.#conversation.draw();
    this.#markRead();
  }

  addressChanged() {
    if (this.me) this.#entrance.enterAddressed();
  }

  // The connection

  #showConnection({ state, retryAt }) {
    if (!this.me) return;
    this.#listing.connectionIs(state);
    showStatus(state, retryAt);
    this.#people.connectionIs(state);
  }

  async #connectionOpened() {
    hideNotice();
    this.#outbox.adopt();
    if (!(await this.#listing.connectionOpened())) return;
    this.#conversation.showEntries();
    this.#readMarks.flush();
    const { name, loaded } = this.#conversation;
    if (loaded && !this.#subscriptions.follows(name)) this.#entrance.reload();
    else this.#entrance.connectionOpened();
    for (const room of this.#outbox.rooms()) this.#giveUpUnlessJoined(room);
  }

  #giveUpUnlessJoined(name) {
    const room = this.#rooms.get(name);
    if (!room) this.#delivery.roomIsGone(name);
    else if (!room.joined) this.#delivery.roomIsLeft(name);
  }

  #connectionLost() {
    this.#listing.connectionLost();
    this.#delivery.connectionLost();
    this.#readMarks.connectionLost();
    this.#people.startOver();
  }

  #receive(frame) {
    const isHere = frame.room !== undefined && frame.room === this.#conversation.name;
    if (frame.type === "chat") this.#receiveMessage(frame, isHere);
    else if (frame.type === "delete") this.#messageDeleted(frame, isHere);
    else if (frame.type === "room_deleted") this.#roomDeleted(frame);
    else if (frame.type === "live") this.#wentLive(frame, isHere);
    else if (frame.type === "presence" && isHere) this.#people.receivePresence(frame);
    else if (frame.type === "typing" && isHere) this.#people.receiveTyping(frame);
    else if (frame.type === "read") this.#readElsewhere(frame);
    else if (frame.type === "membership") this.#membershipChanged(frame);
    else if (frame.type === "error") this.#refused(frame);
  }

  // What the page asked for by itself is tried again on another connection; that a room was left is told otherwise.
  #refused({ code, error, client_id: clientId, retry_after: seconds }) {
    if (code === "too_many_frames") this.#slowDown(clientId, seconds);
    else if (clientId !== undefined) this.#delivery.refused(clientId, error);
    else if (code === "storage_unavailable") this.#connection.renew();
    else if (code !== "not_joined") showNotice(error);
  }

  // What it had read by then it keeps.
  #slowDown(clientId, seconds = SLOW_SECONDS) {
    this.#delivery.holdBack(clientId);
    if (this.#slowTimer !== null) return;
    const hideThis = showNotice("The server asks this page to slow down. What you wrote waits, and goes out by itself.");
    this.#slowTimer = setTimeout(() => {
      this.#slowTimer = null;
      hideThis();
      this.#delivery.goOn();
    }, seconds * 1_000);
  }

  #membershipChanged({ room, joined }) {
    this.#listing.membershipChanged();
    if (!joined) this.#subscriptions.forget(room);
    if (!joined) this.#readMarks.forget(room);
    this.#entrance.membershipChanged({ room, joined });
    if (!joined) this.#delivery.roomIsLeft(room);
  }

  #readElsewhere({ room, cursor }) {
    if (!this.#rooms.readElsewhere(room, cursor)) this.#listing.refreshSoon();
  }

  #receiveMessage(message, isHere) {
    const mine = this.#isMine(message);
    const inView = isHere && !document.hidden;
    const seen = inView && this.#conversation.atEnd;
    if (isHere && !mine && !seen && !this.#rooms.unreadIn(message.room)) this.#conversation.newSince = message.cursor - 1;
    this.#subscriptions.read(message);
    this.#rooms.heard(message, mine);
    this.#conversation.receive(message);
    if (isHere) this.#people.said(message.username);
    if (mine) this.#delivery.arrived(message);
    else if (inView) this.#announcer.say(message);
    else this.#notices.tell(message);
    if (isHere) this.#keepSoon();
  }

  #messageDeleted(frame, isHere) {
    this.#subscriptions.read(frame);
    this.#announcer.unsay(frame.id);
    this.#notices.untell(frame.id);
    this.#conversation.messageDeleted(frame);
    if (this.#isMine(frame)) this.#delivery.arrived(frame);
    if (!isHere && this.#rooms.unreadIn(frame.room)) this.#listing.refreshSoon(); // it may have been one of these
    this.#keptMessages.deleteMessage(frame.room, frame.id);
  }

  /** What was written for it and not sent stays, with the reason; a draft too, should there be a room of that name. */
  #roomDeleted({ room }) {
    const draft = this.#drafts.of(room);
    this.#listing.membershipChanged();
    this.#subscriptions.forget(room);
    this.#readMarks.forget(room);
    this.#rooms.remove(room);
    this.#entrance.roomDeleted(room);
    this.#keptMessages.deleteRoom(room);
    const unsent = this.#outbox.waitingIn(room).length;
    this.#delivery.roomIsGone(room);
    if (!unsent || draft) this.#sayDeleted(room, unsent, draft);
  }

  #sayDeleted(room, unsent, draft) {
    const sentence = `The room ${room} was deleted by an admin.${unsent ? " What waited to be sent to it was not sent." : ""}`;
    const copy = ({ copyText }) => copyText(draft).then(hideNotice);
    const offer = { action: "Copy your draft", onAction: () => withPart(() => import("./secret.js"), copy) };
    showNotice(sentence, draft ? offer : {});
  }

  #wentLive(frame, isHere) {
    if (isHere) this.#people.wentLive();
    if (this.#subscriptions.wentLive(frame)) this.#delivery.roomIsLive(frame.room);
    else this.#startOver();
  }

  // The server's data was put back from a copy: what it says now counts, in every room.
  async #startOver() {
    this.#listing.clear();
    this.#readMarks.clear();
    if (await this.#listing.refresh()) this.#entrance.reload();
    else this.#connection.renew();
  }

  // Messages

  #isMine(message) {
    return message.user_id === this.me?.user_id;
  }

  #compose(room, text) {
    hideNotice();
    this.#conversation.newSince = null;
    this.#delivery.compose(room, text);
    this.#conversation.toLatest();
  }

  #retry(entry) {
    this.#delivery.retry(entry);
    if (this.#connection.state === "connected") this.#giveUpUnlessJoined(entry.room);
    this.#composer.focus();
  }

  #discard(entry) {
    this.#delivery.discard(entry);
    this.#composer.focus();
  }

  #notSent({ room, refusal }) {
    if (room === this.#conversation.name) return;
    showNotice(`A message to ${room} was not sent. ${refusal}`, { action: "Show", onAction: () => this.#entrance.goTo(room) });
  }

  #entered({ room, cursor }) {
    this.#subscriptions.follow(room, cursor);
    this.#markRead();
    this.#keepSoon();
  }

  /** Read is what stands at the end of the room while somebody looks. */
  #markRead() {
    if (document.hidden || !this.#conversation.atEnd) return;
    const { name, messages } = this.#conversation;
    const cursor = messages.reduce((highest, message) => Math.max(highest, message.cursor), 0);
    if (this.#rooms.readToEnd(name, cursor)) this.#readMarks.tell(name, cursor);
  }

  #keepSoon() {
    this.#keepTimer ??= setTimeout(() => {
      this.#keepTimer = null;
      this.#entrance.keep(this.me, this.#listing.cursor);
    }, KEEP_AFTER_MS);
  }

  // What the page looks like

  #drawListSoon() {
    this.#listTimer ??= setTimeout(() => {
      this.#listTimer = null;
      if (this.me) this.#drawList();
    }, DRAW_LIST_AFTER_MS);
  }

  #drawList() {
    const { joined } = this.#rooms;
    this.#roomList.show(joined, this.#entrance.room);
    byId("no-rooms").hidden = joined.length > 0;
    byId("elsewhere").hidden = !joined.some(({ name }) => name !== this.#entrance.room && this.#rooms.unreadIn(name));
    this.#notices.showTitle(this.#entrance.room);
    this.#entrance.roomsChanged();
  }

  #installControls() {
    byId("connect").addEventListener("click", () => this.toggleConnection());
    addEventListener("pagehide", () => this.#readMarks.flush());
    addEventListener("storage", ({ key, newValue }) => this.me && key && this.#delivery.changedElsewhere(key, newValue));
    installShortcuts({
      onFind: () => this.me && this.#entrance.find(),
      onNeighbour: (step) => this.me && this.#entrance.goTo(this.#roomList.neighbour(this.#entrance.room, step)),
      onWrite: () => this.#composer.focus(),
    });
  }

  async #moderate(act) {
    try {
      await withPart(() => import("./moderation.js"), act);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    if (error.status === 401) this.#onSessionEnded();
    else if (error.status !== 0) showNotice(error.message); // the status tells of a server that is not there
  }
}
