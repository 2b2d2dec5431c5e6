import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Presence } from "../../../chat/static/presence.js";

describe("who is there", () => {
  let presence;

  beforeEach(() => {
    presence = new Presence();
    presence.update({ online: ["bob", "ada"], offline: ["eve"], count: 2 });
  });

  test("is told by name, in the order of the alphabet", () => {
    assert.deepEqual(presence.names, ["ada", "bob"]);
    assert.equal(presence.count, 2);
  });

  test("changes with who comes and goes", () => {
    presence.update({ online: ["eve"], offline: ["bob"], count: 2 });
    assert.deepEqual(presence.names, ["ada", "eve"]);
  });

  test("is only a number once the room is too full for names", () => {
    presence.update({ count: 5_000 });
    assert.deepEqual(presence.names, []);
    assert.equal(presence.count, 5_000);
  });

  test("is told by name again when the room empties", () => {
    presence.update({ count: 5_000 });
    presence.update({ online: ["ada"], offline: [], count: 1 });
    assert.deepEqual(presence.names, ["ada"]);
  });

  test("is forgotten when the server tells it anew", () => {
    presence.startOver();
    assert.deepEqual([presence.names, presence.count], [[], 0]);
    presence.update({ online: ["eve"], offline: [], count: 1 });
    assert.deepEqual(presence.names, ["eve"]);
  });
});
