const STEPS = { ArrowUp: -1, ArrowDown: 1 };

/** The buttons that delete a message are one stop of the Tab key, the arrows lead from one to the next: two hundred
 *  stops would stand between the messages and the box to write in. */
export class DeleteKeys {
  #list;

  constructor(list) {
    this.#list = list;
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("touchstart", () => {}, { passive: true }); // or an iPhone knows no :hover, which shows the buttons
    list.addEventListener("focusin", ({ target }) => target.matches(".delete") && this.#stopAt(target));
  }

  /** After the list has changed: where the focus is, or at the newest message. */
  leaveOneStop() {
    const buttons = this.#buttons;
    if (buttons.length) this.#stopAt(buttons.find((button) => button === document.activeElement) ?? buttons.at(-1));
  }

  /** What had the focus goes: the focus to the next message, or to the messages as a whole. */
  leave(message) {
    const buttons = this.#buttons;
    const place = buttons.findIndex((button) => message.contains(button));
    (buttons[place + 1] ?? buttons[place - 1] ?? this.#list.closest("[tabindex]")).focus({ preventScroll: true });
  }

  #key(event) {
    const step = STEPS[event.key];
    if (!step || !event.target.matches(".delete")) return;
    event.preventDefault();
    const buttons = this.#buttons;
    buttons[buttons.indexOf(event.target) + step]?.focus();
  }

  #stopAt(stop) {
    for (const button of this.#buttons) button.tabIndex = button === stop ? 0 : -1;
  }

  get #buttons() {
    return [...this.#list.querySelectorAll(".delete")];
  }
}
