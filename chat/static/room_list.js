import { addressOf } from "./address.js";
import * as api from "./api.js";
import { byId, element } from "./dom.js";

/** The rooms there are, as links, and the form that makes one. */
export class RoomList {
  #list = byId("room-list");
  #name = byId("new-room-name");
  #error = byId("new-room-error");
  #names = [];
  #current = null;
  #onCreated;

  constructor({ onCreated }) {
    this.#onCreated = onCreated;
    byId("new-room").addEventListener("submit", (event) => this.#create(event));
  }

  get names() {
    return this.#names;
  }

  async refresh() {
    const { rooms } = await api.rooms();
    const names = rooms.map((room) => room.room_name);
    if (names.join("/") !== this.#names.join("/")) this.#show(names);
  }

  mark(current) {
    this.#current = current;
    for (const link of this.#list.querySelectorAll("a")) {
      if (link.textContent === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #show(names) {
    const focused = this.#list.contains(document.activeElement) && document.activeElement.textContent;
    this.#names = names;
    this.#list.replaceChildren(...names.map(roomItem));
    this.mark(this.#current);
    if (focused) [...this.#list.querySelectorAll("a")].find((link) => link.textContent === focused)?.focus();
  }

  async #create(event) {
    event.preventDefault();
    this.#error.textContent = "";
    try {
      const { room_name: room } = await api.createRoom(this.#name.value);
      this.#name.value = "";
      this.#name.blur();
      await this.refresh();
      this.#onCreated(room);
    } catch (error) {
      this.#error.textContent = error.message;
      this.#name.focus();
    }
  }
}

function roomItem(name) {
  const item = element("li");
  const link = element("a", "", name);
  link.href = addressOf(name);
  link.dir = "auto";
  item.append(link);
  return item;
}
