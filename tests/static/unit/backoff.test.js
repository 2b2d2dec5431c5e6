import assert from "node:assert/strict";
import { test } from "node:test";

import { delayBefore } from "../../../chat/static/backoff.js";

const ATTEMPTS = [0, 1, 2, 3, 4, 5, 6, 50];
const STEPS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];

function delays(random) {
  return ATTEMPTS.map((attempt) => delayBefore(attempt, () => random));
}

test("the wait doubles up to half a minute", () => {
  assert.deepEqual(delays(1), STEPS);
});

test("the shortest wait is half of the longest", () => {
  assert.deepEqual(
    delays(0),
    STEPS.map((step) => step / 2),
  );
});

test("two waits differ without being asked to", () => {
  const seen = new Set(Array.from({ length: 100 }, () => delayBefore(3)));
  assert.ok(seen.size > 50);
});
