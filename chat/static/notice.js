import { byId } from "./dom.js";

let act = null;

/** A sentence above the messages, perhaps with something to do about it, until it is dismissed or out of date. */
export function showNotice(sentence, { action = "", onAction = null } = {}) {
  byId("notice").hidden = !sentence;
  byId("notice-text").textContent = sentence;
  byId("notice-action").hidden = !action;
  byId("notice-action").textContent = action;
  act = onAction;
}

export const hideNotice = () => showNotice("");

byId("notice-action").addEventListener("click", () => act?.());
byId("notice-close").addEventListener("click", hideNotice);
