import * as api from "./api.js";

const PAGE = 50;
// So far from an end of the list its next page is fetched: well before one gets there.
const AHEAD_PX = 1_500;
const AFTER_FAILURE_MS = 3_000;

/** The newest page of a room. */
export function history(room) {
  return api.listMessages(room, { limit: PAGE });
}

/** Fetches what lies beyond the ends of a MessageWindow, the way that the reader goes. */
export class Pager {
  #window;
  #end;
  #on;
  #room = null;
  #busy = false;
  // Each start has a number: an answer that comes after the next one is dropped.
  #start = 0;

  constructor(window, end, { onPage, onError }) {
    this.#window = window;
    this.#end = end;
    this.#on = { onPage, onError };
  }

  start(room) {
    this.stop();
    this.#room = room;
  }

  stop() {
    this.#start += 1;
    this.#room = null;
    this.#busy = false;
  }

  /** To be called whenever the reader or the messages have moved. */
  look() {
    if (this.#room === null || this.#busy) return;
    if (this.#wantsOlder()) this.#fetch((start) => this.#older(start));
    else if (this.#wantsNewer()) this.#fetch((start) => this.#newer(start));
  }

  // Who just came sees the end of the room, and needs more only if that does not fill the screen.
  #wantsOlder() {
    const { goingUp, aboveView } = this.#end;
    return this.#window.hasOlder && (goingUp ? aboveView < AHEAD_PX : aboveView === 0 && !this.#window.isFull);
  }

  #wantsNewer() {
    return this.#window.hasNewer && !this.#end.goingUp && this.#end.belowView < AHEAD_PX;
  }

  async #fetch(load) {
    const start = this.#start;
    this.#busy = true;
    try {
      await load(start);
    } catch (error) {
      if (start === this.#start) this.#on.onError(error);
      await new Promise((resolve) => { setTimeout(resolve, AFTER_FAILURE_MS); });
    }
    if (start !== this.#start) return;
    this.#busy = false;
    this.#on.onPage();
  }

  async #older(start) {
    const before = this.#window.oldestId;
    const page = await api.listMessages(this.#room, { limit: PAGE, before });
    if (start === this.#start) this.#window.showOlder(page.messages, page.next !== undefined, before);
  }

  async #newer(start) {
    const after = this.#window.newestId;
    this.#window.expectNewer();
    const page = await api.listMessages(this.#room, { limit: PAGE, after });
    if (start === this.#start) this.#window.showNewer(page.messages, page.next !== undefined, after);
  }
}
