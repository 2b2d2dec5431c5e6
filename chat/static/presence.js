/** Who is in the room now, pieced together from what the server tells. */
export class Presence {
  count = 0;
  #names = new Set();

  /** Alphabetical; empty when the room is so full that the server tells the number only. */
  get names() {
    return [...this.#names].sort((one, other) => one.localeCompare(other));
  }

  /** What comes next names everyone anew. */
  startOver() {
    this.#names.clear();
    this.count = 0;
  }

  update({ online, offline, count }) {
    this.count = count;
    if (!online && !offline) return this.#names.clear();
    for (const name of offline ?? []) this.#names.delete(name);
    for (const name of online ?? []) this.#names.add(name);
  }
}
