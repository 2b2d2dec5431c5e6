const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** A time of the server's, as short as it can be said: today's by the clock. */
export function timeOf(timestamp, now = new Date()) {
  const date = new Date(timestamp);
  const made = document.createElement("time");
  made.dateTime = timestamp;
  made.title = exact.format(date);
  made.textContent = day.format(date) === day.format(now) ? clock.format(date) : moment.format(date);
  return made;
}
