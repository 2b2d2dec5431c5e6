import { byId } from "./dom.js";

const WORDS = {
  opening: "Opening…",
  offline: "Disconnected",
  connecting: "Connecting…",
  connected: "Connected",
  waiting: "Reconnecting",
};

let ticking;

/** Says how the page stands with the server; `retryAt` is counted down to. */
export function showStatus(state, retryAt = 0) {
  clearInterval(ticking);
  byId("status").dataset.state = state;
  const isOffline = state === "waiting" && !navigator.onLine;
  say(isOffline ? "Offline" : WORDS[state]);
  byId("countdown").textContent = "";
  byId("connect").hidden = state !== "offline" && state !== "waiting";
  byId("disconnect").textContent = state === "offline" || state === "waiting" ? "Connect" : "Disconnect";
  if (state !== "waiting" || isOffline) return; // without a network nothing comes of trying
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
