import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Outbox } from "../../../chat/static/outbox.js";
import { forbiddenStorage, freshStorage } from "./fake_storage.js";

const ADA = 1;
const BOB = 2;

function outboxOf(userId) {
  const outbox = new Outbox();
  outbox.openFor(userId);
  return outbox;
}

const textsIn = (outbox, room = "lobby") => outbox.inRoom(room).map(({ text }) => text);

beforeEach(freshStorage);

test("what was typed is there again after a reload, in the order it was typed", () => {
  const before = outboxOf(ADA);
  for (const text of ["one", "two", "three"]) before.add("lobby", text);
  assert.deepEqual(textsIn(outboxOf(ADA)), ["one", "two", "three"]);
});

test("what arrived is gone, after a reload too", () => {
  const outbox = outboxOf(ADA);
  const arrived = outbox.add("lobby", "arrived");
  outbox.add("lobby", "waiting");
  assert.equal(outbox.take(arrived.clientId), arrived);
  assert.equal(outbox.take(arrived.clientId), undefined);
  assert.deepEqual(textsIn(outbox), ["waiting"]);
  assert.deepEqual(textsIn(outboxOf(ADA)), ["waiting"]);
});

test("nothing that one person left waiting is sent by another", () => {
  outboxOf(ADA).add("lobby", "ada's");
  assert.deepEqual(textsIn(outboxOf(BOB)), []);
  assert.deepEqual(textsIn(outboxOf(ADA)), ["ada's"]);
});

test("a refusal outlives a reload; whether something was sent does not", () => {
  const before = outboxOf(ADA);
  before.add("lobby", "waiting").sent = true;
  before.refuse(before.add("lobby", "bad").clientId, "No.");
  const after = outboxOf(ADA).inRoom("lobby");
  assert.deepEqual(
    after.map(({ text, refusal, sent }) => [text, refusal, sent]),
    [["waiting", "", false], ["bad", "No.", false]],
  );
});

test("what was refused waits for no room, until it is tried again", () => {
  const outbox = outboxOf(ADA);
  const { clientId } = outbox.add("tea", "bad");
  outbox.refuse(clientId, "No.");
  assert.deepEqual([...outbox.rooms()], []);
  assert.deepEqual(outbox.waitingIn("tea"), []);
  outbox.retry(clientId);
  assert.deepEqual([...outbox.rooms()], ["tea"]);
});

test("what went out on a lost connection may have to go out again", () => {
  const outbox = outboxOf(ADA);
  const entry = outbox.add("lobby", "sent");
  entry.sent = true;
  outbox.connectionLost();
  assert.equal(entry.sent, false);
});

test("two windows of one person do not write over each other", () => {
  const [one, other] = [outboxOf(ADA), outboxOf(ADA)];
  one.add("lobby", "from one", 1);
  other.add("lobby", "from the other", 2);
  one.adopt();
  assert.deepEqual(textsIn(one), ["from one", "from the other"]);
  assert.deepEqual(textsIn(outboxOf(ADA)), ["from one", "from the other"]);
});

test("what another window left waiting goes out in the order it was typed", () => {
  const [one, other] = [outboxOf(ADA), outboxOf(ADA)];
  one.add("lobby", "second", 2);
  other.add("lobby", "first", 1);
  one.adopt();
  assert.deepEqual(one.waitingIn("lobby").map(({ text }) => text), ["first", "second"]);
});

test("what another window did with an entry holds here too", () => {
  const one = outboxOf(ADA);
  const { key, clientId } = one.add("lobby", "x");
  const other = outboxOf(ADA);
  one.refuse(clientId, "No.");
  assert.equal(other.changedElsewhere(key, localStorage.getItem(key)).refusal, "No.");
  assert.deepEqual(other.waitingIn("lobby"), []);
  one.take(clientId);
  assert.equal(other.changedElsewhere(key, null).text, "x");
  assert.deepEqual(textsIn(other), []);
  assert.equal(other.changedElsewhere(key, null), undefined);
});

test("signing out throws away what waits in all windows, and nothing of others", () => {
  const one = outboxOf(ADA);
  one.add("lobby", "here");
  outboxOf(ADA).add("lobby", "there");
  outboxOf(BOB).add("lobby", "bob's");
  assert.equal(one.size, 2);
  one.clear();
  assert.equal(one.size, 0);
  assert.deepEqual(textsIn(one), []);
  assert.deepEqual(textsIn(outboxOf(ADA)), []);
  assert.deepEqual(textsIn(outboxOf(BOB)), ["bob's"]);
});

test("what is kept and makes no sense is passed over", () => {
  outboxOf(ADA).add("lobby", "sound");
  localStorage.setItem("chat.outbox.1.broken", "{");
  localStorage.setItem("chat.outbox.1.strange", '{"text": 7}');
  assert.deepEqual(textsIn(outboxOf(ADA)), ["sound"]);
});

test("a browser that forbids storage forgets, and nothing worse", () => {
  forbiddenStorage();
  const outbox = outboxOf(ADA);
  const { clientId } = outbox.add("lobby", "for now");
  assert.deepEqual(textsIn(outbox), ["for now"]);
  assert.equal(outbox.size, 1);
  assert.equal(outbox.take(clientId).text, "for now");
  assert.deepEqual(textsIn(outboxOf(ADA)), []);
});

test("what was held back is to be sent again, and is refused no more than before", () => {
  const outbox = outboxOf(ADA);
  const entry = outbox.add("lobby", "too fast");
  entry.sent = true;
  assert.equal(outbox.hold(entry.clientId), entry);
  assert.equal(entry.sent, false);
  assert.deepEqual(outbox.waitingIn("lobby"), [entry]);
  assert.equal(outbox.hold("unknown"), undefined);
});
