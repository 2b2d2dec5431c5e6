/** The way of what is typed here: kept in the outbox, sent once on each connection to a room that is live,
 *  and done when the server shows it. A repeat does no harm: the server knows it by its `client_id`. */
export class Delivery {
  #send;
  #subscriptions;
  #outbox;
  #conversation;
  #onRefused;
  #isHeldBack = false;

  /** `onRefused` is called with an entry that stays here for the person to decide about. */
  constructor({ send, subscriptions, outbox, conversation, onRefused }) {
    this.#send = send;
    this.#subscriptions = subscriptions;
    this.#outbox = outbox;
    this.#conversation = conversation;
    this.#onRefused = onRefused;
  }

  compose(room, text) {
    const entry = this.#outbox.add(room, text);
    this.#post(entry);
    this.#conversation.showEntry(entry);
  }

  retry({ clientId }) {
    const entry = this.#outbox.retry(clientId);
    if (!entry) return;
    this.#conversation.showEntry(entry);
    this.#post(entry);
  }

  discard({ clientId }) {
    const entry = this.#outbox.take(clientId);
    if (entry) this.#conversation.removeEntry(entry);
  }

  roomIsLive(room) {
    for (const entry of this.#outbox.waitingIn(room)) this.#post(entry);
  }

  connectionLost() {
    this.#outbox.connectionLost();
    this.#conversation.showEntries();
  }

  /** A message of mine is on the server. */
  arrived({ client_id: clientId }) {
    const entry = this.#outbox.take(clientId);
    if (entry) this.#conversation.removeEntry(entry);
  }

  refused(clientId, sentence) {
    const entry = this.#outbox.refuse(clientId, sentence);
    if (!entry) return;
    this.#conversation.showEntry(entry);
    this.#onRefused(entry);
  }

  /** What waits for a room that was left must neither wait for ever nor go out by itself when one is back. */
  roomIsLeft(room) {
    for (const { clientId } of this.#outbox.waitingIn(room)) this.refused(clientId, `You are not in ${room} any more.`);
  }

  /** The same for a room that is no more: the words stay here, until their writer throws them away. */
  roomIsGone(room) {
    for (const { clientId } of this.#outbox.waitingIn(room)) this.refused(clientId, `There is no room ${room} any more.`);
  }

  /** The server takes no more just now: what it refused, and what follows it, waits for `goOn`. */
  holdBack(clientId) {
    this.#isHeldBack = true;
    const entry = this.#outbox.hold(clientId);
    if (entry) this.#conversation.showEntry(entry);
  }

  goOn() {
    this.#isHeldBack = false;
    for (const room of this.#outbox.rooms()) this.roomIsLive(room);
  }

  /** What is kept in the browser was changed by another window. */
  changedElsewhere(key, value) {
    const entry = this.#outbox.changedElsewhere(key, value);
    if (!entry) return;
    if (value === null) this.#conversation.removeEntry(entry);
    else this.#conversation.showEntry(entry);
  }

  #post(entry) {
    if (this.#isHeldBack || entry.sent || !this.#subscriptions.isLive(entry.room)) return;
    entry.sent = this.#send({ type: "send", room: entry.room, message: entry.text, client_id: entry.clientId });
    this.#conversation.showEntry(entry);
  }
}
