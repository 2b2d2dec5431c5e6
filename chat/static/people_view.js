import { avatar, byId, element } from "./dom.js";

/** `me` is marked among the others. */
export function showPeople({ names, count }, me) {
  byId("people-count").textContent = count;
  byId("people-list").replaceChildren(...names.map((name) => personItem(name, name === me)));
  byId("people-hint").textContent = count > names.length ? `${count} people are here: too many to name them all.` : "";
}

/** Until the server has told; while there is no connection nobody can be known to be there. */
export function showNobody(isAway) {
  byId("people-count").textContent = "–";
  byId("people-list").replaceChildren();
  byId("people-hint").textContent = isAway ? "Not known while there is no connection." : "";
}

function personItem(name, isMe) {
  const item = element("li");
  item.append(avatar(name), element("bdi", "name", name));
  if (isMe) item.append(element("span", "aside", "you"));
  return item;
}
