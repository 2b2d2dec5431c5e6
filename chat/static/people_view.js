import { byId, element } from "./dom.js";

export function showPeople({ names, count }) {
  byId("people-count").textContent = count || "";
  byId("people-list").replaceChildren(...names.map(personItem));
  byId("people-hint").textContent = count > names.length ? "Too many to name them all." : "";
}

/** Nobody can be known to be there while the connection is down. */
export function showNobody() {
  showPeople({ names: [], count: 0 });
}

function personItem(name) {
  const item = element("li");
  item.append(element("bdi", "", name));
  return item;
}
