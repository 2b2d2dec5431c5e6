import { element, icon } from "./dom.js";

let fields = 0;

/** A field with its label, a hint, and a place for what is wrong with it. */
export class Field {
  element = element("div", "field");
  input = element("input");
  #error = element("p", "error");

  constructor({ label, type = "text", value = "", autocomplete = "off", hint = "", ...attributes }) {
    const id = `field-${++fields}`;
    Object.assign(this.input, { id, type, value, autocomplete, spellcheck: false, autocapitalize: "none", ...attributes });
    const name = element("label", "", label);
    name.htmlFor = id;
    this.#error.id = `${id}-error`;
    this.#error.setAttribute("role", "alert");
    this.element.append(name, type === "password" ? withShow(this.input, label) : this.input);
    if (hint) this.element.append(Object.assign(element("p", "hint", hint), { id: `${id}-hint` }));
    this.element.append(this.#error);
    this.input.setAttribute("aria-describedby", `${hint ? `${id}-hint ` : ""}${id}-error`);
    this.input.addEventListener("input", () => this.say(""));
    this.label = label;
  }

  get value() {
    return this.input.value;
  }

  say(sentence) {
    this.#error.textContent = sentence;
    this.input.ariaInvalid = sentence ? "true" : null;
    if (sentence) this.input.focus();
  }
}

/** A form that waits for its answer, and says what is refused at the field that it is about.
 *
 *  `fields` is by name, `fieldOf` gives the name of the field for a code, "" when it is about none. `onSubmit` gets the
 *  values; the sentence that it gives back is shown, and the fields are emptied. */
export function form({ label, fields: asked, before = [], submit, look = "primary", fieldOf = () => "", onSubmit }) {
  const made = element("form");
  const button = element("button", look, submit);
  const outcome = element("p", "error");
  outcome.setAttribute("role", "alert");
  const done = element("p", "hint");
  done.setAttribute("role", "status");
  made.noValidate = true;
  made.setAttribute("aria-label", label);
  made.append(...before, ...Object.values(asked).map((field) => field.element), outcome, done, button);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    outcome.textContent = done.textContent = "";
    for (const field of Object.values(asked)) field.say("");
    const missing = Object.values(asked).find((field) => !field.value);
    if (missing) return missing.say("Please fill this in.");
    button.disabled = true;
    try {
      const values = Object.fromEntries(Object.entries(asked).map(([name, field]) => [name, field.value]));
      const sentence = await onSubmit(values);
      if (sentence === undefined) return undefined;
      made.reset();
      done.textContent = sentence;
    } catch (error) {
      const field = asked[fieldOf(error.code ?? "")];
      if (field) field.say(error.message);
      else outcome.textContent = error.message;
    } finally {
      button.disabled = false;
    }
    return undefined;
  });
  return made;
}

/** A part of a panel that most visits do not need. */
export function folded(label, ...content) {
  const made = element("details", "folded");
  made.append(element("summary", "", label), ...content);
  return made;
}

function withShow(input, label) {
  const box = element("div", "with-button");
  const show = element("button", "quiet");
  show.type = "button";
  show.ariaLabel = `Show ${label[0].toLowerCase()}${label.slice(1)}`;
  show.ariaPressed = "false";
  show.append(icon("eye"));
  const reveal = (visible) => {
    input.type = visible ? "text" : "password";
    show.ariaPressed = String(visible);
  };
  show.addEventListener("click", () => reveal(input.type === "password"));
  box.append(input, show);
  queueMicrotask(() => input.form?.addEventListener("reset", () => reveal(false)));
  return box;
}
