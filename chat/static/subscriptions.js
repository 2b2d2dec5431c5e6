/** The rooms followed over the one socket, and how far each has been read.
 *
 *  A room is live once the server said so on the present connection: only then is everything missed
 *  here, and only then is it known which of the waiting messages the server does not have. */
export class Subscriptions {
  #send;
  #rooms = new Map();

  constructor(send) {
    this.#send = send;
  }

  /** Everything after `cursor`; without one, everything from now on. */
  follow(room, cursor) {
    this.leave(room);
    this.#rooms.set(room, { cursor, asked: cursor, live: false });
    this.#subscribe(room);
  }

  leave(room) {
    if (this.#rooms.delete(room)) this.#send({ type: "unsubscribe", room });
  }

  leaveAll() {
    for (const room of [...this.#rooms.keys()]) this.leave(room);
  }

  follows(room) {
    return this.#rooms.has(room);
  }

  isLive(room) {
    return this.#rooms.get(room)?.live ?? false;
  }

  connectionOpened() {
    for (const room of this.#rooms.keys()) this.#subscribe(room);
  }

  connectionLost() {
    for (const state of this.#rooms.values()) state.live = false;
  }

  /** Moves the place to resume from. */
  read({ room, cursor }) {
    const state = this.#rooms.get(room);
    if (state) state.cursor = Math.max(state.cursor ?? 0, cursor);
  }

  /** False when the server knows less than was read here before: its data was put back from a copy. */
  wentLive({ room, cursor }) {
    const state = this.#rooms.get(room);
    if (!state) return true;
    const goesOn = cursor >= (state.asked ?? 0);
    state.live = goesOn;
    this.read({ room, cursor });
    return goesOn;
  }

  #subscribe(room) {
    const state = this.#rooms.get(room);
    state.asked = state.cursor;
    this.#send({ type: "subscribe", room, after: state.cursor });
  }
}
