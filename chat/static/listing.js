import * as api from "./api.js";

// As many rooms are followed live as the server allows a socket; of the others the listing tells.
const MOST_FOLLOWED = 500;
// Long enough for what was read here to be known to the server.
const ASK_AGAIN_AFTER_MS = 1_000;

/** Keeps the rooms as the server lists them, and the subscriptions that go on where a listing ends.
 *
 *  Whoever was without a connection asks for a listing before they subscribe to anything: to follow a room that was
 *  left meanwhile, in another browser, would be to join it again; and somebody else may have signed in. */
export class Listing {
  cursor = 0;
  #isFresh = false; // since there was no connection
  #connections = 0;
  #changes = 0; // of memberships
  #asked = 0; // an answer that a later one has overtaken is dropped
  #loaded = 0;
  #timer = null;
  #me;
  #onScreen;
  #rooms;
  #subscriptions;
  #connection;
  #on;

  /** `me` gives the person who is signed in here, `onScreen` the conversation. */
  constructor({ me, onScreen, rooms, subscriptions, connection, onPerson, onReconnected, onDoubt, onError }) {
    this.#me = me;
    this.#onScreen = onScreen;
    this.#rooms = rooms;
    this.#subscriptions = subscriptions;
    this.#connection = connection;
    this.#on = { onPerson, onReconnected, onDoubt, onError };
  }

  take(listing, { isKept }) {
    this.#load(listing);
    this.#isFresh = !isKept;
  }

  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#isFresh = false;
    this.#subscriptions.clear();
    this.#rooms.clear();
  }

  /** True when the rooms are up to date and followed. */
  async refresh() {
    const me = this.#me();
    try {
      await this.#ask();
      this.#followAll();
      return true;
    } catch (error) {
      if (me && me === this.#me()) this.#on.onError(error);
      return false;
    }
  }

  refreshSoon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.refresh();
    }, ASK_AGAIN_AFTER_MS);
  }

  membershipChanged() {
    this.#changes += 1;
  }

  connectionIs(state) {
    if (state === "waiting" || state === "offline") this.#isFresh = false;
  }

  connectionLost() {
    this.#connections += 1;
    this.#subscriptions.connectionLost();
  }

  /** Follows every room on the new connection; false when another has taken its place. */
  async connectionOpened() {
    if (!this.#isFresh && !(await this.#askAnew(++this.#connections))) return false;
    this.#followAll();
    this.#leaveOutWhatIsTooLong();
    this.#subscriptions.connectionOpened();
    return true;
  }

  // Without an answer the connection is of no use.
  async #askAnew(connection) {
    try {
      const [person] = await Promise.all([api.whoami(), this.#ask()]);
      if (connection !== this.#connections) return false;
      this.#isFresh = person.user_id === this.#me().user_id;
      if (this.#isFresh) this.#on.onPerson(person);
      if (this.#isFresh) this.#on.onReconnected();
      else this.#on.onDoubt();
    } catch (error) {
      if (connection === this.#connections) this.#on.onError(error);
    }
    if (connection === this.#connections && !this.#isFresh) this.#connection.renew();
    return connection === this.#connections;
  }

  // A listing may be older or newer than a change of membership that came meanwhile, so it is asked for again then.
  async #ask() {
    const me = this.#me();
    const number = ++this.#asked;
    let listing;
    let changes;
    do {
      changes = this.#changes;
      listing = await api.rooms();
    } while (changes !== this.#changes);
    if (me !== this.#me() || number < this.#loaded) return;
    this.#loaded = number;
    this.#load(listing);
  }

  #load(listing) {
    this.cursor = listing.cursor;
    for (const name of this.#rooms.replacedIn(listing)) this.#subscriptions.forget(name);
    if (!this.#rooms.load(listing)) this.refreshSoon();
  }

  // Only the room on screen needs what was missed; of the others the listing has told.
  #followAll() {
    const joined = this.#rooms.joined.slice(0, MOST_FOLLOWED);
    const names = new Set(joined.map((room) => room.name));
    for (const name of this.#subscriptions.rooms) {
      if (!this.#rooms.get(name)?.joined) this.#subscriptions.forget(name);
      else if (!names.has(name)) this.#subscriptions.leave(name);
    }
    for (const { name } of joined) if (name !== this.#onScreen().name) this.#subscriptions.skipTo(name, this.cursor);
  }

  // A room on screen that is far ahead is entered anew at its end: one page instead of all that was missed.
  #leaveOutWhatIsTooLong() {
    const { name, atEnd } = this.#onScreen();
    if (atEnd && this.#rooms.hasRunAhead(name)) this.#subscriptions.forget(name);
  }
}
