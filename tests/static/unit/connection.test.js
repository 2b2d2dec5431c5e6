import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Connection } from "../../../chat/static/connection.js";

const SIGNED_OUT = 4401;

class FakeSocket {
  static OPEN = 1;
  static all = [];
  readyState = 0;
  sent = [];

  constructor() {
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  opens() {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }

  hears(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  closes(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

let connection;
let told;
let network;

const latest = () => FakeSocket.all.at(-1);
const opened = () => FakeSocket.all.length;
const wait = (milliseconds) => mock.timers.tick(milliseconds);

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  mock.restoreAll();
  mock.method(Math, "random", () => 1);
  FakeSocket.all = [];
  globalThis.WebSocket = FakeSocket;
  network = { onLine: true };
  Object.defineProperty(globalThis, "navigator", { value: network, configurable: true });
  told = [];
  connection = new Connection("ws://here/ws", {
    onState: ({ state }) => told.push(state),
    onOpen: () => told.push("open"),
    onLost: () => told.push("lost"),
    onFrame: (frame) => told.push(frame),
    onDoubt: () => told.push("doubt"),
  });
});

test("it says what becomes of it", () => {
  connection.connect();
  latest().opens();
  latest().hears({ type: "pong" });
  latest().closes();
  connection.disconnect();
  assert.deepEqual(told, ["connecting", "connected", "open", { type: "pong" }, "lost", "waiting", "offline"]);
});

test("each attempt that fails makes the next wait longer", () => {
  connection.connect();
  for (const step of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    latest().closes();
    assert.equal(connection.retryAt - Date.now(), step);
    const before = opened();
    wait(step - 1);
    assert.equal(opened(), before);
    wait(1);
    assert.equal(opened(), before + 1);
  }
});

test("a server that lets in and closes at once is not asked ever faster", () => {
  connection.connect();
  for (const step of [1_000, 2_000, 4_000, 8_000]) {
    latest().opens();
    wait(9_000);
    latest().closes();
    assert.equal(connection.retryAt - Date.now(), step);
    wait(step);
  }
});

test("a connection that held makes the next wait short again", () => {
  connection.connect();
  for (const step of [1_000, 2_000]) {
    latest().closes();
    wait(step);
  }
  latest().opens();
  wait(10_001);
  latest().closes();
  assert.equal(connection.retryAt - Date.now(), 1_000);
});

test("nothing goes out before it is open, while it closes, or after it", () => {
  assert.equal(connection.send({ type: "ping" }), false);
  connection.connect();
  assert.equal(connection.send({ type: "ping" }), false);
  latest().opens();
  assert.equal(connection.send({ type: "typing" }), true);
  latest().readyState = 2;
  assert.equal(connection.send({ type: "ping" }), false);
  latest().closes();
  assert.equal(connection.send({ type: "ping" }), false);
  assert.deepEqual(latest().sent, [{ type: "typing" }]);
});

test("nothing goes out to those who are told that it is lost", () => {
  let sent;
  connection = new Connection("ws://here/ws", {
    onState: () => {},
    onOpen: () => {},
    onLost: () => (sent = connection.send({ type: "ping" })),
  });
  connection.connect();
  latest().opens();
  latest().closes();
  assert.equal(sent, false);
});

test("a handshake that nobody answers is given up", () => {
  connection.connect();
  wait(10_000);
  assert.equal(connection.state, "waiting");
  assert.equal(latest().readyState, 3);
});

test("silence is answered by a question, and more silence by another connection", () => {
  connection.connect();
  latest().opens();
  wait(24_999);
  assert.deepEqual(latest().sent, []);
  wait(1);
  assert.deepEqual(latest().sent, [{ type: "ping" }]);
  wait(9_999);
  assert.equal(connection.state, "connected");
  wait(1);
  assert.equal(connection.state, "waiting");
  wait(1_000);
  assert.equal(opened(), 2);
});

test("a connection on which something is heard stays", () => {
  connection.connect();
  latest().opens();
  for (let minute = 0; minute < 10; minute += 1) {
    wait(25_000);
    wait(9_000);
    latest().hears({ type: "pong" });
  }
  assert.equal(connection.state, "connected");
  assert.equal(opened(), 1);
});

test("whoever comes back need not wait, unless the browser has no network", () => {
  connection.connect();
  latest().closes();
  network.onLine = false;
  connection.check();
  assert.equal(opened(), 1);
  network.onLine = true;
  connection.check();
  assert.equal(opened(), 2);
  wait(60_000);
  connection.check();
  latest().opens();
  const before = opened();
  wait(20_000);
  assert.equal(opened(), before);
});

test("a check asks the server whether it is there", () => {
  connection.connect();
  connection.check();
  latest().opens();
  connection.check();
  assert.deepEqual(latest().sent, [{ type: "ping" }]);
  wait(10_000);
  assert.equal(connection.state, "waiting");
});

test("whoever disconnects stays disconnected", () => {
  connection.connect();
  latest().opens();
  connection.disconnect();
  connection.check();
  wait(3_600_000);
  assert.equal(opened(), 1);
  assert.equal(connection.state, "offline");
});

test("what a socket that was given up still says does not count", () => {
  connection.connect();
  latest().opens();
  const [former] = FakeSocket.all;
  const { onmessage, onclose } = former;
  connection.disconnect();
  assert.notEqual(former.onmessage, onmessage);
  assert.notEqual(former.onclose, onclose);
});

test("a connection that is of no use is replaced after a wait that grows", () => {
  connection.renew();
  assert.equal(opened(), 0);
  connection.connect();
  for (const step of [1_000, 2_000, 4_000]) {
    latest().opens();
    connection.renew();
    assert.equal(connection.retryAt - Date.now(), step);
    wait(step);
  }
  connection.disconnect();
  connection.renew();
  assert.equal(connection.state, "offline");
});

test("the session is in doubt when a handshake fails or the server says so, not when the network breaks", () => {
  const doubts = () => told.filter((word) => word === "doubt").length;
  connection.connect();
  latest().closes();
  assert.equal(doubts(), 1);
  wait(1_000);
  latest().opens();
  latest().closes();
  assert.equal(doubts(), 1);
  wait(2_000);
  latest().opens();
  latest().closes(SIGNED_OUT);
  assert.equal(doubts(), 2);
});
