import { byId } from "./dom.js";

let act = null;

let shown = 0;

/** A sentence above the messages, perhaps with something to do about it, until it is dismissed or out of date.
 *  What it gives back hides it, unless another has taken its place. */
export function showNotice(sentence, { action = "", onAction = null } = {}) {
  byId("notice").hidden = !sentence;
  byId("notice-text").textContent = sentence;
  byId("notice-action").hidden = !action;
  byId("notice-action").textContent = action;
  act = onAction;
  const number = ++shown;
  return () => number === shown && hideNotice();
}

export const hideNotice = () => showNotice("");

byId("notice-action").addEventListener("click", () => act?.());
byId("notice-close").addEventListener("click", hideNotice);
