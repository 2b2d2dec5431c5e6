import assert from "node:assert/strict";
import { test } from "node:test";

import { shortly } from "../../../chat/static/user_agent.js";

const KNOWN = {
  "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0": "Firefox on Linux",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.0": "Edge on Windows",
  "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36": "Chrome on Android",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Safari/605.1": "Safari on Mac",
  "curl/8.5.0": "curl",
  "Python/3.12 aiohttp/3.14.4": "A Python program",
  "Something (Linux)": "A browser on Linux",
  "": "Another program",
};

for (const [userAgent, words] of Object.entries(KNOWN)) {
  test(`${userAgent || "nothing"} is ${words}`, () => assert.equal(shortly(userAgent), words));
}

test("a session of before user agents were kept has a name too", () => {
  assert.equal(shortly(null), "Another program");
});
