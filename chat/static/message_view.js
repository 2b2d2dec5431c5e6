import { avatar, button, element, icon, written } from "./dom.js";
import { parseText } from "./message_text.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const calendarWithYear = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

// What the same person writes within this time stands under one heading.
const GROUP_MS = 5 * 60_000;
const LONGEST_LABEL = 60;

/** A message that the server has; `onDelete` is there for who may delete it. */
export function messageItem(message, own, onDelete) {
  const item = element("li");
  item.dataset.id = message.id;
  item.append(messageArticle(message, own, onDelete));
  return item;
}

/** A message that was deleted stays in its place: who reads on should see that something was there. */
export function messageArticle({ username, message, timestamp, deleted }, own, onDelete) {
  const made = article(username, timeOf(new Date(timestamp), timestamp), deleted ? "Message deleted" : message, own);
  if (deleted) made.classList.add("deleted");
  else if (onDelete) made.append(deleteButton(username, message, onDelete));
  return made;
}

/** Shows above the message what begins with it: a day, what is new, another person's words. */
export function showBeginnings(item, message, before, isFirstNew) {
  const day = dayOf(message);
  const startsDay = !before || dayOf(before) !== day;
  showLine(item, "new", isFirstNew && "New");
  showLine(item, "day", startsDay && nameOfDay(new Date(message.timestamp)));
  item.classList.toggle("follows", !startsDay && !isFirstNew && follows(message, before));
}

/** A message that is on its way, or was refused. */
export function unsentItem({ text, refusal, sent }, username, { onRetry, onDiscard }) {
  const item = element("li");
  const state = refusal ? "Not sent" : sent ? "Sending…" : "Waiting to be sent";
  item.append(article(username, element("span", "state", state), text, true));
  item.firstChild.classList.add("unsent");
  if (refusal) item.firstChild.append(refusalLine(refusal, onRetry, onDiscard));
  return item;
}

function follows(message, before) {
  return before.user_id === message.user_id && Date.parse(message.timestamp) - Date.parse(before.timestamp) < GROUP_MS;
}

const dayOf = ({ timestamp }) => new Date(timestamp).toDateString();

function nameOfDay(date, today = new Date()) {
  const daysAgo = Math.round((startOfDay(today) - startOfDay(date)) / 86_400_000);
  if (daysAgo === 0) return "Today";
  if (daysAgo === 1) return "Yesterday";
  return (date.getFullYear() === today.getFullYear() ? calendar : calendarWithYear).format(date);
}

const startOfDay = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

function showLine(item, className, words) {
  const line = item.querySelector(`:scope > .${className}`);
  if (!words) line?.remove();
  else if (!line) item.prepend(element("p", className, words));
  else if (line.textContent !== words) line.textContent = words;
}

function article(username, aside, text, own) {
  const made = element("article", own ? "message own" : "message");
  const heading = element("p", "heading");
  heading.append(written("bdi", "author", username), aside);
  made.append(avatar(username), heading, textOf(text));
  return made;
}

function deleteButton(username, message, onDelete) {
  const made = button("", onDelete, "quiet small delete");
  made.ariaLabel = `Delete message of ${username}: ${message.slice(0, LONGEST_LABEL)}`;
  made.title = "Delete message";
  made.tabIndex = -1; // see delete_keys.js
  made.append(icon("bin"));
  return made;
}

function textOf(message) {
  const made = written("div", "text", "");
  made.append(...parseText(message).map(partOf));
  return made;
}

function partOf({ kind, text }) {
  if (kind === "code") return element("code", "", text);
  if (kind === "block") {
    const block = element("pre");
    block.append(element("code", "", text));
    return block;
  }
  return kind === "link" ? linkTo(text) : document.createTextNode(text);
}

function linkTo(address) {
  const link = element("a", "", address);
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

function timeOf(date, timestamp) {
  const time = element("time", "", clock.format(date));
  time.dateTime = timestamp;
  time.title = exact.format(date);
  return time;
}

function refusalLine(sentence, onRetry, onDiscard) {
  const line = element("p", "refusal");
  const reason = element("span", "", sentence);
  reason.setAttribute("role", "alert");
  line.append(reason, button("Retry", onRetry, "small"), button("Discard", onDiscard, "small"));
  return line;
}
