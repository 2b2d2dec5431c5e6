/** The way of what is typed here: kept in the outbox, sent once on each connection to a room that is live,
 *  and done when the server shows it. A repeat does no harm: the server knows it by its `client_id`. */
export class Delivery {
  #send;
  #subscriptions;
  #outbox;
  #conversation;

  constructor({ send, subscriptions, outbox, conversation }) {
    this.#send = send;
    this.#subscriptions = subscriptions;
    this.#outbox = outbox;
    this.#conversation = conversation;
  }

  compose(room, text) {
    const entry = this.#outbox.add(room, text);
    this.#post(entry);
    this.#conversation.showEntry(entry);
  }

  retry({ clientId }) {
    const entry = this.#outbox.retry(clientId);
    this.#conversation.showEntry(entry);
    this.#post(entry);
  }

  discard({ clientId }) {
    this.#conversation.removeEntry(this.#outbox.take(clientId));
  }

  /** What another visit, or a reload, left behind goes out from rooms that are not on screen too. */
  resume() {
    for (const room of this.#outbox.rooms()) this.#subscriptions.follow(room);
  }

  roomIsLive(room) {
    for (const entry of this.#outbox.waitingIn(room)) this.#post(entry);
  }

  connectionLost() {
    this.#outbox.connectionLost();
  }

  /** A message of mine is on the server. */
  arrived({ client_id: clientId }) {
    const entry = this.#outbox.take(clientId);
    if (!entry) return;
    this.#conversation.removeEntry(entry);
    this.#stopFollowing(entry.room);
  }

  /** False when the refusal is not about a message from here. */
  refused({ client_id: clientId, error }) {
    const entry = this.#outbox.refuse(clientId, error);
    if (!entry) return false;
    this.#conversation.showEntry(entry);
    this.#stopFollowing(entry.room);
    return true;
  }

  #post(entry) {
    if (entry.sent || !this.#subscriptions.isLive(entry.room)) return;
    entry.sent = this.#send({ type: "send", room: entry.room, message: entry.text, client_id: entry.clientId });
    this.#conversation.showEntry(entry);
  }

  // A room that was left is followed only until everything typed there has arrived.
  #stopFollowing(room) {
    if (room !== this.#conversation.name && !this.#outbox.waitingIn(room).length) this.#subscriptions.leave(room);
  }
}
