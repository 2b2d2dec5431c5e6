import { byId } from "./dom.js";

const TYPING_EVERY_MS = 3_000;
const COUNT_FROM = 0.9;

/** The box to write in. What was begun in a room stays there until one comes back to it, or to the page. */
export class Composer {
  #form = byId("composer");
  #text = byId("text");
  #error = byId("text-error");
  #room = null;
  #toldAt = 0;
  #mostCharacters = Infinity;
  #drafts;
  #on;

  constructor(drafts, { onSend, onTyping, onPage, onEscape }) {
    this.#drafts = drafts;
    this.#on = { onSend, onTyping, onPage, onEscape };
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => this.#input());
  }

  /** The server says how long a message may be. */
  limitTo(characters) {
    this.#mostCharacters = characters;
  }

  open(room) {
    if (this.#room === room) return;
    this.#room = room;
    byId("text-label").textContent = `Message to ${room}`;
    this.#text.placeholder = `Message to ${room}`;
    this.#enable(true);
    this.#write(this.#drafts.of(room));
  }

  close() {
    if (this.#room === null) return;
    this.#room = null;
    this.#text.placeholder = "Write a message";
    this.#write("");
    this.#enable(false);
  }

  /** For who signs out: nothing of theirs stays in the box. */
  empty() {
    this.#write("");
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  #enable(enabled) {
    this.#form.hidden = this.#text.disabled = byId("send").disabled = !enabled;
  }

  // With each letter and at no other time: a window that closes late must not bring back what was signed out of.
  #keepDraft() {
    this.#drafts.keep(this.#room, this.#text.value);
  }

  #write(text) {
    this.#text.value = text;
    this.#say("");
    this.#count();
    this.#fit();
  }

  #key(event) {
    // While an input method composes, Enter picks a word; Safari then says no more than 229.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#form.requestSubmit();
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      this.#on.onPage(event.key === "PageUp" ? -1 : 1);
    } else if (event.key === "Escape") {
      this.#on.onEscape();
    }
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#text.value;
    if (this.#room === null || !text.trim()) return;
    const surplus = lengthOf(text) - this.#mostCharacters;
    if (surplus > 0) {
      const limit = this.#mostCharacters.toLocaleString("en");
      this.#say(`A message has at most ${limit} characters; this one has ${surplus.toLocaleString("en")} too many.`);
      return;
    }
    this.#write("");
    this.#keepDraft();
    this.#toldAt = 0;
    this.#on.onSend(this.#room, text);
    this.#text.focus();
  }

  #input() {
    this.#say("");
    this.#count();
    this.#fit();
    this.#keepDraft();
    if (!this.#text.value.trim() || Date.now() - this.#toldAt < TYPING_EVERY_MS) return;
    this.#toldAt = Date.now();
    this.#on.onTyping(this.#room);
  }

  #say(sentence) {
    this.#error.textContent = sentence;
    this.#text.ariaInvalid = sentence ? "true" : null;
  }

  #count() {
    const length = lengthOf(this.#text.value);
    const counter = byId("counter");
    counter.hidden = length < this.#mostCharacters * COUNT_FROM;
    counter.textContent = this.#mostCharacters - length;
    counter.classList.toggle("over", length > this.#mostCharacters);
  }

  #fit() {
    this.#text.style.height = "auto";
    const border = this.#text.offsetHeight - this.#text.clientHeight;
    this.#text.style.height = `${this.#text.scrollHeight + border}px`;
  }
}

// As the server counts: an emoji outside the first plane is one.
function lengthOf(text) {
  let surrogates = 0;
  for (let place = 0; place < text.length; place += 1) if ((text.charCodeAt(place) & 0xfc00) === 0xdc00) surrogates += 1;
  return text.length - surrogates;
}
