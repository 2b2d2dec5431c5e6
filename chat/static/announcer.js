import { byId } from "./dom.js";

const TOGETHER_MS = 1_000;
const LONGEST = 200;

/** Reads new messages out to those who listen instead of look; several at once are counted. */
export class Announcer {
  #region = byId("announcer");
  #waiting = [];
  #timer = null;

  say({ username, message }) {
    this.#waiting.push(`${username}: ${message.slice(0, LONGEST)}`);
    this.#timer ??= setTimeout(() => this.#speak(), TOGETHER_MS);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
    this.#region.textContent = "";
  }

  #speak() {
    const [first] = this.#waiting;
    this.#region.textContent = this.#waiting.length === 1 ? first : `${this.#waiting.length} new messages`;
    this.#waiting = [];
    this.#timer = null;
  }
}
