import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { MessageWindow } from "../../../chat/static/message_window.js";

const MOST = 5;

let shown;

beforeEach(() => {
  shown = new MessageWindow(MOST);
});

const page = (...ids) => ids.map((id) => ({ id }));
const ids = () => shown.messages.map(({ id }) => id);
const ends = () => [shown.hasOlder, shown.hasNewer];

test("nothing is there before the first page", () => {
  assert.equal(shown.add({ id: 9 }, true), false);
  assert.deepEqual(ids(), []);
  shown.show([], false);
  assert.equal(shown.add({ id: 9 }, true), true);
  assert.deepEqual(ids(), [9]);
});

test("each message is there once and in order, however it comes", () => {
  shown.show(page(4, 5), true);
  for (const message of page(8, 5, 7, 8)) shown.add(message, true);
  assert.deepEqual(ids(), [4, 5, 7, 8]);
});

test("what lies before the oldest waits to be asked for, as it would leave a gap", () => {
  shown.show(page(4, 5), true);
  assert.equal(shown.add({ id: 3 }, true), false);
  assert.deepEqual(ids(), [4, 5]);
});

test("an older page that overlaps doubles nothing", () => {
  shown.show(page(4, 5), true);
  shown.showOlder(page(2, 3, 4), false, 4);
  assert.deepEqual(ids(), [2, 3, 4, 5]);
  assert.deepEqual(ends(), [false, false]);
});

test("an older page that no longer joins the oldest message is left out", () => {
  shown.show(page(4, 5, 6, 7, 8), true);
  shown.add({ id: 9 }, true);
  shown.showOlder(page(1, 2, 3), false, 4);
  assert.deepEqual(ids(), [5, 6, 7, 8, 9]);
  assert.deepEqual(ends(), [true, false]);
});

test("at the end of the room the oldest make place for what arrives", () => {
  shown.show(page(1, 2, 3, 4, 5), false);
  assert.equal(shown.add({ id: 6 }, true), true);
  assert.deepEqual(ids(), [2, 3, 4, 5, 6]);
  assert.deepEqual(ends(), [true, false]);
});

test("who reads further up keeps what is before their eyes", () => {
  shown.show(page(1, 2, 3, 4, 5), false);
  assert.equal(shown.add({ id: 6 }, false), false);
  assert.deepEqual(ids(), [1, 2, 3, 4, 5]);
  assert.deepEqual(ends(), [false, true]);
});

test("what arrives while the newest are fetched is shown once, after them", () => {
  shown.show(page(3, 4, 5, 6, 7), true);
  shown.showOlder(page(1, 2), false, 3);
  assert.deepEqual(ids(), [1, 2, 3, 4, 5]);
  shown.expectNewer();
  shown.add({ id: 7 }, true);
  shown.showNewer(page(6, 7), false, 5);
  assert.deepEqual(ids(), [3, 4, 5, 6, 7]);
  assert.deepEqual(ends(), [true, false]);
});

test("so much arrives while newer ones are fetched that the reader would lose their place: it waits", () => {
  shown.show(page(3, 4, 5, 6, 7), true);
  shown.showOlder(page(1, 2), false, 3);
  shown.expectNewer();
  for (const message of page(7, 8, 9)) shown.add(message, true);
  shown.showNewer(page(6, 7), false, 5);
  assert.deepEqual(ids(), [3, 4, 5, 6, 7]);
  assert.deepEqual(ends(), [true, true]);
});

test("what arrives while the newest page is fetched follows it", () => {
  shown.expectNewer();
  for (const message of page(4, 5)) shown.add(message, true);
  shown.show(page(3, 4), true);
  assert.deepEqual(ids(), [3, 4, 5]);
  assert.deepEqual(ends(), [true, false]);
});

test("a page of more than fits is cut at its old end", () => {
  shown.show(page(1, 2, 3, 4, 5, 6), false);
  assert.deepEqual(ids(), [2, 3, 4, 5, 6]);
  assert.deepEqual(ends(), [true, false]);
});

/** A room, its one reader, and everything between them that takes time: at most one page, and the live messages. */
class World {
  room = [];
  #most;
  #window;
  #random;
  #answer = null;
  #undelivered = [];
  #nextId = 1;

  constructor(most, random) {
    this.#most = most;
    this.#window = new MessageWindow(most);
    this.#random = random;
    for (let old = random(4 * most); old > 0; old -= 1) this.#store();
    this.#askForNewest();
  }

