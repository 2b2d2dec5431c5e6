import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { addressOf, goTo, roomInAddress, takeCode } from "../../../chat/static/address.js";

const ROOMS = ["lobby", "tea & cake", "100 %", "50%25", "#1/2?", "комната", "غرفة", "🫖"];

function at(hash) {
  globalThis.location = { hash };
}

afterEach(() => {
  delete globalThis.location;
});

for (const room of ROOMS) {
  test(`a link to ${room} leads to ${room}`, () => {
    at("");
    goTo(room);
    assert.equal(location.hash, addressOf(room));
    assert.equal(roomInAddress(), room);
  });
}

test("an address without a room names none", () => {
  at("");
  assert.equal(roomInAddress(), "");
});

test("a room that someone typed without escaping it is understood", () => {
  at("#tea & cake");
  assert.equal(roomInAddress(), "tea & cake");
});

for (const hash of ["#%", "#%E0%A4", "#100%"]) {
  test(`${hash} is no name, and no error either`, () => {
    at(hash);
    assert.equal(roomInAddress(), "");
  });
}

for (const kind of ["invite", "reset"]) {
  test(`the code of a link of kind ${kind} is taken, once, and names no room`, () => {
    at(`#${kind}=a-B_9`);
    location.pathname = "/";
    globalThis.history = { replaceState: (state, title, address) => at(address.replace("/", "")) };
    assert.equal(roomInAddress(), "");
    assert.deepEqual(takeCode(), { kind, code: "a-B_9" });
    assert.equal(takeCode(), null);
    delete globalThis.history;
  });
}

test("a room that is called like a code is a room", () => {
  at(addressOf("invite=tea"));
  assert.equal(takeCode(), null);
  assert.equal(roomInAddress(), "invite=tea");
});
