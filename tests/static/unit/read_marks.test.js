import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { ReadMarks } from "../../../chat/static/read_marks.js";

let sent;
let isOpen;
let marks;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  sent = [];
  isOpen = true;
  marks = new ReadMarks((frame) => isOpen && sent.push([frame.type, frame.room, frame.cursor]) > 0);
});

test("of what is read in quick succession only the last is told, once", () => {
  marks.tell("lobby", 5);
  marks.tell("lobby", 7);
  marks.tell("lobby", 6);
  marks.tell("attic", 3);
  assert.deepEqual(sent, []);
  mock.timers.tick(300);
  mock.timers.tick(300);
  assert.deepEqual(sent, [["read", "lobby", 7], ["read", "attic", 3]]);
});

test("what is read while there is no connection is told on the next one", () => {
  isOpen = false;
  marks.tell("lobby", 5);
  mock.timers.tick(300);
  isOpen = true;
  marks.flush();
  assert.deepEqual(sent, [["read", "lobby", 5]]);
});

test("what went out on a connection that was lost is told again", () => {
  marks.tell("lobby", 5);
  marks.flush();
  marks.tell("lobby", 4);
  marks.connectionLost();
  marks.flush();
  marks.flush();
  assert.deepEqual(sent, [["read", "lobby", 5], ["read", "lobby", 5]]);
});

test("of a room that was left nothing is told", () => {
  marks.tell("lobby", 5);
  marks.flush();
  marks.tell("lobby", 6);
  marks.forget("lobby");
  marks.connectionLost();
  mock.timers.tick(300);
  assert.deepEqual(sent, [["read", "lobby", 5]]);
});

test("the next person tells nothing of the one before", () => {
  marks.tell("lobby", 5);
  marks.flush();
  marks.tell("lobby", 6);
  marks.clear();
  marks.connectionLost();
  mock.timers.tick(300);
  marks.flush();
  assert.deepEqual(sent, [["read", "lobby", 5]]);
});
