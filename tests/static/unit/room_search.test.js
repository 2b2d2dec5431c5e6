import assert from "node:assert/strict";
import { test } from "node:test";

import { findRooms } from "../../../chat/static/room_search.js";

const rooms = [
  { name: "steam", joined: true },
  { name: "green tea", joined: false },
  { name: "Tea time", joined: false },
  { name: "tea house", joined: true },
  { name: "tea", joined: false },
  { name: "Café", joined: false },
];

const names = (typed) => findRooms(rooms, typed).found.map(({ name }) => name);

test("the best fit is first: the name, its beginning, the beginning of a word, anywhere; joined ones before others", () => {
  assert.deepEqual(names("tea"), ["tea", "tea house", "Tea time", "green tea", "steam"]);
});

test("as long as nothing is typed there are all rooms, joined ones first, otherwise in the given order", () => {
  assert.deepEqual(names(""), ["steam", "tea house", "green tea", "Tea time", "tea", "Café"]);
});

test("what fits nothing finds nothing", () => {
  assert.deepEqual(names("coffee"), []);
});

test("capitals, accents and wide letters make no difference to a search", () => {
  assert.deepEqual(names("CAFE"), ["Café"]);
  assert.deepEqual(names("cafe\u0301"), ["Café"]);
  assert.deepEqual(names("ｃａｆé"), ["Café"]);
});

test("the beginning of a later word counts although the letters are found inside an earlier one", () => {
  const found = findRooms([{ name: "steam", joined: true }, { name: "steam tea", joined: false }], "tea").found;
  assert.deepEqual(found.map(({ name }) => name), ["steam tea", "steam"]);
});

test("a room of the very name is one whatever the capitals, but not without its accent", () => {
  const isExact = (typed) => findRooms(rooms, typed).isExact;
  assert.equal(isExact("TEA"), true);
  assert.equal(isExact("cafe\u0301"), true);
  assert.equal(isExact("cafe"), false);
  assert.equal(isExact("te"), false);
});
