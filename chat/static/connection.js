import { delayBefore } from "./backoff.js";

const SIGNED_OUT = 4401;
const HANDSHAKE_MS = 10_000;
const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;
// A connection that ended sooner than this does not make the next wait short again.
const STEADY_MS = 10_000;

/** One WebSocket that is opened again whenever it is lost, until `disconnect()`.
 *
 *  `state` is "offline", "connecting", "connected" or "waiting" (then `retryAt` says until when).
 *  `onDoubt` is called when the session may be over: a browser does not tell why a handshake was refused. */
export class Connection {
  state = "offline";
  retryAt = 0;
  #url;
  #on;
  #socket = null;
  #openedAt = 0;
  #attempt = 0;
  #retry;
  #deadline;

  constructor(url, { onState, onOpen, onLost, onFrame, onDoubt }) {
    this.#url = url;
    this.#on = { onState, onOpen, onLost, onFrame, onDoubt };
  }

  connect() {
    if (this.#socket) return;
    clearTimeout(this.#retry);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#openedAt = 0;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.#lost(event.code);
    this.#within(HANDSHAKE_MS, () => this.#lost());
    this.#become("connecting");
  }

  disconnect() {
    this.#letGo();
    this.#attempt = 0;
    this.#become("offline");
  }

  /** False when there is nothing to send on; the caller keeps what must not be lost. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The connection stands but is of no use: another one, after a wait. */
  renew() {
    if (!this.#socket) return;
    if (this.#openedAt && Date.now() - this.#openedAt > STEADY_MS) this.#attempt = 0;
    this.#letGo();
    this.#wait();
  }

  /** The network changed or the page came back to the front: find out now, not at the next time-out. */
  check() {
    if (this.state === "waiting" && navigator.onLine) this.connect();
    else if (this.send({ type: "ping" })) this.#within(ANSWER_MS, () => this.#lost());
  }

  #opened() {
    this.#openedAt = Date.now();
    this.#become("connected");
    this.#within(QUIET_MS, () => this.check());
    this.#on.onOpen();
  }

  #heard(data) {
    this.#within(QUIET_MS, () => this.check());
    this.#on.onFrame(JSON.parse(data));
  }

  #lost(code) {
    const refused = !this.#openedAt;
    this.renew();
    if (refused || code === SIGNED_OUT) this.#on.onDoubt();
  }

  #wait() {
    const delay = delayBefore(this.#attempt++);
    this.retryAt = Date.now() + delay;
    this.#retry = setTimeout(() => this.connect(), delay);
    this.#become("waiting");
  }

  // A socket whose other side is gone takes long to close: forget it first, so nothing it still says counts.
  #letGo() {
    clearTimeout(this.#retry);
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    if (this.#openedAt) this.#on.onLost();
  }

  #within(milliseconds, otherwise) {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(otherwise, milliseconds);
  }

  #become(state) {
    this.state = state;
    this.#on.onState(this);
  }
}
