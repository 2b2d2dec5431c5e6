import { byId } from "./dom.js";
import { preferences } from "./preferences.js";

const narrow = matchMedia("(max-width: 52rem)");
const wide = matchMedia("(min-width: 70rem)");

/** Which of the lists stand beside the messages, and which slide in over them. */
export class Layout {
  #drawer = null;
  #opener = null;

  constructor() {
    byId("open-sidebar").addEventListener("click", () => this.open("sidebar"));
    byId("toggle-people").addEventListener("click", () => this.#togglePeople());
    for (const id of ["close-sidebar", "shade"]) byId(id).addEventListener("click", () => this.close());
    byId("close-people").addEventListener("click", () => this.#closePeople());
    document.addEventListener("keydown", (event) => this.#key(event));
    for (const query of [narrow, wide]) query.addEventListener("change", () => this.#arrange());
    this.#arrange();
  }

  get isNarrow() {
    return narrow.matches;
  }

  open(drawer) {
    this.#opener = document.activeElement;
    this.#drawer = drawer;
    this.#arrange();
    byId(drawer).querySelector(`.drawer-close`).focus();
  }

  /** Focus goes back to where it came from, unless it has gone elsewhere by itself. */
  close({ returnFocus = true } = {}) {
    const wasOpen = this.#drawer !== null;
    this.#drawer = null;
    this.#arrange();
    if (wasOpen && returnFocus) this.#opener?.focus();
  }

  #key({ key }) {
    if (key === "Escape" && this.#drawer !== null && !document.querySelector("dialog[open]")) this.close();
  }

  #closePeople() {
    if (!wide.matches) return this.close();
    this.#togglePeople();
    byId("toggle-people").focus();
  }

  #togglePeople() {
    if (!wide.matches) return this.#drawer === "people" ? this.close() : this.open("people");
    preferences.peopleShown = !preferences.peopleShown;
    this.#arrange();
  }

  #arrange() {
    if (!narrow.matches && this.#drawer === "sidebar") this.#drawer = null;
    if (wide.matches) this.#drawer = null;
    const peopleShown = wide.matches ? preferences.peopleShown : this.#drawer === "people";
    const sidebarShown = this.#drawer === "sidebar" || (!narrow.matches && this.#drawer === null);
    byId("app").dataset.drawer = this.#drawer ?? "";
    show("sidebar", sidebarShown);
    show("people", peopleShown);
    byId("room").inert = this.#drawer !== null;
    byId("app").classList.toggle("with-people", wide.matches && peopleShown);
    byId("shade").hidden = this.#drawer === null;
    byId("open-sidebar").ariaExpanded = String(this.#drawer === "sidebar");
    byId("toggle-people").ariaExpanded = String(peopleShown);
  }
}

// What is out of sight, or below the shade, must not be reached by the Tab key, nor be read out.
function show(id, shown) {
  byId(id).inert = !shown;
  byId(id).classList.toggle("shown", shown);
}
