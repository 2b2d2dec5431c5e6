import { byId } from "./dom.js";

let act = null;

/** In place of messages: why there are none, and what can be done about it. */
export function showCard(sentence, action = "", onAction = null) {
  byId("empty").hidden = false;
  byId("empty-text").textContent = sentence;
  byId("empty-action").hidden = !action;
  byId("empty-action").textContent = action;
  act = onAction;
}

byId("empty-action").addEventListener("click", () => act?.());