  step() {
    const acts = [this.#speak, this.#speak, this.#deliver, this.#deliver, this.#repeat, this.#answerArrives, this.#fail, this.#ask];
    acts[this.#random(acts.length)].call(this);
    this.#check();
  }

  /** Everything arrives, and the reader goes to the end: there they have the newest, whatever happened before. */
  finish() {
    for (let rounds = 0; rounds < 1_000; rounds += 1) {
      while (this.#undelivered.length) this.#deliver();
      if (this.#answer) this.#answerArrives();
      else if (this.#window.hasNewer) this.#askForNewer();
      else break;
      this.#check();
    }
    assert.equal(this.#window.newestId, this.room.at(-1)?.id);
  }

  #store() {
    const message = { id: this.#nextId };
    this.#nextId += 1 + this.#random(3); // other rooms count with the same numbers
    this.room.push(message);
    return message;
  }

  #speak() {
    this.#undelivered.push(this.#store());
  }

  #deliver() {
    const message = this.#undelivered.shift();
    if (message) this.#window.add(message, this.#random(2) === 0);
  }

  #repeat() {
    const seen = this.room.length - this.#undelivered.length;
    if (seen) this.#window.add(this.room[this.#random(seen)], this.#random(2) === 0);
  }

  #fail() {
    if (this.#window.messages.length) this.#answer = null;
  }

  #answerArrives() {
    this.#answer?.();
    this.#answer = null;
  }

  #ask() {
    if (this.#random(6) === 0) this.#askForNewest();
    else if (this.#answer) return;
    else if (this.#window.hasOlder && this.#random(3)) this.#askForOlder();
    else if (this.#window.hasNewer) this.#askForNewer();
  }

  #askForNewest() {
    this.#window.expectNewer();
    const size = 1 + this.#random(this.#most);
    const found = this.room.slice(-size);
    const more = this.room.length > found.length;
    this.#answer = () => this.#window.show(found, more);
  }

  #askForOlder() {
    const before = this.#window.oldestId;
    const older = this.room.filter(({ id }) => id < before);
    const found = older.slice(-(1 + this.#random(this.#most)));
    this.#answer = () => this.#window.showOlder(found, older.length > found.length, before);
  }

  #askForNewer() {
    const after = this.#window.newestId;
    if (after === undefined) return this.#askForNewest();
    this.#window.expectNewer();
    const newer = this.room.filter(({ id }) => id > after);
    const found = newer.slice(0, 1 + this.#random(this.#most));
    this.#answer = () => this.#window.showNewer(found, newer.length > found.length, after);
  }

  #check() {
    const { messages, hasOlder, hasNewer } = this.#window;
    if (!messages.length) return;
    assert.ok(messages.length <= this.#most, "too many");
    const from = this.room.indexOf(messages[0]);
    assert.deepEqual(messages, this.room.slice(from, from + messages.length), "a stretch of the room, each once, in order");
    assert.equal(hasOlder, from > 0, "whether there is more before");
    const reached = from + messages.length;
    if (!hasNewer) assert.ok(reached >= this.room.length - this.#undelivered.length, "nothing that came is missing at the end");
  }
}

test("at any time it is one stretch of the room, and nothing is lost on the way to its end", () => {
  let seed = 11;
  const random = (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let round = 0; round < 1_000; round += 1) {
    const world = new World(1 + random(24), random);
    for (let steps = random(120); steps > 0; steps -= 1) world.step();
    world.finish();
  }
});

const gone = () => shown.messages.filter(({ deleted }) => deleted).map(({ id }) => id);

test("a deleted message keeps its place and its cursor, and loses its text", () => {
  shown.show([{ id: 4, cursor: 4, message: "hi" }, { id: 5 }], true);
  shown.delete(4);
  assert.deepEqual(shown.messages[0], { id: 4, cursor: 4, message: "", deleted: true });
  assert.deepEqual(gone(), [4]);
});

test("what is deleted elsewhere makes nothing appear", () => {
  shown.show(page(4, 5), true);
  shown.delete(3);
  shown.delete(9);
  assert.deepEqual(ids(), [4, 5]);
  assert.deepEqual(gone(), []);
});

test("a page that was on its way while one of its messages was deleted brings no text back", () => {
  shown.show(page(4, 5), true);
  shown.expectNewer();
  shown.add({ id: 6 }, true);
  for (const id of [3, 6, 7]) shown.delete(id);
  shown.showOlder(page(2, 3), false, 4);
  assert.deepEqual(gone(), [3, 6]);
  shown.show(page(2, 3, 6, 7), false);
  assert.deepEqual(gone(), [3, 6, 7]);
});

test("in another room nothing is deleted by that", () => {
  shown.show(page(4, 5), true);
  shown.delete(4);
  shown.clear();
  shown.show(page(4, 5), true);
  assert.deepEqual(gone(), []);
});
