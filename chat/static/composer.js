import { byId } from "./dom.js";

const TYPING_EVERY_MS = 3_000;

/** The box to write in. It keeps what was begun in each room until one comes back to it. */
export class Composer {
  #form = byId("composer");
  #text = byId("text");
  #error = byId("text-error");
  #room = null;
  #drafts = new Map();
  #toldAt = 0;
  #mostCharacters = Infinity;
  #onSend;
  #onTyping;

  constructor({ onSend, onTyping }) {
    this.#onSend = onSend;
    this.#onTyping = onTyping;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => this.#input());
  }

  /** The server says how long a message may be. */
  limitTo(characters) {
    this.#mostCharacters = characters;
  }

  open(room) {
    this.#room = room;
    byId("text-label").textContent = `Message to ${room}`;
    this.#enable(true);
    this.#write(this.#drafts.get(room) ?? "");
  }

  close() {
    if (this.#room !== null) this.#drafts.set(this.#room, this.#text.value);
    this.#room = null;
    this.#write("");
    this.#enable(false);
  }

  forgetDrafts() {
    this.#drafts.clear();
  }

  focus() {
    this.#text.focus();
  }

  #enable(enabled) {
    this.#text.disabled = byId("send").disabled = !enabled;
  }

  #write(text) {
    this.#text.value = text;
    this.#error.textContent = "";
    this.#fit();
  }

  #key(event) {
    // While an input method composes, Enter picks a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#text.value;
    if (this.#room === null || !text.trim()) return;
    const length = [...text].length;
    if (length > this.#mostCharacters) {
      this.#error.textContent = `This has ${length} characters; a message can have ${this.#mostCharacters}.`;
      return;
    }
    this.#write("");
    this.#toldAt = 0;
    this.#onSend(text);
    this.#text.focus();
  }

  #input() {
    this.#error.textContent = "";
    this.#fit();
    if (!this.#text.value.trim() || Date.now() - this.#toldAt < TYPING_EVERY_MS) return;
    this.#toldAt = Date.now();
    this.#onTyping();
  }

  #fit() {
    this.#text.style.height = "auto";
    const border = this.#text.offsetHeight - this.#text.clientHeight;
    this.#text.style.height = `${this.#text.scrollHeight + border}px`;
  }
}
