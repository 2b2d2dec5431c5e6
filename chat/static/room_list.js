import { addressOf } from "./address.js";
import { byId, element, icon, written } from "./dom.js";
import { unreadIn, unreadLabel } from "./rooms.js";

/** The rooms the person is in, the most recent first, as links with the number of unread messages. */
export class RoomList {
  #list = byId("room-list");
  #items = new Map();

  show(joined, current) {
    const wanted = new Set(joined.map((room) => room.name));
    for (const [name, item] of this.#items) {
      if (wanted.has(name)) continue;
      item.remove();
      this.#items.delete(name);
    }
    let place = this.#list.firstElementChild;
    for (const room of joined) {
      const item = this.#items.get(room.name) ?? this.#make(room);
      update(item, room, room.name === current);
      if (item === place) place = place.nextElementSibling;
      else moveBefore(this.#list, item, place);
    }
  }

  /** The room so many places after this one; negative: before. */
  neighbour(room, step) {
    const names = [...this.#list.querySelectorAll("a")].map((link) => link.dataset.room);
    if (!names.length) return undefined;
    const place = names.indexOf(room);
    return names.at(place < 0 ? 0 : (place + step) % names.length);
  }

  #make(room) {
    const item = element("li");
    const link = element("a");
    link.href = addressOf(room.name);
    link.dataset.room = room.name;
    link.append(icon("hash"), written("span", "name", room.name));
    item.append(link);
    this.#items.set(room.name, item);
    return item;
  }
}

function update(item, room, isCurrent) {
  const link = item.firstChild;
  const number = isCurrent ? 0 : unreadIn(room);
  if (isCurrent) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.classList.toggle("has-unread", number > 0);
  let badge = link.querySelector(".badge");
  if (!number) return badge?.remove();
  if (!badge) link.append((badge = element("span", "badge")));
  badge.replaceChildren(unreadLabel(number), element("span", "visually-hidden", " unread"));
}

// A link that is moved must not lose the focus.
function moveBefore(list, item, place) {
  const focused = item.contains(document.activeElement) && document.activeElement;
  list.insertBefore(item, place);
  if (focused) focused.focus();
}
