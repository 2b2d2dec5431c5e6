import { button, element } from "./dom.js";

/** A list that is asked for when it is shown, and again after each change. `toItem` makes a list item of a row. */
export class Rows {
  element = element("div");
  #list = element("ul", "rows");
  #said = element("p", "hint");
  #load;
  #toItem;
  #empty;
  #more;

  /** `empty` is said when there is none, what `more` gives when there are some. */
  constructor({ label, empty, more = () => "", load, toItem }) {
    this.#load = load;
    this.#toItem = toItem;
    this.#empty = empty;
    this.#more = more;
    this.#list.setAttribute("aria-label", label);
    this.#said.setAttribute("role", "status");
    this.element.append(this.#list, this.#said);
    this.refresh();
  }

  async refresh() {
    try {
      this.show(await this.#load());
    } catch (error) {
      this.say(error.message);
    }
  }

  show(rows) {
    const place = this.#focusedPlace();
    this.#list.replaceChildren(...rows.map((row) => this.#toItem(row)));
    this.#list.hidden = !rows.length;
    this.say(rows.length ? this.#more() : this.#empty);
    if (place >= 0) this.#focusNear(place);
  }

  say(sentence) {
    this.#said.textContent = sentence;
  }

  /** A button of a row: it changes something and the list with it. `act` gives false when nothing was changed. */
  button(label, name, act) {
    let isBusy = false; // not disabled, which would lose the focus
    const made = button(label, async () => {
      if (isBusy) return;
      isBusy = true;
      try {
        if ((await act()) !== false) await this.refresh();
      } catch (error) {
        this.say(error.message);
      } finally {
        isBusy = false;
      }
    }, "small");
    made.ariaLabel = `${label}: ${name}`;
    return made;
  }

  #focusedPlace() {
    return [...this.#list.children].findIndex((item) => item.contains(document.activeElement));
  }

  // The row that had the focus may be gone: then the next one, or the heading above.
  #focusNear(place) {
    const buttons = [...this.#list.children].map((item) => item.querySelector("button"));
    const near = buttons.slice(place).find(Boolean) ?? buttons.findLast(Boolean);
    (near ?? this.element.closest("section").querySelector("h3")).focus();
  }
}

/** A row: what it is, in bold, what else there is to say of it, and what can be done. */
export function rowItem(title, details, ...buttons) {
  const item = element("li");
  const words = element("div", "row-words");
  const line = element("p", "row-details");
  line.append(...details);
  words.append(title, line);
  item.append(words, ...buttons);
  return item;
}
