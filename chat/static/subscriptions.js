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

  /** Everything after `cursor`; without one, everything from now on. A room that is followed is asked for anew. */
  follow(room, cursor) {
    this.#rooms.set(room, { cursor, asked: cursor, isAsked: false, live: false });
    this.#subscribe(room);
  }

  /** For a room whose backlog nobody here needs: it goes on at `cursor`, when the connection is there again. */
  skipTo(room, cursor) {
    const state = this.#rooms.get(room);
    if (state) state.cursor = Math.max(state.cursor ?? 0, cursor);
    else this.follow(room, cursor);
  }

  leave(room) {
    if (this.#rooms.delete(room)) this.#send({ type: "unsubscribe", room });
  }

  /** The person is no member any more: the server has ended it by itself. */
  forget(room) {
    this.#rooms.delete(room);
  }

  /** After the socket itself has gone for good. */
  clear() {
    this.#rooms.clear();
  }

  get rooms() {
    return [...this.#rooms.keys()];
  }

  follows(room) {
    return this.#rooms.has(room);
  }

  isLive(room) {
    return this.#rooms.get(room)?.live ?? false;
  }

  connectionOpened() {
    for (const [room, { isAsked }] of this.#rooms) if (!isAsked) this.#subscribe(room);
  }

  connectionLost() {
    for (const state of this.#rooms.values()) state.live = state.isAsked = false;
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
    state.isAsked = Boolean(this.#send({ type: "subscribe", room, after: state.cursor }));
  }
}
