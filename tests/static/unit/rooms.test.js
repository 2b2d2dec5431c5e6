import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Rooms, unreadLabel } from "../../../chat/static/rooms.js";

const NOON = Date.parse("2026-11-22T12:00:00Z");
const time = (minutes) => new Date(NOON + minutes * 60_000).toISOString();

let changes;
let rooms;

const lobby = { room_name: "lobby", room_id: 1, joined: true, unread: 3, read: 30, last_message_at: time(1) };
const attic = { room_name: "attic", room_id: 2, joined: true, unread: 0, read: 38, last_message_at: time(2) };
const cellar = { room_name: "cellar", room_id: 3, joined: false, last_message_at: time(3) };
const tower = { room_name: "tower", room_id: 4, joined: false, last_message_at: null };

const says = (room, cursor, { minutes = 5, mine = false } = {}) =>
  rooms.heard({ room, cursor, timestamp: time(minutes) }, mine);

beforeEach(() => {
  changes = 0;
  rooms = new Rooms(() => (changes += 1));
  rooms.load({ rooms: [lobby, attic, cellar, tower], cursor: 40 });
});

describe("the order", () => {
  test("is that of the latest activity, then of the alphabet", () => {
    assert.deepEqual(rooms.all.map(({ name }) => name), ["cellar", "attic", "lobby", "tower"]);
    assert.deepEqual(rooms.joined.map(({ name }) => name), ["attic", "lobby"]);
  });

  test("changes with what is said, by me too", () => {
    says("lobby", 41, { mine: true });
    assert.deepEqual(rooms.joined.map(({ name }) => name), ["lobby", "attic"]);
    assert.equal(changes, 2);
  });

  test("is not set back by a listing that is older than what was heard", () => {
    says("lobby", 41);
    rooms.load({ rooms: [lobby, attic], cursor: 40 });
    assert.deepEqual(rooms.joined.map(({ name }) => name), ["lobby", "attic"]);
  });
});

describe("what is unread", () => {
  test("is what the listing counted and what came after it", () => {
    says("lobby", 41);
    says("attic", 42);
    assert.deepEqual([rooms.unreadIn("lobby"), rooms.unreadIn("attic"), rooms.unread], [4, 1, 5]);
  });

  test("is never a message of mine, one that the listing has counted, or one that comes again", () => {
    says("lobby", 41, { mine: true });
    says("lobby", 40);
    says("attic", 42);
    says("attic", 42);
    assert.deepEqual([rooms.unreadIn("lobby"), rooms.unreadIn("attic")], [3, 1]);
  });

  test("is not counted in rooms that are unknown or not joined", () => {
    says("nowhere", 41);
    says("cellar", 42);
    assert.equal(rooms.unread, 3);
  });

  test("is counted up to a hundred, and written as 99+ from there", () => {
    for (let cursor = 41; cursor < 300; cursor += 1) says("lobby", cursor);
    assert.equal(rooms.unreadIn("lobby"), 100);
    assert.deepEqual([1, 99, 100].map(unreadLabel), ["1", "99", "99+"]);
  });
});

describe("reading to the end", () => {
  test("leaves nothing unread, although the listing is newer than the newest message of the room", () => {
    assert.equal(rooms.readToEnd("lobby", 37), true);
    assert.deepEqual([rooms.unreadIn("lobby"), rooms.get("lobby").read], [0, 37]);
  });

  test("is told only when it is news", () => {
    rooms.readToEnd("lobby", 37);
    assert.equal(rooms.readToEnd("lobby", 37), false);
    assert.equal(rooms.readToEnd("attic", 38), false);
    assert.equal(rooms.readToEnd("nowhere", 1), false);
  });
});

describe("reading elsewhere", () => {
  test("takes away what lies before it", () => {
    rooms.readToEnd("lobby", 40);
    for (const cursor of [41, 42, 43]) says("lobby", cursor);
    assert.equal(rooms.readElsewhere("lobby", 42), true);
    assert.equal(rooms.unreadIn("lobby"), 1);
  });

  test("leaves a doubt where the listing may have counted messages after it", () => {
    assert.equal(rooms.readElsewhere("lobby", 37), false);
    assert.equal(rooms.readElsewhere("lobby", 40), true);
    assert.equal(rooms.unreadIn("lobby"), 0);
  });

  test("never goes back", () => {
    rooms.readElsewhere("lobby", 40);
    assert.equal(rooms.readElsewhere("lobby", 12), true);
    assert.equal(rooms.get("lobby").read, 40);
  });
});

describe("another listing", () => {
  test("keeps what came after it, and counts what it has counted once", () => {
    says("attic", 41);
    says("attic", 43);
    assert.equal(rooms.load({ rooms: [lobby, { ...attic, unread: 1 }], cursor: 41 }), true);
    assert.equal(rooms.unreadIn("attic"), 2);
  });

  test("that does not know yet what was read here brings nothing back", () => {
    rooms.readToEnd("lobby", 37);
    assert.equal(rooms.load({ rooms: [lobby], cursor: 42 }), false);
    assert.equal(rooms.unreadIn("lobby"), 0);
    assert.equal(rooms.load({ rooms: [{ ...lobby, read: 37, unread: 1 }], cursor: 43 }), true);
    assert.equal(rooms.unreadIn("lobby"), 1);
  });

  test("tells of a room that has run ahead, also while the server has yet to hear what was read here", () => {
    rooms.readToEnd("lobby", 39);
    rooms.load({ rooms: [{ ...lobby, unread: 100 }, { ...attic, unread: 99 }], cursor: 140 });
    assert.deepEqual(["lobby", "attic", "nowhere"].map((name) => rooms.hasRunAhead(name)), [true, false, false]);
  });

  test("ends what it does not name", () => {
    rooms.load({ rooms: [attic], cursor: 41 });
    assert.equal(rooms.get("lobby"), undefined);
  });
});

describe("a membership", () => {
  test("that ends takes the room and its number from the list", () => {
    assert.equal(rooms.setJoined("lobby", false), true);
    assert.deepEqual([rooms.joined.map(({ name }) => name), rooms.unread], [["attic"], 0]);
  });

  test("that begins has nothing unread from before", () => {
    says("cellar", 41);
    rooms.setJoined("cellar", true);
    assert.equal(rooms.unreadIn("cellar"), 0);
    says("cellar", 42);
    assert.equal(rooms.unreadIn("cellar"), 1);
  });

  test("in a room that no listing has named is not known", () => {
    assert.equal(rooms.setJoined("nowhere", true), false);
  });
});

test("a room that is no more is gone with its number", () => {
  const changes = [];
  const some = new Rooms(() => changes.push("change"));
  some.load({ rooms: [{ ...lobby, unread: 3 }, attic], cursor: 40 });
  some.remove("lobby");
  some.remove("lobby");
  assert.deepEqual([some.all.map(({ name }) => name), some.unread, changes.length], [["attic"], 0, 2]);
});

test("another room of the same name begins anew", () => {
  rooms.readToEnd("lobby", 39);
  const listing = { rooms: [{ ...lobby, room_id: 9, unread: 2, read: 0 }, attic], cursor: 60 };
  assert.deepEqual(rooms.replacedIn(listing), ["lobby"]);
  rooms.load(listing);
  assert.deepEqual([rooms.get("lobby").id, rooms.get("lobby").read, rooms.unreadIn("lobby")], [9, 0, 2]);
  assert.deepEqual(rooms.replacedIn(listing), []);
});
