// The server tells at most once a second, and each page at most every three.
const SHOWN_MS = 4_000;

/** "ada is typing", for as long as it is likely to be true. */
export class TypingLine {
  #line;
  #timers = new Map();

  constructor(line) {
    this.#line = line;
  }

  show(usernames) {
    for (const username of usernames) {
      clearTimeout(this.#timers.get(username));
      this.#timers.set(username, setTimeout(() => this.stopped(username), SHOWN_MS));
    }
    this.#write();
  }

  stopped(username) {
    clearTimeout(this.#timers.get(username));
    if (this.#timers.delete(username)) this.#write();
  }

  clear() {
    for (const username of [...this.#timers.keys()]) this.stopped(username);
  }

  #write() {
    this.#line.textContent = sentence([...this.#timers.keys()]);
  }
}

function sentence(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} more are typing…`;
}
