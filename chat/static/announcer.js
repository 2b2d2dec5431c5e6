import { byId } from "./dom.js";

const TOGETHER_MS = 1_000;
const LONGEST = 200;

/** Reads new messages out to those who listen instead of look; several at once are counted. */
export class Announcer {
  #region = byId("announcer");
  #waiting = [];
  #timer = null;

  say({ id, username, message }) {
    this.#waiting.push({ id, words: `${username}: ${message.slice(0, LONGEST)}` });
    this.#timer ??= setTimeout(() => this.#speak(), TOGETHER_MS);
  }

  /** A message was deleted before it was read out. */
  unsay(id) {
    this.#waiting = this.#waiting.filter((waiting) => waiting.id !== id);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
    this.#region.textContent = "";
  }

  #speak() {
    const number = this.#waiting.length;
    if (number) this.#region.textContent = number === 1 ? this.#waiting[0].words : `${number} new messages`;
    this.#waiting = [];
    this.#timer = null;
  }
}
