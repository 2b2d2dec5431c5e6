import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Subscriptions } from "../../../chat/static/subscriptions.js";

let sent;
let rooms;

beforeEach(() => {
  sent = [];
  rooms = new Subscriptions((frame) => sent.push(frame));
});

const asked = () => sent.filter(({ type }) => type === "subscribe").map(({ room, after }) => [room, after]);

test("a room is live only once the server said so", () => {
  rooms.follow("lobby", 7);
  assert.equal(rooms.isLive("lobby"), false);
  assert.equal(rooms.wentLive({ room: "lobby", cursor: 9 }), true);
  assert.equal(rooms.isLive("lobby"), true);
});

test("after a lost connection each room goes on from the last thing read", () => {
  rooms.follow("lobby", 7);
  rooms.wentLive({ room: "lobby", cursor: 9 });
  rooms.read({ room: "lobby", cursor: 12 });
  rooms.connectionLost();
  assert.equal(rooms.isLive("lobby"), false);
  rooms.connectionOpened();
  assert.deepEqual(asked(), [["lobby", 7], ["lobby", 12]]);
});

test("what comes late does not move the place back", () => {
  rooms.follow("lobby", 7);
  rooms.read({ room: "lobby", cursor: 12 });
  rooms.read({ room: "lobby", cursor: 11 });
  rooms.connectionLost();
  rooms.connectionOpened();
  assert.deepEqual(asked().at(-1), ["lobby", 12]);
});

test("a server that knows less than was read has gone back in time", () => {
  rooms.follow("lobby", 12);
  assert.equal(rooms.wentLive({ room: "lobby", cursor: 3 }), false);
  assert.equal(rooms.isLive("lobby"), false);
});

test("a room is asked for once on each connection", () => {
  rooms.follow("lobby", 7);
  rooms.connectionOpened();
  rooms.skipTo("lobby", 8);
  assert.deepEqual(asked(), [["lobby", 7]]);
});

test("a room that could not be asked for is asked for on the next connection", () => {
  let isOpen = false;
  rooms = new Subscriptions((frame) => isOpen && sent.push(frame));
  rooms.follow("lobby", 7);
  isOpen = true;
  rooms.connectionOpened();
  assert.deepEqual(asked(), [["lobby", 7]]);
});

test("a room whose membership has ended is asked for no more, without a word", () => {
  rooms.follow("lobby", 7);
  rooms.forget("lobby");
  rooms.connectionLost();
  rooms.connectionOpened();
  assert.deepEqual(sent.map(({ type }) => type), ["subscribe"]);
});

test("a room that was left is asked for no more, and says so once", () => {
  rooms.follow("lobby", 7);
  rooms.leave("lobby");
  rooms.leave("lobby");
  rooms.connectionOpened();
  assert.deepEqual(sent.map(({ type }) => type), ["subscribe", "unsubscribe"]);
  assert.equal(rooms.follows("lobby"), false);
});
