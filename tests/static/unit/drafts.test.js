import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Drafts } from "../../../chat/static/drafts.js";
import { forbiddenStorage, freshStorage } from "./fake_storage.js";

const ADA = 1;
const BOB = 11;

function draftsOf(userId) {
  const drafts = new Drafts();
  drafts.openFor(userId);
  return drafts;
}

beforeEach(freshStorage);

test("what was begun in a room is there again after a reload, in that room only", () => {
  draftsOf(ADA).keep("lobby", "half a sen");
  assert.equal(draftsOf(ADA).of("lobby"), "half a sen");
  assert.equal(draftsOf(ADA).of("attic"), "");
});

test("nothing is left of an empty box", () => {
  const drafts = draftsOf(ADA);
  drafts.keep("lobby", "x");
  drafts.keep("lobby", "");
  assert.deepEqual(Object.keys(localStorage), []);
});

test("nobody is shown what another person began", () => {
  draftsOf(ADA).keep("lobby", "ada's");
  assert.equal(draftsOf(BOB).of("lobby"), "");
});

test("signing out takes one's own along, and nobody else's", () => {
  draftsOf(ADA).keep("lobby", "ada's");
  draftsOf(BOB).keep("lobby", "bob's");
  draftsOf(ADA).clear();
  assert.equal(draftsOf(ADA).of("lobby"), "");
  assert.equal(draftsOf(BOB).of("lobby"), "bob's");
});

test("what is kept and makes no sense is no draft", () => {
  localStorage.setItem("chat.draft.1.lobby", "{");
  localStorage.setItem("chat.draft.1.attic", "7");
  assert.equal(draftsOf(ADA).of("lobby"), "");
  assert.equal(draftsOf(ADA).of("attic"), "");
});

test("a browser that forbids storage forgets, and nothing worse", () => {
  forbiddenStorage();
  const drafts = draftsOf(ADA);
  drafts.keep("lobby", "x");
  drafts.clear();
  assert.equal(drafts.of("lobby"), "");
});
