import { addressOf } from "./address.js";
import { preferences } from "./preferences.js";
import { unreadLabel } from "./rooms.js";
import { playSound } from "./sound.js";
import { forget, keep, kept } from "./storage.js";

// Long enough for another window, in which the room is in view, to say that the message was read.
const PATIENCE_MS = 1_000;
const LONGEST = 200;
const LAST = "chat.noticed";

/** Tells of messages in rooms that are not in view: in the title always, aloud only when asked for. */
export class Notices {
  #rooms;
  #timers = new Map();

  constructor(rooms) {
    this.#rooms = rooms;
  }

  showTitle(room) {
    const { unread } = this.#rooms;
    document.title = `${unread ? `(${unreadLabel(unread)}) ` : ""}${room ? `${room} – ` : ""}Chat`;
    setBadge(unread);
  }

  /** A message that nobody looks at in this window. */
  tell(message) {
    if (!preferences.notify && !preferences.sound) return;
    const timer = setTimeout(() => {
      this.#timers.delete(message.id);
      this.#tellUnlessRead(message);
    }, PATIENCE_MS);
    this.#timers.set(message.id, timer);
  }

  /** A message was deleted before anyone was told of it. */
  untell(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** What was said to one person is not told to the next. */
  clear() {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    setBadge(0);
  }

  forget() {
    forget(LAST);
  }

  #tellUnlessRead(message) {
    const room = this.#rooms.get(message.room);
    if (!room || room.read >= message.cursor || !isFirstToTell(message.cursor)) return;
    if (preferences.sound) playSound();
    if (preferences.notify) show(message);
  }
}

/** Why notifications cannot be shown here; "" when they can, perhaps after asking. */
export function whyNoNotifications() {
  if (!globalThis.isSecureContext) return "The browser allows them only where the address begins with https.";
  if (!("Notification" in globalThis)) return "This browser has none.";
  return Notification.permission === "denied" ? "The browser was told not to show them for this address." : "";
}

/** True when the person allows it, now or before. */
export async function mayNotify() {
  return !whyNoNotifications() && (await Notification.requestPermission()) === "granted";
}

// Several windows hear of the same message.
function isFirstToTell(cursor) {
  if ((kept(LAST) ?? 0) >= cursor) return false;
  keep(LAST, cursor);
  return true;
}

async function show({ room, username, message }) {
  if (whyNoNotifications() || Notification.permission !== "granted") return;
  const options = { body: `${username}: ${message.slice(0, LONGEST)}`, tag: `chat-${room}`, data: addressOf(room) };
  const worker = await navigator.serviceWorker?.getRegistration();
  // Phones know only the notifications of a service worker.
  if (worker?.active) await worker.showNotification(room, options);
  else showInPage(room, options);
}

function showInPage(title, options) {
  const notification = new Notification(title, options);
  notification.onclick = () => {
    focus();
    location.hash = options.data;
    notification.close();
  };
}

function setBadge(number) {
  const done = number ? navigator.setAppBadge?.(number) : navigator.clearAppBadge?.();
  done?.catch(() => {}); // only an installed page has one
}
