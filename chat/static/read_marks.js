const TOGETHER_MS = 300;

/** Tells the server how far the person has read, a little later and only the last word of each room.
 *
 *  What could not be told is told again on the next connection; the server never goes back. */
export class ReadMarks {
  #send;
  #untold = new Map();
  #told = new Map(); // on the present connection
  #timer = null;

  constructor(send) {
    this.#send = send;
  }

  tell(room, cursor) {
    this.#untold.set(room, Math.max(cursor, this.#untold.get(room) ?? 0));
    this.#timer ??= setTimeout(() => this.flush(), TOGETHER_MS);
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const [room, cursor] of this.#untold) {
      if (!this.#send({ type: "read", room, cursor })) continue;
      this.#untold.delete(room);
      this.#told.set(room, cursor);
    }
  }

  /** Nobody acknowledges a mark: what went out may not have arrived. */
  connectionLost() {
    for (const [room, cursor] of this.#told) this.#untold.set(room, Math.max(cursor, this.#untold.get(room) ?? 0));
    this.#told.clear();
  }

  /** For a room that the person has left. */
  forget(room) {
    this.#untold.delete(room);
    this.#told.delete(room);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#untold.clear();
    this.#told.clear();
  }
}
