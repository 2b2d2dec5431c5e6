import assert from "node:assert/strict";
import { test } from "node:test";

import { parseText } from "../../../chat/static/message_text.js";

const LONGEST = 4_000;

const kinds = (message) => parseText(message).map(({ kind, text }) => [kind, text]);
const links = (message) => parseText(message).filter(({ kind }) => kind === "link").map(({ text }) => text);

function checkThatNothingIsLost(message) {
  let place = 0;
  for (const { kind, text, length } of parseText(message)) {
    const original = message.slice(place, place + length);
    if (kind === "text" || kind === "link") assert.equal(text, original);
    if (kind === "code") assert.equal(`\`${text}\``, original);
    if (kind === "block") assert.match(original.replace(text, "\0"), /^```([a-z0-9+#-]{0,20}\n)?\0\n?```\n?$/iu);
    place += length;
  }
  assert.equal(place, message.length);
}

test("plain words stay one part, an empty message has none", () => {
  assert.deepEqual(kinds("Hello <b>you</b>\n& me"), [["text", "Hello <b>you</b>\n& me"]]);
  assert.deepEqual(kinds(""), []);
});

test("an address ends before what ends the sentence around it", () => {
  const cases = {
    "see https://a.example/b.": "https://a.example/b",
    "(https://a.example/b)": "https://a.example/b",
    "(see https://a.example/b).": "https://a.example/b",
    "https://a.example/b_(c)": "https://a.example/b_(c)",
    "https://a.example/b_(c))": "https://a.example/b_(c)",
    "[https://a.example]": "https://a.example",
    "{https://a.example}, and": "https://a.example",
    '"https://a.example"': "https://a.example",
    "'https://a.example'": "https://a.example",
    "“https://a.example”": "https://a.example",
    "«https://a.example»": "https://a.example",
    "<https://a.example>": "https://a.example",
    "（https://a.example）。": "https://a.example",
    "https://a.example?!…": "https://a.example",
    "*https://a.example*": "https://a.example",
    "https://a.example/?q=1&r=[2]#d": "https://a.example/?q=1&r=[2]#d",
    "HTTPS://A.EXAMPLE/x": "HTTPS://A.EXAMPLE/x",
    "https://пример.испытание/путь": "https://пример.испытание/путь",
    "http://[::1]:8000/": "http://[::1]:8000/",
  };
  for (const [message, address] of Object.entries(cases)) assert.deepEqual(links(message), [address], message);
});

test("only http and https are addresses", () => {
  for (const message of [
    "javascript:alert(1)", "JavaScript://a.example/%0aalert(1)", "data:text/html,x", "ftp://a.example", "file:///etc",
    "www.example.org", "https://", "http://.", "https:// a.example", "http://?", "https:///",
  ]) {
    assert.deepEqual(links(message), [], message);
  }
});

test("several addresses in a message are several links, with what is between them", () => {
  assert.deepEqual(kinds("a https://b.example, c http://d.example!"), [
    ["text", "a "], ["link", "https://b.example"], ["text", ", c "], ["link", "http://d.example"], ["text", "!"],
  ]);
});

test("back-ticks make code, in which nothing else has a meaning", () => {
  assert.deepEqual(kinds("run `make https://a.example` now"), [
    ["text", "run "], ["code", "make https://a.example"], ["text", " now"],
  ]);
});

test("a fence makes a block, without the name of the language", () => {
  assert.deepEqual(kinds("look:\n```js\nlet a = `b`;\n\n  c();\n```\ndone"), [
    ["text", "look:\n"], ["block", "let a = `b`;\n\n  c();"], ["text", "done"],
  ]);
  assert.deepEqual(kinds("```one line```"), [["block", "one line"]]);
});

test("what is not closed, or holds nothing, stays as typed", () => {
  for (const message of [
    "`", "``", "```", "a ` b", "`a\nb`", "```\nno end", "```` ````", "` `", "```\n```", "``````", "it`s",
  ]) {
    assert.deepEqual(kinds(message), [["text", message]], message);
  }
});

test("nothing is lost and nothing is doubled, whatever is typed", () => {
  const pieces = [
    "`", "``", "```", "\n", " ", "a", "js\n", "https://", "a.example", "/", "(", ")", "[", "]", ".", "’", "”", "é", "👩‍🚀",
    "\u202e", "）", "<", '"', "x".repeat(30), "$&", "\0",
  ];
  let seed = 7;
  const next = (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let round = 0; round < 5_000; round += 1) {
    checkThatNothingIsLost(Array.from({ length: next(14) }, () => pieces[next(pieces.length)]).join(""));
  }
});

test("the longest of messages is done at once, however hostile", () => {
  const hostile = [
    "`", "``", "```", "````", "```a", "```a`", "`a\n", "```\n", "``a", "https://", "https://a ", "https://a)", "http://[",
    "https://a.example/()", "`https://", "``` `` ` ", "\u0301",
  ].map((piece) => piece.repeat(Math.ceil(LONGEST / piece.length)).slice(0, LONGEST));
  for (const end of [")", ".", "）", ".)", "'", "(", "[)"]) hostile.push(`https://a${end.repeat(LONGEST)}`.slice(0, LONGEST));
  hostile.push("```" + "a`".repeat(2_000).slice(0, LONGEST - 3), "```" + "\n".repeat(LONGEST - 3), "`" + "a".repeat(LONGEST - 1));
  const begun = performance.now();
  for (const message of hostile) checkThatNothingIsLost(message);
  // Two dozen messages take some milliseconds; anything that grows with the square of the length takes seconds.
  assert.ok(performance.now() - begun < 2_000, `${performance.now() - begun} ms`);
});

test("an address ends where writing is turned around, as it would read as another one", () => {
  for (const mark of ["\u202e", "\u2067", "\u200f", "\u061c", "\u001b"]) {
    assert.deepEqual(links(`https://a.example/${mark}moc.elpmaxe.b//:sptth`), ["https://a.example/"]);
  }
});
