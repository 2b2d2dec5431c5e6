import { button, element } from "./dom.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** A message that the server has. It carries the day it was sent, for `showDay`. */
export function messageItem({ id, username, message, timestamp }, own) {
  const sent = new Date(timestamp);
  const item = element("li");
  item.dataset.id = id;
  item.dataset.day = calendar.format(sent);
  item.append(element("p", "day", item.dataset.day), article(username, timeOf(sent, timestamp), message, own));
  return item;
}

/** Each message has its day above it; it shows where the day changes. */
export function showDay(item) {
  if (item) item.querySelector(".day").hidden = item.dataset.day === item.previousElementSibling?.dataset.day;
}

/** A message that is on its way, or was refused. */
export function unsentItem({ text, refusal, sent }, username, { onRetry, onDiscard }) {
  const item = element("li");
  const state = refusal ? "" : sent ? "Sending…" : "Waiting to be sent";
  item.append(article(username, element("span", "state", state), text, true));
  item.firstChild.classList.add("unsent");
  if (refusal) item.firstChild.append(refusalLine(refusal, onRetry, onDiscard));
  return item;
}

function article(username, aside, text, own) {
  const made = element("article", own ? "message own" : "message");
  const heading = element("p", "heading");
  heading.append(written("bdi", "author", username), aside);
  made.append(heading, written("p", "text", text));
  return made;
}

// Right-to-left writing decides its own direction, and cannot turn what stands beside it around.
function written(tag, className, text) {
  const made = element(tag, className, text);
  made.dir = "auto";
  return made;
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
  line.append(reason, button("Retry", onRetry), button("Discard", onDiscard));
  return line;
}
