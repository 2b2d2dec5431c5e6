import { byId, element, icon, written } from "./dom.js";
import { unreadIn, unreadLabel } from "./rooms.js";
import { findRooms } from "./room_search.js";

const MOST_SHOWN = 50;

/** Search as you type over all rooms: go to one, join it, or make the one that is missing. */
export class Switcher {
  #dialog = byId("switcher");
  #text = byId("switcher-text");
  #list = byId("switcher-list");
  #error = byId("switcher-error");
  #chosen = 0;
  #choices = [];
  #busy = false;
  #rooms;
  #on;

  /** `onChoose` gets a room and joins it where needed, `onCreate` a name; both reject with what to say. */
  constructor(rooms, { onOpen, onChoose, onCreate, onDone }) {
    this.#rooms = rooms;
    this.#on = { onOpen, onChoose, onCreate, onDone };
    this.#text.addEventListener("input", () => this.#search());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  open() {
    if (this.#dialog.open) return;
    this.#text.value = "";
    this.#search();
    this.#dialog.showModal();
    this.#text.focus();
    this.#on.onOpen();
  }

  close() {
    this.#dialog.close();
  }

  /** The rooms have changed while the list is open. */
  refresh() {
    if (this.#dialog.open) this.#show();
  }

  #search() {
    this.#error.textContent = "";
    this.#chosen = 0;
    this.#show();
  }

  #show() {
    const name = this.#text.value.trim();
    const { found, isExact } = findRooms(this.#rooms.all, name);
    this.#choices = found.slice(0, MOST_SHOWN).map((room) => ({ room }));
    if (name && !isExact) this.#choices.push({ create: name });
    this.#chosen = Math.min(this.#chosen, Math.max(0, this.#choices.length - 1));
    this.#list.replaceChildren(...this.#choices.map((choice, place) => this.#option(choice, place)));
    byId("switcher-hint").textContent = hint(found.length, this.#choices.length);
    this.#mark();
  }

  #option({ room, create }, place) {
    const option = element("li");
    option.id = `choice-${place}`;
    option.setAttribute("role", "option");
    if (room) option.append(icon("hash"), written("span", "name", room.name), element("span", "aside", asideOf(room)));
    else option.append(icon("plus"), element("span", "aside", "Create "), written("span", "name", create));
    option.addEventListener("mousemove", () => this.#choose(place));
    option.addEventListener("click", () => this.#take(place));
    return option;
  }

  #choose(place) {
    if (place === this.#chosen) return;
    this.#chosen = place;
    this.#mark();
  }

  #mark() {
    for (const [place, option] of [...this.#list.children].entries()) {
      option.setAttribute("aria-selected", String(place === this.#chosen));
    }
    const option = this.#list.children[this.#chosen];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.#text.setAttribute("aria-activedescendant", option.id);
    else this.#text.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#choices.length) {
      event.preventDefault();
      this.#choose((this.#chosen + step + this.#choices.length) % this.#choices.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#take(this.#chosen);
    }
  }

  async #take(place) {
    const choice = this.#choices[place];
    if (!choice || this.#busy) return;
    this.#busy = true;
    try {
      if (choice.room) await this.#on.onChoose(choice.room);
      else await this.#on.onCreate(choice.create);
      this.#dialog.close();
      this.#on.onDone();
    } catch (error) {
      this.#error.textContent = error.message;
    } finally {
      this.#busy = false;
    }
  }
}

function hint(found, shown) {
  if (!shown) return "There is no room yet. Type a name to make one.";
  return found > MOST_SHOWN ? `${found - MOST_SHOWN} more; type to narrow it down.` : "";
}

function asideOf(room) {
  if (!room.joined) return "Join";
  const unread = unreadIn(room);
  return unread ? `${unreadLabel(unread)} unread` : "";
}
