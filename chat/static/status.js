import { byId } from "./dom.js";

const WORDS = {
  opening: "Opening…",
  "signed-out": "Signed out",
  unreachable: "Server not reached",
  offline: "Offline",
  connecting: "Connecting…",
  connected: "Connected",
  waiting: "Reconnecting",
};

let ticking;

/** Says how the page stands with the server; `retryAt` is counted down to. */
export function showStatus(state, retryAt = 0) {
  clearInterval(ticking);
  byId("status").dataset.state = state;
  say(WORDS[state]);
  byId("countdown").textContent = "";
  if (state !== "waiting") return;
  countDown(retryAt);
  ticking = setInterval(() => countDown(retryAt), 250);
}

// The words are read out whenever they are set, so only news is set. The seconds are not read out at all.
function say(words) {
  const text = byId("status-text");
  if (text.textContent !== words) text.textContent = words;
}

function countDown(until) {
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  byId("countdown").textContent = `in ${seconds} s`;
}
