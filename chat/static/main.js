import { goTo, roomInAddress } from "./address.js";
import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Delivery } from "./delivery.js";
import { byId } from "./dom.js";
import { Outbox } from "./outbox.js";
import { RoomList } from "./room_list.js";
import { SignIn } from "./sign_in.js";
import { showStatus } from "./status.js";
import { Subscriptions } from "./subscriptions.js";

const SIGNED_OUT = "You have been signed out.";

let me = null;

const signIn = new SignIn({ onSignedIn: start });
const roomList = new RoomList({ onCreated: enterCreated });
const outbox = new Outbox(sessionStorage);
const connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
  onState: showConnection,
  onOpen: connectionOpened,
  onLost: connectionLost,
  onFrame: receive,
  onDoubt: checkSession,
});
const subscriptions = new Subscriptions(send);
const composer = new Composer({ onSend: compose, onTyping: () => send({ type: "typing", room: conversation.name }) });
const conversation = new Conversation({
  me: () => me,
  composer,
  subscriptions,
  outbox,
  onHistory: (messages) => messages.forEach(seen),
  onRetry: retry,
  onDiscard: discard,
  onError: fail,
});
const delivery = new Delivery({ send, subscriptions, outbox, conversation });

// Signing in and out

async function open() {
  show("opening");
  try {
    start(await api.whoami());
  } catch (error) {
    if (error.status === 401) askToSignIn();
    else sayUnreachable(error);
  }
}

async function start(person) {
  if (me) stop();
  me = person;
  byId("me").textContent = me.username;
  composer.limitTo(me.message_max_characters);
  signIn.hide();
  show("chat");
  arrangeDrawers();
  outbox.openFor(me.user_id);
  delivery.resume();
  connection.connect();
  await refreshRooms();
  if (me) await enterAddressed();
}

function stop() {
  conversation.leave();
  composer.forgetDrafts();
  subscriptions.leaveAll();
  connection.disconnect();
  me = null;
}

function askToSignIn(reason = "") {
  show("signed-out");
  signIn.show(reason);
}

function sayUnreachable(error) {
  show("unreachable");
  byId("unreachable-reason").textContent = error.message;
}

/** The session belongs to the browser: another tab may have ended it, or begun one for somebody else. */
async function checkSession() {
  try {
    const person = await api.whoami();
    if (person.user_id !== me?.user_id) start(person);
  } catch (error) {
    if (error.status === 401) sessionEnded();
  }
}

function returned() {
  if (!me) return checkSession();
  connection.check();
  return refreshRooms();
}

function sessionEnded() {
  if (!me) return;
  stop();
  askToSignIn(SIGNED_OUT);
}

// The socket goes first, or the server's word that the session is over would look like somebody else's doing.
async function signOut() {
  connection.disconnect();
  try {
    await api.logout();
  } catch (error) {
    if (error.status !== 401) {
      connection.connect();
      return fail(error);
    }
  }
  stop();
  askToSignIn();
}

// The connection

function showConnection({ state, retryAt }) {
  if (!me) return;
  showStatus(state, retryAt);
  byId("connect").textContent = state === "offline" || state === "waiting" ? "Connect" : "Disconnect";
}

function toggleConnection() {
  if (connection.state === "offline" || connection.state === "waiting") connection.connect();
  else connection.disconnect();
}

function send(frame) {
  return connection.send(frame);
}

function connectionOpened() {
  notice("");
  subscriptions.connectionOpened();
  conversation.connectionOpened();
  refreshRooms();
}

function connectionLost() {
  subscriptions.connectionLost();
  delivery.connectionLost();
  conversation.connectionLost();
}

function receive(frame) {
  if (frame.type === "chat") subscriptions.read(frame);
  conversation.receive(frame);
  if (frame.type === "chat") seen(frame);
  else if (frame.type === "live") wentLive(frame);
  else if (frame.type === "error" && !delivery.refused(frame)) notice(frame.error);
}

function wentLive(frame) {
  if (subscriptions.wentLive(frame)) delivery.roomIsLive(frame.room);
  else if (frame.room === conversation.name) conversation.reload();
  else subscriptions.follow(frame.room);
}

// Writing

function compose(text) {
  notice("");
  delivery.compose(conversation.name, text);
  conversation.toNewest();
}

function retry(entry) {
  delivery.retry(entry);
  composer.focus();
}

function discard(entry) {
  delivery.discard(entry);
  composer.focus();
}

// Everyone sees everyone's `client_id`: only my own message speaks of mine.
function seen(message) {
  if (message.user_id === me.user_id) delivery.arrived(message);
}

// Rooms

async function refreshRooms() {
  try {
    await roomList.refresh();
  } catch (error) {
    fail(error);
  }
}

async function enterAddressed() {
  const named = roomInAddress();
  const room = named || (roomList.names.length === 1 ? roomList.names[0] : "");
  if (!room) conversation.leave();
  else if (room !== conversation.name) await enter(room);
  roomList.mark(conversation.name);
  closeDrawers();
}

function enterCreated(room) {
  if (room === roomInAddress()) conversation.reload();
  else goTo(room);
}

async function enter(room) {
  await conversation.enter(room);
  if (!roomList.names.includes(conversation.name)) refreshRooms();
  if (matchMedia("(hover: hover)").matches && !isWriting()) composer.focus();
}

// Who is quicker than the network must not find their words in another box.
function isWriting() {
  return document.activeElement.matches("input, textarea");
}

// What the page looks like

function show(state) {
  byId("unreachable").hidden = state !== "unreachable";
  byId("sign-in").hidden = state !== "signed-out";
  byId("chat").hidden = byId("account").hidden = byId("connect").hidden = state !== "chat";
  if (state !== "chat") showStatus(state);
}

function fail(error) {
  if (error.status === 401) sessionEnded();
  else notice(error.message);
}

function notice(sentence) {
  byId("notice").textContent = sentence;
}

const narrow = matchMedia("(max-width: 44rem)");

/** Beside the messages there is room for the lists; above them, they open one at a time. */
function arrangeDrawers() {
  byId("rooms").name = byId("people").name = narrow.matches ? "drawer" : "";
  byId("rooms").open = byId("people").open = !narrow.matches;
  closeDrawers();
}

// Who has not chosen a room yet needs to see them.
function closeDrawers() {
  if (!narrow.matches) return;
  byId("people").open = false;
  byId("rooms").open = conversation.name === null;
}

byId("try-again").addEventListener("click", open);
byId("sign-out").addEventListener("click", signOut);
byId("connect").addEventListener("click", toggleConnection);
byId("room-list").addEventListener("click", closeDrawers);
narrow.addEventListener("change", arrangeDrawers);
addEventListener("hashchange", () => me && enterAddressed());
addEventListener("online", () => connection.check());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) returned();
});

open();
